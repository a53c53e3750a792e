"""Limits such as ``accuracy>=95%``, ``bram <= 50%``, ``latency<=0.1ms``: read by a grammar, never evaluated.

A limit is FIGURE, <= or >=, NUMBER, and then nothing, a unit, or % (of the board, or of all predictions).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from spikeloom.boards.board import Board
from spikeloom.golden.network import Refusal
from spikeloom.tuning import figures
from spikeloom.tuning.figures import Figure

__all__ = ["Limit", "check", "parse"]

LONGEST = 200
NUMBER, UNIT = r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,2})?", r"(?:[^\s0-9.]\S*)?"
LIMIT = re.compile(rf"\s*([A-Za-z_]+)\s*(<=|>=|<|>|==?)\s*({NUMBER})\s*({UNIT})\s*")


@dataclass(frozen=True, kw_only=True)
class Limit:
    """text: as it was given. bound: in the figure's own unit; the least if ``least``, else the most. board: nobody
    asked for it, but without it the board does not hold the design."""

    text: str
    name: str
    least: bool
    bound: float = field(hash=False)
    board: bool = False

    def excess(self, value: float) -> float:
        """By which share of the bound a value is beyond it; 0 if it is not."""
        beyond = self.bound - value if self.least else value - self.bound
        return max(0.0, beyond / max(abs(self.bound), 1e-9))


def parse(text: str, board: Board) -> Limit:
    """Read a limit; a share is one of the board's resources."""
    found = LIMIT.fullmatch(text) if len(text) <= LONGEST else None
    if not found:
        raise Refusal(f"A limit is like accuracy>=0.95, bram<=50% or latency<=100us, not {text[:LONGEST]!r}")
    name, sign, number, unit = found.groups()
    figure = figures.find(name, f"require {text.strip()!r}")
    if sign not in ("<=", ">="):
        raise Refusal(f"require {text.strip()!r}: a limit has <= or >=, not {sign}")
    bound = float(number) * _unit(figure, unit, text, board)
    if bound > figure.most:
        raise Refusal(f"require {text.strip()!r}: {figure.about} is at most {figure.most:g}")
    return Limit(text="".join(text.split()), name=name, least=sign == ">=", bound=bound)


def _unit(figure: Figure, unit: str, text: str, board: Board) -> float:
    if not unit:
        return 1
    if unit in figure.units:
        return figure.units[unit]
    of = figures.of_board(figure, board)
    if unit == "%" and of is not None:
        return of / 100
    known = [*figure.units, *(["% of the board"] if of is not None else [])]
    raise Refusal(
        f"require {text.strip()!r}: there is no unit {unit!r} of {figure.about}; "
        + (f"there are {', '.join(known)}" if known else "it has none")
    )


def check(limits: Sequence[Limit]) -> None:
    """Refuse limits that nothing can keep together."""
    for low in limits:
        for high in limits:
            if low.least and not high.least and low.name == high.name and low.bound > high.bound:
                raise Refusal(f"require: {low.text} and {high.text} contradict each other")

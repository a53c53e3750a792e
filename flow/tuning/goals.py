"""What is wanted of a design: objectives, limits, and the board's own limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from spikeloom.boards.board import Board
from spikeloom.golden.network import Refusal
from spikeloom.tuning import expressions, figures
from spikeloom.tuning.expressions import Limit

__all__ = ["Goals", "goals"]

TIMING = "clock<=fmax"


@dataclass(frozen=True, kw_only=True)
class Goals:
    """maximise, minimise: names of figures. limits: those asked for, and that the board holds the design."""

    maximise: tuple[str, ...]
    minimise: tuple[str, ...]
    limits: tuple[Limit, ...]

    @property
    def objectives(self) -> tuple[str, ...]:
        return (*self.maximise, *self.minimise)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Figures that are asked for."""
        return tuple(dict.fromkeys([*self.objectives, *(limit.name for limit in self.limits if not limit.board)]))

    def values(self, found: Mapping[str, float]) -> list[float]:
        """The objectives' figures as they are."""
        return [found[name] for name in self.objectives]

    def costs(self, found: Mapping[str, float]) -> list[float]:
        """The objectives as what is less the better it is, in a scale on which differences count."""
        scaled = [
            found[name] if figures.FIGURES[name].share else log(max(found[name], 1e-9)) for name in self.objectives
        ]
        return [-x if name in self.maximise else x for name, x in zip(self.objectives, scaled, strict=True)]

    def excesses(self, found: Mapping[str, float]) -> dict[str, float]:
        """By limit, by which share of it a design is beyond; 0 where it keeps it."""
        beyond = {limit.text: limit.excess(found[limit.name]) for limit in self.limits if limit.name in found}
        if "fmax" in found:
            beyond[TIMING] = max(0.0, found["clock"] / found["fmax"] - 1)
        return beyond

    def kept(self, found: Mapping[str, float]) -> bool:
        return not any(self.excesses(found).values())

    def unknown(self, found: Mapping[str, float]) -> list[str]:
        """Figures that are wanted and that nothing is known of."""
        return [name for name in self.wanted if name not in found]


def goals(maximise: Sequence[str], minimise: Sequence[str], require: Sequence[str], board: Board) -> Goals:
    """Read and check what a user asks for."""
    for option, names in (("maximise", maximise), ("minimise", minimise)):
        for name in names:
            figures.find(name, option)
    named = [*maximise, *minimise]
    if not named:
        raise Refusal("maximise and minimise: name at least one figure, such as --minimise latency")
    if twice := [name for name in dict.fromkeys(named) if named.count(name) > 1]:
        raise Refusal(f"maximise and minimise: {twice[0]} is named twice")
    asked = [expressions.parse(text, board) for text in require]
    own = [
        Limit(text=f"{name}<=100%", name=name, least=False, bound=most, board=True)
        for name, figure in figures.FIGURES.items()
        if (most := figures.of_board(figure, board)) is not None
    ]
    expressions.check([*asked, *own])
    return Goals(maximise=tuple(maximise), minimise=tuple(minimise), limits=(*asked, *own))

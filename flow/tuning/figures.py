"""What is known of a candidate by name: what can be an objective, or have a limit."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from spikeloom.boards.board import Board
from spikeloom.golden.network import Refusal

__all__ = ["DEPTHS", "FIGURES", "Figure", "find", "of_board", "with_unit"]

#: How a number came about: by the model, by synthesis and packing, by place and route and simulation of the Verilog.
DEPTHS = {1: "model", 2: "synthesis", 3: "build and simulation"}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """about: what it is. unit: in which it is kept and shown. units: others in which it can be given, and how many of
    ``unit`` each is. resource: of the board, so that it may also be a share of what there is. most: of its values."""

    about: str
    unit: str = ""
    units: Mapping[str, float] = field(default_factory=dict)
    resource: str = ""
    most: float = float("inf")

    @property
    def share(self) -> bool:
        """Differences between its values count; of all others it is ratios."""
        return self.most == 1


SECONDS = {"ns": 1e-3, "us": 1, "µs": 1, "ms": 1e3, "s": 1e6}
HERTZ = {"MHz": 1, "kHz": 1e-3, "Hz": 1e-6}
FIGURES = {
    "accuracy": Figure(about="share of right predictions on the data", units={"%": 0.01}, most=1),
    "agreement": Figure(about="share of the float model's predictions that stay", units={"%": 0.01}, most=1),
    "latency": Figure(about="time of an inference", unit="µs", units=SECONDS),
    "clocks": Figure(about="clocks of an inference"),
    "rate": Figure(about="inferences per second", units={"/s": 1}),
    "lut": Figure(about="logic cells", resource="lut"),
    "ff": Figure(about="flip-flops", resource="ff"),
    "bram": Figure(about="block RAMs", resource="block_ram"),
    "dsp": Figure(about="multipliers", resource="dsp"),
    "spram": Figure(about="bits of single-port memory", resource="single_port_bits"),
    "fmax": Figure(about="fastest clock", unit="MHz", units=HERTZ),
    "clock": Figure(about="clock that is asked for", unit="MHz", units=HERTZ),
    "memory": Figure(about="bits of all memories"),
}


def find(name: str, what: str) -> Figure:
    """The figure of that name, or a refusal that names the near ones."""
    if name not in FIGURES:
        near = difflib.get_close_matches(name, FIGURES, n=2)
        hint = f"is {' or '.join(near)} meant? T" if near else "t"
        raise Refusal(f"{what}: there is no figure {name!r}; {hint}here are {', '.join(FIGURES)}")
    return FIGURES[name]


def of_board(figure: Figure, board: Board) -> int | None:
    """How much of it the board has."""
    if figure.resource == "single_port_bits":
        return board.single_port_bits
    return getattr(board.resources, figure.resource) if figure.resource else None


def with_unit(name: str, value: float) -> str:
    return f"{value:.6g} {FIGURES[name].unit}".strip()

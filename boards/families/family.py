"""What a device family is to everything else: the only thing that tells families apart."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, ClassVar, Literal

from amaranth.hdl import Module, Signal

from spikeloom.boards.board import Board, Resources
from spikeloom.golden.network import Refusal

__all__ = ["Family", "Pll", "Tool", "nearest"]

TOLERANCE = 0.001
Counts = Mapping[str, tuple[tuple[str, float], ...]]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One tool: the package that it comes in, the package's command, and how it is asked whether it works."""

    name: str
    wheel: str
    command: str
    ask: str = "--version"

    @property
    def variable(self) -> str:
        """The environment variable whose path goes before all others; these are Amaranth's own names."""
        return self.name.upper().replace("-", "_")


@dataclass(frozen=True, kw_only=True)
class Pll:
    """Dividers: ``output = vco / post``; what makes the VCO's frequency is the family's own."""

    reference: int
    feedback: int
    post: int
    vco_hz: float
    output_hz: float


def nearest(found: Sequence[Pll], input_hz: int, output_hz: int, *, vco_hz: float) -> Pll:
    """Of those found, the nearest to a clock, then to the middle of the VCO. Refuses what is off by too much."""
    best = min(
        found, key=lambda p: (round(abs(p.output_hz - output_hz)), p.reference, abs(p.vco_hz - vco_hz)), default=None
    )
    if best is None or abs(best.output_hz / output_hz - 1) > TOLERANCE:
        made = f"; the nearest it can make is {best.output_hz / 1e6:.6g} MHz" if best else ""
        raise Refusal(f"The PLL cannot make {output_hz / 1e6:g} MHz from {input_hz / 1e6:g} MHz{made}")
    return best


class Family(ABC):
    """One device family: its tools, its primitives, and what the tools call them.

    flow:      ``open``: from Verilog to the bitstream by tools that are wheels. ``vendor``: the maker's own tools place
               and route; here only resources are counted.
    constraints: files of the platform that place and route needs, by their suffix.
    place_tool, pack_tool: None without such a step.
    bitstream: the suffix of it. preamble: bytes near its beginning.
    bels:      resource -> what nextpnr's report calls it, each with how many of the resource it takes.
    cells:     resource -> patterns of Yosys' cell types, each with how many of the resource it takes at least.
    block_shapes: that one block RAM can take, as (entries, bits).
    block_price, block_byte: by which Yosys chooses among them: of one, and the bits that are written together.
    lut_ram:    there is memory of a few words in LUTs.
    factors:    bits of a multiplier's: the least of the narrower and of the wider one, the least of their product, and
               the most; None: multiplications are logic.
    link_slots: how many, of how many bytes, fill one block RAM with the host link's frames.
    own_registers: of block RAMs and multipliers can be used; see :meth:`move_registers`.
    libraries: files that the synthesis reads ``here``.
    placer:    further arguments of nextpnr, where it ends with them; see :meth:`endless`.
    remarks:   what must be said wherever its figures are shown.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    flow: ClassVar[Literal["open", "vendor"]] = "open"
    constraints: ClassVar[str]
    place_tool: ClassVar[Tool | None] = None
    pack_tool: ClassVar[Tool | None] = None
    bitstream: ClassVar[str] = ""
    preamble: ClassVar[bytes] = b""
    bels: ClassVar[Counts] = {}
    cells: ClassVar[Counts]
    block_shapes: ClassVar[tuple[tuple[int, int], ...]]
    block_price: ClassVar[int] = 128
    block_byte: ClassVar[int] = 9
    lut_ram: ClassVar[bool] = True
    factors: ClassVar[tuple[int, int, int, int] | None] = (2, 2, 0, 18)
    link_slots: ClassVar[tuple[int, int]]
    own_registers: ClassVar[bool] = False
    libraries: ClassVar[Mapping[str, str]] = {}
    placer: ClassVar[tuple[str, ...]] = ()
    remarks: ClassVar[tuple[str, ...]] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        """Those of a build, in their order."""
        return ("yosys", *(tool.name for tool in (self.place_tool, self.pack_tool) if tool))

    @abstractmethod
    def synthesis(self, board: Board, top: str, here: str) -> str:
        """What Yosys does with the design it has read. ``here``: before names of the folder that gets ``top.json``."""

    @abstractmethod
    def pll(self, input_hz: int, output_hz: int) -> Pll:
        """The dividers for a clock. Raises :class:`Refusal` where the PLL cannot make it."""

    @abstractmethod
    def add_pll(self, m: Module, board: Board, pll: Pll, crystal: Any, clock: Signal, locked: Signal) -> None:
        """The PLL itself; ``crystal``: the clock's port, without a buffer."""

    def place_and_route(self, board: Board, *, seed: int, core_hz: int, constrained: bool = True) -> list[str]:
        """nextpnr's arguments; without constraints it chooses the pins itself, where it can."""
        raise Refusal(f"{board.title}: its vendor's own tools place and route")

    def pack(self, board: Board) -> list[str]:
        """The packer's arguments."""
        raise Refusal(f"{board.title}: its vendor's own tools make the bitstream")

    def move_registers(self, netlist: str, top: str, *, memories: bool) -> str:
        """The synthesised netlist with registers moved into multipliers, and into block RAMs where asked."""
        return netlist

    def endless(self, said: str) -> bool:
        """By the last that nextpnr said, it will not end with the arguments ``placer``."""
        return False

    def needs(self, counts: Mapping[str, int]) -> Resources:
        """A lower bound of what a netlist needs, from its cells by type."""

        def total(resource: str) -> int:
            return ceil(
                sum(
                    count * weight
                    for pattern, weight in self.cells[resource]
                    for cell, count in counts.items()
                    if re.fullmatch(pattern, cell)
                )
            )

        return Resources(lut=total("lut"), ff=total("ff"), block_ram=total("block_ram"), dsp=total("dsp"))

    def multipliers(self, a: int, b: int) -> float:
        """How many a multiplication of such widths takes, cut into pieces if it is too wide; the rest is logic."""
        if not self.factors:
            return 0
        narrow, wide, product, most = self.factors
        pieces = [(min(most, a - i), min(most, b - j)) for i in range(0, a, most) for j in range(0, b, most)]
        return sum(min(c, d) >= narrow and max(c, d) >= wide and c + d >= product for c, d in pieces)

    def placed(self, utilisation: Mapping[str, tuple[int, int]]) -> dict[str, int]:
        """What nextpnr counts of each resource, of those that it counts."""
        return {
            resource: ceil(sum(utilisation[bel][0] * weight for bel, weight in bels if bel in utilisation))
            for resource, bels in self.bels.items()
            if any(bel in utilisation for bel, _ in bels)
        }

"""The boards that a network can be built for."""

import difflib
import importlib
from dataclasses import dataclass
from typing import Any, Literal

from spikeloom.golden.network import Refusal

__all__ = ["BOARDS", "Board", "Resources", "find"]


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a device holds, or what a design needs. ``lut`` counts the family's logic cells."""

    lut: int
    ff: int
    block_ram: int
    dsp: int


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board.

    family:     ``ecp5`` or ``ice40``: which tools build for it.
    option:     the device as nextpnr's option.
    speed:      the device's speed grade, "" where the family has none. Every Fmax is for this grade.
    platform:   module and class in amaranth-boards; imported only when a build needs it.
    crystal:    the platform's clock resource, and its frequency.
    core_hz:    the accelerator's clock, made from the crystal by the device's PLL.
    lanes:      what a network gets here when nobody says otherwise.
    block_bits: bits in one block RAM.
    loader:     what openFPGALoader calls the board. usb: vendor and product of its cable, as ``lsusb`` shows them.
    loads:      what is loaded when nobody says otherwise: the device's own ``sram``, or the ``flash`` beside it.
    """

    name: str
    title: str
    family: str
    device: str
    option: str
    package: str
    speed: str
    platform: str
    crystal: str
    crystal_hz: int
    core_hz: int
    lanes: int
    resources: Resources
    block_bits: int
    loader: str
    usb: str
    loads: Literal["sram", "flash"]

    @property
    def memory_bits(self) -> int:
        return self.resources.block_ram * self.block_bits

    def new_platform(self) -> Any:
        """A fresh Amaranth platform (one serves a single build)."""
        module, name = self.platform.split(":")
        return getattr(importlib.import_module(module), name)()


BOARDS = {
    board.name: board
    for board in (
        Board(
            name="ulx3s-85f",
            title="ULX3S with LFE5U-85F",
            family="ecp5",
            device="LFE5U-85F",
            option="--85k",
            package="CABGA381",
            speed="6",
            platform="amaranth_boards.ulx3s:ULX3S_85F_Platform",
            crystal="clk25",
            crystal_hz=25_000_000,
            core_hz=100_000_000,
            lanes=16,
            resources=Resources(lut=83640, ff=83640, block_ram=208, dsp=156),
            block_bits=18432,
            loader="ulx3s",
            usb="0403:6015",
            loads="sram",
        ),
        Board(
            name="icebreaker",
            title="iCEBreaker with iCE40UP5K",
            family="ice40",
            device="iCE40UP5K",
            option="--up5k",
            package="sg48",
            speed="",
            platform="amaranth_boards.icebreaker:ICEBreakerPlatform",
            crystal="clk12",
            crystal_hz=12_000_000,
            core_hz=24_000_000,
            lanes=8,  # a row of 16 lanes is wider than its block RAM can be without waste
            resources=Resources(lut=5280, ff=5280, block_ram=30, dsp=8),
            block_bits=4096,
            # Not "icebreaker-bitsy", which is another board with another way to be loaded.
            loader="ice40_generic",
            usb="0403:6010",
            loads="flash",  # its jumpers must be moved before the cable reaches the SRAM
        ),
    )
}


def find(name: str) -> Board:
    """The board of that name. Raises :class:`Refusal` that offers the nearest names."""
    if name in BOARDS:
        return BOARDS[name]
    near = difflib.get_close_matches(str(name).lower(), BOARDS, n=3, cutoff=0.4)
    offer = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(BOARDS)}"
    raise Refusal(f"There is no board {name!r}; {offer}")

"""The smallest real design: a board's lamps, on the clock that networks get there."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import Out

from spikeloom.boards import catalogue, tools
from spikeloom.boards.board import Board
from spikeloom.boards.clock import ClockAndReset
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.implementation import Implementation
from spikeloom.boards.reports import Clock
from spikeloom.hdl.folder import new_folder

__all__ = ["REPORT", "Blink", "Blinky", "BlinkyReport", "blinky"]

FORMAT = 1
#: Not ``build.json``: there is no network here that other commands could show. ``boards.flash`` knows the name.
REPORT = "blinky.json"


class Blink(wiring.Component):
    """``o`` changes every ``half_cycles`` clocks."""

    o: Signal

    def __init__(self, half_cycles: int) -> None:
        if half_cycles < 1:
            raise ValueError(f"Half a period must be at least 1 clock, not {half_cycles}")
        self.half_cycles = half_cycles
        super().__init__({"o": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Signal(range(self.half_cycles), init=self.half_cycles - 1)
        with m.If(left == 0):
            m.d.sync += [left.eq(left.init), self.o.eq(~self.o)]
        with m.Else():
            m.d.sync += left.eq(left - 1)
        return m


class Blinky(Elaboratable):
    """All lamps blink once a second, neighbours in turn, by the very clock, PLL and reset of real designs.

    A watch shows the PLL's frequency: 60 times a minute. ``lamps`` is known once elaborated.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.lamps = 0

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain("sync")
        m.submodules.clock = ClockAndReset(self.board, self.board.core_hz)
        m.submodules.blink = blink = Blink(self.board.core_hz // 2)
        self.lamps = sum(name == "led" for name, _ in platform.resources)
        for number in range(self.lamps):
            m.submodules[f"lamp{number}"] = lamp = io.Buffer("o", platform.request("led", number, dir="-"))
            m.d.comb += lamp.o.eq((blink.o ^ (number % 2)).replicate(len(lamp.o)))
        return m


@dataclass(frozen=True, kw_only=True)
class BlinkyReport:
    """What was built; as in a network's build, without timing met the bitstream must not be trusted."""

    format: int = FORMAT
    board: str
    device: str
    lamps: int
    core_mhz: float
    bitstream: str
    sha256: str
    clocks: Mapping[str, Clock]
    timing_met: bool
    tools: Mapping[str, str]
    seconds: Mapping[str, float]


def blinky(
    board: str | Board, directory: str | Path, *, seed: int = 1, progress: Callable[[str], None] | None = None
) -> BlinkyReport:
    """Build it by the road of every network. ``directory`` receives the bitstream, the report and the tools' files."""
    board = catalogue.find(board) if isinstance(board, str) else board
    family = FAMILIES[board.family]
    versions = {name: tools.version(name) for name in family.tools}
    with new_folder(directory) as folder:
        build = folder / "build"
        build.mkdir()
        design, work = Blinky(board), Implementation(board, build, build, progress=progress)
        work.synthesise_top(design)
        placed = work.place_and_route(seed)
        bitstream = work.pack().rename(folder / f"blinky.{family.bitstream}")
        report = BlinkyReport(
            board=board.name,
            device=board.device,
            lamps=design.lamps,
            core_mhz=board.core_hz / 1e6,
            bitstream=bitstream.name,
            sha256=hashlib.sha256(bitstream.read_bytes()).hexdigest(),
            clocks=placed.clocks,
            timing_met=all(clock.met for clock in placed.clocks.values()),
            tools=versions,
            seconds=work.seconds,
        )
        (folder / REPORT).write_text(json.dumps(asdict(report), indent=1) + "\n", "utf-8")
    return report

"""Synthesis, place and route: one design in a folder, tool by tool."""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from amaranth.hdl import Elaboratable

from spikeloom.boards import tools
from spikeloom.boards.board import Board, Resources
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.reports import PlaceAndRoute, cell_counts, read_report, utilisation_in_log
from spikeloom.boards.top import Top
from spikeloom.golden.network import Refusal

__all__ = ["Implementation"]

SYNTHESIS_SECONDS, PLACE_AND_ROUTE_SECONDS, PACK_SECONDS = 1200, 3600, 300


class Implementation:
    """What the tools make of generated Verilog for one board: the core alone, or the board's whole design.

    rtl:     the folder that ``generate`` wrote, or ``build`` itself for a design that has none.
    build:   beside it, receives the tools' files and logs.
    output_registers: use the block RAMs' own; a multiplier's are always used where the family has some.
    log:     the log of the stage that runs, None before the first. seconds: per stage.
    """

    def __init__(
        self,
        board: Board,
        rtl: Path,
        build: Path,
        *,
        output_registers: bool = False,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.board = board
        self.family = FAMILIES[board.family]
        if output_registers and not self.family.own_registers:
            raise Refusal(f"{board.title}: its block RAM has no output registers; build without --output-registers")
        self.rtl = rtl
        self.build = build
        self.output_registers = output_registers
        self.progress = progress or (lambda stage: None)
        self.core_hz = board.core_hz
        self.log: str | None = None
        self.seconds: dict[str, float] = {}

    def synthesise_core(self, manifest: dict[str, Any]) -> Resources:
        """The accelerator alone, its ports as pins."""
        return self._synthesise(f"read_verilog {manifest['verilog']['file']}\n", manifest["verilog"]["top"])

    def synthesise_board(self, manifest: dict[str, Any], *, core_hz: int, baud: int) -> Resources:
        """The accelerator with clock, reset, link and lamps."""
        self.progress("prepare")
        self.core_hz = core_hz
        top = Top(
            self.board,
            manifest,
            core_hz=core_hz,
            baud=baud,
        )
        return self.synthesise_top(top, f"read_verilog {manifest['verilog']['file']}\n")

    def synthesise_project(self, manifest: dict[str, Any], top: str) -> Resources:
        """What ``boards.vivado`` wrote into the generated folder."""
        return self._synthesise(f"read_verilog {manifest['verilog']['file']} {top}.v\n", top)

    def synthesise_top(self, top: Elaboratable, reads: str = "") -> Resources:
        """A board's whole design; ``reads``: how Yosys reads the Verilog of its instances, if it has any."""
        # Only the top's netlist and the pins' constraints are taken from the platform: its own flow would ask for a
        # programmer, and for tools under their native names.
        plan = self.board.new_platform().prepare(top, "top", emit_src=False)
        for suffix in ("il", self.family.constraints):
            content = plan.files[f"top.{suffix}"]
            (self.build / f"top.{suffix}").write_bytes(content if isinstance(content, bytes) else content.encode())
        return self._synthesise(f"{reads}read_rtlil {self._file('top.il')}\n", "top")

    def place_and_route(self, seed: int) -> PlaceAndRoute:
        arguments = self._place_and_route(seed)
        assert self.family.place_tool
        run = partial(self._run, "place and route", self.family.place_tool.name, folder=self.build)
        try:
            run([*arguments, *self.family.placer], timeout=PLACE_AND_ROUTE_SECONDS, endless=self.family.endless)
        except tools.ToolEndless:  # some designs are too much for the family's placer, and not for the default one
            run(arguments, timeout=PLACE_AND_ROUTE_SECONDS)
        return read_report(self.build / "report.json")

    def packed(self, cells: Resources) -> Resources:
        """What place and route will count of a netlist, without placing it."""
        assert self.family.place_tool
        arguments = self._place_and_route(1)
        out = next(k for k, word in enumerate(arguments) if word.endswith("top.placed"))
        arguments = [*arguments[: out - 1], *arguments[out + 1 :], "--pack-only"]
        self._run("count", self.family.place_tool.name, arguments, self.build, PACK_SECONDS)
        log = (self.build / str(self.log)).read_text("utf-8", "replace")
        return Resources(**(asdict(cells) | self.family.placed(utilisation_in_log(log))))

    def copy(self, build: Path) -> "Implementation":
        """Another, that places and routes the same netlist in a folder of its own."""
        shutil.copytree(self.build, build)
        other = Implementation(self.board, self.rtl, build, progress=self.progress)
        other.core_hz, other.seconds = self.core_hz, dict(self.seconds)
        return other

    def pack(self) -> Path:
        assert self.family.pack_tool
        self._run("pack", self.family.pack_tool.name, self.family.pack(self.board), self.build, PACK_SECONDS)
        return self.build / f"top.{self.family.bitstream}"

    def used(self, cells: Resources, placed: PlaceAndRoute) -> Resources:
        """nextpnr's counts, and Yosys' for what nextpnr's report leaves out."""
        return Resources(**(asdict(cells) | self.family.placed(placed.utilisation)))

    def _place_and_route(self, seed: int) -> list[str]:
        constrained = (self.build / f"top.{self.family.constraints}").exists()
        return self.family.place_and_route(self.board, seed=seed, core_hz=self.core_hz, constrained=constrained)

    def _file(self, name: str) -> str:
        """As Yosys sees it, which runs where the memories' images are."""
        return f"../{self.build.name}/{name}"

    def _synthesise(self, reads: str, top: str) -> Resources:
        script = (
            f"{reads}{self.family.synthesis(self.board, top, self._file(''))}\n"
            f"tee -q -o {self._file('cells.json')} stat -json\n"
        )
        for name, text in {**self.family.libraries, "synthesis.ys": script}.items():
            (self.build / name).write_text(text)
        self._run("synthesise", "yosys", [self._file("synthesis.ys")], self.rtl, SYNTHESIS_SECONDS)
        if self.family.own_registers:
            netlist = self.build / "top.json"
            text = netlist.read_text("utf-8")
            netlist.write_text(self.family.move_registers(text, top, memories=self.output_registers), "utf-8")
        return self.family.needs(cell_counts(self.build / "cells.json", top))

    def _writes(self, stage: str) -> list[Path]:
        """What a stage leaves in ``build`` beside its log."""
        names = {
            "synthesise": ["top.json", "cells.json"],
            "place and route": ["top.placed", "report.json"],
            "count": [],
            "pack": [f"top.{self.family.bitstream}"],
        }
        return [self.build / name for name in names[stage]]

    def _run(
        self,
        stage: str,
        tool: str,
        arguments: list[str],
        folder: Path,
        timeout: float,
        endless: Callable[[str], bool] | None = None,
    ) -> None:
        self.progress(stage)
        self.log = f"{stage.replace(' ', '-')}.log"
        seconds = tools.run(
            tool,
            arguments,
            folder=folder,
            log=self.build / self.log,
            timeout=timeout,
            writes=self._writes(stage),
            endless=endless,
        )
        self.seconds[stage] = round(seconds, 1)

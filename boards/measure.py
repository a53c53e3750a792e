"""Area and clock of generated Verilog or of a component: the tools' figures of several placements, and no bitstream."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Literal

from amaranth.lib import wiring

from spikeloom.boards import catalogue, tools
from spikeloom.boards.alone import verilog_alone
from spikeloom.boards.board import Board, Resources
from spikeloom.boards.implementation import Implementation
from spikeloom.boards.link.uart import default_baud
from spikeloom.boards.reports import SlowPath
from spikeloom.hdl.design import load_manifest

__all__ = ["Measurement", "measure", "measure_component"]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What static timing analysis says, for the board's speed grade; nothing ran on silicon.

    fmax_mhz:   of the accelerator's clock, by nextpnr's seed. paths: the slowest of each seed.
    """

    used: Resources
    fmax_mhz: Mapping[int, float]
    paths: Mapping[int, SlowPath]
    tools: Mapping[str, str]
    seconds: float

    @property
    def median_mhz(self) -> float:
        return median(self.fmax_mhz.values())


def measure(
    directory: str | Path,
    board: str | Board,
    *,
    design: Literal["core", "board"] = "core",
    seeds: Sequence[int] = (1, 2, 3),
    output_registers: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Measurement:
    """Place and route a folder that ``generate`` wrote, once per seed.

    design: the accelerator alone with its ports as pins, or the board's whole design with clock, link and lamps.
    """
    board = catalogue.find(board) if isinstance(board, str) else board
    manifest = load_manifest(directory)
    with TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        rtl, build = folder / "rtl", folder / "build"
        shutil.copytree(directory, rtl)
        build.mkdir()
        work = Implementation(board, rtl, build, output_registers=output_registers, progress=progress)
        if design == "core":
            cells = work.synthesise_core(manifest)
        else:
            cells = work.synthesise_board(manifest, core_hz=board.core_hz, baud=default_baud(board.core_hz))
        return _placed(work, cells, seeds, folder)


def measure_component(
    component: wiring.Component,
    board: str | Board,
    *,
    seeds: Sequence[int] = (1, 2, 3),
    progress: Callable[[str], None] | None = None,
) -> Measurement:
    """Place and route a component between registers, once per seed."""
    board = catalogue.find(board) if isinstance(board, str) else board
    with TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        rtl, build = folder / "rtl", folder / "build"
        rtl.mkdir()
        build.mkdir()
        (rtl / "alone.v").write_text(verilog_alone(component, "alone"), "ascii")
        work = Implementation(board, rtl, build, progress=progress)
        cells = work.synthesise_core({"verilog": {"file": "alone.v", "top": "alone"}})
        return _placed(work, cells, seeds, folder)


def _placed(work: Implementation, cells: Resources, seeds: Sequence[int], folder: Path) -> Measurement:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        works = [work.copy(folder / f"seed{seed}") for seed in seeds]
        results = list(pool.map(Implementation.place_and_route, works, seeds))
    return Measurement(
        used=work.used(cells, results[0]),
        fmax_mhz={
            seed: min(clock.achieved_mhz for clock in placed.clocks.values())
            for seed, placed in zip(seeds, results, strict=True)
        },
        paths={
            seed: max(placed.paths, key=lambda path: path.logic_ns + path.routing_ns)
            for seed, placed in zip(seeds, results, strict=True)
        },
        tools={name: tools.version(name) for name in work.family.tools[:2]},
        seconds=round(work.seconds["synthesise"] + sum(w.seconds["place and route"] for w in works), 1),
    )

"""From a network, or its generated Verilog, to a board's bitstream and what the tools measured."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spikeloom.boards import catalogue, storage, tools, vivado
from spikeloom.boards.board import Board
from spikeloom.boards.build_report import BuildReport
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.fit import too_large
from spikeloom.boards.link.uart import baud_divider, default_baud
from spikeloom.boards.reports import utilisation_in_log
from spikeloom.boards.soc.handover import HOSTS
from spikeloom.boards.stages import KeptStages
from spikeloom.boards.vivado import ProjectReport
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import load_manifest
from spikeloom.hdl.folder import CONTENTS, free_folder, new_folder
from spikeloom.hdl.generate import generate
from spikeloom.hdl.kept import Kept

__all__ = ["BuildReport", "ProjectReport", "build", "clock_and_baud"]


def build(
    source: Network | str | Path,
    configuration: Configuration | None,
    board: str | Board,
    directory: str | Path,
    *,
    seed: int = 1,
    output_registers: bool = False,
    core_hz: int | None = None,
    baud: int | None = None,
    kept: Kept | None = None,
    again: bool = False,
    progress: Callable[[str], None] | None = None,
) -> BuildReport | ProjectReport:
    """Build a :class:`Network`, or a folder that ``generate`` wrote (then without a configuration).

    Without a configuration a network gets the board's usual one.

    ``directory`` receives the bitstream, ``build.json``, ``rtl/`` (the generated Verilog) and ``build/`` (the tools'
    files and logs), all or nothing. What fails raises :class:`Refusal`; logs then stay in ``directory`` + ".failed".
    Missed timing is no error here: see ``timing_met``. output_registers: see ``boards.own_registers``.

    kept: where stages that were carried out before are found. again: carry them out nevertheless.

    For a board of the vendor's tools, ``directory`` receives ``project.json`` and in ``rtl/`` a project for them.
    """
    board = catalogue.find(board) if isinstance(board, str) else board
    family = FAMILIES[board.family]
    core_hz, baud = clock_and_baud(board, core_hz, baud)  # refused here, before anything is made
    versions = {name: tools.version(name) for name in family.tools}
    with new_folder(directory) as folder:
        work = _Work(board, folder, output_registers, kept, again, progress)
        try:
            manifest = work.verilog(source, configuration)
            report: BuildReport | ProjectReport
            if family.flow == "vendor":
                report = work.project(manifest, core_hz=core_hz, baud=baud, versions=versions)
            else:
                report = work.bitstream(manifest, seed=seed, core_hz=core_hz, baud=baud, versions=versions)
        except Refusal as refusal:
            if work.tools.log is None:
                raise
            failed = free_folder(f"{Path(directory).absolute()}.failed")
            try:
                with new_folder(failed) as left:
                    shutil.copytree(folder, left, dirs_exist_ok=True)
            except Refusal:  # a disk that is full by now has no room for it
                raise type(refusal)(f"{refusal}\nThere was no room to keep the whole log") from None
            raise type(refusal)(f"{refusal}\nThe whole log is {failed / 'build' / work.tools.log}") from None
        name = vivado.REPORT if isinstance(report, ProjectReport) else "build.json"
        (folder / name).write_text(report.to_json() + "\n", "utf-8")
    return report


def clock_and_baud(board: Board, core_hz: int | None = None, baud: int | None = None) -> tuple[int, int]:
    """Those given, or the board's usual ones. Raises :class:`Refusal` where it cannot make them."""
    core_hz = core_hz or board.core_hz
    baud = baud or default_baud(core_hz)
    FAMILIES[board.family].pll(board.crystal_hz, core_hz)
    baud_divider(core_hz, baud)
    return core_hz, baud


class _Work:
    """The stages, in a folder of their own."""

    def __init__(
        self,
        board: Board,
        folder: Path,
        output_registers: bool,
        kept: Kept | None,
        again: bool,
        progress: Callable[[str], None] | None,
    ) -> None:
        self.board = board
        self.folder = folder
        self.rtl = folder / "rtl"
        self.build = folder / "build"
        self.build.mkdir()
        self.tools = KeptStages(
            board,
            self.rtl,
            self.build,
            kept=kept,
            again=again,
            output_registers=output_registers,
            progress=progress,
        )

    def verilog(self, source: Network | str | Path, configuration: Configuration | None) -> dict[str, Any]:
        """The generated folder as ``rtl/``; its manifest."""
        self.tools.progress("generate")
        if isinstance(source, Network):
            manifest = generate(source, configuration or self.board.configuration, self.rtl)
            (self.rtl / CONTENTS).unlink()  # it is a part of this folder now
            return manifest
        if configuration is not None:
            raise Refusal(f"{source}: this Verilog is generated already; leave out the configuration")
        manifest = load_manifest(source)
        names = [manifest["verilog"]["file"], manifest["loom"]["file"], "manifest.json", *manifest["images"]]
        self.rtl.mkdir()
        for name in names:
            shutil.copyfile(Path(source) / name, self.rtl / Path(name).name)
        return manifest

    def bitstream(
        self, manifest: dict[str, Any], *, seed: int, core_hz: int, baud: int, versions: Mapping[str, str]
    ) -> BuildReport:
        board, family = self.board, self.tools.family
        stored = storage.of_manifest(manifest)
        loaded = [(m["entries"], m["width"]) for m in manifest["map"]["memories"] if m.get("loaded")]
        single_port, available = storage.single_port_bits(loaded), board.single_port_bits
        if single_port > available:
            raise self._too_large({"single_port_bits": (single_port, available)}, manifest)
        memory_bits = sum(stored.values()) - stored.get(storage.SINGLE_PORT, 0)
        if memory_bits > board.memory_bits:
            raise self._too_large({"memory_bits": (memory_bits, board.memory_bits)}, manifest)
        cells = self.tools.synthesise_board(manifest, core_hz=core_hz, baud=baud)
        self._check_fit(asdict(cells), manifest)
        try:
            placed = self.tools.place_and_route(seed)
        except Refusal:
            log = (self.build / str(self.tools.log)).read_text("utf-8", "replace")
            self._check_fit(family.placed(utilisation_in_log(log)), manifest)
            raise
        name = f"spikeloom.{family.bitstream}"
        self.tools.pack().rename(self.folder / name)
        return BuildReport(
            board=board.name,
            device=board.device,
            speed=board.speed,
            seed=seed,
            output_registers=self.tools.output_registers,
            core_mhz=core_hz / 1e6,
            baud=baud,
            bitstream=name,
            sha256=hashlib.sha256((self.folder / name).read_bytes()).hexdigest(),
            network=manifest["network"],
            verilog_sha256=manifest["verilog"]["sha256"],
            configuration=manifest["configuration"],
            used=self.tools.used(cells, placed),
            available=board.resources,
            clocks=placed.clocks,
            timing_met=all(clock.met for clock in placed.clocks.values()),
            paths=placed.paths,
            tools=versions,
            stored=stored,
            memory_map=_memory_map(manifest),
            remarks=family.remarks,
            seconds=self.tools.seconds,
            cached=tuple(self.tools.cached),
        )

    def project(
        self, manifest: dict[str, Any], *, core_hz: int, baud: int, versions: Mapping[str, str]
    ) -> ProjectReport:
        board = self.board
        self.tools.progress("write the project")
        vivado.write_project(self.rtl, manifest, board, core_hz=core_hz, baud=baud)
        top = "top" if board.transport == "uart" else HOSTS[board.transport].top
        used = self.tools.synthesise_project(manifest, top)
        self._check_fit(asdict(used), manifest)
        return ProjectReport(
            board=board.name,
            device=board.device,
            core_mhz=core_hz / 1e6,
            network=manifest["network"],
            verilog_sha256=manifest["verilog"]["sha256"],
            configuration=manifest["configuration"],
            run=f"vivado -mode batch -source {vivado.BUILD}",
            used=used,
            available=board.resources,
            remarks=self.tools.family.remarks,
            tools=versions,
            seconds=self.tools.seconds,
        )

    def _check_fit(self, needs: Mapping[str, int], manifest: dict[str, Any]) -> None:
        available = asdict(self.board.resources)
        over = {r: (count, available[r]) for r, count in needs.items() if count > available[r]}
        if over:
            raise self._too_large(over, manifest)

    def _too_large(self, over: Mapping[str, tuple[int, int]], manifest: dict[str, Any]) -> Refusal:
        network = Network.load(self.rtl / manifest["loom"]["file"])
        return too_large(network, Configuration.create(**manifest["configuration"]), self.board, over)


def _memory_map(manifest: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    return {
        memory["name"]: {name: memory[name] for name in ("base", "stride", "entries", "width")}
        for memory in manifest["map"]["memories"]
    }

"""From a network, or its generated Verilog, to a board's bitstream and what the tools measured."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from spikeloom.boards import catalogue, storage, tools, vivado
from spikeloom.boards.board import Board, Resources
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.fit import check_single_port, too_large
from spikeloom.boards.implementation import Implementation
from spikeloom.boards.link.uart import baud_divider, default_baud
from spikeloom.boards.reports import Clock, SlowPath, utilisation_in_log
from spikeloom.boards.soc.handover import HOSTS
from spikeloom.boards.vivado import ProjectReport
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import load_manifest
from spikeloom.hdl.folder import free_folder, new_folder
from spikeloom.hdl.generate import generate

__all__ = ["BuildReport", "ProjectReport", "build"]

FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What was built, and the tools' own figures of the complete board design, UART link included.

    core_mhz:   the clock that the board's PLL makes for the accelerator.
    clocks:     clock -> what static timing analysis allows, and what is asked. For the board's speed grade.
    output_registers: those of the block RAMs are used.
    timing_met: every clock reaches what is asked of it. If not, the bitstream must not be trusted.
    paths:      the slowest path of each clock.
    stored:     logical bits of the memories by kind; ``used.block_ram`` is what they take.
    remarks:    what must be said wherever these figures are shown.
    """

    format: int = FORMAT
    board: str
    device: str
    speed: str
    seed: int
    output_registers: bool
    core_mhz: float
    baud: int
    bitstream: str
    sha256: str
    network: str
    verilog_sha256: str
    configuration: Mapping[str, Any]
    used: Resources
    available: Resources
    clocks: Mapping[str, Clock]
    timing_met: bool
    paths: tuple[SlowPath, ...]
    tools: Mapping[str, str]
    seconds: Mapping[str, float]
    clocks_per_inference: float | None = None
    stored: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def fmax_mhz(self) -> float:
        """Of the accelerator's clock, the slowest if the tools name several."""
        return min((clock.achieved_mhz for clock in self.clocks.values()), default=0.0)

    @property
    def latency_us(self) -> float | None:
        """Of one inference at the core's clock, if its clocks are known."""
        return self.clocks_per_inference / self.core_mhz if self.clocks_per_inference else None

    @property
    def inferences_per_second(self) -> float | None:
        return 1e6 / self.latency_us if self.latency_us else None

    def with_clocks(self, clocks_per_inference: float) -> "BuildReport":
        return replace(self, clocks_per_inference=clocks_per_inference)

    def to_json(self) -> str:
        derived = {
            "fmax_mhz": self.fmax_mhz,
            "latency_us": self.latency_us,
            "inferences_per_second": self.inferences_per_second,
        }
        return json.dumps({**asdict(self), **derived}, indent=1)


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
    progress: Callable[[str], None] | None = None,
) -> BuildReport | ProjectReport:
    """Build a :class:`Network`, or a folder that ``generate`` wrote (then without a configuration).

    Without a configuration a network gets the board's usual one.

    ``directory`` receives the bitstream, ``build.json``, ``rtl/`` (the generated Verilog) and ``build/`` (the tools'
    files and logs), all or nothing. What fails raises :class:`Refusal`; logs then stay in ``directory`` + ".failed".
    Missed timing is no error here: see ``timing_met``. output_registers: see ``boards.own_registers``.

    For a board of the vendor's tools, ``directory`` receives ``project.json`` and in ``rtl/`` a project for them.
    """
    board = catalogue.find(board) if isinstance(board, str) else board
    family = FAMILIES[board.family]
    core_hz = core_hz or board.core_hz
    baud = baud or default_baud(core_hz)
    family.pll(board.crystal_hz, core_hz)  # refused here, before anything is made
    baud_divider(core_hz, baud)
    versions = {name: tools.version(name) for name in family.tools}
    with new_folder(directory) as folder:
        work = _Work(board, folder, output_registers, progress)
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
            with new_folder(failed) as kept:
                shutil.copytree(folder, kept, dirs_exist_ok=True)
            raise type(refusal)(f"{refusal}\nThe whole log is {failed / 'build' / work.tools.log}") from None
        name = vivado.REPORT if isinstance(report, ProjectReport) else "build.json"
        (folder / name).write_text(report.to_json() + "\n", "utf-8")
    return report


class _Work:
    """The stages, in a folder of their own."""

    def __init__(
        self, board: Board, folder: Path, output_registers: bool, progress: Callable[[str], None] | None
    ) -> None:
        self.board = board
        self.folder = folder
        self.rtl = folder / "rtl"
        self.build = folder / "build"
        self.build.mkdir()
        self.tools = Implementation(board, self.rtl, self.build, output_registers=output_registers, progress=progress)

    def verilog(self, source: Network | str | Path, configuration: Configuration | None) -> dict[str, Any]:
        """The generated folder as ``rtl/``; its manifest."""
        self.tools.progress("generate")
        if isinstance(source, Network):
            return generate(source, configuration or self.board.configuration, self.rtl)
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
        single_port = stored.get(storage.SINGLE_PORT, 0)
        check_single_port(single_port, board)
        memory_bits = sum(stored.values()) - single_port
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
            seconds=self.tools.seconds,
            stored=stored,
            remarks=family.remarks,
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

"""What figures of the hardware are made of: the Verilog of a packaged network, simulated, and placed and routed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikeloom import api, packaged
from spikeloom.api import Progress
from spikeloom.bench.cache import Cache, digest, sources
from spikeloom.boards import catalogue, measure
from spikeloom.boards.board import Board
from spikeloom.boards.link.uart import default_baud
from spikeloom.boards.top import Top
from spikeloom.golden import data as files
from spikeloom.golden import simulate
from spikeloom.golden.data import Data
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import verilog
from spikeloom.hdl.mapping import map_network
from spikeloom.show import jsonable
from spikeloom.sim.equivalence import VerifyReport
from spikeloom.sim.netlist import CELLS

__all__ = [
    "BOARD",
    "CAUSES",
    "Hardware",
    "around",
    "bernoulli",
    "events",
    "fires",
    "generated",
    "netlist",
    "network",
    "placed",
    "samples",
    "simulated",
    "tools_of",
    "written",
]

#: On which area and Fmax are measured.
BOARD = "ulx3s-85f"
#: What a core does in a clock; what else the simulation tells apart is shown together.
CAUSES = ("rows", "hand_over", "tick", "credit", "neuron_unit", "output", "scheduler")
#: Modules of ``boards`` that an area and an Fmax depend on, and a netlist.
TOOLS = (
    *("board", "families.family", "families.ecp5", "implementation"),
    *("measure", "own_registers", "reports", "tools"),
)
SYNTHESIS = ("catalogue", "board", "families", "implementation", "own_registers", "tools")


@cache
def network(name: str, weight_bits: int) -> Network:
    """A packaged network as integers."""
    source = packaged.find(name)
    return api.convert(
        source.model,
        data=source.calibration,
        knobs=source.resolved,
        weight_bits=weight_bits,
        read_out=source.read_out,
    ).network


@cache
def samples(name: str) -> Data:
    """The test data of a packaged network."""
    return files.load(packaged.find(name).test)


def bernoulli(count: int, steps: int, size: int, density: float, seed: int) -> np.ndarray:
    """Input spikes (samples, steps, neurons), each there with the probability ``density``."""
    return (np.random.default_rng(seed).random((count, steps, size)) < density).astype(np.uint8)


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """A folder of generated Verilog, as long as the block of :func:`written` lasts."""

    network: Network
    configuration: Configuration
    directory: Path
    manifest: dict[str, Any]

    @property
    def verilog_sha256(self) -> str:
        return self.manifest["verilog"]["sha256"]


@contextmanager
def generated(name: str, weight_bits: int, **configuration: Any) -> Iterator[Hardware]:
    """The Verilog of a packaged network."""
    with written(network(name, weight_bits), Configuration.create(**configuration)) as made:
        yield made


@contextmanager
def written(source: Network, chosen: Configuration) -> Iterator[Hardware]:
    """The Verilog of any network."""
    with TemporaryDirectory(prefix="spikeloom-") as folder:
        directory = Path(folder) / "rtl"
        manifest = api.generate(source, output=directory, config=chosen)
        yield Hardware(network=source, configuration=chosen, directory=directory, manifest=manifest)


def verilog_sha256(cache: Cache, name: str, weight_bits: int, **configuration: Any) -> str:
    """Hash of the Verilog that the present generator writes for a packaged network."""
    parameters = map_network(network(name, weight_bits), Configuration.create(**configuration)).parameters

    def verilog_hash() -> str:
        return sha256(verilog(parameters).encode("ascii")).hexdigest()

    return cache.remember(verilog_hash, parameters=repr(parameters), hdl=sources("spikeloom.hdl"))


def simulated(
    cache: Cache, hardware: Hardware, x: np.ndarray, *, stalls: bool = False, bulk: bool = True, progress: Progress
) -> dict[str, Any]:
    """Verilog against golden on ``x``: what was compared, and the clocks. A difference raises :class:`Refusal`.

    seconds: without the simulator's build. latency_clocks: from the first event to the first sample's end.
    shares:  of all cores' clocks, by what the lanes did. engines: what each did, the event-stationary halves too.
    """

    def simulation() -> dict[str, Any]:
        progress("build the simulator, simulate")
        report = _equal(api.verify(hardware.directory, data=x, stalls=stalls, bulk=bulk, progress=progress))
        clocks: Counter[str] = Counter()
        for name, core in report.activity.items():
            if report.engines[name].order == "neuron":
                clocks.update({cause: count for cause, count in core.items() if cause != "span"})
        seconds = report.seconds - report.build_seconds
        return {
            "samples": report.samples,
            "steps": report.steps,
            "cells": report.cells,
            "spikes": report.events,
            "states": report.states,
            "differences": report.differences,
            "clocks": report.clocks,
            "clocks_per_inference": report.clocks_per_inference,
            "clocks_per_step": round(report.clocks_per_inference / report.steps, 2),
            "latency_clocks": report.latency,
            "rows_per_clock": round(report.rows_per_clock, 4),
            "shares": {cause: round(count / max(1, clocks.total()), 4) for cause, count in clocks.items()},
            "engines": {name: asdict(engine) for name, engine in report.engines.items()},
            "seconds": round(seconds, 2),
            "clocks_per_second": round(report.clocks / seconds),
        }

    found = cache.remember(
        simulation,
        verilog=hardware.verilog_sha256,
        network=hardware.network.hash,
        x=digest(x),
        stalls=stalls,
        bulk=bulk,
        code=[sources("spikeloom.sim"), sources("spikeloom.golden")],
    )
    return {"verilog_sha256": hardware.verilog_sha256, **found}


def netlist(
    cache: Cache, hardware: Hardware, x: np.ndarray, *, family: str, output_registers: bool, progress: Progress
) -> dict[str, Any]:
    """What synthesis for a family makes of the Verilog, against golden on ``x``. A difference raises :class:`Refusal`.

    seconds: without build_seconds, which the simulator takes to build.
    """

    def simulated_netlist() -> dict[str, Any]:
        progress("synthesise, build the simulator, simulate")
        report = _equal(
            api.verify(
                hardware.directory,
                data=x,
                level="netlist",
                family=family,
                output_registers=output_registers,
                bulk=True,
                progress=progress,
            )
        )
        seconds = report.seconds - report.build_seconds
        return {
            "netlist_sha256": report.verilog,
            "samples": report.samples,
            "steps": report.steps,
            "cells": report.cells,
            "spikes": report.events,
            "states": report.states,
            "differences": report.differences,
            "clocks": report.clocks,
            "build_seconds": report.build_seconds,
            "seconds": round(seconds, 2),
            "clocks_per_second": round(report.clocks / seconds),
        }

    found = cache.remember(
        simulated_netlist,
        verilog=hardware.verilog_sha256,
        images=hardware.manifest["images"],
        network=hardware.network.hash,
        x=digest(x),
        family=family,
        output_registers=output_registers,
        models={path.name: sha256(path.read_bytes()).hexdigest() for path in CELLS.glob("*.v")},
        code=[
            *(sources(f"spikeloom.{name}") for name in ("sim", "golden", "netlist")),
            *(sources(f"spikeloom.boards.{name}") for name in SYNTHESIS),
        ],
    )
    return {"verilog_sha256": hardware.verilog_sha256, **found}


def _equal(report: VerifyReport) -> VerifyReport:
    if report.differences or report.problems:
        raise Refusal(f"{report.verdict}; {report.reproducer or 'mismatch'} shows it again")
    return report


def placed(
    cache: Cache, hardware: Hardware, *, board: str, design: str, output_registers: bool = False, progress: Progress
) -> dict[str, Any]:
    """Area and Fmax of the core alone or of a board's whole design, after place and route with three seeds."""
    seeds = (1, 2, 3)

    def measurement() -> dict[str, Any]:
        found = measure.measure(
            hardware.directory,
            board,
            design=design,
            seeds=seeds,
            output_registers=output_registers,
            progress=progress,
        )
        return {
            **asdict(found.used),
            "fmax_mhz": {str(seed): mhz for seed, mhz in found.fmax_mhz.items()},
            "median_mhz": found.median_mhz,
            "paths": jsonable(found.paths),
            "tools": dict(found.tools),
        }

    found = cache.remember(
        measurement,
        verilog=hardware.verilog_sha256,
        images=hardware.manifest["images"],
        board=repr(catalogue.find(board)),
        design=design,
        output_registers=output_registers,
        seeds=seeds,
        code=[
            *(sources(f"spikeloom.boards.{name}") for name in (*tools_of(catalogue.find(board)), "measure")),
            *([around()] if design == "board" else []),
        ],
    )
    return {**found, "around": around()} if design == "board" else found


def tools_of(board: Board) -> tuple[str, ...]:
    """Modules of ``boards`` that one of its bitstreams depends on, beside :func:`around`."""
    own = f"families.{board.family}"
    return tuple(own if name == "families.ecp5" else name for name in TOOLS if name != "measure")


@cache
def around() -> str:
    """Hash of what a board has around an accelerator: of the digits, whose own Verilog is not read here."""
    board = catalogue.find(BOARD)
    with generated("digits", 8, lanes=board.configuration.lanes) as made:
        top = Top(board, made.manifest, core_hz=board.core_hz, baud=default_baud(board.core_hz))
        return digest(board.new_platform().prepare(top, "top", emit_src=False).files["top.il"])


def fires(source: Network, x: np.ndarray) -> dict[str, np.ndarray]:
    """Which neurons of every population send an event in each step, the input's included: (samples, steps, neurons)."""
    given = simulate.check_stimulus(source.input, x)
    found = simulate.run(source, x, record="all").events
    return {name: (e != 0).reshape(*e.shape[:2], -1) for name, e in ({source.input.name: given} | dict(found)).items()}


def events(source: Network, x: np.ndarray) -> dict[str, float]:
    """Events per step and sample of every population, the input's included, as golden has them."""
    return {name: float(np.count_nonzero(e)) / (e.shape[0] * e.shape[1]) for name, e in fires(source, x).items()}

"""The figures of the boards: one network's bitstream for each that the open tools build for, and the largest network
that the smallest of them holds in its memory with a single port."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spikeloom.bench import hardware
from spikeloom.bench.cache import sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.boards import catalogue
from spikeloom.boards.build import build
from spikeloom.boards.build_report import BuildReport
from spikeloom.boards.fit import DoesNotFit, predicted
from spikeloom.boards.stages import KEPT
from spikeloom.everywhere import OPEN
from spikeloom.hdl.mapping import map_network

__all__ = ["boards", "single_port"]

SAMPLES, STEPS, SPIKES, SEED = 20, 25, 100, 1


@figure(
    *(
        {"network": "digits", "weight_bits": 8, "lanes": catalogue.find(name).configuration.lanes, "board": name}
        for name in OPEN
    )
)
def boards(bench: Bench, network: str, weight_bits: int, lanes: int, board: str) -> Iterator[dict[str, Any]]:
    """A network's bitstream for every board that the open tools build for, with the board's usual configuration and
    clock and one seed: what it takes of the board, Fmax and slowest path, the latency, and the bitstream's SHA-256."""
    device = catalogue.find(board)
    configuration = device.configuration.model_dump(exclude_defaults=True)
    with hardware.generated(network, weight_bits, **configuration) as made:
        clocks = hardware.simulated(bench.cache, made, hardware.samples(network).x, progress=bench.progress)

        def bitstream() -> dict[str, Any]:
            try:
                with TemporaryDirectory(prefix="spikeloom-") as folder:
                    report = build(
                        made.directory, None, device, Path(folder) / board, kept=KEPT, progress=bench.progress
                    )
            except DoesNotFit as refusal:
                return {"fits": False, "about": str(refusal).split("\n")[0]}
            assert isinstance(report, BuildReport)
            return {
                "fits": True,
                "used": asdict(report.used),
                "available": asdict(report.available),
                "fmax_mhz": report.fmax_mhz,
                "core_mhz": report.core_mhz,
                "timing_met": report.timing_met,
                "critical_path": report.critical_path,
                "sha256": report.sha256,
                "seed": report.seed,
                "remarks": report.remarks,
                "tools": report.tools,
            }

        code = [*(sources(f"spikeloom.boards.{name}") for name in hardware.tools_of(device)), hardware.around()]
        found = bench.cache.remember(
            bitstream,
            verilog=made.verilog_sha256,
            images=made.manifest["images"],
            board=repr(device),
            code=code,
        )
        inference = clocks["clocks_per_inference"]
        yield {
            "verilog_sha256": made.verilog_sha256,
            "around": hardware.around(),
            "configuration": configuration,
            **found,
            "modelled": predicted(map_network(made.network, made.configuration).parameters, device),
            "clocks_per_inference": inference,
            "latency_us": round(inference * 1e6 / device.core_hz, 1),
        }


@figure({"network": "mnist", "weight_bits": 4, "lanes": 16, "units": 1, "board": "upduino-v3"})
def single_port(
    bench: Bench, network: str, weight_bits: int, lanes: int, units: int, board: str
) -> Iterator[dict[str, Any]]:
    """A 784-128-10 network with 4-bit weights in single-port memory, which the host loads, on random input of about 100
    spikes in each of 25 steps: clocks and time of an inference at the board's clock, and whether its whole design
    meets that."""
    device = catalogue.find(board)
    usual = device.configuration.model_dump(exclude_defaults=True)
    with hardware.generated(network, weight_bits, **usual | {"lanes": lanes, "units": units}) as made:
        size = made.network.input.size
        x = hardware.bernoulli(SAMPLES, STEPS, size, SPIKES / size, SEED)
        clocks = hardware.simulated(bench.cache, made, x, progress=bench.progress)
        inference = clocks["clocks_per_inference"]
        yield {
            **clocks,
            "around": hardware.around(),
            "configuration": {**usual, "lanes": lanes, "units": units},
            "seed": SEED,
            "spikes_per_step": float(x.sum() / (SAMPLES * STEPS)),
            "core_mhz": device.core_hz / 1e6,
            "inference_ms": round(inference * 1000 / device.core_hz, 4),
        }
        whole = hardware.placed(bench.cache, made, board=board, design="board", progress=bench.progress)
        yield {
            "whole": whole,
            "available": asdict(device.resources),
            "met": whole["median_mhz"] * 1e6 >= device.core_hz,
        }

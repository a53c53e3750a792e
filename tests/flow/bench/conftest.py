"""The bench in an empty repository, with figures that count and tools that are faked."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from spikeloom.bench import cache, hardware, tables
from spikeloom.bench import figure as bench_figure
from spikeloom.bench.__main__ import main
from spikeloom.boards.catalogue import Resources
from spikeloom.golden.network import Refusal
from spikeloom.sim.equivalence import CAUSES, Engine

ROWS = tuple({"network": "digits", "weight_bits": 8, "lanes": lanes} for lanes in (4, 8, 16))


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """An empty repository to work in, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Nothing measured\n")
    return tmp_path


class Counting:
    """A figure of three rows whose measurements are counted; ``fails`` maps a row's number to what it raises."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.fails: dict[int, BaseException] = {}
        self.figures = {"bulk": bench_figure.Figure(name="bulk", about="Counted.", rows=ROWS, measure=self.measure)}

    def measure(self, bench, network, weight_bits, lanes):
        def counted():
            if lanes in self.fails:
                raise self.fails[lanes]
            self.made.append(lanes)
            return {"samples": 10, "cells": 1000 * lanes, "spikes": 5, "differences": 0, "verilog_sha256": "f" * 64}

        yield bench.cache.remember(counted, lanes=lanes)
        yield {"seconds": 1.0, "clocks_per_second": 3}

    def __call__(self, *words: str) -> int:
        return main(list(words), self.figures)

    def rows(self) -> list[dict]:
        return json.loads(Path("docs/results/bulk.json").read_text())["rows"]


@pytest.fixture
def counting(repository, monkeypatch) -> Counting:
    monkeypatch.setattr(tables, "present_hash", lambda cache: lambda row: "f" * 64)
    return Counting()


@pytest.fixture
def bench(repository) -> bench_figure.Bench:
    return bench_figure.Bench(cache=cache.Cache(), progress=lambda *said: None)


class Tools:
    """Verify and measure, faked."""

    def __init__(self, monkeypatch) -> None:
        self.measured, self.differences, self.fits, self.scatters = [], 0, True, False
        monkeypatch.setattr(hardware.api, "verify", self.verify)
        monkeypatch.setattr(hardware.measure, "measure", self.measure)

    def verify(self, directory, *, data, bulk, progress, **options):
        samples, steps = data.shape[:2]
        self.options = options
        return SimpleNamespace(
            differences=self.differences,
            problems=(),
            verdict="RTL differs from golden: there",
            reproducer=None,
            activity={
                "core0": {**dict.fromkeys(hardware.CAUSES, 10), "rows": 35, "step_end": 5, "span": 60},
                **({"core0.scatter": {"rows": 9000, "span": 9100}} if self.scatters else {}),
            },
            rows_per_clock=2 / 3,
            engines={
                "core0": Engine(order="neuron", clocks={"rows": 35}, rows_per_clock=0.5, operations=9, per_lane=0.1),
                **(
                    {
                        "core0.scatter": Engine(
                            order="event",
                            clocks={title: 10 for title, _ in CAUSES["event"].values()},
                            rows_per_clock=0.95,
                            operations=1234,
                            per_lane=0.25,
                        )
                    }
                    if self.scatters
                    else {}
                ),
            },
            verilog="f" * 64,
            samples=samples,
            steps=steps,
            cells=9,
            events=8,
            states=7,
            clocks=100_000,
            clocks_per_inference=float(steps * (100 + np.count_nonzero(data[0, 0]))),
            latency=5000,
            seconds=3.0,
            build_seconds=1.0,
        )

    def measure(self, directory, board, *, design, seeds, output_registers, progress):
        if not self.fits and design == "board":
            raise Refusal("The network does not fit")
        self.measured.append(design)
        return SimpleNamespace(
            used=Resources(lut=1234, ff=2, block_ram=3, dsp=4),
            fmax_mhz={1: 90.0, 2: 100.0, 3: 110.0},
            median_mhz=100.0,
            paths=(),
            tools={"yosys": "pyosys 0"},
        )


@pytest.fixture
def tools(monkeypatch) -> Tools:
    return Tools(monkeypatch)


@pytest.fixture
def measured(bench) -> Callable[..., dict]:
    """All that a figure finds of one row."""

    def measure(figure: bench_figure.Figure, **keys) -> dict:
        row = dict(keys)
        for part in figure.measure(bench, **keys):
            row |= part
        return row

    return measure

"""The generated design: three witnesses agree, and faults planted in its Verilog and its images are found."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import small
from folders import seal
from spikeloom.golden import simulate as golden
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.sim.equivalence import simulate, verify

NETWORK = small.network(sizes=(12, 21, 10), weight_bits=5)


@pytest.fixture(scope="module")
def design(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("core") / "design"
    generate(NETWORK, Configuration(lanes=4, units=2), folder)
    return folder


@pytest.fixture(scope="module")
def spikes() -> np.ndarray:
    return (np.random.default_rng(3).random((8, 12, 12)) < 0.4).astype(np.int64)


def test_three_witnesses(design, spikes):
    expected = golden.run(NETWORK, spikes[:2], record="all")
    verilated, amaranth = (simulate(design, spikes[:2], simulator=name) for name in ("verilator", "amaranth"))
    assert (verilated.clocks == amaranth.clocks).all()
    for name, events in expected.events.items():
        assert np.count_nonzero(events)
        assert (verilated.events[name] == events).all() and (amaranth.events[name] == events).all()
        for state, values in expected.final[name].items():
            assert (verilated.final[name][state] == values[-1]).all()
            assert (amaranth.final[name][state] == values[-1]).all()


def test_amaranth_runs_fewer_samples_and_says_so(design, spikes):
    report = verify(design, spikes, simulator="amaranth", stalls=True)
    assert report.ok and report.samples == 2 and "(the first 2 of 8 samples)" in report.verdict
    assert report.stalls["i_gaps"] and set(report.versions) == {"amaranth"}


@pytest.mark.parametrize("stalls", [False, True])
def test_every_sample_in_verilator(design, spikes, stalls):
    report = verify(design, spikes, stalls=stalls, seed=9)
    assert report.ok, report.verdict
    assert report.cells == 8 * 12 * (21 + 10) and report.states == 31
    assert all(0.3 < share <= 1 for share in report.fired.values())
    assert report.clocks_per_inference > 12 * 21 / 4


@pytest.mark.parametrize("cores", ["shared", "per-population"])
def test_currents_and_a_read_out_of_potentials(tmp_path, spikes, cores):
    """Its values are of 16 bits, and no projection reads them."""
    network = small.network((12, 9, 5), weight_bits=5, neurons=[small.neuron(i=10), small.neuron(potential=True)])
    generate(network, Configuration(lanes=4, units=2, cores=cores), tmp_path / "design")
    report = verify(tmp_path / "design", spikes, samples=1, simulator="amaranth", output=tmp_path / "mismatch")
    assert report.ok, report.verdict
    assert report.states == 9 * 2 + 5 and all(share > 0.3 for share in report.fired.values())


def test_every_clock_is_accounted_for(design, spikes):
    """Rows and hand-overs are as many as the events and groups say, and one simulator counts like the other."""
    reports = [verify(design, spikes, samples=2, simulator=name) for name in ("verilator", "amaranth")]
    assert reports[0].activity == reports[1].activity
    assert reports[0].stalls == reports[1].stalls
    events = golden.run(NETWORK, spikes[:2], record="all").events
    [core] = reports[0].activity.values()
    groups = {"layer1": 6, "layer2": 3}  # of four lanes
    assert core["rows"] == groups["layer1"] * spikes[:2].sum() + groups["layer2"] * events["layer1"].sum()
    assert core["hand_over"] == 2 * 12 * sum(groups.values())
    assert core["rows"] < core["span"] < sum(core.values()) - core["span"]
    assert reports[0].rows_per_clock == core["rows"] / core["span"] > 0.4
    assert sum(core.values()) - core["span"] == pytest.approx(
        reports[0].clocks_per_inference + reports[0].latency, abs=2
    )


def planted(design: Path, folder: Path, name: str, change) -> Path:
    shutil.copytree(design, folder)
    path = folder / name
    before = path.read_text()
    after = change(before)
    assert after != before
    path.write_text(after)
    seal(folder, json.loads((folder / "manifest.json").read_text()))
    return folder


@pytest.mark.parametrize("bulk", [False, True])
def test_an_operator_flipped_in_the_verilog_is_found(design, spikes, tmp_path, bulk):
    def flip(text: str) -> str:
        return re.sub(r"(= \$signed\(sums__1\)) \+ ", r"\1 - ", text, count=1)

    folder = planted(design, tmp_path / "design", "accelerator.v", flip)
    report = verify(folder, spikes, bulk=bulk, output=tmp_path / "mismatch")
    assert not report.ok and report.differences > 0
    # A wrong sum in lane 1 shows first in a neuron of lane 1.
    assert report.mismatch.population == "layer1" and report.mismatch.neuron % 4 == 1
    x = np.load(report.reproducer / "sample.npz")["x"]
    assert not verify(report.reproducer, x, output=tmp_path / "again").ok


@pytest.mark.parametrize("simulator", ["verilator", "amaranth"])
def test_a_wrong_weight_in_an_image_is_found(design, spikes, tmp_path, simulator):
    row = int(np.flatnonzero(spikes[0].any(0))[0])

    def change(text: str) -> str:
        words = text.split()
        words[row] = f"{int(words[row], 16) ^ 0b10000:x}"  # the sign of lane 0's weight
        return "\n".join(words) + "\n"

    folder = planted(design, tmp_path / "design", "core0_weights0.mem", change)
    report = verify(folder, spikes, simulator=simulator, output=tmp_path / "mismatch")
    assert not report.ok
    assert report.mismatch.population == "layer1" and report.mismatch.neuron == 0

"""The checker checked: what is right passes, each planted fault is found and named, each mismatch runs again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikeloom.golden import simulate as golden
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.design import Design
from spikeloom.sim import verilator
from spikeloom.sim.equivalence import simulate, verify
from spikeloom.sim.job import RUN, Operations, job_of, stimulus
from spikeloom.sim.session import executable

STEPS = 4


@pytest.mark.parametrize("stalls", [False, True])
def test_a_right_design_passes(echo, spikes, tmp_path, stalls):
    report = verify(echo(), spikes, stalls=stalls, seed=3, output=tmp_path / "mismatch")
    expected = golden.run(Network.load(tmp_path / "echo-none" / "network.loom"), spikes, record="all").events["out"]
    assert report.ok, report.verdict
    assert (report.samples, report.steps, report.populations) == (6, 4, {"out": 8})
    assert report.cells == expected.size == 6 * 4 * 8
    assert report.states == 8
    assert report.events == np.count_nonzero(expected) > 20
    assert report.fired["out"] == expected.any((0, 1)).mean()
    assert not (tmp_path / "mismatch").exists()
    assert f"{report.events} events of 1 populations compared, 0 differ" in report.verdict
    assert json.loads(json.dumps(report.to_dict()))["ok"]


def test_stalls_really_stall(echo, spikes):
    folder = echo()
    free = verify(folder, spikes)
    held = [verify(folder, spikes, stalls=True, seed=seed) for seed in range(5)]
    assert free.stalls["i_gaps"] == free.stalls["o_waits"] == 0 < free.stalls["i_waits"]
    assert all(report.ok and report.clocks > free.clocks for report in held)
    assert sum(report.stalls["i_gaps"] for report in held) > 100
    assert sum(report.stalls["o_waits"] for report in held) > 20
    assert held[0].clocks == verify(folder, spikes, stalls=True, seed=0).clocks
    assert len({report.clocks for report in held}) == 5


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize(
    "fault, text, cell",
    [
        ("spike", "sample 1, step 1, population 'out', neuron ", True),
        ("index", "sample 1, step 1, population 'out', neuron ", True),
        ("state", "after sample 5, population 'out', neuron 4: state 'v' is ", False),
        ("count", "population 'out', sample 1, step 1: the tick's count is not that of its events (1 such)", False),
        ("sequence", "population 'out', sample 1, step 1: the tick is out of sequence (1 such)", False),
        ("surplus", "1 surplus flits came outside the run", False),
        ("hang", "the design hangs: 17 ticks are missing and ", False),
        ("unstable", "an output flit was withdrawn or changed before it was accepted (clock ", False),
        ("busy", "an operation on the port did not end (clock ", False),
        ("port", "an operation on the port did not end (clock ", False),
        ("flood", "far more flits came than events and ticks can be (clock ", False),
    ],
)
def test_a_planted_fault_is_found(echo, spikes, tmp_path, fault, text, cell, bulk):
    report = verify(echo(fault), spikes, stalls=fault == "unstable", bulk=bulk, output=tmp_path / "mismatch")
    assert not report.ok
    assert text in report.mismatch.text
    assert report.verdict.startswith("RTL differs from golden: ")
    assert (report.mismatch.neuron is not None) == (cell or fault == "state")
    if cell:
        expected = golden.run(Network.load(tmp_path / f"echo-{fault}" / "network.loom"), spikes, record="all")
        at = report.mismatch
        assert at.expected == expected.events["out"][at.sample, at.step, at.neuron] == 1
        assert at.got == 0
    # The reproducer is a folder of its own that shows the same.
    assert report.reproducer == tmp_path / "mismatch"
    x = np.load(report.reproducer / "sample.npz")["x"]
    assert "spikeloom verify . --data sample.npz" in (report.reproducer / "README.txt").read_text()
    again = verify(report.reproducer, x, stalls=fault == "unstable", output=tmp_path / "again")
    assert not again.ok and len(x) <= len(spikes)


def test_the_hang_says_where_and_shows_the_status(echo, spikes, tmp_path):
    report = verify(echo("hang"), spikes, output=tmp_path / "mismatch")
    assert "waiting: 'out' in sample 1, step 3; status register 0x0" in report.mismatch.text
    assert report.mismatch.sample == 1


def test_the_reproducer_spares_what_is_not_one(echo, spikes, tmp_path):
    folder, output = echo("spike"), tmp_path / "mismatch"
    output.mkdir()
    (output / "thesis.txt").write_text("precious")
    assert verify(folder, spikes, output=output).reproducer == tmp_path / "mismatch-2"
    assert verify(folder, spikes, output=output).reproducer == tmp_path / "mismatch-2"
    assert (output / "thesis.txt").read_text() == "precious"


def test_nothing_exercised_is_no_success(echo, spikes):
    report = verify(echo(), np.zeros_like(spikes))
    assert report.differences == 0 and report.mismatch is None
    assert not report.ok and "Nothing was exercised" in report.verdict


def test_fewer_samples_are_said(echo, spikes):
    report = verify(echo(), spikes, samples=2)
    assert report.ok and report.samples == 2 and "(the first 2 of 6 samples)" in report.verdict
    with pytest.raises(Refusal, match=r"samples must be in 1\.\.6, not 7: that is how many x has"):
        verify(echo("spike"), spikes, samples=7)


def test_blocks_give_the_same_answer(echo, spikes, monkeypatch):
    seen = []
    folder = echo()
    whole = verify(folder, spikes)
    monkeypatch.setattr("spikeloom.sim.session.BLOCK_CELLS", 2 * STEPS * 8)
    parts = verify(folder, spikes, progress=lambda done, total: seen.append((done, total)))
    assert parts.ok and (parts.cells, parts.events) == (whole.cells, whole.events)
    assert parts.states == 3 * whole.states
    assert seen[-1] == (6, 6) and [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_simulate_answers_like_golden(echo, spikes):
    folder = echo()
    expected = golden.run(Network.load(folder / "network.loom"), spikes, record="all")
    got = simulate(folder, spikes)
    assert (got.events["out"] == expected.events["out"]).all()
    assert (got.spikes == expected.spikes).all() and (got.counts == expected.counts).all()
    assert (got.prediction == expected.prediction).all()
    assert (got.final["out"]["v"] == expected.final["out"]["v"][-1]).all()
    assert (np.diff(got.clocks) > 0).all() and len(got.clocks) == 6


def test_a_hanging_design_is_not_simulated(echo, spikes):
    with pytest.raises(RuntimeError, match="the design hangs"):
        simulate(echo("hang"), spikes)


def test_a_waveform_is_written(echo, spikes, tmp_path):
    assert verify(echo(), spikes, samples=1, waveform=tmp_path / "wave.vcd").ok
    text = (tmp_path / "wave.vcd").read_text()
    assert "dut" in text and "o__payload" in text
    with pytest.raises(Refusal, match="waveforms are written as .fst or .vcd"):
        verify(tmp_path / "echo-none", spikes, waveform=Path("wave.png"))


def test_an_unknown_simulator_is_refused(echo, spikes):
    with pytest.raises(Refusal, match="There is no simulator 'magic'; use 'verilator' or 'amaranth'"):
        verify(echo(), spikes, simulator="magic")


@pytest.mark.parametrize("sent", [8, 21])
def test_what_a_run_did_not_send_is_not_sent_by_the_next(echo, spikes, tmp_path, sent):
    """The first run ends long before its flits do; the second is the usual one."""
    design = Design(echo())
    job = job_of(design, stimulus(design, spikes), stalls=False, seed=1)
    operations = Operations()
    operations.words = list(job.operations.words)
    start = next(k for k, (kind, *_) in enumerate(operations.words) if kind == RUN)
    restart = operations.words[:start]
    operations.words[:0] = [*restart, (RUN, sent, 0)]
    for image in design.manifest["images"]:
        (tmp_path / image).symlink_to(design.directory / image)
    twice = replace(job, operations=operations, flits=np.concatenate([job.flits[:sent], job.flits]), quiet=4)
    program = executable(design, bulk=True)
    usual = verilator.run(program, job, tmp_path, bulk=True)
    answer = verilator.run(program, twice, tmp_path, bulk=True)
    cut, whole = answer.runs
    assert 0 < cut.unsent < sent and (whole.reason, whole.missing, whole.unsent) == ("done", 0, 0)
    assert (answer.flits[whole.first : whole.last] == usual.flits).all()

"""Bulk verification does what the ordinary one does, clock for clock. Planted faults run both ways in other tests."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import small
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.sim import session, verilator
from spikeloom.sim.equivalence import VerifyReport, verify
from spikeloom.sim.job import job_of, stimulus


def said(report: VerifyReport) -> dict:
    """What may not depend on who drives the clock."""
    return {k: v for k, v in vars(report).items() if k not in ("simulator", "versions", "build_seconds", "seconds")}


@pytest.mark.parametrize("stalls", [False, True])
def test_the_same_to_the_clock(tmp_path, monkeypatch, stalls):
    network = small.network(sizes=(12, 21, 10), weight_bits=5)
    generate(network, Configuration(lanes=4, units=2), tmp_path / "design")
    spikes = np.random.default_rng(3).random((8, 12, 12)) < 0.4
    monkeypatch.setattr(session, "BLOCK_CELLS", 3 * 12 * 31)  # blocks of 3, 3 and 2 samples
    ordinary, bulk = (verify(tmp_path / "design", spikes, stalls=stalls, seed=9, bulk=way) for way in (False, True))
    assert said(bulk) == said(ordinary)
    assert bulk.ok and bulk.events > 200 and (bulk.stalls["o_waits"] > 0) == stalls
    assert bulk.simulator == "verilator (bulk)" and set(bulk.versions) == {"verilator", "compiler"}


def test_progress_reaches_the_end(echo, spikes):
    seen = []
    assert verify(echo(), np.tile(spikes, (500, 1, 1, 1)), bulk=True, progress=lambda *at: seen.append(at)).ok
    assert seen == sorted(seen) and seen[-1] == (3000, 3000)


@pytest.mark.parametrize("options", [{"simulator": "amaranth"}, {"waveform": "x.vcd"}])
def test_what_bulk_cannot_do_is_refused(echo, spikes, options):
    with pytest.raises(Refusal, match="--bulk is for Verilator and writes no waveform; leave out --bulk, or "):
        verify(echo(), spikes, bulk=True, **options)


def test_a_bench_that_does_not_end_is_ended(echo, spikes, tmp_path):
    design = Design(echo())
    executable = verilator.build(design.verilog, {"WIDTH": 12, "ADDRESS_BITS": 8}, bulk=True)
    job = replace(job_of(design, stimulus(design, spikes), stalls=False, seed=0), patience=0)
    with pytest.raises(RuntimeError, match="The simulation ended without a result"):
        verilator.run(executable, job, tmp_path, bulk=True)


def test_an_interrupt_ends_it_and_leaves_nothing(echo, spikes, tmp_path):
    """As a terminal does it: the signal goes to every process."""
    verify(echo(), spikes, bulk=True)  # builds
    # A shell's background jobs start with the signal ignored, and so would this.
    program = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from spikeloom.sim.equivalence import verify
x = np.tile(np.load("spikes.npy"), (40000, 1, 1, 1))
verify("echo-none", x, bulk=True, progress=lambda *at: print(at, flush=True))
"""
    np.save(tmp_path / "spikes.npy", spikes)
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert not list((tmp_path / "temporary").iterdir()) and not (tmp_path / "mismatch").exists()

"""A network's netlist for iCE40 and Gowin, through the command line; that for ECP5 is in tests/boards."""

import functools
from contextlib import nullcontext

import numpy as np
import pytest

import small
from spikeloom import api, show

#: More than 17 bits of state, so that the decay takes two multipliers.
NEURON = small.neuron(bits=20, guard=6, keep=231, threshold=1500, subtract=1500)


@pytest.mark.parametrize("family", ["ice40", "gowin"])
def test_the_netlist_does_what_golden_says(quick_compiler, run, monkeypatch, family):
    small.network(sizes=(40, 9), weight_bits=4, neurons=[NEURON]).save("net.loom")
    np.savez("x.npz", x=(np.random.default_rng(3).random((3, 10, 40)) < 0.2).astype(np.int64))
    (run.folder / "c.yaml").write_text("{lanes: 2, units: 1}")
    words = ("--data", "x.npz", "--config", "c.yaml", "--level", "netlist", "--family", family, "--bulk", "--stalls")
    # One simulation, said in both ways.
    monkeypatch.setattr(api, "verify", functools.cache(api.verify))
    monkeypatch.setattr(show, "progress", lambda name: nullcontext())
    report = run.json("verify", "net.loom", *words)
    assert (report["ok"], report["level"], report["family"]) == (True, "netlist", family)
    assert report["cells"] == 3 * 10 * 9 and report["states"] == 9 and report["fired"]["layer1"] > 0.2
    assert report["versions"].keys() == {"verilator", "compiler", "yosys"}
    text = run("verify", "net.loom", *words).stdout
    assert f"3 of 3 samples of 10 steps, the {family} netlist simulated in verilator (bulk)" in text
    assert f"events of 1 populations compared in the {family} netlist, 0 differ." in text

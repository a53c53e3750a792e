"""Hardware in which the channels of a position lie side by side, against the integer model, where they do not."""

import json
from dataclasses import replace

import numpy as np
import pytest

from folders import seal
from small import network, neuron
from spikeloom.golden.network import Dense
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.flits import Numbering
from spikeloom.hdl.generate import generate
from spikeloom.sim.equivalence import verify

NUMBERED = {"in": (6, 3, 4), "layer1": (12, 3, 4), "layer2": (9, 3, 5)}


def spread(made, numbered):
    """The network whose neurons are where the numbers say, with silent ones between them."""
    populations = [replace(p, shape=(numbered[p.name].numbers,)) for p in made.populations]
    projections = []
    for j in made.projections:
        source, target = numbered[j.source], numbered[j.target]
        weights = np.zeros((source.numbers, target.numbers), int)
        rows, columns = (n.to_hardware(np.arange(n.size)) for n in (source, target))
        weights[np.ix_(rows, columns)] = j.synapses.weights
        projections.append(replace(j, synapses=Dense(weights=weights, bits=j.synapses.bits)))
    return replace(made, populations=tuple(populations), projections=tuple(projections))


@pytest.fixture
def folder(tmp_path):
    """The spread network's hardware, with the manifest of the network itself."""
    numbered = {
        name: Numbering(size=size, channels=channels, padded=padded)
        for name, (size, channels, padded) in NUMBERED.items()
    }
    made = network(tuple(n.size for n in numbered.values()), neurons=[neuron(threshold=20, subtract=20)] * 2)
    rtl = tmp_path / "rtl"
    manifest = generate(spread(made, numbered), Configuration.create(lanes=4, units=2), rtl)
    made.save(rtl / "network.loom")
    manifest["network"] = made.hash
    for source in manifest["sources"]:
        source["size"], source["channels"], source["padded"] = NUMBERED[source["name"]]
    seal(rtl, manifest)
    return rtl


@pytest.mark.parametrize("stalls", [False, True])
def test_it_equals_the_integer_model(folder, tmp_path, stalls):
    x = (np.random.default_rng(5).random((3, 6, 6)) < 0.5).astype(np.int64)
    report = verify(folder, x, bulk=True, stalls=stalls, output=tmp_path / "mismatch")
    assert report.ok, report.verdict
    assert report.populations == {"layer1": 12, "layer2": 9} and report.states == 21
    assert all(fired > 0.5 for fired in report.fired.values()) and report.events < report.cells / 2


@pytest.mark.parametrize(("name", "channels", "padded"), [("in", 2, 3), ("layer1", 4, 4), ("layer2", 3, 4)])
def test_other_numbers_than_the_hardware_has_are_noticed(folder, tmp_path, name, channels, padded):
    x = (np.random.default_rng(5).random((2, 6, 6)) < 0.5).astype(np.int64)
    manifest = json.loads((folder / "manifest.json").read_text())
    next(s for s in manifest["sources"] if s["name"] == name).update(channels=channels, padded=padded)
    seal(folder, manifest)
    assert not verify(folder, x, bulk=True, output=tmp_path / "mismatch").ok

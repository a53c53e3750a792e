"""The schedule keeps the ports of every block memory apart: what one clock reads, it does not write.

Hardware may return anything for a word that is read while it is written, and simulation would hide it.
"""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Const

from folders import seal
from ports import watch
from small import network, neuron
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.memory_map import Memories
from spikeloom.sim.equivalence import verify


@pytest.fixture
def watched(monkeypatch):
    return watch(monkeypatch)


def single_port(**options):
    return Configuration.create(lanes=4, units=2, weights="single-port", **options)


def busy_network(sizes, **options):
    return network(sizes, neurons=[neuron(bias=40)] * (len(sizes) - 1), **options)


@pytest.mark.parametrize("sizes", [(3, 1, 1), (5, 7, 3)])
@pytest.mark.parametrize(("lanes", "slots"), [(1, 1), (4, 2), (16, 1)])
def test_ports_never_meet(tmp_path, watched, sizes, lanes, slots):
    configuration = Configuration.create(lanes=lanes, slots=slots, units=min(lanes, 2))
    generate(busy_network(sizes, delay=slots - 1), configuration, tmp_path / "design")
    x = np.random.default_rng(lanes).integers(0, 2, (2, 6, sizes[0]))
    report = verify(tmp_path / "design", x, simulator="amaranth", stalls=bool(lanes % 3), output=tmp_path / "mismatch")
    assert report.ok, report.verdict
    assert {"core0_lists", "core0_state0", "core0_parameters0", "core0_weights0"} <= watched


@pytest.mark.parametrize("pipeline", ["long", "short"])
def test_a_single_port_is_written_while_nothing_is_read(tmp_path, watched, pipeline):
    generate(busy_network((5, 7, 3)), single_port(pipeline=pipeline), tmp_path / "design")
    x = np.random.default_rng(4).integers(0, 2, (2, 6, 5))
    report = verify(tmp_path / "design", x, simulator="amaranth", output=tmp_path / "mismatch")
    assert report.ok, report.verdict
    assert {"core0_weights0", "core0_state0"} <= watched


FAULTS = {
    "the host's address is not used": ("address", lambda self, read_address: read_address),
    "the host always writes": ("selected", lambda self, name: Const(name.startswith("weights"), 1)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_that_meets_a_read_at_a_single_port_is_noticed(tmp_path, watched, monkeypatch, fault):
    generate(busy_network((5, 7, 3)), single_port(), tmp_path / "design")
    monkeypatch.setattr(Memories, *FAULTS[fault])
    with pytest.raises(AssertionError, match="core0_weights0"):
        verify(tmp_path / "design", np.ones((1, 6, 5), int), simulator="amaranth", output=tmp_path / "mismatch")


@pytest.mark.parametrize(("lanes", "slots"), [(1, 1), (4, 2)])
def test_nor_those_of_sums(tmp_path, watched, lanes, slots):
    """Two populations by events, one of them with lists and delays of its own, whose sums take turns."""
    made = busy_network((6, 8, 5))
    rng = np.random.default_rng(lanes)
    first, second = made.projections
    late = replace(second.synapses, delays=rng.integers(0, 3, second.synapses.shape))
    made = replace(made, projections=(first, replace(second, synapses=late), replace(second, delay=1)))
    configuration = Configuration.create(lanes=lanes, slots=slots, units=1, order="event")
    generate(made, configuration, tmp_path / "design")
    x = rng.integers(0, 2, (2, 5, 6))
    report = verify(tmp_path / "design", x, simulator="amaranth", output=tmp_path / "mismatch")
    assert report.ok, report.verdict
    assert report.activity["core0.scatter"]["rows"] > 100
    assert watched >= {f"core0_{name}" for name in ("lists", "sums", "places", "synapses", "kernels0", "state0")}


def test_a_meeting_is_noticed(tmp_path, watched):
    """Two credits too many, and the host writes into the list that is being read."""
    folder = tmp_path / "design"
    manifest = generate(busy_network((60, 7, 3)), Configuration.create(lanes=1, slots=1), folder)
    image = folder / "host_channels.mem"
    first, *others = image.read_text().split()
    image.write_text("\n".join([f"{int(first, 16) + 4:x}", *others, ""]))
    seal(folder, manifest)
    with pytest.raises(AssertionError, match="core0_lists"):
        verify(
            folder, np.ones((1, 6, 60), int), simulator="amaranth", stalls=True, seed=3, output=tmp_path / "mismatch"
        )

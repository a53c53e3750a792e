"""The schedule keeps the ports of every block memory apart: what one clock reads, it does not write.

Hardware may return anything for a word that is read while it is written, and simulation would hide it.
"""

import numpy as np
import pytest
from amaranth.hdl import Assert

from folders import seal
from small import network, neuron
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.memory import BlockMemory
from spikeloom.sim.equivalence import verify


@pytest.fixture
def watched(monkeypatch):
    """Every block memory asserts that its ports do not meet; gives the names of those made."""
    names = set()
    elaborate = BlockMemory.elaborate

    def watch(self, platform):
        m = elaborate(self, platform)
        names.add(self.name)
        m.d.sync += Assert(~(self.write & self.read & (self.write_address == self.read_address)), self.name)
        return m

    monkeypatch.setattr(BlockMemory, "elaborate", watch)
    return names


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

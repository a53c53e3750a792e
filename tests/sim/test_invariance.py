"""However a network is split, placed and joined, and however slow its links are, it does the same."""

import numpy as np
import pytest

import small
from spikeloom.bench import hardware
from spikeloom.bench.cores import on_slow_links, scattered
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.sim.equivalence import verify
from spikeloom.sim.slow_links import slow_links

X = (np.random.default_rng(1).random((3, 5, 2, 6, 2)) < 0.4).astype(int)
CORES = {"a": [0, 1, 2], "b": [3, 0], "c": [2, 1], "out": 3}


def waits(report):
    """Clocks in which a packet waited at a link, for each that moved."""
    return sum(link["stalled"] for link in report.links.values()) / sum(link["moved"] for link in report.links.values())


def test_slow_links_change_nothing(quick_compiler, tmp_path):
    """In a mesh; the digits below are in a ring."""
    configuration = Configuration(lanes=4, cores=CORES, topology="mesh")
    generate(small.images(), configuration, tmp_path / "rtl")
    parameters = map_network(small.images(), configuration).parameters
    slow_links(tmp_path / "rtl", tmp_path / "slow", parameters, seed=1)
    quick = verify(tmp_path / "rtl", X, samples=1, simulator="amaranth", output=tmp_path / "m")
    slow = verify(tmp_path / "slow", X, bulk=True, stalls=True, output=tmp_path / "m")
    assert quick.ok and slow.ok, (quick.verdict, slow.verdict)
    assert waits(slow) > 3 * waits(quick)


@pytest.mark.parametrize("cores, topology", [(1, "crossbar"), (4, "ring")])
def test_digits_do_the_same_in_other_parts_on_other_cores(cores, topology):
    network, x = hardware.network("digits", 8), hardware.samples("digits").x[:4]
    one, other = (scattered(network, cores, 4, seed) for seed in (0, 3))
    assert one != other and max(len(there) for there in (*one.values(), *other.values())) > 1
    configurations = [Configuration.create(lanes=4, cores=there, topology=topology) for there in (one, other)]
    first, second = on_slow_links(network, x, configurations)
    assert first.events == second.events > 1000 and first.states == second.states == 2 * (128 + 10)
    assert first.clocks != second.clocks

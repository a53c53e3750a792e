"""What the host may do at the ports, and what it may not, beyond running samples (which tests/sim compares)."""

from dataclasses import replace

import numpy as np
import pytest
from host_port import ADDRESS, Host

from small import network, neuron
from spikeloom.golden.network import Dense, Network, Population, Projection
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.sim.equivalence import verify

CONFIGURATION = Configuration.create(lanes=4, units=1)


@pytest.mark.parametrize("cores", ["shared", "per-population"])
def test_when_it_is_not_busy_nothing_is_under_way(cores):
    sizes = (6, 9, 7, 5)
    net = network(sizes=sizes, neurons=[neuron(bias=40)] * 3)
    host = Host(net, Configuration.create(lanes=4, units=1, cores=cores))
    flits = []

    async def bench(host):
        rng = np.random.default_rng(5)
        for step in range(24):
            for index in np.flatnonzero(rng.random(sizes[0]) < 0.5):
                await host.send(index=int(index))
                flits.append(index)
            await host.send(tick=1, index=len(flits), sequence=step % 4)
            flits.clear()
            for _ in range(int(rng.integers(12))):  # the host looks when it likes
                await host.ctx.tick()
            while await host.read(ADDRESS["status"]) & 1:
                pass
            done = len(host.recorded)
            assert all(host.recorded.count(source) >= step + 1 for source in (1, 2, 3)), "every tick has come"
            await host.settle()
            assert len(host.recorded) == done, f"{len(host.recorded) - done} flits came after step {step}"

    host.run(bench)
    assert len(host.recorded) > 24 * 6, "neurons fired"


def by_events():
    """One population by lists with delays, the other by rows and by a list, and a loop."""
    rng = np.random.default_rng(2)
    net = network((5, 9, 6), neurons=[neuron(bias=25, threshold=40, subtract=40)] * 2)
    first, second = net.projections
    late = replace(first.synapses, delays=rng.integers(0, 3, first.synapses.shape))
    loop = Dense(weights=rng.integers(-3, 4, (6, 6)), delays=rng.integers(0, 2, (6, 6)), bits=4)
    loop = Projection(source="layer2", target="layer2", synapses=loop, delay=1)
    return replace(net, projections=(replace(first, synapses=late), second, loop))


@pytest.mark.parametrize("net", [network(), by_events()], ids=["by neurons", "by events"])
def test_every_memory_is_read_back_and_written(net):
    host = Host(net, CONFIGURATION.model_copy(update={"order": "event" if len(net.projections) > 2 else "auto"}))
    checked = []

    async def bench(host):
        assert await host.read(ADDRESS["identity"]) == 0x5350494B
        for region in host.dut.map.regions:
            image = host.images.get(region.name.replace(".", "_"))
            for entry in range(region.entries):
                base = region.base + entry * region.stride
                if image is not None:
                    words = [await host.read(base + k) for k in range(region.words)]
                    assert sum(w << 32 * k for k, w in enumerate(words)) == image[entry], (region.name, entry)
                new = [0xA5A5A5A5 ^ (entry * 77 + k) for k in range(region.words)]
                new[-1] &= (1 << region.width - 32 * (region.words - 1)) - 1
                if region.name.endswith("populations"):
                    new[0] &= ~1  # one that were valid might start
                for k, word in enumerate(new):
                    await host.write(base + k, word)
                assert [await host.read(base + k) for k in range(region.words)] == new, (region.name, entry)
                checked.append(region.name)
        assert await host.read(ADDRESS["status"]) == 0

    host.run(bench)
    assert len(set(checked)) == len(host.dut.map.regions) >= 8


@pytest.mark.parametrize("clocks", [0, 7, 20, 45, 90])
def test_a_restart_in_mid_work_leaves_nothing_behind(clocks):
    """Neither in the rings nor in the queues: a sample afterwards is what it is on a chip just switched on."""
    net, answers = by_events(), []
    x = np.random.default_rng(3).random((5, 5)) < 0.7

    async def sample(host):
        done = len(host.flits)
        for step, events in enumerate(x):
            for index in np.flatnonzero(events):
                await host.send(index=int(index))
            await host.send(tick=1, index=int(events.sum()), sequence=step % 4)
        while await host.read(ADDRESS["status"]) & 1:
            pass
        flits = host.flits[done:]
        answers.append([[flit for flit in flits if flit[0] == source] for source in (1, 2)])

    async def bench(host):
        await host.write(ADDRESS["steps"], len(x))
        await sample(host)
        for _ in range(2):
            for index in range(5):
                await host.send(index=index)
            await host.send(tick=1, index=5)
            for _ in range(clocks):
                await host.ctx.tick()
            await host.write(ADDRESS["control"], 1)
            await host.settle()
            assert await host.read(ADDRESS["status"]) == 0
            await sample(host)

    Host(net, CONFIGURATION.model_copy(update={"order": "event"})).run(bench)
    assert answers[1] == answers[0] == answers[2]
    assert sum(map(len, answers[0])) > 2 * len(x) + 8, "neurons fired"


FAULTS = {
    "a tick that counts too few": [{"index": 1}, {"tick": 1, "index": 0}],
    "a tick out of sequence": [{"tick": 1, "index": 0, "sequence": 2}],
    "an event of no neuron": [{"index": 5}],
    "an event too many": [{"index": 0}] * 6,
}


@pytest.mark.parametrize("flits", FAULTS.values(), ids=FAULTS)
def test_wrong_flits_stop_the_run_and_are_reported(flits):
    async def bench(host):
        for flit in flits:
            await host.send(**flit)
        await host.settle()
        assert await host.read(ADDRESS["status"]) & 2
        await host.write(ADDRESS["control"], 1)
        await host.settle()
        assert await host.read(ADDRESS["status"]) == 0

    Host(network((5, 7, 3)), CONFIGURATION).run(bench)


def test_the_source_of_the_hosts_flits_does_not_matter():
    async def bench(host):
        for step in range(8):
            await host.send(source=2, index=step % 5)
            await host.send(source=1, tick=1, index=1, sequence=step)
            await host.settle()
        assert await host.read(ADDRESS["status"]) == 0

    Host(network((5, 7, 3)), CONFIGURATION).run(bench)


def test_a_busy_memory_is_neither_read_nor_half_written():
    """The last word of an entry decides: refused as a whole while a step is open, taken as a whole afterwards."""
    host = Host(network(neurons=[neuron(bias=1)] * 2), CONFIGURATION)
    region = host.dut.map["core0.parameters0"]
    assert region.words > 1

    async def bench(host):
        before = [await host.read(region.base + k) for k in range(region.words)]
        await host.send(index=0)  # a step is open
        await host.settle()
        for k in range(region.words):
            await host.write(region.base + k, 0xFFFFFFFF)
        assert await host.read(region.base) == 0
        assert await host.read(ADDRESS["status"]) == 0b101
        await host.send(tick=1, index=1)
        await host.settle()
        assert [await host.read(region.base + k) for k in range(region.words)] == before
        await host.write(ADDRESS["control"], 1)
        await host.settle()
        assert await host.read(ADDRESS["status"]) == 0

    host.run(bench)


def extended(name):
    """Networks of unusual shape."""
    net = network((4, 8, 3), neurons=[neuron(bias=30)] * 2)
    first, second = net.projections
    if name == "two projections between one pair":
        return replace(net, projections=(first, replace(first, delay=1), second, replace(second, delay=2)))
    bias_only = Population(name="alone", shape=(2,), neuron=neuron(bias=40))
    if name == "a population that nothing reaches":
        return replace(net, populations=(*net.populations, bias_only))
    one = Dense(weights=np.full((1, 1), 3), bits=4)
    pair = [Population(name="in", shape=(1,)), Population(name="out", shape=(1,), neuron=neuron(bias=40))]
    return Network(
        populations=pair,
        projections=[Projection(source=s, target="out", synapses=one, delay=d) for s, d in (("in", 3), ("out", 40))],
        output="out",
    )


@pytest.mark.parametrize(
    "name", ["two projections between one pair", "a population that nothing reaches", "long delays, a loop of one"]
)
@pytest.mark.parametrize("cores", ["shared", "per-population"])
def test_unusual_networks_equal_golden(tmp_path, name, cores):
    net = extended(name)
    generate(net, Configuration.create(lanes=4, cores=cores), tmp_path / "design")
    x = np.random.default_rng(1).integers(0, 2, (2, 9 if cores == "shared" else 45, net.input.size))
    report = verify(tmp_path / "design", x, simulator="amaranth", output=tmp_path / "mismatch")
    assert report.ok, report.verdict

"""What the host reads of engines and links is what happened there."""

import numpy as np
import pytest
from host_port import ADDRESS, Host

from small import network as layers
from small import neuron
from spikeloom.hdl.configuration import Configuration


@pytest.mark.parametrize("cores", ["shared", {"layer1": [0, 1], "layer2": 1}])
@pytest.mark.parametrize("slow", [False, True])
def test_counters(cores, slow):
    """A restart in mid-work begins anew; what is going on while the host reads counts too."""
    net = layers(sizes=(6, 9, 5), neurons=[neuron(bias=40)] * 2)
    host = Host(net, Configuration.create(lanes=4, units=1, cores=cores, topology="ring", counters=True))
    p = host.dut.p
    region = host.dut.map["host.counters"]
    seen = np.zeros(len(p.counters), int)

    async def watch(ctx):
        ports = [host.dut.activity, *([host.dut.traffic] if p.links else [])]
        async for _, _, *values in ctx.tick().sample(*ports):
            for k in range(len(p.engines)):
                seen[8 * k + (values[0] >> 3 * k & 7)] += 1
            for k in range(2 * len(p.links)):
                seen[8 * len(p.engines) + k] += values[1] >> k & 1

    async def bench(host):
        rng = np.random.default_rng(5)
        for step in range(12):
            if step == 4:
                await host.write(ADDRESS["control"], 1)
                seen[:] = 0
            fired = np.flatnonzero(rng.random(6) < 0.7)
            for index in fired:
                await host.send(index=int(index))
            host.ctx.set(host.dut.o.ready, not slow)
            await host.send(tick=1, index=len(fired), sequence=(step - 4 * (step >= 4)) % 4)
            for _ in range(60):
                await host.ctx.tick()
            host.ctx.set(host.dut.o.ready, 1)
            while await host.read(ADDRESS["status"]) & 1:
                pass
        before = seen.copy()
        counted = np.array([await host.read(region.base + k * region.stride) for k in range(len(p.counters))])
        idle = np.array([name.endswith((" tick", " credit")) for name in p.counters])
        assert (counted[~idle] == seen[~idle]).all()
        late = len(p.counters) + 80  # clocks of which some are still to be added
        assert (counted[idle] >= before[idle] - late).all() and (counted[idle] <= seen[idle]).all()
        named = dict(zip(p.counters, counted.tolist(), strict=True))
        assert named["core0 rows"] > 20 and named["core0 tick"] > 100
        moved = {name: n for name, n in named.items() if name.endswith("moved")}
        assert not p.links or min(moved.values()) > 8, moved
        assert not (p.links and slow) or named["stop 0 -> node 0 stalled"] > 20

    simulator = host.simulator()
    simulator.add_testbench(watch, background=True)
    host.run(bench, simulator)

"""Packets through an interconnect in Amaranth's simulator, clock by clock."""

import random
from collections import Counter
from itertools import product

from amaranth.sim import Simulator

from spikeloom.hdl.routers import Ring

__all__ = ["Traffic", "check"]


class Traffic:
    """Sends ``sent[node]``, pairs of a target set and a payload, and keeps what came and when.

    came:    per node, (payload, clock). entered: the clocks when ``sent`` was taken. moved, stalled: clocks per link.
    """

    def __init__(self, dut, sent, *, stall=0.0, seed=1, most=20_000):
        self.dut, self.sent, self.stall, self.most = dut, sent, stall, most
        self.rng = random.Random(seed)
        self.came = [[] for _ in sent]
        self.entered = [[] for _ in sent]
        self.moved, self.stalled = Counter(), Counter()
        self.due = sum(len(targets) for packets in sent for targets, _ in packets)
        simulator = Simulator(dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._bench)
        simulator.run()

    def _to(self, targets):
        return sum(1 << t for t in targets) if self.dut.multicast else next(iter(targets))

    async def _bench(self, ctx):
        dut, count = self.dut, len(self.sent)
        offered, held = [False] * count, [None] * count
        ports = [port.ready for port in dut.i]
        ports += [signal for port in dut.o for signal in (port.valid, port.payload)]
        clock = 0
        # A few clocks more show what came too often.
        left = 10
        while left:
            left -= sum(map(len, self.came)) >= self.due and all(map(self._all_entered, range(count)))
            assert clock < self.most, "nothing moves any more"
            for k, port in enumerate(dut.i):
                offered[k] = not self._all_entered(k) and (offered[k] or self.rng.random() >= self.stall)
                ctx.set(port.valid, offered[k])
                if offered[k]:
                    targets, payload = self.sent[k][len(self.entered[k])]
                    ctx.set(port.payload, {"to": self._to(targets), "payload": payload})
            accepts = [self.rng.random() >= self.stall for _ in dut.o]
            for port, accept in zip(dut.o, accepts, strict=True):
                ctx.set(port.ready, accept)
            _, _, moved, stalled, *values = await ctx.tick().sample(dut.moved, dut.stalled, *ports)
            assert not moved & stalled
            for k, link in enumerate(dut.links):
                self.moved[link] += moved >> k & 1
                self.stalled[link] += stalled >> k & 1
            for k in range(count):
                if offered[k] and values[k]:
                    self.entered[k].append(clock)
                    offered[k] = False
            for k, accept in enumerate(accepts):
                valid, payload = values[count + 2 * k :][:2]
                assert held[k] is None or (valid and payload == held[k]), "valid and payload must be stable"
                held[k] = payload if valid and not accept else None
                if valid and accept:
                    self.came[k].append((payload, clock))
            clock += 1

    def _all_entered(self, k):
        return len(self.entered[k]) == len(self.sent[k])


def check(dut, sent, traffic):
    """Lost, doubled or reordered packets, and links that a packet was not to take."""
    for source, target in product(range(dut.nodes), repeat=2):
        due = [payload for to, payload in sent[source] if target in to]
        came = [payload for payload, _ in traffic.came[target] if payload >> 8 == source]
        assert came == due, f"from {source} to {target}"
    routes = Counter(link for k, each in enumerate(sent) for to, _ in each for link in dut.topology.route(k, to))
    for k, each in enumerate(sent):
        empty = sum(not to for to, _ in each)  # such a packet goes no further than a first buffer
        routes[dut.topology.into(k)] += empty
        if isinstance(dut, Ring):
            routes[dut.topology.path(k, k)[1]] += empty
    assert {link: n for link, n in traffic.moved.items() if n} == {link: n for link, n in routes.items() if n}

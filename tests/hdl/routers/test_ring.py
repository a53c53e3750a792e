"""A ring never fills, and lets everybody enter."""

import random
from itertools import pairwise

import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from planted import plant
from spikeloom.hdl.routers import Ring, queue, ring
from traffic import Traffic, check


def longest_wait(nodes, packets=200):
    """Node 0 sends past all others without end, node 1 a little; most packets taken from others while one waited."""
    dut = Ring(nodes, unsigned(12))
    sent = [[([0], n) for n in range(packets)], [([2 % nodes], 256 + n) for n in range(12)]]
    sent += [[] for _ in range(2, nodes)]
    traffic = Traffic(dut, sent)
    check(dut, sent, traffic)
    waits = [
        sum(after < clock < taken for j, other in enumerate(traffic.entered) if j != k for clock in other)
        for k, clocks in enumerate(traffic.entered)
        for after, taken in pairwise(clocks)
    ]
    return max(waits)


@pytest.mark.parametrize("nodes", [2, 4])
def test_nobody_waits_for_ever_to_enter_a_ring(nodes):
    assert 0 < longest_wait(nodes) <= ring.most_before(nodes)


def test_a_ring_without_quota_starves_a_node(monkeypatch):
    def endless(m, component, signals):
        m.d.sync += signals["quota"].eq(signals["quota"].init)

    plant(monkeypatch, ring, "Stop", endless)
    assert longest_wait(4) > ring.most_before(4)


def fewest_free(monkeypatch, nodes=3):
    """Places that are free in a ring whose nodes all send as far as they can, and seldom take."""
    valid = []
    plant(monkeypatch, queue, "Queue", lambda m, component, signals: valid.append(signals["valid"]))
    dut, rng = Ring(nodes, unsigned(8)), random.Random(1)
    fewest = nodes * ring.PLACES

    async def bench(ctx):
        nonlocal fewest
        for k, port in enumerate(dut.i):
            ctx.set(port.valid, 1)
            ctx.set(port.payload.to, 1 << (k - 1) % nodes)
        for _ in range(600):
            for port in dut.o:
                ctx.set(port.ready, rng.random() < 0.05)
            await ctx.tick()
            fewest = min(fewest, sum(ring.PLACES - ctx.get(v).bit_count() for v in valid))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(valid) == nodes
    return fewest


def test_a_place_in_the_ring_stays_free(monkeypatch):
    assert fewest_free(monkeypatch) == 1


def test_a_ring_that_fills_is_found(monkeypatch):
    def last_place_too(m, component, signals):
        m.d.comb += component.room_o.eq(component.ring_i.ready)

    plant(monkeypatch, ring, "Stop", last_place_too)
    assert fewest_free(monkeypatch) == 0

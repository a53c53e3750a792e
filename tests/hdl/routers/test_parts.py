"""Arbiters are fair; queues keep order, pass one per clock, and say when they fill."""

import random

import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from planted import plant
from spikeloom.hdl.routers import arbiter
from spikeloom.hdl.routers.queue import Queue


def simulate(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def longest_wait(count, seed):
    """Most grants to others while a request stayed."""
    dut, rng = arbiter.Arbiter(count), random.Random(seed)
    longest = 0

    async def bench(ctx):
        nonlocal longest
        request, waits = 0, [0] * count
        for _ in range(600):
            request |= rng.getrandbits(count) & rng.getrandbits(count)
            served = rng.random() < 0.8
            ctx.set(dut.request, request)
            ctx.set(dut.served, served)
            grant = ctx.get(dut.grant)
            assert grant.bit_count() == (request != 0) and grant & ~request == 0
            if served and grant:
                for k in range(count):
                    waits[k] = waits[k] + 1 if (request & ~grant) >> k & 1 else 0
                longest = max(longest, *waits)
                request &= ~grant
            await ctx.tick()

    simulate(dut, bench)
    return longest


@pytest.mark.parametrize("count", [2, 3, 5])
def test_an_arbiter_serves_everybody_within_its_bound(count):
    assert longest_wait(count, seed=count) == count - 1


def test_an_unfair_arbiter_is_found(monkeypatch):
    def never_turns(m, component, signals):
        for signal in signals.values():
            m.d.sync += signal.eq(1)

    plant(monkeypatch, arbiter, "Arbiter", never_turns)
    assert longest_wait(3, seed=3) > 2


@pytest.mark.parametrize("places", [2, 3, 4])
@pytest.mark.parametrize("stall", [0, 0.5])
def test_a_queue_follows_a_plain_list(places, stall):
    dut, rng = Queue(unsigned(8), places), random.Random(places)
    seen = set()

    async def bench(ctx):
        items, sent, clocks = [], 0, 0
        while sent < 200:
            clocks += 1
            offered, accepts = rng.random() >= stall, rng.random() >= stall
            ctx.set(dut.i.valid, offered)
            ctx.set(dut.i.payload, sent % 256)
            ctx.set(dut.o.ready, accepts)
            assert ctx.get(dut.i.ready) == (len(items) < places)
            assert ctx.get(dut.room) == (len(items) < places - 1)
            assert ctx.get(dut.o.valid) == bool(items)
            assert not items or ctx.get(dut.o.payload) == items[0]
            put = offered and len(items) < places
            seen.add((len(items), put, bool(items) and accepts))
            if items and accepts:
                items.pop(0)
            if put:
                items.append(sent % 256)
                sent += 1
            await ctx.tick()
        assert stall or clocks == 200

    simulate(dut, bench)
    assert not stall or {(0, True, False), (places, False, True), (places - 1, True, True)} <= seen

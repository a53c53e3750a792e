"""Rows added to and taken from a ring, as fast as they come and the same again at any distance, against plain sums."""

from collections import Counter

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from planted import plant
from ports import watch
from small import scatter_core
from spikeloom.hdl import ring
from spikeloom.hdl.ring import READING, Ring

BITS = 9
#: Clocks after which nothing is on its way any more.
SETTLED = READING + 4


def make(lanes, rows):
    p, memories = scatter_core(lanes=lanes, accumulator_bits=BITS, ring_rows=rows)
    return Ring(p, memories())


def draw(seed, lanes, rows, clocks):
    """(add or take or nothing, address, weights) per clock: mostly one of the last few rows again."""
    rng = np.random.default_rng(seed)
    addresses, operations = [0] * 6, []
    for _ in range(clocks):
        address = int(rng.integers(rows)) if rng.random() < 0.3 else addresses[-int(rng.integers(1, 6))]
        kind = str(rng.choice(["add", "take", ""], p=[0.65, 0.25, 0.1]))
        operations.append((kind, address, rng.integers(-3, 4, lanes).tolist()))
        addresses = [*addresses[1:], address]
    return operations


def expected(operations, lanes, rows):
    """What each take gives."""
    sums, taken = np.zeros((rows, lanes), int), []
    for kind, address, weights in operations:
        if kind == "add":
            sums[address] += weights
            assert np.abs(sums[address]).max() < 1 << BITS - 1
        elif kind == "take":
            taken.append(sums[address].tolist())
            sums[address] = 0
    return taken


async def drive(ctx, dut, operations):
    """One operation per clock; what was taken."""
    taken = []
    for clock in range(len(operations) + READING + 1):
        kind, address, _ = operations[clock] if clock < len(operations) else ("", 0, [])
        ctx.set(dut.add, kind == "add")
        ctx.set(dut.take, kind == "take")
        ctx.set(dut.address, address)
        if 0 <= clock - READING < len(operations):
            for lane, weight in zip(dut.weights, operations[clock - READING][2], strict=True):
                ctx.set(lane, weight)
        if clock > READING and operations[clock - READING - 1][0] == "take":
            taken.append([ctx.get(lane) for lane in dut.taken])
        await ctx.tick()
    return taken


async def clear(ctx, dut):
    """Clocks that it took."""
    ctx.set(dut.clear, 1)
    await ctx.tick()
    ctx.set(dut.clear, 0)
    clocks = 0
    while ctx.get(dut.clearing):
        await ctx.tick()
        clocks += 1
    return clocks


def simulate(component, bench):
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def check(seed, lanes, rows, clocks=500):
    dut, operations = make(lanes, rows), draw(seed, lanes, rows, clocks)
    got = []

    async def bench(ctx):
        await clear(ctx, dut)
        got.extend(await drive(ctx, dut, operations))

    simulate(dut, bench)
    assert got == expected(operations, lanes, rows)
    return operations


def distances(operations):
    """How often a row came again so many clocks after it was last added to or taken."""
    found, last = Counter(), {}
    for clock, (kind, address, _) in enumerate(operations):
        if kind:
            found[clock - last.get(address, -99), kind] += 1
            last[address] = clock
    return found


@pytest.mark.parametrize(("lanes", "rows"), [(1, 2), (2, 3), (4, 16)])
def test_it_equals_plain_sums(lanes, rows, monkeypatch):
    watched = watch(monkeypatch)
    seen = Counter()
    for seed in range(3):
        operations = check(seed, lanes, rows)
        seen += distances(operations)
    assert watched == {"core0_sums"}
    assert all(seen[distance, kind] > 10 for distance in range(1, 6 if rows > 2 else 4) for kind in ("add", "take"))
    taken = np.array(expected(operations, lanes, rows))
    assert len(taken) > 80 and (taken < 0).any() and (taken > 0).any()


@pytest.mark.parametrize("distance", [1, 2, 3])
def test_a_sum_that_is_not_forwarded_is_noticed(distance, monkeypatch):
    """Each of the three clocks in which the memory does not have it yet."""

    def fault(m, dut, signals):
        m.d.sync += signals[f"same{distance - 1}"].eq(0)

    plant(monkeypatch, ring, "Ring", fault)
    with pytest.raises(AssertionError):
        check(0, 4, 16)


def test_a_row_that_is_not_emptied_is_noticed(monkeypatch):
    def fault(m, dut, signals):
        m.d.sync += signals["takes2"].eq(0)

    plant(monkeypatch, ring, "Ring", fault)
    with pytest.raises(AssertionError):
        check(0, 4, 16)


def test_ports_that_meet_are_noticed(monkeypatch):
    watch(monkeypatch)

    def fault(m, dut, signals):
        m.d.comb += m.submodules.sums.read.eq(dut.add | dut.take)

    plant(monkeypatch, ring, "Ring", fault)
    with pytest.raises(AssertionError, match="core0_sums"):
        check(0, 4, 16)


@pytest.mark.parametrize("rows", [2, 5, 16])
def test_it_is_cleared_while_sums_are_on_their_way(rows):
    """In a clock per row, whatever was in work, and after a restart too, which leaves the memory as it is."""
    dut, restart, lanes = make(2, rows), Signal(), 2
    operations = draw(rows, lanes, rows, 40)

    async def every_row_is(ctx, zero):
        taken = await drive(ctx, dut, [("take", row, [0] * lanes) for row in range(rows)])
        assert len(taken) == rows and all(not any(row) for row in taken) == zero

    async def bench(ctx):
        await clear(ctx, dut)
        await every_row_is(ctx, True)
        for again in range(4):
            for kind, address, weights in operations:
                ctx.set(dut.add, kind == "add")
                ctx.set(dut.address, address)
                for lane, weight in zip(dut.weights, weights, strict=True):
                    ctx.set(lane, weight)
                await ctx.tick()
            if again % 2:  # in mid-work
                ctx.set(restart, 1)
                await ctx.tick()
                ctx.set(restart, 0)
            ctx.set(dut.add, 0)
            if again == 3:  # a restart alone does not clear it
                for _ in range(SETTLED):
                    await ctx.tick()
                await every_row_is(ctx, False)
            assert await clear(ctx, dut) == rows
            await every_row_is(ctx, True)
            await every_row_is(ctx, True)

    simulate(ResetInserter(restart)(dut), bench)

"""Nothing is lost, doubled or reordered, whatever the stalls; and the throughput is what the docstrings say."""

import random

import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from spikeloom.hdl.streams import Buffer, Fork, Merge

ITEMS = 60


def exchange(dut, inputs, outputs, sent, *, stall, seed=1):
    """Send ``sent[k]`` into ``inputs[k]``; returns what each output gave, and the clocks it took."""
    rng = random.Random(seed)
    received = [[] for _ in outputs]
    clocks = 0
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    expected = [sum(map(len, sent))] * len(outputs)

    async def bench(ctx):
        nonlocal clocks
        places = [0] * len(inputs)
        offered = [False] * len(inputs)
        held = [None] * len(outputs)
        while [len(r) for r in received] != expected:
            clocks += 1
            assert clocks < 50 * ITEMS, "nothing moves any more"
            for k, port in enumerate(inputs):
                offered[k] = places[k] < len(sent[k]) and (offered[k] or rng.random() >= stall)
                ctx.set(port.valid, offered[k])
                if offered[k]:
                    ctx.set(port.payload, sent[k][places[k]])
            accepts = [rng.random() >= stall for _ in outputs]
            for port, accept in zip(outputs, accepts, strict=True):
                ctx.set(port.ready, accept)
            ports = [s for port in outputs for s in (port.valid, port.payload)]
            _, _, *values = await ctx.tick().sample(*(port.ready for port in inputs), *ports)
            for k in range(len(inputs)):
                if offered[k] and values[k]:
                    places[k] += 1
                    offered[k] = False
            for k, accept in enumerate(accepts):
                valid, payload = values[len(inputs) + 2 * k :][:2]
                assert held[k] is None or (valid and payload == held[k]), "valid and payload must be stable"
                held[k] = payload if valid and not accept else None
                if valid and accept:
                    received[k].append(payload)

    simulator.add_testbench(bench)
    simulator.run()
    return received, clocks


@pytest.mark.parametrize("stall", [0, 0.3, 0.7])
def test_buffer_keeps_order_and_passes_one_per_clock(stall):
    dut = Buffer(unsigned(8))
    items = list(range(ITEMS))
    (received,), clocks = exchange(dut, [dut.i], [dut.o], [items], stall=stall)
    assert received == items
    assert stall or clocks == ITEMS + 1


@pytest.mark.parametrize("stall", [0, 0.3, 0.7])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_merge_keeps_each_order_and_is_fair(count, stall):
    dut = Merge(unsigned(8), count)
    sent = [[k << 6 | n for n in range(ITEMS)] for k in range(count)]
    (received,), clocks = exchange(dut, list(dut.i), [dut.o], sent, stall=stall)
    assert [[r for r in received if r >> 6 == k] for k in range(count)] == sent
    if not stall:
        assert clocks == count * ITEMS + 1
        assert [r >> 6 for r in received] == [n % count for n in range(count * ITEMS)], "everybody in turn"


@pytest.mark.parametrize("stall", [0, 0.3, 0.7])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_fork_gives_everything_to_everyone_once(count, stall):
    dut = Fork(unsigned(8), count)
    items = list(range(ITEMS))
    received, clocks = exchange(dut, [dut.i], list(dut.o), [items], stall=stall)
    assert received == [items] * count
    assert stall or clocks == ITEMS

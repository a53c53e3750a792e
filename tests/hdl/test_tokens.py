"""Counters of tokens count."""

import random

from amaranth.sim import Simulator

from spikeloom.hdl.tokens import Tokens


def test_tokens_follow_a_plain_count():
    count, bits, rng = 3, 2, random.Random(1)
    dut = Tokens(count, bits)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    seen = set()

    async def bench(ctx):
        tokens, before = [0] * count, 0
        for _ in range(400):
            assert ctx.get(dut.some) == before
            before = sum((n > 0) << k for k, n in enumerate(tokens))
            load = rng.randrange(1 << count) if rng.random() < 0.05 else 0
            value = rng.randrange(1 << bits)
            take = [n > 0 and rng.random() < 0.5 for n in tokens]
            add = [(n < (1 << bits) - 1 or t) and rng.random() < 0.5 for n, t in zip(tokens, take, strict=True)]
            for signal, word in ((dut.add, add), (dut.take, take)):
                ctx.set(signal, sum(bit << k for k, bit in enumerate(word)))
            ctx.set(dut.load, load)
            ctx.set(dut.value, value)
            for k in range(count):
                seen.add((tokens[k], add[k], take[k]))
                tokens[k] = value if load >> k & 1 else tokens[k] + add[k] - take[k]
            await ctx.tick()

    simulator.add_testbench(bench)
    simulator.run()
    assert {(0, True, False), (3, False, True), (3, True, True)} <= seen, "full and empty were reached"

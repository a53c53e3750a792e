# amaranth: UnusedElaboratable=no
"""The SPI slave against a master of mode 0 with a clock of its own."""

from random import Random

import pytest
from amaranth.sim import Simulator

from spikeloom.boards.link.spi import Slave


@pytest.mark.parametrize("half", [4, 5, 9])
def test_bytes_pass_both_ways_in_every_rhythm(half):
    """half: clocks of half a period of sck."""
    slave, random = Slave(), Random(half)
    to_slave = [random.randrange(256) for _ in range(40)]
    to_master = [random.randrange(1, 256) for _ in range(20)]
    taken, came, waiting = [], [], list(to_master)

    async def master(ctx):
        left = list(to_slave)
        while left:
            ctx.set(slave.cs_n, 0)
            await ctx.tick().repeat(half)
            for _ in range(min(len(left), random.randrange(1, 9))):
                byte, answer = left.pop(0), 0
                for bit in reversed(range(8)):
                    ctx.set(slave.copi, byte >> bit & 1)
                    await ctx.tick().repeat(half)
                    ctx.set(slave.sck, 1)
                    answer = answer << 1 | ctx.get(slave.cipo)
                    await ctx.tick().repeat(half)
                    ctx.set(slave.sck, 0)
                came.append(answer)
                await ctx.tick().repeat(1 + random.randrange(3) * half)
            await ctx.tick().repeat(half)
            if random.random() < 0.5:  # or the next bytes follow in the same transfer
                ctx.set(slave.cs_n, 1)
                await ctx.tick().repeat(half)
        await ctx.tick().repeat(8)

    async def take(ctx):
        async for *_, valid, byte in ctx.tick().sample(slave.o.valid, slave.o.payload):
            if valid:
                taken.append(byte)

    async def give(ctx):
        async for *_, ready in ctx.tick().sample(slave.i.ready):
            if ready and waiting:
                waiting.pop(0)
            offer = bool(waiting) and ((ctx.get(slave.i.valid) and not ready) or random.random() < 0.02)
            ctx.set(slave.i.valid, offer)
            ctx.set(slave.i.payload, waiting[0] if offer else 0)

    simulator = Simulator(slave)
    simulator.add_clock(1e-6)
    simulator.add_testbench(master)
    simulator.add_testbench(take, background=True)
    simulator.add_testbench(give, background=True)
    simulator.run()
    assert taken == to_slave
    assert 0 in came, "there were bytes with nothing to say"
    assert [byte for byte in came if byte] == to_master[: sum(map(bool, came))] and sum(map(bool, came)) > 10


def test_a_transfer_that_ends_early_is_forgotten():
    slave, taken = Slave(), []

    async def master(ctx):
        for bits in ("101", "11000011"):
            ctx.set(slave.cs_n, 0)
            for bit in bits:
                ctx.set(slave.copi, int(bit))
                await ctx.tick().repeat(4)
                ctx.set(slave.sck, 1)
                await ctx.tick().repeat(4)
                ctx.set(slave.sck, 0)
            await ctx.tick().repeat(4)
            ctx.set(slave.cs_n, 1)
            await ctx.tick().repeat(4)

    async def take(ctx):
        async for *_, valid, byte in ctx.tick().sample(slave.o.valid, slave.o.payload):
            if valid:
                taken.append(byte)

    simulator = Simulator(slave)
    simulator.add_clock(1e-6)
    simulator.add_testbench(master)
    simulator.add_testbench(take, background=True)
    simulator.run()
    assert taken == [0b11000011]

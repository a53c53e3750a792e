# amaranth: UnusedElaboratable=no
from itertools import pairwise

import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from spikeloom.boards.link.uart import Receiver, Transmitter, baud_divider, default_baud
from spikeloom.golden.network import Refusal


class Loop(Elaboratable):
    def __init__(self, divider):
        self.transmitter, self.receiver = Transmitter(divider=divider), Receiver(divider=divider)

    def elaborate(self, platform):
        m = Module()
        m.submodules.transmitter, m.submodules.receiver = self.transmitter, self.receiver
        m.d.comb += self.receiver.rx.eq(self.transmitter.tx)
        return m


def simulate(design, *benches):
    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    for bench, background in benches:
        simulator.add_testbench(bench, background=background)
    simulator.run()


@pytest.mark.parametrize("divider", [8, 13])
def test_bytes_back_to_back(divider):
    loop = Loop(divider)
    sent, got, clocks = [*range(0, 256, 5), 0xFF, 0x55], [], []

    async def send(ctx):
        for byte in sent:
            ctx.set(loop.transmitter.i.payload, byte)
            ctx.set(loop.transmitter.i.valid, 1)
            await ctx.tick().until(loop.transmitter.i.ready)
        ctx.set(loop.transmitter.i.valid, 0)
        await ctx.tick().repeat(12 * divider)

    async def receive(ctx):
        clock = 0
        async for _, _, valid, byte in ctx.tick().sample(loop.receiver.o.valid, loop.receiver.o.payload):
            clock += 1
            if valid:
                got.append(byte)
                clocks.append(clock)

    simulate(loop, (send, False), (receive, True))
    assert got == sent
    assert {b - a for a, b in pairwise(clocks)} == {10 * divider + 1}


def receive_levels(divider, levels):
    """Bytes that a receiver makes of (level, clocks) pairs."""
    receiver, got = Receiver(divider=divider), []

    async def drive(ctx):
        for level, clocks in [*levels, (1, 12 * divider)]:
            ctx.set(receiver.rx, level)
            await ctx.tick().repeat(clocks)

    async def watch(ctx):
        async for _, _, valid, byte in ctx.tick().sample(receiver.o.valid, receiver.o.payload):
            if valid:
                got.append(byte)

    simulate(receiver, (drive, False), (watch, True))
    return got


def byte_levels(byte, clocks, stop=1):
    return [(bit, clocks) for bit in (0, *(byte >> k & 1 for k in range(8)), stop)]


@pytest.mark.parametrize("clocks", [97, 100, 103])
def test_three_percent_off_is_understood(clocks):
    sent = [0x00, 0xFF, 0xA5, 0x5A]
    assert receive_levels(100, [level for byte in sent for level in byte_levels(byte, clocks)]) == sent


def test_glitches_and_missing_stop_bits_cost_no_other_byte():
    levels = [(1, 50), (0, 5), (1, 40), *byte_levels(0x41, 16), *byte_levels(0x42, 16, stop=0), (1, 16)]
    assert receive_levels(16, [*levels, *byte_levels(0x43, 16)]) == [0x41, 0x43]


def test_a_line_held_low_makes_no_bytes():
    assert receive_levels(8, [(0, 1000)]) == []


def test_baud():
    assert baud_divider(24_000_000, 1_000_000) == 24
    assert default_baud(100_000_000) == default_baud(12_000_000) == 1_000_000
    assert default_baud(25_125_000) == 1_000_000
    assert default_baud(9_500_000) == default_baud(6_000_000) == 115_200
    message = "A clock of 12 MHz cannot make 3000000 baud; it needs 8..65535 clocks per bit to within 2 %: try 115200"
    for baud in (3_000_000, 0, 100):
        with pytest.raises(Refusal) as refusal:
            baud_divider(12_000_000, baud)
        assert str(refusal.value) == message.replace("3000000", str(baud))


@pytest.mark.parametrize("component", [Receiver, Transmitter])
def test_parameters(component):
    with pytest.raises(ValueError, match=r"^Divider must be in 8\.\.65535 clocks per bit, not 7$"):
        component(divider=7)
    with pytest.raises(TypeError, match=r"^Divider must be an integer, not 8\.5$"):
        component(divider=8.5)
    assert component(divider=8).divider == 8
    assert isinstance(component(divider=8), wiring.Component)

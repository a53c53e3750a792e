"""No port of a component that is measured by itself is left out, or its logic would be, too."""

import pytest
from amaranth.hdl import Cat, Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from spikeloom.boards.alone import Alone
from spikeloom.boards.measure import measure_component


class Wires(wiring.Component):
    """Every input bit to an output bit but the first ``lost``."""

    def __init__(self, lost=0):
        self.lost = lost
        port = stream.Signature(data.StructLayout({"a": 3, "b": 4}))
        super().__init__({"i": In(port).array(2), "o": Out(port).array(2), "flags_i": In(5), "flags_o": Out(5)})

    def elaborate(self, platform):
        m = Module()
        for i, o in zip(self.i, self.o, strict=True):
            wiring.connect(m, wiring.flipped(i), wiring.flipped(o))
        m.d.comb += self.flags_o.eq(Cat([0] * self.lost, self.flags_i[self.lost :]))
        return m


@pytest.mark.parametrize("lost", [0, 2])
def test_every_bit_goes_in_and_out(lost):
    """One 1 goes through the chain, and is seen in the parity as often as there are bits that lead on."""
    dut, seen = Alone(Wires(lost)), []

    async def bench(ctx):
        ctx.set(dut.i, 1)
        for _ in range(60):
            await ctx.tick()
            ctx.set(dut.i, 0)
            seen.append(ctx.get(dut.o))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert sum(seen) == 2 * (1 + 7 + 1) + 5 - lost


def test_a_component_is_placed_and_routed():
    found = measure_component(Wires(), "icebreaker", seeds=(1,))
    chain, parity = 2 * (1 + 7 + 1) + 5, 6 + 2 + 1  # what catches a wire's end is the chain's next register
    assert chain + parity <= found.used.lut <= 2 * (chain + parity)
    assert 20 < found.median_mhz < 1000 and set(found.fmax_mhz) == {1}

"""A component by itself, however many ports it has: for the tools' figures of its area and clock."""

from functools import reduce
from operator import xor
from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Cat, Elaboratable, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["Alone", "verilog_alone"]

LUT_INPUTS = 4


class Alone(Elaboratable):
    """Registers at every port, so that all paths to and from registers are the component's own.

    The inputs' are one chain from the pin ``i``. The outputs' meet in ``o``, one LUT deep at a time: that is about one
    LUT for three outputs, which count with the component's.
    """

    def __init__(self, component: Any):
        self.component = component
        self.i = Signal()
        self.o = Signal()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.component = self.component
        ports = list(self.component.signature.flatten(self.component))
        inputs = Cat(Value.cast(value) for _, member, value in ports if member.flow == In)
        outputs = Cat(Value.cast(value) for _, member, value in ports if member.flow != In)
        chain, caught = Signal(len(inputs)), Signal(len(outputs))
        m.d.sync += [chain.eq(Cat(self.i, chain)), caught.eq(outputs)]
        m.d.comb += inputs.eq(chain)
        while len(caught) > 1:
            fewer = Signal(-(-len(caught) // LUT_INPUTS))
            parts = [caught[k : k + LUT_INPUTS] for k in range(0, len(caught), LUT_INPUTS)]
            m.d.sync += fewer.eq(Cat(reduce(xor, part) for part in parts))
            caught = fewer
        m.d.comb += self.o.eq(caught)
        return m


def verilog_alone(component: wiring.Component, top: str) -> str:
    alone = Alone(component)
    return verilog.convert(alone, name=top, ports=[alone.i, alone.o], emit_src=False, strip_internal_attrs=True)

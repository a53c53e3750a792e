"""Counters of tokens: ticked steps that wait to be read, and credits for slots that are free."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Tokens"]


class Tokens(wiring.Component):
    """``count`` small counters. Members, one bit or word per counter:

    add, take: count up, down; both at once change nothing. Never taken below 0 or added above the largest value.
    load, value: set all whose bit in ``load`` is high.
    some: the counter was not 0 a clock ago.
    """

    def __init__(self, count: int, bits: int):
        self.count = count
        self.bits = bits
        super().__init__(
            {
                "add": In(count),
                "take": In(count),
                "load": In(count),
                "value": In(bits),
                "some": Out(count),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for k in range(self.count):
            tokens = Signal(self.bits, name=f"tokens{k}")
            m.d.sync += self.some[k].eq(tokens.any())
            with m.If(self.load[k]):
                m.d.sync += tokens.eq(self.value)
            with m.Elif(self.add[k] & ~self.take[k]):
                m.d.sync += tokens.eq(tokens + 1)
            with m.Elif(self.take[k] & ~self.add[k]):
                m.d.sync += tokens.eq(tokens - 1)
        return m

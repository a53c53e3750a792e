"""An SPI slave, mode 0, most significant bit first: bytes both ways, zeros where there is nothing to say."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["Slave"]


class Slave(wiring.Component):
    """Samples the master's lines with its own clock, which must be at least 8 times ``sck``.

    Zeros are the link's delimiter, and nothing between two delimiters is no frame: so the master sends zeros while it
    only listens, and drops those that it gets.

    Members
    -------
    sck, cs_n, copi: from the master, asynchronous. cipo: to it; drive the pin only while ``cs_n`` is low.
    o: bytes; must be taken at once. i: bytes.
    """

    sck: Signal
    cs_n: Signal
    copi: Signal
    cipo: Signal
    o: stream.Interface
    i: stream.Interface

    def __init__(self) -> None:
        super().__init__(
            {
                "sck": In(1),
                "cs_n": In(1, init=1),
                "copi": In(1),
                "cipo": Out(1),
                "o": Out(stream.Signature(8, always_ready=True)),
                "i": In(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sck, cs_n, copi = Signal(), Signal(init=1), Signal()
        for name, line, here in (("sck", self.sck, sck), ("cs_n", self.cs_n, cs_n), ("copi", self.copi, copi)):
            m.submodules[name] = FFSynchronizer(line, here, init=here.init)
        before, bits = Signal(), Signal(range(8))
        received, sent = Signal(8), Signal(8)
        m.d.sync += before.eq(sck)
        m.d.comb += [self.cipo.eq(sent[7]), self.o.payload.eq(received)]
        m.d.sync += self.o.valid.eq(0)
        # The next byte is there from the end of the one before on, or from before the transfer: any later, and the
        # master might have sampled its first bit already.
        load, loaded = Signal(), Signal()
        with m.If(cs_n):
            m.d.comb += load.eq(~loaded)
            m.d.sync += bits.eq(0)
        with m.Elif(sck & ~before):
            m.d.sync += [received.eq(Cat(copi, received)), bits.eq(bits + 1), self.o.valid.eq(bits == 7), loaded.eq(0)]
        with m.Elif(~sck & before):
            m.d.comb += load.eq(bits == 0)
            m.d.sync += sent.eq(Cat(0, sent))
        with m.If(load & self.i.valid):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += [sent.eq(self.i.payload), loaded.eq(1)]
        return m

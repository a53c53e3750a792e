"""Where packets wait for a router's outputs."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Inbox"]


class Inbox(wiring.Component):
    """One packet that goes to ``outputs``, each in its own time, and a place for the next. Latency: 1 clock.
    Throughput: 1 per clock. ``ready`` is a register's, and so are ``packet`` and ``left``.

    i:      packets, each with what it ``wants``, a bit per output. One that wants none is taken, and is gone.
    packet: the present one. left: the outputs that it has yet to go to; none if there is no packet.
    served: of those, the ones that take it in this clock.
    """

    i: stream.Interface
    packet: data.View
    left: Signal
    served: Signal

    def __init__(self, packet: data.StructLayout, outputs: int):
        waiting = data.StructLayout({"packet": packet, "wants": outputs})
        members = {"packet": Out(packet), "left": Out(outputs), "served": In(outputs)}
        super().__init__({"i": In(stream.Signature(waiting)), **members})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spare = Signal.like(self.i.payload, reset_less=True)
        spare_valid = Signal()
        still = Signal.like(self.left)
        m.d.comb += [self.i.ready.eq(~spare_valid), still.eq(self.left & ~self.served)]
        m.d.sync += self.left.eq(still)
        with m.If(~still.any()):
            m.d.sync += [
                self.packet.eq(Mux(spare_valid, spare.packet, self.i.payload.packet)),
                self.left.eq(Mux(spare_valid, spare.wants, Mux(self.i.valid, self.i.payload.wants, 0))),
                spare_valid.eq(0),
            ]
        with m.Elif(self.i.valid & ~spare_valid):
            m.d.sync += [spare_valid.eq(1), spare.eq(self.i.payload)]
        return m

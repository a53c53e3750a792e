"""Between a core's credits and the routers that carry them to other nodes."""

from amaranth.hdl import Module
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.layouts import credit_layout
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.routers.packet import packet_layout

__all__ = ["CreditExchange"]


class CreditExchange(wiring.Component):
    """Credits for channels of this node go straight back, those for others in packets.

    A core waits for none of them to leave: the queue holds as many as all channels into the core have slots.

    given:   what the core gives back. returns: what comes back to it, from itself and from others.
    o, i:    packets with the number of a channel out of the node that they are for; those that come for this node.
    running: some wait to leave.
    """

    o: stream.Interface
    i: stream.Interface

    def __init__(self, p: CoreParameters, node: int):
        self.p = p
        self.node = node
        super().__init__(
            {
                "given": In(credit_layout(p)),
                "returns": Out(credit_layout(p)).array(p.returns),
                "o": Out(stream.Signature(packet_layout(p.nodes, p.channel_bits, multicast=False))),
                "i": In(stream.Signature(p.channel_bits)),
                "running": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        given, (own, foreign) = self.given, self.returns
        m.submodules.queue = queue = fifo.SyncFIFO(
            width=len(self.o.payload.as_value()), depth=max(2, self.p.foreign_slots)
        )
        packet = self.o.payload.shape()
        leaving = packet(queue.w_data)
        m.d.comb += [
            own.eq(given),
            own.valid.eq(given.valid & (given.node == self.node)),
            leaving.to.eq(given.node),
            leaving.payload.eq(given.channel),
            queue.w_en.eq(given.valid & (given.node != self.node)),
            self.o.payload.eq(packet(queue.r_data)),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
            self.i.ready.eq(1),
            foreign.valid.eq(self.i.valid),
            foreign.node.eq(self.node),
            foreign.channel.eq(self.i.payload),
            self.running.eq(queue.r_rdy),
        ]
        return m

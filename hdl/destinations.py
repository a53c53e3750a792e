"""Where events go: a table per node, by population."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.layouts import Tables, flit_layout
from spikeloom.hdl.memory_map import Memories
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.routers.packet import packet_layout

__all__ = ["Destinations"]


class Destinations(wiring.Component):
    """Makes packets of a node's flits; those that nobody wants go no further. Latency: 0. Throughput: 1 per clock.

    i, o:    flits, and packets to the nodes that read them.
    observe: a bit per population: the host reads it too.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, p: CoreParameters, memories: Memories, entries: int):
        self.memories = memories
        self.table = memories.table("destinations", Tables(p).destination, entries)
        self.row = data.View(Tables(p).destination, self.table.read_data)
        flit = flit_layout(p.flit)
        super().__init__(
            {
                "i": In(stream.Signature(flit)),
                "o": Out(stream.Signature(packet_layout(p.nodes, flit))),
                "observe": In(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.memories.lend(m, "destinations", self.table)
        to = Cat(self.observe.bit_select(self.row.observed, 1), self.row.cores)
        wanted = Signal()
        m.d.comb += [
            self.table.read_address.eq(self.memories.address(self.i.payload.source)),
            wanted.eq(to.any()),
            self.o.payload.to.eq(to),
            self.o.payload.payload.eq(self.i.payload),
            self.o.valid.eq(self.i.valid & wanted),
            self.i.ready.eq(self.o.ready | ~wanted),
        ]
        return m

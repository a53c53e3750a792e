"""Arriving events are kept, per channel and step, until every population that reads them has done so."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.layouts import Tables, flit_layout
from spikeloom.hdl.memory_map import Memories
from spikeloom.hdl.parameters import CoreParameters

__all__ = ["EventLists", "entry_layout"]


def entry_layout(p: CoreParameters) -> data.StructLayout:
    """What a list keeps of an event."""
    flit = flit_layout(p.flit).members
    return data.StructLayout({name: flit[name] for name in ("index", "value")[: 1 + (p.flit.value_bits > 1)]})


class EventLists(wiring.Component):
    """A ring of slots per source; a slot is one step's events, and its tick closes it.

    Throughput: one flit per clock. It never waits: credits say that there is room (DESIGN: channels).

    i:             events and ticks; those of sources that nobody here reads are consumed.
    ticked:        per projection, a step of its source was closed.
    fault:         a tick did not carry the number of events that came, or the number of its step; or an event was one
                   too many, or of no neuron.
    initialise, number: set the ring of source ``number`` to empty.
    read, address, entry: an entry of the lists, one clock later.
    slot, count:   the number of events in slot {source, slot}, in the same clock.
    """

    i: stream.Interface

    def __init__(self, p: CoreParameters, memories: Memories):
        self.p = p
        self.memories = memories
        self.sources = memories.table("sources", Tables(p).source, p.flit.sources)
        super().__init__(
            {
                "i": In(stream.Signature(flit_layout(p.flit))),
                "ticked": Out(p.projections),
                "fault": Out(1),
                "initialise": In(1),
                "number": In(p.flit.source_bits),
                "read": In(1),
                "address": In(p.list_bits),
                "entry": Out(entry_layout(p)),
                "slot": In(p.flit.source_bits + p.slot_bits),
                "count": Out(p.flit.index_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.p
        m.submodules.lists = lists = self.memories.block("lists", entry_layout(p), p.list_entries)
        counts_depth = 1 << (p.flit.source_bits + p.slot_bits)
        m.submodules.counts = counts = self.memories.table("counts", p.flit.index_bits, counts_depth)
        ring_layout = data.StructLayout(
            {"base": p.list_bits, "fill": p.flit.index_bits, "slot": p.slot_bits, "sequence": 2}
        )
        m.submodules.rings = rings = self.memories.table("rings", ring_layout, p.flit.sources)
        # First clock: what is known of the flit's source.
        number, initialise, arrived = Signal(p.flit.source_bits), Signal(), Signal()
        flit, source = Signal(flit_layout(p.flit)), Signal(Tables(p).source)
        asked = Mux(self.initialise, self.number, self.i.payload.source)
        self.memories.lend(m, "sources", self.sources, asked)
        # While the host holds the core, the table's port is the host's.
        m.d.comb += self.i.ready.eq(~self.initialise & ~self.memories.host.hold)
        m.d.sync += [
            source.as_value().eq(self.sources.read_data),
            number.eq(asked),
            flit.eq(self.i.payload),
            arrived.eq(self.i.valid & self.i.ready),
            initialise.eq(self.initialise),
        ]

        # Second clock: where its ring stands, and moves to.
        ring, ring_next = Signal(ring_layout), Signal(ring_layout)
        write = Signal()
        write_address = Signal(p.list_bits)
        entry = Signal(entry_layout(p))
        last = ring.slot == source.slots
        m.d.comb += [
            rings.read_address.eq(number),
            rings.write_address.eq(number),
            rings.write_data.eq(ring_next),
            ring.as_value().eq(rings.read_data),
            ring_next.eq(ring),
        ]
        m.d.sync += [write.eq(0), self.ticked.eq(0), write_address.eq(ring.base + ring.fill)]
        m.d.sync += [entry[name].eq(flit[name]) for name in entry_layout(p).members]
        with m.If(initialise):
            m.d.comb += [
                ring_next.as_value().eq(0),
                ring_next.base.eq(source.base),
                rings.write.eq(1),
            ]
        with m.Elif(arrived & source.valid):
            m.d.comb += rings.write.eq(1)
            with m.If(~flit.tick & ((ring.fill == source.capacity) | (flit.index >= source.capacity))):
                m.d.sync += self.fault.eq(1)
            with m.Elif(~flit.tick):
                m.d.sync += write.eq(source.kept)
                m.d.comb += ring_next.fill.eq(ring.fill + 1)
            with m.Else():
                m.d.comb += [
                    ring_next.fill.eq(0),
                    ring_next.sequence.eq(ring.sequence + 1),
                    ring_next.slot.eq(Mux(last, 0, ring.slot + 1)),
                    ring_next.base.eq(Mux(last, source.base, ring.base + source.capacity)),
                    counts.write.eq(1),
                ]
                m.d.sync += self.ticked.eq(source.readers)
                with m.If((flit.index != ring.fill) | (flit.sequence != ring.sequence)):
                    m.d.sync += self.fault.eq(1)
        m.d.comb += [
            counts.write_address.eq(Cat(ring.slot, number)),
            counts.write_data.eq(ring.fill),
            counts.read_address.eq(self.slot),
            self.count.eq(counts.read_data),
            lists.write.eq(write),
            lists.write_address.eq(write_address),
            lists.write_data.eq(entry),
            lists.read_address.eq(self.address),
            lists.read.eq(self.read),
            self.entry.as_value().eq(lists.read_data),
        ]
        return m

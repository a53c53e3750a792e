"""Arriving events are kept, per channel and step, until every population that reads them has done so."""

from amaranth.hdl import Array, Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.layouts import Tables, flit_layout
from spikeloom.hdl.memory_map import Memories
from spikeloom.hdl.parameters import DEEPEST, CoreParameters
from spikeloom.hdl.struct import struct

__all__ = ["EventLists", "entry_layout", "ring_layout"]


def entry_layout(p: CoreParameters) -> data.StructLayout:
    """What a list keeps of an event: of its value as many bits as are read."""
    members: dict[str, Shape] = {"index": unsigned(p.flit.index_bits)}
    if p.value_bits > 1:
        members["value"] = signed(p.value_bits)
    return struct(members)


def ring_layout(p: CoreParameters) -> data.StructLayout:
    """Where a source's ring of slots stands."""
    return struct({"base": p.list_bits, "fill": p.flit.index_bits, "slot": p.slot_bits, "sequence": 2})


class EventLists(wiring.Component):
    """A ring of slots per source; a slot is one step's events, and its tick closes it.

    Throughput: one event per clock, and two clocks per tick. It waits for nothing: credits say that there is room.

    i:             events and ticks; those of sources that nobody here reads are consumed.
    ticked:        per projection, a step of its source was closed (those of the event-stationary half last).
    fault:         a tick did not carry the number of events that came, or the number of its step; or an event was one
                   too many, or of no neuron.
    running:       flits are on their way into the lists.
    initialise, number: set the ring of source ``number`` to empty.
    read, address, entry: an entry of the lists, ``p.entry_latency`` clocks later.
    slot, count:   the number of events in slot {source, slot}, in the same clock; scatter_slot, scatter_count: another.
    """

    i: stream.Interface

    def __init__(self, p: CoreParameters, memories: Memories):
        self.p = p
        self.memories = memories
        self.sources = memories.table("sources", Tables(p).source, p.flit.sources)
        self.source = Signal(Tables(p).source, reset_less=True)  # the row last read
        super().__init__(
            {
                "i": In(stream.Signature(flit_layout(p.flit))),
                "ticked": Out(p.readers),
                "fault": Out(1),
                "running": Out(1),
                "initialise": In(1),
                "number": In(p.flit.source_bits),
                "read": In(1),
                "address": In(p.list_bits),
                "entry": Out(entry_layout(p)),
                "slot": In(p.flit.source_bits + p.slot_bits),
                "count": Out(p.flit.index_bits),
            }
            | (
                {"scatter_slot": In(p.flit.source_bits + p.slot_bits), "scatter_count": Out(p.flit.index_bits)}
                if p.scatter
                else {}
            )
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.p
        banks = []
        for number, first in enumerate(range(0, p.list_entries, DEEPEST)):
            name = f"lists{number}" if p.entry_latency > 1 else "lists"
            banks.append(self.memories.block(name, entry_layout(p), min(DEEPEST, p.list_entries - first)))
            m.submodules[name] = banks[-1]
        counts_depth = 1 << (p.flit.source_bits + p.slot_bits)
        m.submodules.counts = counts = self.memories.table("counts", p.flit.index_bits, counts_depth)
        m.submodules.rings = rings = self.memories.table("rings", ring_layout(p), p.flit.sources)
        # First clock: what is known of the flit's source.
        number, initialise, arrived = Signal(p.flit.source_bits), Signal(), Signal()
        flit, source = Signal(flit_layout(p.flit), reset_less=True), self.source
        asked = Mux(self.initialise, self.number, self.i.payload.source)
        self.memories.lend(m, "sources", self.sources)
        m.d.comb += self.sources.read_address.eq(self.memories.address(asked))
        # While the host holds the core, the table's port is the host's.
        ticked = Signal()
        m.d.comb += self.i.ready.eq(~self.initialise & ~self.memories.host.hold & ~ticked)
        m.d.sync += ticked.eq(self.i.valid & self.i.ready & self.i.payload.tick)
        m.d.sync += [
            source.as_value().eq(self.sources.read_data),
            number.eq(asked),
            flit.eq(self.i.payload),
            arrived.eq(self.i.valid & self.i.ready),
            initialise.eq(self.initialise),
        ]

        # Second clock: where its ring stands, also when the flit before has just moved it.
        ring, ring_next = Signal(ring_layout(p), reset_less=True), Signal(ring_layout(p))
        moved = Signal()
        number_2, initialise_2, event, tick = Signal.like(number), Signal(), Signal(), Signal()
        flit_2, source_2 = Signal.like(flit), Signal.like(source)
        m.d.comb += rings.read_address.eq(number)
        m.d.sync += [
            ring.as_value().eq(Mux(moved & (number == number_2), ring_next, rings.read_data)),
            number_2.eq(Mux(tick, number_2, number)),
            flit_2.eq(flit),
            source_2.eq(source),
            event.eq(arrived & source.valid & ~flit.tick),
            tick.eq(arrived & source.valid & flit.tick),
            initialise_2.eq(initialise),
        ]

        # Third clock: where it moves to.
        write, surplus, mismatch = Signal(), Signal(), Signal()
        write_address = Signal(p.list_bits, reset_less=True)
        entry = Signal(entry_layout(p), reset_less=True)
        last, closing, closed = ring.slot == source_2.slots, Signal(), Signal(ring_layout(p), reset_less=True)
        m.d.sync += [
            closing.eq(tick),  # which takes another clock
            closed.fill.eq(0),
            closed.sequence.eq(ring.sequence + 1),
            closed.slot.eq(Mux(last, 0, ring.slot + 1)),
            closed.base.eq(Mux(last, source_2.base, ring.base + source_2.capacity)),
        ]
        m.d.comb += [
            moved.eq(initialise_2 | event | closing),
            rings.write.eq(moved),
            rings.write_address.eq(number_2),
            rings.write_data.eq(ring_next),
            ring_next.eq(Mux(closing, closed, ring)),
        ]
        with m.If(initialise_2):
            m.d.comb += [ring_next.as_value().eq(0), ring_next.base.eq(source_2.base)]
        with m.Elif(event):
            m.d.comb += ring_next.fill.eq(ring.fill + 1)
        m.d.comb += counts.write.eq(tick)
        if p.scatter:
            again = self.memories.table("scatter_counts", p.flit.index_bits, counts_depth)
            m.submodules.scatter_counts = again
            m.d.comb += [
                again.write.eq(tick),
                again.write_address.eq(counts.write_address),
                again.write_data.eq(counts.write_data),
                again.read_address.eq(self.scatter_slot),
                self.scatter_count.eq(again.read_data),
            ]
        m.d.sync += [
            write.eq(event & source_2.kept),
            write_address.eq(ring.base + ring.fill),
            surplus.eq(event & ((ring.fill == source_2.capacity) | (flit_2.index >= source_2.capacity))),
            mismatch.eq(tick & ((flit_2.index != ring.fill) | (flit_2.sequence != ring.sequence))),
            self.ticked.eq(Mux(tick, source_2.readers, 0)),
        ]
        m.d.sync += [entry[name].eq(flit_2[name]) for name in entry_layout(p).members]

        m.d.comb += self.running.eq(arrived | event | tick | closing | write)
        # Fourth clock: it is written, unless something is wrong with it.
        with m.If(surplus | mismatch):
            m.d.sync += self.fault.eq(1)
        m.d.comb += [
            counts.write_address.eq(Cat(ring.slot, number_2)),
            counts.write_data.eq(ring.fill),
            counts.read_address.eq(self.slot),
            self.count.eq(counts.read_data),
        ]
        for lists in banks:
            m.d.comb += [
                lists.write.eq(write & ~surplus),
                lists.write_address.eq(write_address),
                lists.write_data.eq(entry),
                lists.read_address.eq(self.address),
                lists.read.eq(self.read),
            ]
        if len(banks) == 1:
            m.d.comb += self.entry.as_value().eq(lists.read_data)
            return m
        # Block RAM is slow to answer, so each bank has a register before the choice between them.
        high = [Signal(range(len(banks)), name=f"bank{k}", reset_less=True) for k in range(3)]
        m.d.comb += high[0].eq(self.address >> ceil_log2(DEEPEST))
        m.d.sync += [b.eq(a) for a, b in zip(high, high[1:], strict=False)]
        beside = [Signal(lists.width, name=f"beside{k}", reset_less=True) for k in range(len(banks))]
        for number, (lists, word) in enumerate(zip(banks, beside, strict=True)):
            m.d.comb += lists.write.eq(write & ~surplus & (write_address >> ceil_log2(DEEPEST) == number))
            m.d.comb += lists.read.eq(self.read & (high[0] == number))
            m.d.sync += word.eq(lists.read_data)
        m.d.comb += self.entry.as_value().eq(Array(beside)[high[2]])
        return m

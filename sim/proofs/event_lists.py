"""Arriving events against plain counts: what is wrong is reported, what is right is kept."""

from typing import Any

from amaranth.hdl import Array, Cat, Mux, Signal

from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.parameters import CoreParameters, FlitParameters
from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS"]

SOURCES = 2
P = CoreParameters(
    lanes=1, units=1, weight_bits=2, value_bits=1, accumulator_bits=4, rows=2, populations=1, projections=1, channels=1,
    list_entries=8, slots=2, tokens=2, max_groups=1, max_delay=0, unit_words=2, parameter_words=2, nodes=2,
    node_channels=2, ring_channels=0, foreign_slots=0, model="lif", neuron=None,
    flit=FlitParameters(sources=SOURCES, neurons=3, value_bits=1),
)  # fmt: skip
#: Clocks from a flit to what the lists say of it.
LATENCY = 3


class Arriving:
    """Flits of any sources, whatever their rows of the table say, and a plain count of what they are.

    source: the row of the flit's. count, step: of its events so far, and of ticks. wrong: the flit is not as its source
    promises.
    """

    def __init__(self, hdl: Any, s: Statement):
        m = s.m
        rows = [s.fixed(Tables(P).source.size, f"source{k}") for k in range(SOURCES)]  # whatever the host has written
        self.memories = UndefinedMemories(s, given={"sources": rows})
        m.submodules.lists = self.lists = lists = hdl.EventLists(P, self.memories)
        self.taken, self.flit = taken, flit = s.offer(lists.i, "i"), lists.i.payload
        # As the core does after a restart: each source once, and nothing arrives meanwhile.
        number = Signal(range(SOURCES + 1))
        self.started = started = number == SOURCES
        m.d.sync += number.eq(number + ~started)
        m.d.comb += [lists.initialise.eq(~started), lists.number.eq(number)]
        self.rows = Array(Tables(P).source(row) for row in rows)
        self.source = source = Tables(P).source(Array(rows)[flit.source])
        counts = Array(Signal(range(P.flit.neurons + 1), name=f"count{k}") for k in range(SOURCES))
        steps = Array(Signal(2, name=f"step{k}") for k in range(SOURCES))
        self.counts, self.steps, self.count = counts, steps, counts[flit.source]
        self.wrong = Mux(
            flit.tick,
            (flit.index != self.count) | (flit.sequence != steps[flit.source]),
            (self.count == source.capacity) | (flit.index >= source.capacity),
        )
        with m.If(taken & source.valid):
            m.d.sync += [
                counts[flit.source].eq(Mux(flit.tick, 0, self.count + 1)),
                steps[flit.source].eq(steps[flit.source] + flit.tick),
            ]


@proof(
    "event_lists.EventLists",
    "a fault is reported if and only if a tick has a wrong count or step number, or an event is one too many or of no "
    "neuron",
    size=f"{SOURCES} sources of up to {P.flit.neurons} events, any tables",
    bug=Bug(
        "takes an old count where an event is followed by its tick",
        "Mux(moved & (number == number_2), ring_next, rings.read_data)",
        "rings.read_data",
    ),
)
def faults(hdl: Any, s: Statement) -> None:
    arriving = Arriving(hdl, s)
    faulty = Signal()
    s.m.d.sync += faulty.eq(faulty | arriving.taken & arriving.source.valid & arriving.wrong)
    s.claim(arriving.lists.fault == s.before(faulty, LATENCY))
    s.example(~faulty & (arriving.steps[0] == 2) & (arriving.counts[1] == 2))


@proof(
    "event_lists.EventLists",
    "as long as there is no fault, an event is written where its source's ring stands and nothing else is; a tick is "
    "told to the source's readers, and its slot's count is that of the events",
    size=f"{SOURCES} sources of up to {P.flit.neurons} events, {P.slots} slots, any tables",
    bug=Bug("rings are one slot too short", "last, closing, closed = ring.slot == source_2.slots",
            "last, closing, closed = ring.slot + 1 >= source_2.slots"),
)  # fmt: skip
def kept(hdl: Any, s: Statement) -> None:
    m = s.m
    arriving = Arriving(hdl, s)
    lists, taken, flit, source = arriving.lists, arriving.taken, arriving.flit, arriving.source
    slots = Array(Signal(P.slot_bits, name=f"slot{k}") for k in range(SOURCES))
    bases = Array(Signal(P.list_bits, name=f"base{k}") for k in range(SOURCES))
    slot, base = slots[flit.source], bases[flit.source]
    told = Signal(P.readers)
    kept = taken & source.valid & ~flit.tick & source.kept
    closes = taken & source.valid & flit.tick
    m.d.comb += told.eq(Mux(closes, source.readers, 0))
    with m.If(closes):
        m.d.sync += [slot.eq(Mux(slot == source.slots, 0, slot + 1)),
                     base.eq(Mux(slot == source.slots, source.base, base + source.capacity))]  # fmt: skip
    with m.If(~arriving.started):
        m.d.sync += [bases[k].eq(arriving.rows[k].base) for k in range(SOURCES)]
    faulty = Signal()
    m.d.sync += faulty.eq(faulty | taken & source.valid & arriving.wrong)
    fine = ~faulty & ~s.before(faulty, LATENCY)

    block = arriving.memories.block("lists", entry_layout(P), P.list_entries)
    entry = entry_layout(P)(block.write_data)
    written = s.before(kept, LATENCY)
    s.claim(~fine | (block.write == written))
    s.claim(~fine | ~written | (block.write_address == s.before((base + arriving.count)[: P.list_bits], LATENCY)))
    s.claim(~fine | ~written | (entry.index == s.before(flit.index, LATENCY)))
    s.claim(lists.ticked == s.before(told, LATENCY))
    # Of one slot, whichever.
    one = s.fixed(P.flit.source_bits + P.slot_bits, "one")
    m.d.comb += lists.slot.eq(one)
    count, known = Signal.like(arriving.count), Signal()
    with m.If(closes & (Cat(slot, flit.source) == one)):
        m.d.sync += [count.eq(arriving.count), known.eq(1)]
    s.claim(~s.before(known, LATENCY - 1) | (lists.count == s.before(count, LATENCY - 1)))
    s.example(fine & written & s.before(known, LATENCY - 1) & (lists.count == 2))


PROOFS = (faults, kept)

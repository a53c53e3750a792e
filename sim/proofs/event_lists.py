"""Arriving events against plain counts: what is wrong is reported, what is right is kept."""

from typing import Any

from amaranth.hdl import Array, Mux, Signal

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
    m = s.m
    m.submodules.lists = lists = hdl.EventLists(P, UndefinedMemories(s, ("sources",)))
    taken, flit = s.offer(lists.i, "i"), lists.i.payload
    # As the core does after a restart: each source once, and nothing arrives meanwhile.
    number = Signal(range(SOURCES + 1))
    started = number == SOURCES
    m.d.sync += number.eq(number + ~started)
    m.d.comb += [lists.initialise.eq(~started), lists.number.eq(number)]

    source = Tables(P).source(lists.sources.read_data)  # whatever the host has written
    s.claim(~taken | (lists.sources.read_address == flit.source))
    counts = Array(Signal(range(P.flit.neurons + 1), name=f"count{k}") for k in range(SOURCES))
    steps = Array(Signal(2, name=f"step{k}") for k in range(SOURCES))
    count, step = counts[flit.source], steps[flit.source]
    wrong = Mux(
        flit.tick,
        (flit.index != count) | (flit.sequence != step),
        (count == source.capacity) | (flit.index >= source.capacity),
    )
    with m.If(taken & source.valid):
        m.d.sync += [count.eq(Mux(flit.tick, 0, count + 1)), step.eq(step + flit.tick)]
    faulty = Signal()
    m.d.sync += faulty.eq(faulty | taken & source.valid & wrong)
    s.claim(lists.fault == s.before(faulty, LATENCY))
    s.example(~faulty & (steps[0] == 2) & (counts[1] == 2))


PROOFS = (faults,)

"""Groups of sums through the units: no result without room, no state read before it is written, each event once."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Array, Cat, Elaboratable, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from spikeloom.hdl.memory_map import core_memories
from spikeloom.sim.proofs.lanes import P as CORE
from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, Proof, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order, waits

__all__ = ["PROOFS"]

LANES, RESULTS, CLOCKS = 2, 4, 26
#: Clocks, but for those in which the output waits, until another group is taken.
LONGEST = 24


class Sign(Elaboratable):
    """In the place of a neuron: it spikes where its sum is negative, and keeps that."""

    def __init__(self, parameters: Any, accumulator_bits: int):
        self.latency = parameters.latency
        self.sum, self.first = Signal(signed(accumulator_bits)), Signal()
        self.state, self.p = Signal(parameters.state_layout), Signal(parameters.parameter_layout)
        self.o_state, self.o_value = Signal(parameters.state_layout), Signal()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        value = self.sum[-1]
        for k in range(self.latency):
            kept = Signal(name=f"kept{k}")
            m.d.sync += kept.eq(value)
            value = kept
        m.d.comb += [self.o_value.eq(value), self.o_state.v.eq(value)]
        return m


WORD = data.StructLayout({"v": 1})


def steps(hdl: Any, s: Statement, *, groups: int, latency: int) -> None:
    m = s.m
    p = replace(
        CORE,
        lanes=LANES,
        accumulator_bits=1,
        short=True,
        unit_words=LANES * groups,
        parameter_words=LANES * groups,
        max_groups=groups,
        neuron=SimpleNamespace(latency=latency, state_layout=WORD, parameter_layout=WORD),
        flit=replace(CORE.flit, neurons=LANES * groups),
    )
    hdl.most_results = lambda _: RESULTS
    hdl.MODELS = {p.model: SimpleNamespace(Unit=Sign)}
    memories = UndefinedMemories(s, core_memories(p))
    state = memories.block("state0", WORD, p.unit_words)
    m.submodules.units = units = hdl.NeuronUnits(p, memories)
    # Groups as the lanes hand them over: one after the other, their sums some clocks later.
    hand_over, tail, sums = s.any(1, "hand_over"), s.fixed(1, "tail"), s.any(LANES, "sums")
    number, sequence, given = Signal(range(max(2, groups))), Signal(2), Signal(units.group.shape())
    m.d.comb += [
        units.handing_over.eq(hand_over),
        units.done.eq(s.before(hand_over, p.lane_latency - 1)),
        Value.cast(units.group).eq(Value.cast(given)),
        *(total.eq(bit) for total, bit in zip(units.sums, sums, strict=True)),
    ]
    s.assume(~hand_over | units.free)
    last = number == groups - 1
    with m.If(hand_over):
        m.d.sync += [
            number.eq(Mux(last, 0, number + 1)),
            sequence.eq(sequence + last),
            given.last.eq(last),
            given.count.eq(Mux(last, tail, LANES - 1)),
            given.sequence.eq(sequence),
            given.unit_address.eq(number * LANES),
        ]

    # Of one neuron, whichever.
    neuron = s.fixed(range(LANES * groups), "neuron")
    s.assume(neuron <= LANES * (groups - 1) + tail)
    group, lane = neuron // LANES, neuron % LANES
    flit, goes = units.o.payload, s.accept(units.o, "o")
    event, tick = goes & ~flit.tick, goes & flit.tick
    came, events = Signal(), Signal(range(LANES * groups + 1))
    m.d.sync += [
        came.eq(Mux(tick, 0, came | (event & (flit.index == neuron)))),
        events.eq(Mux(tick, 0, events + event)),
    ]
    s.claim(~event | ~came | (flit.index != neuron))
    s.claim(~event | (flit.index <= LANES * (groups - 1) + tail))
    s.claim(~tick | (flit.index == events))
    in_order(
        s,
        units.done & (given.unit_address == group * LANES),
        Cat(given.sequence, Array(sums)[lane]),
        tick,
        Cat(flit.sequence, came),
        most=4,
        many=1,
    )
    s.claim(s.stays(units.o))

    pending = Signal()
    read, written = state.read & (state.read_address == neuron), state.write & (state.write_address == neuron)
    m.d.sync += pending.eq((pending & ~written) | read)
    s.claim(~read | ~pending & ~written)
    waits(s, ~units.free, units.o.ready, units.free, most=LONGEST)


def units(claim: str, bug: Bug, *, groups: int, latency: int) -> Proof:
    return proof(
        "neuron_units.NeuronUnits",
        claim,
        size=f"{groups} x up to {LANES} neurons, one unit, room for {RESULTS} results",
        bug=bug,
        clocks=CLOCKS,
    )(partial(steps, groups=groups, latency=latency))


PROOFS = (
    units(
        "in every step each neuron that fires has one event and no other has one, then comes a tick with their number; "
        f"another group is taken after at most {LONGEST} clocks in which the output may go",
        Bug("numbers go on from one step to the next", "index.eq(Mux(ended, 0, index + p.units))",
            "index.eq(index + p.units)"),
        groups=2,
        latency=2,
    ),
    units(
        "no state is read before the step before has written it, nor while it is written",
        Bug("a step begins before all states of the last are written", "max(after_group, latency + 2)", "after_group"),
        groups=1,
        latency=5,
    ),
)  # fmt: skip

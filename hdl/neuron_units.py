"""Shared neuron units: they take a group's sums, step its neurons one by one, and send their events."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.layouts import Activity, flit_layout
from spikeloom.hdl.memory_map import Memories, core_memories
from spikeloom.hdl.neurons import MODELS
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.scheduler import group_layout
from spikeloom.hdl.struct import struct

__all__ = ["NeuronUnits", "most_results", "result_layout"]


#: Clocks from the end of the pipelines to the room that a result leaves behind.
SENDING = 5


def result_layout(p: CoreParameters) -> data.StructLayout:
    """What the units find in a clock."""
    return struct(
        {
            "fired": p.units,
            "values": data.ArrayLayout(p.flit.value_bits if p.flit.value_bits > 1 else 0, p.units),
            "last": 1,  # of its step
            "source": p.flit.source_bits,
            "sequence": 2,
        }
    )


def most_results(p: CoreParameters) -> int:
    """Room for a group's results and for those of all groups that are between their hand-over and their way out."""
    return p.beats + p.lane_latency + p.unit_latency + SENDING


class NeuronUnits(wiring.Component):
    """Throughput: ``units`` neurons per clock, and one event per clock.

    Unit ``u`` holds the neurons whose number is ``u`` modulo ``units``. Their pipelines never wait: a group is taken
    only when its results will find room. A step's first group is taken only when a state that the step before writes
    has been written, so a state is never read before it is written, nor both in one clock.

    sums, group, done: a group from the lanes; ``handing_over``: one is on its way; ``free``: it may be. Where several
             are, ``group`` is the last that was handed over, and ``summed`` the one that is done.
    blocked: why not: :class:`Activity` NEURON_UNIT or OUTPUT.
    o:       the events of a step, then its tick.
    running: a group is in work.
    """

    o: stream.Interface

    def __init__(self, p: CoreParameters, memories: Memories):
        self.p = p
        self.memories = memories
        self.blocks = {
            name: memories.block(name, layout, entries)
            for name, (entries, layout) in core_memories(p).items()
            if name.startswith(("parameters", "state"))
        }
        #: their words, in registers beside them or in a short pipeline in their own
        self.words = {
            name: block.read_data if p.short else Signal(block.width, name=f"{name}_word", reset_less=True)
            for name, block in self.blocks.items()
        }
        super().__init__(
            {
                "sums": In(signed(p.accumulator_bits)).array(p.lanes),
                "group": In(group_layout(p)),
                "done": In(1),
                "handing_over": In(1),
                "free": Out(1),
                "blocked": Out(Activity),
                "o": Out(stream.Signature(flit_layout(p.flit))),
                "running": Out(1),
            }
            | ({"summed": In(group_layout(p))} if p.scatter else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.p
        # Many memories are far apart: their address has a register of its own where places share parameters.
        far = int(p.folded)
        latency = p.unit_latency
        known = latency - p.neuron.latency  # clocks until a neuron's words are
        # Groups follow each other by the clocks in which the sums' buffer is shifted out, and so that only one is on
        # its way, or at least that the room promised to the last is known; a step's first group so that no neuron comes
        # again before its state is written.
        after_group = max(p.beats, 3 if p.scatter else p.lane_latency)
        after_step = max(after_group, latency + 2)
        depth = most_results(p)
        m.submodules.results = results = self.memories.table("results", result_layout(p), depth + 1)
        # Where pipelines are short, block RAM is what runs out, unless the weights are elsewhere.
        results.logic = p.short and not p.single_port

        # When the next group may come --------------------------------------------------------------------------------
        wait = Signal(range(after_step))
        room = Signal(range(depth + 1), init=depth)  # results, less those that are promised it
        fetch, popped, promised = Signal(), Signal(), Signal()
        roomy, event = room >= p.beats, Signal()
        begins = self.group.last  # it is the last group that was handed over
        m.d.sync += [
            wait.eq(Mux(self.handing_over, after_step - 1, Mux(wait == 0, 0, wait - 1))),
            popped.eq(fetch),
            promised.eq(self.handing_over),
            room.eq(room + popped - Mux(promised, p.beats, 0)),
            self.free.eq((wait <= Mux(begins, 1, after_step - after_group + 1)) & roomy & ~self.handing_over),
            self.blocked.eq(Mux(event & ~roomy, Activity.OUTPUT, Activity.NEURON_UNIT)),
        ]

        # The second half of the double-buffered sums, shifted out `units` at a time ----------------------------------
        buffer = Signal(p.lanes * p.accumulator_bits, reset_less=True)
        group = Signal(group_layout(p))
        beats = Signal(range(p.beats + 1))  # left
        left = Signal(signed(p.lane_bits + 1))  # neurons, less one
        beat = beats != 0
        m.d.sync += [
            buffer.eq(buffer >> p.units * p.accumulator_bits),
            beats.eq(beats - beat),
            left.eq(left - p.units),
            group.unit_address.eq(group.unit_address + 1),
        ]
        if p.folded:
            m.d.sync += group.parameter_address.eq(group.parameter_address + 1)
        summed = self.summed if p.scatter else self.group
        with m.If(self.done):
            m.d.sync += [
                buffer.eq(Cat(self.sums)),
                beats.eq(p.beats),
                left.eq(summed.count),
                group.eq(summed),
            ]

        # The pipelines, and beside them what belongs to their results ------------------------------------------------
        travel_layout = struct(
            {
                "valid": 1,
                "exists": p.units,
                "last": 1,
                "source": p.flit.source_bits,
                "sequence": 2,
                "address": p.unit_address_bits,
                "first": 1,
            }
        )
        travel = [Signal(travel_layout, name=f"travel{k}") for k in range(latency + 1)]
        start, end = travel[0], travel[-1]
        m.d.comb += [
            start.valid.eq(beat),
            start.exists.eq(Cat(beat & (left >= u) for u in range(p.units))),
            start.last.eq(group.last & (beats == 1)),
            start.source.eq(group.source),
            start.sequence.eq(group.sequence),
            start.address.eq(group.unit_address),
            start.first.eq(group.first),
        ]
        m.d.sync += [b.eq(a) for a, b in zip(travel, travel[1:], strict=False)]
        host, address = self.memories.host, self.memories.address(start.address)
        parameter_address, read = address, beat
        if far:
            read, addresses = Signal(), [Signal.like(start.address, name=f"address{k}") for k in range(2)]
            m.d.sync += [
                read.eq(beat),
                addresses[0].eq(address),
                addresses[1].eq(self.memories.address(group.parameter_address)),
            ]
            address, parameter_address = addresses
        result = Signal(result_layout(p))
        for u in range(p.units):
            parameters, state = self.blocks[f"parameters{u}"], self.blocks[f"state{u}"]
            m.submodules[f"unit{u}"] = unit = MODELS[p.model].Unit(p.neuron, p.accumulator_bits)
            self.memories.lend(m, f"parameters{u}", parameters)
            m.submodules[f"state{u}"] = state
            totals = [Signal(signed(p.accumulator_bits), name=f"sum{u}_{k}", reset_less=True) for k in range(known)]
            # Block RAM is slow to answer.
            words = self.words[f"parameters{u}"], self.words[f"state{u}"]
            if not p.short:
                m.d.sync += [words[0].eq(parameters.read_data), words[1].eq(state.read_data)]
            m.d.sync += [
                state.write.eq(Mux(host.hold, self.memories.selected(f"state{u}"), end.exists[u])),
                state.write_address.eq(Mux(host.hold, host.address, end.address)),
                state.write_data.eq(Mux(host.hold, self.memories.write_data(state), unit.o_state.as_value())),
                totals[0].eq(buffer.word_select(u, p.accumulator_bits).as_signed()),
                *(b.eq(a) for a, b in zip(totals, totals[1:], strict=False)),
            ]
            m.d.comb += [
                parameters.read.eq(read | host.hold),
                state.read.eq(read | host.hold),
                unit.sum.eq(totals[-1]),
                unit.first.eq(travel[known].first),
                unit.p.as_value().eq(words[0]),
                unit.state.as_value().eq(words[1]),
                parameters.read_address.eq(parameter_address),
                state.read_address.eq(address),
                result.fired[u].eq(end.exists[u] & unit.o_value.any()),
            ]
            if p.flit.value_bits > 1:
                m.d.comb += result.values[u].eq(unit.o_value)
        m.d.comb += [result.last.eq(end.last), result.source.eq(end.source), result.sequence.eq(end.sequence)]
        m.d.sync += [results.write_data.eq(result), results.write.eq(end.valid)]
        for address, step in ((results.write_address, results.write), (results.read_address, fetch)):
            with m.If(step):
                m.d.sync += address.eq(Mux(address == depth, 0, address + 1))

        # Events one by one, then the tick ----------------------------------------------------------------------------
        first, some, take = Signal(result_layout(p), reset_less=True), Signal(), Signal()  # of those in the queue
        sending = Signal(result_layout(p))
        lowest = sending.fired & (~sending.fired + 1)[: p.units]
        others = sending.fired & ~lowest
        index, ended = Signal(p.flit.index_bits), Signal(init=1)  # of the first neuron; a step's results have ended
        events = Signal(p.flit.index_bits)
        flit = self.o.payload
        m.d.comb += [
            event.eq(sending.fired.any()),
            self.o.valid.eq(event | sending.last),
            flit.source.eq(sending.source),
            flit.sequence.eq(sending.sequence),
        ]
        with m.If(event):
            for u in reversed(range(p.units)):
                with m.If(sending.fired[u]):
                    m.d.comb += flit.index.eq(index + u)
                    m.d.comb += flit.value.eq(sending.values[u] if p.flit.value_bits > 1 else 1)
            with m.If(self.o.ready):
                m.d.sync += [events.eq(events + 1), sending.fired.eq(others)]
            m.d.comb += take.eq(some & self.o.ready & ~others.any() & ~sending.last)
        with m.Else():
            m.d.comb += [flit.tick.eq(sending.last), flit.index.eq(events)]
            with m.If(sending.last & self.o.ready):
                m.d.sync += [events.eq(0), sending.last.eq(0)]
            m.d.comb += take.eq(some & (self.o.ready | ~sending.last))
        with m.If(take):
            m.d.sync += [
                some.eq(0),
                sending.eq(first),
                ended.eq(first.last),
                index.eq(Mux(ended, 0, index + p.units)),
            ]
        m.d.comb += fetch.eq((results.read_address != results.write_address) & (take | ~some))
        with m.If(fetch):
            m.d.sync += [some.eq(1), first.as_value().eq(results.read_data)]
        m.d.comb += self.running.eq((wait != 0) | (room != depth) | some | self.o.valid)
        return m

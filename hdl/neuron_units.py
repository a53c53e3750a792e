"""Shared neuron units: they take a group's sums, step its neurons one by one, and send their events."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.layouts import flit_layout
from spikeloom.hdl.memory_map import Memories, core_memories
from spikeloom.hdl.neurons import MODELS
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.scheduler import group_layout

__all__ = ["NeuronUnits"]


class NeuronUnits(wiring.Component):
    """Throughput: ``units`` neurons per clock without events, one event per clock with.

    Unit ``u`` holds the neurons whose number is ``u`` modulo ``units``. A population's next step enters the pipeline
    when its last has left it, so a state is never read before it is written, nor both in one clock.

    sums, group, done: a group from the lanes; ``handing_over``: one is on its way; ``free``: none is, nor waits.
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
        self.words = {
            name: Signal(block.width, name=f"{name}_word", reset_less=True) for name, block in self.blocks.items()
        }
        super().__init__(
            {
                "sums": In(signed(p.accumulator_bits)).array(p.lanes),
                "group": In(group_layout(p)),
                "done": In(1),
                "handing_over": In(1),
                "free": Out(1),
                "o": Out(stream.Signature(flit_layout(p.flit))),
                "running": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.p
        latency = p.neuron.latency + 2  # and the memory's clock, and the one into the fabric

        # The second half of the double-buffered sums, shifted out `units` at a time ---------------------------------
        waiting = Signal()
        handed_over = Signal()  # from the hand-over's issue until its last neurons have left the buffer
        buffer = Signal(p.lanes * p.accumulator_bits, reset_less=True)
        in_flight = Signal(latency)
        enable = Signal()  # the pipeline moves
        beat = Signal()  # neurons enter it
        left = Signal(p.lane_bits)
        address = Signal(p.unit_address_bits)
        index = Signal(p.flit.index_bits)
        last_beat = left < p.units
        step_over = Signal()  # its last neurons are in the pipeline, its tick is due
        m.d.comb += [
            beat.eq(waiting & enable & ~step_over),
            self.free.eq(~handed_over),
            self.running.eq(handed_over | step_over | in_flight.any() | self.o.valid),
        ]
        with m.If(self.done):
            m.d.sync += [
                waiting.eq(1),
                buffer.eq(Cat(self.sums)),
                left.eq(self.group.count),
                address.eq(self.group.unit_address),
            ]
        with m.Elif(beat):
            m.d.sync += [
                waiting.eq(~last_beat),
                buffer.eq(buffer >> p.units * p.accumulator_bits),
                left.eq(left - p.units),
                address.eq(address + 1),
                index.eq(index + p.units),
            ]
        # Whose events are in the pipeline: a tick is the last of them, and the next step waits for it.
        source, sequence = Signal.like(self.group.source), Signal.like(self.group.sequence)
        with m.If(beat):
            m.d.sync += [source.eq(self.group.source), sequence.eq(self.group.sequence)]
        with m.If(beat & last_beat):
            m.d.sync += [handed_over.eq(0), step_over.eq(self.group.last)]
        with m.If(self.handing_over):
            m.d.sync += handed_over.eq(1)

        # The pipeline, its addresses beside it -----------------------------------------------------------------------
        numbers = [Signal(p.flit.index_bits, name=f"number{k}") for k in range(latency)]
        places = [Signal(p.unit_address_bits, name=f"place{k}") for k in range(latency)]
        with m.If(enable):
            m.d.sync += in_flight.eq(Cat(beat, in_flight))
            m.d.sync += [b.eq(a) for a, b in zip([index, *numbers], numbers, strict=False)]
            m.d.sync += [b.eq(a) for a, b in zip([address, *places], places, strict=False)]
        pending = Signal(p.units)  # results of the last clock that are still to be sent
        values = [Signal(max(1, p.flit.value_bits), name=f"pending_value{u}") for u in range(p.units)]
        pending_number = Signal(p.flit.index_bits)
        host = self.memories.host
        for u in range(p.units):
            parameters, state = self.blocks[f"parameters{u}"], self.blocks[f"state{u}"]
            m.submodules[f"unit{u}"] = unit = MODELS[p.model].Unit(p.neuron, p.accumulator_bits)
            self.memories.lend(m, f"parameters{u}", parameters, address)
            self.memories.share(m, f"state{u}", state, address)
            totals = [Signal(signed(p.accumulator_bits), name=f"sum{u}_{k}", reset_less=True) for k in range(2)]
            firsts = Signal(2, name=f"first{u}", reset_less=True)
            exists = Signal(latency, name=f"exists{u}")
            # Block RAM is slow to answer; its words go through registers, which is also where the host reads them.
            words = self.words[f"parameters{u}"], self.words[f"state{u}"]
            with m.If(enable):
                m.d.sync += [
                    words[0].eq(parameters.read_data),
                    words[1].eq(state.read_data),
                    totals[0].eq(buffer.word_select(u, p.accumulator_bits).as_signed()),
                    totals[1].eq(totals[0]),
                    firsts.eq(Cat(self.group.first, firsts)),
                    exists.eq(Cat(beat & (left >= u), exists)),
                ]
            m.d.comb += [
                parameters.read.eq(beat | host.hold),
                state.read.eq(beat | host.hold),
                unit.enable.eq(enable),
                unit.sum.eq(totals[1]),
                unit.first.eq(firsts[1]),
                unit.p.as_value().eq(words[0]),
                unit.state.as_value().eq(words[1]),
                state.write.eq(Mux(host.hold, self.memories.selected(f"state{u}"), enable & exists[-1])),
                state.write_address.eq(Mux(host.hold, host.address, places[-1])),
                state.write_data.eq(Mux(host.hold, host.write_data, unit.o_state.as_value())),
            ]
            with m.If(enable):
                m.d.sync += [pending[u].eq(exists[-1] & unit.o_value.any()), values[u].eq(unit.o_value)]
        with m.If(enable):
            m.d.sync += pending_number.eq(numbers[-1])

        # Events one by one, then the tick ----------------------------------------------------------------------------
        lowest = pending & (~pending + 1)[: p.units]
        others = pending & ~lowest
        m.d.comb += enable.eq(~others.any() & (~pending.any() | self.o.ready))
        events = Signal(p.flit.index_bits)
        flit = self.o.payload
        m.d.comb += [flit.source.eq(source), flit.sequence.eq(sequence)]
        with m.If(pending.any()):
            m.d.comb += self.o.valid.eq(1)
            for u in reversed(range(p.units)):
                with m.If(pending[u]):
                    m.d.comb += [flit.index.eq(pending_number + u), flit.value.eq(values[u])]
            with m.If(self.o.ready):
                m.d.sync += events.eq(events + 1)
                with m.If(~enable):
                    m.d.sync += pending.eq(others)
        with m.Elif(step_over & ~in_flight.any()):
            m.d.comb += [self.o.valid.eq(1), flit.tick.eq(1), flit.index.eq(events)]
            with m.If(self.o.ready):
                m.d.sync += [events.eq(0), index.eq(0), step_over.eq(0)]
        return m

"""Segments are replayed against the synapse memory; each lane adds one weight per clock."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.memory_map import Memories, core_memories
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.scheduler import group_layout, segment_layout

__all__ = ["Lanes"]


class Lanes(wiring.Component):
    """Throughput: one row of ``lanes`` synapses per clock, and one clock more per group. Latency: 4 clocks
    from a row's issue to its sum, 5 with graded events.

    A lane is an adder and an accumulator. Sums stay in flip-flops while a group's lists are replayed; the clock
    after its last row hands them over and clears the accumulators, which waits until ``free``.

    i:              segments. reading: one is being read.
    address, entry: the event lists' read port.
    sums, group:    a group's sums, in the clock in which ``done`` is high.
    free:           the neuron units can take the sums of a group that is handed over from now on.
    handing_over:   they will.
    """

    i: stream.Interface

    def __init__(self, p: CoreParameters, memories: Memories):
        self.p = p
        self.memories = memories
        self.columns = {
            column: memories.block(column, layout, entries)
            for column, (entries, layout) in core_memories(p).items()
            if column.startswith("weights")
        }
        super().__init__(
            {
                "i": In(stream.Signature(segment_layout(p))),
                "reading": Out(1),
                "address": Out(p.list_bits),
                "entry": In(entry_layout(p)),
                "sums": Out(signed(p.accumulator_bits)).array(p.lanes),
                "group": Out(group_layout(p)),
                "done": Out(1),
                "free": In(1),
                "handing_over": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.p

        # Issue: one row per clock, then the hand-over ----------------------------------------------------------------
        segment = Signal(segment_layout(p))
        active = Signal()
        more = active & ~segment.left[-1]
        hand_over = active & segment.left[-1] & segment.ends_group & self.free
        # A list that does not end its group is followed by the next without a gap.
        through = active & ~segment.ends_group & ((segment.left == 0) | segment.left[-1])
        m.d.comb += [
            self.i.ready.eq(~active | hand_over | through),
            self.reading.eq(active),
            self.address.eq(segment.address),
            self.handing_over.eq(hand_over),
        ]
        with m.If(more):
            m.d.sync += [segment.left.eq(segment.left - 1), segment.address.eq(segment.address + 1)]
        with m.If(self.i.ready):
            m.d.sync += [active.eq(self.i.valid), segment.eq(self.i.payload)]
        with m.If(hand_over):
            m.d.sync += self.group.eq(segment.group)

        # 1: list entry; 2: row address; 3: memory; 4: its word in the fabric; (5: times the event's value)
        graded = p.flit.value_bits > 1
        depth = 5 if graded else 4
        valid, last = Signal(depth), Signal(depth)
        row, row_address = Signal(p.row_bits), Signal(p.row_bits)
        m.d.sync += [
            valid.eq(Cat(more, valid)),
            last.eq(Cat(hand_over, last)),
            row.eq(segment.row),
            row_address.eq(Mux(self.memories.host.hold, self.memories.host.address, row + self.entry.index)),
        ]
        values = [Signal(signed(p.flit.value_bits), name=f"value{k}") for k in range(3)] if graded else []
        if graded:
            m.d.sync += [values[0].eq(self.entry.value), values[1].eq(values[0]), values[2].eq(values[1])]
        words = []
        for name, memory in self.columns.items():
            self.memories.lend(m, name, memory, row_address)
            words.append(memory.read_data)
        weights = Signal(p.lanes * p.weight_bits, reset_less=True)
        m.d.sync += weights.eq(Cat(words))
        for lane, total in enumerate(self.sums):
            weight = weights.word_select(lane, p.weight_bits).as_signed()
            if graded:
                product = Signal(signed(p.weight_bits + p.flit.value_bits), name=f"product{lane}", reset_less=True)
                m.d.sync += product.eq(weight * values[2])
                weight = product
            with m.If(last[-1]):
                m.d.sync += total.eq(0)
            with m.Elif(valid[-1]):
                m.d.sync += total.eq(total + weight)
        m.d.comb += self.done.eq(last[-1])
        return m

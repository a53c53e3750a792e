"""Segments are replayed against the synapse memory; each lane adds one weight per clock."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.memory_map import Memories, core_memories
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.scheduler import group_layout, segment_layout

__all__ = ["Lanes"]


class Lanes(wiring.Component):
    """Throughput: one row of ``lanes`` synapses per clock, and one clock more per group. Latency: 6 clocks
    from a row's issue to its sum, 7 with graded events.

    A lane is an adder and an accumulator. Sums stay in flip-flops while a group's lists are replayed; the clock
    after its last row hands them over and clears the accumulators, which waits until ``free``.

    i:              segments. reading: one is being read.
    read, address, entry: the event lists' read port.
    sums, group:    a group's sums, in the clock in which ``done`` is high.
    free:           the neuron units can take the sums of a group that is handed over from now on.
    handing_over:   they will.
    """

    i: stream.Interface

    def __init__(self, p: CoreParameters, memories: Memories):
        self.p = p
        self.memories = memories
        self.columns = {
            column: memories.block(column, layout, entries, p.weight_slice_bits)
            for column, (entries, layout) in core_memories(p).items()
            if column.startswith("weights")
        }
        self.weights = Signal(p.lanes * p.weight_bits, reset_less=True)
        super().__init__(
            {
                "i": In(stream.Signature(segment_layout(p))),
                "reading": Out(1),
                "read": Out(1),
                "address": Out(p.list_bits),
                "entry": In(entry_layout(p)),
                "sums": Out(signed(p.accumulator_bits)).array(p.lanes),
                "group": Out(group_layout(p)),
                "done": Out(1),
                "free": In(1),
                "handing_over": Out(1),
            }
        )

    @property
    def words(self) -> dict[str, Value]:
        """What the host reads of each column: its word in the fabric."""
        words, start = {}, 0
        for name, memory in self.columns.items():
            words[name] = self.weights[start : start + memory.width]
            start += memory.width
        return words

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
            self.read.eq(more),
            self.address.eq(segment.address),
            self.handing_over.eq(hand_over),
        ]
        with m.If(more):
            m.d.sync += [segment.left.eq(segment.left - 1), segment.address.eq(segment.address + 1)]
        with m.If(self.i.ready):
            m.d.sync += [active.eq(self.i.valid), segment.eq(self.i.payload)]
        with m.If(hand_over):
            m.d.sync += self.group.eq(segment.group)

        # 1: list entry; 2: in the fabric; 3: row address; 4: memory; 5: in the fabric; (6: times the event's value)
        graded = p.flit.value_bits > 1
        depth = 6 if graded else 5
        valid, last = Signal(depth), Signal(depth)
        rows = [Signal(p.row_bits, name=f"row{k}") for k in range(2)]
        index, row_address = Signal(p.flit.index_bits), Signal(p.row_bits)
        m.d.sync += [
            valid.eq(Cat(more, valid)),
            last.eq(Cat(hand_over, last)),
            rows[0].eq(segment.row),
            rows[1].eq(rows[0]),
            index.eq(self.entry.index),
            row_address.eq(Mux(self.memories.host.hold, self.memories.host.address, rows[1] + index)),
        ]
        values = [Signal(signed(p.flit.value_bits), name=f"value{k}") for k in range(4)] if graded else []
        if graded:
            m.d.sync += [b.eq(a) for a, b in zip([self.entry.value, *values], values, strict=False)]
        words = []
        for name, memory in self.columns.items():
            self.memories.lend(m, name, memory, row_address)
            words.append(memory.read_data)
        m.d.sync += self.weights.eq(Cat(words))
        for lane, total in enumerate(self.sums):
            weight = self.weights.word_select(lane, p.weight_bits).as_signed()
            if graded:
                product = Signal(signed(p.weight_bits + p.flit.value_bits), name=f"product{lane}", reset_less=True)
                m.d.sync += product.eq(weight * values[3])
                weight = product
            with m.If(last[-1]):
                m.d.sync += total.eq(0)
            with m.Elif(valid[-1]):
                m.d.sync += total.eq(total + weight)
        m.d.comb += self.done.eq(last[-1])
        return m

"""Segments are replayed against the synapse memory; each lane adds one weight per clock."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.layouts import Activity, credit_layout
from spikeloom.hdl.memory_map import Memories, core_memories
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.scheduler import group_layout, segment_layout

__all__ = ["Lanes"]

#: Groups whose sums are on their way: more than the clocks of that by the three from one to the next.
GROUPS = 8


class Lanes(wiring.Component):
    """Throughput: one row of ``lanes`` synapses per clock, and one clock more per group. Latency: 8 clocks
    from a row's issue to its sum, 9 where graded events are read; beside an event-stationary half 4 more. In a short
    pipeline 3 less, but for that half's sake.

    A lane is an adder and an accumulator. Sums stay in flip-flops while a group's lists are replayed; the clock
    after its last row hands them over and clears the accumulators, which waits until ``free``.

    i:              segments. running: one is being replayed. credit: a slot was read for the last time.
    read, address, entry: the event lists' read port.
    sums:           a group's sums, in the clock in which ``done`` is high.
    group:          the group last handed over; ``summed``: whose sums these are, where several groups are on their way.
    free:           the neuron units can take the sums of a group that is handed over now.
    handing_over:   they will.
    take, take_address: a row of sums is wanted; it is ``taken`` when the event-stationary half has it.
    idle, blocked:  what it means to have no segment, and to wait for ``free``; ``activity``: what the lanes do.
    """

    i: stream.Interface

    def __init__(self, p: CoreParameters, memories: Memories):
        self.p = p
        self.memories = memories
        self.columns = {
            column: memories.weights(column, layout, p)
            for column, (_, layout) in core_memories(p).items()
            if column.startswith("weights")
        }
        self.weights = Signal(p.lanes * p.weight_bits if p.rows else 0, reset_less=True)  # in the fabric
        super().__init__(
            {
                "i": In(stream.Signature(segment_layout(p))),
                "running": Out(1),
                "credit": Out(credit_layout(p)),
                "read": Out(1),
                "address": Out(p.list_bits),
                "entry": In(entry_layout(p)),
                "sums": Out(signed(p.accumulator_bits)).array(p.lanes),
                "group": Out(group_layout(p)),
                "done": Out(1),
                "free": In(1),
                "handing_over": Out(1),
                "idle": In(Activity),
                "blocked": In(Activity),
                "activity": Out(Activity),
            }
            | (
                {
                    "take": Out(1),
                    "take_address": Out(p.list_bits),
                    "taken": In(signed(p.scatter.accumulator_bits)).array(p.lanes),
                    "summed": Out(group_layout(p)),
                }
                if p.scatter
                else {}
            )
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
        segment = Signal(segment_layout(p), reset_less=True)
        active = Signal()
        waiting = Signal()  # everything was read, and the group ends
        through = Signal()  # at most one entry is left, and the next list of the group follows without a gap
        more = active & ~segment.left[-1]
        hand_over = waiting & self.free
        m.d.comb += [
            self.i.ready.eq(~active | hand_over | through),
            self.running.eq(active),
            self.read.eq(more & ~segment.ring if p.scatter else more),
            self.address.eq(segment.address),
            self.handing_over.eq(hand_over),
        ]
        m.d.sync += [self.credit.eq(segment.credit), self.credit.valid.eq(segment.credit.valid & (hand_over | through))]
        with m.If(more):
            m.d.sync += [segment.left.eq(segment.left - 1), segment.address.eq(segment.address + 1)]
            m.d.sync += [
                waiting.eq(segment.ends_group & (segment.left == 0)),
                through.eq(~segment.ends_group & (segment.left == 1)),
            ]
        with m.If(self.i.ready):
            new = self.i.payload
            m.d.sync += [
                active.eq(self.i.valid),
                segment.eq(new),
                waiting.eq(self.i.valid & new.ends_group & new.left[-1]),
                through.eq(self.i.valid & ~new.ends_group & (new.left <= 0)),
            ]
        with m.If(hand_over):
            m.d.sync += self.group.eq(segment.group)
        with m.If(more):
            m.d.comb += self.activity.eq(Activity.ROWS)
        with m.Elif(hand_over):
            m.d.comb += self.activity.eq(Mux(segment.group.last, Activity.STEP_END, Activity.HAND_OVER))
        with m.Elif(active):
            m.d.comb += self.activity.eq(Mux(segment.ends_group, self.blocked, Activity.SCHEDULER))
        with m.Else():
            m.d.comb += self.activity.eq(Mux(self.i.valid, Activity.SCHEDULER, self.idle))

        # 1: list entry; 2: beside its memory; 3: where it is needed; 4: row address; 5: weights; 6: beside their
        # memory; 7: where they are needed; (8: times the event's value). Block RAM is slow to answer, and far away.
        # A short pipeline is without 3, 6 and 7.
        graded = p.value_bits > 1
        valid, last = Signal(p.lane_latency - 1), Signal(p.lane_latency - 1)
        rings = Signal(p.lane_latency - 1)
        # A row of sums takes longer than a row of weights, which waits beside it.
        wait = p.lane_latency - p.row_latency - graded
        beside_lists = wait + 2 - p.short
        rows = [Signal(p.row_bits, name=f"row{k}") for k in range(1 + beside_lists)]
        entries = [Signal(entry_layout(p), name=f"entry{k}", reset_less=True) for k in range(beside_lists)]
        arriving = [self.entry, *entries]
        if p.entry_latency > 1:
            m.d.comb += entries[0].eq(self.entry)
            arriving = entries
        row_address, clear = Signal(p.row_bits), Signal(init=1)
        m.d.sync += [
            valid.eq(Cat(more, valid)),
            last.eq(Cat(hand_over, last)),
            clear.eq(last[-2]),
            *(b.eq(a) for a, b in zip([segment.row, *rows], rows, strict=False)),
            *(b.eq(a) for a, b in zip(arriving, arriving[1:], strict=False)),
            row_address.eq(self.memories.address(rows[-1] + entries[-1].index)),
        ]
        # Multipliers take in the registers before and behind them, but none that has a reset.
        beside_weights = range(4 - 2 * p.short) if graded else ()
        values = [Signal(signed(p.value_bits), name=f"value{k}", reset_less=True) for k in beside_weights]
        if graded:
            m.d.sync += [b.eq(a) for a, b in zip([entries[-1].value, *values], values, strict=False)]
        words: list[Value] = []
        for name, memory in self.columns.items():
            self.memories.lend(m, name, memory)
            m.d.comb += memory.read_address.eq(row_address)
            if p.single_port:
                m.d.comb += memory.read.eq(valid[2 * p.short - 4 - graded])
            words.append(memory.read_data)
        if p.short:
            m.d.comb += self.weights.eq(Cat(words))
        else:
            beside = Signal.like(self.weights, reset_less=True)
            m.d.sync += [beside.eq(Cat(words)), self.weights.eq(beside)]
        if p.scatter:
            m.d.sync += rings.eq(Cat(more & segment.ring, rings))
            m.d.comb += [self.take.eq(more & segment.ring), self.take_address.eq(segment.address)]
            m.submodules.groups = groups = self.memories.table("groups", group_layout(p), GROUPS)
            handed_over = Signal()
            m.d.sync += [
                handed_over.eq(hand_over),
                groups.write_address.eq(groups.write_address + handed_over),
                groups.read_address.eq(groups.read_address + self.done),
            ]
            m.d.comb += [
                groups.write.eq(handed_over),
                groups.write_data.eq(self.group),
                self.summed.as_value().eq(groups.read_data),
            ]
        for lane, output in enumerate(self.sums):
            # Cleared after a reset as after a group, which spares the reset its way to every lane.
            total = Signal(signed(p.accumulator_bits), name=f"total{lane}", reset_less=True)
            m.d.comb += output.eq(total)
            weight: Value = self.weights.word_select(lane, p.weight_bits).as_signed() if p.rows else Const(0, signed(1))
            if graded and p.rows:
                product = Signal(signed(p.weight_bits + p.value_bits), name=f"product{lane}", reset_less=True)
                m.d.sync += product.eq(weight * values[-1])
                weight = product
            if p.scatter:
                weight = Mux(rings[-1], self.taken[lane], weight)
            with m.If(clear):
                m.d.sync += total.eq(0)
            with m.Elif(valid[-1]):
                m.d.sync += total.eq(total + weight)
        m.d.comb += self.done.eq(last[-1])
        return m

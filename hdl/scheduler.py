"""Which population runs when, and which lists it reads: the descriptor tables at work."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from spikeloom.hdl.layouts import Activity, Tables, credit_layout
from spikeloom.hdl.memory_map import Memories
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.struct import struct
from spikeloom.hdl.tokens import Tokens

__all__ = ["Scheduler", "clock_layout", "group_layout", "reader_layout", "segment_layout"]


def group_layout(p: CoreParameters) -> data.StructLayout:
    """What the neuron units must know of a group of ``lanes`` neurons."""
    return struct(
        {
            "source": p.flit.source_bits,
            "sequence": 2,
            "first": 1,  # step of a sample
            "last": 1,  # group of its step
            "count": p.lane_bits,  # neurons, less one
            "unit_address": p.unit_address_bits,
        }
        | ({"parameter_address": p.unit_address_bits} if p.folded else {})
        | ({"delay_limit": bits_for(p.delay_limit)} if p.delay_limit else {})  # steps left of the sample
    )


def segment_layout(p: CoreParameters) -> data.StructLayout:
    """One list, replayed for one group."""
    return struct(
        {
            "left": signed(p.flit.index_bits + 1),  # entries, less one
            "address": p.list_bits,
            "row": p.row_bits,
            "ends_group": 1,
            "credit": credit_layout(p),  # goes back when the list has been read for the last time
            "group": group_layout(p),
        }
        | ({"ring": 1} if p.scatter else {})  # what is at the address is a row of sums
    )


def reader_layout(p: CoreParameters) -> data.StructLayout:
    """Where a projection reads next."""
    return struct({"slot": p.slot_bits, "base": p.list_bits})


def clock_layout() -> data.StructLayout:
    """Where a population is in its sample."""
    return struct({"step": 16, "sequence": 2})


class Scheduler(wiring.Component):
    """Runs any population whose inputs have ticked and whose outputs have credit.

    For each group of neurons it hands out one segment per incoming projection; those of the last group carry the slots'
    credits back. Throughput: one segment in three clocks, while others are replayed; one more per step.

    o:            segments.
    ticked:       per projection, a step of its source was closed.
    returns:      credits that come back, from this core and from others.
    enable:       populations may start. fault: none will any more. running: one has, or may.
    activity:     why there is no segment: :class:`Activity` TICK, CREDIT or SCHEDULER.
    steps:        steps per sample, 0: endless.
    initialise:   the first clocks after a reset, in which tables set the counters; ``number`` counts through them.
    slot, count:  the number of events in a slot of the event lists.

    prefix: of the names of its tables. first_channel: the number of its first channel among those out of the node.
    """

    o: stream.Interface

    def __init__(self, p: CoreParameters, node: int, memories: Memories, *, prefix: str = "", first_channel: int = 0):
        self.p = p
        self.node = node
        self.memories = memories
        self.prefix = prefix
        self.first_channel = first_channel
        tables = Tables(p)
        self.tables = {
            name: memories.table(prefix + name, layout, entries)
            for name, layout, entries in (
                ("populations", tables.population, p.populations),
                ("projections", tables.projection, p.projections),
                ("channels", tables.channel, p.channels),
            )
        }
        #: the rows last read
        self.rows = {
            "populations": Signal(tables.population, reset_less=True),
            "projections": Signal(tables.projection, reset_less=True),
            "channels": Signal(tables.channel, reset_less=True),
        }
        super().__init__(
            {
                "o": Out(stream.Signature(segment_layout(p))),
                "ticked": In(p.projections),
                "returns": In(credit_layout(p)).array(p.returns),
                "enable": In(1),
                "fault": In(1),
                "running": Out(1),
                "activity": Out(Activity),
                "steps": In(16),
                "initialise": Out(1, init=1),
                "number": Out(p.flit.source_bits),
                "slot": Out(p.flit.source_bits + p.slot_bits),
                "count": In(p.flit.index_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p, tables = self.p, Tables(self.p)

        # Counters and what they start from --------------------------------------------------------------------------
        m.submodules.ticks = ticks = Tokens(p.projections, p.token_bits)
        m.submodules.credits = free_slots = Tokens(p.channels, p.token_bits)
        m.submodules.readers = readers = self.memories.table(f"{self.prefix}readers", reader_layout(p), p.projections)
        m.submodules.clocks = clocks = self.memories.table(f"{self.prefix}clocks", clock_layout(), p.populations)
        longest = max(p.projections, p.channels, p.populations, p.flit.sources)
        number = Signal(range(max(2, longest)))
        with m.If(self.initialise):
            m.d.sync += number.eq(number + 1)
            with m.If(number == longest - 1):
                m.d.sync += self.initialise.eq(0)
        m.d.comb += self.number.eq(number)

        at = Signal(range(max(2, p.projections)))  # the projection in hand
        candidate = Signal(range(max(2, p.populations)))
        init = self.initialise
        population, projection, channel = self.rows.values()
        addresses = {"populations": candidate, "projections": Mux(init, number, at), "channels": number}
        for name, address in addresses.items():
            self.memories.lend(m, self.prefix + name, self.tables[name])
            m.d.comb += self.tables[name].read_address.eq(self.memories.address(address))
            m.d.sync += self.rows[name].as_value().eq(self.tables[name].read_data)
        # Rows are there one clock after their number.
        loaded, loading = Signal.like(number), Signal()
        m.d.sync += [loaded.eq(number), loading.eq(init)]
        m.d.comb += [
            ticks.add.eq(self.ticked),
            ticks.value.eq(projection.delay),
            free_slots.value.eq(channel.credit),
        ]
        for k in range(p.projections):
            m.d.comb += ticks.load[k].eq(loading & (loaded == k))
        for k in range(p.channels):
            m.d.comb += free_slots.load[k].eq(loading & (loaded == k))
            m.d.comb += free_slots.add[k].eq(
                Cat(r.valid & (r.node == self.node) & (r.channel == self.first_channel + k) for r in self.returns).any()
            )

        # Find a population that is ready ----------------------------------------------------------------------------
        found = Signal(tables.population)
        found_number = Signal.like(candidate)
        found_valid, start = Signal(), Signal()
        reads, writes = Signal(p.projections), Signal(p.channels)
        m.d.comb += [reads.eq(found.reads), writes.eq(found.writes)]
        no_credit = Signal(p.populations)  # populations that wait for nothing else
        # Clocks until all populations have been looked at again: three each, one more for the one in hand, and two in
        # which a counter that changes does not show it yet.
        search = 3 * (p.populations + 1) + 2
        unsettled = Signal(range(search + 1), init=search)
        with m.FSM(name="find"):
            with m.State("NEXT"):  # the candidate's row is on its way
                with m.If(~init & self.enable):
                    m.next = "LOOK"
            with m.State("LOOK"):
                m.d.sync += [
                    found.eq(population),
                    found_number.eq(candidate),
                    candidate.eq(Mux(candidate == p.populations - 1, 0, candidate + 1)),
                ]
                m.next = "CHECK"
            with m.State("CHECK"):
                ticked = (ticks.some | ~reads).all() & found.valid
                credited = (free_slots.some | ~writes).all()
                m.d.sync += no_credit.bit_select(found_number, 1).eq(ticked & ~credited)
                m.next = "NEXT"
                with m.If(ticked & credited & self.enable):
                    m.d.sync += found_valid.eq(1)
                    m.next = "OFFER"
            with m.State("OFFER"):
                with m.If(start):
                    m.d.sync += found_valid.eq(0)
                    m.next = "NEXT"
        # Two clocks before `some` is looked at again.
        started = Signal()
        m.d.sync += started.eq(start)
        with m.If(started):
            m.d.comb += [ticks.take.eq(reads), free_slots.take.eq(writes)]

        # Run it: its groups, its projections ------------------------------------------------------------------------
        segment = self.o.payload
        group = segment.group
        run = Signal(tables.population)  # `first`, `tail` and `groups` of the population that runs
        step, sequence = Signal(16), Signal(2)
        groups_left = Signal(p.group_bits)
        row = Signal(p.row_bits)
        unit_address = Signal(p.unit_address_bits)
        run_number = Signal.like(candidate)
        clock, clock_next = Signal(clock_layout()), Signal(clock_layout())
        reader, reader_next = Signal(reader_layout(p)), Signal(reader_layout(p))
        m.d.comb += [
            clocks.read_address.eq(found_number),
            clocks.write_address.eq(Mux(loading, loaded, run_number)),
            clocks.write_data.eq(clock_next),
            clock.as_value().eq(clocks.read_data),
            readers.read_address.eq(at),
            readers.write_address.eq(Mux(loading, loaded, at)),
            readers.write_data.eq(reader_next),
        ]
        m.d.sync += reader.as_value().eq(readers.read_data)
        # A clock after `step` is set its successor is ready. An endless sample's first step must not come again.
        last_step, endless, ends_sample, increment = Signal(16), Signal(), Signal(), Signal(16)
        m.d.sync += [
            last_step.eq(self.steps - 1),
            endless.eq(self.steps == 0),
            ends_sample.eq(step == last_step),
            increment.eq(step + 1),
        ]
        next_step = Mux(ends_sample, endless.replicate(16), increment)
        wrap, advanced = reader.slot == projection.slots, Signal(reader_layout(p))
        m.d.sync += [
            advanced.slot.eq(Mux(wrap, 0, reader.slot + 1)),
            advanced.base.eq(Mux(wrap, projection.base, reader.base + projection.capacity)),
        ]
        with m.If(loading):
            m.d.comb += [
                clocks.write.eq(1),
                readers.write.eq(1),
                reader_next.slot.eq(projection.slot),
                reader_next.base.eq(projection.start),
            ]
        with m.Else():
            m.d.comb += [
                clock_next.step.eq(next_step),
                clock_next.sequence.eq(sequence + 1),
                reader_next.eq(advanced),
            ]
        # A step before the sample's first is empty, whatever its slot holds.
        before = Signal()
        before_next = ~projection.rows | (step < projection.delay)
        left = Signal(signed(p.flit.index_bits + 1))
        last_projection, stride = Signal(), Signal(p.flit.index_bits)
        last_group, last_of_step = groups_left == 0, Signal()
        entries, first_entry = Mux(before, 0, self.count), reader.base
        # What only some designs have.
        ring_row = Signal(p.group_bits)
        if p.scatter:  # a group has one row of sums
            entries, first_entry = Mux(projection.ring, 1, entries), reader.base + Mux(projection.ring, ring_row, 0)
        parameter_address, period_left = Signal.like(unit_address), Signal.like(groups_left)
        steps_left, limit = Signal(16), Signal(bits_for(p.delay_limit))
        if p.delay_limit:
            many = endless | (steps_left > p.delay_limit)
            m.d.sync += [steps_left.eq(last_step - step), limit.eq(Mux(many, p.delay_limit, steps_left))]
        m.d.comb += [left.eq(entries - 1), last_of_step.eq(last_projection & last_group)]
        with m.FSM(name="run") as fsm:
            with m.State("IDLE"):
                m.d.comb += start.eq(found_valid)
                m.d.sync += [
                    run.eq(found),
                    run_number.eq(found_number),
                    at.eq(found.first),
                    groups_left.eq(found.groups),
                    row.eq(found.rows),
                    unit_address.eq(found.unit_base),
                    step.eq(clock.step),
                    sequence.eq(clock.sequence),
                ]
                if p.scatter:
                    m.d.sync += ring_row.eq(0)
                if p.folded:
                    m.d.sync += [parameter_address.eq(found.parameter_base), period_left.eq(found.period)]
                with m.If(found_valid):
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.next = "FETCH"
            with m.State("FETCH"):
                m.d.sync += [
                    before.eq(before_next),
                    self.slot.eq(Cat(reader.slot, projection.source)),
                    last_projection.eq(projection.last),
                    stride.eq(projection.stride),
                ]
                with m.If(~self.o.valid | self.o.ready):
                    m.d.sync += segment.address.eq(first_entry)
                    m.next = "HAND OUT"
            with m.State("HAND OUT"):
                m.d.sync += [
                    self.o.valid.eq(1),
                    segment.left.eq(left),
                    segment.row.eq(row),
                    segment.ends_group.eq(last_projection),
                    segment.credit.valid.eq(last_group),
                    segment.credit.node.eq(projection.node),
                    segment.credit.channel.eq(projection.channel),
                    group.source.eq(run.source),
                    group.sequence.eq(sequence),
                    group.first.eq(step == 0),
                    group.last.eq(last_group),
                    group.count.eq(Mux(last_group, run.tail, p.lanes - 1)),
                    group.unit_address.eq(unit_address),
                    row.eq(row + stride),
                    at.eq(at + 1),
                ]
                if p.scatter:
                    m.d.sync += segment.ring.eq(projection.ring)
                if p.folded:
                    m.d.sync += group.parameter_address.eq(parameter_address)
                if p.delay_limit:
                    m.d.sync += group.delay_limit.eq(limit)
                m.d.comb += [readers.write.eq(last_group), clocks.write.eq(last_of_step)]
                m.next = "LOAD"
                with m.If(last_projection):
                    m.d.sync += [
                        at.eq(run.first),
                        groups_left.eq(groups_left - 1),
                        unit_address.eq(unit_address + p.beats),
                    ]
                    if p.scatter:
                        m.d.sync += ring_row.eq(ring_row + 1)
                    if p.folded:
                        around = period_left == 0
                        m.d.sync += [
                            parameter_address.eq(Mux(around, run.parameter_base, parameter_address + p.beats)),
                            period_left.eq(Mux(around, run.period, period_left - 1)),
                        ]
                    with m.If(last_group):
                        m.next = "IDLE"
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.ticked.any() | free_slots.add.any() | started):
            m.d.sync += unsettled.eq(search)
        with m.Elif(self.enable & unsettled.any()):
            m.d.sync += unsettled.eq(unsettled - 1)
        busy = ~fsm.ongoing("IDLE") | found_valid | self.o.valid
        m.d.comb += self.running.eq(busy | (unsettled.any() & ~self.fault))
        m.d.comb += self.activity.eq(
            Mux(busy, Activity.SCHEDULER, Mux(no_credit.any(), Activity.CREDIT, Activity.TICK))
        )
        return m

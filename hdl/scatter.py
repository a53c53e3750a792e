"""The event-stationary order: each event scatters its weights into a ring of sums, which the lanes take row by row."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.fan_out import FanOut
from spikeloom.hdl.layouts import Activity, Tables, credit_layout
from spikeloom.hdl.memory_map import Memories, core_memories
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.ring import Ring
from spikeloom.hdl.scheduler import Scheduler

__all__ = ["Scatter"]


class Scatter(wiring.Component):
    """Throughput: one row of ``lanes`` synapses, or one synapse of a list, per clock; about 25 clocks more per step
    of a projection.

    What it adds up for a population is one more list that the lanes replay: a step of the ring is a slot, its end a
    tick, and the credit for it comes back when the lanes have taken its last row.

    ticked, returns, enable, fault, steps, number, slot, count: as of :class:`Scheduler`.
    done:    per projection of the core, the sums of a step that it reads are complete.
    credit:  a slot of the lists was read for the last time; it stays until ``credited``.
    read, address, granted, entry: the event lists' read port, when it is free.
    take, take_address: a row of sums is wanted; it is ``taken`` 11 clocks later, 12 where graded events are read.
    running: a step is in work. activity: what it does.
    """

    def __init__(self, p: CoreParameters, node: int, memories: Memories):
        assert p.scatter
        self.p = p
        self.memories = memories
        self.scheduler = Scheduler(p.scatter_core, node, memories, prefix="scatter_", first_channel=p.node_channels)
        self.fan_out = FanOut(p, memories)
        self.ring = Ring(p, memories)
        tables = Tables(p)
        self.descriptors = memories.table("fan_outs", tables.fan_out, p.scatter.projections)
        self.descriptor = Signal(tables.fan_out, reset_less=True)
        self.rings = memories.table("scatter_rings", tables.ring, p.scatter.rings)
        self.place = Signal(tables.ring, name="ring", reset_less=True)
        self.blocks = {
            name: memories.block(name, layout, entries)
            for name, (entries, layout) in core_memories(p).items()
            if name.startswith(("kernels", "synapses"))
        }
        self.words = {
            name: Signal(block.width, name=f"{name}_word", reset_less=True) for name, block in self.blocks.items()
        }
        super().__init__(
            {
                "ticked": In(p.scatter.projections),
                "returns": In(credit_layout(p)).array(p.returns),
                "enable": In(1),
                "fault": In(1),
                "steps": In(16),
                "slot": Out(p.flit.source_bits + p.slot_bits),
                "count": In(p.flit.index_bits),
                "done": Out(p.projections),
                "credit": Out(credit_layout(p)),
                "credited": In(1),
                "read": Out(1),
                "address": Out(p.list_bits),
                "granted": In(1),
                "entry": In(entry_layout(p)),
                "take": In(1),
                "take_address": In(p.scatter.ring_bits),
                "taken": Out(signed(p.scatter.accumulator_bits)).array(p.lanes),
                "running": Out(1),
                "activity": Out(Activity),
            }
        )

    @property
    def readable(self) -> dict[str, Value]:
        """The words that the host reads, by memory."""
        return {
            **{f"scatter_{name}": row.as_value() for name, row in self.scheduler.rows.items()},
            "fan_outs": self.descriptor.as_value(),
            "scatter_rings": self.place.as_value(),
            "places": self.fan_out.place.as_value(),
            **self.words,
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p, s, tables = self.p, self.p.scatter, Tables(self.p)
        assert s
        m.submodules.scheduler = scheduler = self.scheduler
        m.submodules.fan_out = fan_out = self.fan_out
        m.submodules.ring = ring = self.ring
        segment, init = scheduler.o.payload, scheduler.initialise
        clearing = Signal(init=1)
        m.d.sync += clearing.eq(ring.clear | ring.clearing)
        m.d.comb += [
            ring.clear.eq(init),
            scheduler.ticked.eq(self.ticked),
            scheduler.enable.eq(self.enable & ~clearing),
            scheduler.fault.eq(self.fault),
            scheduler.steps.eq(self.steps),
            scheduler.count.eq(self.count),
            self.slot.eq(scheduler.slot),
        ]
        m.d.comb += [a.eq(b) for a, b in zip(scheduler.returns, self.returns, strict=True)]

        # One projection's events at a time: its description, and where this step's sums are -------------------------
        job = Signal.like(segment, name="job")
        descriptor, place = self.descriptor, self.place
        population = job.group.unit_address[: len(self.rings.read_address)]
        heads = self.memories.table("heads", s.ring_bits, s.rings)  # where this step's sums are
        m.submodules.heads = heads
        head = Signal(s.ring_bits, reset_less=True)
        for name, table, address in (
            ("fan_outs", self.descriptors, job.row),
            ("scatter_rings", self.rings, Mux(init, scheduler.number, population)),
        ):
            self.memories.lend(m, name, table)
            m.d.comb += table.read_address.eq(self.memories.address(address))
        loading, loaded = Signal(), Signal.like(scheduler.number)
        m.d.sync += [
            descriptor.as_value().eq(self.descriptors.read_data),
            place.as_value().eq(self.rings.read_data),
            head.eq(heads.read_data),
            loading.eq(init),
            loaded.eq(scheduler.number),
        ]
        next_head = Signal(s.ring_bits)
        m.d.sync += next_head.eq(Mux(head == place.last, place.base, head + place.rows))
        advance = Signal()
        m.d.comb += [
            heads.read_address.eq(population),
            heads.write_address.eq(Mux(loading, loaded, population)),
            heads.write_data.eq(Mux(loading, place.base, next_head)),
            heads.write.eq((loading & (loaded < s.rings)) | advance),
            fan_out.projection.eq(descriptor),
            fan_out.address.eq(job.address),
            fan_out.left.eq(job.left),
        ]
        graded = p.value_bits > 1
        asked = 7 + graded  # clocks from a row of the generator to the ring
        in_pipeline = Signal(asked + 1)
        empty, state = Signal(), Signal(Activity)
        m.d.sync += empty.eq(~fan_out.busy & ~in_pipeline.any())
        with m.FSM(name="job") as fsm:
            with m.State("IDLE"):
                m.d.comb += [scheduler.o.ready.eq(1), state.eq(scheduler.activity)]
                m.d.sync += job.eq(segment)
                with m.If(scheduler.o.valid):
                    m.d.comb += state.eq(Activity.SCHEDULER)
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += state.eq(Activity.SCHEDULER)
                m.next = "START"
            with m.State("START"):
                m.d.comb += [fan_out.start.eq(1), state.eq(Activity.SCHEDULER)]
                m.next = "STARTED"
            with m.State("STARTED"):  # it shows as busy a clock later
                m.d.comb += state.eq(Activity.SCHEDULER)
                m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += state.eq(Mux(fan_out.busy, Activity.NEURON_UNIT, Activity.SCHEDULER))
                with m.If(empty & ~fan_out.busy):
                    m.next = "CREDIT"
            with m.State("CREDIT"):
                m.d.comb += [self.credit.eq(job.credit), state.eq(Activity.SCHEDULER)]
                with m.If(self.credited):
                    m.next = "IDLE"
                    with m.If(job.ends_group):
                        m.d.comb += [advance.eq(1), state.eq(Activity.STEP_END)]
                        m.d.comb += self.done.bit_select(place.reader, 1).eq(1)

        # The lanes' wish for a row of sums takes the place of a row of weights ---------------------------------------
        hold, wish = Signal(), Signal(s.ring_bits)
        m.d.sync += [hold.eq(self.take), wish.eq(self.take_address)]
        m.d.comb += [
            fan_out.hold.eq(hold),
            fan_out.granted.eq(self.granted),
            fan_out.entry.eq(self.entry),
            self.read.eq(fan_out.read),
            self.address.eq(fan_out.list_address),
        ]
        with m.If(fan_out.valid):
            m.d.comb += self.activity.eq(Activity.ROWS)
        with m.Elif(fsm.ongoing("RUN") & hold):
            m.d.comb += self.activity.eq(Activity.HAND_OVER)
        with m.Else():
            m.d.comb += self.activity.eq(state)

        # Where a row's sums are, and its weights ---------------------------------------------------------------------
        # 1: relative to this step's sums; 3: a synapse of a list is in the fabric; 4 to 6: its delay, around the
        # ring's end; 7 (8 with graded events): it is asked for. Meanwhile 5: the address of a row of weights; 6: read;
        # 7: in the fabric; 8: for the lanes that are meant; 9: beside the adders, or (9, 10) times the event's value.
        listed, single = descriptor.listed, descriptor.single
        adds, takes = ([Signal(name=f"{name}{k}") for k in range(asked + 1)] for name in ("adds", "takes"))
        m.d.comb += [adds[0].eq(fan_out.valid), takes[0].eq(hold)]
        rows = [Signal(row, name=f"row{k}", reset_less=True) for k, row in enumerate([fan_out.row.shape()] * 10)]
        m.d.comb += rows[0].eq(fan_out.row)
        bases = [Signal(s.ring_bits, name=f"base{k}", reset_less=True) for k in range(asked + 1)]
        m.d.comb += bases[0].eq(Mux(hold, wish, head + rows[0].row))
        m.d.sync += [b.eq(a) for a, b in zip(rows, rows[1:], strict=False)]
        m.d.sync += [b.eq(a) for a, b in zip(bases, bases[1:], strict=False)]
        for pipe in (adds, takes):
            m.d.sync += [b.eq(a) for a, b in zip(pipe, pipe[1:], strict=False)]
        m.d.comb += in_pipeline.eq(Cat(adds))
        weights_address = Signal(s.weight_address_bits, reset_less=True)
        weight: Value | None = None
        lanes = [Signal(p.lane_bits, name=f"lane{k}", reset_less=True) for k in range(4)]
        m.d.comb += lanes[0].eq(rows[3].lane)  # row 3 is beside what the list says
        if s.synapses:
            self.memories.lend(m, "synapses", self.blocks["synapses"])
            synapse_address = Signal(s.weight_address_bits, reset_less=True)
            m.d.sync += synapse_address.eq(self.memories.address(rows[0].weights))
            m.d.comb += self.blocks["synapses"].read_address.eq(synapse_address)
            m.d.sync += self.words["synapses"].eq(self.blocks["synapses"].read_data)
            synapse = data.View(tables.synapse, self.words["synapses"])
            targets = [Signal(s.step_row_bits, name=f"target{k}", reset_less=True) for k in range(3)]
            numbers = [Signal(signed(s.weight_bits), name=f"number{k}", reset_less=True) for k in range(4)]
            m.d.sync += [
                targets[0].eq(Mux(listed & ~takes[3], synapse.row, 0)),
                targets[1].eq(targets[0]),
                targets[2].eq(targets[1]),
                numbers[0].eq(synapse.weight),
            ]
            m.d.sync += [b.eq(a) for a, b in zip(numbers, numbers[1:], strict=False)]
            with m.If(listed):
                m.d.comb += lanes[0].eq(synapse.lane)
            weight = numbers[3]
            if s.max_delay:
                ahead = Signal(s.ring_bits + 1, reset_less=True)  # rows by which the delay is ahead
                late = Signal()  # it has a delay
                far, back = Signal(s.ring_bits + 1, reset_less=True), Signal(s.ring_bits, reset_less=True)
                around = Signal()
                m.d.sync += [
                    ahead.eq(synapse.delay * place.rows),
                    late.eq(listed & ~takes[3]),
                    adds[4].eq(adds[3] & (~listed | (synapse.delay <= job.group.delay_limit))),
                    far.eq(bases[4] + Mux(late, ahead, 0)),
                    back.eq(far - place.size),
                    around.eq(far > place.end),
                    bases[6].eq(far),
                    bases[7].eq(Mux(around & ~takes[6], back, bases[6]) + targets[2]),
                ]
            else:
                m.d.sync += bases[7].eq(bases[6] + targets[2])
        for k in range(3):
            m.d.sync += lanes[k + 1].eq(lanes[k])  # lanes[3] is beside row 6
        own = Signal(p.lanes)  # beside row 7
        whole = ~listed & ~single
        m.d.sync += own.eq(Cat(whole | (lanes[3] == k) for k in range(p.lanes)) if p.lanes > 1 else 1)
        words: Value = Cat()
        if s.kernel_rows:
            m.d.sync += weights_address.eq(self.memories.address(rows[4].weights))
            read, found = [], []
            for name, block in self.blocks.items():
                if name.startswith("kernels"):
                    self.memories.lend(m, name, block)
                    m.d.comb += block.read_address.eq(weights_address)
                    read.append(block.read_data)
                    found.append(self.words[name])
            m.d.sync += Cat(found).eq(Cat(read))
            words = Cat(found)
        m.d.comb += [
            ring.add.eq(adds[-1]),
            ring.take.eq(takes[-1]),
            ring.address.eq(bases[-1]),
            self.running.eq(scheduler.running | ~fsm.ongoing("IDLE") | init | clearing),
        ]
        m.d.comb += [a.eq(b) for a, b in zip(self.taken, ring.taken, strict=True)]
        for lane in range(p.lanes):
            number, beside = (
                Signal(signed(s.weight_bits), name=f"{name}{lane}", reset_less=True) for name in ("weight", "beside")
            )
            of_row = words.word_select(lane, s.weight_bits).as_signed() if s.kernel_rows else None
            stored = Mux(listed, weight, of_row) if s.synapses and s.kernel_rows else weight if s.synapses else of_row
            m.d.sync += [number.eq(Mux(own[lane], stored, 0)), beside.eq(number)]
            product = beside
            if graded:  # multipliers take in the registers before and behind them, but none that has a reset
                product = Signal(signed(s.weight_bits + p.value_bits), name=f"product{lane}", reset_less=True)
                m.d.sync += product.eq(beside * rows[9].value)
            m.d.comb += ring.weights[lane].eq(product)
        return m

"""A core turns events into events: lists, scheduler, lanes, neuron units."""

from functools import reduce
from operator import or_

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.destinations import Destinations
from spikeloom.hdl.event_lists import EventLists
from spikeloom.hdl.lanes import Lanes
from spikeloom.hdl.layouts import Activity, HostPort, credit_layout, flit_layout
from spikeloom.hdl.memory_map import Images, Memories, core_memories
from spikeloom.hdl.neuron_units import NeuronUnits
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.routers.packet import packet_layout
from spikeloom.hdl.scatter import Scatter
from spikeloom.hdl.scheduler import Scheduler
from spikeloom.hdl.streams import Buffer, Fork, Merge

__all__ = ["Core"]

#: Memories that are read back together, before all are.
MEET = 3


class Core(wiring.Component):
    """Runs the populations of its descriptor tables.

    Clocks per step of a population: about ``groups * max(events + 1, lanes / units, 8)``.

    i:       events and ticks from the host and from other cores.
    o:       events and ticks of the populations served here; packets of them if there are other cores.
    returns, credit: credits that come, and those that go.
    host:    the internal port. steps: steps per sample, 0: endless. enable: populations may start.
    observe: a bit per population: the host reads its events too.
    running: something is in work. fault: a tick did not match its events. activity: what the lanes did a clock ago.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self, p: CoreParameters, name: str, node: int, entry_bits: int, address_bits: int, images: Images | None = None
    ):
        self.p = p
        self.name = name
        self.node = node
        self.images = images or {}
        flit = flit_layout(p.flit)
        super().__init__(
            {
                "i": In(stream.Signature(flit)),
                "o": Out(stream.Signature(flit if p.alone else packet_layout(p.nodes, flit))),
                "returns": In(credit_layout(p)).array(p.returns),
                "credit": Out(credit_layout(p)),
                "host": In(HostPort(len(core_memories(p)), entry_bits, address_bits)),
                "steps": In(16),
                "enable": In(1),
                "running": Out(1, init=1),
                "fault": Out(1),
                "activity": Out(Activity),
            }
            | ({"scatter_activity": Out(Activity)} if p.scatter else {})
            | ({} if p.alone else {"observe": In(32)})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p, flit = self.p, flit_layout(self.p.flit)
        memories = Memories(self.name, core_memories(p), self.host, self.images)
        m.submodules.event_lists = lists = EventLists(p, memories)
        m.submodules.scheduler = scheduler = Scheduler(p, self.node, memories)
        m.submodules.lanes = lanes = Lanes(p, memories)
        m.submodules.neuron_units = units = NeuronUnits(p, memories)
        m.submodules.merge = merge = Merge(flit, 2)
        m.submodules.buffer = buffer = Buffer(flit)
        m.submodules.fork = fork = Fork(flit, 2)

        # Events go out, and back in for those populations here that read them.
        wiring.connect(m, units.o, buffer.i)
        wiring.connect(m, buffer.o, fork.i)
        wiring.connect(m, fork.o[0], merge.i[0])
        leaving = fork.o[1]
        rows = {"sources": lists.source, **scheduler.rows}
        if not p.alone:
            m.submodules.destinations = destinations = Destinations(p, memories, p.flit.sources)
            wiring.connect(m, leaving, destinations.i)
            m.d.comb += destinations.observe.eq(self.observe)
            leaving, rows["destinations"] = destinations.o, destinations.row
        wiring.connect(m, leaving, wiring.flipped(self.o))
        wiring.connect(m, wiring.flipped(self.i), merge.i[1])
        wiring.connect(m, merge.o, lists.i)
        wiring.connect(m, scheduler.o, lanes.i)
        m.d.comb += [
            scheduler.ticked.eq(lists.ticked),
            scheduler.enable.eq(self.enable & ~lists.fault),
            scheduler.fault.eq(lists.fault),
            scheduler.steps.eq(self.steps),
            scheduler.count.eq(lists.count),
            lists.slot.eq(scheduler.slot),
            lists.initialise.eq(scheduler.initialise),
            lists.number.eq(scheduler.number),
            lists.read.eq(lanes.read),
            lists.address.eq(lanes.address),
            lanes.entry.eq(lists.entry),
            lanes.free.eq(units.free),
            units.group.eq(lanes.group),
            units.done.eq(lanes.done),
            units.handing_over.eq(lanes.handing_over),
            lanes.idle.eq(scheduler.activity),
            lanes.blocked.eq(units.blocked),
            self.credit.eq(lanes.credit),
            self.fault.eq(lists.fault),
        ]
        extra = None
        if p.scatter:
            extra = self._scatter(m, memories, lists, scheduler, lanes)
            m.d.comb += units.summed.eq(lanes.summed)
        m.d.comb += [a.eq(b) for a, b in zip(units.sums, lanes.sums, strict=True)]
        m.d.comb += [a.eq(b) for a, b in zip(scheduler.returns, self.returns, strict=True)]
        parts = (scheduler, lists, lanes, units, *([extra] if extra else []))
        running = (scheduler.initialise, *(part.running for part in parts), buffer.o.valid, merge.o.valid)
        m.d.sync += [self.activity.eq(lanes.activity), self.running.eq(reduce(or_, running))]

        # Read-back: the selected memory's entry, one word of it. Memories are far apart, so they meet in two steps.
        readable = {name: row.as_value() for name, row in rows.items()} | lanes.words | units.words
        readable |= extra.readable if extra else {}
        entry = Signal(len(self.host.write_data), reset_less=True)
        read_data = Signal(32, reset_less=True)
        gated = [Mux(self.host.select[k], readable[name], 0) for k, name in enumerate(core_memories(p))]
        met = []
        for k in range(0, len(gated), MEET):
            some = reduce(or_, gated[k : k + MEET])
            met.append(Signal(len(some), name=f"met{k}", reset_less=True))
            m.d["comb" if p.short else "sync"] += met[-1].eq(some)
        m.d.sync += entry.eq(reduce(or_, met))
        words = Array(entry.word_select(k, 32) for k in range(len(entry) // 32))
        m.d.sync += read_data.eq(words[self.host.word])
        m.d.comb += self.host.read_data.eq(read_data)
        return m

    def _scatter(self, m: Module, memories: Memories, lists: EventLists, scheduler: Scheduler, lanes: Lanes) -> Scatter:
        """The event-stationary half: it reads the lists when the lanes do not, and its sums are one more list."""
        p = self.p
        assert p.scatter
        m.submodules.scatter = scatter = Scatter(p, self.node, memories)
        m.d.comb += [
            scatter.ticked.eq(lists.ticked[p.projections :]),
            scatter.enable.eq(self.enable & ~lists.fault),
            scatter.fault.eq(lists.fault),
            scatter.steps.eq(self.steps),
            lists.scatter_slot.eq(scatter.slot),
            scatter.count.eq(lists.scatter_count),
            scatter.granted.eq(~lanes.read),
            scatter.entry.eq(lists.entry),
            scatter.take.eq(lanes.take),
            scatter.take_address.eq(lanes.take_address),
            scatter.credited.eq(~lanes.credit.valid),
        ]
        m.d.comb += [a.eq(b) for a, b in zip(scatter.returns, self.returns, strict=True)]
        m.d.comb += [a.eq(b) for a, b in zip(lanes.taken, scatter.taken, strict=True)]
        with m.If(~lanes.read):
            m.d.comb += [lists.read.eq(scatter.read), lists.address.eq(scatter.address)]
        with m.If(~lanes.credit.valid):
            m.d.comb += self.credit.eq(scatter.credit)
        m.d.comb += scheduler.ticked.eq(lists.ticked[: p.projections] | scatter.done)
        m.d.sync += self.scatter_activity.eq(scatter.activity)
        return scatter

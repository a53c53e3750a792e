"""From events to the rows that they are added to: the address generators of the event-stationary order."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.memory_map import Memories
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.hdl.struct import struct

__all__ = ["FanOut", "event_layout", "row_layout"]

#: Events between the list and the generator: more than the clocks from one to the other.
EVENTS = 16


def row_layout(p: CoreParameters) -> data.StructLayout:
    """One row of ``lanes`` synapses, or one synapse of a list."""
    assert p.scatter
    members = {
        "weights": p.scatter.weight_address_bits,  # where its weights, or the synapse, are
        "row": p.scatter.step_row_bits,  # of the step's sums
        "lane": p.lane_bits,  # of the source, in its own row
    }
    if p.value_bits > 1:
        members["value"] = signed(p.value_bits)
    return struct(members)


def event_layout(p: CoreParameters) -> data.StructLayout:
    """An event, and where its loops begin."""
    assert p.scatter
    return struct(
        {
            "weights": p.scatter.weight_address_bits,
            "row": Tables(p).place["row"].width,
            "across": p.scatter.tap_bits,
            "down": p.scatter.tap_bits,
            "lane": p.lane_bits,
            "value": p.value_bits if p.value_bits > 1 else 0,
        }
    )


class FanOut(wiring.Component):
    """Throughput: one row per clock, without a gap between events that have one row or more.

    All kinds of synapses are three loops around each other: over the groups of target channels, and over the taps
    across and down. Where a source neuron's loops start and how many taps they have is in the memory ``places``; a
    step of each loop is the projection's. A list of synapses is the innermost loop alone.

    start, address, left, projection: a list of events begins; ``projection`` stays until it is done.
    read, list_address, granted, entry: the event lists' read port, when it is free; an entry comes ``p.entry_latency``
            clocks later.
    hold:   emit nothing in this clock.
    valid, row: a row. busy: there are rows to come. starved: there is none, for want of an event.
    """

    def __init__(self, p: CoreParameters, memories: Memories):
        assert p.scatter
        self.p = p
        self.memories = memories
        self.tables = Tables(p)
        self.places = memories.block("places", self.tables.place, p.scatter.places)
        self.place = Signal(self.tables.place, reset_less=True)  # the one last read
        super().__init__(
            {
                "start": In(1),
                "address": In(p.list_bits),
                "left": In(signed(p.flit.index_bits + 1)),
                "projection": In(self.tables.fan_out),
                "read": Out(1),
                "list_address": Out(p.list_bits),
                "granted": In(1),
                "entry": In(entry_layout(p)),
                "hold": In(1),
                "valid": Out(1),
                "row": Out(row_layout(p)),
                "busy": Out(1),
                "starved": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p, s = self.p, self.p.scatter
        assert s
        projection, graded = self.projection, p.value_bits > 1

        # Events are fetched while there is room for what they become ------------------------------------------------
        left = Signal.like(self.left, init=-1)
        more, popped, dropped = Signal(), Signal(), Signal()
        room = Signal(range(EVENTS), init=EVENTS - 1)  # a full queue would look empty
        roomy = Signal(init=1)
        m.d.comb += [more.eq(~left[-1]), self.read.eq(more & roomy & self.granted)]
        with m.If(self.start):
            m.d.sync += [left.eq(self.left), self.list_address.eq(self.address)]
        with m.Elif(self.read):
            m.d.sync += [left.eq(left - 1), self.list_address.eq(self.list_address + 1)]
        m.d.sync += [room.eq(room - self.read + popped + dropped), roomy.eq(room > 1)]

        # 1: the entry is read; 2: in the fabric; 3: its place's address; 4: read; 5: in the fabric; 6: kept
        travelling = Signal(4 + p.entry_latency)
        m.d.sync += travelling.eq(travelling << 1 | self.read)
        entries = [Signal(entry_layout(p), name=f"entry{k}", reset_less=True) for k in range(4)]
        m.d.sync += [b.eq(a) for a, b in zip([self.entry, *entries], entries, strict=False)]
        index = entries[0].index
        place_address = Signal(s.place_bits, reset_less=True)
        m.d.sync += place_address.eq(
            self.memories.address(projection.places + Mux(projection.shared, index >> p.lane_shift, index))
        )
        self.memories.lend(m, "places", self.places)
        m.d.comb += self.places.read_address.eq(place_address)
        m.d.sync += self.place.as_value().eq(self.places.read_data)
        place, entry = self.place, entries[3]
        m.submodules.events = events = self.memories.table("events", event_layout(p), EVENTS)
        arriving = Signal(event_layout(p))
        lane = entry.index[: p.lane_shift] if p.lane_shift else 0
        push = travelling[-1] & place.valid
        m.d.comb += [
            dropped.eq(travelling[-1] & ~place.valid),
            arriving.weights.eq(place.weights + Mux(projection.shared & ~projection.single, lane, 0)),
            arriving.row.eq(place.row),
            arriving.across.eq(place.across),
            arriving.down.eq(place.down),
            arriving.lane.eq(lane),
        ]
        if graded:
            m.d.comb += arriving.value.eq(entry.value)
        m.d.sync += [events.write.eq(push), events.write_data.eq(arriving)]
        with m.If(events.write):
            m.d.sync += events.write_address.eq(events.write_address + 1)
        with m.If(popped):
            m.d.sync += events.read_address.eq(events.read_address + 1)
        waiting = Signal()
        m.d.comb += waiting.eq(events.read_address != events.write_address)

        # Rows ------------------------------------------------------------------------------------------------------
        event = Signal(event_layout(p))
        m.d.comb += event.eq(events.read_data)
        row = self.row
        tap, line = (
            {"weights": Signal.like(row.weights, name=f"{n}_weights"), "row": Signal.like(row.row, name=f"{n}_row")}
            for n in ("tap", "line")
        )
        count_bits = max(len(event.row), len(projection.groups))
        groups, across, down = Signal(count_bits), Signal(s.tap_bits), Signal(s.tap_bits)
        width = Signal(s.tap_bits)  # taps across, of each line
        # Whether a loop is in its last turn is known beforehand.
        last_group, last_across, last_down, emitting = Signal(), Signal(), Signal(), Signal()
        done = Signal()
        m.d.comb += [
            done.eq(last_group & last_across & last_down),
            popped.eq(waiting & ~self.hold & (~emitting | done)),
            self.valid.eq(emitting & ~self.hold),
            self.starved.eq(~emitting),
            self.busy.eq(emitting | more | travelling.any() | events.write | waiting),
        ]

        def go(weights: Value, target: Value, *starts: dict[str, Signal]) -> None:
            """The next row, which also is the first of the loops named."""
            m.d.sync += [row.weights.eq(weights), row.row.eq(target)]
            for start in starts:
                m.d.sync += [start["weights"].eq(weights), start["row"].eq(target)]

        def count(counter: Signal, last: Signal, start: Value) -> None:
            m.d.sync += [counter.eq(start), last.eq(start == 0)]

        def step(counter: Signal, last: Signal) -> None:
            m.d.sync += [counter.eq(counter - 1), last.eq(counter == 1)]

        inner = Mux(projection.listed, event.row, projection.groups)
        with m.If(~self.hold & (~emitting | done)):
            m.d.sync += [emitting.eq(waiting), row.lane.eq(event.lane), width.eq(event.across)]
            if graded:
                m.d.sync += row.value.eq(event.value)
            go(event.weights, Mux(projection.listed, 0, event.row), tap, line)
            count(groups, last_group, inner)
            count(across, last_across, event.across)
            count(down, last_down, event.down)
        with m.Elif(~self.hold):
            with m.If(~last_group):
                go(row.weights + projection.weights_group, row.row + ~projection.listed)
                step(groups, last_group)
            with m.Elif(~last_across):
                go(tap["weights"] + projection.weights_across, tap["row"] + projection.row_across, tap)
                count(groups, last_group, projection.groups)
                step(across, last_across)
            with m.Else():
                go(line["weights"] + projection.weights_down, line["row"] + projection.row_down, tap, line)
                count(groups, last_group, projection.groups)
                count(across, last_across, width)
                step(down, last_down)
        return m

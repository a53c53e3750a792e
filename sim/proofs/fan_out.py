"""Events on their way to their rows, in a queue whose room is promised before they are read."""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Mux, Signal, Value

from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.parameters import ScatterParameters
from spikeloom.sim.proofs.event_lists import P as CORE
from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order, waits

__all__ = ["PROOFS"]

EVENTS, CLOCKS, LOOP_CLOCKS = 4, 25, 20
P = replace(
    CORE,
    value_bits=2,
    scatter=ScatterParameters(
        rings=1, projections=1, accumulator_bits=4, ring_rows=2, step_rows=2, weight_bits=2, kernel_rows=2, synapses=2,
        max_delay=0, places=2, fan_out=1, taps=1,
    ),
)  # fmt: skip


@proof(
    "fan_out.FanOut",
    "events of one synapse each become one row each, in order, whenever they are read and rows are held back",
    size=f"queue of {EVENTS}, values of {P.value_bits} bits",
    bug=Bug("promises one place too many", "range(EVENTS), init=EVENTS - 1", "range(EVENTS + 1), init=EVENTS"),
    clocks=CLOCKS,
)
def order(hdl: Any, s: Statement) -> None:
    hdl.EVENTS = EVENTS
    s.m.submodules.fan_out = fan_out = hdl.FanOut(P, UndefinedMemories(s, ("places",)))
    begin = Signal(init=1)
    s.m.d.sync += begin.eq(0)
    left = s.fixed(fan_out.left.shape(), "left")
    s.m.d.comb += [
        fan_out.start.eq(begin),
        fan_out.left.eq(left),
        fan_out.projection.listed.eq(1),
        fan_out.granted.eq(s.any(1, "granted")),
        fan_out.hold.eq(s.any(1, "hold")),
        Value.cast(fan_out.entry).eq(s.any(Value.cast(fan_out.entry).shape(), "entry")),
    ]
    place = Tables(P).place(fan_out.places.read_data)
    s.assume(place.valid & (place.row == 0))
    read = s.before(fan_out.read)
    # In the queue, and one that is a row already.
    held = in_order(s, read, fan_out.entry.value, fan_out.valid, fan_out.row.value, most=EVENTS, many=2)
    waits(s, held != 0, ~fan_out.hold, fan_out.valid, most=10)
    s.claim((held == 0) | fan_out.busy)


LOOPS = replace(
    P,
    value_bits=1,
    lanes=2,
    scatter=replace(P.scatter, kernel_rows=8, ring_rows=8, step_rows=8, places=8, fan_out=4, taps=3),  # type: ignore[type-var]
)


@proof(
    "fan_out.FanOut",
    "an event's place is its source's, and its rows are all that the loops over groups and over taps across and down "
    "reach, or a list's synapses, in order and each once",
    size="any descriptions of 3 bits, up to 4 groups, 4 x 4 taps",
    bug=Bug("a line has as many taps as the one before had left", "count(across, last_across, width)",
            "count(across, last_across, across)"),
    clocks=LOOP_CLOCKS,
)  # fmt: skip
def loops(hdl: Any, s: Statement) -> None:
    m = s.m
    hdl.EVENTS = EVENTS
    m.submodules.fan_out = fan_out = hdl.FanOut(LOOPS, UndefinedMemories(s, ("places",)))
    begin = Signal(init=1)
    m.d.sync += begin.eq(0)
    projection, entry, place = fan_out.projection, fan_out.entry, Tables(LOOPS).place(fan_out.places.read_data)
    # Any, and the same for all events.
    for name, value in (("projection", projection), ("entry", entry)):
        m.d.comb += Value.cast(value).eq(s.fixed(Value.cast(value).shape(), name))
    begins = Tables(LOOPS).place(s.fixed(Tables(LOOPS).place.size, "place"))
    s.assume(begins.valid & (~projection.listed | (begins.across == 0) & (begins.down == 0)))
    s.assume(s.in_reset | s.before(s.in_reset) | (Value.cast(place) == Value.cast(begins)))
    m.d.comb += [fan_out.start.eq(begin), fan_out.left.eq(1), fan_out.granted.eq(1), fan_out.hold.eq(s.any(1, "hold"))]

    source = projection.places + Mux(projection.shared, entry.index >> 1, entry.index)
    s.claim(~s.before(fan_out.read, 3) | (fan_out.places.read_address == source[: LOOPS.scatter.place_bits]))
    inner = Mux(projection.listed, begins.row, projection.groups)
    group, across, down = Signal.like(begins.row), Signal.like(begins.across), Signal.like(begins.down)
    ends_group, ends_line, ends = group == inner, across == begins.across, down == begins.down
    with m.If(fan_out.valid):
        m.d.sync += group.eq(Mux(ends_group, 0, group + 1))
        with m.If(ends_group):
            m.d.sync += across.eq(Mux(ends_line, 0, across + 1))
            with m.If(ends_line):
                m.d.sync += down.eq(Mux(ends, 0, down + 1))
    weights = begins.weights + Mux(projection.shared & ~projection.single, entry.index[0], 0)
    weights += group * projection.weights_group + across * projection.weights_across + down * projection.weights_down
    row = Mux(projection.listed, 0, begins.row + group)
    row += across * projection.row_across + down * projection.row_down
    s.claim(~fan_out.valid | (fan_out.row.weights == weights[: len(fan_out.row.weights)]))
    s.claim(~fan_out.valid | (fan_out.row.row == row[: len(fan_out.row.row)]))
    s.claim(~fan_out.valid | (fan_out.row.lane == entry.index[0]))
    s.example(fan_out.valid & ends_group & ends_line & ends & (group == 1) & (across == 1) & (down == 1))


PROOFS = (order, loops)

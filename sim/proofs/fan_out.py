"""Events on their way to their rows, in a queue whose room is promised before they are read."""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Signal, Value

from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.parameters import ScatterParameters
from spikeloom.sim.proofs.event_lists import P as CORE
from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order, waits

__all__ = ["PROOFS"]

EVENTS, CLOCKS = 4, 25
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


PROOFS = (order,)

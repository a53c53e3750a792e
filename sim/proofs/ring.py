"""The ring of sums against plain sums, whatever rows come in whatever order."""

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Signal, signed

from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS"]

ROW_BITS, BITS = 2, 3


@proof(
    "ring.Ring",
    "a row that is taken is the sum of what was added since it was last taken or cleared; ports never collide",
    size=f"{1 << ROW_BITS} rows of one {BITS}-bit lane",
    bug=Bug("does not forward the sum that was written a clock ago", "Mux(same[2], new, old)", "old"),
)
def ring(hdl: Any, s: Statement) -> None:
    m = s.m
    sizes = SimpleNamespace(accumulator_bits=BITS, ring_bits=ROW_BITS, ring_rows=1 << ROW_BITS)
    memories = UndefinedMemories(s)
    sums = memories.block("sums", BITS, 1 << ROW_BITS)
    m.submodules.ring = ring = hdl.Ring(SimpleNamespace(lanes=1, scatter=sizes), memories)
    add, take, address = s.any(1, "add"), s.any(1, "take"), s.any(ROW_BITS, "address")
    weight = s.any(signed(BITS), "weight")
    clear, cleared = Signal(init=1), Signal()
    m.d.sync += clear.eq(0)
    with m.If(s.before(ring.clearing) & ~ring.clearing):
        m.d.sync += cleared.eq(1)
    m.d.comb += [
        ring.clear.eq(clear),
        ring.add.eq(add),
        ring.take.eq(take),
        ring.address.eq(address),
        ring.weights[0].eq(weight),
    ]
    s.assume(~(add & take))
    s.assume(~(add | take) | cleared)

    # Of one row, whichever.
    row = s.fixed(ROW_BITS, "row")
    total = Signal(signed(BITS))
    added, taken = (s.before(what & (address == row), 2) for what in (add, take))
    with m.If(taken):
        m.d.sync += total.eq(0)
    with m.Elif(added):
        m.d.sync += total.eq(total + weight)
    s.claim(~s.before(taken) | (ring.taken[0] == s.before(total)))
    s.claim(~sums.met)
    s.example(s.before(taken) & (s.before(total) == -3))


PROOFS = (ring,)

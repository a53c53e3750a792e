"""What the host reads of a counter is what had happened at its last turn."""

from functools import partial
from typing import Any

from amaranth.hdl import Array, Signal

from spikeloom.hdl.memory import TableMemory
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS"]

COUNT, BITS, HELD = 2, 3, 3


@proof(
    "counters.Counters",
    "what is read of a counter is what had happened since the restart at its last turn, once in as many clocks as "
    "there are counters, but for those in which the host reads",
    size=f"{COUNT} counters of {BITS} bits, {HELD} clocks of reads between turns",
    bug=Bug("loses what happens at a counter's turn", "counter.eq(Mux(added, 0, counter) + self.events[k])",
            "counter.eq(Mux(added, 0, counter + self.events[k]))"),
)  # fmt: skip
def counted(hdl: Any, s: Statement) -> None:
    m = s.m
    hdl.HELD = HELD
    hdl.TableMemory = partial(_table)
    m.submodules.counters = counters = hdl.Counters(COUNT)
    for port in ("events", "restart", "hold", "select", "address"):
        m.d.comb += getattr(counters, port).eq(s.any(len(getattr(counters, port)), port))
    turn, held, one = Signal(range(COUNT)), Signal(range(HELD + 1)), s.fixed(range(COUNT), "one")
    now, total, told, known = (Signal(bits) for bits in (1, BITS, BITS, 1))
    s.assume(~counters.hold | (held != HELD))
    m.d.comb += now.eq(~counters.hold & (turn == one))
    m.d.sync += [
        total.eq(total + Array(counters.events)[one]),
        held.eq((held + counters.hold) & counters.hold.replicate(len(held))),
    ]
    with m.If(~counters.hold):
        m.d.sync += turn.eq(turn + 1)
    with m.If(now):
        m.d.sync += [told.eq(total), known.eq(1)]
    with m.If(counters.restart):
        m.d.sync += [turn.eq(0), total.eq(0), known.eq(0), held.eq(0)]
    read = counters.hold & (counters.address == one)
    s.claim(~s.before(read & known & counters.select) | (counters.read_data == s.before(told)))
    s.claim(s.before(counters.select) | (counters.read_data == 0))
    s.example(s.before(read & known & counters.select) & (counters.read_data == 5))


def _table(*, name: str, width: int, depth: int) -> TableMemory:
    return TableMemory(name=name, width=BITS, depth=depth)


PROOFS = (counted,)

"""The host's steps go on with a credit of every channel, and not without."""

from typing import Any

from amaranth.hdl import Cat, Signal, Value

from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.parameters import AcceleratorParameters
from spikeloom.sim.proofs.event_lists import P as CORE
from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import waits

__all__ = ["PROOFS"]

CHANNELS = 2
#: Clocks to read the table after a reset, and to open a step.
LONGEST = CHANNELS + 3
P = AcceleratorParameters(cores=(CORE,), host_channels=CHANNELS, observed=2, flit=CORE.flit)


@proof(
    "host_gate.HostGate",
    "a flit goes only with a credit of every channel, as it is but for its source; with credits it waits for at most "
    f"{LONGEST} clocks",
    size=f"{CHANNELS} channels of up to {CORE.tokens} credits, any table",
    bug=Bug(
        "takes the credit of one channel for all", "(free_slots.some | ~used).all()", "(free_slots.some | ~used).any()"
    ),
)
def with_credit(hdl: Any, s: Statement) -> None:
    rows = [s.fixed(Tables(CORE).channel.size, f"channel{k}") for k in range(CHANNELS)]

    hdl.Memories = lambda *_: UndefinedMemories(s, given={"channels": rows})
    s.m.submodules.gate = gate = hdl.HostGate(P, {})
    taken, given = s.offer(gate.i, "i"), s.accept(gate.o, "o")
    credit = gate.returns[0]
    s.m.d.comb += Value.cast(credit).eq(s.any(Value.cast(credit).shape(), "returns"))
    free = []
    for k, row in enumerate(map(Tables(CORE).channel, rows)):
        returned = credit.valid & (credit.node == 0) & (credit.channel == k)
        used = Signal(range(1 << CORE.token_bits), name=f"used{k}")
        s.m.d.sync += used.eq(used - returned + (given & gate.o.payload.tick))
        s.assume(~returned | (used != 0))
        s.assume(row.credit <= CORE.tokens)
        free.append(~row.valid | (used < row.credit))
    s.claim(~gate.o.valid | Cat(free).all())
    s.claim(taken == given)
    for name in ("tick", "sequence", "index", "value"):
        s.claim(~given | (gate.o.payload[name] == gate.i.payload[name]))
    s.claim(~given | (gate.o.payload.source == 0))
    clocks = waits(s, gate.i.valid & Cat(free).all() & gate.o.ready, Value.cast(1), given, most=LONGEST)
    s.example(given & (clocks == 3) & rows[0][0] & rows[1][0])


PROOFS = (with_credit,)

"""Credits find their way to the node whose channel they are for."""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Cat, Value

from spikeloom.sim.proofs.event_lists import P as CORE
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order

__all__ = ["PROOFS"]

NODE = 1
P = replace(CORE, nodes=3, foreign_slots=3)


@proof(
    "credit_exchange.CreditExchange",
    "own credits come back in the same clock; of the others none is lost, doubled, altered or overtaken, as long as no "
    "more wait than channels from other nodes have slots; what comes for this node is given on",
    size=f"{P.nodes} nodes, {P.foreign_slots} slots",
    bug=Bug("a place too few in the queue", "max(2, self.p.foreign_slots)", "max(2, self.p.foreign_slots - 1)"),
)
def exchange(hdl: Any, s: Statement) -> None:
    s.m.submodules.exchange = part = hdl.CreditExchange(P, NODE)
    given, (own, foreign) = part.given, part.returns
    s.m.d.comb += Value.cast(given).eq(s.any(Value.cast(given).shape(), "credit"))
    arriving = s.offer(part.i, "i")
    leaves, leaving = s.accept(part.o, "o"), part.o.payload
    other = given.valid & (given.node != NODE)
    held = in_order(
        s,
        other,
        Cat(given.node, given.channel),
        leaves,
        Cat(leaving.to, leaving.payload),
        most=P.foreign_slots,
    )
    s.assume(~other | (held != P.foreign_slots))
    s.claim(s.stays(part.o))
    s.claim(part.running == part.o.valid)
    s.claim(own.valid == (given.valid & (given.node == NODE)))
    s.claim(~own.valid | (own == given))
    s.claim(foreign.valid == arriving)
    s.claim(~arriving | (foreign.node == NODE) & (foreign.channel == part.i.payload))


PROOFS = (exchange,)

"""Flits go to the nodes that the table names, and to no other."""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Array, Cat

from spikeloom.hdl.layouts import Tables
from spikeloom.sim.proofs.event_lists import P as CORE
from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS"]

P = replace(CORE, nodes=4)


@proof(
    "destinations.Destinations",
    "a flit is offered as it is to the cores in its source's row, and to the host if it observes that population; one "
    "for nobody is taken at once",
    size=f"{P.nodes} nodes, {P.flit.sources} sources, any table",
    bug=Bug("one for nobody waits", "self.o.ready | ~wanted", "self.o.ready"),
)
def destinations(hdl: Any, s: Statement) -> None:
    layout = Tables(P).destination
    rows = [s.fixed(layout.size, f"row{k}") for k in range(P.flit.sources)]
    memories = UndefinedMemories(s, given={"destinations": rows})
    s.m.submodules.destinations = part = hdl.Destinations(P, memories, P.flit.sources)
    taken, given = s.offer(part.i, "i"), s.accept(part.o, "o")
    s.m.d.comb += part.observe.eq(s.any(32, "observe"))
    row = layout(Array(rows)[part.i.payload.source])
    to = Cat((part.observe >> row.observed)[0], row.cores)
    s.claim(part.o.valid == (part.i.valid & to.any()))
    s.claim(~part.o.valid | (part.o.payload.to == to) & (part.o.payload.payload == part.i.payload))
    s.claim(taken == (given | (part.i.valid & ~to.any())))
    s.example(taken & (to == 0b101))


PROOFS = (destinations,)

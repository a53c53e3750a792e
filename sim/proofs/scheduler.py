"""A population runs when its inputs have ticked and its outputs have credit, and its segments are those of its rows."""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Array, Cat, Mux, Signal, Value

from spikeloom.hdl.layouts import Tables
from spikeloom.sim.proofs.lanes import P as CORE
from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS"]

NODE, CLOCKS = 1, 18
P = replace(CORE, populations=2, projections=2, channels=2, node_channels=2, tokens=3, max_groups=2, max_delay=1)


@proof(
    "scheduler.Scheduler",
    "a step begins only with a tick of every projection that its population reads, and a credit of every channel that "
    "it writes, one of each per step; it has a segment for each of its groups and projections, in order, with the "
    "rows, the neurons and the credits that the tables say",
    size=f"{P.populations} populations of up to {P.max_groups} groups, {P.projections} projections, any tables",
    bug=Bug("needs the credit of one channel alone", "credited = (free_slots.some | ~writes).all()",
            "credited = (free_slots.some | ~writes).any()"),
    clocks=CLOCKS,
)  # fmt: skip
def segments(hdl: Any, s: Statement) -> None:
    m, tables = s.m, Tables(P)

    def rows(name: str, layout: Any, count: int) -> tuple[list[Signal], list[Any]]:
        values = [s.fixed(layout.size, f"{name}{k}") for k in range(count)]
        return values, [layout(value) for value in values]

    given_populations, populations = rows("population", tables.population, P.populations)
    given_projections, projections = rows("projection", tables.projection, P.projections)
    given_channels, channels = rows("channel", tables.channel, P.channels)
    memories = UndefinedMemories(
        s,
        given={"populations": given_populations, "projections": given_projections, "channels": given_channels},
    )
    m.submodules.scheduler = dut = hdl.Scheduler(P, NODE, memories)
    given, segment = s.accept(dut.o, "o"), dut.o.payload
    ticked = s.any(P.projections, "ticked")
    m.d.comb += [
        dut.ticked.eq(ticked),
        dut.enable.eq(s.any(1, "enable")),
        dut.steps.eq(s.fixed(16, "steps")),
        dut.count.eq(s.any(len(dut.count), "count")),
        *(Value.cast(port).eq(s.any(Value.cast(port).shape(), "returns")) for port in dut.returns),
    ]
    # Population k reads projection k alone, so a segment's last projection is its first.
    for k, (population, projection) in enumerate(zip(populations, projections, strict=True)):
        s.assume(population.valid & (population.source == k) & (population.first == k) & (population.reads == 1 << k))
        s.assume(projection.last & (projection.delay <= 1))
    for channel in channels:
        s.assume(channel.credit <= P.tokens)

    running, group, first = Signal(range(P.populations)), Signal(P.group_bits), Signal(init=1)
    number = Mux(first, segment.group.source, running)
    population, projection = Array(populations)[number], Array(projections)[number]
    begins, ends = given & first, given & (group == population.groups)
    s.claim(~given | (segment.group.source == number))
    s.claim(~given | (segment.ends_group))
    s.claim(~given | (segment.group.last == (group == population.groups)))
    s.claim(~given | (segment.group.count == Mux(segment.group.last, population.tail, P.lanes - 1)))
    s.claim(~given | (segment.row == (population.rows + group * projection.stride)[: P.row_bits]))
    s.claim(~given | (segment.group.unit_address == (population.unit_base + group * P.beats)[: P.unit_address_bits]))
    s.claim(~given | (segment.credit.valid == segment.group.last))
    s.claim(~given | (segment.credit.node == projection.node) & (segment.credit.channel == projection.channel))
    with m.If(given):
        m.d.sync += [running.eq(number), group.eq(Mux(ends, 0, group + 1)), first.eq(ends)]

    starting = dut.initialise | s.before(dut.initialise)
    for k in range(P.projections):
        ticks, reads = Signal(range(-4, 12), name=f"ticks{k}"), (population.reads >> k)[0]
        m.d.sync += ticks.eq(Mux(s.before(dut.initialise), projections[k].delay, ticks + ticked[k] - (begins & reads)))
        s.assume(~ticked[k] | ~starting & (ticks < P.tokens))
        s.claim(~begins | ~reads | (ticks > 0))
    for k in range(P.channels):
        free, writes = Signal(range(-4, 12), name=f"free{k}"), (population.writes >> k)[0]
        returned = Cat(r.valid & (r.node == NODE) & (r.channel == k) for r in dut.returns).any()
        m.d.sync += free.eq(Mux(s.before(dut.initialise), channels[k].credit, free + returned - (begins & writes)))
        s.assume(~returned | ~starting & (free < channels[k].credit))
        s.claim(~begins | ~writes | (free > 0))
    s.example(given & ~first & ends)


PROOFS = (segments,)

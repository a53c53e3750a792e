"""Where a row of the event-stationary order is added, its delay included, and where the lanes' wishes go."""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Array, Elaboratable, Module, Mux, Signal, Value, signed

from spikeloom.hdl.fan_out import row_layout
from spikeloom.hdl.layouts import Activity, Tables, credit_layout
from spikeloom.hdl.memory_map import core_memories
from spikeloom.hdl.parameters import ScatterParameters
from spikeloom.hdl.scheduler import segment_layout
from spikeloom.sim.proofs.lanes import P as CORE
from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS"]

CLOCKS = 24
#: A ring of 3 steps of 2 rows each.
ROWS, STEPS = 2, 3
P = replace(
    CORE,
    lanes=1,
    ring_channels=1,
    delay_limit=2,
    scatter=ScatterParameters(
        rings=1, projections=1, accumulator_bits=3, ring_rows=8, step_rows=ROWS, weight_bits=2, kernel_rows=2,
        synapses=2, max_delay=2, places=2, fan_out=2, taps=1,
    ),
)  # fmt: skip


class Ports(Elaboratable):
    """In the place of a part: signals, some of them anything."""

    def __init__(self, **signals: Any):
        vars(self).update(signals)

    def elaborate(self, platform: object) -> Module:
        return Module()


@proof(
    "scatter.Scatter",
    "a row is asked for 7 clocks after it came, in the sums of the step that its delay says, around the ring's end, "
    "and its weight is there 2 clocks later; a synapse too late for the sample is left out; what the lanes take is "
    "asked for as they said, and never in the same clock",
    size=f"one ring of {STEPS} steps of {ROWS} rows anywhere in 8, one lane, any list of synapses or rows of weights",
    bug=Bug("a ring ends a row early", "around.eq(far > place.end)", "around.eq(far + 1 > place.end)"),
    clocks=CLOCKS,
)
def addresses(hdl: Any, s: Statement) -> None:
    m, tables = s.m, Tables(P)
    assert P.scatter
    segment = Signal(segment_layout(P.scatter_core))
    valid, initialise = s.any(1, "segment_valid"), Signal(init=1)
    m.d.sync += initialise.eq(0)
    m.d.comb += Value.cast(segment).eq(s.fixed(Value.cast(segment).shape(), "segment"))
    s.assume((segment.group.unit_address == 0) & (segment.row == 0))
    scheduler = Ports(
        o=Ports(payload=segment, valid=valid, ready=Signal()), initialise=initialise, number=Signal(1),
        ticked=Signal(1),
        enable=Signal(), fault=Signal(), steps=Signal(16), count=Signal(P.flit.index_bits), running=Signal(),
        slot=Signal(P.flit.source_bits + P.slot_bits), activity=Signal(Activity), rows={},
        returns=[Signal(credit_layout(P)) for _ in range(P.returns)],
    )  # fmt: skip
    busy, row = s.any(1, "busy"), Signal(row_layout(P))
    m.d.comb += Value.cast(row).eq(s.any(Value.cast(row).shape(), "row"))
    fan_out = Ports(
        projection=Signal(tables.fan_out), address=Signal(P.list_bits), left=Signal(signed(P.flit.index_bits + 1)),
        busy=busy, start=Signal(), hold=Signal(), granted=Signal(), entry=Signal(4), read=Signal(),
        list_address=Signal(P.list_bits), valid=s.any(1, "valid"), row=row, place=None,
    )  # fmt: skip
    ring = Ports(
        clear=Signal(), clearing=Signal(), add=Signal(), take=Signal(), address=Signal(P.scatter.ring_bits),
        weights=[Signal(signed(3))], taken=[Signal(signed(3))],
    )  # fmt: skip
    hdl.Scheduler, hdl.FanOut, hdl.Ring = (lambda *_, part=part, **__: part for part in (scheduler, fan_out, ring))
    description, place = s.fixed(tables.fan_out.size, "fan_out"), s.fixed(tables.ring.size, "ring")
    memories = UndefinedMemories(s, core_memories(P), given={"fan_outs": [description], "scatter_rings": [place]})
    m.submodules.scatter = scatter = hdl.Scatter(P, 1, memories)
    m.d.comb += [scatter.take.eq(s.any(1, "take")), scatter.take_address.eq(s.any(P.scatter.ring_bits, "take_address"))]
    m.d.comb += [scatter.credited.eq(1), scatter.granted.eq(1)]

    kind, around = tables.fan_out(description), tables.ring(place)
    s.assume((around.rows == ROWS) & (around.size == ROWS * STEPS) & (around.base <= 2) & (around.reader == 0))
    s.assume((around.end == around.base + ROWS * STEPS - 1) & (around.last == around.base + ROWS * (STEPS - 1)))
    started = Signal()
    m.d.sync += started.eq((started | fan_out.start) & ~scatter.credit.valid & ~scatter.done.any())
    s.assume(~busy | started)
    s.assume(~fan_out.valid | busy & ~fan_out.hold & (row.row < ROWS))

    contents = {}
    for name, layout in (("synapses", tables.synapse), ("kernels0", core_memories(P)["kernels0"][1])):
        words = Array(s.fixed(layout.size, f"{name}{k}") for k in range(2))  # whatever the host has written
        block = scatter.blocks[name]
        s.assume(s.before(s.in_reset) | (block.read_data == words[s.before(block.read_address)]))
        contents[name] = words[row.weights]
    synapse = tables.synapse(contents["synapses"])
    s.assume(synapse.row < ROWS)
    step = Signal(range(STEPS))
    with m.If(scatter.done.any()):
        m.d.sync += step.eq(Mux(step == STEPS - 1, 0, step + 1))
    late = step + Mux(kind.listed, synapse.delay, 0)
    target = around.base + ROWS * Mux(late >= STEPS, late - STEPS, late) + Mux(kind.listed, synapse.row, row.row)
    s.assume(~kind.listed | (synapse.delay < STEPS))
    s.assume(~kind.listed | (row.row == 0))
    wanted = fan_out.valid & (~kind.listed | (synapse.delay <= segment.group.delay_limit))
    weight = Mux(kind.listed, synapse.weight, contents["kernels0"][:2].as_signed())
    s.claim(ring.add == s.before(wanted, 7))
    s.claim(~ring.add | (ring.address == s.before(target[:3], 7)))
    s.claim(~s.before(ring.add, 2) | (ring.weights[0] == s.before(weight.as_signed(), 9)))
    s.claim(ring.take == s.before(scatter.take, 8))
    s.claim(~ring.take | (ring.address == s.before(scatter.take_address, 8)))
    s.claim(~(ring.add & ring.take))
    s.example(ring.add & s.before(late == STEPS, 7))


PROOFS = (addresses,)

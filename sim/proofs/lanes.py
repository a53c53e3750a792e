"""Every entry of a segment is read once, and a group's sums are those of the weights that its entries name."""

from dataclasses import replace
from functools import partial
from typing import Any

from amaranth.hdl import Array, Cat, Signal, Value, signed

from spikeloom.hdl.neurons.lif import Parameters
from spikeloom.sim.proofs.event_lists import P as CORE
from spikeloom.sim.proofs.memories import UndefinedMemories
from spikeloom.sim.proofs.proof import Bug, Proof, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order, waits

__all__ = ["PROOFS"]

NEURON = Parameters(
    state_bits=4, decay_bits=2, guard=0, reset="subtract", reset_when="same-step", spikes="one", value_bits=1
)
P = replace(CORE, rows=4, weight_bits=2, accumulator_bits=4, neuron=NEURON)
CLOCKS = 24
#: Clocks in which a segment that may be handed over is read: as many entries as there can be, and what is around them.
LONGEST = (1 << P.flit.index_bits) + 2


class Segments:
    """Any segments into the lanes; ``left``: entries of the present one, less one, that were not read yet."""

    def __init__(self, hdl: Any, s: Statement, p: Any):
        m = s.m
        memories = UndefinedMemories(s, ("weights0",))
        m.submodules.lanes = self.lanes = lanes = hdl.Lanes(p, memories)
        self.taken = s.offer(lanes.i, "segment")
        s.assume(lanes.i.payload.left >= -1)
        m.d.comb += [lanes.free.eq(s.any(1, "free"))]
        m.d.comb += Value.cast(lanes.entry).eq(s.any(Value.cast(lanes.entry).shape(), "entry"))
        self.segment = Signal(lanes.i.payload.shape())
        self.left, self.address = Signal.like(lanes.i.payload.left, init=-1), Signal(p.list_bits)
        with m.If(lanes.read):
            m.d.sync += [self.left.eq(self.left - 1), self.address.eq(self.address + 1)]
        with m.If(self.taken):
            m.d.sync += [
                Value.cast(self.segment).eq(Value.cast(lanes.i.payload)),
                self.left.eq(lanes.i.payload.left),
                self.address.eq(lanes.i.payload.address),
            ]


@proof(
    "lanes.Lanes",
    "a segment's entries are read once each, in order; then its credit goes back, once; then, and only where the units "
    f"are free, its group is handed over, once; where they are, a segment is done after at most {LONGEST} clocks",
    size=f"segments of up to {1 << P.flit.index_bits} entries",
    bug=Bug("takes the next while two entries are left", "(segment.left == 1)", "(segment.left == 2)"),
)
def issue(hdl: Any, s: Statement) -> None:
    given = Segments(hdl, s, P)
    lanes, left, taken = given.lanes, given.left, given.taken
    done = (left - lanes.read) < 0
    s.claim(~lanes.read | (left >= 0) & (lanes.address == given.address))
    s.claim(~taken | done)
    owed = Signal()
    s.m.d.sync += owed.eq((owed & ~lanes.handing_over) | (taken & lanes.i.payload.ends_group))
    s.claim(~lanes.handing_over | (owed & lanes.free & done))
    s.claim(~taken | ~owed | lanes.handing_over)
    group = Signal(lanes.group.shape())
    with s.m.If(lanes.handing_over):
        s.m.d.sync += Value.cast(group).eq(Value.cast(given.segment.group))
    s.claim(Value.cast(lanes.group) == Value.cast(group))
    new, credit = lanes.i.payload.credit, lanes.credit
    in_order(
        s,
        taken & new.valid,
        Cat(new.node, new.channel),
        credit.valid,
        Cat(credit.node, credit.channel),
        most=2,
    )
    s.claim(~credit.valid | s.before(done))
    waits(s, lanes.running & lanes.free, Value.cast(1), s.before(taken), most=LONGEST)


def _sums(hdl: Any, s: Statement, *, p: Any) -> None:
    m = s.m
    given = Segments(hdl, s, p)
    lanes = given.lanes
    rows = Array(s.fixed(signed(p.weight_bits), f"row{k}") for k in range(p.rows))  # whatever the host has written
    (weights,) = lanes.columns.values()
    s.assume(weights.read_data.as_signed() == rows[s.before(weights.read_address)])
    # What is read now is there in the next clock.
    read, handed_over = s.before(lanes.read), s.before(lanes.handing_over)
    weight = rows[(s.before(given.segment.row) + lanes.entry.index)[: p.row_bits]]
    total = Signal(signed(p.accumulator_bits))
    with m.If(handed_over):
        m.d.sync += total.eq(0)
    with m.Elif(read):
        m.d.sync += total.eq(total + weight * (lanes.entry.value if p.value_bits > 1 else 1))
    s.claim(~handed_over | ~read)
    latency = p.lane_latency - 2
    s.claim(lanes.done == s.before(handed_over, latency))
    s.claim(~lanes.done | (lanes.sums[0] == s.before(total, latency)))
    s.example(lanes.done & (lanes.sums[0] == -3))


def _sum(claim: str, bug: Bug, **options: Any) -> Proof:
    p = replace(P, **options)
    size = f"{p.rows} rows of one weight of {p.weight_bits} bits, sums of {p.accumulator_bits}"
    return proof("lanes.Lanes", claim, size=size, bug=bug, clocks=CLOCKS)(partial(_sums, p=p))


ADDED = "a group's sum is that of the weights of all entries read for it, modulo its width, and of no others"

PROOFS = (
    issue,
    _sum(ADDED, Bug("keeps the sum of the group before", "clear.eq(last[-2])", "clear.eq(0)")),
    _sum(
        f"{ADDED} (short pipeline)",
        Bug("clears a clock late", "clear.eq(last[-2])", "clear.eq(last[-1])"),
        short=True,
    ),
    _sum(
        f"{ADDED}, times their values",
        Bug("takes values a clock early", "product.eq(weight * values[-1])", "product.eq(weight * values[-2])"),
        value_bits=2,
    ),
    _sum(
        f"{ADDED}, times their values (short pipeline)",
        Bug("takes values a clock early", "product.eq(weight * values[-1])", "product.eq(weight * values[-2])"),
        value_bits=2,
        short=True,
    ),
)

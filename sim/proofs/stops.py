"""A ring of stops, small, in which a place stays free, so that some packet can always go on."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from amaranth.hdl import Array, Cat, Const

from spikeloom.hdl.routers.packet import packet_layout
from spikeloom.sim.proofs.proof import Bug, Proof, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order, waits

__all__ = ["PROOFS"]

STOPS, PLACES, QUOTA = 3, 2, 1
CLOCKS = 12
RING = f"{STOPS} stops, {PLACES} places in each queue, quota {QUOTA}"
SIZE, MULTICAST = f"{RING}, one target", f"{RING}, any number of targets"
NODE_BITS = 2


class Stops:
    """The ring as ``Interconnect`` makes it. Payloads say which node sent them, and one bit more.

    taken, given: a bit per node; a packet is. moves: a stop's packet goes on to the next; full: its queue is.
    """

    def __init__(self, hdl: Any, s: Statement, *, multicast: bool = False):
        hdl.PLACES = PLACES
        hdl._quota = lambda nodes: QUOTA
        packet = packet_layout(STOPS, NODE_BITS + 1, multicast=multicast)
        self.stops = stops = [hdl.Stop(node, STOPS, packet, multicast=multicast) for node in range(STOPS)]
        for node, (stop, following) in enumerate(zip(stops, (*stops[1:], stops[0]), strict=True)):
            s.m.submodules[f"stop{node}"] = stop
            s.m.d.comb += [
                stop.room_i.eq(following.room_o),
                following.token_i.eq(stop.token_o),
                following.ring_i.valid.eq(stop.ring_o.valid),
                following.ring_i.payload.eq(stop.ring_o.payload),
                stop.ring_o.ready.eq(following.ring_i.ready),
            ]
        self.taken = [s.offer(stop.i, f"i{node}") for node, stop in enumerate(stops)]
        self.given = [s.accept(stop.o, f"o{node}") for node, stop in enumerate(stops)]
        for node, stop in enumerate(stops):
            s.assume(stop.i.payload.payload[:NODE_BITS] == node)
            s.assume(stop.i.payload.to.any() if multicast else stop.i.payload.to < STOPS)
        self.moves = Cat(stop.ring_o.valid & stop.ring_o.ready for stop in stops)
        self.full = Cat(~stop.ring_i.ready for stop in stops)


@proof(
    "routers.ring.Stop",
    "the queues of a ring are never all full, so of packets that are all to go on one can",
    size=SIZE,
    bug=Bug("enters wherever there is a place", "self.room_i & self.ring_o.ready", "self.ring_o.ready"),
)
def bubble(hdl: Any, s: Statement) -> None:
    ring = Stops(hdl, s)
    s.claim(~ring.full.all())
    s.claim(~Cat(stop.ring_o.valid for stop in ring.stops).all() | ring.moves.any())
    s.example(sum(ring.full) == STOPS - 1)


def _order(hdl: Any, s: Statement, *, multicast: bool) -> None:
    ring = Stops(hdl, s, multicast=multicast)
    start, end = s.fixed(range(STOPS), "start"), s.fixed(range(STOPS), "end")
    s.assume((start < STOPS) & (end < STOPS))
    source, target = Array(stop.i for stop in ring.stops)[start], Array(stop.o for stop in ring.stops)[end]
    to = source.payload.to
    in_order(
        s,
        Array(ring.taken)[start] & (to.bit_select(end, 1) if multicast else to == end),
        source.payload.payload,
        Array(ring.given)[end] & (target.payload.payload[:NODE_BITS] == start),
        target.payload.payload,
        most=2 + STOPS * PLACES + 1,
        many=3,
    )
    s.claim(Cat(s.stays(stop.o) for stop in ring.stops).all())


def _fair(hdl: Any, s: Statement, *, multicast: bool, others: int = 0, clocks: int = 0) -> None:
    ring = Stops(hdl, s, multicast=multicast)
    for stop in ring.stops:
        s.assume(stop.o.ready)
    one = s.fixed(range(STOPS), "one")
    s.assume(one < STOPS)
    valid = Array(stop.i.valid for stop in ring.stops)[one]
    counted = Cat(ring.taken).any() if others else Const(1)
    s.example(waits(s, valid, counted, Array(ring.taken)[one], most=others or clocks) == 4)


def _proofs(size: str, *, multicast: bool) -> Iterator[Proof]:
    kind = " (multicast)" * multicast
    yield proof(
        "routers.ring.Stop",
        f"from each node to each nothing lost, doubled, altered or overtaken; what is offered stays{kind}",
        size=size,
        bug=Bug("sends a packet's target wrong", "Mux(forward, left, own.payload.to)", "own.payload.to"),
        clocks=CLOCKS,
    )(partial(_order, multicast=multicast))
    for limit in ({"others": 16}, {"clocks": 24}):
        ((what, most),) = limit.items()
        yield proof(
            "routers.ring.Stop",
            f"while the nodes take what comes, a packet that waits is taken after at most {most} {what}{kind}",
            size=size,
            bug=Bug("the token never waits", "token & (~own.valid | (quota != full))", "token"),
        )(partial(_fair, multicast=multicast, **limit))


PROOFS = (bubble, *_proofs(SIZE, multicast=False), *_proofs(MULTICAST, multicast=True))

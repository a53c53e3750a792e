"""Parts of the interconnect: queue, arbiter, router and the ring's stops."""

from collections.abc import Collection
from typing import Any

from amaranth.hdl import Array, Cat, Mux, Signal, Value
from amaranth.utils import bits_for

from spikeloom.hdl.routers.packet import packet_layout
from spikeloom.hdl.routers.topology import Topology
from spikeloom.sim.proofs.proof import Bug, Proof, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order, waits

__all__ = ["PROOFS"]

PLACES, BITS, REQUESTS = 3, 2, 4


@proof(
    "routers.queue.Queue",
    "nothing lost, doubled, altered or overtaken; what is offered stays; room is told if and only if there is some",
    size=f"{PLACES} places of {BITS} bits",
    bug=Bug("says too late that it fills", "self.room.eq(~valid[-2])", "self.room.eq(~valid[-1])"),
)
def queue(hdl: Any, s: Statement) -> None:
    s.m.submodules.queue = queue = hdl.Queue(BITS, PLACES)
    taken, given = s.offer(queue.i, "i"), s.accept(queue.o, "o")
    held = in_order(s, taken, queue.i.payload, given, queue.o.payload, most=PLACES)
    s.claim(s.stays(queue.o))
    s.claim(queue.o.valid == (held != 0))
    s.claim(queue.i.ready == (held != PLACES))
    s.claim(queue.room == (held < PLACES - 1))


@proof(
    "routers.arbiter.Arbiter",
    f"one grant if there are requests, and to one of them; at most {REQUESTS - 1} others are served before one that "
    "waits",
    size=f"{REQUESTS} requests",
    bug=Bug("the first of a pair stays the first", "before.eq(self.grant[b])", "before.eq(1)"),
)
def arbiter(hdl: Any, s: Statement) -> None:
    s.m.submodules.arbiter = arbiter = hdl.Arbiter(REQUESTS)
    s.m.d.comb += [arbiter.request.eq(s.any(REQUESTS, "request")), arbiter.served.eq(s.any(1, "served"))]
    request, grant = arbiter.request, arbiter.grant
    used = Mux(arbiter.served, grant, 0)
    s.assume((s.before(request & ~used) & ~request) == 0)  # a request stays until it is served
    s.claim((grant & (grant - 1)) == 0)
    s.claim((grant & ~request) == 0)
    s.claim(grant.any() == request.any())
    one = s.fixed(range(REQUESTS), "one")
    others = waits(s, (request >> one)[0], used.any(), (used >> one)[0], most=REQUESTS - 1)
    s.example(others == REQUESTS - 1)


@proof(
    "routers.inbox.Inbox",
    "of each output nothing that is for it lost, doubled, altered or overtaken; what it has to go to stays until then; "
    "a packet can be served 1 clock after it came",
    size=f"{REQUESTS} outputs",
    bug=Bug("a packet that waited goes to the outputs of the next", "spare.wants, Mux", "self.i.payload.wants, Mux"),
)
def inbox(hdl: Any, s: Statement) -> None:
    packet = packet_layout(REQUESTS, BITS)
    s.m.submodules.inbox = inbox = hdl.Inbox(packet, REQUESTS)
    s.m.d.comb += inbox.served.eq(s.any(REQUESTS, "served"))
    s.assume((inbox.served & ~inbox.left) == 0)
    taken, one = s.offer(inbox.i, "i"), s.fixed(range(REQUESTS), "one")
    served = (inbox.served >> one)[0]
    in_order(
        s,
        taken & (inbox.i.payload.wants >> one)[0],
        Value.cast(inbox.i.payload.packet),
        served,
        Value.cast(inbox.packet),
        most=2,
    )
    still = s.before(inbox.left & ~inbox.served & ~s.in_reset.replicate(REQUESTS))
    s.claim((still == 0) | (inbox.left == still) & (Value.cast(inbox.packet) == s.before(Value.cast(inbox.packet))))
    s.claim(
        (still != 0) | ~s.before(taken) | (inbox.left == s.before(inbox.i.payload.wants)) | ~s.before(inbox.i.ready)
    )
    s.claim(~s.before(still == 0) | inbox.i.ready | (inbox.left != 0))


class Through:
    """Packets from one link of a router to another, whichever."""

    def __init__(self, hdl: Any, s: Statement, topology: Topology, name: str, *, multicast: bool, always: bool = False):
        """always: what goes out is taken at once."""
        inputs = [link for link in topology.links if link.end == name]
        outputs = [link for link in topology.links if link.start == name]
        number_bits = bits_for(len(inputs))  # of a payload: the link on which it came; one more bit is anything
        packet = packet_layout(topology.nodes, number_bits + 1, multicast=multicast)
        s.m.submodules.router = self.router = router = hdl.Router(topology, name, packet, multicast=multicast)
        taken = Cat(s.offer(port, f"i{k}") for k, port in enumerate(router.i))
        given = [s.accept(port, f"o{n}") for n, port in enumerate(router.o)]
        s.assume(Cat(port.ready | (not always) for port in router.o).all())
        for k, (port, link) in enumerate(zip(router.i, inputs, strict=True)):
            s.assume(port.payload.payload[:number_bits] == k)
            if not multicast:
                s.assume(_is_for(port.payload.to, topology.reach[link], multicast))
        start, end = s.fixed(range(len(inputs)), "start"), s.fixed(range(len(outputs)), "end")
        s.assume((start < len(inputs)) & (end < len(outputs)))

        leads = [
            Cat(_is_for(port.payload.to, topology.reach[way] if way in topology.after[link] else (), multicast)
                for way in outputs)
            for port, link in zip(router.i, inputs, strict=True)
        ]  # fmt: skip
        masks = Array(sum(1 << node for node in topology.reach[way]) if multicast else -1 for way in outputs)
        item, result = Array(router.i)[start].payload, Array(router.o)[end].payload
        self.taken = (taken & Array(leads)[start].bit_select(end, 1).replicate(len(inputs))).bit_select(start, 1)
        self.given = Array(given)[end] & (result.payload[:number_bits] == start)
        self.item = Cat(item.payload, (item.to & masks[end])[: len(item.to)])
        self.result = Cat(result.payload, result.to)


def _is_for(to: Value, nodes: Collection[int], multicast: bool) -> Value:
    return Cat(to[node] if multicast else to == node for node in nodes).any() if nodes else Value.cast(0)


def router(topology: Topology, name: str, *, multicast: bool, order: Bug, flow: Bug) -> tuple[Proof, Proof]:
    ways = len([link for link in topology.links if link.end == name])
    size = f"{topology.kind} of {topology.nodes} nodes, {name}, {ways} x {ways} links, "
    size += "any number of targets" if multicast else "one target"

    @proof(
        "routers.router.Router",
        f"from each link to each nothing lost, doubled, altered or overtaken; what is offered stays ({topology.kind}"
        f"{', multicast' * multicast})",
        size=size,
        bug=order,
    )
    def ordered(hdl: Any, s: Statement) -> None:
        way = Through(hdl, s, topology, name, multicast=multicast)
        in_order(s, way.taken, way.item, way.given, way.result, most=3)
        s.claim(Cat(s.stays(port) for port in way.router.o).all())

    @proof(
        "routers.router.Router",
        f"a packet is through after at most {2 * ways + 1} clocks if all outputs take ({topology.kind}"
        f"{', multicast' * multicast})",
        size=size,
        bug=flow,
    )
    def flows(hdl: Any, s: Statement) -> None:
        way = Through(hdl, s, topology, name, multicast=multicast, always=True)
        inside = Signal(2)
        s.m.d.sync += inside.eq(inside + way.taken - way.given)
        clocks = waits(s, inside != 0, Value.cast(1), way.given, most=2 * ways + 1)
        s.example(clocks == ways)

    return ordered, flows


DOUBLED = Bug(
    "an output takes its copy as long as others have not", "(grant & free)", "(grant & free & (inbox.left == 1 << n))"
)
OVERTAKEN = Bug(
    "the register takes another packet while one waits", "~port.valid | port.ready", "port.valid | port.ready"
)
STARVED = Bug("who was served stays first", "arbiter.served.eq(free)", "arbiter.served.eq(0)")

PROOFS = (
    queue,
    arbiter,
    inbox,
    *router(Topology(kind="crossbar", nodes=3), "crossbar", multicast=True, order=DOUBLED, flow=STARVED),
    *router(Topology(kind="mesh", nodes=4), "router 0", multicast=True, order=DOUBLED, flow=STARVED),
    *router(Topology(kind="mesh", nodes=4), "router 0", multicast=False, order=OVERTAKEN, flow=STARVED),
)

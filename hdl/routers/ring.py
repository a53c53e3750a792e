"""A stop of the ring.

A place in the ring stays free. A node's packet enters only a queue with two free places, and leaves one of them;
packets that pass on give up a place for another. So among packets to one node each the last place is never taken, and
some packet of the ring can always go on. A packet to several nodes may have gone on from a place that it keeps until
its copy here is taken, so all places may be taken for a while; but nodes take what comes, and then it is free again.
All arrive.

Passing packets go first. What bounds a node's wait is a token that goes round, and a quota of packets per node between
two visits. A stop whose packet waits, and that sent none since the last visit, keeps the token until it did. Meanwhile
nobody's quota is filled again: the others run out, what is in the ring leaves it, and the packet enters.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.routers.queue import Queue
from spikeloom.hdl.streams import Buffer

__all__ = ["PLACES", "Stop", "most_before"]

#: With two, a stop that must leave one free would send in every other clock.
PLACES = 3


def most_before(nodes: int) -> int:
    """Packets that are taken from other nodes while one waits to be taken, at most.

    Every other stop has what is left of its quota, and one packet more that enters as it is filled. That happens twice
    at most before the token stays: on its first visit it may find that an earlier packet was sent, and go on. And
    every stop has two places where packets wait to enter.
    """
    return (3 * (_quota(nodes) + 1) + 2) * (nodes - 1)


def _quota(nodes: int) -> int:
    """The token takes a clock per stop that need not keep it, so half of this is enough for one packet in each."""
    return 2 * nodes


class Stop(wiring.Component):
    """The stop of a node. Latency: 1 clock from the node, 1 to each next stop, 1 to the node. Throughput: one packet
    per link and clock.

    A packet to its own node goes all the way round. ``ready`` of ``i`` and ``ring_i`` is a register's, and so are
    ``valid`` and ``payload`` of ``o``.

    i, o: the node's packets; of those to the node, ``to`` is 0.
    ring_i, ring_o: to and from the neighbours. room_i, room_o: the queue behind ``ring_o``, or this stop's, has two
    places free. token_i, token_o: high for a clock when the token goes on.
    """

    i: stream.Interface
    o: stream.Interface
    ring_i: stream.Interface
    ring_o: stream.Interface
    room_i: Signal
    room_o: Signal
    token_i: Signal
    token_o: Signal

    def __init__(self, node: int, nodes: int, packet: data.StructLayout, *, multicast: bool):
        self.node = node
        self.nodes = nodes
        self.packet = packet
        self.multicast = multicast
        port = stream.Signature(packet)
        streams = {"i": In(port), "o": Out(port), "ring_i": In(port), "ring_o": Out(port)}
        super().__init__({**streams, "room_i": In(1), "room_o": Out(1), "token_i": In(1), "token_o": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = Buffer(self.packet)
        m.submodules.queue = queue = Queue(self.packet, PLACES)
        wiring.connect(m, wiring.flipped(self.i), buffer.i)
        wiring.connect(m, wiring.flipped(self.ring_i), queue.i)
        m.d.comb += self.room_o.eq(queue.room)

        head, own = queue.o, buffer.o
        here, further, left = self._targets(head.payload.to)
        deliver, forward, free, enter, allowed = (
            Signal(name=name) for name in ("deliver", "forward", "free", "enter", "allowed")
        )
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            own.ready.eq(~forward & self.room_i & self.ring_o.ready & allowed),
            enter.eq(own.valid & own.ready),
            self.ring_o.valid.eq(forward | enter),
            self.ring_o.payload.payload.eq(Mux(forward, head.payload.payload, own.payload.payload)),
            self.ring_o.payload.to.eq(Mux(forward, left, own.payload.to)),
        ]
        with m.If(free):
            m.d.sync += [self.o.valid.eq(deliver), self.o.payload.payload.eq(head.payload.payload)]
        if self.multicast:
            delivered, forwarded = Signal(), Signal()
            m.d.comb += [
                deliver.eq(head.valid & here & ~delivered),
                forward.eq(head.valid & further & ~forwarded),
                head.ready.eq((~here | delivered | free) & (~further | forwarded | self.ring_o.ready)),
            ]
            with m.If(head.valid):
                m.d.sync += [
                    delivered.eq(~head.ready & (delivered | free)),
                    forwarded.eq(~head.ready & (forwarded | self.ring_o.ready)),
                ]
        else:
            m.d.comb += [
                deliver.eq(head.valid & here),
                forward.eq(head.valid & further),
                head.ready.eq(Mux(here, free, self.ring_o.ready)),
            ]

        token = Signal(init=self.node == 0)
        full = _quota(self.nodes)
        quota = Signal(range(full + 1), init=full)
        m.d.comb += [
            allowed.eq(quota.any()),
            self.token_o.eq(token & (~own.valid | (quota != full))),
        ]
        m.d.sync += token.eq(self.token_i | (token & ~self.token_o))
        with m.If(self.token_o):
            m.d.sync += quota.eq(full)
        with m.Elif(enter):
            m.d.sync += quota.eq(quota - 1)
        return m

    def _targets(self, to: Value) -> tuple[Value, Value, Value]:
        """Whether a packet is for the node here, whether for others, and its ``to`` for those."""
        if not self.multicast:
            return to == self.node, to != self.node, to
        left = to & ~(1 << self.node) & (1 << self.nodes) - 1
        return to[self.node], left.any(), left

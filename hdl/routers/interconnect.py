"""Between the nodes: components of the same interface, one for each topology."""

from abc import abstractmethod
from typing import ClassVar, Literal

from amaranth.hdl import Const, Module, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.routers.packet import packet_layout
from spikeloom.hdl.routers.ring import Stop
from spikeloom.hdl.routers.router import Router
from spikeloom.hdl.routers.topology import Link, Topology

__all__ = ["Crossbar", "Interconnect", "Mesh", "Ring"]

#: Who sends on each link, or receives.
Ends = dict[Link, stream.Interface]


class Interconnect(wiring.Component):
    """Packets from each of ``nodes`` to any of them. Throughput: one packet per link and clock.

    Nothing is lost or doubled, and packets from one node to another stay in order. All arrive as long as the nodes take
    theirs. ``ready`` of the inputs is a register's, and so are ``valid`` and ``payload`` of the outputs.

    payload:   what a packet carries. multicast: ``to`` has a bit per node; otherwise it is the number of one, which has
               to exist.
    i, o:      the nodes' packets (:func:`packet_layout`), and the payloads for them.
    moved:     a bit per link: a packet went over it. stalled: one waited that could not.
    links:     the links in the order of these bits.
    """

    kind: ClassVar[Literal["crossbar", "ring", "mesh"]]
    i: list[stream.Interface]
    o: list[stream.Interface]
    moved: Signal
    stalled: Signal

    def __init__(self, nodes: int, payload: ShapeLike, *, multicast: bool = True):
        self.topology = Topology(kind=self.kind, nodes=nodes)
        self.topology.check()
        self.nodes = nodes
        self.multicast = multicast
        self.packet = packet_layout(nodes, payload, multicast=multicast)
        self.links = self.topology.links
        super().__init__(
            {
                "i": In(stream.Signature(self.packet)).array(nodes),
                "o": Out(stream.Signature(payload)).array(nodes),
                "moved": Out(len(self.links)),
                "stalled": Out(len(self.links)),
            }
        )

    @abstractmethod
    def _routers(self, m: Module) -> tuple[Ends, Ends]:
        """Make them; the links that they send and receive on."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        senders, receivers = self._routers(m)
        for node in range(self.nodes):
            senders[self.topology.into(node)] = self.i[node]
            receivers[self.topology.out(node)] = self.o[node]
        arriving = {self.topology.out(node) for node in range(self.nodes)}
        for k, link in enumerate(self.links):
            sender, receiver = senders[link], receivers[link]
            payload = sender.payload.payload if link in arriving else sender.payload
            passes = self.passes(m, k, sender)
            m.d.comb += [
                receiver.payload.eq(payload),
                receiver.valid.eq(sender.valid & passes),
                sender.ready.eq(receiver.ready & passes),
                self.moved[k].eq(sender.valid & sender.ready),
                self.stalled[k].eq(sender.valid & ~sender.ready),
            ]
        return m

    def passes(self, m: Module, link: int, sender: stream.Interface) -> Value:
        """Whether a packet may go over a link now: always, but where a test makes links slow."""
        return Const(1)


class _Routed(Interconnect):
    def _routers(self, m: Module) -> tuple[Ends, Ends]:
        senders: Ends = {}
        receivers: Ends = {}
        for k, name in enumerate(self.topology.routers):
            m.submodules[f"router{k}"] = router = Router(self.topology, name, self.packet, multicast=self.multicast)
            receivers |= zip(router.inputs, router.i, strict=True)
            senders |= zip(router.outputs, router.o, strict=True)
        return senders, receivers


class Crossbar(_Routed):
    """One router for all. Latency: 2 clocks."""

    kind = "crossbar"


class Mesh(_Routed):
    """A grid of routers, XY dimension order. Latency: 2 clocks per router."""

    kind = "mesh"


class Ring(Interconnect):
    """A ring in one direction. Latency: 2 clocks, and 1 per link between stops."""

    kind = "ring"

    def _routers(self, m: Module) -> tuple[Ends, Ends]:
        senders: Ends = {}
        receivers: Ends = {}
        stops = [Stop(node, self.nodes, self.packet, multicast=self.multicast) for node in range(self.nodes)]
        for node, (stop, following) in enumerate(zip(stops, (*stops[1:], stops[0]), strict=True)):
            m.submodules[f"stop{node}"] = stop
            m.d.comb += [stop.room_i.eq(following.room_o), following.token_i.eq(stop.token_o)]
            link = Link(*(self.topology.routers[k] for k in (node, (node + 1) % self.nodes)))
            senders |= {link: stop.ring_o, self.topology.out(node): stop.o}
            receivers |= {link: following.ring_i, self.topology.into(node): stop.i}
        return senders, receivers

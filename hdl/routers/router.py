"""A router: what arrives on its links goes out on those that lead to its targets."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.routers.arbiter import Arbiter
from spikeloom.hdl.routers.inbox import Inbox
from spikeloom.hdl.routers.topology import Topology

__all__ = ["Router"]


class Router(wiring.Component):
    """The router ``name`` of a topology. Latency: 2 clocks. Throughput: one packet per link and clock.

    A packet is passed on after at most one of each other input that waits for the same output. One without a target
    is taken, and goes nowhere. ``ready`` of the inputs is a register's, and so are ``valid`` and ``payload`` of the
    outputs.

    i, o: packets on the links that end and start here, in the order of ``inputs`` and ``outputs``.
    """

    i: list[stream.Interface]
    o: list[stream.Interface]

    def __init__(self, topology: Topology, name: str, packet: data.StructLayout, *, multicast: bool):
        self.topology = topology
        self.packet = packet
        self.multicast = multicast
        self.inputs = [link for link in topology.links if link.end == name]
        self.outputs = [link for link in topology.links if link.start == name]
        port = stream.Signature(packet)
        super().__init__({"i": In(port).array(len(self.inputs)), "o": Out(port).array(len(self.outputs))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inboxes = []
        for k, (port, link) in enumerate(zip(self.i, self.inputs, strict=True)):
            m.submodules[f"inbox{k}"] = inbox = Inbox(self.packet, len(self.outputs))
            packet, to = inbox.i.payload.packet, port.payload.to
            m.d.comb += [
                inbox.i.valid.eq(port.valid),
                port.ready.eq(inbox.i.ready),
                packet.payload.eq(port.payload.payload),
                packet.to.eq(self._masked(to, self.topology.reach[link])),
            ]
            # Found on the way in, so that arbitration begins at registers.
            for n, way in enumerate(self.outputs):
                if way in self.topology.after[link]:
                    m.d.comb += inbox.i.payload.wants[n].eq(self._leads(to, self.topology.reach[way]))
            inboxes.append(inbox)
        # Every output takes its copy once and in its own time. Until the last has, the packet holds the one place that
        # it is in and waits for places further on in the order of the topology, which `Topology.check` shows to have
        # no circle; copies that went hold nothing of it. So the last places in that order, in front of nodes that take
        # what comes, empty, and then those before them: partial copies add waits, but never a circle.
        for n, way in enumerate(self.outputs):
            sources = [
                inbox for link, inbox in zip(self.inputs, inboxes, strict=True) if way in self.topology.after[link]
            ]
            self._output(m, n, sources)
        return m

    def _output(self, m: Module, n: int, inboxes: list[Inbox]) -> None:
        """Who is next, and the register."""
        port = self.o[n]
        m.submodules[f"arbiter{n}"] = arbiter = Arbiter(len(inboxes))
        free = Signal(name=f"free{n}")
        m.d.comb += [
            free.eq(~port.valid | port.ready),
            arbiter.served.eq(free),
            arbiter.request.eq(Cat(inbox.left[n] for inbox in inboxes)),
        ]
        payload: Value = Const(0)
        to: Value = Const(0)
        for inbox, grant in zip(inboxes, arbiter.grant, strict=True):
            m.d.comb += inbox.served[n].eq(grant & free)
            payload |= Mux(grant, Value.cast(inbox.packet.payload), 0)
            to |= Mux(grant, inbox.packet.to, 0)
        with m.If(free):
            m.d.sync += [
                port.valid.eq(arbiter.request.any()),
                Value.cast(port.payload.payload).eq(payload),
                port.payload.to.eq(self._masked(to, self.topology.reach[self.outputs[n]])),
            ]

    def _masked(self, to: Value, reach: frozenset[int]) -> Value:
        return to & sum(1 << node for node in reach) if self.multicast else to

    def _leads(self, to: Value, reach: frozenset[int]) -> Value:
        """Whether a target is among the nodes reached."""
        nodes = sorted(reach)
        return Cat(to[node] for node in nodes).any() if self.multicast else Cat(to == node for node in nodes).any()

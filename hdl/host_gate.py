"""The host's events pass when the channels out of the input population have credit for their step."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.destinations import Destinations
from spikeloom.hdl.layouts import HostPort, Tables, credit_layout, flit_layout
from spikeloom.hdl.memory_map import Images, Memories, host_memories
from spikeloom.hdl.parameters import AcceleratorParameters
from spikeloom.hdl.routers.packet import packet_layout
from spikeloom.hdl.tokens import Tokens

__all__ = ["HostGate"]


class HostGate(wiring.Component):
    """Takes one credit of every channel before a step's first flit. Latency: 0. Throughput: one flit per clock, and two
    clocks per step.

    i, o: the host's flits; packets of them if there are several cores. returns: credits. host: its share of the port.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, p: AcceleratorParameters, images: Images):
        self.p = p
        self.core = p.cores[0]
        flit = flit_layout(p.flit)
        self.images = images
        super().__init__(
            {
                "i": In(stream.Signature(flit)),
                "o": Out(stream.Signature(flit if self.core.alone else packet_layout(self.core.nodes, flit))),
                "returns": In(credit_layout(self.core)).array(1),
                "running": Out(1),
                "host": In(HostPort(len(host_memories(p)), 32, 16)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = self.p.host_channels
        memories = Memories("host", host_memories(self.p), self.host, self.images)
        channels = memories.table("channels", Tables(self.core).channel, count)
        m.submodules.credits = free_slots = Tokens(count, self.core.token_bits)
        number = Signal(range(max(2, count)))
        initialise = Signal(init=1)
        memories.lend(m, "channels", channels)
        m.d.comb += channels.read_address.eq(memories.address(number))
        channel = Signal(Tables(self.core).channel)
        used = Signal(count)
        is_open, opening = Signal(), Signal()
        m.d.comb += [
            channel.as_value().eq(channels.read_data),
            free_slots.value.eq(channel.credit),
            self.running.eq(initialise | is_open | opening),
        ]
        with m.If(initialise):
            m.d.sync += number.eq(number + 1)
            with m.If(number == count - 1):
                m.d.sync += initialise.eq(0)
        for k in range(count):
            m.d.comb += [
                free_slots.load[k].eq(initialise & (number == k)),
                free_slots.add[k].eq(Cat(r.valid & (r.node == 0) & (r.channel == k) for r in self.returns).any()),
            ]
            with m.If(free_slots.load[k]):
                m.d.sync += used[k].eq(channel.valid)

        words: Value = Mux(self.host.select[0], channels.read_data, 0)
        o = self.o
        if not self.core.alone:
            m.submodules.destinations = destinations = Destinations(self.core, memories, 1)
            wiring.connect(m, destinations.o, wiring.flipped(self.o))
            o = destinations.i
            words |= Mux(self.host.select[1], destinations.table.read_data, 0)
        m.d.comb += [
            o.payload.eq(self.i.payload),
            o.payload.source.eq(0),  # the input population, whatever the host says
            o.valid.eq(self.i.valid & is_open),
            self.i.ready.eq(o.ready & is_open),
        ]
        with m.If(is_open):
            with m.If(self.i.valid & o.ready & self.i.payload.tick):
                m.d.sync += is_open.eq(0)
        with m.Elif(opening):
            m.d.comb += free_slots.take.eq(used)
            m.d.sync += is_open.eq(1)
        free = (free_slots.some | ~used).all()
        m.d.sync += opening.eq(self.i.valid & free & ~initialise & ~self.host.hold & ~is_open & ~opening)

        m.d.sync += self.host.read_data.eq(words)
        return m

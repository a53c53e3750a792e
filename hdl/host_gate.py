"""The host's events pass when the channels out of the input population have credit for their step."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.layouts import HostPort, Tables, credit_layout, flit_layout
from spikeloom.hdl.memory_map import Images, Memories
from spikeloom.hdl.parameters import AcceleratorParameters
from spikeloom.hdl.tokens import Tokens

__all__ = ["HostGate"]


class HostGate(wiring.Component):
    """Takes one credit of every channel before a step's first flit. Latency: 0. Throughput: one flit per clock, and two
    clocks per step.

    i, o: the host's flits. returns: credits from every core. host: the internal port's share.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, p: AcceleratorParameters, images: Images):
        self.p = p
        self.core = p.cores[0]
        flit = stream.Signature(flit_layout(p.flit))
        self.images = images
        super().__init__(
            {
                "i": In(flit),
                "o": Out(flit),
                "returns": In(credit_layout(self.core)).array(len(p.cores)),
                "running": Out(1),
                "host": In(HostPort(1, 32, 16)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = self.p.host_channels
        memories = Memories("host", ["channels"], self.host, self.images)
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

        m.d.comb += [
            self.o.payload.eq(self.i.payload),
            self.o.payload.source.eq(0),  # the input population, whatever the host says
            self.o.valid.eq(self.i.valid & is_open),
            self.i.ready.eq(self.o.ready & is_open),
        ]
        with m.If(is_open):
            with m.If(self.i.valid & self.o.ready & self.i.payload.tick):
                m.d.sync += is_open.eq(0)
        with m.Elif(opening):
            m.d.comb += free_slots.take.eq(used)
            m.d.sync += is_open.eq(1)
        free = (free_slots.some | ~used).all()
        m.d.sync += opening.eq(self.i.valid & free & ~initialise & ~self.host.hold & ~is_open & ~opening)

        m.d.sync += self.host.read_data.eq(Mux(self.host.select, channels.read_data, 0))
        return m

"""The design's top: the host's port, the cores, and the streams that join them."""

from collections.abc import Mapping, Sequence

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.core import Core
from spikeloom.hdl.counters import Counters
from spikeloom.hdl.credit_exchange import CreditExchange
from spikeloom.hdl.host_gate import HostGate
from spikeloom.hdl.layouts import ControlPort, flit_layout, word_bits
from spikeloom.hdl.memory_map import CONTROL_WORDS, REGISTERS, MemoryMap
from spikeloom.hdl.parameters import AcceleratorParameters
from spikeloom.hdl.routers import INTERCONNECTS, Interconnect
from spikeloom.hdl.streams import Buffer

__all__ = ["Accelerator"]

IDENTITY = 0x5350494B
#: Clocks for the longest path from an address through a memory to its read data, and for work in flight to show.
SETTLE = 9


class Accelerator(wiring.Component):
    """Cores behind one host port.

    i:    the host's events, step by step: a step's events, then its tick. Back-pressured by credits.
    o:    events and ticks of every population of neurons in the register ``observe``; the host must take them.
    port: the internal port: registers, and every memory while nothing runs (see ``hdl.memory_map``).
    activity: per engine, what it did in a clock (:class:`Activity`); for probes, costs nothing unconnected.
    traffic: likewise, per link between several cores, whether a packet went over it, and whether one waited in vain.

    images: initial contents per memory; the generated Verilog reads them from files instead.
    interconnects: what joins several cores, by topology.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        p: AcceleratorParameters,
        images: Mapping[str, Sequence[int]] | None = None,
        interconnects: Mapping[str, type[Interconnect]] = INTERCONNECTS,
    ):
        self.p = p
        self.interconnects = interconnects
        self.images = images or {}
        self.map = MemoryMap(p)
        flit = stream.Signature(flit_layout(p.flit))
        super().__init__(
            {
                "i": In(flit),
                "o": Out(flit),
                "port": In(ControlPort(self.map.address_bits)),
                "activity": Out(3 * len(p.engines)),
            }
            | ({"traffic": Out(2 * len(p.links))} if p.links else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p, flit = self.p, flit_layout(self.p.flit)
        restart = Signal()
        entry_bits, address_bits = self.map.entry_bits, self.map.address_bits
        gate = HostGate(p, self.images)
        cores = [Core(c, f"core{k}", 1 + k, entry_bits, address_bits, self.images) for k, c in enumerate(p.cores)]
        m.submodules.gate = ResetInserter(restart)(gate)
        for k, core in enumerate(cores):
            m.submodules[f"core{k}"] = ResetInserter(restart)(core)

        # Streams and credits between the host and the cores ---------------------------------------------------------
        buffer = Buffer(flit)
        m.submodules.buffer = ResetInserter(restart)(buffer)
        wiring.connect(m, wiring.flipped(self.i), buffer.i)
        wiring.connect(m, buffer.o, gate.i)
        observe = Signal(p.observed, init=(1 << p.observed) - 1)
        join = self._joined if len(cores) > 1 else self._alone
        arrived = join(m, gate, cores, observe, restart)

        m.d.comb += self.activity.eq(
            Cat((core.activity, core.scatter_activity) if core.p.scatter else core.activity for core in cores)
        )

        counters = None
        if p.counters:
            happened = [self.activity.word_select(k, 3) == a for k in range(len(p.engines)) for a in range(8)]
            m.submodules.counters = counters = Counters(len(p.counters))
            m.d.comb += counters.events.eq(Cat(happened, self.traffic) if p.links else Cat(happened))

        # Registers and memories -------------------------------------------------------------------------------------
        steps, clocks = Signal(16), Signal(32)
        fault, refused = Signal(), Signal()
        busy = Signal(init=1)
        quiet, hold = Signal(), Signal()
        m.d.sync += [
            busy.eq(restart | gate.running | arrived | Cat(core.running for core in cores).any()),
            fault.eq(Cat(core.fault for core in cores).any()),
            clocks.eq(Mux(restart, 0, clocks + 1)),
            restart.eq(0),
        ]
        port = self.port
        page = Signal()  # the registers' page
        m.d.sync += page.eq(port.address < CONTROL_WORDS)
        status = Cat(busy, fault, refused)
        values = {
            "identity": Const(IDENTITY, 32),
            "status": status,
            "steps": steps,
            "observe": observe,
            "clocks": clocks,
        }
        register = Signal(32)
        with m.Switch(port.address[:3]):
            for name, value in values.items():
                with m.Case(REGISTERS[name][0]):
                    m.d.comb += register.eq(value)

        # A memory's entry is written when its last word is; its words come in order, so they are the last ones here.
        staged, staging = Signal(entry_bits, reset_less=True), Signal()
        word, last_word = Signal(word_bits(entry_bits)), Signal()
        regions = {region.name: region for region in self.map.regions}
        hit = Signal()
        selects = {core: Signal(len(core.host.select), name=f"select_core{k}") for k, core in enumerate(cores)}
        select_gate, entry = Signal(len(gate.host.select)), Signal(address_bits)
        # The address is decoded into registers, in the clock in which the state machine below is in DECODE.
        m.d.sync += [hit.eq(0), word.eq(0), select_gate.eq(0)]
        m.d.sync += [signal.eq(0) for signal in selects.values()]
        for region in regions.values():
            top = region.size.bit_length() - 1
            shift = region.stride.bit_length() - 1
            with m.If(port.address >> top == region.base >> top):
                m.d.sync += [
                    hit.eq(1),
                    word.eq(port.address[:shift]),
                    last_word.eq(port.address[:shift] == region.words - 1 if shift else 1),
                    entry.eq(port.address[shift:top]),
                ]
                if region.core < 0:
                    m.d.sync += select_gate[region.select].eq(1)
                else:
                    m.d.sync += selects[cores[region.core]][region.select].eq(1)
        write = Signal()
        for core in cores:
            m.d.comb += [
                core.steps.eq(steps),
                core.enable.eq(~quiet),
                core.host.hold.eq(hold),
                core.host.select.eq(selects[core]),
                core.host.address.eq(entry),
                core.host.word.eq(word),
                core.host.write.eq(write),
                core.host.write_data.eq(staged),
            ]
        m.d.comb += [
            gate.host.hold.eq(hold | quiet),
            gate.host.select.eq(select_gate),
            gate.host.address.eq(entry),
            gate.host.word.eq(word),
            gate.host.write.eq(write),
            gate.host.write_data.eq(staged[-32:]),
        ]
        read_data: Value = gate.host.read_data
        if counters:
            m.d.comb += [
                counters.restart.eq(restart),
                counters.hold.eq(hold),
                counters.select.eq(select_gate[-1]),
                counters.address.eq(entry),
            ]
            read_data |= counters.read_data
        wait, settled = Signal(range(SETTLE + 1)), Signal()  # the latter where the former is 0
        for core in cores:
            read_data |= core.host.read_data
        with m.If(staging):
            m.d.sync += staged.eq(Cat(staged[32:], port.write_data))
        m.d.sync += [
            write.eq(0),
            staging.eq(0),
            port.done.eq(0),
            port.read_data.eq(Mux(page, register, Mux(hold, read_data, 0))),
            settled.eq(wait == 1),
        ]
        with m.FSM(name="port"):
            with m.State("IDLE"):
                m.d.sync += wait.eq(SETTLE)
                with m.If(port.request & ~port.done):
                    m.next = "DECODE"
            with m.State("DECODE"):
                m.d.sync += staging.eq(port.write)
                m.next = "ACT"
            with m.State("ACT"):
                with m.If(page):
                    m.next = "REGISTER"
                with m.Elif(~hit):
                    m.d.sync += port.done.eq(1)
                    m.next = "IDLE"
                with m.Elif(port.write & ~last_word):
                    m.d.sync += port.done.eq(1)
                    m.next = "IDLE"
                with m.Else():
                    m.d.sync += quiet.eq(1)
                    m.next = "QUIET"
            with m.State("REGISTER"):
                m.d.sync += port.done.eq(1)
                with m.If(port.write):
                    with m.Switch(port.address[:3]):
                        with m.Case(REGISTERS["control"][0]):
                            m.d.sync += [restart.eq(port.write_data[0]), refused.eq(0)]
                        with m.Case(REGISTERS["steps"][0]):
                            m.d.sync += steps.eq(port.write_data)
                        with m.Case(REGISTERS["observe"][0]):
                            m.d.sync += observe.eq(port.write_data)
                m.next = "IDLE"
            with m.State("QUIET"):  # nothing starts any more; what had started shows as busy
                m.d.sync += wait.eq(wait - 1)
                with m.If(settled):
                    m.d.sync += wait.eq(SETTLE)
                    with m.If(busy):
                        m.d.sync += [port.done.eq(1), quiet.eq(0), refused.eq(1)]
                        m.next = "IDLE"
                    with m.Else():
                        m.d.sync += [hold.eq(1), write.eq(port.write)]
                        m.next = "HOLD"
            with m.State("HOLD"):
                m.d.sync += wait.eq(wait - 1)
                with m.If(settled):
                    m.d.sync += [port.done.eq(1), hold.eq(0), quiet.eq(0)]
                    m.next = "IDLE"
        return m

    def _alone(self, m: Module, gate: HostGate, cores: Sequence[Core], observe: Signal, restart: Signal) -> Value:
        """The host's events to the only core, and through ``observe`` its events to the host."""
        (core,) = cores
        flit = flit_layout(self.p.flit)
        # Whether the host wants it is known before the buffer, and acted on behind it: each takes much of a clock.
        arriving, leaving = Buffer(flit), Buffer(data.StructLayout({"flit": flit, "wanted": 1}))
        m.submodules.arriving = ResetInserter(restart)(arriving)
        m.submodules.leaving = ResetInserter(restart)(leaving)
        wiring.connect(m, gate.o, arriving.i)
        wiring.connect(m, arriving.o, core.i)
        wanted = leaving.o.payload.wanted
        m.d.comb += [
            leaving.i.payload.flit.eq(core.o.payload),
            leaving.i.payload.wanted.eq(observe.bit_select(core.o.payload.source, 1)),
            leaving.i.valid.eq(core.o.valid),
            core.o.ready.eq(leaving.i.ready),
            self.o.payload.eq(leaving.o.payload.flit),
            self.o.valid.eq(leaving.o.valid & wanted),
            leaving.o.ready.eq(self.o.ready | ~wanted),
            *(node.returns[0].eq(core.credit) for node in (gate, core)),
        ]
        return arriving.o.valid

    def _joined(self, m: Module, gate: HostGate, cores: Sequence[Core], observe: Signal, restart: Signal) -> Value:
        """Routers between the nodes: one network for events, and one for credits, which never wait for events."""
        p = self.p
        kind, one = self.interconnects[p.topology], p.cores[0]
        events = kind(one.nodes, flit_layout(p.flit))
        returned = kind(one.nodes, one.channel_bits, multicast=False)
        m.submodules.events = ResetInserter(restart)(events)
        m.submodules.credits = ResetInserter(restart)(returned)
        wiring.connect(m, gate.o, events.i[0])
        wiring.connect(m, events.o[0], wiring.flipped(self.o))
        m.d.comb += [
            returned.o[0].ready.eq(1),
            gate.returns[0].valid.eq(returned.o[0].valid),
            gate.returns[0].channel.eq(returned.o[0].payload),
            self.traffic.eq(Cat(events.moved, events.stalled)),
        ]
        running = (events.moved | events.stalled | returned.moved | returned.stalled).any()
        for k, core in enumerate(cores):
            exchange = CreditExchange(core.p, core.node)
            m.submodules[f"exchange{k}"] = ResetInserter(restart)(exchange)
            wiring.connect(m, core.o, events.i[core.node])
            wiring.connect(m, events.o[core.node], core.i)
            wiring.connect(m, exchange.o, returned.i[core.node])
            wiring.connect(m, returned.o[core.node], exchange.i)
            m.d.comb += [exchange.given.eq(core.credit), core.observe.eq(observe)]
            m.d.comb += [a.eq(b) for a, b in zip(core.returns, exchange.returns, strict=True)]
            running |= exchange.running
        return running

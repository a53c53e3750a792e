"""The design's top: the host's port, the cores, and the streams that join them."""

from collections.abc import Mapping, Sequence

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.core import Core
from spikeloom.hdl.host_gate import HostGate
from spikeloom.hdl.layouts import ControlPort, flit_layout, word_bits
from spikeloom.hdl.memory_map import CONTROL_WORDS, REGISTERS, MemoryMap
from spikeloom.hdl.parameters import AcceleratorParameters
from spikeloom.hdl.streams import Buffer, Fork, Merge

__all__ = ["Accelerator"]

IDENTITY = 0x5350494B
#: Clocks for the longest path from an address through a memory to its read data, and for work in flight to show.
SETTLE = 8


class Accelerator(wiring.Component):
    """Cores behind one host port.

    i:    the host's events, step by step: a step's events, then its tick. Back-pressured by credits.
    o:    events and ticks of every population of neurons in the register ``observe``; the host must take them.
    port: the internal port: registers, and every memory while nothing runs (see ``hdl.memory_map``).
    activity: per engine, what it did in a clock (:class:`Activity`); for probes, costs nothing unconnected.

    images: initial contents per memory; the generated Verilog reads them from files instead.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, p: AcceleratorParameters, images: Mapping[str, Sequence[int]] | None = None):
        self.p = p
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

        # Streams: every node's events to the cores that are linked to it, and through `observe` to the host --------
        buffer = Buffer(flit)
        m.submodules.buffer = ResetInserter(restart)(buffer)
        wiring.connect(m, wiring.flipped(self.i), buffer.i)
        wiring.connect(m, buffer.o, gate.i)
        observe = Signal(p.flit.sources, init=(1 << p.flit.sources) - 1)
        arriving: list[list[stream.Interface]] = [[] for _ in cores]
        observed = []
        for node, output in enumerate([gate.o, *(core.o for core in cores)]):
            targets = [core for source, core in p.links if source == node]
            fork = Fork(flit, len(targets) + (node > 0))
            m.submodules[f"fork{node}"] = ResetInserter(restart)(fork)
            wiring.connect(m, output, fork.i)
            for core, port in zip(targets, fork.o, strict=False):
                arriving[core].append(port)
            if node:
                observed.append(self._observed(m, fork.o[len(targets)], observe))
        arrived = Signal(len(cores))
        for k, ports in enumerate(arriving):
            merge = self._join(m, f"merge{k}", ports, restart)
            wiring.connect(m, merge.o, cores[k].i)
            m.d.comb += arrived[k].eq(merge.o.valid)
        collect = self._join(m, "collect", observed, restart)
        wanted = collect.o.payload.wanted
        m.d.comb += [
            self.o.payload.eq(collect.o.payload.flit),
            self.o.valid.eq(collect.o.valid & wanted),
            collect.o.ready.eq(self.o.ready | ~wanted),
        ]

        # Credits go to the node that they are for -------------------------------------------------------------------
        for node in (gate, *cores):
            m.d.comb += [a.eq(core.credit) for a, core in zip(node.returns, cores, strict=True)]

        m.d.comb += self.activity.eq(
            Cat((core.activity, core.scatter_activity) if core.p.scatter else core.activity for core in cores)
        )

        # Registers and memories -------------------------------------------------------------------------------------
        steps, clocks = Signal(16), Signal(32)
        fault, refused = Signal(), Signal()
        busy = Signal(init=1)
        quiet, hold = Signal(), Signal()
        m.d.sync += [
            busy.eq(restart | gate.running | arrived.any() | Cat(core.running for core in cores).any()),
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
        staged = Signal(entry_bits, reset_less=True)
        word, last_word = Signal(word_bits(entry_bits)), Signal()
        regions = {region.name: region for region in self.map.regions}
        hit = Signal()
        selects = {core: Signal(len(core.host.select), name=f"select_core{k}") for k, core in enumerate(cores)}
        select_gate, entry = Signal(), Signal(address_bits)
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
                    m.d.sync += select_gate.eq(1)
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
        wait, settled = Signal(range(SETTLE + 1)), Signal()  # the latter where the former is 0
        read_data = gate.host.read_data
        for core in cores:
            read_data |= core.host.read_data
        m.d.sync += [
            write.eq(0),
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
                m.next = "ACT"
            with m.State("ACT"):
                with m.If(port.write):
                    m.d.sync += staged.eq(Cat(staged[32:], port.write_data))
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

    @staticmethod
    def _observed(m: Module, i: stream.Interface, observe: Signal) -> stream.Interface:
        """The flits of a core, each with whether the host wants it."""
        layout = data.StructLayout({"flit": i.payload.shape(), "wanted": 1})
        o = stream.Signature(layout).create(path=("observed",))
        m.d.comb += [
            o.payload.flit.eq(i.payload),
            o.payload.wanted.eq(observe.bit_select(i.payload.source, 1)),
            o.valid.eq(i.valid),
            i.ready.eq(o.ready),
        ]
        return o

    @staticmethod
    def _join(m: Module, name: str, ports: Sequence[stream.Interface], restart: Signal) -> Merge:
        merge = Merge(ports[0].payload.shape(), len(ports))
        m.submodules[name] = ResetInserter(restart)(merge)
        for port, i in zip(ports, merge.i, strict=True):
            wiring.connect(m, port, i)
        return merge

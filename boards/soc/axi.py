"""The accelerator for a system on chip: AXI4-Lite registers, AXI4-Streams of flits, and an interrupt."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, ClockDomain, Const, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.boards.accelerator import accelerator
from spikeloom.boards.soc.page import IDENTITY, PAGE, PAGE_WORDS, VERSION
from spikeloom.hdl.design import hardware_id
from spikeloom.hdl.generate import convert
from spikeloom.hdl.layouts import ControlPort
from spikeloom.hdl.memory_map import REGISTERS

__all__ = ["TOP", "AcceleratorAxi", "AxiHost", "AxiParameters", "axi_verilog", "bus_members"]

TOP = "accelerator_axi"

OKAY, SLVERR, DECERR = 0, 2, 3
#: Of the accelerator's ``status``.
FAULT_BIT = 1


@dataclass(frozen=True, kw_only=True)
class AxiParameters:
    """flit_bits, tick_bit: of a flit, and which of its bits marks a tick. address_bits: of the accelerator's map.

    hardware: 32 bits that tell one hardware from another.
    """

    flit_bits: int
    tick_bit: int
    address_bits: int
    hardware: int

    def __post_init__(self) -> None:
        for name in ("flit_bits", "tick_bit", "address_bits", "hardware"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an integer, not {value!r}")
        if not 1 <= self.flit_bits <= 64:
            raise ValueError(f"Flits must have 1..64 bits, not {self.flit_bits}")
        if not 0 <= self.tick_bit < self.flit_bits:
            raise ValueError(f"The tick must be in bits 0..{self.flit_bits - 1} of a flit, not in {self.tick_bit}")
        if not 4 <= self.address_bits <= 29:
            raise ValueError(f"Addresses must have 4..29 bits, not {self.address_bits}")
        if not 0 <= self.hardware < 1 << 32:
            raise ValueError(f"The hardware's hash must have 32 bits, not {self.hardware:#x}")

    @classmethod
    def of(cls, manifest: dict[str, Any]) -> "AxiParameters":
        return cls(
            flit_bits=manifest["flit"]["width"],
            tick_bit=manifest["flit"]["fields"]["tick"][0],
            address_bits=manifest["map"]["address_bits"],
            hardware=hardware_id(manifest),
        )

    @property
    def tdata_bits(self) -> int:
        """A flit in whole bytes."""
        return -(-self.flit_bits // 8) * 8

    @property
    def bus_address_bits(self) -> int:
        """Of a byte address: the accelerator's words, and the page above them."""
        return self.address_bits + 3


def bus_members(p: AxiParameters) -> dict[str, Any]:
    """Everything but clock and reset, by the names that AXI tools look for."""
    address, data = p.bus_address_bits, p.tdata_bits
    return {
        "s_axi_awaddr": In(address),
        "s_axi_awprot": In(3),
        "s_axi_awvalid": In(1),
        "s_axi_awready": Out(1),
        "s_axi_wdata": In(32),
        "s_axi_wstrb": In(4),
        "s_axi_wvalid": In(1),
        "s_axi_wready": Out(1),
        "s_axi_bresp": Out(2),
        "s_axi_bvalid": Out(1),
        "s_axi_bready": In(1),
        "s_axi_araddr": In(address),
        "s_axi_arprot": In(3),
        "s_axi_arvalid": In(1),
        "s_axi_arready": Out(1),
        "s_axi_rdata": Out(32),
        "s_axi_rresp": Out(2),
        "s_axi_rvalid": Out(1),
        "s_axi_rready": In(1),
        "s_axis_tdata": In(data),
        "s_axis_tvalid": In(1),
        "s_axis_tready": Out(1),
        "s_axis_tlast": In(1),
        "m_axis_tdata": Out(data),
        "m_axis_tvalid": Out(1),
        "m_axis_tready": In(1),
        "m_axis_tlast": Out(1),
        "interrupt": Out(1),
        "network": In(32),
    }


class AxiHost(wiring.Component):
    """AXI on one side, the accelerator's streams and internal port on the other.

    Latency, from the clock in which the last of address and data is taken to the first with an answer: 3 clocks for the
    page, 8 for the accelerator's registers, 27 for its memories (7 where a write is not the last of an entry), and up
    to 5 more while the fault's interrupt is enabled, since the host then looks for a fault whenever nothing else is
    asked. Throughput: one access at a time, while the next one's address and data are taken; reads and writes take
    turns. A flit per clock each way, on its way out 1 clock later.

    No output depends on an input of the same clock, but for ``o_flits`` and ``i_flits``.

    Members
    -------
    s_axi_*:   AXI4-Lite. Byte addresses: 4 x the address of a word of the accelerator's map; above it the page of
               ``boards.soc.page``. The lowest two bits and ``prot`` are ignored.
    s_axis_*, m_axis_*: flits; ``tlast`` marks ticks on their way out, and is ignored on their way in.
    interrupt: level, high.
    network:   what the register of that name has after configuration; a constant.
    o_flits, i_flits: to the accelerator's ``i``, from its ``o``.
    port:      the accelerator's internal port.
    """

    o_flits: stream.Interface
    i_flits: stream.Interface
    port: wiring.PureInterface

    def __init__(self, p: AxiParameters) -> None:
        self.p = p
        super().__init__(
            {
                **bus_members(p),
                "o_flits": Out(stream.Signature(p.flit_bits)),
                "i_flits": In(stream.Signature(p.flit_bits)),
                "port": Out(ControlPort(p.address_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        from_bus = Signal()
        given, given_low, high = Signal(), Signal(32), Signal(max(0, self.p.flit_bits - 32))
        m.d.comb += [
            self.s_axis_tready.eq(~from_bus & self.o_flits.ready),
            self.o_flits.valid.eq(Mux(from_bus, given, self.s_axis_tvalid)),
            self.o_flits.payload.eq(Mux(from_bus, Cat(given_low, high), self.s_axis_tdata)[: self.p.flit_bits]),
        ]
        flit, waiting, take = self._output(m, from_bus)
        self._bus(m, from_bus, given, given_low, high, flit, waiting, take)
        return m

    def _output(self, m: Module, from_bus: Signal) -> tuple[Signal, Signal, Signal]:
        """One register for the flits that come out, since what ``m_axis`` offers must stay until it is taken.

        Neither a restart nor ``from_bus`` changes where the flit in it goes.
        """
        flit = Signal(self.p.flit_bits, reset_less=True)
        waiting, take = Signal(), Signal()  # for and by event_out
        m.d.comb += [
            self.m_axis_tdata.eq(flit),
            self.m_axis_tlast.eq(flit[self.p.tick_bit]),
            self.i_flits.ready.eq(Mux(self.m_axis_tvalid, self.m_axis_tready, ~waiting | take)),
        ]
        with m.If(self.i_flits.ready):
            m.d.sync += [
                flit.eq(self.i_flits.payload),
                self.m_axis_tvalid.eq(self.i_flits.valid & ~from_bus),
                waiting.eq(self.i_flits.valid & from_bus),
            ]
        return flit, waiting, take

    def _bus(
        self,
        m: Module,
        from_bus: Signal,
        given: Signal,
        given_low: Signal,
        high: Signal,
        flit: Signal,
        waiting: Signal,
        take: Signal,
    ) -> None:
        p, port = self.p, self.port
        # One address and one word of data wait here for their turn.
        aw, aw_full = self._held(m, self.s_axi_awaddr[2:], self.s_axi_awvalid, self.s_axi_awready)
        w, w_full = self._held(m, Cat(self.s_axi_wdata, self.s_axi_wstrb), self.s_axi_wvalid, self.s_axi_wready)
        ar, ar_full = self._held(m, self.s_axi_araddr[2:], self.s_axi_arvalid, self.s_axi_arready)

        address = Signal(p.address_bits + 1, reset_less=True)
        word, whole = Signal(32, reset_less=True), Signal()
        writing, polling = Signal(), Signal()  # polling: for the fault, not for the bus
        response = Signal(2, reset_less=True)
        m.d.comb += [
            port.address.eq(address[: p.address_bits]),
            port.write_data.eq(word),
            port.write.eq(writing),
            given_low.eq(word),
            self.s_axi_bresp.eq(response),
            self.s_axi_rresp.eq(response),
        ]

        enable, fault = Signal(2), Signal()
        network, loaded = Signal(32, reset_less=True), Signal(reset_less=True)
        causes = Cat(waiting, fault) & enable
        m.d.sync += [loaded.eq(loaded | ~ResetSignal()), self.interrupt.eq(causes.any())]
        load_network = Signal()
        with m.If(~loaded | load_network):
            m.d.sync += network.eq(Mux(loaded, word, self.network))
        with m.If(~enable[1]):
            m.d.sync += fault.eq(0)
        room = Signal()
        m.d.comb += room.eq(from_bus & self.o_flits.ready)
        readable: dict[str, Value] = {
            "identity": Const(IDENTITY, 32),
            "version": Const(VERSION | p.flit_bits << 8 | p.address_bits << 16, 32),
            "hardware": Const(p.hardware, 32),
            "network": network,
            "page_control": from_bus,
            "page_status": Cat(waiting, room, self.m_axis_tvalid, fault, self.interrupt),
            "interrupt_enable": enable,
            "event_out": Mux(waiting, flit[:32], 0),
            "event_out_high": flit[32:],
        }
        assert readable.keys() == {name for name, register in PAGE.items() if "r" in register.access}
        # What is read follows from the address alone, so that little logic is before these 32 registers.
        index_bits = PAGE_WORDS.bit_length() - 1
        index, in_page = address[:index_bits], Signal()  # the latter for ACT, from a register as the address is
        value, answering = Signal(32), Signal()
        with m.If(in_page), m.Switch(index):
            for name, source in readable.items():
                with m.Case(PAGE[name].address):
                    m.d.comb += value.eq(source)
        with m.If(~answering):
            m.d.sync += self.s_axi_rdata.eq(Mux(address[-1], value, port.read_data))

        with m.FSM(name="bus"):
            with m.State("IDLE"):
                m.d.sync += [polling.eq(0), word.eq(w[:32]), whole.eq(w[32:].all()), writing.eq(0)]
                with m.If(aw_full & w_full & ~(ar_full & writing)):  # a read goes before the second of two writes
                    m.d.sync += [writing.eq(1), aw_full.eq(0), w_full.eq(0)]
                    m.d.sync += [address.eq(aw), in_page.eq(~aw[index_bits:-1].any())]
                    m.next = "ACT"
                with m.Elif(ar_full):
                    m.d.sync += [address.eq(ar), in_page.eq(~ar[index_bits:-1].any()), ar_full.eq(0)]
                    m.next = "ACT"
                with m.Elif(enable[1]):
                    m.d.sync += [address.eq(REGISTERS["status"][0]), polling.eq(1)]
                    m.next = "PORT"
            with m.State("ACT"):
                m.d.sync += response.eq(OKAY)
                with m.If(writing & ~whole):
                    m.d.sync += response.eq(SLVERR)
                    m.next = "ANSWER"
                with m.Elif(~address[-1]):
                    m.next = "PORT"
                with m.Else():
                    m.next = "ANSWER"
                    m.d.sync += response.eq(DECERR)
                    with m.If(in_page), m.Switch(index):
                        for name, register in PAGE.items():
                            with m.Case(register.address):
                                m.d.sync += response.eq(Mux(writing, *self._permitted(register.access)))
                                with m.If(writing):
                                    if name == "network":
                                        m.d.comb += load_network.eq(1)
                                    elif name == "page_control":
                                        m.d.sync += from_bus.eq(word[0])
                                    elif name == "interrupt_enable":
                                        m.d.sync += enable.eq(word[:2])
                                    elif name == "event_in_high":
                                        m.d.sync += high.eq(word[: len(high)])
                                    elif name == "event_in":
                                        m.d.comb += given.eq(room)
                                        m.d.sync += response.eq(Mux(room, OKAY, SLVERR))
                                if name == "event_out":
                                    with m.If(~writing):
                                        m.d.comb += take.eq(waiting)
                                        m.d.sync += response.eq(Mux(waiting, OKAY, SLVERR))
            with m.State("PORT"):
                m.d.comb += port.request.eq(1)
                with m.If(port.done):
                    m.next = "ANSWER"
                    with m.If(polling):
                        m.d.sync += fault.eq(port.read_data[FAULT_BIT] & enable[1])
                        m.next = "IDLE"
            with m.State("ANSWER"):
                m.d.comb += [answering.eq(1), self.s_axi_bvalid.eq(writing), self.s_axi_rvalid.eq(~writing)]
                with m.If(Mux(writing, self.s_axi_bready, self.s_axi_rready)):
                    m.next = "IDLE"

    @staticmethod
    def _permitted(access: str) -> tuple[int, int]:
        """Responses to a write and to a read."""
        return (OKAY if "w" in access else SLVERR, OKAY if "r" in access else SLVERR)

    @staticmethod
    def _held(m: Module, payload: Value, valid: Signal, ready: Signal) -> tuple[Signal, Signal]:
        """What came last on a channel, and whether it still waits; a later assignment may say that it does not."""
        held, full = Signal(len(payload), reset_less=True), Signal()
        m.d.comb += ready.eq(~full)
        with m.If(~full):
            m.d.sync += [held.eq(payload), full.eq(valid)]
        return held, full


class AcceleratorAxi(wiring.Component):
    """The generated module ``accelerator``, as it was verified, with AXI around it.

    Members: ``aclk``, ``aresetn`` (synchronous, low), and those of :class:`AxiHost` that are on the bus.
    """

    aclk: Signal
    aresetn: Signal

    def __init__(self, p: AxiParameters) -> None:
        self.p = p
        super().__init__({"aclk": In(1), "aresetn": In(1), **bus_members(p)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain("sync", local=True)
        domain.clk = self.aclk  # the port itself: a clock behind an assignment would tick a delta later in simulators
        m.d.comb += ResetSignal().eq(~self.aresetn)
        m.submodules.host = host = AxiHost(self.p)
        m.d.comb += list(self._joined(host))
        m.submodules.accelerator = accelerator(host)
        return m

    def _joined(self, host: AxiHost) -> Iterator[Any]:
        for name, member in bus_members(self.p).items():
            ours, its = getattr(self, name), getattr(host, name)
            yield its.eq(ours) if member.flow is In else ours.eq(its)


def axi_verilog(manifest: dict[str, Any]) -> str:
    """Verilog of the module ``accelerator_axi``, which has the module ``accelerator`` of the manifest inside."""
    return convert(AcceleratorAxi(AxiParameters.of(manifest)), TOP, ())

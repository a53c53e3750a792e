"""In the accelerator's place behind the host link: a memory, and flits that come back."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from spikeloom.boards.chip import chip_verilog
from spikeloom.hdl.generate import convert
from spikeloom.hdl.layouts import ControlPort

__all__ = ["CLOCK_HZ", "DIVIDER", "ENDLESS", "ROOM", "StandIn", "Wire", "echo", "link_verilog"]

DIVIDER = 8
CLOCK_HZ = 40_000

#: Flits that it holds.
ROOM = 128
ENDLESS = 255


def echo(flit: int, bits: int) -> int:
    """What comes back of a flit: other bits in other places, so that no fault in both directions is hidden."""
    return ~(flit << 1 | flit >> bits - 1) & (1 << bits) - 1


class StandIn(wiring.Component):
    """Has the accelerator's ports, and counts what the link does wrong at them.

    A word of memory is at each address. Who writes the last one also says what happens to flits: bit 0, whether any
    are given; bits 15:8, clocks from one to the next; bits 23:16, how many are taken, ``ENDLESS`` for all. The one
    before it is read as the number of faults: a request withdrawn, changed or held for too long, a flit changed or
    withdrawn. What is not offered is noise.
    """

    i: stream.Interface
    o: stream.Interface
    port: wiring.PureInterface

    def __init__(self, *, flit_bits: int, address_bits: int) -> None:
        self.flit_bits = flit_bits
        self.address_bits = address_bits
        super().__init__(
            {
                "i": In(stream.Signature(flit_bits)),
                "o": Out(stream.Signature(flit_bits)),
                "port": In(ControlPort(address_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        faults = Signal(8)

        # The port takes one to four clocks. -------------------------------------------------------------------------
        port, asked = self.port, Cat(self.port.address, self.port.write_data, self.port.write)
        m.submodules.words = words = Memory(shape=32, depth=1 << self.address_bits, init=[])
        read, write = words.read_port(domain="comb"), words.write_port()
        latency, waited, served, before = Signal(2), Signal(2), Signal(), Signal(len(asked))
        answer = Mux(port.address == (1 << self.address_bits) - 2, faults, read.data)
        m.d.comb += [
            port.done.eq(port.request & (waited == latency) & ~served),
            port.read_data.eq(Mux(port.done, answer, ~answer)),
            *(read.addr.eq(port.address), write.addr.eq(port.address), write.data.eq(port.write_data)),
            write.en.eq(port.done & port.write),
        ]
        m.d.sync += [
            waited.eq(Mux(port.request & ~port.done, waited + 1, 0)),
            latency.eq(latency + port.done),
            served.eq(port.done),
            before.eq(asked),
        ]
        with m.If((served & port.request) | ((waited != 0) & (~port.request | (asked != before)))):
            m.d.sync += faults.eq(faults + 1)

        # Flits --------------------------------------------------------------------------------------------------------
        m.submodules.held = held = Memory(shape=self.flit_bits, depth=ROOM, init=[])
        first, last = held.read_port(domain="comb"), held.write_port()
        head, tail, level = Signal(range(ROOM)), Signal(range(ROOM)), Signal(range(ROOM + 1))
        give, pace, rest, credit = Signal(init=1), Signal(8), Signal(8), Signal(8, init=ENDLESS)
        taken, given = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        back = ~first.data.rotate_left(1)
        m.d.comb += [
            self.i.ready.eq((level != ROOM) & (credit != 0)),
            *(last.addr.eq(tail), last.data.eq(self.i.payload), last.en.eq(taken), first.addr.eq(head)),
            self.o.valid.eq(give & (level != 0) & (rest == 0)),
            self.o.payload.eq(Mux(self.o.valid, back, ~back)),
        ]
        m.d.sync += [level.eq(level + taken - given), tail.eq(tail + taken), head.eq(head + given)]
        m.d.sync += rest.eq(Mux(given, pace, rest - (rest != 0)))
        with m.If(taken & (credit != ENDLESS)):
            m.d.sync += credit.eq(credit - 1)
        with m.If(write.en & port.address.all()):
            m.d.sync += [give.eq(port.write_data[0]), pace.eq(port.write_data[8:16])]
            m.d.sync += credit.eq(port.write_data[16:24])
        offered, what = Signal(), Signal(self.flit_bits)
        m.d.sync += [offered.eq(self.i.valid & ~self.i.ready), what.eq(self.i.payload)]
        with m.If(offered & (~self.i.valid | (self.i.payload != what))):
            m.d.sync += faults.eq(faults + 1)
        return m


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A chip with its UART, and a stand-in for its accelerator."""

    flit_bits: int
    address_bits: int = 8
    slots: int
    slot_size: int

    @property
    def manifest(self) -> dict[str, dict[str, int]]:
        return {
            "flit": {"width": self.flit_bits},
            "map": {"address_bits": self.address_bits},
            "parameters": {"flit_bits": self.flit_bits},
        }


def link_verilog(wire: Wire) -> str:
    options = {"clock_hz": CLOCK_HZ, "divider": DIVIDER, "slots": wire.slots, "slot_size": wire.slot_size}
    stand_in = StandIn(flit_bits=wire.flit_bits, address_bits=wire.address_bits)
    return chip_verilog(wire.manifest, **options) + convert(stand_in, "accelerator", ())

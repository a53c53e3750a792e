"""The board's top: clock, reset, UART link, lamps, and the generated accelerator as it was verified."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Instance, Module, ResetSignal, Signal
from amaranth.lib import io

from spikeloom.boards.bridge import Link
from spikeloom.boards.catalogue import Board
from spikeloom.boards.clock import ClockAndReset
from spikeloom.boards.uart import baud_divider

__all__ = ["Top"]

TIMEOUT_SECONDS = 0.05  # longer than a USB adapter holds back the rest of a command


class Top(Elaboratable):
    """Lamp 0 blinks about once a second while the clock runs; lamp 1 is lit while a command is under way.

    The module ``accelerator`` is not elaborated here: the synthesiser reads the Verilog file that was generated.
    """

    def __init__(self, board: Board, *, flit_bits: int, address_bits: int, core_hz: int, baud: int) -> None:
        self.board = board
        self.flit_bits = flit_bits
        self.address_bits = address_bits
        self.core_hz = core_hz
        self.divider = baud_divider(core_hz, baud)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain("sync")
        m.submodules.clock = ClockAndReset(self.board, self.core_hz)
        m.submodules.link = link = Link(
            divider=self.divider,
            flit_bits=self.flit_bits,
            address_bits=self.address_bits,
            timeout_cycles=int(self.core_hz * TIMEOUT_SECONDS),
        )
        m.submodules.accelerator = Instance(
            "accelerator",
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_i__payload=link.o_flits.payload,
            i_i__valid=link.o_flits.valid,
            o_i__ready=link.o_flits.ready,
            o_o__payload=link.i_flits.payload,
            o_o__valid=link.i_flits.valid,
            i_o__ready=link.i_flits.ready,
            i_port__address=link.port.address,
            i_port__write_data=link.port.write_data,
            i_port__request=link.port.request,
            i_port__write=link.port.write,
            o_port__read_data=link.port.read_data,
            o_port__done=link.port.done,
        )

        uart = platform.request("uart", dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.comb += [link.rx.eq(rx.i), tx.o.eq(link.tx)]

        heartbeat = Signal(max(1, self.core_hz.bit_length() - 1))
        m.d.sync += heartbeat.eq(heartbeat + 1)
        for number, lit in enumerate((heartbeat[-1], link.busy)):
            m.submodules[f"lamp{number}"] = lamp = io.Buffer("o", platform.request("led", number, dir="-"))
            m.d.comb += lamp.o.eq(lit)
        return m

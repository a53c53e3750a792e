"""The board's top: clock, reset, UART link, lamps, and the generated accelerator as it was verified."""

from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module
from amaranth.lib import io

from spikeloom.boards.board import Board
from spikeloom.boards.chip import Chip
from spikeloom.boards.clock import ClockAndReset
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.link.uart import baud_divider
from spikeloom.hdl.design import built_id

__all__ = ["Top"]


class Top(Elaboratable):
    """Lamp 0 blinks while the clock runs; lamp 1, if there is one, is lit while a frame is carried out or made."""

    def __init__(self, board: Board, manifest: dict[str, Any], *, core_hz: int, baud: int) -> None:
        self.board = board
        self.core_hz = core_hz
        self.network = built_id(manifest)
        slots, slot_size = FAMILIES[board.family].link_slots
        self.chip = Chip(
            manifest,
            clock_hz=core_hz,
            divider=baud_divider(core_hz, baud),
            slots=slots,
            slot_size=slot_size,
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain("sync")
        m.submodules.clock = ClockAndReset(self.board, self.core_hz)
        m.submodules.chip = chip = self.chip
        m.d.comb += chip.network.eq(self.network)
        uart = platform.request("uart", dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.comb += [chip.rx.eq(rx.i), tx.o.eq(chip.tx)]

        for number, lit in enumerate((chip.heartbeat, chip.busy)):
            if ("led", number) not in platform.resources:
                continue
            m.submodules[f"lamp{number}"] = lamp = io.Buffer("o", platform.request("led", number, dir="-"))
            m.d.comb += lamp.o.eq(lit.replicate(len(lamp.o)))
        return m

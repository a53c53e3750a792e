"""The core's clock from the board's crystal, and a clean reset after power-on."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.lib.cdc import ResetSynchronizer

from spikeloom.boards.board import Board
from spikeloom.boards.families import FAMILIES

__all__ = ["ClockAndReset"]

RESET_SECONDS = 20e-6  # iCE40 block RAM reads as zero for some microseconds after configuration


class ClockAndReset(Elaboratable):
    """Drives the domain ``sync``, which its parent declares.

    ``core_hz`` comes from the PLL; the reset ends 20 µs after the PLL has locked.
    """

    def __init__(self, board: Board, core_hz: int) -> None:
        self.board = board
        self.core_hz = core_hz
        self.pll = FAMILIES[board.family].pll(board.crystal_hz, core_hz)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        clock, locked = Signal(), Signal()
        crystal = platform.request(self.board.crystal, dir="-")
        FAMILIES[self.board.family].add_pll(m, self.board, self.pll, crystal, clock, locked)

        m.domains.power_on = ClockDomain("power_on", local=True)
        m.d.comb += [ClockSignal("sync").eq(clock), ClockSignal("power_on").eq(clock)]
        m.submodules.synchroniser = ResetSynchronizer(~locked, domain="power_on")
        waited = Signal(range(int(self.core_hz * RESET_SECONDS) + 1))
        reset = Signal(init=1)
        with m.If(waited == int(self.core_hz * RESET_SECONDS)):
            m.d.power_on += reset.eq(0)
        with m.Else():
            m.d.power_on += waited.eq(waited + 1)
        m.d.comb += ResetSignal("sync").eq(reset)
        return m

"""The core's clock from the board's crystal, and a clean reset after power-on."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Const, Elaboratable, Instance, Module, ResetSignal, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from spikeloom.boards.catalogue import Board
from spikeloom.golden.network import Refusal

__all__ = ["ClockAndReset", "Pll", "core_pll", "ecp5_pll", "ice40_pll"]

TOLERANCE = 0.001
RESET_SECONDS = 20e-6  # iCE40 block RAM reads as zero for some microseconds after configuration


@dataclass(frozen=True, kw_only=True)
class Pll:
    """Dividers: ``output = input / reference * feedback / post``, with ECP5's feedback behind ``post``."""

    reference: int
    feedback: int
    post: int
    vco_hz: float
    output_hz: float


def ecp5_pll(input_hz: int, output_hz: int) -> Pll:
    """EHXPLLL with its feedback from CLKOP: VCO 400..800 MHz, phase detector 3.125..400 MHz; VCO nearest to 600 MHz."""
    found = []
    for reference in range(1, 129):
        if not 3.125e6 <= input_hz / reference <= 400e6:
            continue
        feedback = round(output_hz * reference / input_hz)
        if not 1 <= feedback <= 80:
            continue
        output = input_hz * feedback / reference
        for post in range(1, 129):
            if 400e6 <= output * post <= 800e6:
                vco = output * post
                found.append(Pll(reference=reference, feedback=feedback, post=post, vco_hz=vco, output_hz=output))
    return _nearest(found, input_hz, output_hz)


def ice40_pll(input_hz: int, output_hz: int) -> Pll:
    """SB_PLL40 with simple feedback: VCO 533..1066 MHz, phase detector 10..133 MHz."""
    found = []
    for reference in range(1, 17):
        if not 10e6 <= input_hz / reference <= 133e6:
            continue
        for feedback in range(1, 129):
            vco = input_hz / reference * feedback
            if 533e6 <= vco <= 1066e6:
                for post in (2, 4, 8, 16, 32, 64):
                    output = vco / post
                    found.append(Pll(reference=reference, feedback=feedback, post=post, vco_hz=vco, output_hz=output))
    return _nearest(found, input_hz, output_hz)


def _nearest(found: list[Pll], input_hz: int, output_hz: int) -> Pll:
    best = min(
        found, key=lambda p: (round(abs(p.output_hz - output_hz)), p.reference, abs(p.vco_hz - 600e6)), default=None
    )
    if best is None or abs(best.output_hz / output_hz - 1) > TOLERANCE:
        nearest = f"; the nearest it can make is {best.output_hz / 1e6:.6g} MHz" if best else ""
        raise Refusal(f"The PLL cannot make {output_hz / 1e6:g} MHz from {input_hz / 1e6:g} MHz{nearest}")
    return best


def core_pll(board: Board, core_hz: int) -> Pll:
    """The dividers for a board's core clock. Raises :class:`Refusal` where its PLL cannot make it."""
    return {"ecp5": ecp5_pll, "ice40": ice40_pll}[board.family](board.crystal_hz, core_hz)


class ClockAndReset(Elaboratable):
    """Drives the domain ``sync``, which its parent declares.

    ``core_hz`` comes from the PLL; the reset ends 20 µs after the PLL has locked.
    """

    def __init__(self, board: Board, core_hz: int) -> None:
        self.board = board
        self.core_hz = core_hz
        self.pll = core_pll(board, core_hz)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        clock, locked = Signal(), Signal()
        crystal = platform.request(self.board.crystal, dir="-")
        {"ecp5": self._ecp5, "ice40": self._ice40}[self.board.family](m, crystal, clock, locked)

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

    def _ecp5(self, m: Module, crystal: Any, clock: Signal, locked: Signal) -> None:
        pll = self.pll
        m.submodules.crystal = buffer = io.Buffer("i", crystal)
        m.submodules.pll = Instance(
            "EHXPLLL",
            ("a", "FREQUENCY_PIN_CLKI", f"{self.board.crystal_hz / 1e6:g}"),
            ("a", "FREQUENCY_PIN_CLKOP", f"{pll.output_hz / 1e6:g}"),
            # The loop filter as Lattice's own tool sets it for these frequencies.
            ("a", "ICP_CURRENT", "12"),
            ("a", "LPF_RESISTOR", "8"),
            ("a", "MFG_ENABLE_FILTEROPAMP", "1"),
            ("a", "MFG_GMCREF_SEL", "2"),
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_OUTDIVIDER_MUXB="DIVB",
            p_OUTDIVIDER_MUXC="DIVC",
            p_OUTDIVIDER_MUXD="DIVD",
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=pll.reference,
            p_CLKFB_DIV=pll.feedback,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=pll.post,
            p_CLKOP_CPHASE=(pll.post - 1) // 2,
            p_CLKOP_FPHASE=0,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_CLKI=buffer.i,
            i_CLKFB=clock,
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=clock,
            o_LOCK=locked,
        )

    def _ice40(self, m: Module, crystal: Any, clock: Signal, locked: Signal) -> None:
        pll = self.pll
        detector = self.board.crystal_hz / pll.reference
        limits = (17e6, 26e6, 44e6, 66e6, 101e6)  # the loop filter's ranges, by phase detector frequency
        # The pin feeds the PLL directly: a buffer of its own would occupy the PLL's place.
        m.submodules.pll = Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(pll.reference - 1, 4),
            p_DIVF=Const(pll.feedback - 1, 7),
            p_DIVQ=Const(pll.post.bit_length() - 1, 3),
            p_FILTER_RANGE=Const(1 + sum(detector >= limit for limit in limits), 3),
            i_PACKAGEPIN=crystal.io,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )

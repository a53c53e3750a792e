"""AMD Xilinx series 7: Yosys counts resources, and Vivado does the rest elsewhere."""

from typing import Any

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import io

from spikeloom.boards.board import Board
from spikeloom.boards.families.family import Family, Pll, nearest

__all__ = ["Xilinx7"]


class Xilinx7(Family):
    """A block RAM is half of one of 36 Kibit."""

    name = "xilinx7"
    title = "Xilinx 7"
    flow = "vendor"
    constraints = "xdc"
    cells = {  # noqa: RUF012
        "lut": (
            ("LUT[1-6]|SRL(16|C32)E", 1),
            ("RAM(32|64)X1D", 2),
            ("RAM(32|64)M|RAM128X1D", 4),
        ),
        "ff": (("FD[RSCP]E(_1)?", 1),),
        "block_ram": (("RAMB18E1", 1), ("RAMB36E1", 2)),
        "dsp": (("DSP48E1", 1),),
    }
    block_shapes = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
    block_price = 129
    factors = (2, 2, 9, 18)
    link_slots = (8, 256)
    remarks = ("resources are Yosys' count; place and route has not run, so nothing is known of the clock it reaches",)

    def synthesis(self, board: Board, top: str, here: str) -> str:
        return f"synth_xilinx -family xc7 -flatten -top {top} -json {here}top.json"

    def pll(self, input_hz: int, output_hz: int) -> Pll:
        """PLLE2: VCO 800..1600 MHz, phase detector 19..450 MHz, which hold for every grade."""
        found = []
        for reference in range(1, 57):
            if not 19e6 <= input_hz / reference <= 450e6:
                continue
            for feedback in range(2, 65):
                vco = input_hz / reference * feedback
                post = round(vco / output_hz)
                if 800e6 <= vco <= 1600e6 and 1 <= post <= 128:
                    output = vco / post
                    found.append(Pll(reference=reference, feedback=feedback, post=post, vco_hz=vco, output_hz=output))
        return nearest(found, input_hz, output_hz, vco_hz=1200e6)

    def add_pll(self, m: Module, board: Board, pll: Pll, crystal: Any, clock: Signal, locked: Signal) -> None:
        m.submodules.crystal = buffer = io.Buffer("i", crystal)
        made, fed_back = Signal(), Signal()
        m.submodules.pll = Instance(
            "PLLE2_BASE",
            p_CLKIN1_PERIOD=1e9 / board.crystal_hz,
            p_DIVCLK_DIVIDE=pll.reference,
            p_CLKFBOUT_MULT=pll.feedback,
            p_CLKOUT0_DIVIDE=pll.post,
            i_CLKIN1=buffer.i,
            i_CLKFBIN=fed_back,
            i_PWRDWN=Const(0),
            i_RST=Const(0),
            o_CLKFBOUT=fed_back,
            o_CLKOUT0=made,
            o_LOCKED=locked,
        )
        m.submodules.network = Instance("BUFG", i_I=made, o_O=clock)

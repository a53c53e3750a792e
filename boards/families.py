"""What differs between device families: commands of their tools, and what their reports call things."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from spikeloom.boards.catalogue import Board, Resources

__all__ = ["FAMILIES", "Family"]

MOST_ROUNDS = 3000


@dataclass(frozen=True, kw_only=True)
class Family:
    """One device family.

    synthesis: the Yosys command.
    placed:    nextpnr's option for its result. placer: further ones, where nextpnr ends with them.
    bels:      resource -> what nextpnr's report calls it.
    own_registers: of block RAMs and multipliers; ``boards.own_registers`` knows these cells.
    link_slots: how many, of how many bytes, fill one block RAM with the host link's frames.
    cells:     resource -> patterns of Yosys' cell types, each with how many of the resource it takes at least.
    """

    synthesis: str
    constraints: str
    nextpnr: str
    placed: str
    packer: str
    bitstream: str
    bels: Mapping[str, str]
    cells: Mapping[str, tuple[tuple[str, int], ...]]
    link_slots: tuple[int, int]
    own_registers: bool = False
    placer: tuple[str, ...] = ()

    def needs(self, counts: Mapping[str, int]) -> Resources:
        """A lower bound of what a netlist needs, from its cells by type."""

        def total(resource: str) -> int:
            return sum(
                count * weight
                for pattern, weight in self.cells[resource]
                for cell, count in counts.items()
                if re.fullmatch(pattern, cell)
            )

        return Resources(lut=total("lut"), ff=total("ff"), block_ram=total("block_ram"), dsp=total("dsp"))

    @staticmethod
    def endless(said: str) -> bool:
        """By the last that nextpnr said, its analytic placer will not end: it takes about 500 rounds, or for ever."""
        rounds = re.findall(r"^Info: iter=(\d+) steplen=", said, re.MULTILINE)
        return bool(rounds) and int(rounds[-1]) > MOST_ROUNDS

    def place_and_route(self, board: Board, seed: int, constrained: bool = True) -> list[str]:
        """nextpnr's arguments; without constraints it chooses the pins itself."""
        speed = ["--speed", board.speed] if board.speed else []
        pins = [f"top.{self.constraints}"] if constrained else []
        return [
            *(board.option, "--package", board.package),
            *speed,
            *("--json", "top.json", f"--{self.constraints}{'' if constrained else '-allow-unconstrained'}", *pins),
            *(self.placed, "top.placed", "--report", "report.json"),
            *("--seed", str(seed), "--timing-allow-fail"),
        ]

    def pack(self) -> list[str]:
        if self.packer == "ecppack":
            return ["--compress", "--input", "top.placed", "--bit", f"top.{self.bitstream}"]
        return ["top.placed", f"top.{self.bitstream}"]


FAMILIES = {
    "ecp5": Family(
        synthesis="synth_ecp5",
        constraints="lpf",
        nextpnr="nextpnr-ecp5",
        placed="--textcfg",
        packer="ecppack",
        bitstream="bit",
        bels={"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "block_ram": "DP16KD", "dsp": "MULT18X18D"},
        cells={
            "lut": (("LUT4", 1), ("CCU2C", 2), ("TRELLIS_DPR16X4", 4)),
            "ff": (("TRELLIS_FF", 1),),
            "block_ram": (("DP16KD", 1),),
            "dsp": (("MULT18X18D", 1),),
        },
        link_slots=(8, 256),
        own_registers=True,
        # The analytic placer keeps registers beside their block RAMs, where the default one scatters them.
        placer=("--placer", "static"),
    ),
    "ice40": Family(
        synthesis="synth_ice40 -dsp",
        constraints="pcf",
        nextpnr="nextpnr-ice40",
        placed="--asc",
        packer="icepack",
        bitstream="bin",
        bels={"lut": "ICESTORM_LC", "block_ram": "ICESTORM_RAM", "dsp": "ICESTORM_DSP"},
        cells={
            "lut": (("SB_LUT4", 1),),
            "ff": (("SB_DFF.*", 1),),
            "block_ram": (("SB_RAM40_4K.*", 1),),
            "dsp": (("SB_MAC16", 1),),
        },
        link_slots=(4, 128),
    ),
}

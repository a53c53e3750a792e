"""Device families, each a part of its own."""

from spikeloom.boards.families.ecp5 import Ecp5
from spikeloom.boards.families.family import Family, Pll, Tool
from spikeloom.boards.families.gatemate import GateMate
from spikeloom.boards.families.gowin import Gowin
from spikeloom.boards.families.ice40 import Ice40
from spikeloom.boards.families.xilinx7 import Xilinx7

__all__ = ["FAMILIES", "Family", "Pll", "Tool"]

FAMILIES: dict[str, Family] = {family.name: family for family in (Ecp5(), Ice40(), Gowin(), GateMate(), Xilinx7())}

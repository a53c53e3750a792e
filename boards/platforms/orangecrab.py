"""OrangeCrab r0.2: its USB goes to the FPGA alone, so a UART is on the header, where a Feather has it."""

from amaranth.build import Attrs
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform, OrangeCrabR0_2_85FPlatform
from amaranth_boards.resources import LEDResources, UARTResource

__all__ = ["OrangeCrab25FPlatform", "OrangeCrab85FPlatform"]

LEVELS = Attrs(IO_TYPE="LVCMOS33")
USERS = [
    UARTResource(0, rx="0", tx="1", conn=("io", 0), attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP")),
    *LEDResources(pins="M3 J3", invert=True, attrs=LEVELS),  # the RGB lamp's green and blue
]


class OrangeCrab25FPlatform(OrangeCrabR0_2_25FPlatform):
    resources = (*OrangeCrabR0_2_25FPlatform.resources, *USERS)


class OrangeCrab85FPlatform(OrangeCrabR0_2_85FPlatform):
    resources = (*OrangeCrabR0_2_85FPlatform.resources, *USERS)

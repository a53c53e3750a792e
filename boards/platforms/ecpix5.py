"""ECPIX-5: two of its RGB lamps' green."""

from amaranth.build import Attrs
from amaranth_boards.ecpix5 import ECPIX545Platform, ECPIX585Platform
from amaranth_boards.resources import LEDResources

__all__ = ["Ecpix545FPlatform", "Ecpix585FPlatform"]

USERS = LEDResources(pins="R21 W21", invert=True, attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP"))


class Ecpix545FPlatform(ECPIX545Platform):
    resources = (*ECPIX545Platform.resources, *USERS)


class Ecpix585FPlatform(ECPIX585Platform):
    resources = (*ECPIX585Platform.resources, *USERS)

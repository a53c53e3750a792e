"""UPduino v3: its serial line shares pins with the flash, and the crystal needs the jumper OSC."""

from amaranth.build import Attrs
from amaranth_boards.resources import LEDResources, UARTResource
from amaranth_boards.upduino_v3 import UpduinoV3Platform

__all__ = ["UpduinoV3UartPlatform"]

LEVELS = Attrs(IO_STANDARD="SB_LVCMOS")


class UpduinoV3UartPlatform(UpduinoV3Platform):
    default_clk = "clk12"
    resources = (
        *UpduinoV3Platform.resources,
        UARTResource(0, rx="15", tx="14", attrs=LEVELS),
        *LEDResources(pins="39 40", invert=True, attrs=LEVELS),  # the RGB lamp's green and blue
    )

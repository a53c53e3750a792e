"""ButterStick: a UART on the Qwiic socket, which always has 3.3 V; the SYZYGY sockets must be given theirs."""

from amaranth.build import Attrs, Pins, Resource
from amaranth_boards.butterstick import ButterStickPlatform
from amaranth_boards.resources import UARTResource

__all__ = ["ButterStickUartPlatform"]

LEVELS = Attrs(IO_TYPE="LVCMOS33")


class ButterStickUartPlatform(ButterStickPlatform):
    resources = (
        *ButterStickPlatform.resources,
        UARTResource(0, rx="E14", tx="C14", attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP")),
        # The lamps share their colours, so that there is one: the first lamp and the colour green.
        Resource("led", 0, Pins("C13 U1", dir="o"), LEVELS),
    )

"""A plain UART: 8 data bits, no parity, one stop bit, least significant bit first."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from spikeloom.golden.network import Refusal

__all__ = ["Receiver", "Transmitter", "baud_divider", "default_baud"]

FAST_BAUD, SAFE_BAUD = 1_000_000, 115_200


def baud_divider(clock_hz: int, baud: int) -> int:
    """Clocks per bit. Raises :class:`Refusal` where the clock cannot make that baud rate to 2 %."""
    divider = round(clock_hz / baud) if baud > 0 else 0
    if not 8 <= divider <= 0xFFFF or abs(clock_hz / divider / baud - 1) > 0.02:
        remedy = f"try {SAFE_BAUD}" if clock_hz >= 8 * SAFE_BAUD and baud != SAFE_BAUD else "take another clock"
        raise Refusal(
            f"A clock of {clock_hz / 1e6:g} MHz cannot make {baud} baud; it needs 8..65535 clocks per bit to within "
            f"2 %: {remedy}"
        )
    return divider


def default_baud(clock_hz: int) -> int:
    """1 Mbaud where the clock makes it to 1 %, else 115200."""
    divider = round(clock_hz / FAST_BAUD)
    exact = divider >= 8 and abs(clock_hz / divider / FAST_BAUD - 1) <= 0.01
    return FAST_BAUD if exact else SAFE_BAUD


def _check(divider: int) -> int:
    if not isinstance(divider, int):
        raise TypeError(f"Divider must be an integer, not {divider!r}")
    if not 8 <= divider <= 0xFFFF:
        raise ValueError(f"Divider must be in 8..65535 clocks per bit, not {divider}")
    return divider


class Receiver(wiring.Component):
    """Bytes from a line. A byte without a stop bit (noise, a wrong baud rate) is dropped.

    Latency: from the middle of the stop bit, 3 clocks. Throughput: the line's.

    Members
    -------
    rx: the line, asynchronous, high when idle.
    o:  bytes; must be taken at once.
    """

    rx: Signal
    o: stream.Interface

    def __init__(self, *, divider: int) -> None:
        self.divider = _check(divider)
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(8, always_ready=True))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rx = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, rx, init=1)

        before = Signal()  # a start bit is an edge: a line held low after a missing stop bit starts nothing
        m.d.sync += before.eq(rx)
        timer = Signal(range(self.divider))
        left = Signal(range(11))  # samples to come: start bit, 8 data bits, stop bit
        byte = Signal(8)
        with m.If(left == 0):
            m.d.sync += timer.eq(self.divider // 2 - 1)
            with m.If(before & ~rx):
                m.d.sync += left.eq(10)
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self.divider - 1), left.eq(left - 1), byte.eq(Cat(byte[1:], rx))]
            with m.If((left == 10) & rx):  # a glitch, not a start bit
                m.d.sync += left.eq(0)
        m.d.comb += [self.o.payload.eq(byte), self.o.valid.eq((left == 1) & (timer == 0) & rx)]
        return m


class Transmitter(wiring.Component):
    """Bytes onto a line.

    Latency: 1 clock to the start bit. Throughput: a byte per ``10 * divider + 1`` clocks.

    Members
    -------
    i:  bytes.
    tx: the line, high when idle.
    """

    i: stream.Interface
    tx: Signal

    def __init__(self, *, divider: int) -> None:
        self.divider = _check(divider)
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(range(self.divider))
        left = Signal(range(11))
        shift = Signal(9, init=0x1FF)
        m.d.comb += [self.tx.eq(shift[0]), self.i.ready.eq(left == 0)]
        with m.If(left == 0):
            m.d.sync += timer.eq(self.divider - 1)
            with m.If(self.i.valid):
                m.d.sync += [left.eq(10), shift.eq(Cat(Const(0, 1), self.i.payload))]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self.divider - 1), left.eq(left - 1), shift.eq(Cat(shift[1:], Const(1, 1)))]
        return m

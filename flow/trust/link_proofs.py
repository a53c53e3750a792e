"""Parts of the host link, proven as those of the hardware are."""

from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal, Value

from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order, waits

__all__ = ["PROOFS"]

#: The fewest clocks per bit.
DIVIDER = 8
UART_CLOCKS = 180


@proof(
    "link.uart.Receiver",
    f"a byte that a transmitter takes comes out of a receiver, as it was and in order, within {10 * DIVIDER + 6} clocks",
    size=f"{DIVIDER} clocks per bit",
    bug=Bug("samples a bit too late", "timer.eq(self.divider // 2 - 1)", "timer.eq(self.divider + 2)"),
    room="boards",
    clocks=UART_CLOCKS,
)
def uart(hdl: Any, s: Statement) -> None:
    m = s.m
    m.submodules.transmitter = transmitter = hdl.Transmitter(divider=DIVIDER)
    m.submodules.receiver = receiver = hdl.Receiver(divider=DIVIDER)
    m.d.comb += receiver.rx.eq(transmitter.tx)
    taken = s.offer(transmitter.i, "i")
    held = in_order(s, taken, transmitter.i.payload, receiver.o.valid, receiver.o.payload, most=1)
    waits(s, held != 0, Value.cast(1), receiver.o.valid, most=10 * DIVIDER + 6)


@proof(
    "link.uart.Transmitter",
    "a byte that is taken is a start bit, its bits from the lowest on, and a stop bit, each for as many clocks; before "
    "and after, the line is high",
    size=f"{DIVIDER} clocks per bit",
    bug=Bug("a start bit too short", "timer.eq(self.divider - 1)\n            with m.If(self.i.valid)",
            "timer.eq(self.divider - 2)\n            with m.If(self.i.valid)"),
    room="boards",
)  # fmt: skip
def transmitter(hdl: Any, s: Statement) -> None:
    m = s.m
    m.submodules.transmitter = transmitter = hdl.Transmitter(divider=DIVIDER)
    taken = s.offer(transmitter.i, "i")
    clock, bit, frame = Signal(range(DIVIDER)), Signal(range(11)), Signal(10)
    with m.If(bit != 0):
        m.d.sync += clock.eq(Mux(clock == DIVIDER - 1, 0, clock + 1))
        with m.If(clock == DIVIDER - 1):
            m.d.sync += [bit.eq(bit - 1), frame.eq(frame >> 1)]
    with m.If(taken):
        m.d.sync += [bit.eq(10), clock.eq(0), frame.eq(Cat(Const(0, 1), transmitter.i.payload, Const(1, 1)))]
    s.claim(~taken | (bit == 0))
    s.claim(transmitter.i.ready == (bit == 0))
    s.claim(transmitter.tx == ((bit == 0) | frame[0]))
    s.example((bit == 3) & (frame == 5))


@proof(
    "link.spi.Slave",
    "what the master sends bit by bit comes out as bytes; what goes to it are the bytes that were taken, or zeros",
    size="any clock of the master of 4 clocks or more per half",
    bug=Bug("the least significant bit first", "received.eq(Cat(copi, received))", "received.eq(Cat(received[1:], copi))"),
    room="boards",
)
def spi(hdl: Any, s: Statement) -> None:
    m = s.m
    m.submodules.slave = slave = hdl.Slave()
    s.offer(slave.i, "i")
    # A master that holds its lines for some clocks, and changes data as its clock falls.
    sck, cs_n, copi, cipo = s.any(1, "sck"), s.any(1, "cs_n"), s.any(1, "copi"), slave.cipo
    m.d.comb += [slave.sck.eq(sck), slave.cs_n.eq(cs_n), slave.copi.eq(copi)]
    before = Signal(3, init=0b010)
    m.d.sync += before.eq(Cat(sck, cs_n, copi))
    steady = Signal(range(5))
    changed = Cat(sck, cs_n) != before[:2]
    m.d.sync += steady.eq(Mux(changed, 0, steady + (steady != 4)))
    s.assume(~changed | (steady == 4))
    s.assume((copi == before[2]) | (~sck & before[0]) | cs_n)
    s.assume(~cs_n | ~sck)
    s.assume((sck != before[0]) + (cs_n != before[1]) <= 1)
    rises = sck & ~before[0] & ~cs_n
    bits, shifted, sent = Signal(3), Signal(8), Signal(8)
    with m.If(cs_n):
        m.d.sync += bits.eq(0)
    with m.Elif(rises):
        m.d.sync += [bits.eq(bits + 1), shifted.eq(Cat(copi, shifted)), sent.eq(Cat(cipo, sent))]
    whole = s.before(rises & (bits == 7))
    s.claim(slave.o.valid == s.before(whole, 2))
    s.claim(~slave.o.valid | (slave.o.payload == s.before(shifted, 2)))
    s.example(slave.o.valid & (slave.o.payload == 0x5A))


PROOFS = (uart, transmitter, spi)

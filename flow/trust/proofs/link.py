"""Parts of the host link, proven as those of the hardware are."""

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value

from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order, waits

__all__ = ["PROOFS"]

#: Fewer than the 8 clocks per bit that it takes for lines which are not its own.
DIVIDER = 4
UART_CLOCKS = 60
#: Bytes of a frame, and slots for frames and their bytes.
SHORT, SLOTS, SLOT = 4, 2, 64


@proof(
    "link.uart.Receiver",
    f"a byte that a transmitter takes comes out of a receiver, as it was, in order, within {10 * DIVIDER + 6} clocks",
    size=f"{DIVIDER} clocks per bit",
    bug=Bug("samples a bit too late", "timer.eq(self.divider // 2 - 1)", "timer.eq(self.divider - 1)"),
    room="boards",
    clocks=UART_CLOCKS,
)
def uart(hdl: Any, s: Statement) -> None:
    m = s.m
    hdl._check = int
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
    hdl._check = int
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
    "what the master sends bit by bit comes out as bytes, each once",
    size="any clock of the master of 4 clocks or more per half",
    bug=Bug(
        "the least significant bit first", "received.eq(Cat(copi, received))", "received.eq(Cat(received[1:], copi))"
    ),
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


@proof(
    "link.page.Page",
    "frames that were dropped are counted, each once; what was written of the network is read, byte by byte; the "
    "host's wish to forget is passed on",
    size="any values",
    bug=Bug("two in one clock count as one", "self.dropped[1] | (waits & self.dropped[0])",
            "self.dropped[1] & ~self.dropped[0]"),
    room="boards",
)  # fmt: skip
def page(hdl: Any, s: Statement) -> None:
    m = s.m
    m.submodules.page = page = hdl.Page(window=1, slot_bytes=62, flit_bytes=1, hardware=2, clock_hz=3)
    for port in ("address", "byte", "write", "write_data", "built", "dropped"):
        m.d.comb += getattr(page, port).eq(s.any(len(getattr(page, port)), port))
    registers = {name: hdl.REGISTERS[name].address for name in ("identity", "network", "dropped")}
    clear = page.write & (page.address == registers["identity"]) & page.write_data[1]
    # The second that comes may be counted a clock later, so that it is not lost by a clearing.
    counted, known, network = Signal(16), Signal(), Signal(32)
    twice = Signal()
    m.d.sync += [
        counted.eq(counted + (page.dropped[0] | twice)),
        twice.eq((twice & page.dropped[0]) | page.dropped[1]),
    ]
    with m.If(clear):
        m.d.sync += [counted.eq(0), known.eq(1)]
    with m.If(page.write & (page.address == registers["network"])):
        m.d.sync += network.eq(page.write_data)
    s.assume(~(page.dropped[1] & twice))
    written = Signal()
    m.d.sync += written.eq(written | (page.write & (page.address == registers["network"])))
    for name, ready, value in (("dropped", known, counted), ("network", written, network)):
        read = ready & (page.address == registers[name])
        s.claim(~s.before(read) | (page.read_data == s.before(value.word_select(page.byte, 8))))
    s.claim(page.forget == (page.write & (page.address == registers["identity"]) & page.write_data[0]))
    s.example(known & (counted == 3) & twice)


@proof(
    "link.sender.Sender",
    "the bytes of a frame come out in COBS, which has no zero but at the end, as they were put and in order",
    size=f"frames of up to {SHORT} bytes",
    bug=Bug("says how far a zero is, one too far", "Mux(code, at - last, byte)", "Mux(code, at - last + 1, byte)"),
    room="boards",
    clocks=20,
)  # fmt: skip
def sender(hdl: Any, s: Statement) -> None:
    m = s.m
    hdl.DEPTH, hdl.LONGEST = 2 * (SHORT + 2), SHORT
    m.submodules.sender = sender = hdl.Sender()
    put, byte, close = s.any(1, "put"), s.any(8, "byte"), s.any(1, "close")
    m.d.comb += [sender.put.eq(put), sender.byte.eq(byte), sender.close.eq(close)]
    given, payload = s.accept(sender.o, "o"), sender.o.payload
    count = Signal(range(SHORT + 1))
    m.d.sync += count.eq(Mux(close, 0, count + put))
    s.assume(~put | (count != SHORT))
    s.assume(~close | sender.idle & (count != 0) & ~put)
    s.assume(~Cat(s.before(close, k) for k in (1, 2, 3)).any() | ~put & ~close)
    # A code says how many bytes there are until a zero, or the end.
    left, begun = Signal(8), Signal()
    code = left == 0
    ends = given & code & (payload == 0)
    with m.If(given):
        m.d.sync += [left.eq(Mux(code, Mux(payload == 0, 0, payload - 1), left - 1)), begun.eq(~ends)]
    s.claim(~given | code | (payload != 0))
    held = in_order(
        s,
        put,
        byte,
        given & ~ends & (begun | ~code),
        Mux(code, 0, payload),
        most=2 * SHORT,
        many=1,
    )
    s.claim(~ends | ~begun | (held == count))


@proof(
    "link.receiver.Receiver",
    "a frame is written to a slot that holds none that waits; there are as many as were ended and not carried out, at "
    "most as there are slots",
    size="2 slots of 64 bytes",
    bug=Bug("control is written over control", "Mux(chosen, self.control, waiting", "Mux(chosen, 0, waiting"),
    room="boards",
)  # fmt: skip
def receiver(hdl: Any, s: Statement) -> None:
    m = s.m
    made: list[Any] = []
    memory = hdl.BlockMemory(name="link_slots", width=8, depth=SLOTS * SLOT)
    hdl.BlockMemory = lambda **_: made.append(memory) or memory
    m.submodules.receiver = receiver = hdl.Receiver(slots=SLOTS, slot_size=SLOT)
    s.offer(receiver.i, "i")
    for port in ("beat", "done", "taken", "forget", "address"):
        m.d.comb += getattr(receiver, port).eq(s.any(len(getattr(receiver, port)), port))
    s.assume(~receiver.done | receiver.control)
    s.assume(~receiver.taken | receiver.data & ~receiver.forget)
    slot, offset = memory.write_address >> 6, memory.write_address[:6]
    stored = memory.write & (offset == 0)
    control, waiting = Signal(), Signal(range(SLOTS + 1))
    more = stored & (slot != receiver.window)
    m.d.sync += [
        control.eq((control & ~receiver.done) | (stored & (slot == receiver.window))),
        waiting.eq(Mux(receiver.forget, 0, waiting + more - receiver.taken)),
    ]
    s.claim(receiver.control == control)
    s.claim(receiver.data == (waiting != 0))
    s.claim(waiting <= receiver.window)
    s.claim(~memory.write | (slot != receiver.window) | ~control)
    s.claim(~memory.write | (slot == receiver.window) | (waiting != receiver.window))
    s.example(control & (waiting == receiver.window))


@proof(
    "link.executor.Executor",
    "a frame whose CRC is wrong does nothing: no access, no flit, no answer; it is counted as dropped and its slot is "
    "free again",
    size="frames of any length and content",
    bug=Bug("acts on every frame", "with m.If(crc.match_detected):", "with m.If(1):"),
    room="boards",
)
def damaged(hdl: Any, s: Statement) -> None:
    m = s.m
    receiver = SimpleNamespace(
        slot_size=SLOT, window=1, control=s.any(1, "control"), data=s.any(1, "data"), tail=Signal(1),
        byte=s.any(8, "byte"), address=Signal(7), done=Signal(), taken=Signal(), forget=Signal(),
        dropped=s.any(1, "cut"),
    )  # fmt: skip
    sender = SimpleNamespace(put=Signal(), byte=Signal(8), close=Signal(), idle=s.any(1, "idle"), full=s.any(1, "full"))
    page = SimpleNamespace(
        address=Signal(3), byte=Signal(2), read_data=s.any(8, "page"), write=Signal(), write_data=Signal(32),
        forget=Const(0, 1), dropped=Signal(2),
    )  # fmt: skip
    hdl.CRC32_ISO_HDLC = lambda _: SimpleNamespace(create=Never)
    m.submodules.executor = executor = hdl.Executor(
        receiver=receiver, sender=sender, page=page, flit_bits=8, address_bits=4
    )
    m.d.comb += [executor.o_flits.ready.eq(s.any(1, "room")), executor.port.done.eq(s.any(1, "answered"))]
    finished = receiver.done | receiver.taken
    for name in ("control", "data"):
        waits_for = getattr(receiver, name)
        s.assume(~s.before(waits_for & ~finished & ~s.in_reset) | waits_for)
    some = Signal()  # a frame came to its end; until then no news is to be told
    m.d.sync += some.eq(some | finished)
    s.claim(~executor.port.request & ~executor.o_flits.valid & ~page.write)
    s.claim(~finished | s.before(page.dropped[1]))
    s.claim(some | ~sender.put & ~sender.close)
    s.example(executor.busy & receiver.data)


class Never(Elaboratable):
    """A CRC that never matches."""

    def __init__(self) -> None:
        self.crc, self.data, self.valid, self.match_detected = Signal(32), Signal(1), Signal(), Signal()

    def elaborate(self, platform: object) -> Module:
        return Module()


PROOFS = (uart, transmitter, spi, page, sender, receiver, damaged)

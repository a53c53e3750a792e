"""The accelerator's port and event streams as bytes. Plain for now: no frames, no checksums.

=================================== ========= =====================================================
host to chip                        answer    effect
=================================== ========= =====================================================
``W`` address (4 bytes) data (4)    ``w``     writes a word through the internal port
``R`` address (4)                   ``r`` + 4 reads a word
``I`` flit (``flit_bytes``)         ``i``     puts a flit into the accelerator (waits until it is taken)
=================================== ========= =====================================================

and, at any time between two answers, ``o`` + flit for every observed flit. Numbers are little endian. Commands are
carried out and answered in order. The host may send ahead, but never more than ``QUEUE_BYTES`` bytes of commands
that are not answered yet. Other bytes in the place of a command are ignored; a command that stays unfinished for
``timeout_cycles`` (rounded up to a power of two) is forgotten.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.boards.uart import Receiver, Transmitter
from spikeloom.hdl.memory import BlockMemory

__all__ = ["QUEUE_BYTES", "Bridge", "Link", "Queue", "port_signature"]

QUEUE_BYTES = 512  # one block RAM of an iCE40


def port_signature(address_bits: int) -> wiring.Signature:
    """The accelerator's internal port, as its user sees it.

    ``request`` with ``address``, ``write`` and ``write_data`` is held until ``done``, in whose clock ``read_data``
    is valid, and then dropped for at least one clock.
    """
    return wiring.Signature(
        {
            "address": Out(address_bits),
            "write_data": Out(32),
            "request": Out(1),
            "write": Out(1),
            "read_data": In(32),
            "done": In(1),
        }
    )


class Bridge(wiring.Component):
    """Commands and answers as bytes on one side, the accelerator on the other.

    Throughput: a byte per clock out, nearly one in; an answer goes before a waiting flit.

    Members
    -------
    i_bytes, o_bytes: to and from the host.
    o_flits, i_flits: to the accelerator's ``i``, from its ``o``.
    port:             the accelerator's internal port.
    busy:             a command is being received or carried out.
    """

    i_bytes: stream.Interface
    o_bytes: stream.Interface
    i_flits: stream.Interface
    o_flits: stream.Interface
    port: wiring.PureInterface
    busy: Signal

    def __init__(self, *, flit_bits: int, address_bits: int, timeout_cycles: int) -> None:
        if not 1 <= flit_bits <= 64:
            raise ValueError(f"Flits must have 1..64 bits, not {flit_bits}")
        if not 1 <= address_bits <= 32:
            raise ValueError(f"Addresses must have 1..32 bits, not {address_bits}")
        self.flit_bits = flit_bits
        self.flit_bytes = -(-flit_bits // 8)
        self.address_bits = address_bits
        self.timeout_cycles = timeout_cycles
        super().__init__(
            {
                "i_bytes": In(stream.Signature(8)),
                "o_bytes": Out(stream.Signature(8)),
                "i_flits": In(stream.Signature(flit_bits)),
                "o_flits": Out(stream.Signature(flit_bits)),
                "port": Out(port_signature(address_bits)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        answer_valid, answer_taken = Signal(), Signal()
        answer_word = Signal(32, reset_less=True)
        command = Signal(8)
        self._receive(m, command, answer_word, answer_valid, answer_taken)
        self._send(m, command, answer_word, answer_valid, answer_taken)
        return m

    def _receive(self, m: Module, command: Signal, word: Signal, valid: Signal, taken: Signal) -> None:
        arguments = Signal(64, reset_less=True)  # bytes enter at the top
        left = Signal(range(9))
        silence = Signal(ceil_log2(self.timeout_cycles) + 1)  # its top bit ends the wait: a compare would be slower
        write = Signal()  # follows the command's letter, long before its arguments are complete
        address = Signal(self.address_bits, reset_less=True)
        m.d.sync += [write.eq(command == ord("W")), address.eq(Mux(write, arguments[:32], arguments[32:]))]
        m.d.comb += [
            self.port.address.eq(address),
            self.port.write_data.eq(arguments[32:]),
            self.port.write.eq(write),
            self.o_flits.payload.eq(arguments[64 - 8 * self.flit_bytes :]),
        ]
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("command"))
            with m.State("command"):
                m.d.comb += self.i_bytes.ready.eq(1)
                m.d.sync += command.eq(self.i_bytes.payload)
                with m.If(self.i_bytes.valid):
                    m.next = "length"
            with m.State("length"):
                m.d.sync += silence.eq(0)
                m.next = "command"
                for letter, length in (("W", 8), ("R", 4), ("I", self.flit_bytes)):
                    with m.If(command == ord(letter)):
                        m.d.sync += left.eq(length)
                        m.next = "arguments"
            with m.State("arguments"):
                m.d.comb += self.i_bytes.ready.eq(1)
                m.d.sync += silence.eq(silence + 1)
                with m.If(self.i_bytes.valid):
                    m.d.sync += [arguments.eq(Cat(arguments[8:], self.i_bytes.payload)), left.eq(left - 1)]
                    m.d.sync += silence.eq(0)
                    with m.If(left == 1):
                        with m.If(command == ord("I")):
                            m.next = "flit"
                        with m.Else():
                            m.next = "address"
                with m.Elif(silence[-1]):
                    m.next = "command"
            with m.State("address"):
                m.next = "port"
            with m.State("port"):
                m.d.comb += self.port.request.eq(1)
                with m.If(self.port.done):
                    m.d.sync += word.eq(self.port.read_data)
                    m.next = "answer"
            with m.State("flit"):
                m.d.comb += self.o_flits.valid.eq(1)
                with m.If(self.o_flits.ready):
                    m.next = "answer"
            with m.State("answer"):
                m.d.comb += valid.eq(1)
                with m.If(taken):
                    m.next = "command"

    def _send(self, m: Module, command: Signal, word: Signal, valid: Signal, taken: Signal) -> None:
        message = Signal(8 + max(32, 8 * self.flit_bytes), reset_less=True)
        left = Signal(range(len(message) // 8 + 1))
        m.d.comb += [self.o_bytes.payload.eq(message[:8]), self.o_bytes.valid.eq(left != 0)]
        with m.If(left == 0):
            with m.If(valid):
                m.d.comb += taken.eq(1)
                # The answer is the command's letter in lower case.
                m.d.sync += [message.eq(Cat(command | 0x20, word)), left.eq(Mux(command == ord("R"), 5, 1))]
            with m.Else():
                m.d.comb += self.i_flits.ready.eq(1)
                m.d.sync += message.eq(Cat(Const(ord("o"), 8), self.i_flits.payload))
                m.d.sync += left.eq(Mux(self.i_flits.valid, 1 + self.flit_bytes, 0))
        with m.Elif(self.o_bytes.ready):
            m.d.sync += [message.eq(message[8:]), left.eq(left - 1)]


class Queue(wiring.Component):
    """A first-in first-out queue of bytes in block RAM. Throughput: one byte in four clocks, far more than a UART's.

    i: bytes; one that finds the queue full is lost. o: bytes, 4 clocks later or more.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, depth: int) -> None:
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"A queue's depth must be a power of two from 2 on, not {depth}")
        self.depth = depth
        super().__init__({"i": In(stream.Signature(8, always_ready=True)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = BlockMemory(name="link_queue", width=8, depth=self.depth)
        first, last = Signal(range(2 * self.depth)), Signal(range(2 * self.depth))
        empty, full = first == last, first ^ last == self.depth
        m.d.comb += [
            memory.write.eq(self.i.valid & ~full),
            memory.write_address.eq(last),
            memory.write_data.eq(self.i.payload),
            memory.read_address.eq(first),
            memory.read.eq(~empty),
        ]
        beside = Signal(8, reset_less=True)
        m.d.sync += [last.eq(last + memory.write), beside.eq(memory.read_data)]
        with m.FSM():
            with m.State("empty"):
                with m.If(~empty):
                    m.next = "memory"
            with m.State("memory"):
                m.next = "register"
            with m.State("register"):
                m.d.sync += [self.o.payload.eq(beside), self.o.valid.eq(1), first.eq(first + 1)]
                m.next = "full"
            with m.State("full"):
                with m.If(self.o.ready):
                    m.d.sync += self.o.valid.eq(0)
                    m.next = "empty"
        return m


class Link(wiring.Component):
    """A :class:`Bridge` behind a UART, with a queue for commands sent ahead.

    Members: ``rx`` and ``tx`` are the lines; the others are the bridge's.
    """

    rx: Signal
    tx: Signal
    i_flits: stream.Interface
    o_flits: stream.Interface
    port: wiring.PureInterface
    busy: Signal

    def __init__(
        self, *, divider: int, flit_bits: int, address_bits: int, timeout_cycles: int, queue_bytes: int = QUEUE_BYTES
    ) -> None:
        self.divider = divider
        self.flit_bits = flit_bits
        self.address_bits = address_bits
        self.timeout_cycles = timeout_cycles
        self.queue_bytes = queue_bytes
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "i_flits": In(stream.Signature(flit_bits)),
                "o_flits": Out(stream.Signature(flit_bits)),
                "port": Out(port_signature(address_bits)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = Receiver(divider=self.divider)
        m.submodules.queue = queue = Queue(self.queue_bytes)
        m.submodules.bridge = bridge = Bridge(
            flit_bits=self.flit_bits, address_bits=self.address_bits, timeout_cycles=self.timeout_cycles
        )
        m.submodules.transmitter = transmitter = Transmitter(divider=self.divider)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.busy.eq(bridge.busy),
        ]
        wiring.connect(m, receiver.o, queue.i)
        wiring.connect(m, queue.o, bridge.i_bytes)
        wiring.connect(m, bridge.o_bytes, transmitter.i)
        wiring.connect(m, bridge.o_flits, wiring.flipped(self.o_flits))
        wiring.connect(m, wiring.flipped(self.i_flits), bridge.i_flits)
        wiring.connect(m, bridge.port, wiring.flipped(self.port))
        return m

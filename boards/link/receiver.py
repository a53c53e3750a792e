"""Bytes from a pipe, decoded into slots of a block RAM; whether a frame is intact is seen when it is carried out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.boards.link.protocol import CRC_BYTES, HEADER_BYTES, LONGEST
from spikeloom.hdl.memory import BlockMemory

__all__ = ["Receiver"]


class Receiver(wiring.Component):
    """Keeps one frame of control, and ``window`` of data.

    A slot holds where the body ends, then body and CRC. Throughput: a byte per clock, and a frame's end takes one more.

    Members
    -------
    i:       bytes.
    beat:    high for a clock now and then; a frame is cut off if no byte comes from one to the next.
    control: there is a frame of control, in the last slot. data: there is one of data, in the slot ``tail``.
    done:    the frame of control is carried out. taken: that of data is. forget: all of data are.
    address, byte: of the slots; ``byte`` follows ``address`` by two clocks.
    dropped: high for a clock when a frame is cut off or too long, or when there is no slot for it.
    """

    i: stream.Interface
    beat: Signal
    control: Signal
    data: Signal
    tail: Signal
    done: Signal
    taken: Signal
    forget: Signal
    address: Signal
    byte: Signal
    dropped: Signal

    def __init__(self, *, slots: int, slot_size: int) -> None:
        if slots < 2 or slots & (slots - 1):
            raise ValueError(f"Slots must be a power of two from 2 on, not {slots}")
        if slot_size not in (64, 128, 256):
            raise ValueError(f"A slot must have 64, 128 or 256 bytes, not {slot_size}")
        self.slots = slots
        self.window = slots - 1
        self.slot_size = slot_size
        self.slot_bytes = min(LONGEST, slot_size - 2)
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "beat": In(1),
                "control": Out(1),
                "data": Out(1),
                "tail": Out(range(slots)),
                "done": In(1),
                "taken": In(1),
                "forget": In(1),
                "address": In(range(slots * slot_size)),
                "byte": Out(8),
                "dropped": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.slots = memory = BlockMemory(name="link_slots", width=8, depth=self.slots * self.slot_size)
        m.d.comb += memory.read_address.eq(self.address)
        m.d.sync += self.byte.eq(memory.read_data)

        # COBS: a code says after how many bytes a zero is, or the end -------------------------------------------------
        started, ended = Signal(), Signal()
        block = Signal(8)  # bytes until the next code
        at = Signal(range(self.slot_size), init=1)
        is_control = Signal(reset_less=True)
        unwanted = Signal()  # too long, or without a slot from any of its bytes on
        whole = Signal()
        head, waiting = Signal(range(self.slots)), Signal(range(self.slots))
        byte = Mux(block == 0, 0, self.i.payload)
        first = at == 1
        chosen = Mux(first, ~byte[6], is_control)  # frames of data have bit 6 of their first byte
        occupied = Mux(chosen, self.control, waiting == self.window)
        offset_bits = ceil_log2(self.slot_size)
        m.d.comb += [
            memory.write_address.eq(Cat(Mux(ended, 0, at), Mux(chosen, Const(self.window, head.shape()), head))),
            memory.write_data.eq(Mux(ended, (at - CRC_BYTES)[:offset_bits], byte)),
            self.i.ready.eq(~ended),
        ]
        silent = Signal(reset_less=True)  # since the last beat
        with m.If(self.i.valid | self.beat):
            m.d.sync += silent.eq(~self.i.valid)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [started.eq(1), block.eq(Mux(block == 0, self.i.payload, block) - 1)]
            with m.If(self.i.payload == 0):
                # What is far from here hears of the frame's end in later clocks.
                m.d.sync += [ended.eq(started), whole.eq((block == 0) & ~unwanted & (at > CRC_BYTES + HEADER_BYTES))]
                m.d.sync += [started.eq(0), block.eq(block)]
            with m.Elif(started):
                m.d.comb += memory.write.eq(~occupied & ~unwanted)
                m.d.sync += [is_control.eq(chosen), at.eq(at + 1), unwanted.eq(unwanted | at.all() | occupied)]
        with m.Elif(self.beat & silent & started):
            m.d.sync += [started.eq(0), ended.eq(1), whole.eq(0)]
        with m.If(ended):
            m.d.comb += memory.write.eq(whole & ~occupied)
            m.d.sync += [ended.eq(0), block.eq(0), at.eq(1), unwanted.eq(0)]

        # Frames that wait ---------------------------------------------------------------------------------------------
        stored = memory.write & ended
        m.d.sync += self.dropped.eq(ended & ~(whole & ~occupied))
        more = stored & ~chosen
        m.d.comb += self.data.eq(waiting != 0)
        m.d.sync += [
            self.control.eq((self.control & ~self.done) | (stored & chosen)),
            waiting.eq(waiting + more - self.taken),
        ]
        for pointer, moves in ((head, more), (self.tail, self.taken)):
            with m.If(moves):
                m.d.sync += pointer.eq(Mux(pointer == self.window - 1, 0, pointer + 1))
        with m.If(self.forget):
            m.d.sync += [waiting.eq(0), self.tail.eq(0), head.eq(0)]
        return m

"""Bytes into frames: a block RAM in which one is encoded while the one before is sent."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.boards.link.protocol import LONGEST
from spikeloom.hdl.memory import BlockMemory

__all__ = ["Sender"]

DEPTH = 512


class Sender(wiring.Component):
    """Encodes a frame with COBS as its bytes come. Throughput: a byte per clock in, one in four clocks out.

    Members
    -------
    put:    takes ``byte``.
    close:  ends the frame; no byte may come for three clocks after it. Only while ``idle``.
    idle:   no frame is being sent, or waits to be; a clock late.
    full:   a frame should end: always near the end of a half of the memory, so that none becomes too long; it is late
            as well.
    o:      the frames' bytes.
    """

    put: Signal
    byte: Signal
    close: Signal
    idle: Signal
    full: Signal
    o: stream.Interface

    def __init__(self) -> None:
        super().__init__(
            {
                "put": In(1),
                "byte": In(8),
                "close": In(1),
                "idle": Out(1),
                "full": Out(1),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.frames = memory = BlockMemory(name="link_frames", width=8, depth=DEPTH)

        # A zero is not stored. In the place of the one before, or of the frame's first byte, is said how far it is. ---
        assert 2 * (LONGEST + 2) <= DEPTH
        end, last, at = Signal(range(DEPTH)), Signal(range(DEPTH)), Signal(range(DEPTH), init=1)
        # What comes is registered first: who sends it is far away.
        put, byte, close, closed, opened = Signal(), Signal(8, reset_less=True), Signal(), Signal(), Signal()
        m.d.sync += [put.eq(self.put), byte.eq(self.byte), close.eq(self.close)]
        code = close | (byte == 0)
        m.d.comb += [
            memory.write.eq(put | close | closed),
            memory.write_address.eq(Mux(code & ~closed, last, at)),
            memory.write_data.eq(Mux(closed, 0, Mux(code, at - last, byte))),
        ]
        m.d.sync += [closed.eq(close), opened.eq(closed), self.full.eq(at[4:8].all()), self.idle.eq(0)]
        with m.If(put | closed | opened):
            m.d.sync += at.eq(at + 1)
        with m.If((put & code) | opened):
            m.d.sync += last.eq(at)
        with m.If(opened):
            m.d.sync += end.eq(at)

        read = Signal(range(DEPTH))
        beside = Signal(8, reset_less=True)
        m.d.comb += [memory.read_address.eq(read), self.o.payload.eq(beside)]
        m.d.sync += beside.eq(memory.read_data)
        with m.FSM(name="send"):
            with m.State("idle"):
                m.d.sync += self.idle.eq((read == end) & ~close & ~closed & ~opened)
                with m.If(read != end):
                    m.next = "memory"
            with m.State("memory"):
                m.next = "register"
            with m.State("register"):
                m.next = "byte"
            with m.State("byte"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += read.eq(read + 1)
                    m.next = "idle"
        return m

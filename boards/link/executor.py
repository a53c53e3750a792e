"""Carries out the frames that the receiver keeps, and makes those that the sender sends, one after the other."""

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from spikeloom.boards.link.page import Page
from spikeloom.boards.link.protocol import CRC_BYTES, HEADER_BYTES, SEQUENCES, Kind
from spikeloom.boards.link.receiver import Receiver
from spikeloom.boards.link.sender import Sender
from spikeloom.hdl.layouts import ControlPort

__all__ = ["Executor"]


class Executor(wiring.Component):
    """One machine between the frames of ``receiver`` and ``sender`` and the accelerator; a byte takes about 20 clocks.

    A flit is fetched when the accelerator has room for it, so that one that must wait holds up no request. This
    rests on ``o_flits.ready`` staying high until a flit comes, which is so where the accelerator's buffer is.

    Members
    -------
    o_flits, i_flits: to the accelerator's ``i``, from its ``o``.
    port:             the accelerator's internal port.
    busy:             a frame is being carried out or made.
    """

    i_flits: stream.Interface
    o_flits: stream.Interface
    port: wiring.PureInterface
    busy: Signal

    def __init__(self, *, receiver: Receiver, sender: Sender, page: Page, flit_bits: int, address_bits: int) -> None:
        if not 1 <= flit_bits <= 64:
            raise ValueError(f"Flits must have 1..64 bits, not {flit_bits}")
        if not 1 <= address_bits <= 31:
            raise ValueError(f"Addresses must have 1..31 bits, not {address_bits}")
        self.receiver = receiver
        self.sender = sender
        self.page = page
        self.flit_bits = flit_bits
        self.flit_bytes = -(-flit_bits // 8)
        self.address_bits = address_bits
        super().__init__(
            {
                "i_flits": In(stream.Signature(flit_bits)),
                "o_flits": Out(stream.Signature(flit_bits)),
                "port": Out(ControlPort(address_bits)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        receiver, sender, page, port = self.receiver, self.sender, self.page, self.port
        # A bit per clock takes a quarter of the logic of a byte. Its own ``start`` would cost more than a reset.
        restart = Signal()
        crc = CRC32_ISO_HDLC(1).create()
        m.submodules.crc = ResetInserter(restart)(crc)

        # Bytes move through this register bit by bit, in at the top or out at the bottom; then the next state acts.
        bytes_held = max(4, self.flit_bytes)
        shift = Signal(8 * bytes_held, reset_less=True)
        word, last_byte = shift[-32:], shift[-8:]
        left, fetching = Signal(range(bytes_held + 1)), Signal(reset_less=True)
        clock = Signal(4, reset_less=True)  # of a byte's ten; in the first two the memory is read

        def fetch(count: int | Value) -> None:
            m.d.sync += [left.eq(count), fetching.eq(1), clock.eq(0)]

        def send(count: int, value: Value = shift) -> None:
            m.d.sync += [left.eq(count), fetching.eq(0), clock.eq(2), shift.eq(value)]

        # The frame that is carried out, and how far -----------------------------------------------------------------
        offset, end, event_offset = (Signal(range(receiver.slot_size), reset_less=True) for _ in range(3))
        in_events, resume = Signal(), Signal()
        more = Signal()  # a clock late, which nobody sees: the offset moves before a byte's last bit
        m.d.sync += more.eq(offset < end)
        is_control, write, on_page, some = (Signal(reset_less=True) for _ in range(4))
        address = Signal(self.address_bits, reset_less=True)
        from_page, verifying, summed, opened, news = (Signal() for _ in range(5))
        expected, sequence = Signal(range(SEQUENCES)), Signal(range(SEQUENCES))
        answered = Signal(range(SEQUENCES), reset_less=True)
        dropped = Signal()
        slot = Mux(is_control, Const(receiver.window, receiver.tail.shape()), receiver.tail)
        entering = Mux(from_page, page.read_data, receiver.byte).rotate_left(2).bit_select(clock[:3], 1)
        m.d.comb += [
            receiver.address.eq(Cat(offset, slot)),
            # What is sent of the CRC itself keeps its feedback quiet, so that it moves on like the other register.
            crc.data.eq(Mux(verifying, entering, Mux(summed, ~crc.crc[0], shift[0]))),
            sender.byte.eq(Mux(summed, crc.crc[:8], shift[:8])),
            *(port.address.eq(address), port.write_data.eq(word), port.write.eq(write)),
            *(page.address.eq(address), page.write_data.eq(word), page.byte.eq(bytes_held - left)),
            self.o_flits.payload.eq(shift[len(shift) - 8 * self.flit_bytes :]),
        ]
        with m.If(left != 0):
            m.d.sync += clock.eq(clock + 1)
            with m.If(clock[1:].any()):
                m.d.sync += shift.eq(Cat(shift[1:], entering))
                m.d.comb += [crc.valid.eq(verifying | ~fetching), sender.put.eq(~fetching & (clock == 2))]
                with m.If(clock == 8):
                    m.d.sync += offset.eq(offset + (fetching & ~from_page))
                with m.If(clock == 9):
                    m.d.sync += [left.eq(left - 1), clock.eq(Mux(fetching, 0, 2))]
        with m.Else(), m.FSM() as fsm:
            with m.State("idle"):  # chooses alone: what is done about it is a short path of its own
                with m.If(receiver.control | (receiver.data & ~in_events)):
                    m.next = "begin"
                    with m.If(opened):
                        m.next = "seal"
                with m.Elif(resume):
                    m.next = "return"
                with m.Elif(in_events & ~more):
                    m.next = "carried_out"
                with m.Elif(in_events & self.o_flits.ready):
                    m.next = "fetch_flit"
                with m.Elif(opened):
                    with m.If(self.i_flits.valid & ~(sender.full & some)):
                        m.next = "take_flit"
                    with m.Elif((sender.full & some) | sender.idle):
                        m.next = "seal"
                with m.Elif(self.i_flits.valid | news):
                    m.next = "open"
            with m.State("return"):
                m.d.sync += [is_control.eq(0), offset.eq(0)]
                fetch(1)
                m.next = "resume"
            with m.State("resume"):
                m.d.sync += [end.eq(last_byte), offset.eq(event_offset), resume.eq(0)]
                m.next = "pause"
            # Flits, to the accelerator and from it --------------------------------------------------------------------
            with m.State("fetch_flit"):
                fetch(self.flit_bytes)
                m.next = "flit"
            with m.State("flit"):
                m.d.comb += self.o_flits.valid.eq(1)
                with m.If(self.o_flits.ready):
                    m.next = "idle"
            with m.State("open"):
                m.d.comb += restart.eq(1)
                m.d.sync += [opened.eq(1), some.eq(0), news.eq(0)]
                send(2, Cat(sequence, Const(Kind.SENT, 4), expected))
                m.next = "idle"
            with m.State("take_flit"):
                m.d.comb += self.i_flits.ready.eq(1)
                send(self.flit_bytes, self.i_flits.payload)
                m.d.sync += some.eq(1)
                m.next = "idle"
            # A frame begins -------------------------------------------------------------------------------------------
            with m.State("begin"):
                m.d.comb += restart.eq(1)
                m.d.sync += [is_control.eq(receiver.control), offset.eq(0)]
                with m.If(in_events & ~resume):
                    m.d.sync += [event_offset.eq(offset), resume.eq(1)]
                fetch(1)
                m.next = "length"
            with m.State("length"):
                m.d.sync += [end.eq(last_byte), verifying.eq(1)]
                fetch(1)
                m.next = "verify"
            with m.State("verify"):
                with m.If(more):
                    fetch(1)
                    m.next = "verify"
                with m.Else():
                    fetch(CRC_BYTES)
                    m.next = "verdict"
            with m.State("verdict"):
                m.d.sync += [verifying.eq(0), offset.eq(1)]
                with m.If(crc.match_detected):
                    fetch(HEADER_BYTES)
                    m.next = "dispatch"
                with m.Else():
                    m.d.comb += dropped.eq(1)
                    m.next = "finish"
            with m.State("dispatch"):
                number, kind = last_byte[:4], last_byte[4:]
                m.d.sync += [write.eq(kind[1]), answered.eq(number)]
                with m.If((kind[:2] == 0) | kind[:2].all() | kind[3] | (~is_control & (number != expected))):
                    m.d.comb += dropped.eq(1)
                    m.next = "finish"
                with m.Elif(kind[0] & kind[2]):
                    m.d.sync += in_events.eq(1)
                    m.next = "idle"
                with m.Else():
                    fetch(4)
                    m.next = "address"
            with m.State("address"):
                m.d.sync += [address.eq(word), on_page.eq(word[-1])]
                with m.If(is_control):
                    m.d.comb += restart.eq(1)
                    send(2, Cat(answered, ~write, write, Const(0b10, 2), expected))
                m.next = "words"
            with m.State("words"):
                with m.If(more):  # a request to read has a byte for every word
                    fetch(Mux(write, 4, 1))
                    m.next = "access"
                with m.Elif(is_control):
                    m.next = "seal"
                with m.Else():
                    m.next = "carried_out"
            with m.State("access"):
                m.d.comb += [port.request.eq(~on_page), page.write.eq(on_page & write & is_control)]
                with m.If(on_page & ~write):
                    m.d.sync += from_page.eq(1)
                    fetch(bytes_held)
                    m.next = "page"
                with m.Elif(port.done | on_page):
                    m.d.sync += address.eq(address + 1)
                    with m.If(~write):
                        send(4, port.read_data)
                    m.next = "words"
            with m.State("page"):
                m.d.sync += [from_page.eq(0), address.eq(address + 1)]
                send(4)
                m.next = "words"
            # Every frame's end ----------------------------------------------------------------------------------------
            with m.State("seal"):
                m.d.sync += summed.eq(1)
                send(CRC_BYTES)
                m.next = "close"
            with m.State("close"):
                m.d.sync += summed.eq(0)
                m.d.comb += sender.close.eq(sender.idle)
                with m.If(sender.idle):
                    m.d.sync += opened.eq(0)
                    m.next = "finish"
                    with m.If(opened):
                        m.d.sync += sequence.eq(sequence + 1)
                        m.next = "pause"
            with m.State("carried_out"):
                m.d.sync += [expected.eq(expected + 1), in_events.eq(0)]
                m.next = "finish"
            with m.State("finish"):
                m.d.comb += [receiver.done.eq(is_control), receiver.taken.eq(~is_control)]
                m.d.sync += news.eq(news | ~is_control)
                m.next = "pause"
            with m.State("pause"):  # until receiver and sender say how it is now
                m.next = "idle"
        m.d.comb += self.busy.eq((left != 0) | ~fsm.ongoing("idle") | in_events | opened)
        with m.If(page.forget):
            m.d.sync += [expected.eq(0), in_events.eq(0), resume.eq(0)]
        m.d.comb += [
            receiver.forget.eq(page.forget),
            page.dropped.eq(Cat(receiver.dropped, dropped)),
        ]
        return m

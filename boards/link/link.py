"""The whole link: the accelerator's port and streams behind one pipe of bytes."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.boards.link.executor import Executor
from spikeloom.boards.link.page import Page
from spikeloom.boards.link.receiver import Receiver
from spikeloom.boards.link.sender import Sender
from spikeloom.hdl.layouts import ControlPort

__all__ = ["Link"]


class Link(wiring.Component):
    """Frames (see ``protocol``) on one side, the accelerator on the other.

    slots, slot_size: of the block RAM that holds frames to carry out; one slot is for control.
    hardware: what the register of this name says.

    Members
    -------
    i_bytes, o_bytes: to and from the host.
    o_flits, i_flits: to the accelerator's ``i``, from its ``o``.
    port:             the accelerator's internal port.
    network:          hash of the network that the memories start with.
    busy:             a frame is being carried out or made.
    beat:             high for a clock now and then; a frame is cut off if no byte comes from one to the next.
    """

    i_bytes: stream.Interface
    o_bytes: stream.Interface
    i_flits: stream.Interface
    o_flits: stream.Interface
    port: wiring.PureInterface
    network: Signal
    busy: Signal
    beat: Signal

    def __init__(
        self,
        *,
        flit_bits: int,
        address_bits: int,
        clock_hz: int,
        hardware: int = 0,
        slots: int = 4,
        slot_size: int = 128,
    ) -> None:
        self.receiver = Receiver(slots=slots, slot_size=slot_size)
        self.sender = Sender()
        self.page = Page(
            window=self.receiver.window,
            slot_bytes=self.receiver.slot_bytes,
            flit_bytes=-(-flit_bits // 8),
            hardware=hardware,
            clock_hz=clock_hz,
        )
        self.executor = Executor(
            receiver=self.receiver,
            sender=self.sender,
            page=self.page,
            flit_bits=flit_bits,
            address_bits=address_bits,
        )
        super().__init__(
            {
                "i_bytes": In(stream.Signature(8)),
                "o_bytes": Out(stream.Signature(8)),
                "i_flits": In(stream.Signature(flit_bits)),
                "o_flits": Out(stream.Signature(flit_bits)),
                "port": Out(ControlPort(address_bits)),
                "network": In(32),
                "busy": Out(1),
                "beat": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = self.receiver
        m.submodules.sender = self.sender
        m.submodules.page = self.page
        m.submodules.executor = self.executor
        wiring.connect(m, wiring.flipped(self.i_bytes), self.receiver.i)
        wiring.connect(m, self.sender.o, wiring.flipped(self.o_bytes))
        wiring.connect(m, self.executor.o_flits, wiring.flipped(self.o_flits))
        wiring.connect(m, wiring.flipped(self.i_flits), self.executor.i_flits)
        wiring.connect(m, self.executor.port, wiring.flipped(self.port))
        m.d.comb += [
            self.receiver.beat.eq(self.beat),
            self.page.built.eq(self.network),
            self.busy.eq(self.executor.busy),
        ]
        return m

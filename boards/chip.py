"""The generated accelerator, as it was verified, behind a host link: all of a chip but its clock and pins."""

from typing import Any, Literal, get_args

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.boards.accelerator import accelerator
from spikeloom.boards.link.link import Link
from spikeloom.boards.link.protocol import TIMEOUT_SECONDS
from spikeloom.boards.link.spi import Slave
from spikeloom.boards.link.uart import Receiver, Transmitter
from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import hardware_id
from spikeloom.hdl.generate import convert

__all__ = ["TOP", "Chip", "Pipe", "chip_verilog"]

TOP = "chip"
Pipe = Literal["uart", "spi", "bytes"]


class Chip(wiring.Component):
    """The module ``accelerator`` is not elaborated here: synthesiser and simulator read the file that was generated.

    manifest: of the generated folder.
    pipe:     what carries the link's bytes. "bytes": two streams, for a pipe of one's own.
    divider:  clocks per bit of the UART.
    slots, slot_size: see :class:`~spikeloom.boards.link.link.Link`.

    Members
    -------
    rx, tx | sck, cs_n, copi, cipo | i, o: the pipe.
    network:   hash of the network that the memories start with; constant on a board.
    busy:      a frame is being carried out or made.
    heartbeat: changes at every beat of the link.
    """

    network: Signal
    busy: Signal
    heartbeat: Signal

    def __init__(
        self,
        manifest: dict[str, Any],
        *,
        clock_hz: int,
        pipe: Pipe = "uart",
        divider: int = 8,
        slots: int = 4,
        slot_size: int = 128,
    ) -> None:
        if pipe not in get_args(Pipe):
            raise Refusal(f"There is no pipe {pipe!r}; use one of {', '.join(get_args(Pipe))}")
        self.pipe = pipe
        self.timeout_cycles = int(clock_hz * TIMEOUT_SECONDS)
        self.divider = divider
        self.link = Link(
            flit_bits=manifest["flit"]["width"],
            address_bits=manifest["map"]["address_bits"],
            clock_hz=clock_hz,
            hardware=hardware_id(manifest),
            slots=slots,
            slot_size=slot_size,
        )
        pins = {
            "uart": {"rx": In(1, init=1), "tx": Out(1, init=1)},
            "spi": {"sck": In(1), "cs_n": In(1, init=1), "copi": In(1), "cipo": Out(1)},
            "bytes": {"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))},
        }
        super().__init__({**pins[pipe], "network": In(32), "busy": Out(1), "heartbeat": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.accelerator = accelerator(link)
        clocks, before = Signal(ceil_log2(self.timeout_cycles) + 1), Signal()
        m.d.sync += [clocks.eq(clocks + 1), before.eq(self.heartbeat)]
        m.d.comb += [
            self.heartbeat.eq(clocks[-1]),
            link.network.eq(self.network),
            link.beat.eq(before != self.heartbeat),
            self.busy.eq(link.busy),
        ]
        if self.pipe == "bytes":
            wiring.connect(m, wiring.flipped(self.i), link.i_bytes)
            wiring.connect(m, link.o_bytes, wiring.flipped(self.o))
            return m
        if self.pipe == "uart":
            m.submodules.receiver = receiver = Receiver(divider=self.divider)
            m.submodules.transmitter = transmitter = Transmitter(divider=self.divider)
            m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
            taken, given = receiver.o, transmitter.i
        else:
            m.submodules.slave = slave = Slave()
            m.d.comb += [slave.sck.eq(self.sck), slave.cs_n.eq(self.cs_n), slave.copi.eq(self.copi)]
            m.d.comb += self.cipo.eq(slave.cipo)
            taken, given = slave.o, slave.i
        # The link is ready again long before the pipe's next byte.
        m.d.comb += [link.i_bytes.payload.eq(taken.payload), link.i_bytes.valid.eq(taken.valid)]
        wiring.connect(m, link.o_bytes, given)
        return m


def chip_verilog(manifest: dict[str, Any], **options: Any) -> str:
    """The module ``chip`` around the module ``accelerator``; options: those of :class:`Chip`."""
    return convert(Chip(manifest, **options), TOP, ())

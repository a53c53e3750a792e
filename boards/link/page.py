"""The link's own registers."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.boards.link.protocol import IDENTITY, REGISTERS, VERSION

__all__ = ["Page"]

#: Registers that never change, from address 0 on.
TABLE = ("identity", "protocol", "hardware", "built", "clock_hz")


class Page(wiring.Component):
    """What ``protocol.REGISTERS`` declares. Latency of reading: 1 clock.

    Members
    -------
    address, byte: of the register, and of its bytes the one that ``read_data`` is.
    write, write_data: a register.
    built:  what the register of this name says.
    forget: high for a clock when the host asks for it.
    dropped: two places that drop frames; high for a clock when they do.
    """

    address: Signal
    byte: Signal
    read_data: Signal
    write: Signal
    write_data: Signal
    built: Signal
    forget: Signal
    dropped: Signal

    def __init__(self, *, window: int, slot_bytes: int, flit_bytes: int, hardware: int, clock_hz: int) -> None:
        self.constants = {
            "identity": IDENTITY,
            "protocol": VERSION | window << 8 | slot_bytes << 16 | flit_bytes << 24,
            "hardware": hardware,
            "clock_hz": clock_hz,
        }
        assert [REGISTERS[name].address for name in (*TABLE, "network", "dropped")] == [0, 1, 2, 3, 4, 6, 7]
        super().__init__(
            {
                "address": In(3),
                "byte": In(2),
                "read_data": Out(8),
                "write": In(1),
                "write_data": In(32),
                "built": In(32),
                "forget": Out(1),
                "dropped": In(2),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network = Signal(32, reset_less=True)  # as the memories are
        dropped, waits = Signal(16, reset_less=True), Signal()
        # Byte by byte, since an answer goes so: a multiplexer of words would be four times as large. The last two
        # registers change, the others are a table.
        values = {name: Const(value, 32) for name, value in self.constants.items()} | {"built": self.built}
        table = Array(values[name].word_select(number, 8) for name in TABLE for number in range(4))
        changing = Mux(self.address[0], dropped, network)
        m.d.sync += self.read_data.eq(
            Mux(
                self.address[1:].all(),
                changing.word_select(self.byte, 8),
                table[Cat(self.byte, self.address)],
            )
        )
        clear = Signal()
        with m.If(self.write & (self.address == REGISTERS["identity"].address)):
            m.d.comb += Cat(self.forget, clear).eq(self.write_data)
        with m.If(self.write & (self.address == REGISTERS["network"].address)):
            m.d.sync += network.eq(self.write_data)
        # One that both count in the same clock is counted a clock later.
        m.d.sync += [
            dropped.eq(dropped + (self.dropped[0] | waits)),
            waits.eq(self.dropped[1] | (waits & self.dropped[0])),
        ]
        with m.If(clear):
            m.d.sync += dropped.eq(0)
        return m

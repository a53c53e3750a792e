"""The two memories everything is built from. Their ports never collide by the schedule of those who use them."""

from collections.abc import Iterable

from amaranth.hdl import Elaboratable, Module, Shape, ShapeLike, Signal
from amaranth.lib import memory
from amaranth.utils import ceil_log2

__all__ = ["BlockMemory", "TableMemory"]


#: The register inside a block RAM. Its first word is undefined, and the Verilog says so (see ``hdl.generate``):
#: with an initial value, families whose RAM has none would imitate it with logic.
READ_REGISTER = "block_read_data"


class _Memory(Elaboratable):
    """One write port, one read port.

    name is unique in the design: the Verilog's memory and its image file are called so.
    """

    def __init__(self, *, name: str, width: ShapeLike, depth: int, init: Iterable[int] = ()):
        self.name = name
        self.width = Shape.cast(width).width
        self.depth = max(2, depth)
        self.init = list(init)
        address_bits = ceil_log2(self.depth)
        self.read_address = Signal(address_bits)
        self.read_data = Signal(self.width)
        self.write_address = Signal(address_bits)
        self.write_data = Signal(self.width)
        self.write = Signal()

    def _ports(self, m: Module, **attrs: object) -> memory.ReadPort:
        m.submodules[self.name] = array = memory.Memory(shape=self.width, depth=self.depth, init=self.init, attrs=attrs)
        write, read = array.write_port(), array.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            write.en.eq(self.write),
            read.addr.eq(self.read_address),
        ]
        return read


class BlockMemory(_Memory):
    """Block RAM; ``read_data`` follows ``read_address`` by one clock in which ``read`` is high.

    Reading a word in the clock in which it is written is undefined in hardware.
    """

    def __init__(self, *, name: str, width: ShapeLike, depth: int, init: Iterable[int] = ()):
        super().__init__(name=name, width=width, depth=depth, init=init)
        self.read = Signal(init=1)
        self.read_data = Signal(self.width, name=READ_REGISTER, reset_less=True)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # A combinational port with a register of its own and no_rw_check becomes a bare block RAM on every family;
        # Amaranth's synchronous port asks for read-old-data, which costs bypass logic.
        port = self._ports(m, no_rw_check=1, ram_style="block")
        with m.If(self.read):
            m.d.sync += self.read_data.eq(port.data)
        return m


class TableMemory(_Memory):
    """A few words, read in the same clock: LUT RAM, or flip-flops where the family has none."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.read_data.eq(self._ports(m).data)
        return m

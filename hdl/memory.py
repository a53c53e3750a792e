"""The memories everything is built from. Their ports never collide by the schedule of those who use them."""

from collections.abc import Iterable

from amaranth.hdl import Cat, Elaboratable, Module, Shape, ShapeLike, Signal, Value
from amaranth.lib import memory
from amaranth.utils import ceil_log2

from spikeloom.hdl.parameters import DEEP

__all__ = ["BlockMemory", "SinglePortMemory", "TableMemory", "narrow", "slices"]


#: The register inside a block RAM. Its first word is undefined, and the Verilog says so (see ``hdl.generate``):
#: with an initial value, families whose RAM has none would imitate it with logic.
READ_REGISTER = "block_read_data"


def slices(name: str, width: int, slice_bits: int | None) -> list[tuple[str, int, int]]:
    """The arrays of a memory, side by side: (name, lowest bit, bits)."""
    if slice_bits is None or slice_bits >= width:
        return [(name, 0, width)]
    return [(f"{name}_{k}", low, min(slice_bits, width - low)) for k, low in enumerate(range(0, width, slice_bits))]


def narrow(depth: int) -> int:
    """Bits of the widest array that is one block RAM."""
    shapes = ((36, 512), (18, 1024), (9, DEEP), (4, 2 * DEEP), (2, 4 * DEEP))
    return next((bits for bits, most in shapes if depth <= most), 1)


class _Memory(Elaboratable):
    """One write port, one read port.

    name is unique in the design: the Verilog's memory and its image file are called so.
    slice_bits: made of arrays at most so wide, ``NAME_0``, ``NAME_1`` ...
    """

    def __init__(
        self, *, name: str, width: ShapeLike, depth: int, init: Iterable[int] = (), slice_bits: int | None = None
    ):
        self.name = name
        self.width = Shape.cast(width).width
        self.depth = max(2, depth)
        self.init = list(init)
        self.slices = slices(name, self.width, slice_bits)
        address_bits = ceil_log2(self.depth)
        self.read_address = Signal(address_bits)
        self.read_data = Signal(self.width)
        self.write_address = Signal(address_bits)
        self.write_data = Signal(self.width)
        self.write = Signal()

    @property
    def _written(self) -> Signal:
        """Where it is written."""
        return self.write_address

    def _array(self, m: Module, name: str, low: int, bits: int, **attrs: object) -> Value:
        """The word of one slice at the read address."""
        init = [word >> low & (1 << bits) - 1 for word in self.init]
        m.submodules[name] = array = memory.Memory(shape=bits, depth=self.depth, init=init, attrs=attrs)
        write, read = array.write_port(), array.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(self._written),
            write.data.eq(self.write_data[low : low + bits]),
            write.en.eq(self.write),
            read.addr.eq(self.read_address),
        ]
        return read.data


class BlockMemory(_Memory):
    """Block RAM; ``read_data`` follows ``read_address`` by one clock.

    Reading a word in the clock in which it is written is undefined in hardware: ``read`` says when the word is of use,
    for those who check that this never happens. A deep memory of narrow slices needs
    no multiplexer behind it, which a wide one pays for with logic and speed.
    """

    style = "block"

    def __init__(
        self, *, name: str, width: ShapeLike, depth: int, init: Iterable[int] = (), slice_bits: int | None = None
    ):
        super().__init__(name=name, width=width, depth=depth, init=init, slice_bits=slice_bits)
        self.read = Signal(init=1)
        self._words = [Signal(bits, name=READ_REGISTER, reset_less=True) for _, _, bits in self.slices]
        self.read_data = self._words[0] if len(self._words) == 1 else self.read_data

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # A combinational port with a register of its own and no_rw_check becomes a bare block RAM on every family;
        # Amaranth's synchronous port asks for read-old-data, which costs bypass logic.
        for word, (name, low, bits) in zip(self._words, self.slices, strict=True):
            stored = self._array(m, name, low, bits, no_rw_check=1, ram_style=self.style)
            m.d.sync += word.eq(stored)
        if len(self._words) > 1:
            m.d.comb += self.read_data.eq(Cat(self._words))
        return m


class SinglePortMemory(BlockMemory):
    """Large memory with one port and no contents at power-up (iCE40's SPRAM): written where ``read_address`` is.

    Whoever writes has the address at both ports, which those who watch the ports check as they check collisions.
    """

    style = "huge"

    @property
    def _written(self) -> Signal:
        return self.read_address


class TableMemory(_Memory):
    """A few words, read in the same clock: LUT RAM, or flip-flops where the family has none.

    Before a register it may become block RAM, but for ``logic``.
    """

    logic = False

    def elaborate(self, platform: object) -> Module:
        m = Module()
        attrs = {"ram_style": "logic"} if self.logic else {}
        m.d.comb += self.read_data.eq(Cat(self._array(m, *part, **attrs) for part in self.slices))
        return m

"""Memories as hardware has them: anything at first, and anything where the ports meet or nobody says that he reads."""

from collections.abc import Iterable, Mapping, Sequence

from amaranth.hdl import Array, Elaboratable, Module, ShapeLike, Signal, Value

from spikeloom.hdl.layouts import HostPort
from spikeloom.hdl.memory import BlockMemory, TableMemory
from spikeloom.hdl.memory_map import Memories
from spikeloom.sim.proofs.statement import Statement

__all__ = ["Given", "Undefined", "UndefinedMemories"]


class Given(Elaboratable):
    """A table that holds these rows, whatever is written."""

    def __init__(self, rows: Sequence[Value]):
        self.rows = Array(rows)
        self.width = len(rows[0])
        self.read_address, self.write_address = Signal(range(len(rows))), Signal(range(len(rows)))
        self.read_data, self.write_data, self.write = Signal(self.width), Signal(self.width), Signal()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.read_data.eq(self.rows[self.read_address])
        return m


class Undefined(BlockMemory):
    unknown: Signal

    @property
    def met(self) -> Value:
        """A word is read while it is written."""
        return self.read & self.write & (self.read_address == self.write_address)

    def elaborate(self, platform: object) -> Module:
        m = super().elaborate(platform)
        with m.If(~self.read | self.met):
            m.d.sync += self.read_data.eq(self.unknown)
        return m


class UndefinedMemories(Memories):
    """A core's memories; the host stays away. given: the rows of tables, by name.

    A statement about a block asks for it before the part does, and both get the same.
    """

    def __init__(self, s: Statement, names: Iterable[str] = (), given: Mapping[str, Sequence[Value]] | None = None):
        self.given = given or {}
        names = [*names, *self.given]
        super().__init__("core0", names, HostPort(len(names) + 1, 256, 24).create(), {})
        self.statement = s
        self.blocks: dict[str, Undefined] = {}

    def block(self, name: str, layout: ShapeLike, depth: int, slice_bits: int | None = None) -> Undefined:
        if name not in self.blocks:
            self.blocks[name] = memory = self._make(Undefined, name, layout, depth)
            memory.unknown = self.statement.any(memory.width, f"unknown_{name}")
        return self.blocks[name]

    def table(self, name: str, layout: ShapeLike, depth: int) -> TableMemory:
        if name in self.given:
            return Given(self.given[name])  # type: ignore[return-value]
        return super().table(name, layout, depth)

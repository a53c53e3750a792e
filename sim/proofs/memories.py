"""Memories as hardware has them: anything at first, and anything where the ports meet or nobody says that he reads."""

from collections.abc import Iterable

from amaranth.hdl import Module, ShapeLike, Signal, Value

from spikeloom.hdl.layouts import HostPort
from spikeloom.hdl.memory import BlockMemory
from spikeloom.hdl.memory_map import Memories
from spikeloom.sim.proofs.statement import Statement

__all__ = ["Undefined", "UndefinedMemories"]


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
    """A core's memories; the host stays away."""

    def __init__(self, s: Statement, names: Iterable[str] = ()):
        names = list(names)
        super().__init__("core0", names, HostPort(len(names) + 1, 256, 24).create(), {})
        self.statement = s
        self.blocks: list[Undefined] = []

    def block(self, name: str, layout: ShapeLike, depth: int, slice_bits: int | None = None) -> Undefined:
        memory = self._make(Undefined, name, layout, depth)
        memory.unknown = self.statement.any(memory.width, f"unknown_{name}")
        self.blocks.append(memory)
        return memory

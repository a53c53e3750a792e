"""Where every memory is in the one address map, and how a component lets the host at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from amaranth.hdl import Module, Mux, ShapeLike, Value
from amaranth.lib import data, wiring
from amaranth.utils import ceil_log2

from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.memory import BlockMemory, SinglePortMemory, TableMemory, narrow, slices
from spikeloom.hdl.neurons import MODELS
from spikeloom.hdl.parameters import DEEP, AcceleratorParameters, CoreParameters
from spikeloom.hdl.struct import struct

__all__ = ["REGISTERS", "Memories", "MemoryMap", "Region", "core_memories", "host_memories", "slice_bits_of"]

Images = Mapping[str, Sequence[int]]
AnyMemory = TypeVar("AnyMemory", BlockMemory, SinglePortMemory, TableMemory)

#: Registers of the control page, which is at address 0: name -> (address, bits, access, meaning).
REGISTERS = {
    "identity": (0, 32, "r", "0x5350494B, 'SPIK'"),
    "control": (1, 1, "w", "bit 0: restart (initial states, empty channels)"),
    "status": (2, 3, "r", "bit 0: busy; bit 1: fault in the events; bit 2: a memory was accessed while busy"),
    "steps": (3, 16, "rw", "steps per sample; 0: one endless sample"),
    "observe": (4, 32, "rw", "one bit per population of neurons: its events and ticks are sent to the host"),
    "clocks": (5, 32, "r", "clocks since the last restart, modulo 2**32"),
}
CONTROL_WORDS = 8


@dataclass(frozen=True, kw_only=True)
class Region:
    """``entries`` of ``words`` 32-bit words each, ``stride`` apart; fields: name -> (lowest bit, bits).

    loaded: it holds nothing until the host loads it.
    """

    name: str
    core: int
    select: int
    base: int
    entries: int
    width: int
    fields: dict[str, tuple[int, int]]
    slice_bits: int | None = None
    loaded: bool = False

    @property
    def images(self) -> list[tuple[str, int, int]]:
        """Files that fill it: (name, lowest bit, bits). States and counters need none: they begin anew."""
        prefix, name = self.name.split(".")
        return [] if name.startswith(("state", "counters")) else slices(f"{prefix}_{name}", self.width, self.slice_bits)

    @property
    def words(self) -> int:
        return -(-self.width // 32)

    @property
    def stride(self) -> int:
        return 1 << ceil_log2(self.words)

    @property
    def size(self) -> int:
        return self.stride << ceil_log2(max(2, self.entries))


def core_memories(p: CoreParameters, tables: Tables | None = None) -> dict[str, tuple[int, data.Layout]]:
    """Every memory of a core that the host sees: name -> (entries, layout). Their order numbers the select lines."""
    tables = tables or Tables(p)
    neuron = p.neuron
    memories: dict[str, tuple[int, data.Layout]] = {
        "populations": (p.populations, tables.population),
        "projections": (p.projections, tables.projection),
        "sources": (p.flit.sources, tables.source),
        "channels": (p.channels, tables.channel),
    }
    if not p.alone:
        memories["destinations"] = (p.flit.sources, tables.destination)
    lanes = p.column_lanes
    for column in range(p.columns):
        width = min(lanes, p.lanes - column * lanes)
        memories[f"weights{column}"] = (p.rows, data.ArrayLayout(p.weight_bits, width))
    if s := p.scatter:
        scatter = Tables(p.scatter_core)
        memories |= {
            "scatter_populations": (s.rings, scatter.population),
            "scatter_projections": (s.projections, scatter.projection),
            "scatter_channels": (s.rings, scatter.channel),
            "scatter_rings": (s.rings, tables.ring),
            "fan_outs": (s.projections, tables.fan_out),
            "places": (s.places, tables.place),
        }
        if s.synapses:
            memories["synapses"] = (s.synapses, tables.synapse)
        for column in range(-(-p.lanes // p.kernel_lanes) if s.kernel_rows else 0):
            width = min(p.kernel_lanes, p.lanes - column * p.kernel_lanes)
            memories[f"kernels{column}"] = (s.kernel_rows, data.ArrayLayout(s.weight_bits, width))
    for unit in range(p.units):
        memories[f"parameters{unit}"] = (p.parameter_words, neuron.parameter_layout)
        memories[f"state{unit}"] = (p.unit_words, neuron.state_layout)
    return memories


def host_memories(p: AcceleratorParameters, tables: Tables | None = None) -> dict[str, tuple[int, data.Layout]]:
    """The same of the host's node."""
    tables = tables or Tables(p.cores[0])
    memories: dict[str, tuple[int, data.Layout]] = {"channels": (p.host_channels, tables.channel)}
    if len(p.cores) > 1:
        memories["destinations"] = (1, tables.destination)
    if p.counters:
        memories["counters"] = (len(p.counters), struct({"count": 32}))
    return memories


def slice_bits_of(name: str, depth: int) -> int | None:
    """Of how many bits the arrays of a memory are, so that none needs a multiplexer behind it."""
    return None if depth <= (DEEP if name.startswith(("weights", "lists")) else 512) else narrow(depth)


class MemoryMap:
    """All regions, each aligned to its own size."""

    def __init__(self, p: AcceleratorParameters):
        regions = []
        for number, core in enumerate(p.cores):
            if core.model not in MODELS:
                raise ValueError(f"Neuron model {core.model!r} is not one of {sorted(MODELS)}")
            for select, (name, (entries, layout)) in enumerate(core_memories(core).items()):
                fields = {str(key): (field.offset, field.width) for key, field in layout}
                region = Region(
                    name=f"core{number}.{name}",
                    core=number,
                    select=select,
                    base=0,
                    entries=entries,
                    width=layout.size,
                    fields=fields,
                    slice_bits=(core.weight_slice_bits if name.startswith("weights") else None)
                    or slice_bits_of(name, entries),
                    loaded=core.single_port and name.startswith("weights"),
                )
                regions.append(region)
        for select, (name, (entries, layout)) in enumerate(host_memories(p).items()):
            fields = {str(key): (field.offset, field.width) for key, field in layout}
            regions.append(
                Region(
                    name=f"host.{name}",
                    core=-1,
                    select=select,
                    base=0,
                    entries=entries,
                    width=layout.size,
                    fields=fields,
                )
            )
        # Smallest first keeps the holes between aligned regions small.
        end = CONTROL_WORDS
        placed = {}
        for region in sorted(regions, key=lambda r: r.size):
            base = -(-end // region.size) * region.size
            placed[region.name] = replace(region, base=base)
            end = base + region.size
        self.regions = [placed[region.name] for region in regions]
        self.address_bits = ceil_log2(end)
        self.entry_bits = max(region.words for region in self.regions) * 32

    def __getitem__(self, name: str) -> Region:
        return next(region for region in self.regions if region.name == name)


class Memories:
    """Makes a core's memories, named after it and filled from ``images``, and lets the host at them."""

    def __init__(self, prefix: str, names: Sequence[str], host: wiring.PureInterface, images: Images):
        self.prefix = prefix
        self.names = list(names)
        self.host = host
        self.images = images

    def _make(
        self, kind: type[AnyMemory], name: str, layout: ShapeLike, depth: int, slice_bits: int | None = None
    ) -> AnyMemory:
        name = f"{self.prefix}_{name}"
        return kind(name=name, width=layout, depth=depth, init=self.images.get(name, ()), slice_bits=slice_bits)

    def block(self, name: str, layout: ShapeLike, depth: int, slice_bits: int | None = None) -> BlockMemory:
        return self._make(BlockMemory, name, layout, depth, slice_bits or slice_bits_of(name, depth))

    def weights(self, name: str, layout: ShapeLike, p: CoreParameters) -> BlockMemory:
        """A column of the rows of weights."""
        kind = SinglePortMemory if p.single_port else BlockMemory
        return self._make(kind, name, layout, p.rows, p.weight_slice_bits or slice_bits_of(name, p.rows))

    def table(self, name: str, layout: ShapeLike, depth: int) -> TableMemory:
        return self._make(TableMemory, name, layout, depth)

    def selected(self, name: str) -> Value:
        """The host writes an entry of this memory."""
        return self.host.write & self.host.select[self.names.index(name)]

    def write_data(self, memory: BlockMemory | TableMemory) -> Value:
        """The entry that the host writes: the last words it sent."""
        words = -(-memory.width // 32)
        return self.host.write_data[-32 * words :]

    def address(self, read_address: Value) -> Value:
        """Where to read: where the host says while it holds the core."""
        return Mux(self.host.hold, self.host.address, read_address)

    def lend(self, m: Module, name: str, memory: BlockMemory | TableMemory) -> None:
        """Written by the host alone."""
        m.submodules[name] = memory
        m.d.sync += memory.write.eq(self.selected(name))  # a clock late: memories are many, and far apart
        m.d.comb += [
            memory.write_address.eq(self.host.address),
            memory.write_data.eq(self.write_data(memory)),
        ]

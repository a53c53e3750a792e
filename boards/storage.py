"""What a network's hardware stores: logical bits by what they are of, and the block RAMs that hold them at least.

Logical bits are entries times bits of an entry. Physical block RAM is what synthesis makes of the memories' shapes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from amaranth.hdl import Shape
from amaranth.utils import bits_for

from spikeloom.boards.families import FAMILIES
from spikeloom.boards.tables import bits_of, block_price, in_blocks, rows, tables
from spikeloom.boards.tables import memories as core_memories
from spikeloom.golden.network import Convolution, Dense, Network, OneToOne
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import load_manifest
from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.mapping import Mapping as Mapped
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.memory import slices
from spikeloom.hdl.memory_map import slice_bits_of
from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters

__all__ = [
    "BLOCKS",
    "SINGLE_PORT",
    "SINGLE_PORT_SHAPE",
    "Memory",
    "Stored",
    "block_rams",
    "by_kind",
    "core_blocks",
    "memories",
    "of_folder",
    "of_manifest",
    "single_port_bits",
    "stored",
    "unmapped",
]

#: Memories of these kinds are block RAM; the rest are tables in logic.
BLOCKS = {
    "weights": "weights",
    "kernels": "weights",
    "synapses": "lists of synapses",
    "places": "starts of rows and lists",
    "parameters": "neuron parameters",
    "state": "potentials and other state",
    "lists": "events",
    "sums": "sums",
}
TABLES = "tables"
SINGLE_PORT = "weights in single-port memory"
#: An array of such memory, as (entries, bits).
SINGLE_PORT_SHAPE = (1 << 14, 16)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory of a core: ``entries`` of ``width`` bits."""

    name: str
    entries: int
    width: int
    single_port: bool = False

    @property
    def kind(self) -> str:
        return SINGLE_PORT if self.single_port else _kind(self.name)

    @property
    def bits(self) -> int:
        return self.entries * self.width


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What one projection or population stores.

    kind:   "matrix", "kernel", "one-to-one" or "list" of a projection; "state", "parameters", "sums" (a ring of them)
            or "events" (kept for those who read them) of a population.
    bits:   in all. starts: of these, where the rows or the list of each source neuron begin.
    own:    what the projection's own numbers take: its weights, or each synapse's weight, delay and target.
    numbers: how many those are.
    """

    what: str
    kind: str
    bits: int
    starts: int = 0
    own: int = 0
    numbers: int = 0

    @property
    def about(self) -> str:
        """``the kernel of 'a -> b'``."""
        return f"the {self.kind} of {self.what!r}"


@lru_cache(64)
def memories(p: CoreParameters) -> list[Memory]:
    """Every memory of a core but queues of a few words."""
    found = [
        Memory(
            name=name,
            entries=entries,
            width=width,
            single_port=p.single_port and name.startswith("weights"),
        )
        for name, (entries, width) in core_memories(p).items()
    ]
    found.append(Memory(name="lists", entries=p.list_entries, width=bits_of(entry_layout, p)))
    if s := p.scatter:
        found.append(Memory(name="sums", entries=s.ring_rows, width=s.accumulator_bits * p.lanes))
    return found


def by_kind(parameters: AcceleratorParameters) -> dict[str, int]:
    """Logical bits of a design's memories by kind, the largest first."""
    totals: dict[str, int] = {}
    for core in parameters.cores:
        for memory in memories(core):
            totals[memory.kind] = totals.get(memory.kind, 0) + memory.bits
    totals[TABLES] = totals.get(TABLES, 0) + parameters.host_channels * rows(parameters.cores[0])["channel"]
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def of_manifest(manifest: Mapping[str, Any]) -> dict[str, int]:
    """The same of a folder that was generated, from its manifest alone."""
    mapped = manifest["map"]["memories"]
    shapes = [(SINGLE_PORT if m.get("loaded") else m["name"].split(".")[1], m["entries"], m["width"]) for m in mapped]
    for core in manifest["parameters"]["cores"]:
        shapes += [(name, entries, bits) for name, entries, bits in unmapped(core, manifest["parameters"]["flit"])]
    totals: dict[str, int] = {}
    for name, entries, bits in shapes:
        totals[_kind(name)] = totals.get(_kind(name), 0) + entries * bits
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def of_folder(directory: str | Path) -> tuple[Stored, ...]:
    """:func:`stored` of a folder that was generated."""
    manifest = load_manifest(directory)
    network = Network.load(Path(directory) / manifest["loom"]["file"])
    return stored(map_network(network, Configuration.create(**manifest["configuration"])))


def unmapped(core: Mapping[str, Any], flit: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(name, entries, bits) of the memories of a manifest's core that the host does not see."""
    value_bits = core["value_bits"] if core["value_bits"] > 1 else 0
    found = [("lists", core["list_entries"], bits_for(flit["neurons"]) + value_bits)]
    if s := core["scatter"]:
        found.append(("sums", s["ring_rows"], s["accumulator_bits"] * core["lanes"]))
    return found


@cache
def _kind(name: str) -> str:
    return name if name == SINGLE_PORT else BLOCKS.get(name.rstrip("0123456789"), TABLES)


def block_rams(shapes: Iterable[tuple[int, int]], family: str) -> int:
    """The block RAMs of a family that memories of (entries, bits) become, each by itself."""
    return sum(block_price(entries, bits, FAMILIES[family])[1] for entries, bits in shapes)


def single_port_bits(shapes: Iterable[tuple[int, int]]) -> int:
    """Bits of the whole arrays with one port that hold memories of (entries, bits)."""
    e, b = SINGLE_PORT_SHAPE
    return e * b * sum(-(-entries // e) * -(-bits // b) for entries, bits in shapes)


def core_blocks(p: CoreParameters, family: str) -> dict[str, int]:
    """Block RAMs of a core by memory, cut into arrays as the hardware cuts it; memories side by side are one.

    Tables are among them where the synthesiser makes them block RAM.
    """
    found: dict[str, int] = {}
    for memory in memories(p):
        if memory.kind not in (TABLES, SINGLE_PORT):
            cut = p.weight_slice_bits if memory.name.startswith("weights") else None
            arrays = slices(memory.name, memory.width, cut or slice_bits_of(memory.name, memory.entries))
            count = block_rams([(memory.entries, bits) for _, _, bits in arrays], family)
            name = memory.name.rstrip("0123456789")
            found[name] = found.get(name, 0) + count
    for table in tables(p):
        if count := in_blocks(table, FAMILIES[family]):
            found[table.name] = found.get(table.name, 0) + count
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def stored(mapping: Mapped) -> tuple[Stored, ...]:
    """What each projection and population stores, the largest first."""
    found = [*_projections(mapping), *_populations(mapping)]
    return tuple(sorted(found, key=lambda one: -one.bits))


def _projections(mapping: Mapped) -> Iterable[Stored]:
    places = mapping.by_name
    for r in mapping.readers:
        if r.projection is None:
            continue
        what, synapses = f"{r.source} -> {r.target}", r.projection.synapses
        source, target = places[r.source], places[r.target]
        p = mapping.parameters.cores[target.core]
        if not r.event:
            rows = target.groups(p.lanes) * source.numbers
            own = synapses.weights.size * synapses.bits
            yield Stored(
                what=what,
                kind="matrix",
                bits=rows * p.lanes * p.weight_bits,
                own=own,
                numbers=synapses.weights.size,
            )
            continue
        s, f, tables = p.scatter, mapping.fan_outs[r], Tables(p)
        assert s
        starts = len(f.places["valid"]) * tables.place.size
        if f.listed:
            index = (synapses.shape[1] - 1).bit_length()
            each = synapses.bits + r.projection.shift + f.most_delay.bit_length() + index
            numbers, own, bits, kind = len(f.weights), len(f.weights) * each, tables.synapse.size, "list"
        else:
            kinds = {Dense: "matrix", Convolution: "kernel", OneToOne: "one-to-one"}
            numbers, bits, kind = synapses.weights.size, p.lanes * s.weight_bits, kinds.get(type(synapses), "matrix")
            own = numbers * synapses.bits
        total = len(f.weights) * bits + starts
        yield Stored(what=what, kind=kind, bits=total, starts=starts, own=own, numbers=numbers)


def _populations(mapping: Mapped) -> Iterable[Stored]:
    for place in mapping.places:
        if place.core >= 0:
            p = mapping.parameters.cores[place.core]
            state = place.groups(p.lanes) * p.lanes * Shape.cast(p.neuron.state_layout).width
            sets = place.period(p.lanes) * p.lanes
            yield Stored(what=place.name, kind="state", bits=state)
            yield Stored(what=place.name, kind="parameters", bits=sets * Shape.cast(p.neuron.parameter_layout).width)
        mine = [r for r in mapping.readers if r.source == place.name and r.projection]
        slots = mapping.slots(place.name)
        for core in sorted({mapping.by_name[r.target].core for r in mine}):
            entry = entry_layout(mapping.parameters.cores[core]).size
            yield Stored(what=place.name, kind="events", bits=slots * place.numbers * entry)
    for ring in mapping.rings:
        p = mapping.parameters.cores[mapping.by_name[ring.target].core]
        assert p.scatter
        width = p.lanes * p.scatter.accumulator_bits
        yield Stored(what=ring.target, kind="sums", bits=ring.rows * ring.steps * width)

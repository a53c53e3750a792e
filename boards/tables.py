"""A core's memories of a few words: in logic or LUT RAM, and in block RAM where the synthesiser finds that cheaper."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib.data import Layout

from spikeloom.boards.families import Family
from spikeloom.hdl.event_lists import ring_layout
from spikeloom.hdl.fan_out import EVENTS, event_layout
from spikeloom.hdl.lanes import GROUPS
from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.memory_map import core_memories, host_memories
from spikeloom.hdl.neuron_units import most_results, result_layout
from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters
from spikeloom.hdl.scheduler import clock_layout, group_layout, reader_layout

__all__ = [
    "Table",
    "bits_of",
    "block_price",
    "host_tables",
    "in_blocks",
    "layouts",
    "lut_rams",
    "memories",
    "rows",
    "tables",
]

#: What Yosys' memory_libmap reckons with: a bit in logic costs 1; these are for each bit of a multiplexer, and for each
#: point of what block RAM does not do by itself.
MULTIPLEXER, POINT = 0.5, 2
#: LUT RAM of 16 words of 4 bits.
LUT_RAM_WORDS, LUT_RAM_BITS, LUT_RAM_PRICE = 16, 4, 4
#: Points of a table that is read into a register: to read first what is written in the same clock; likewise what is
#: written to be seen at once; and the register's reset beside the former.
READ_FIRST, FORWARDED, WITH_RESET = 7, 6, 9
#: More of them where the register behind a read port cannot start at 0.
START = 2


#: Of the cores that were asked for last: to make layouts takes longer than all that is done with them.
LATEST = 64
layouts = lru_cache(LATEST)(Tables)


@lru_cache(LATEST)
def memories(p: CoreParameters) -> dict[str, tuple[int, int]]:
    """Of the memories that the host sees, the entries and their bits."""
    return {name: (entries, layout.size) for name, (entries, layout) in core_memories(p, layouts(p)).items()}


@lru_cache(LATEST)
def rows(p: CoreParameters) -> dict[str, int]:
    """Bits of a row of each table."""
    return {name: layout.size for name, layout in vars(layouts(p)).items()}


@lru_cache(16 * LATEST)
def bits_of(layout: Callable[[Any], Layout], p: Any) -> int:
    """Of a layout that such parameters make."""
    return Shape.cast(layout(p)).width


@dataclass(frozen=True, kw_only=True)
class Table:
    """``entries`` of ``bits``.

    points: what a block RAM needs around it; None: its words are read in the same clock. logic: it must be flip-flops.
    """

    name: str
    entries: int
    bits: int
    points: int | None = None
    logic: bool = False


@lru_cache(LATEST)
def tables(p: CoreParameters) -> tuple[Table, ...]:
    """Every table of a core."""
    return tuple(_tables(p))


def _tables(p: CoreParameters) -> Iterator[Table]:
    yield from _scheduled(p)
    tables, entries = rows(p), p.flit.sources
    yield Table(name="sources", entries=entries, bits=tables["source"], points=READ_FIRST)
    yield Table(name="rings", entries=entries, bits=bits_of(ring_layout, p), points=FORWARDED)
    yield Table(name="counts", entries=1 << (p.flit.source_bits + p.slot_bits), bits=p.flit.index_bits)
    logic, results = p.short and not p.single_port, bits_of(result_layout, p)
    if logic and p.flit.value_bits > 1:  # bits that no unit here sends are no flip-flops
        results -= p.units * max(0, p.flit.value_bits - p.neuron.event_shape.width)
    # It is never read where it is being written.
    yield Table(name="results", entries=most_results(p) + 1, bits=results, points=1, logic=logic)
    if not p.alone:
        yield Table(name="destinations", entries=entries, bits=tables["destination"])
    if s := p.scatter:
        yield from _scheduled(p.scatter_core)
        yield Table(name="scatter_rings", entries=s.rings, bits=tables["ring"], points=READ_FIRST)
        yield Table(name="fan_outs", entries=s.projections, bits=tables["fan_out"], points=READ_FIRST)
        yield Table(name="heads", entries=s.rings, bits=s.ring_bits, points=READ_FIRST)
        yield Table(name="scatter_counts", entries=1 << (p.flit.source_bits + p.slot_bits), bits=p.flit.index_bits)
        yield Table(name="events", entries=EVENTS, bits=bits_of(event_layout, p))
        yield Table(name="groups", entries=GROUPS, bits=bits_of(group_layout, p))


def host_tables(p: AcceleratorParameters) -> Iterator[Table]:
    """Those beside the cores."""
    for name, (entries, layout) in host_memories(p, layouts(p.cores[0])).items():
        yield Table(name=name, entries=entries, bits=layout.size)


def _scheduled(p: CoreParameters) -> Iterator[Table]:
    tables = rows(p)
    yield Table(name="populations", entries=p.populations, bits=tables["population"], points=READ_FIRST)
    yield Table(name="projections", entries=p.projections, bits=tables["projection"], points=READ_FIRST)
    yield Table(name="channels", entries=p.channels, bits=tables["channel"], points=READ_FIRST)
    yield Table(name="readers", entries=p.projections, bits=bits_of(reader_layout, p), points=WITH_RESET)
    yield Table(name="clocks", entries=p.populations, bits=clock_layout().size, points=WITH_RESET)


@lru_cache(16 * LATEST)
def block_price(entries: int, bits: int, family: Family) -> tuple[float, int]:
    """What block RAM for an array costs, as Yosys reckons, and how many it takes.

    Words far from each other may be side by side in one that is wide, with a multiplexer behind it.
    """
    found = []
    for depth, width in family.block_shapes:
        turns, byte = -(-entries // depth), min(family.block_byte, width)
        blocks = -(-turns * byte * -(-bits // byte) // width)
        chosen = MULTIPLEXER * ((turns - 1) * bits + turns) if turns > 1 else 0
        found.append((family.block_price * blocks + chosen, blocks))
    return min(found)


def in_blocks(table: Table, family: Family) -> int:
    """The block RAMs that a table becomes; 0 if it stays in logic or LUT RAM."""
    if table.points is None or table.logic:
        return 0
    entries = max(2, table.entries)
    price, blocks = block_price(entries, table.bits, family)
    price += POINT * (table.points + (0 if family.lut_ram else START))
    other = float(entries * table.bits)
    if family.lut_ram:
        turns = -(-entries // LUT_RAM_WORDS)
        other = min(other, LUT_RAM_PRICE * lut_rams(table) + MULTIPLEXER * ((turns - 1) * table.bits + turns) + POINT)
    return blocks if price < other else 0


def lut_rams(table: Table) -> int:
    return -(-table.entries // LUT_RAM_WORDS) * -(-table.bits // LUT_RAM_BITS)

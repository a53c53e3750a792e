"""What a design's logic is made of, from its parameters: mostly bits of registers, by what they are for."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Value
from amaranth.utils import bits_for

from spikeloom.boards.board import Board
from spikeloom.boards.families import FAMILIES, Family
from spikeloom.boards.tables import Table, bits_of, host_tables, in_blocks, layouts, lut_rams, memories, rows, tables
from spikeloom.hdl import neurons
from spikeloom.hdl.core import MEET
from spikeloom.hdl.counters import HELD
from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.kept import Kept, Made, file_hash, key_of
from spikeloom.hdl.layouts import flit_layout
from spikeloom.hdl.neuron_units import result_layout
from spikeloom.hdl.neurons import MODELS
from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters
from spikeloom.hdl.routers.packet import packet_layout
from spikeloom.hdl.routers.topology import Topology
from spikeloom.hdl.scheduler import group_layout, segment_layout

__all__ = ["PARTS", "multipliers", "parts"]

#: What a design is made of, and whether there are flip-flops in it.
PARTS = {
    "link": True,  # from the pins to the accelerator's port
    "core": True,  # what every core has
    "scatter": True,  # what every event-stationary half has
    "sums": True,  # bits of the lanes' sums
    "ring": True,  # bits of a row of the event-stationary half's sums
    "weights": True,  # bits of a row of weights, and of products with an event's value
    "kernels": True,  # the same of the event-stationary half
    "units": True,  # bits of the neuron units' registers
    "arithmetic": False,  # bits of what works on them
    "control": True,  # bits of descriptors, events and addresses in registers
    "lut_rams": False,
    "tables": True,  # bits of memories in flip-flops
    "products": False,  # the widths of multiplications in logic, multiplied
    "routers": True,  # bits of packets
    "switches": False,  # bits from each input of a router to each output
    "counters": False,  # bits, whose registers are among those of control
}
ARITHMETIC = ("add", "sub", "mux", "lt", "eq", "and", "or")
Products = tuple[tuple[int, int], ...]
UNITS = Kept(kind="units", most_bytes=10_000_000)


def parts(p: AcceleratorParameters, board: Board) -> dict[str, int]:
    """How much of each of ``PARTS`` there is."""
    routers, switches = _routers(p)
    counters = len(p.counters) * bits_for(2 * len(p.counters) + HELD - 1)
    n = Counter(link=1, control=counters, routers=routers, switches=switches, counters=counters)
    n.update(_tables(host_tables(p), FAMILIES[board.family]))
    for core in p.cores:
        n.update(_core(core, board))
    return {name: n[name] for name in PARTS}


def multipliers(p: AcceleratorParameters, board: Board) -> int:
    products = Counter(pair for core in p.cores for pair in (*_unit_products(core), *_lane_products(core)))
    return ceil(sum(count * _multipliers(pair, board) for pair, count in products.items()))


def _multipliers(factors: tuple[int, int], board: Board) -> float:
    """Of a multiplication of such widths."""
    return FAMILIES[board.family].multipliers(*factors) if board.resources.dsp else 0


def _core(p: CoreParameters, board: Board) -> Counter[str]:
    family: Family = FAMILIES[board.family]
    cells, _ = _unit(p.model, p.neuron, p.accumulator_bits)
    graded = p.value_bits if p.value_bits > 1 else 0
    sums_wait = p.accumulator_bits * (p.unit_latency - p.neuron.latency)
    words = p.neuron.parameter_layout.size * (not p.short) + p.neuron.state_layout.size * (2 - p.short)
    travelling = 4 + p.units + p.flit.source_bits + p.unit_address_bits
    row = 0 if p.short or not p.rows else 2 * p.weight_bits
    weights = p.lanes * (row + (graded and p.weight_bits + graded))
    unit_products, lane_products = Counter(_unit_products(p)), Counter(_lane_products(p))
    all_products = unit_products + lane_products
    n = Counter(
        core=1,
        sums=p.lanes * p.accumulator_bits,
        weights=weights,
        units=p.units * (cells["dff"] + sums_wait + words) + p.unit_latency * travelling,
        arithmetic=p.units * sum(cells[kind] for kind in ARITHMETIC),
        control=_control(p) + _readback(p),
        products=sum(n * a * b for (a, b), n in all_products.items() if not _multipliers((a, b), board)),
    )
    n.update(_tables(tables(p), family))
    if s := p.scatter:
        n["scatter"] = 1
        n["ring"] = p.lanes * s.accumulator_bits
        n["kernels"] = p.lanes * (s.weight_bits * (2 + bool(s.kernel_rows)) + (graded and s.weight_bits + graded))
        n["control"] += _scatter_control(p)
    if family.own_registers:  # those before and behind a multiplier are its own
        for part, products in (("units", unit_products), ("weights", lane_products)):
            n[part] -= sum(2 * count * (a + b) for (a, b), count in products.items() if _multipliers((a, b), board))
    return n


def _tables(found: Iterable[Table], family: Family) -> Counter[str]:
    n: Counter[str] = Counter()
    for table in found:
        if in_blocks(table, family):
            continue
        if family.lut_ram and not table.logic:
            n["lut_rams"] += lut_rams(table)
        else:
            n["tables"] += table.entries * table.bits
    return n


def _unit_products(p: CoreParameters) -> Products:
    return _unit(p.model, p.neuron, p.accumulator_bits)[1] * p.units


def _lane_products(p: CoreParameters) -> Products:
    """What is multiplied with the values of graded events, and with delays."""
    found: Products = ()
    if p.value_bits > 1 and p.rows:
        found += ((p.weight_bits, p.value_bits),) * p.lanes
    if (s := p.scatter) and p.value_bits > 1:
        found += ((s.weight_bits, p.value_bits),) * p.lanes
    if s and s.max_delay:
        found += ((s.delay_bits, layouts(p).ring["rows"].width),)
    return found


@cache
def _unit(model: str, neuron: Any, accumulator_bits: int) -> tuple[Counter[str], Products]:
    """A neuron unit as Amaranth makes it: bits by kind of cell, and the widths of its multiplications.

    Making it takes longer than all else that an estimate needs.
    """
    fields = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(neuron).items()}
    key = key_of({"model": model, "neuron": fields, "sums": accumulator_bits, "made_with": _made_with()})

    def make(folder: Path) -> Made:
        (folder / "unit.json").write_text(json.dumps(_made(model, neuron, accumulator_bits)), "utf-8")
        return [folder / "unit.json"], {}

    bits, products = UNITS.once(key, make, lambda entry: json.loads((entry / "unit.json").read_text("utf-8")))
    return Counter(bits), tuple((a, b) for a, b in products)


@cache
def _made_with() -> dict[str, str]:
    """The code that units come of."""
    files = [Path(__file__), *Path(neurons.__file__).parent.rglob("*.py")]
    return {file.name: file_hash(file) for file in files} | {"amaranth": version("amaranth")}


def _made(model: str, neuron: Any, accumulator_bits: int) -> tuple[Counter[str], list[tuple[int, int]]]:
    unit = MODELS[model].Unit(neuron, accumulator_bits)
    ports = [Value.cast(port) for port in (unit.sum, unit.first, unit.state, unit.p, unit.o_state, unit.o_value)]
    text = rtlil.convert(unit, name="unit", ports=ports, emit_src=False)
    bits: Counter[str] = Counter()
    products = []
    for kind, body in re.findall(r"cell \$(\w+) [^\n]*\n(.*?)\n  end\n", text, re.DOTALL):
        width = {name: int(value) for name, value in re.findall(r"parameter \\(\w+) (\d+)", body)}
        if kind == "mul":
            products.append((width["A_WIDTH"], width["B_WIDTH"]))
        else:
            bits[kind] += width.get("Y_WIDTH", width.get("WIDTH", 1))
    return bits, products


def _control(p: CoreParameters) -> int:
    """Registers of the event lists, of the scheduler, of the streams and before the weights."""
    t, entry = rows(p), bits_of(entry_layout, p)
    beside_lists = p.lane_latency - p.row_latency - (p.value_bits > 1) + 2 - p.short
    return (
        _scheduler(p)
        + 2 * t["source"]
        + bits_of(segment_layout, p)
        + 3 * bits_of(group_layout, p)
        + 8 * bits_of(flit_layout, p.flit)
        + 3 * bits_of(result_layout, p)
        + p.row_bits * (2 + beside_lists)
        + entry * (1 + beside_lists)
    )


def _scheduler(p: CoreParameters) -> int:
    t = rows(p)
    each = 3 * t["population"] + t["projection"] + t["channel"]
    return each + bits_of(segment_layout, p) + (p.projections + p.channels) * (p.token_bits + 1)


def _scatter_control(p: CoreParameters) -> int:
    """Registers of the event-stationary half, but for its lanes."""
    assert p.scatter
    s, t, graded = p.scatter, rows(p), p.value_bits if p.value_bits > 1 else 0
    row = s.weight_address_bits + s.step_row_bits + p.lane_bits + graded
    return (
        _scheduler(p.scatter_core)
        + bits_of(segment_layout, p.scatter_core)
        + 12 * row  # in the fan-out, and on the way to the ring
        + 16 * s.ring_bits
        + 4 * bits_of(entry_layout, p)
        + t["fan_out"]
        + t["ring"]
        + t["place"]
    )


def _readback(p: CoreParameters) -> int:
    """Registers between the memories and the host."""
    widths = [width for _, width in memories(p).values()]
    met = 0 if p.short else sum(max(widths[k : k + MEET]) for k in range(0, len(widths), MEET))
    return max(widths) + met


def _routers(p: AcceleratorParameters) -> tuple[int, int]:
    """Bits of packets in registers, and from each input to each output."""
    if len(p.cores) == 1:
        return 0, 0
    topology = Topology(kind=p.topology, nodes=1 + len(p.cores))
    events = packet_layout(topology.nodes, flit_layout(p.flit)).size
    bits = events + packet_layout(topology.nodes, p.cores[0].channel_bits, multicast=False).size
    if p.topology == "ring":  # a buffer, a queue and an output
        return 6 * topology.nodes * bits, 2 * topology.nodes * bits
    inputs, outputs = (Counter(getattr(link, end) for link in topology.links) for end in ("end", "start"))
    registers = sum(2 * inputs[name] + outputs[name] for name in topology.routers)
    return registers * bits, sum(inputs[name] * outputs[name] for name in topology.routers) * bits

"""The data sheet's tables as Markdown, made from the code that they describe.

``python docs/data_sheet.py [TABLE ...]`` prints them; the documentation's build puts each where a page says
``<!-- data sheet: TABLE -->``.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, get_args, get_origin

from amaranth.hdl import Shape
from amaranth.lib import data

from spikeloom import api, packaged
from spikeloom.golden import conventions
from spikeloom.golden.network import Network
from spikeloom.hdl import accelerator, core, event_lists, lanes, layouts, memory_map, neuron_units, scheduler, streams
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import Mapping, map_network

__all__ = ["TABLES", "expand", "members", "sheet"]

EXAMPLE = ("digits", Configuration(lanes=16))
MEMBER = re.compile(r"(\w+(?:, \w+)*):\s+(?=\S)")
MARK = re.compile(r"^<!-- data sheet: ([\w-]+) -->$", re.MULTILINE)

#: What the other memories hold is said where their layouts are declared.
MEMORIES = {
    "weights": "Synapse memory: one row is the weights of one source neuron to one group; a memory holds some lanes",
    "parameters": "A word per neuron of this unit: its integers in the [contract](contract.md#the-lif-family)",
    "state": "A word per neuron of this unit: its state after the last step",
    "channels": "One per channel out of this node: how many slots its reader has free after a restart",
}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    lines = [list(map(str, head))]
    lines += [["---"] * len(lines[0]), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: object) -> str:
    return f"`{text}`"


def sentence(text: str) -> str:
    """reStructuredText of a docstring as Markdown."""
    return " ".join(re.sub(r":\w+:`([^`]+)`", r"`\1`", text).replace("``", "`").split())


def members(documented: object) -> dict[str, str]:
    """The members that a docstring describes: lines like ``i: events``, and those that follow them."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in (inspect.getdoc(documented) or "").splitlines():
        if match := MEMBER.match(line):
            names = match[1].split(", ")
            found |= dict.fromkeys(names, line[match.end() :])
        elif line:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            names = []
    return {name: sentence(text).rstrip(".") for name, text in found.items()}


@cache
def network() -> Network:
    chosen = packaged.find(EXAMPLE[0])
    return api.convert(chosen.model, data=chosen.calibration, knobs=conventions.resolve(chosen.convention)).network


@cache
def mapping() -> Mapping:
    return map_network(network(), EXAMPLE[1])


# Tables -----------------------------------------------------------------------------------------------------------


def example() -> str:
    """Of what network and configuration the widths and addresses are."""
    sizes = "-".join(str(network()[name].size) for name in network().order())
    given = ", ".join(f"`{name}` {value}" for name, value in EXAMPLE[1].model_dump().items() if value is not None)
    bits = sorted({projection.synapses.bits for projection in network().projections})
    return (
        f"Widths and addresses below are those of the packaged network `{EXAMPLE[0]}` ({sizes}) with "
        f"{'/'.join(map(str, bits))}-bit weights and the configuration {given}. For any other, `manifest.json` holds "
        "the same numbers."
    )


def port_rows() -> Iterator[tuple[str, str, int, str]]:
    """(name, direction, bits, member of the component) of every port of the Verilog."""
    yield from (("clk", "in", 1, "clk"), ("rst", "in", 1, "rst"))
    top = accelerator.Accelerator(mapping().parameters)
    for path, member, _ in top.signature.flatten(top):
        yield "__".join(map(str, path)), member.flow.name.lower(), Shape.cast(member.shape).width, str(path[0])


def ports() -> str:
    """Every port of the Verilog module."""
    about = members(accelerator.Accelerator)
    about |= {"clk": "the one clock, rising edge", "rst": "reset: synchronous, high"}
    rows, seen = [], set()
    for name, direction, bits, member in port_rows():
        rows.append((code(name), direction, bits, "" if member in seen else about[member]))
        seen.add(member)
    return table(("port", "", "bits", "meaning"), rows)


def fields(layout: data.Layout, notes: dict[str, str]) -> str:
    """The fields of a word."""
    rows = []
    for name, field in layout:
        shape = Shape.cast(field.shape)
        place = field.offset if shape.width == 1 else f"{field.offset + shape.width - 1} … {field.offset}"
        note = "; ".join(filter(None, ["signed" if shape.signed else "", notes.get(str(name), "")]))
        rows.append((code(name), place if shape.width else "none", note))
    if not any(note for _, _, note in rows):
        return table(("field", "bits"), [row[:2] for row in rows])
    return table(("field", "bits", ""), rows)


def flit() -> str:
    """What goes through the streams."""
    layout = layouts.flit_layout(mapping().parameters.flit)
    return f"{sentence(layouts.flit_layout.__doc__)}\n\n{fields(layout, {})}"


def registers() -> str:
    """The registers, at the start of the address map."""
    rows = [
        (address, code(name), bits, access, about)
        for name, (address, bits, access, about) in sorted(memory_map.REGISTERS.items(), key=lambda item: item[1][0])
    ]
    return table(("address", "register", "bits", "", "meaning"), rows)


def memories() -> str:
    """The address map."""
    rows = [
        (code(r.name), f"`0x{r.base:x}`", r.entries, r.width, r.words, r.stride)
        for r in sorted(memory_map.MemoryMap(mapping().parameters).regions, key=lambda r: r.base)
    ]
    return table(("memory", "first address", "entries", "bits", "words", "stride"), rows)


def declarations() -> dict[str, tuple[str, dict[str, str]]]:
    """What the source says beside each layout of :class:`Tables`: of the whole, and of its fields."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    about: list[str] = []
    name = ""
    for line in inspect.getsource(layouts.Tables).splitlines():
        if match := re.match(r"\s*#: (.*)", line):
            about.append(match[1])
        elif match := re.match(r"\s*self\.(\w+) = ", line):
            name = match[1]
            found[name] = (" ".join(about), {})
            about = []
        elif name and (match := re.match(r'\s*"(\w+)":.*# (.*)', line)):
            found[name][1][match[1]] = match[2]
    return found


def words() -> str:
    """What an entry of each memory is made of."""
    said = declarations()
    parts, seen = [], set()
    for name, (_, layout) in memory_map.core_memories(mapping().parameters.cores[0]).items():
        kind = name.rstrip("0123456789")
        if kind in seen:
            continue
        seen.add(kind)
        about, notes = said.get(kind.removesuffix("s"), ("", {}))
        parts.append(f"### {kind}\n\n{about or MEMORIES[kind]}.".replace("..", "."))
        if isinstance(layout, data.ArrayLayout):
            bits = Shape.cast(layout.elem_shape).width
            parts.append(f"{layout.length} weights of {bits} bits, two's complement, the lowest lane lowest.")
        else:
            parts.append(fields(layout, notes))
    return "\n\n".join(parts)


def configuration() -> str:
    """What a designer may choose."""
    about = members(Configuration)
    rows = []
    for name, field in Configuration.model_fields.items():
        meaning = field.description or about[name]
        default = "derived" if field.default is None else code(field.default)
        rows.append((code(name), default, limits(field.annotation, field.metadata), meaning))
    return table(("field", "default", "values", "meaning"), rows)


def limits(kind: Any, metadata: list[Any]) -> str:
    """The values that a field of the configuration takes."""
    choices = [choice for choice in get_args(kind) if isinstance(choice, str)] if get_origin(kind) else []
    bounds = {name: getattr(m, name) for m in metadata for name in ("ge", "le") if hasattr(m, name)}
    return " or ".join(map(code, choices)) or f"{bounds.get('ge', '')} … {bounds.get('le', '')}"


def clocks() -> str:
    """What each component says of its time."""
    rows = []
    for component in (
        core.Core,
        event_lists.EventLists,
        scheduler.Scheduler,
        lanes.Lanes,
        neuron_units.NeuronUnits,
        streams.Buffer,
    ):
        text = inspect.getdoc(component) or ""
        said = [
            sentence(match[0])
            for paragraph in text.split("\n\n")
            for match in re.finditer(r"(?:Latency|Throughput|Clocks per [a-z ]+): .*?\.(?=\s|$)", paragraph, re.DOTALL)
        ]
        if said:
            rows.append((code(component.__name__), " ".join(said)))
    neuron = mapping().parameters.cores[0].neuron
    rows.append((f"{code('lif.Unit')}, of the example", f"One neuron per clock. Latency: {neuron.latency} clocks."))
    return table(("component", "time"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "example": example,
    "ports": ports,
    "flit": flit,
    "registers": registers,
    "memories": memories,
    "words": words,
    "configuration": configuration,
    "clocks": clocks,
}


def sheet(names: Iterable[str] = TABLES) -> str:
    return "\n\n".join(TABLES[name]() for name in names)


def expand(text: str) -> str:
    """A page with every table in its place."""
    return MARK.sub(lambda match: TABLES[match[1]](), text)


if __name__ == "__main__":
    sys.stdout.write(sheet(sys.argv[1:] or TABLES) + "\n")

"""The data sheet's tables as Markdown, made from the code that they describe.

``python docs/data_sheet.py [TABLE ...]`` prints them; the documentation's build puts each where a page says
``<!-- data sheet: TABLE -->``.
"""

import inspect
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, get_args, get_origin

from amaranth.hdl import Shape
from amaranth.lib import data
from amaranth.utils import ceil_log2

from spikeloom import api, packaged
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.driver import frames
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.link import protocol
from spikeloom.boards.link.protocol import BODIES, CHIP_FIELDS, CRC_BYTES, HEADER_BYTES, LONGEST, SEQUENCES, Body, Kind
from spikeloom.boards.link.receiver import Receiver
from spikeloom.boards.soc.page import PAGE
from spikeloom.golden.network import Network
from spikeloom.hdl import (
    accelerator,
    core,
    event_lists,
    fan_out,
    lanes,
    layouts,
    memory_map,
    neuron_units,
    ring,
    scatter,
    scheduler,
    streams,
)
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import Mapping, map_network

__all__ = ["TABLES", "expand", "members", "sheet"]

EXAMPLE = ("digits", Configuration(lanes=16))
#: Networks with what the example lacks: kernels and shared parameters, a list of synapses.
EVENT_EXAMPLES = ("converted-cnn", "motion")
MEMBER = re.compile(r"(\w+(?:, \w+)*):\s+(?=\S)")
MARK = re.compile(r"^<!-- data sheet: ([\w-]+) -->$", re.MULTILINE)

#: What the other memories hold is said where their layouts are declared.
MEMORIES = {
    "weights": "Synapse memory: one row is the weights of one source neuron to one group; a memory holds some lanes",
    "parameters": "A word per neuron of this unit, or per channel where all its places have the same: its integers in "
    "the [contract](contract.md#the-lif-family)",
    "state": "A word per [number](hardware.md#numbers-of-neurons) of this unit: its neuron's state after the last step",
    "kernels": "Weights of the event-stationary half: one row is those of one source channel and tap, or of one source "
    "neuron, to a row of targets; a memory holds some lanes",
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
def network(name: str = EXAMPLE[0]) -> Network:
    chosen = packaged.find(name)
    return api.convert(chosen.model, data=chosen.calibration, knobs=chosen.resolved, read_out=chosen.read_out).network


@cache
def mapping(name: str = EXAMPLE[0]) -> Mapping:
    return map_network(network(name), EXAMPLE[1])


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


def memories(name: str = EXAMPLE[0]) -> str:
    """The address map."""
    rows = [
        (code(r.name), f"`0x{r.base:x}`", r.entries, r.width, r.words, r.stride)
        for r in sorted(memory_map.MemoryMap(mapping(name).parameters).regions, key=lambda r: r.base)
    ]
    return table(("memory", "first address", "entries", "bits", "words", "stride"), rows)


def memories_event() -> str:
    """The address map of a network in the event-stationary order."""
    return memories(EVENT_EXAMPLES[0])


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
    """What an entry of each memory is made of; below the example's, what it has not."""
    said = declarations()
    parts: dict[str, str] = {}
    seen: dict[str, set[str]] = {}
    for example in (EXAMPLE[0], *EVENT_EXAMPLES):
        other = "" if example == EXAMPLE[0] else f" (here of `{example}`)"
        for name, (_, layout) in memory_map.core_memories(mapping(example).parameters.cores[0]).items():
            kind = name.rstrip("0123456789")
            about, notes = said.get(kind.removeprefix("scatter_").removesuffix("s"), ("", {}))
            names = {str(key) for key, _ in layout}
            if kind.startswith("scatter_") and (like := kind.removeprefix("scatter_")) in seen:
                parts[kind] = f"### {kind}\n\nAs `{like}`, of the event-stationary half."
            elif kind in seen:
                for field in [str(key) for key, _ in layout if str(key) not in seen[kind]]:
                    parts[kind] += f"\n\nAlso `{field}`{other}" + (f": {notes[field]}." if field in notes else ".")
            else:
                text = sentence(about or MEMORIES[kind]).rstrip(".")
                parts[kind] = f"### {kind}\n\n{text}{other}.\n\n"
                if isinstance(layout, data.ArrayLayout):
                    bits = Shape.cast(layout.elem_shape).width
                    parts[kind] += f"{layout.length} weights of {bits} bits, two's complement, the lowest lane lowest."
                else:
                    parts[kind] += fields(layout, notes)
            seen[kind] = seen.get(kind, set()) | names
    return "\n\n".join(parts.values())


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
    parts = [choice for part in get_args(kind) for choice in (part, *get_args(part))] if get_origin(kind) else []
    choices = list(dict.fromkeys(code(choice) for choice in parts if isinstance(choice, str)))
    choices += ["a number"] * (int in parts and bool(choices))
    choices += ["a dictionary"] * any(get_origin(part) is dict for part in parts)
    choices += [code("true"), code("false")] * (kind is bool)
    bounds = {name: getattr(m, name) for m in metadata for name in ("ge", "le") if hasattr(m, name)}
    return " or ".join(choices) or f"{bounds.get('ge', '')} … {bounds.get('le', '')}"


def clocks() -> str:
    """What each component says of its time."""
    rows = []
    for component in (
        core.Core,
        event_lists.EventLists,
        scheduler.Scheduler,
        lanes.Lanes,
        neuron_units.NeuronUnits,
        scatter.Scatter,
        fan_out.FanOut,
        ring.Ring,
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


# The host link ----------------------------------------------------------------------------------------------------


def link_rules() -> str:
    """What the protocol's declaration says of itself, but for its first paragraph."""
    _, *paragraphs = (inspect.getdoc(protocol) or "").split("\n\n")
    timeout = f"at least {protocol.TIMEOUT_SECONDS * 1000:g} ms"
    return "\n\n".join(sentence(paragraph).replace("`TIMEOUT_SECONDS`", timeout) for paragraph in paragraphs)


def places(body: Body) -> Iterator[tuple[str, str, str]]:
    """(bytes of the body, field, meaning), from the first."""
    fields = (*(CHIP_FIELDS if from_chip(body.kind) else ()), *body.fields)
    yield "0", code("kind and sequence"), f"{code(f'0x{body.kind:X}n')}: the sequence is n"
    at = HEADER_BYTES
    for field in fields:
        if field.rest:
            size = f"; {field.bytes} bytes each" if (field.bytes or 0) > 1 else ""
            yield f"from {at} on", code(field.name), f"{field.about}{size}"
        else:
            last = at + (field.bytes or 0) - 1
            yield str(at) if last == at else f"{at} … {last}", code(field.name), field.about
            at = last + 1


def from_chip(kind: Kind) -> bool:
    return bool(kind & 8)


def link_kinds() -> str:
    """Every kind of frame, byte by byte."""
    parts = [f"The bits of a kind say what it is. {sentence(Kind.__doc__ or '')}"]
    for way, wanted in (("To the chip", False), ("From the chip", True)):
        rows = []
        for body in BODIES.values():
            if from_chip(body.kind) == wanted:
                name = f"**{body.kind.name}** ({body.kind.value}): {body.about}"
                for place, field, about in places(body):
                    rows.append((name, place, field, about))
                    name = ""
        parts.append(table((way, "bytes", "field", "meaning"), rows))
    return "\n\n".join(parts)


def link_registers() -> str:
    """The link's own page."""
    rows = [
        (code(f"0x{protocol.PAGE | r.address:08x}"), code(r.name), r.access, r.about)
        for r in sorted(protocol.REGISTERS.values(), key=lambda r: r.address)
    ]
    return table(("address", "register", "", "meaning"), rows)


def room(kind: Kind, longest: int) -> int:
    """Bytes that are left for what fills the rest of a body."""
    fields = (*(CHIP_FIELDS if from_chip(kind) else ()), *BODIES[kind].fields)
    return longest - CRC_BYTES - HEADER_BYTES - sum(field.bytes or 0 for field in fields if not field.rest)


def link_limits() -> str:
    """How much goes into a frame, and how many frames are on their way."""
    flit = Shape.cast(layouts.flit_layout(mapping().parameters.flit)).width
    flit_bytes = -(-flit // 8)
    families: dict[tuple[int, int], list[str]] = {}
    for family in FAMILIES.values():
        families.setdefault(family.link_slots, []).append(family.name)
    receivers = {
        ", ".join(FAMILIES[name].title for name in names): Receiver(slots=slots, slot_size=size)
        for (slots, size), names in families.items()
    }
    clocks = [[b.core_hz for b in BOARDS.values() if b.family in names] for names in families.values()]

    def each(value: Callable[[Receiver], object]) -> tuple[object, ...]:
        return tuple(value(receiver) for receiver in receivers.values())

    def same(value: object) -> tuple[object, ...]:
        return (value,) * len(receivers)

    rows = [
        ("version of the protocol", *same(protocol.VERSION)),
        ("sequences count modulo", *same(SEQUENCES)),
        ("`window`: frames of data that the host may be ahead", *each(lambda r: r.window)),
        ("`slot_bytes`: body and CRC of a frame to the chip, at most", *each(lambda r: r.slot_bytes)),
        ("body and CRC of a frame from the chip, at most", *same(LONGEST)),
        (
            "words of a `READ`, at most (its answer must fit, too)",
            *each(lambda r: min(room(Kind.READ, r.slot_bytes), room(Kind.VALUES, LONGEST) // 4)),
        ),
        ("words of a `WRITE` or `LOAD`, at most", *each(lambda r: room(Kind.LOAD, r.slot_bytes) // 4)),
        (
            f"flits of an `EVENTS`, at most (of the example: {flit} bits, so {flit_bytes} bytes each)",
            *each(lambda r: room(Kind.EVENTS, r.slot_bytes) // flit_bytes),
        ),
        ("a frame is cut off by a silence of", *map(silence, clocks)),
    ]
    return table(("", *receivers), rows)


def silence(clocks_hz: list[int]) -> str:
    """From one to two beats of the link, which counts a power of two of clocks; over all of these clocks."""
    beats = [(1 << ceil_log2(int(hz * protocol.TIMEOUT_SECONDS))) / hz * 1000 for hz in clocks_hz]
    return f"{min(beats):.0f} to {2 * max(beats):.0f} ms"


def hexadecimal(data: bytes) -> str:
    return code(data.hex(" ").upper())


def link_example() -> str:
    """Frames as bytes, made by the code that talks to chips."""
    flit = layouts.flit_layout(mapping().parameters.flit)
    size = -(-flit.size // 8)
    given = {"source": 0, "tick": 0, "sequence": 0, "index": 5, "value": 1}
    event = flit.const({name: value for name, value in given.items() if Shape.cast(flit[name].shape).width})
    tick = flit.const({"source": 0, "tick": 1, "sequence": 0, "index": 1})
    flits = b"".join(one.as_bits().to_bytes(size, "little") for one in (event, tick))
    identity = protocol.PAGE | protocol.REGISTERS["identity"].address
    answer = bytes((Kind.VALUES << 4 | 7, 0)) + protocol.IDENTITY.to_bytes(4, "little")
    rows = []
    events = "`EVENTS`, sequence 0: an event of neuron 5, and the tick of the step"
    for about, body in (
        ("`READ` of the register `identity`, sequence 7", frames.body(Kind.READ, 7, address=identity, marks=b"\0")),
        ("its answer `VALUES`, while data frame 0 is expected", answer),
        (events, frames.body(Kind.EVENTS, 0, flits=flits)),
    ):
        whole = frames.encode(body)
        crc = zlib.crc32(body).to_bytes(CRC_BYTES, "little")
        rows.append((about, hexadecimal(body), hexadecimal(crc), hexadecimal(whole)))
    return table(("frame", "body", "CRC", "on the pipe"), rows)


# On a bus ---------------------------------------------------------------------------------------------------------


def axi_page() -> str:
    """The registers beside the accelerator's, and their fields."""
    rows = []
    for register in PAGE.values():
        rows.append((register.address, code(register.name), "", register.access, register.about))
        for field in register.fields:
            place = field.low if field.bits == 1 else f"{field.low + field.bits - 1} … {field.low}"
            rows.append(("", "", place, "", f"{code(field.name)}: {field.about}"))
    return table(("address", "register", "bits", "", "meaning"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "example": example,
    "ports": ports,
    "flit": flit,
    "registers": registers,
    "memories": memories,
    "memories-event": memories_event,
    "words": words,
    "configuration": configuration,
    "link-rules": link_rules,
    "link-kinds": link_kinds,
    "link-registers": link_registers,
    "link-limits": link_limits,
    "link-example": link_example,
    "axi-page": axi_page,
    "clocks": clocks,
}


def sheet(names: Iterable[str] = TABLES) -> str:
    return "\n\n".join(TABLES[name]() for name in names)


def expand(text: str) -> str:
    """A page with every table in its place."""
    return MARK.sub(lambda match: TABLES[match[1]](), text)


if __name__ == "__main__":
    sys.stdout.write(sheet(sys.argv[1:] or TABLES) + "\n")

"""What a generated folder holds for those who build it into something larger: registers, C header, list of files."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.boards.chip import TOP as CHIP_TOP
from spikeloom.boards.chip import chip_verilog
from spikeloom.boards.link.uart import baud_divider, default_baud
from spikeloom.boards.soc.axi import TOP as AXI_TOP
from spikeloom.boards.soc.axi import axi_verilog
from spikeloom.boards.soc.page import PAGE
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.design import Design, built_id, hardware_id
from spikeloom.hdl.folder import add_file

__all__ = ["HOSTS", "Host", "image", "registers_document", "spikeloom_header", "write_handover"]

FORMAT = 2
#: Where nobody says otherwise.
CLOCK_HZ = 100_000_000
#: C compares only so many characters of a name; what a prefix and a suffix add fits too.
LONGEST_NAME = 31
#: Macros that are easier to read as decimal numbers.
COUNT = re.compile(r"_(BITS|CHANNELS|DELAY|ENTRIES|ID|LANES|LOW|PADDED|POSITIONS|SHIFT|SIZE|STRIDE|WORDS)$")


@dataclass(frozen=True, kw_only=True)
class Host:
    """The module that is built in, and its clock, reset and interrupt. page: it has the registers for a bus."""

    top: str
    clock: str
    reset: str
    active: str
    interrupt: str | None = None
    page: bool = False


#: By what the accelerator is reached; None: its own ports.
HOSTS: Mapping[str | None, Host] = {
    None: Host(top="accelerator", clock="clk", reset="rst", active="high"),
    "axi": Host(top=AXI_TOP, clock="aclk", reset="aresetn", active="low", interrupt="interrupt", page=True),
    **dict.fromkeys(("uart", "spi", "bytes"), Host(top=CHIP_TOP, clock="clk", reset="rst", active="high")),
}


def write_handover(
    folder: str | Path,
    manifest: dict[str, Any],
    host: str | None = None,
    *,
    clock_hz: int | None = None,
    baud: int | None = None,
) -> list[str]:
    """Write ``registers.json``, ``spikeloom.h`` and ``files.f`` into a generated folder; returns their names.

    host: one of :data:`HOSTS`; but for None, also the Verilog of its module, around the accelerator's.
    clock_hz, baud: of the chip and its UART.
    """
    if host not in HOSTS:
        raise Refusal(f"There is no host {host!r}; use one of {', '.join(map(str, HOSTS))}")
    folder = Path(folder)
    network = Network.load(folder / manifest["loom"]["file"])
    document = registers_document(manifest, network, host)
    contents = {
        "registers.json": json.dumps(document, indent=1) + "\n",
        "spikeloom.h": spikeloom_header(document),
        "files.f": "\n".join(document["files"]) + "\n",
    }
    if host == "axi":
        contents[f"{AXI_TOP}.v"] = axi_verilog(manifest)
    elif host is not None:
        clock_hz = clock_hz or CLOCK_HZ
        divider = baud_divider(clock_hz, baud or default_baud(clock_hz)) if host == "uart" else 8
        contents[f"{CHIP_TOP}.v"] = chip_verilog(manifest, pipe=host, clock_hz=clock_hz, divider=divider)
    for name, content in contents.items():
        (folder / name).write_text(content, "utf-8" if name.endswith(".json") else "ascii")
        add_file(folder / name)
    return list(contents)


def image(design: Design) -> bytes:
    """A network for a CPU to load, 32-bit words, little endian: of each memory that has contents its first address,
    its entries, words per entry and stride, then the words. Before these the same of what makes the hardware stand
    still, of which the last is a restart: behind each part wait until the hardware is idle."""
    parts = []

    def add(memory: Mapping[str, Any], words: np.ndarray) -> None:
        parts.extend([np.array([memory[key] for key in ("base", "entries", "words", "stride")]), words.ravel()])

    for name, words in design.still.items():
        add(design.memories[name], words)
    add({"base": design.registers["control"], "entries": 1, "words": 1, "stride": 1}, np.ones(1, np.uint32))
    for name, memory in design.memories.items():
        words = design.contents(name)
        if len(words):
            add(memory, words)
    return np.concatenate(parts).astype("<u4").tobytes()


def registers_document(manifest: dict[str, Any], network: Network, host: str | None) -> dict[str, Any]:
    """All that software and tools need to know, as JSON. Addresses count 32-bit words; on a bus, four bytes each."""
    about, where = HOSTS[host], manifest["map"]
    files = [manifest["verilog"]["file"]]
    if about.top != manifest["verilog"]["top"]:
        files = [f"{about.top}.v", *files]
    base = 1 << where["address_bits"]
    registers = [
        {"name": name, **register, "fields": []}
        for name, register in sorted(where["registers"].items(), key=lambda item: item[1]["address"])
    ]
    if about.page:
        for register in PAGE.values():
            fields = [{"name": f.name, "low": f.low, "bits": f.bits, "about": f.about} for f in register.fields]
            entry = {"name": f"page_{register.name.removeprefix('page_')}", "address": base + register.address}
            registers.append(
                {**entry, "bits": 32, "access": register.access, "about": register.about, "fields": fields}
            )
    return {
        "format": FORMAT,
        "spikeloom": manifest["spikeloom"],
        "network": built_id(manifest),
        "hardware": hardware_id(manifest),
        "top": about.top,
        "files": files,
        "images": sorted(manifest["images"]),
        "clock": {"port": about.clock, "edge": "rising"},
        "reset": {"port": about.reset, "active": about.active, "synchronous": True},
        "interrupt": about.interrupt and {"port": about.interrupt, "active": "high", "kind": "level"},
        "host": host,
        "address_bits": where["address_bits"] + about.page,
        "bytes_per_word": 4,
        "registers": registers,
        "memories": [
            {
                **{key: memory[key] for key in ("name", "base", "entries", "words", "stride", "width")},
                "access": "rw",
                "fields": [{"name": name, "low": low, "bits": bits} for name, (low, bits) in memory["fields"].items()],
            }
            for memory in where["memories"]
        ],
        "flit": {
            "bits": manifest["flit"]["width"],
            "fields": [
                {"name": name, "low": low, "bits": bits} for name, (low, bits) in manifest["flit"]["fields"].items()
            ],
        },
        "sources": [
            {key: source[key] for key in ("name", "id", "observed", "size", "channels", "padded", "value_bits", "role")}
            | {"output": source.get("share", {}).get("population", source["name"]) == network.output}
            | {key: source[key] for key in ("share",) if key in source}
            for source in manifest["sources"]
        ],
        "output_delay": network.output_delay,
        "read_out": network.read_out,
    }


# The C header ------------------------------------------------------------------------------------------------------


class _Names:
    """Identifiers that C and C++ accept, each given once, whatever the text is that they are made of."""

    def __init__(self) -> None:
        self.given: set[str] = set()

    def of(self, text: str) -> str:
        stem = re.sub(r"[^A-Z0-9]+", "_", text.upper().encode("ascii", "replace").decode()).strip("_") or "UNNAMED"
        stem = stem[:LONGEST_NAME].strip("_")
        name, number = stem, 1
        while name in self.given:
            number += 1
            name = f"{stem}_{number}"
        self.given.add(name)
        return name


def _comment(text: str) -> str:
    """Of a text from anywhere, what can neither end a comment nor continue a line."""
    safe = re.sub(r"[^A-Za-z0-9 _.,:;()+=<>|'*-]", "_", text)
    return f"/* {safe} */"


def _macros(rows: Iterable[tuple[str, int]]) -> str:
    return "\n".join(
        f"#define SPIKELOOM_{name} {int(value)}u"
        if COUNT.search(name)
        else f"#define SPIKELOOM_{name} {int(value):#x}u"
        for name, value in rows
    )


def _registers(document: Mapping[str, Any]) -> Iterator[str]:
    names = _Names()
    for register in document["registers"]:
        name = names.of(register["name"])
        yield _comment(f"{register['access']}: {register['about']}")
        rows = [(f"REG_{name}", register["address"])]
        for field in register["fields"]:
            at = f"{name}_{_Names().of(field['name'])}"
            rows += [(f"{at}_SHIFT", field["low"]), (f"{at}_MASK", ((1 << field["bits"]) - 1) << field["low"])]
        yield _macros(rows)


def _memories(document: Mapping[str, Any]) -> Iterator[str]:
    names = _Names()
    for memory in document["memories"]:
        name = f"MEM_{names.of(memory['name'])}"
        yield _comment(f"{memory['name']}: {memory['width']} bits per entry")
        rows = [(f"{name}_{key.upper()}", memory[key]) for key in ("base", "entries", "words", "stride")]
        fields = memory["fields"]
        if all(field["name"].isdecimal() for field in fields):  # an array
            rows += [(f"{name}_LANES", len(fields)), (f"{name}_LANE_BITS", fields[0]["bits"] if fields else 0)]
        else:
            inner = _Names()
            for field in fields:
                at = f"{name}_{inner.of(field['name'])}"
                rows += [(f"{at}_LOW", field["low"]), (f"{at}_BITS", field["bits"])]
        yield _macros(rows)


def _numbers(name: str, source: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for key in ("id", "observed", "size", "channels"):
        yield f"{name}_{key.upper()}", source[key]
    yield f"{name}_POSITIONS", source["size"] // source["channels"]
    yield f"{name}_PADDED", source["padded"]


def _sources(document: Mapping[str, Any]) -> Iterator[str]:
    names, observed = _Names(), 0
    for source in document["sources"]:
        yield _comment(f"{source['name']} ({source['role']})")
        yield _macros(_numbers(f"SOURCE_{names.of(source['name'])}", source))
        observed |= (source["role"] == "neurons") << source["observed"]
    yield _comment("the input, the output, and what observe has to be for all populations of neurons")
    chosen = {
        "INPUT": next(source for source in document["sources"] if source["role"] == "input"),
        "OUTPUT": next(source for source in document["sources"] if source["output"]),
    }
    yield _macros(
        [row for kind, source in chosen.items() for row in _numbers(kind, source)]
        + [("OBSERVE_ALL", observed), ("OBSERVE_OUTPUT", 1 << chosen["OUTPUT"]["observed"])]
    )
    yield _comment("steps by which the answer comes later than the output's events")
    yield _macros([("OUTPUT_DELAY", document["output_delay"])])


def _flit(document: Mapping[str, Any]) -> str:
    flit = document["flit"]
    kind = "uint32_t" if flit["bits"] <= 32 else "uint64_t"
    names = _Names()
    rows = []
    for field in flit["fields"]:
        at = f"FLIT_{names.of(field['name'])}"
        rows += [(f"{at}_SHIFT", field["low"]), (f"{at}_BITS", field["bits"])]
    signed = next(field["bits"] for field in flit["fields"] if field["name"] == "value") > 1
    get = "((uint32_t)(flit >> SPIKELOOM_FLIT_{0}_SHIFT) & SPIKELOOM_LOW_BITS(SPIKELOOM_FLIT_{0}_BITS))"
    put = "((spikeloom_flit)({1} & SPIKELOOM_LOW_BITS(SPIKELOOM_FLIT_{0}_BITS)) << SPIKELOOM_FLIT_{0}_SHIFT)"
    value = get.format("VALUE")

    def joined(**values: str) -> str:
        return "\n        | ".join(put.format(name, value) for name, value in values.items())

    functions = [
        (
            "An event of a neuron of the input.",
            "spikeloom_flit spikeloom_event(uint32_t neuron, int32_t value)",
            joined(
                SOURCE="SPIKELOOM_INPUT_ID",
                INDEX="spikeloom_number(neuron, SPIKELOOM_INPUT_POSITIONS, SPIKELOOM_INPUT_PADDED)",
                VALUE="(uint32_t)value",
            ),
        ),
        (
            "The end of a step of the input, which had so many events; steps count from the restart.",
            "spikeloom_flit spikeloom_tick(uint32_t step, uint32_t events)",
            joined(SOURCE="SPIKELOOM_INPUT_ID", TICK="1u", SEQUENCE="step", INDEX="events"),
        ),
        ("Of a flit that came:", "int spikeloom_is_tick(spikeloom_flit flit)", f"(int){get.format('TICK')}"),
        ("", "uint32_t spikeloom_source(spikeloom_flit flit)", get.format("SOURCE")),
        ("", "uint32_t spikeloom_sequence(spikeloom_flit flit)", get.format("SEQUENCE")),
        (
            "A neuron's number in hardware, or the events of a tick.",
            "uint32_t spikeloom_index(spikeloom_flit flit)",
            get.format("INDEX"),
        ),
        (
            "",
            "int32_t spikeloom_value(spikeloom_flit flit)",
            f"spikeloom_signed({value}, SPIKELOOM_FLIT_VALUE_BITS)" if signed else f"(int32_t){value}",
        ),
    ]
    text = [f"typedef {kind} spikeloom_flit;", _NUMBERS, _macros([("FLIT_BITS", flit["bits"]), *rows])]
    for about, head, body in functions:
        text.append((_comment(about) + "\n" if about else "") + f"static inline {head} {{\n    return {body};\n}}")
    return "\n\n".join(text)


_NUMBERS = """\
/* Flits and the memories of states have their own numbers: neuron c * POSITIONS + p, which is channel c at position p,
 * is p * PADDED + c there. No neuron has one with a c of CHANNELS or more. With one position, both are the same. */
static inline uint32_t spikeloom_number(uint32_t neuron, uint32_t positions, uint32_t padded) {
    return neuron % positions * padded + neuron / positions;
}

/* The neuron that has a number. */
static inline uint32_t spikeloom_neuron(uint32_t number, uint32_t positions, uint32_t padded) {
    return number % padded * positions + number / padded;
}"""


_ENTRIES = """\
/* The low bits of a number, 1 to 32. */
#define SPIKELOOM_LOW_BITS(bits) (0xffffffffu >> (32u - (bits)))
/* Where a word is on a bus of bytes. */
#define SPIKELOOM_BYTES(address) (4u * (address))

/* The lowest bits (1 to 32) of a word as a number with a sign. */
static inline int32_t spikeloom_signed(uint32_t word, unsigned bits) {
    uint32_t sign = 1u << (bits - 1u), low = word & SPIKELOOM_LOW_BITS(bits);
    return low & sign ? -(int32_t)(~(low | ~SPIKELOOM_LOW_BITS(bits))) - 1 : (int32_t)low;
}

/* A field of 1 to 32 bits of an entry, which may lie across two of its words. */
static inline uint32_t spikeloom_field(const uint32_t *entry, unsigned low, unsigned bits) {
    unsigned word = low / 32u, shift = low % 32u;
    uint64_t both = entry[word];
    if (shift + bits > 32u) both |= (uint64_t)entry[word + 1u] << 32;
    return (uint32_t)(both >> shift) & SPIKELOOM_LOW_BITS(bits);
}

static inline void spikeloom_set_field(uint32_t *entry, unsigned low, unsigned bits, uint32_t value) {
    unsigned word = low / 32u, shift = low % 32u;
    uint64_t mask = (uint64_t)SPIKELOOM_LOW_BITS(bits) << shift;
    uint64_t put = ((uint64_t)value << shift) & mask;
    entry[word] = (entry[word] & ~(uint32_t)mask) | (uint32_t)put;
    if (shift + bits > 32u)
        entry[word + 1u] = (entry[word + 1u] & ~(uint32_t)(mask >> 32)) | (uint32_t)(put >> 32);
}"""


def spikeloom_header(document: Mapping[str, Any]) -> str:
    """The C header of a document of :func:`registers_document`, for C99 and C++11."""
    ids = _macros([("NETWORK", document["network"]), ("HARDWARE", document["hardware"])])
    clock, reset, interrupt = document["clock"], document["reset"], document["interrupt"]
    about = (
        f"Module {document['top']}: clock {clock['port']}, rising edge; reset {reset['port']}, active "
        f"{reset['active']}, synchronous; "
        + (f"interrupt {interrupt['port']}, level, active high" if interrupt else "no interrupt")
    )
    return "\n\n".join(
        [
            "/* Generated by Spikeloom. */",
            "#ifndef SPIKELOOM_H\n#define SPIKELOOM_H\n\n#include <stdint.h>",
            "\n".join([_comment(about), _comment("hashes of the network and of the hardware that holds it"), ids]),
            "/* Addresses count 32-bit words. */\n" + "\n".join(_registers(document)),
            "/* Entry k of a memory is at BASE + k * STRIDE. Its words are written in order; the last writes it. */\n"
            + "\n".join(_memories(document)),
            "\n".join(_sources(document)),
            _ENTRIES,
            _flit(document),
            "#endif\n",
        ]
    )

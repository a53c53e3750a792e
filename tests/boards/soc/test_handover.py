"""What integrators get: its names survive any network, and C agrees with the manifest about every number."""

import json
import re
import subprocess
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import small
from spikeloom.boards.soc.handover import image, write_handover
from spikeloom.boards.soc.page import PAGE
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.folder import CONTENTS
from spikeloom.hdl.generate import generate

FLAGS = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion"]
HOSTILE = [
    "a*/ int x; /*",
    "a_size",
    "A",
    "a",
    "a 2",
    "a_2",
    "ünïcode",
    "日本",
    "9\\",
    "??/",
    '"; #error',
    "__x__",
    "y" * 150,
]


def compiled(folder, source, language):
    path = folder / f"program.{language}"
    path.write_text(source)
    compiler = ["gcc", "-std=c99"] if language == "c" else ["g++", "-std=c++11"]
    subprocess.run([*compiler, *FLAGS, "-o", folder / language, path], check=True)
    return subprocess.run([folder / language], check=True, capture_output=True, text=True).stdout


def renamed(network, names):
    """The same network with other names."""
    new = dict(zip((p.name for p in network.populations), names, strict=True))
    return Network(
        populations=[replace(p, name=new[p.name]) for p in network.populations],
        projections=[replace(p, source=new[p.source], target=new[p.target]) for p in network.projections],
        output=new[network.output],
    )


@pytest.mark.parametrize("host", [None, "axi"])
def test_files(tmp_path, host):
    manifest = generate(small.network(), Configuration(lanes=2), tmp_path / "design")
    names = write_handover(tmp_path / "design", manifest, host)
    document = json.loads((tmp_path / "design" / "registers.json").read_text())
    assert set(names) == {"registers.json", "spikeloom.h", "files.f"} | ({"accelerator_axi.v"} if host else set())
    assert set(names) < set((tmp_path / "design" / CONTENTS).read_text().splitlines())
    files = (tmp_path / "design" / "files.f").read_text().split()
    assert files == document["files"] == (["accelerator_axi.v"] if host else []) + ["accelerator.v"]
    assert f"module {document['top']}(" in (tmp_path / "design" / files[0]).read_text()
    assert all((tmp_path / "design" / name).exists() for name in [*files, *document["images"]])
    assert document["reset"]["active"] == ("low" if host else "high")
    assert len(document["registers"]) == 6 + (len(PAGE) if host else 0)
    addresses = [register["address"] for register in document["registers"]]
    assert len(set(addresses)) == len(addresses) and max(addresses) < 1 << document["address_bits"]
    generate(small.network(), Configuration(lanes=2), tmp_path / "design")  # may be replaced


def test_an_unknown_host(tmp_path):
    with pytest.raises(Refusal, match=r"^There is no host 'usb'; use one of None, axi, uart, spi, bytes$"):
        write_handover(tmp_path, {}, "usb")


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_c_agrees_with_the_manifest(tmp_path, language):
    folder = tmp_path / "design"
    manifest = generate(small.network(sizes=(12, 21, 10)), Configuration(lanes=2), folder)
    write_handover(folder, manifest, "axi")
    document = json.loads((folder / "registers.json").read_text())
    macros = dict(re.findall(r"#define (SPIKELOOM_\w+) (\w+)u$", (folder / "spikeloom.h").read_text(), re.MULTILINE))
    for register in document["registers"]:
        assert int(macros[f"SPIKELOOM_REG_{register['name'].upper()}"], 0) == register["address"]
    for memory in document["memories"]:
        name = f"SPIKELOOM_MEM_{memory['name'].upper().replace('.', '_')}"
        for key in ("base", "entries", "words", "stride"):
            assert int(macros[f"{name}_{key.upper()}"], 0) == memory[key]
    flit = Design(folder).flit
    lines = [f'printf("%lu\\n", (unsigned long){name});' for name in macros]
    lines += [f'printf("%lu\\n", (unsigned long)spikeloom_event({i}u, 1));' for i in range(12)]
    lines += [f'printf("%lu\\n", (unsigned long)spikeloom_tick({s}u, {n}u));' for s, n in product(range(6), (0, 12))]
    body = '#include <stdio.h>\n#include "design/spikeloom.h"\nint main(void) {\n' + "\n".join(lines)
    said = [int(line) for line in compiled(tmp_path, body + "\nreturn 0;\n}\n", language).split()]
    expected = [int(value, 0) for value in macros.values()]
    expected += [int(flit.pack(source=0, index=i, value=1)) for i in range(12)]
    expected += [int(flit.pack(source=0, tick=1, sequence=s % 4, index=n)) for s, n in product(range(6), (0, 12))]
    assert said == expected and len(macros) > 100


NUMBERS = """
#include <stdio.h>
#include "design/spikeloom.h"
int main(void) {
    uint32_t neuron;
    for (neuron = 0; neuron < SPIKELOOM_SOURCE_LAYER1_SIZE; neuron++) {
        uint32_t number =
            spikeloom_number(neuron, SPIKELOOM_SOURCE_LAYER1_POSITIONS, SPIKELOOM_SOURCE_LAYER1_PADDED);
        printf("%lu %lu\\n", (unsigned long)number, (unsigned long)spikeloom_neuron(
            number, SPIKELOOM_SOURCE_LAYER1_POSITIONS, SPIKELOOM_SOURCE_LAYER1_PADDED));
    }
    for (neuron = 0; neuron < SPIKELOOM_INPUT_SIZE; neuron++)
        printf("%lu\\n", (unsigned long)spikeloom_index(spikeloom_event(neuron, 1)));
    return SPIKELOOM_SOURCE_LAYER1_CHANNELS != 5 || SPIKELOOM_OUTPUT_PADDED != SPIKELOOM_OUTPUT_CHANNELS;
}
"""


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_numbers_in_hardware(tmp_path, language):
    """Channels side by side, of the input and of a population: the manifest says so."""
    folder = tmp_path / "design"
    manifest = generate(small.network(sizes=(12, 20, 3)), Configuration(lanes=2), folder)
    numbered = {"in": {"channels": 3, "padded": 4}, "layer1": {"channels": 5, "padded": 6}}
    manifest["sources"] = [source | numbered.get(source["name"], {}) for source in manifest["sources"]]
    write_handover(folder, manifest, "axi")
    document = json.loads((folder / "registers.json").read_text())
    assert [(s["channels"], s["padded"]) for s in document["sources"]] == [(3, 4), (5, 6), (3, 3)]
    said = compiled(tmp_path, NUMBERS, language).splitlines()
    layer = [f"{p * 6 + c} {c * 4 + p}" for c in range(5) for p in range(4)]
    assert said == layer + [str(p * 4 + c) for c in range(3) for p in range(4)]


FIELDS = """
#include <stdio.h>
#include "design/spikeloom.h"
int main(void) {
    uint32_t entry[3];
    unsigned low, bits, wrong = 0, cases = 0;
    for (low = 0; low < 64; low++)
        for (bits = 1; bits <= 32 && low + bits <= 96; bits++, cases++) {
            uint32_t value = 0x9e3779b9u * (low * 33u + bits) & SPIKELOOM_LOW_BITS(bits);
            entry[0] = entry[1] = entry[2] = 0xffffffffu;
            spikeloom_set_field(entry, low, bits, value);
            wrong += spikeloom_field(entry, low, bits) != value;
            if (low) wrong += spikeloom_field(entry, low - 1u, 1) != 1u;
            if (low + bits < 96) wrong += spikeloom_field(entry, low + bits, 1) != 1u;
            wrong += spikeloom_signed(value, bits) != (int32_t)((int64_t)value -
                     (value >> (bits - 1u) & 1u ? (int64_t)1 << bits : (int64_t)0));
        }
    FLITS
    printf("%u %u\\n", cases, wrong);
    return 0;
}
"""


def test_fields_of_entries_and_of_wide_flits(tmp_path):
    """Values with a sign, and flits of more than 32 bits, which no small network has: the manifest says so."""
    manifest = generate(small.network(), Configuration(lanes=2), tmp_path / "design")
    fields = {"source": [0, 2], "tick": [2, 1], "sequence": [3, 2], "index": [5, 21], "value": [26, 16]}
    manifest["flit"] = {"width": 42, "fields": fields}
    write_handover(tmp_path / "design", manifest, "axi")
    checks = "".join(
        f"{{ spikeloom_flit f = spikeloom_event({index}u, {value}); cases++;\n"
        f"wrong += spikeloom_index(f) != {index}u || spikeloom_value(f) != {value} || spikeloom_is_tick(f)"
        f" || f >> 26 != (uint16_t){value}; }}\n"
        for index, value in ((0, -32768), (2097151, 32767), (7, -1), (1 << 20, 5))
    )
    cases, wrong = compiled(tmp_path, FIELDS.replace("FLITS", checks), "c").split()
    assert int(cases) == 64 * 32 + 4 and int(wrong) == 0


def test_hostile_names(tmp_path):
    sizes = [3] * len(HOSTILE)
    network = renamed(small.network(sizes=sizes), HOSTILE)
    manifest = generate(network, Configuration(lanes=2), tmp_path / "design")
    write_handover(tmp_path / "design", manifest, "axi")
    text = (tmp_path / "design" / "spikeloom.h").read_text("ascii")
    names = re.findall(r"#define (\w+)", text)
    assert len({name[:63] for name in names}) == len(names), "also for a compiler that compares 63 characters"
    assert not any("__" in name for name in names)
    for k in range(len(HOSTILE)):
        assert len(re.findall(rf"_ID {k}u$", text, re.MULTILINE)) >= 1
    program = '#include "design/spikeloom.h"\nint main(void) { return (int)(SPIKELOOM_INPUT_SIZE - 3u); }\n'
    for language in ("c", "cpp"):
        compiled(tmp_path, program, language)


def test_an_image_holds_every_memory_that_is_filled(tmp_path):
    generate(small.network(), Configuration(lanes=2), tmp_path / "design")
    design = Design(tmp_path / "design")
    words = np.frombuffer(image(design), "<u4")
    seen, at = [], 0
    while at < len(words):
        base, entries, count, stride = words[at : at + 4].tolist()
        contents = words[at + 4 : at + 4 + entries * count].reshape(entries, count)
        at += 4 + entries * count
        if base == design.registers["control"]:
            assert (contents == [[1]]).all()
            seen.append("restart")
            continue
        [memory] = (m for m in design.memories.values() if m["base"] == base)
        assert (entries, count, stride) == (memory["entries"], memory["words"], memory["stride"])
        assert (contents == (0 if "restart" not in seen else design.contents(memory["name"]))).all()
        seen.append(memory["name"])
    filled = [name for name, memory in design.memories.items() if memory["images"]]
    assert seen == ["core0.projections", "restart", *filled]


def test_the_compiler_would_find_a_name_given_twice(tmp_path):
    """A check of the checks above."""
    (tmp_path / "design").mkdir()
    (tmp_path / "design" / "spikeloom.h").write_text("#define A 1\n#define A 2\n")
    with pytest.raises(subprocess.CalledProcessError):
        compiled(tmp_path, '#include "design/spikeloom.h"\nint main(void) { return 0; }\n', "c")

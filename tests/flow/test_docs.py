"""The documents: what they point to is there, and what they say of ports, registers and commands is so."""

import ast
import contextlib
import importlib.util
import io
import json
import re
import runpy
import shlex
import sys
import zlib
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import typer

import spikeloom
from spikeloom import cli, packaged
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.driver import frames
from spikeloom.boards.link import protocol
from spikeloom.boards.soc.page import PAGE
from spikeloom.hdl import generate, memory_map
from spikeloom.hdl.configuration import Configuration

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BOARD_PAGES = sorted((ROOT / "docs/boards").glob("*.md"))
DOCUMENTS = [ROOT / "README.md", *PAGES, *BOARD_PAGES]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Lanes, cores and stalls of the demo's board.
DEMO = (16, "shared", False)
#: Folders of one machine: what a page may not name.
MACHINE = re.compile(r"(?<![\w.~*])/(?:home|root|work|tmp|Users|opt|mnt|srv|var)/[\w.-]+")


def beside_the_pages(name: str):
    """A module of ``docs``."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data_sheet():
    return beside_the_pages("data_sheet")


# Links ------------------------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The anchors that a code host makes of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def broken(path: Path, text: str) -> list[str]:
    """Relative links and pictures of a document that lead nowhere."""
    lost = []
    for link in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.is_file() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            lost.append(link)
    return lost


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    assert broken(path, path.read_text("utf-8")) == []


def test_the_link_check_sees_faults():
    text = (
        "[a](README.md) [b](docs/nothing.md) ![c](docs/nothing.svg) [d](docs/contract.md#the-lif-family)\n"
        "[e](docs/contract.md#nothing) [f](https://neuroir.org) [g](docs/contract.md#here)\n"
        "```\n# There [h](no)\n```\n[i](docs/contract.md#projections) [j](docs/contract.md#tokens)"
    )
    assert broken(ROOT / "planted.md", text) == [
        "docs/nothing.md",
        "docs/nothing.svg",
        "docs/contract.md#nothing",
        "docs/contract.md#here",
        "docs/contract.md#tokens",
    ]
    assert anchors("# Here, `now`: it's\n```\n# There\n```\n") == {"here-now-its"}


def test_every_page_is_on_the_first_one():
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```", (ROOT / "docs/index.md").read_text(), re.MULTILINE | re.DOTALL)
    listed = [line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")]
    assert sorted([*listed, "index"]) == [page.stem for page in PAGES]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_machine(path):
    assert MACHINE.findall(path.read_text("utf-8")) == []


def test_the_machine_check_sees_a_fault():
    assert MACHINE.findall("in /home/me/x, not ~/.cache/spikeloom or docs/results/x") == ["/home/me"]


# Commands ---------------------------------------------------------------------------------------------------------


def commands(text: str) -> list[list[str]]:
    """Every call of ``spikeloom`` in blocks of commands, and in code within the text."""
    lines = [
        line
        for kind, block in FENCE.findall(text)
        if kind in ("", "sh", "console")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    lines += re.findall(r"`(spikeloom [^`]*)`", FENCE.sub("", text))
    return [
        shlex.split(line, comments=True)[1:]
        for line in (line.strip().removeprefix("$ ") for line in lines)
        if line.startswith("spikeloom ") and "..." not in line
    ]


def wrong(words: list[str]) -> str | None:
    """What the command line would say against this call; None if it would start."""
    program = typer.main.get_command(cli.app)
    if words[0].startswith("-"):
        known = {flag for parameter in program.params for flag in parameter.opts} | {"--help"}
        return None if set(words) <= known else f"no such option in {words}"
    command = program.commands.get(words[0])
    if command is None:
        return f"no such command {words[0]}"
    if words[1:] == ["--help"]:
        return None
    try:
        command.make_context(words[0], words[1:], resilient_parsing=False)
    except Exception as error:  # whichever usage error this version of typer has
        # A command that is named with some of its options is no call.
        if "Missing" in type(error).__name__:
            return None
        return str(getattr(error, "message", error))
    return None


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_are_as_written(path):
    for words in commands(path.read_text("utf-8")):
        assert wrong(words) is None, words


def test_the_command_check_sees_faults():
    text = "```sh\nspikeloom verify x.loom --data y --quickly  # now\n```\n`spikeloom fly` `spikeloom verify --bulk`"
    found = commands(text)
    assert [words[0] for words in found] == ["verify", "fly", "verify"]
    assert "--quickly" in wrong(found[0])
    assert "fly" in wrong(found[1])
    assert wrong(found[2]) is None
    assert wrong(["--version"]) is None
    assert wrong(["--nothing"])
    assert wrong(["verify", "x.loom", "--data", "y", "--simulator", "verilogger"])
    assert len(commands((ROOT / "README.md").read_text())) >= 12


def test_every_command_is_in_the_reference():
    names = {command.name for command in cli.app.registered_commands}
    shown = {words[0] for words in commands((ROOT / "docs/commands.md").read_text()) if words[1:] == ["--help"]}
    assert shown == names
    listed = {words[0] for words in commands((ROOT / "README.md").read_text())}
    assert listed >= names


def test_every_public_name_is_in_the_reference():
    shown = set(re.findall(r"^\.\. auto\w+:: spikeloom\.(\w+)$", (ROOT / "docs/python.md").read_text(), re.MULTILINE))
    assert shown == {*spikeloom.__all__, "map"} - {"__version__"}  # that a star import leaves out


def test_the_verdict_is_the_demos():
    """The line under the picture is the last but one of the demo, and was counted on all digits."""
    readme = (ROOT / "README.md").read_text()
    (verdict,) = re.findall(r"^\*\*(.*)\*\*$", readme, re.MULTILINE)
    assert readme.count(verdict) == 2
    rows = json.loads((ROOT / "docs/results/equivalence.json").read_text())["rows"]
    rows = [row for row in rows if row["network"] == "digits"]
    assert {verdict.split()[0]} == {f"{row['spikes']:,}" for row in rows}
    assert verdict.endswith(f": {sum(row['differences'] for row in rows)} differ.")
    # Its clocks are those of the present hardware, as far as the figures are.
    (clocks,) = {row["clocks_per_inference"] for row in rows if (row["lanes"], row["cores"], row["stalls"]) == DEMO}
    assert f"0 differ; {clocks:,.0f} clocks per inference\n" in readme, "paste the output of `make demo` again"


# Boards and chips -------------------------------------------------------------------------------------------------


def test_the_script_runs_anywhere(loom, tmp_path, monkeypatch):
    """README's script on the integer model and, unchanged, on the simulated chip."""
    (script,) = [block for kind, block in FENCE.findall((ROOT / "README.md").read_text()) if "Device.open" in block]
    monkeypatch.chdir(tmp_path)
    Path("talk.py").write_text(script)
    spikeloom.generate(loom, output="bitstream")
    with np.load(packaged.find("digits").test) as test:
        np.savez("test.npz", x=test["x"][:10], y=test["y"][:10])
    printed = []
    for where in (f"golden:{loom}", "sim:bitstream"):
        monkeypatch.setattr(sys, "argv", ["talk.py", where])
        with contextlib.redirect_stdout(io.StringIO()) as said:
            runpy.run_path("talk.py")
        printed.append(said.getvalue().splitlines())
    (first, *raster), (simulated, *same) = printed
    assert first == "accuracy 90.00%, clocks None"
    assert re.fullmatch(r"accuracy 90\.00%, clocks \d+", simulated)
    assert raster == same
    assert "\n".join(raster) in (ROOT / "README.md").read_text()


def test_every_board_has_its_page(tmp_path):
    pages = beside_the_pages("board_pages")
    assert sorted(pages.guides()) == sorted(BOARDS) == [page.stem for page in BOARD_PAGES]
    pages.write(tmp_path)
    for page in BOARD_PAGES:
        assert page.read_text() == (tmp_path / page.name).read_text(), "run `make tables`"
        assert f"(boards/{page.name})" in (ROOT / "docs/boards.md").read_text()
    assert all(offer.page == f"docs/boards/{offer.name}.md" for offer in spikeloom.offers())
    assert f"\n{pages.VERDICT}\n" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("board", ["icebreaker", "arty-a7"])
def test_a_boards_page_runs_without_the_board(loom, board, tmp_path, monkeypatch):
    """Its last command, on the design that its build would have: weights that the host loads, and a vendor's folder."""
    answer = beside_the_pages("board_pages").ANSWER
    (line,) = re.findall(r"^python (\S+ sim:.*)$", (ROOT / f"docs/boards/{board}.md").read_text(), re.MULTILINE)
    script, where, design, data = line.split()
    monkeypatch.chdir(tmp_path)
    spikeloom.generate(loom, output=design, config=BOARDS[board].configuration)
    with np.load(packaged.find("digits").test) as test:
        np.savez(data, x=test["x"][:10], y=test["y"][:10])
        right = spikeloom.run(loom, data=packaged.find("digits").test).accuracy
    monkeypatch.setattr(sys, "argv", [script, where, design, data])
    with contextlib.redirect_stdout(io.StringIO()) as said:
        runpy.run_path(ROOT / script)
    assert said.getvalue().splitlines() == ["the first is a 0; right are 90.00% of 10", *answer.splitlines()[1:]]
    assert answer.splitlines()[0] == f"the first is a 0; right are {right:.2%} of 360"


#: Where messages about boards come from.
SPEAKERS = ("boards/driver/pipe.py", "boards/driver/link.py", "boards/driver/chip.py", "boards/flash.py")
SPEAKERS += ("boards/loader.py", "flow/device.py", "golden/simulate.py")


def templates(source: str) -> list[tuple[re.Pattern[str], bool]]:
    """What a module may say, as patterns; and whether a LinkError says it."""
    found = []
    tree = ast.parse(source)
    link_errors = {
        id(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "LinkError" and node.args
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = [node.value]
        else:
            continue
        text = re.sub(r"\{\w+\}", "\0", "".join(parts))
        if len(text.replace("\0", "")) > 12:
            pattern = ".*".join(map(re.escape, text.split("\0")))
            found.append((re.compile(pattern, re.DOTALL), id(node) in link_errors))
    return found


def quoted(page: str) -> list[str]:
    """The messages in the first columns of a page's tables."""
    return re.findall(r"^\| `([A-Z].*?)` \| ", page, re.MULTILINE)


def unsaid(messages: list[str], patterns: list[re.Pattern[str]]) -> list[str]:
    return [
        text
        for text in messages
        if not any(p.fullmatch(text) or p.fullmatch(text.removeprefix("PORT: ")) for p in patterns)
    ]


def test_messages_are_those_of_the_code():
    page = (ROOT / "docs/troubleshooting.md").read_text()
    messages = quoted(page[page.index("## Boards and chips") : page.index("## Messages")])
    known = [one for name in SPEAKERS for one in templates((ROOT / name).read_text())]
    assert len(messages) > 35
    assert unsaid(messages, [pattern for pattern, _ in known]) == []
    # Everything that the link's errors say is there.
    missing = [p.pattern for p, is_link_error in known if is_link_error and not any(map(p.fullmatch, messages))]
    assert missing == []


def test_the_message_check_sees_faults():
    source = 'raise LinkError(f"{name}: the chip sleeps; wake it ({x})")\nsay("another sentence, {word}")'
    (first, is_error), (second, is_none) = templates(source)
    assert (is_error, is_none) == (True, False)
    good = ["PORT: the chip sleeps; wake it (7)", "another sentence, yes"]
    assert unsaid(good, [first, second]) == []
    assert unsaid(["PORT: the chip slept; wake it (7)", "another"], [first, second]) != []
    assert quoted("| `PORT: a` | b |\n| no | `c` |\n") == ["PORT: a"]


# The data sheet ---------------------------------------------------------------------------------------------------


def cells(markdown: str) -> list[list[str]]:
    """The rows of Markdown tables, without the marks of code."""
    rows = [line.strip("|").split(" | ") for line in markdown.splitlines() if line.startswith("|")]
    return [[unescape(cell).strip(" `") for cell in row] for row in rows]


def test_the_data_sheet_has_the_verilogs_ports(data_sheet):
    text = generate.verilog(data_sheet.mapping().parameters)
    top = text[text.index("module accelerator(") :]
    top = top[: top.index("endmodule")]
    expected = {
        (name, kind, int(high or 0) + 1)
        for kind, high, name in re.findall(r"^  (in|out)put (?:\[(\d+):0\] )?(\w+);", top, re.MULTILINE)
    }
    rows = cells(data_sheet.ports())[2:]
    assert {(name, kind, int(bits)) for name, kind, bits, _ in rows} == expected
    assert len(rows) == len(expected) >= 14
    # Every member of the component is described in its docstring, and only its first port repeats that.
    meanings = {name.split("__")[0]: about for name, _, _, about in reversed(rows)}
    assert all(meanings.values()), "a line 'name: meaning' in the docstring of Accelerator is missing"


def test_the_data_sheet_has_every_register_and_memory(data_sheet, monkeypatch):
    manifest = generate.manifest(data_sheet.mapping(), data_sheet.mapping().parameters, data_sheet.EXAMPLE[1])["map"]
    registers = {row[1]: int(row[0]) for row in cells(data_sheet.registers())[2:]}
    assert registers == {name: one["address"] for name, one in manifest["registers"].items()}
    memories = {row[0]: [int(row[1], 16), *map(int, row[2:])] for row in cells(data_sheet.memories())[2:]}
    keys = ("base", "entries", "width", "words", "stride")
    assert memories == {one["name"]: [one[key] for key in keys] for one in manifest["memories"]}
    fields = {name for one in manifest["memories"] for name in one["fields"] if not name.isdigit()}
    assert fields <= {row[0] for row in cells(data_sheet.words())}

    words = data_sheet.words()
    told = {row[0] for row in cells(words)} | set(re.findall(r"^Also `(\w+)`", words, re.MULTILINE))
    kinds = set(re.findall(r"^### (\w+)$", words, re.MULTILINE))
    for name in data_sheet.EVENT_EXAMPLES:
        mapping = data_sheet.mapping(name)
        found = generate.manifest(mapping, mapping.parameters, data_sheet.EXAMPLE[1])["map"]["memories"]
        assert {field for one in found for field in one["fields"] if not field.isdigit()} <= told
        assert {one["name"].split(".")[1].rstrip("0123456789") for one in found} <= kinds
    shown = {row[0] for row in cells(data_sheet.memories_event())[2:]}
    assert {"core0.kernels0", "core0.places", "core0.scatter_rings"} <= shown
    assert {"synapses", "kernels", "fan_outs"} <= kinds, "each kind of synapses is there"

    assert "bananas" not in data_sheet.sheet()
    monkeypatch.setitem(memory_map.REGISTERS, "bananas", (6, 8, "rw", "how many"))
    assert ["6", "bananas", "8", "rw", "how many"] in cells(data_sheet.registers())


def test_the_data_sheet_has_every_field(data_sheet):
    mapping = data_sheet.mapping()
    flit = generate.manifest(mapping, mapping.parameters, data_sheet.EXAMPLE[1])["flit"]["fields"]
    assert {row[0]: int(row[1].split()[-1]) for row in cells(data_sheet.flit())[2:]} == {
        name: low for name, (low, _) in flit.items()
    }
    rows = {row[0]: row[1:] for row in cells(data_sheet.configuration())[2:]}
    assert rows.keys() == Configuration.model_fields.keys()
    assert all(about for *_, about in rows.values())
    assert rows["lanes"][:2] == [str(Configuration().lanes), "1 … 128"]
    assert rows["cores"][1] == "shared` or `per-population` or a number or a dictionary"
    assert rows["counters"][1] == "true` or `false"
    assert rows["order"][1] == "auto` or `neuron` or `event` or a dictionary"


def test_the_data_sheet_has_the_whole_link(data_sheet, monkeypatch):
    kinds = data_sheet.link_kinds()
    for kind, body in protocol.BODIES.items():
        assert f"**{kind.name}** ({kind.value}): {body.about}" in kinds
        assert f"`0x{kind.value:X}n`" in kinds
        assert all(f"`{field.name}`" in kinds for field in (*body.fields, *protocol.CHIP_FIELDS))
    rows = {row[1]: int(row[0], 16) for row in cells(data_sheet.link_registers())[2:]}
    assert rows == {name: 1 << 31 | r.address for name, r in protocol.REGISTERS.items()}
    assert "COBS" in data_sheet.link_rules()
    assert ":data:" not in data_sheet.link_rules()
    register = protocol.Register(name="bananas", address=5, access="r", about="how many")
    monkeypatch.setitem(protocol.REGISTERS, "bananas", register)
    assert ["0x80000005", "bananas", "r", "how many"] in cells(data_sheet.link_registers())


def test_the_data_sheets_frames_are_frames(data_sheet):
    shown = [list(map(bytes.fromhex, row[1:])) for row in cells(data_sheet.link_example())[2:]]
    for body, crc, whole in shown:
        assert whole[-1] == 0 and whole.count(0) == 1
        assert frames.decode(whole[:-1]) == body
        assert crc == zlib.crc32(body).to_bytes(4, "little")
    assert [body[0] >> 4 for body, _, _ in shown] == [protocol.Kind.READ, protocol.Kind.VALUES, protocol.Kind.EVENTS]
    limits = {row[0]: row[1:] for row in cells(data_sheet.link_limits())[2:]}
    assert limits["window`: frames of data that the host may be ahead"] == ["7", "3"]


def test_the_data_sheet_has_the_axi_page(data_sheet):
    rows = cells(data_sheet.axi_page())[2:]
    assert {row[1]: int(row[0]) for row in rows if row[0]} == {name: r.address for name, r in PAGE.items()}
    assert sum(not row[0] for row in rows) == sum(len(r.fields) for r in PAGE.values())


def test_every_table_is_on_the_page(data_sheet):
    page = (ROOT / "docs/data-sheet.md").read_text()
    assert sorted(data_sheet.MARK.findall(page)) == sorted(data_sheet.TABLES)
    assert "<!-- data sheet" not in data_sheet.expand(page)
    assert "events" in {row[0]: row[1] for row in cells(data_sheet.clocks())}["Core"]

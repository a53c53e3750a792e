"""Tables about .nir files as Markdown, made by the code that reads them.

``python docs/nir_tables.py [TABLE ...]`` prints them; the documentation's build puts each where a page says
``<!-- nir table: TABLE -->``. The files that they are about are those of the tests.
"""

import importlib.util
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from nir_files import KINDS, complete, minimal, reading  # noqa: E402, from tests/
from spikeloom.golden import nir_graph  # noqa: E402
from spikeloom.golden.conventions import CONVENTIONS  # noqa: E402

__all__ = ["MARK", "TABLES", "expand"]

MARK = re.compile(r"^<!-- nir table: ([\w-]+) -->$", re.MULTILINE)

GROUPS = {
    "network": "The network",
    "knobs": "The convention",
    "note": "Notes on what is built all the same",
    "widths": "Widths and sizes",
    "data": "The data",
}

#: What the faults of ``test_nir_file`` are, by the functions that make them.
CAUSES = {
    "soft": "a link inside the file",
    "external": "a link to another file",
    "dangling": "a link to nothing",
    "loop": "a group that is its own part",
    "twice": "a group or dataset with two names",
    "storage": "numbers kept in another file",
    "virtual": "numbers put together from other files",
    "huge": "a size beyond the limit, packed small",
    "chunky": "a size beyond the limit, in pieces",
    "several": "sizes beyond the limit together",
    "deep": "groups nested without end",
    "record": "records",
    "opaque": "times and other opaque types",
    "reference": "references",
    "ragged": "lists of varying length",
    "imaginary": "complex numbers",
    "blocks": "numbers in blocks",
    "empty": "a dataset without a value",
    "named": "a type with a name",
    "filtered": "an unusual compression",
    "without_node": "an HDF5 file of another kind",
    "recorded_data": "data that NIR recorded, not a model",
    "untyped": "a node without a type",
    "without_edges": "a graph without edges",
    "triples": "edges that are no pairs",
    "loose": "numbers where a node should be",
}
#: How what to do begins, where a message says it.
REMEDIES = ("export", "write", "save", "number them", "leave", "use", "give")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def verdict(convention: str, kind: str) -> str:
    """What ``check`` says of the node, and what it asks for beside dt."""
    knobs = complete(convention)
    with reading(minimal(kind, knobs)) as path:
        inspection = nir_graph.inspect(path, knobs)
        asked = [q.knob for q in nir_graph.inspect(path, convention).questions if q.knob != "dt"]
    if inspection.refusal():
        return "refused"
    said = {node.name: node.verdict for node in inspection.nodes}.get("n", "exact")  # a graph is laid into its own
    about = [f"`--{knob.replace('_', '-')}`" for knob in asked if kind in nir_graph.ABOUT]
    own = {"--synapse-gain": kind.startswith("Cuba"), "--v-min": kind in ("IF", "LIF", "CubaLIF")}
    about = [option for option in about if own.get(option.strip("`"), True)]
    return f"{said}, asks {', '.join(about)}" if about else said


def node_types() -> str:
    """Every type of node under every convention."""
    rows = ([f"`{kind}`", *(verdict(name, kind) for name in CONVENTIONS)] for kind in KINDS)
    return table(["", *(f"`{name}`" for name in CONVENTIONS)], rows)


def messages() -> str:
    """Every message about a network, its knobs or its data, from the cases that the tests run."""
    parts = []
    for group, title in GROUPS.items():
        rows = []
        for case in cases("test_messages").CASES:
            if case.group == group:
                said, remedy = case.shown
                first, *more = said.split("\n")
                rows.append((case.cause, f"`{first}`" + (" …" if more else ""), remedy))
        parts.append(f"### {title}\n\n" + table(("cause", "message", "what to do"), rows))
    return "\n\n".join(parts)


def split(message: str, otherwise: str) -> tuple[str, str]:
    """A message of one line as what it says and what to do."""
    said, _, remedy = message.rpartition("; ")
    if not said or not remedy.startswith(REMEDIES):
        return f"`{message}`", otherwise
    return f"`{said}`", remedy[:1].upper() + remedy[1:]


def files() -> str:
    """Every message about a file that cannot be read, of networks and of data."""
    hostile = cases("test_nir_file").HOSTILE
    rows = [
        (CAUSES.get(change.__name__, change.__name__), *split(said, "Export the model with nir.write"))
        for change, said in hostile
    ]
    parts = ["### The file of a network", table(("cause", "message", "what to do"), rows)]
    data = cases("test_data")
    listed = dict.fromkeys(said for _, said in (*data.REFUSED, *data.BROKEN, *data.EVENTS_REFUSED))
    mine = {case.message for case in cases("test_messages").CASES}
    rows = [split(said, "Save it so") for said in listed if said not in mine]
    return "\n\n".join([*parts, "### The file of data", table(("message", "what to do"), rows)])


@cache
def cases(name: str) -> ModuleType:
    """The tests whose cases are shown."""
    spec = importlib.util.spec_from_file_location(name, TESTS / "golden" / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLES: dict[str, Callable[[], str]] = {"node-types": node_types, "messages": messages, "files": files}


def expand(text: str) -> str:
    """A page with every table in its place."""
    return MARK.sub(lambda match: TABLES[match[1]](), text)


if __name__ == "__main__":
    sys.stdout.write("\n\n".join(TABLES[name]() for name in sys.argv[1:] or TABLES) + "\n")

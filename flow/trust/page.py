"""The page of ``make trust``: every figure, and the list behind it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from spikeloom import __version__
from spikeloom.files import new_file
from spikeloom.hdl.supported import supported
from spikeloom.text import visible
from spikeloom.trust.check import Row
from spikeloom.trust.runner import Outcome
from spikeloom.trust.stages import STAGES, Standing

__all__ = ["PAGE", "bound", "number", "write"]

PAGE = "index.html"


def write(
    outcomes: Sequence[Outcome],
    standings: Sequence[Standing],
    folder: Path,
    *,
    full: bool,
    command: str,
    versions: Mapping[str, str],
) -> Path:
    """Write the page into ``folder``."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("spikeloom.trust", "."), PackageLoader("spikeloom.page", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cell": cell,
        "number": number,
        "bound": bound,
        "heads": heads,
        "seldom_first": seldom_first,
    }
    environment.globals["anchor"] = anchor
    page = environment.get_template("trust.html.j2").render(
        outcomes=outcomes,
        standings=standings,
        stages=STAGES,
        supported=supported(),
        full=full,
        command=command,
        versions=versions,
        version=__version__,
    )
    path = folder / PAGE
    with new_file(path) as partial:
        partial.write_text(page, "utf-8")
    return path


def anchor(*names: str) -> str:
    return "-".join("".join(c if c.isalnum() else "-" for c in name) for name in names)


def heads(rows: Sequence[Row]) -> list[str]:
    """The columns of a list: every key of its rows, in the order in which they first come."""
    return list(dict.fromkeys(key for row in rows for key in row))


def seldom_first(rows: Sequence[Row]) -> list[Row]:
    """What came of few rows is what people look for: survivors are before what was killed."""
    many = Counter(row.get("verdict") for row in rows)
    return sorted(rows, key=lambda row: many[row.get("verdict")])


def number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{round(value, 2):,}"


def bound(figure: Any) -> str:
    """What a figure must hold, in words."""
    match figure.least, figure.most:
        case None, None:
            return ""
        case least, None:
            return f"at least {number(least)}"
        case None, most:
            return "none" if most == 0 else f"at most {number(most)}"
        case least, most:
            return number(least) if least == most else f"{number(least)} to {number(most)}"


def cell(value: object) -> str:
    """A value of a row for people."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return ", ".join(map(cell, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)

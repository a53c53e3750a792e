"""A figure: rows, and a function that measures one of them."""

import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeloom.bench import results
from spikeloom.bench.cache import Cache
from spikeloom.bench.results import RESULTS, Row
from spikeloom.bench.screen import Screen
from spikeloom.golden.network import Refusal

__all__ = ["Bench", "Figure", "figure", "label", "measure"]

REMEDY = "an error that Spikeloom does not know; the traceback above says where"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What a measurement is given: where to keep what it measures, whom to tell, and where results go."""

    cache: Cache
    progress: Callable[..., None]
    folder: Path = RESULTS


@dataclass(frozen=True, kw_only=True)
class Figure:
    """rows: what each row is of, by name. measure: the row's numbers, part by part as they are found."""

    name: str
    about: str
    rows: tuple[dict[str, Any], ...]
    measure: Callable[..., Iterator[dict[str, Any]]]


def figure(*rows: dict[str, Any]) -> Callable[[Callable[..., Iterator[dict[str, Any]]]], Figure]:
    """Make a figure of a function ``f(bench, **row)``, whose docstring says what the figure is."""

    def decorate(function: Callable[..., Iterator[dict[str, Any]]]) -> Figure:
        about = " ".join(inspect.cleandoc(function.__doc__ or "").split())
        return Figure(name=function.__name__, about=about, rows=rows, measure=function)

    return decorate


def label(keys: Mapping[str, Any]) -> str:
    """A row in a few words: ``mnist, weight bits 4, lanes 16``."""
    words = (str(value) if name == "network" else f"{name.replace('_', ' ')} {value}" for name, value in keys.items())
    return ", ".join(words)


def _known(before: Mapping[str, Any] | None, keys: Mapping[str, Any], row: Row) -> Row:
    """What an earlier run found for a row that cannot be measured now, if that is of the same Verilog; else the row."""
    for old in before["rows"] if before else ():
        same = all(old.get(name) == value for name, value in keys.items())
        verilog = old.get("verilog_sha256")  # the tables say whether it is the present one's
        if same and "error" not in old and row.get("verilog_sha256", verilog) == verilog:
            return old
    return row


def measure(chosen: Figure, *, cache: Cache, screen: Screen, folder: Path = RESULTS, only: str = "") -> list[Row]:
    """Measure the rows whose label contains ``only``, and write the figure's file after each. The rows measured.

    What cannot be measured is a row with an ``error``, and whatever of its numbers came before it; what was measured
    before of the same Verilog stays in the file.
    """
    before = results.load(chosen.name, folder)
    measured: list[Row] = []
    stored: list[Row] = []
    for keys in chosen.rows:
        if only not in label(keys):
            continue
        screen.start(f"{chosen.name}: {label(keys)}")
        row: Row = dict(keys)
        try:
            for part in chosen.measure(Bench(cache=cache, progress=screen.progress, folder=folder), **keys):
                row |= part
        except Refusal as refusal:
            row["error"] = " ".join(str(refusal).split())
        except Exception as error:  # the other rows are measured all the same
            screen.say(traceback.format_exc())
            row["error"] = f"{type(error).__name__}: {' '.join(str(error).split())}; {REMEDY}"
        measured.append(row)
        stored.append(_known(before, keys, row) if "error" in row else row)
        rows = results.merged(chosen.rows, stored, before)
        results.save(chosen.name, chosen.about, rows, folder)
        screen.row(rows, row.get("error"))
    return measured

"""What every command prints with: sentences and tables for people, one JSON document for machines, progress.

Results go to standard output, progress and errors to standard error. Both respect NO_COLOR, pipes and widths.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from spikeloom.text import visible

__all__ = ["BAD", "GOOD", "OPEN", "Bar", "error", "jsonable", "percent", "print_json", "progress", "say", "table"]

GOOD, BAD, OPEN = "green", "bold red", "yellow"
Rows = list[tuple[Any, ...]]


def _console(*, stderr: bool = False) -> Console:
    # Made anew, since tests and callers replace the streams.
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def _harmless(text: object) -> str:
    """Text from files: neither markup nor commands for the terminal."""
    return escape(visible(text))


def say(text: str = "", style: str | None = None) -> None:
    """A line on standard output; text from files is never read as markup."""
    _console().print(_harmless(text), style=style)


def error(message: str) -> None:
    _console(stderr=True).print(f"[{BAD}]error:[/] {_harmless(message)}")


def jsonable(value: Any) -> Any:
    """A result as what JSON knows."""
    for name in ("summary", "to_dict", "as_dict"):
        if hasattr(value, name):
            return jsonable(getattr(value, name)())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return jsonable(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None  # JSON has no NaN
    return str(value) if isinstance(value, Path) else value


def print_json(value: Any, **more: Any) -> None:
    """One JSON document on standard output."""
    document = jsonable(value)
    print(json.dumps({**document, **jsonable(more)} if more else document, indent=2, allow_nan=False))  # noqa: T201


class _Lines(Progress):
    """Progress with a table below."""

    below: Table | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.below:
            yield self.below


class Bar:
    """Called with what is done: a stage, counts (done, total), or both; or with what has ``heads`` and ``rows``, which
    is a table below it from then on."""

    def __init__(self, bar: _Lines | None, what: str, tables: bool = True) -> None:
        self.bar = bar
        self.tables = tables
        self(what)

    def __call__(self, *said: Any) -> None:
        if not self.bar:
            return
        for shown in said:
            if self.tables and hasattr(shown, "rows"):
                self.bar.below = _table(shown.heads, shown.rows)
        for word in said:
            if isinstance(word, str):  # a total cannot be taken back, so every stage is a task of its own
                for task in self.bar.task_ids:
                    self.bar.remove_task(task)
                self.task = self.bar.add_task(_harmless(word), total=None, count="")
        match [count for count in said if isinstance(count, int)]:
            case [done, total]:
                self.bar.update(self.task, completed=done, total=total, count=f"{done} of {total}")

    def print(self, text: str, style: str | None = None) -> None:
        """A line that stays, above the progress."""
        if self.bar:
            self.bar.stop()
        say(text, style)
        if self.bar:
            self.bar.start()


@contextmanager
def progress(what: str, *, tables: bool = True) -> Iterator[Bar]:
    """A progress line on standard error while the block runs, and tables below; nothing where that is no terminal."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield Bar(None, what)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    with _Lines(*columns, console=console, transient=True) as bar:
        yield Bar(bar, what, tables)


def percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.2f} %"


def _table(columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else _harmless(cell) for cell in row))
    return made


def table(*columns: str, rows: Rows) -> None:
    # Tables wrap at the terminal's width; in a pipe they are as wide as they need to be.
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(_table(columns, rows))

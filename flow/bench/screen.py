"""What one sees of a measurement: the table as it grows, and how far the present row is."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

__all__ = ["Screen"]


class Screen:
    """On a terminal the table grows in place; elsewhere each row is a line, and the table follows at the end.

    draw: a figure's rows as something that rich can print.
    """

    def __init__(self, draw: Callable[[Sequence[dict[str, Any]]], RenderableType], console: Console | None = None):
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = 200  # in a file a table is as wide as it needs to be
        self.draw = draw
        self.bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(), console=self.console,
        )  # fmt: skip
        self.table: RenderableType = ""
        self.name = ""
        self.live = Live(get_renderable=lambda: Group(self.table, self.bar), console=self.console)

    def __enter__(self) -> "Screen":
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._clear()
        if self.console.is_terminal:
            self.live.stop()
        elif self.table:
            self.console.print(self.table)

    def _clear(self) -> None:
        for task in self.bar.task_ids:
            self.bar.remove_task(task)

    def start(self, name: str) -> None:
        """A row begins."""
        self.name = name
        self.progress("")

    def progress(self, *said: str | int) -> None:
        """A stage (str), counts (done, total), or both."""
        for word in said:
            if isinstance(word, str):
                self._clear()
                self.bar.add_task(escape(f"{self.name}: {word}" if word else self.name), total=None, count="")
        match [count for count in said if isinstance(count, int)]:
            case [done, total]:
                self.bar.update(self.bar.task_ids[-1], completed=done, total=total, count=f"{done} of {total}")

    def say(self, text: str) -> None:
        """Lines that stay."""
        self.console.print(escape(text))

    def row(self, rows: Sequence[dict[str, Any]], error: str | None) -> None:
        """A row is done; ``rows``: all that there are now."""
        self.table = self.draw(rows)
        self._clear()
        if not self.console.is_terminal:
            self.say(f"{self.name}: {error or 'done'}")

"""What one sees of a run: a bar for each part that is running, and a line for each that ended."""

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from spikeloom.trust.runner import Part

__all__ = ["Screen"]


class Screen:
    """On a terminal bars move; elsewhere only the lines are written."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.bars = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}"),
            TimeElapsedColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self.running: dict[tuple[str, str], TaskID] = {}
        self.all = self.bars.add_task("parts", total=total)

    def __enter__(self) -> "Screen":
        self.bars.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bars.stop()

    def said(self, part: Part, done: int, total: int) -> None:
        key = part.check, part.name
        if key not in self.running:
            self.running[key] = self.bars.add_task(escape(f"{part.check}: {part.name}"))
        self.bars.update(self.running[key], completed=done, total=total)

    def ended(self, part: Part) -> None:
        self.bars.advance(self.all)
        task = self.running.pop((part.check, part.name), None)
        if task is not None:
            self.bars.remove_task(task)
        what = part.error or part.unable or "done"
        self.bars.console.print(escape(f"{part.check}: {part.name}: {what} ({part.seconds:.0f} s)"))
        if part.trace:
            self.bars.console.print(escape(part.trace))

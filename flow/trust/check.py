"""A check: parts that run by themselves, rows that they bring home, figures that are counted from the rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikeloom.golden.network import Refusal
from spikeloom.sim import verilator

__all__ = ["Check", "Figure", "Job", "Row", "Rows", "Unable"]

Row = dict[str, Any]
#: Rows by the title of their list.
Rows = Mapping[str, Sequence[Row]]


class Unable(Refusal):
    """The check cannot run here: a tool is missing, or the system does not let it."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What was counted, and the bound that it must hold.

    of: the title of the list that it was counted from. note: what a reader must know beside the number.
    """

    what: str
    value: float
    of: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def ok(self) -> bool:
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a part is given.

    full:     not the quick run. folder: an empty one of its own. progress: told (done, total).
    earlier:  what it brought home last, perhaps with other code: it may say what to try first, and nothing else.
    """

    full: bool
    folder: Path
    earlier: Rows = field(default_factory=dict)
    progress: Callable[[int, int], object] = lambda done, total: None


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check of ``make trust``.

    about:   how it looks for faults, for the page: plain text, a few sentences.
    parts:   their names, given whether the run is a full one; about a minute each in the quick run.
    run:     a part's rows. Raises :class:`Unable` where it cannot run here; any other error is a failure of the check.
    cases:   how many cases the rows of all parts stand for; none is a failure.
    figures: counted from the rows of all parts, given whether the run is a full one.
    whole:   its results rest on all of the project: it runs tests or commands.
    needs:   raises :class:`Refusal` where a tool is missing; by default one that builds simulators.
    """

    name: str
    title: str
    about: str
    parts: Callable[[bool], Sequence[str]]
    run: Callable[[str, Job], Rows]
    cases: Callable[[Rows], int]
    figures: Callable[[Rows, bool], Sequence[Figure]]
    whole: bool = False
    needs: Callable[[], object] = verilator.tools

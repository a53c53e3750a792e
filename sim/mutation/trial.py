"""Who is to find mutants, and what became of each: killed, or alive."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from spikeloom.sim.mutation.netlist import Mutant, plusargs

__all__ = ["CLOCKS", "Killer", "Outcome", "Seen", "trial"]


#: A mutant that does everything right, but not when it should.
CLOCKS = "not the clocks of the design without a fault"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """fault: what is wrong, if anything. clocks: when things happened, to be the same as without a mutant."""

    fault: str | None
    clocks: Any = None


@dataclass(frozen=True, kw_only=True)
class Killer:
    """A test of a design: ``look`` runs it in an empty folder with these plusargs."""

    name: str
    look: Callable[[Sequence[str], Path], Seen]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """killer: the one that noticed the mutant, and ``fault``, what it noticed; None if the mutant lives."""

    mutant: Mutant
    killer: str | None = None
    fault: str | None = None


def trial(
    mutants: Sequence[Mutant], killers: Sequence[Killer], first: Mapping[int, Killer] | None = None
) -> Iterator[Outcome]:
    """Each mutant before each killer, until one notices. Clocks are looked at last, of those that did no wrong.

    first: by the number of a mutant, one that is tried before all others, and whose clocks count at once.

    Raises :class:`RuntimeError` if a killer finds a fault where there is no mutant.
    """

    @cache
    def right(killer: Killer) -> Seen:
        seen = _look(killer, 0)
        if seen.fault:
            raise RuntimeError(f"{killer.name} finds a fault without a mutant: {seen.fault}")
        return seen

    for mutant in mutants:
        known = (first or {}).get(mutant.number)
        found = _outcome(mutant, [known], right) if known else None
        yield found if found and found.killer else _outcome(mutant, killers, right)


def _outcome(mutant: Mutant, killers: Sequence[Killer], right: Callable[[Killer], Seen]) -> Outcome:
    late = None
    for killer in killers:
        expected, seen = right(killer), _look(killer, mutant.number)
        if seen.fault:
            return Outcome(mutant=mutant, killer=killer.name, fault=seen.fault)
        if seen.clocks != expected.clocks and late is None:
            late = killer.name
    return Outcome(mutant=mutant, killer=late, fault=CLOCKS if late else None)


def _look(killer: Killer, number: int) -> Seen:
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as folder:
        return killer.look(plusargs(number), Path(folder))

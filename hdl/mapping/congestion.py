"""Where several cores send at once: for how long their events wait for each other."""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

__all__ = ["Flow", "Port", "Stalls", "stalls"]

#: Of each source, for each step: clocks in which its events could not leave.
Stalls = MappingType[str, list[float]]
#: Clocks that are looked at together: two groups' or so.
WINDOW = 16
#: Less than any rate's share of a clock, but for rounding.
NONE = 1e-9


class Port:
    """Where a node takes packets: one in a clock, a tick in ``tick``, from all whose packets wait in turn."""

    def __init__(self, tick: int) -> None:
        self.tick = tick
        self.now = 0.0
        self.numbers: dict[str, int] = {}  # of sources
        self.rates: list[float] = []  # by source, packets that come in a clock
        self.waiting: list[float] = []  # and those that have come, in clocks
        self.quiet = True  # none have, and all that come are taken as they come
        self.changes: list[tuple[float, int, float, float]] = []  # of both: when, whose, and by how much

    def expect(self, source: str, begin: float, end: float, events: float) -> None:
        """A step's events, evenly from the first to the tick behind the last."""
        clocks, tick, changes = end - begin, self.tick, self.changes
        number = self._number(source)
        if not events:
            heappush(changes, (end, number, 0.0, tick))
        elif clocks >= 1:
            heappush(changes, (begin, number, events / clocks, 0.0))
            heappush(changes, (end, number, -events / clocks, tick))
        else:
            heappush(changes, (begin, number, float(events), 0.0))
            heappush(changes, (begin + 1, number, -float(events), 0.0))
            heappush(changes, (end, number, 0.0, tick))

    def taken(self, source: str, time: float) -> float:
        """When a tick that comes at a time, none before the last one asked for, can be taken."""
        changes, rates = self.changes, self.rates
        while changes and changes[0][0] < time:
            when, number, rate, more = heappop(changes)
            if self.quiet:
                self.now = when
            else:
                self._go(when)
            rates[number] += rate
            if more:
                self.waiting[number] += more
                self.quiet = False
            elif self.quiet:
                self.quiet = sum(rates) < 1 - NONE
        if self.quiet:
            self.now = time
            return time
        self._go(time)
        most = self.waiting[self._number(source)] + self.tick  # of any other's, before this one has its turn
        return time + sum([min(clocks, most) for clocks in self.waiting])

    def _number(self, source: str) -> int:
        number = self.numbers.get(source)
        if number is None:
            number = self.numbers[source] = len(self.rates)
            self.rates.append(0.0)
            self.waiting.append(0.0)
        return number

    def _go(self, time: float) -> None:
        clocks, self.now = time - self.now, time
        if not clocks:
            return
        there = [waits + clocks * rate for waits, rate in zip(self.waiting, self.rates, strict=True)]
        if sum(there) < clocks:  # all that waits is taken
            self.waiting = [0.0] * len(there)
            self.quiet = sum(self.rates) < 1 - NONE
            return
        share = _fair(there, clocks)
        self.waiting = [one - share if one > share else 0.0 for one in there]


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """What a source sends if nothing is in its way: when (steps, groups), and how many events; to these nodes."""

    times: np.ndarray
    events: np.ndarray
    nodes: Sequence[int]


class _Source:
    """A source that is ``late`` by so many clocks; its step is ``number``."""

    def __init__(self, flow: Flow, windows: int):
        self.nodes = flow.nodes
        sent = np.bincount((flow.times // WINDOW).astype(int).ravel(), flow.events.ravel(), windows)
        self.before = np.cumsum([0, *sent]).tolist()  # events before each window
        self.ends = (flow.times[:, -1] + WINDOW).tolist()
        self.begins = [*flow.times[1:, 0].tolist(), np.inf]
        self.stalls = [0.0] * len(self.ends)
        self.late, self.number, self.asked = 0.0, 0, 0.0

    def ask(self, time: float) -> None:
        """How many events it would send in the window from then on."""
        window, part = divmod(max(0.0, time - self.late) / WINDOW, 1)
        a, b, c = self.before[int(window) : int(window) + 3]
        self.asked = (b - a) * (1 - part) + (c - b) * part

    def go(self, time: float, most: float) -> None:
        """It may send so many of them, and what else the units do waits behind; between steps it catches up."""
        at = time - self.late
        while self.number + 1 < len(self.ends) and at >= self.begins[self.number]:
            self.number += 1
        waits = WINDOW * (1 - most / self.asked) if self.asked > most else 0.0
        self.stalls[self.number] += waits
        self.late += waits
        at += WINDOW - waits
        if at >= self.ends[self.number]:
            self.late = max(0.0, self.late - max(0.0, self.begins[self.number] - at))


def stalls(flows: MappingType[str, Flow]) -> Stalls:
    """A node takes one packet in a clock, and gives all that send some an equal share; what is late meets others."""
    windows = 3 + int(max(flow.times.max() for flow in flows.values()) // WINDOW)
    sources = {name: _Source(flow, windows) for name, flow in flows.items()}
    into = [[s for s in sources.values() if node in s.nodes] for node in {n for f in flows.values() for n in f.nodes}]
    full = np.max([np.diff(np.sum([s.before for s in mine], axis=0)) for mine in into], axis=0) > WINDOW
    late = False
    for window in range(windows - 2):
        if not (late or full[window]):
            continue
        time = float(window * WINDOW)
        for source in sources.values():
            source.ask(time)
        most = dict.fromkeys(sources.values(), np.inf)
        for mine in into:
            share = _fair((s.asked for s in mine), WINDOW)
            most |= {s: min(most[s], share) for s in mine}
        for source, share in most.items():
            source.go(time, share)
        late = any(source.late for source in most)
    return {name: source.stalls for name, source in sources.items()}


def _fair(asked: Iterable[float], left: float) -> float:
    """What each may have at most of what is there, if those that ask for less leave the rest to others."""
    asked = sorted(asked)
    for rank, one in enumerate(asked):
        if one * (len(asked) - rank) >= left:
            return left / (len(asked) - rank)
        left -= one
    return np.inf

"""Where several cores send at once: for how long their events wait for each other."""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from math import inf

import numpy as np

__all__ = ["Flow", "Port", "Stalls", "stalls"]

#: Of each source, for each step: clocks in which its events could not leave. None, if none had to wait.
Stalls = MappingType[str, list[float]]
#: Clocks that are looked at together: two groups' or so.
WINDOW = 16
#: Less than any rate's share of a clock, but for rounding.
NONE = 1e-9


class Port:
    """Where a node takes packets: one in a clock, a tick in ``tick``, from all sources whose packets wait in turn."""

    def __init__(self, tick: int, sources: Iterable[str]) -> None:
        self.tick = tick
        self.now = 0.0
        self.rates = dict.fromkeys(sources, 0.0)  # packets of each that come in a clock
        self.rate = 0.0  # of all
        self.waiting: dict[str, float] = {}  # and those that have come, in clocks
        self.free = 0.0  # when all will have been taken
        self.changes: list[tuple[float, str, float, float]] = []  # of both: when, whose, and by how much

    def expect(self, source: str, begin: float, end: float, events: float) -> None:
        """A step's events, evenly from the first to the tick behind the last."""
        clocks = end - begin
        if not events:
            self.changes.append((end, source, 0.0, self.tick))
        elif clocks >= 1:
            self.changes += ((begin, source, events / clocks, 0.0), (end, source, -events / clocks, self.tick))
        else:
            self.changes += ((begin, source, events, 0.0), (begin + 1, source, -events, 0.0))
            self.changes.append((end, source, 0.0, self.tick))

    def taken(self, source: str, time: float) -> float:
        """When a tick that comes at a time, none before the last one asked for, can be taken."""
        changes, rates, waiting, done = self.changes, self.rates, self.waiting, 0
        now, rate, free = self.now, self.rate, self.free
        changes.sort()
        for when, whose, change, more in changes:
            if when >= time:
                break
            done += 1
            if when < free:
                self._share(when - now)
            elif waiting:
                waiting.clear()
            now = when
            rates[whose] += change
            rate += change
            if more:
                waiting[whose] = waiting.get(whose, 0.0) + more
            if waiting:
                free = when + sum(waiting.values()) / (1 - rate) if rate < 1 - NONE else inf
            else:
                free = when if rate < 1 + NONE else inf
        del changes[:done]
        if time < free:
            self._share(time - now)
            now = time
        self.now, self.rate, self.free = now, rate, free
        if time >= free:
            return time
        most = waiting.get(source, 0.0) + self.tick  # of any other's, before this one has its turn
        return time + sum([min(clocks, most) for clocks in waiting.values()])

    def _share(self, clocks: float) -> None:
        """What is taken in so many, of all that have some."""
        if clocks:
            waiting = self.waiting
            there = {whose: waiting.get(whose, 0.0) + clocks * rate for whose, rate in self.rates.items()}
            waiting.clear()
            if sum(there.values()) <= clocks:
                return
            share = _fair(there.values(), clocks)
            waiting.update({whose: clocks - share for whose, clocks in there.items() if clocks > share})


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """What a source sends if nothing is in its way: when (steps, groups), and how many events; to these nodes."""

    times: np.ndarray
    events: np.ndarray
    nodes: Sequence[int]


class _Source:
    """A source that is ``late`` by so many clocks; its step is ``number``."""

    def __init__(self, flow: Flow, sent: np.ndarray):
        self.nodes = flow.nodes
        self.before = [0.0, *np.cumsum(sent).tolist()]  # events before each window
        self.ends = (flow.times[:, -1] + WINDOW).tolist()
        self.begins = [*flow.times[1:, 0].tolist(), inf]
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
    sent = {
        name: np.bincount((flow.times // WINDOW).astype(int).ravel(), flow.events.ravel(), windows)
        for name, flow in flows.items()
    }
    nodes = {node for flow in flows.values() for node in flow.nodes}
    into = [[name for name, flow in flows.items() if node in flow.nodes] for node in nodes]
    full = np.any([sum(sent[name] for name in mine) > WINDOW for mine in into], axis=0)
    if not full.any():
        return {}
    sources = {name: _Source(flow, sent[name]) for name, flow in flows.items()}
    late = False
    for window, meet in enumerate(full[:-2].tolist()):
        if not (late or meet):
            continue
        time = float(window * WINDOW)
        for source in sources.values():
            source.ask(time)
        most = dict.fromkeys(sources.values(), inf)
        for mine in into:
            share = _fair((sources[name].asked for name in mine), WINDOW)
            most |= {sources[name]: min(most[sources[name]], share) for name in mine}
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
    return inf

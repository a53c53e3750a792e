"""What a step costs each engine, in clocks: rows of weights, groups, events to send. No step waits here."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass

import numpy as np

from spikeloom.golden.network import Refusal
from spikeloom.hdl.fan_out import EVENTS
from spikeloom.hdl.mapping.fan_outs import FanOut
from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.mapping.plan import Mapping, Place, Reader
from spikeloom.hdl.neuron_units import SENDING
from spikeloom.hdl.parameters import CoreParameters

__all__ = ["Counts", "LanesWork", "Order", "ScatterWork", "counts", "lanes_work", "of_parts", "rows_of", "scatter_work"]

#: Events of each population: (samples, steps), or with which neurons fire (samples, steps, neurons).
Counts = MappingType[str, np.ndarray]
#: The steps that follow each other, numbered through all samples.
Order = np.ndarray | slice


@dataclass(frozen=True, kw_only=True, eq=False)
class LanesWork:
    """Steps of one population on the lanes of its core; arrays have a number for each step.

    entries:  rows of weights or sums that each of ``groups`` takes, from ``segments`` lists.
    first:    clocks from the first row to the first hand-over; ``apart``: from one to the next, and ``after_step`` from
              a step's last to the next step's first.
    sending:  clocks in which a group's events leave. pipeline: from the hand-over of a group to its first event.
    slack:    results of neurons that are kept until they leave, in clocks of theirs.
    read:     by source, clocks from the last group's begin until a list that is not the last was read; ``begun``: until
              the last two lists were begun.
    takes:    rows of sums that are taken from the event-stationary half in a step. by_group: events of each.
    """

    groups: int
    segments: int
    read: dict[str, np.ndarray]
    entries: np.ndarray
    first: np.ndarray
    apart: np.ndarray
    begun: tuple[np.ndarray, np.ndarray]
    after_step: int
    sending: np.ndarray
    pipeline: int
    slack: np.ndarray
    takes: int
    events: np.ndarray
    by_group: np.ndarray

    @property
    def busy(self) -> np.ndarray:
        """Clocks of each step for the lanes or the neuron units, whichever take longer, if they never wait."""
        return np.maximum(self.first + (self.groups - 1) * self.apart + self.after_step, self.groups * self.sending)

    def steps(self, order: Order) -> list[tuple[float, ...]]:
        """Of each step: ``first``, ``apart``, ``sending``, ``slack``, both of ``begun``, how many entries of lists are
        read, and its events."""
        read = self.groups * self.entries - self.takes
        return _by_step(order, self.first, self.apart, self.sending, self.slack, *self.begun, read, self.events)


@dataclass(frozen=True, kw_only=True, eq=False)
class ScatterWork:
    """Steps of a projection in the event-stationary order.

    clocks: in all; ``lead``: before its first row, and ``rows`` of them rows of weights or synapses of lists.
    events: that are read; ``ahead``: clocks from reading one to its first row.
    """

    ahead: float
    events: np.ndarray
    clocks: np.ndarray
    lead: np.ndarray
    rows: np.ndarray

    def steps(self, order: Order) -> list[tuple[float, ...]]:
        """Of each step: ``clocks``, ``lead``, ``rows`` and ``events``."""
        return _by_step(order, self.clocks, self.lead, self.rows, self.events)


def _by_step(order: Order, *each: np.ndarray) -> list[tuple[float, ...]]:
    return list(zip(*(values[order].tolist() for values in each), strict=True))


def counts(events: Counts, name: str, size: int) -> np.ndarray:
    """(samples, steps) of a population's events."""
    if name not in events:
        raise Refusal(f"The events of population {name!r} are not given; there are those of {', '.join(events)}")
    given = np.asarray(events[name])
    if not 1 <= given.ndim <= 3 or (given.ndim == 3 and given.shape[2] != size):
        raise Refusal(
            f"Events of {name!r} are (steps,), (samples, steps) or (samples, steps, {size} neurons), not {given.shape}"
        )
    found = np.atleast_2d(given) if given.ndim < 3 else np.count_nonzero(given, axis=2)
    if found.size and not 0 <= found.min() <= found.max() <= size:
        raise Refusal(f"Population {name!r} has {size} neurons, and cannot send {found.max()} events in a step")
    return found


def of_parts(mapping: Mapping, events: Counts) -> dict[str, np.ndarray]:
    """Events of the parts of populations; where it is not said which neurons fire, each part has its share."""
    found: dict[str, np.ndarray] = {}
    for part in mapping.split.parts:
        size = part.share.size
        counts(events, part.population, size)
        given = np.asarray(events[part.population])
        if len(part.neurons) == size:
            found[part.name] = given
        else:
            found[part.name] = given[:, :, part.neurons] if given.ndim == 3 else given * (len(part.neurons) / size)
    return found


def late(values: np.ndarray, delay: int) -> np.ndarray:
    """(samples, steps) as a reader sees them so many steps later; a sample starts with none."""
    if not delay:
        return values
    seen = np.zeros_like(values)
    seen[:, delay:] = values[:, : values.shape[1] - delay]
    return seen


def rows_of(f: FanOut, source: Place, lanes: int) -> np.ndarray:
    """Rows of weights, or synapses of a list, that an event of each source neuron takes."""
    places, numbers = f.places, source.to_hardware(np.arange(source.size))
    at = numbers // lanes if f.shared else numbers
    each = (places["row"] + 1) if f.listed else (places["across"] + 1) * (places["down"] + 1) * f.groups
    return (each * places["valid"])[at]


def lanes_work(mapping: Mapping, place: Place, events: Counts, sent: Counts, costs: Costs) -> LanesWork:
    """sent: how many ``events`` there are of each."""
    p = mapping.parameters.cores[place.core]
    mine = [r for r in mapping.readers if r.target == place.name and not r.event]
    ring = any(r.target == place.name for r in mapping.rings)
    groups = place.groups(p.lanes)
    own = sent[place.name]
    lists = [_entries(r, sent) for r in mine] + [np.ones_like(own)] * ring
    latency = p.unit_latency
    after_group = max(p.beats, 3 if p.scatter else p.lane_latency)
    replay = _replay([costs.row * n for n in lists], groups, after_group, costs)
    fired = _fired(events[place.name], own, place, groups, p.lanes)
    silent = np.prod(1.0 - fired.reshape(*own.shape, -1, p.units), axis=3).sum(axis=2)  # a clock for each all the same
    sending = (own + silent) / groups
    return LanesWork(
        groups=groups,
        segments=len(lists),
        read={r.source: end.ravel() for r, end in zip(mine, replay.read[:-1], strict=False)},
        entries=(costs.row * np.sum(lists, axis=0)).ravel(),
        first=replay.first.ravel(),
        apart=replay.apart.ravel(),
        begun=(replay.begun[max(0, len(lists) - 2)].ravel(), replay.begun[-1].ravel()),
        after_step=max(after_group, latency + 2),
        sending=sending.ravel(),
        pipeline=p.lane_latency + latency + costs.sent,
        slack=((p.lane_latency + latency + SENDING + p.beats) * sending / p.beats).ravel(),
        takes=groups if ring else 0,
        events=own.ravel(),
        by_group=fired.sum(axis=3).reshape(-1, groups),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Replay:
    """first, apart: as of :class:`LanesWork`. begun, read: when in the last group each list is."""

    first: np.ndarray
    apart: np.ndarray
    begun: list[np.ndarray]
    read: list[np.ndarray]


def _replay(lists: list[np.ndarray], groups: int, after_group: int, costs: Costs) -> _Replay:
    """The lists of a group one after the other, as the lanes read them and the scheduler brings them: one waits while
    another is read, and the next is prepared behind it."""
    offered = begun = free = np.full_like(lists[0], -1)  # the first row is at 0
    handed_over = [begun - after_group]
    for group in range(min(groups, 3)):  # the third is like all others
        start, begins, reads = handed_over[-1] if group else begun, [], []
        for number, rows in enumerate(lists):
            if group or number:
                offered = np.maximum(offered + costs.segment, begun + costs.offered)
            begun = np.maximum(offered, free)
            begins.append(begun - start)
            # A list that is not its group's last takes a clock even if it is empty.
            free = begun + np.maximum(rows, 1)
            reads.append(free - start)
        free = np.maximum(begun + rows + 1, handed_over[-1] + after_group)
        handed_over.append(free)
    return _Replay(first=handed_over[1], apart=handed_over[-1] - handed_over[-2], begun=begins, read=reads)


def _fired(given: np.ndarray, own: np.ndarray, place: Place, groups: int, lanes: int) -> np.ndarray:
    """Events of each neuron's place in a group, (samples, steps, groups, lanes), or what is expected of it."""
    shape = (*own.shape, groups, lanes)
    if np.ndim(given) < 3:  # neurons that fire are taken to be spread evenly
        return np.broadcast_to((own / (groups * lanes))[:, :, None, None], shape)
    fires = np.zeros((*own.shape, groups * lanes), bool)
    fires[:, :, place.to_hardware(np.arange(place.size))] = given
    return fires.reshape(shape)


def scatter_work(mapping: Mapping, target: str, events: Counts, sent: Counts, costs: Costs) -> list[ScatterWork]:
    """Of each projection into a population, in turn."""
    mine = [r for r in mapping.readers if r.target == target and r.event]
    return [_scattered(mapping, r, events, sent, costs) for r in mine]


def _scattered(mapping: Mapping, r: Reader, events: Counts, sent: Counts, costs: Costs) -> ScatterWork:
    p = mapping.parameters.cores[mapping.by_name[r.target].core]
    read = _entries(r, sent)
    reading = costs.travel + p.entry_latency
    found = _rows(mapping, r, events, sent, reading) if r.projection else (0 * read,) * 3
    rows, lead, tail = (late(one, r.delay) for one in found)
    first = costs.first_row + p.entry_latency + lead
    drain = np.maximum(costs.drain + (p.value_bits > 1), np.where(tail > 0, reading + tail, 0))
    with_rows = first + costs.row * rows + drain
    unread = np.where(read > 0, costs.first_row + p.entry_latency + read, costs.empty)
    clocks = np.where(rows > 0, with_rows, unread)
    return ScatterWork(
        ahead=reading,
        events=read.ravel(),
        clocks=clocks.ravel(),
        lead=first.ravel(),
        rows=(costs.row * rows).ravel(),
    )


def _entries(r: Reader, sent: Counts) -> np.ndarray:
    return late(sent[r.source], r.delay) if r.projection else np.zeros_like(sent[r.target])


def _rows(
    mapping: Mapping, r: Reader, events: Counts, sent: Counts, reading: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(samples, steps) rows of a projection, and events that are read in vain, for want of any row, while no other's
    rows are there to add: before the last row, and after it. Where it is not said who fires, every neuron does as
    often."""
    source = mapping.by_name[r.source]
    each = rows_of(mapping.fan_outs[r], source, _lanes(mapping))
    given = np.asarray(events[r.source])
    if given.ndim < 3:
        read = sent[r.source]
        rows = read * float(each.mean())
        return rows, np.maximum(read - rows, 0), 0 * rows
    order = np.argsort(source.to_hardware(np.arange(source.size)))
    fire, each = (given != 0)[:, :, order], each[order]
    rows = fire @ each.astype(float)
    # An event comes when it and those before it are read; all rows from its own on are added after that.
    before = np.cumsum(fire, axis=2) - np.cumsum(fire * each, axis=2) + fire * (each - 1.0)
    adds = fire & (each > 0)
    lead = np.max(np.where(adds, before, 0.0), axis=2)
    # Behind the last that has some, events are read in the places that are free of those whose rows are to come: none
    # at first, and one more with each that is begun. One that is read in vain keeps a place for a while.
    to_come = np.cumsum(adds[:, :, ::-1], axis=2)[:, :, ::-1]  # from each event on
    behind = (fire & (to_come == 0)).sum(axis=2)
    free = np.clip((EVENTS - to_come) / (reading + 2), 0, 1)
    until_last = fire.sum(axis=2) - behind
    ahead = np.minimum((adds * each * free).sum(axis=2), lead + rows + reading - until_last)
    return rows, lead, np.maximum(behind - ahead, 0)


def _lanes(mapping: Mapping) -> int:
    core: CoreParameters = mapping.parameters.cores[0]
    return core.lanes

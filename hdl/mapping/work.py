"""What a step costs each engine, in clocks: rows of weights, groups, events to send. No step waits here."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass

import numpy as np

from spikeloom.golden.network import Refusal
from spikeloom.hdl.mapping.fan_outs import FanOut
from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.mapping.plan import Mapping, Place, Reader
from spikeloom.hdl.neuron_units import SENDING
from spikeloom.hdl.parameters import CoreParameters

__all__ = ["Counts", "LanesWork", "ScatterWork", "counts", "lanes_work", "of_parts", "rows_of", "scatter_work"]

#: Events of each population: (samples, steps), or with which neurons fire (samples, steps, neurons).
Counts = MappingType[str, np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class LanesWork:
    """Steps of one population on the lanes of its core; lists have a number for each step.

    entries:  rows of weights or sums that each of ``groups`` takes, from ``segments`` lists; ``apart``: clocks from one
              group to the next, and ``after_step`` from a step's last to the next step's first.
    sending:  clocks in which a group's events leave. pipeline: from the hand-over of a group to its first event.
    slack:    results of neurons that are kept until they leave, in clocks of theirs.
    read:     by source, clocks from a group's begin until a list that is not the last was read.
    takes:    rows of sums that are taken from the event-stationary half in a step.
    """

    groups: int
    segments: int
    read: dict[str, list[float]]
    entries: list[float]
    apart: list[float]
    after_step: int
    sending: list[float]
    pipeline: int
    slack: list[float]
    takes: int
    events: list[float]


@dataclass(frozen=True, kw_only=True, eq=False)
class ScatterWork:
    """Steps of one population's sums: ``clocks`` in all, ``rows`` of them rows of weights or synapses of lists."""

    clocks: list[float]
    rows: list[float]


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
        found[part.name] = given[:, :, part.neurons] if given.ndim == 3 else given * (len(part.neurons) / size)
    return found


def late(values: np.ndarray, delay: int) -> np.ndarray:
    """(samples, steps) as a reader sees them so many steps later; a sample starts with none."""
    seen = np.zeros_like(values)
    seen[:, delay:] = values[:, : values.shape[1] - delay]
    return seen


def rows_of(f: FanOut, source: Place, lanes: int) -> np.ndarray:
    """Rows of weights, or synapses of a list, that an event of each source neuron takes."""
    places, numbers = f.places, source.to_hardware(np.arange(source.size))
    at = numbers // lanes if f.shared else numbers
    each = (places["row"] + 1) if f.listed else (places["across"] + 1) * (places["down"] + 1) * f.groups
    return (each * places["valid"])[at]


def lanes_work(mapping: Mapping, place: Place, events: Counts, costs: Costs) -> LanesWork:
    p = mapping.parameters.cores[place.core]
    mine = [r for r in mapping.readers if r.target == place.name and not r.event]
    ring = any(r.target == place.name for r in mapping.rings)
    groups = place.groups(p.lanes)
    own = counts(events, place.name, place.size)
    lists = [_entries(mapping, r, events, own) for r in mine] + [np.ones_like(own)] * ring
    # A list that is not its group's last takes a clock even if it is empty.
    ends = np.cumsum([np.maximum(n, 1) for n in lists[:-1]] + [lists[-1]], axis=0)
    entries = costs.row * ends[-1]
    latency = p.neuron.latency + 2 + p.folded
    after_group = max(p.beats, 3 if p.scatter else p.lane_latency)
    sending = (own + _silent(events[place.name], own, place, groups * p.beats, p.units)) / groups
    return LanesWork(
        groups=groups,
        segments=len(lists),
        read={r.source: end.ravel().tolist() for r, end in zip(mine, ends[:-1], strict=False)},
        entries=entries.ravel().tolist(),
        apart=np.maximum(np.maximum(entries + 1, after_group), costs.segment * len(lists)).ravel().tolist(),
        after_step=max(after_group, latency + 2),
        sending=sending.ravel().tolist(),
        pipeline=p.lane_latency + latency + costs.sent,
        slack=((p.lane_latency + latency + SENDING + p.beats) * sending / p.beats).ravel().tolist(),
        takes=groups if ring else 0,
        events=own.ravel().tolist(),
    )


def _silent(given: np.ndarray, own: np.ndarray, place: Place, results: int, units: int) -> np.ndarray:
    """Results of ``units`` neurons without an event, which take a clock all the same."""
    if np.ndim(given) < 3:  # neurons that fire are taken to be spread evenly
        return results * (1 - own / (results * units)) ** units
    fires = np.zeros((*own.shape, results * units), bool)
    fires[:, :, place.to_hardware(np.arange(place.size))] = given
    return results - np.count_nonzero(fires.reshape(*own.shape, results, units).any(3), axis=2)


def scatter_work(mapping: Mapping, target: str, events: Counts, costs: Costs) -> ScatterWork:
    place = mapping.by_name[target]
    own = counts(events, target, place.size)
    clocks, rows = np.zeros(own.shape), np.zeros(own.shape)
    for r in mapping.readers:
        if r.target == target and r.event:
            read = _entries(mapping, r, events, own)
            added = late(_rows(mapping, r, events), r.delay) if r.projection else 0 * rows
            rows = rows + added
            clocks = clocks + np.where(read > 0, np.maximum(costs.row * added, read) + costs.projection, costs.empty)
    return ScatterWork(clocks=clocks.ravel().tolist(), rows=rows.ravel().tolist())


def _entries(mapping: Mapping, r: Reader, events: Counts, like: np.ndarray) -> np.ndarray:
    if r.projection is None:
        return np.zeros_like(like)
    return late(counts(events, r.source, mapping.by_name[r.source].size), r.delay)


def _rows(mapping: Mapping, r: Reader, events: Counts) -> np.ndarray:
    """(samples, steps) rows of a projection; where it is not said who fires, every neuron does as often."""
    source = mapping.by_name[r.source]
    each = rows_of(mapping.fan_outs[r], source, _lanes(mapping))
    given = np.asarray(events[r.source])
    if given.ndim == 3:
        return (given != 0) @ each.astype(float)
    return counts(events, r.source, source.size) * float(each.mean())


def _lanes(mapping: Mapping) -> int:
    core: CoreParameters = mapping.parameters.cores[0]
    return core.lanes

"""What parts of populations would cost the cores that they are put on, quickly: for the search of a placement."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spikeloom.golden.network import Convolution, Dense, Network, OneToOne, Projection
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping.fan_outs import reached
from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.mapping.split import most_parts, slice_size
from spikeloom.hdl.neurons import MODELS
from spikeloom.hdl.parameters import covering

__all__ = ["ASSUMED_RATE", "Loads", "Placed", "assumed_events", "assumed_rates", "balanced"]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Populations on cores: by name the core of each part, and where each part but the first begins, in slices.

    A slice is a row of an image, or a group of lanes: what a population is cut into at most.
    """

    cores: MappingType[str, tuple[int, ...]]
    cuts: MappingType[str, tuple[int, ...]]


#: Share of neurons that send an event in a step, where nobody says better.
ASSUMED_RATE = 0.1
#: Samples and steps of such events: each step does the same.
ASSUMED_SHAPE = 2, 16
#: Parts of its source that a part of an image sees, if both are cut alike.
NEAR = 3
#: Clocks from a part's last row to the first of one that reads it, and back, until a credit lets the next step begin.
LATENCY, BACK = 40, 10
#: Bits of a neuron's state and parameters, of a synapse in a list beside its weight, and of an event in a list.
NEURON_BITS, SYNAPSE_BITS, EVENT_BITS = 64, 16, 16


def assumed_rates(network: Network) -> dict[str, np.ndarray]:
    return {p.name: np.full(p.size, ASSUMED_RATE) for p in network.populations}


def assumed_events(network: Network) -> dict[str, np.ndarray]:
    """How many each population sends in a step."""
    return {name: np.full(ASSUMED_SHAPE, each.sum()) for name, each in assumed_rates(network).items()}


@dataclass(frozen=True, kw_only=True)
class _Into:
    """A projection: rows of its events in a step for each slice of the target; bits of its weights.

    near: a slice of the target sees few of the source's. synapses: as stored.
    """

    source: str
    event: bool
    rows: np.ndarray
    near: bool
    bits: float
    delay: int
    synapses: float


class Loads:
    """Estimates for one network. slices: of each population. Bits and clocks of a step are per core.

    kinds: populations of the same kind may share a core.
    each: events of each neuron in a step, by population.
    """

    def __init__(self, network: Network, configuration: Configuration, each: MappingType[str, np.ndarray]):
        self.lanes = configuration.lanes
        self.beats = configuration.lanes // configuration.neuron_units
        self.slots = {p.name: configuration.slots_of(p.name) for p in network.populations}
        self.costs = Costs()
        self.each = each
        self.rates = {name: float(rates.sum()) for name, rates in each.items()}
        self.sizes = {p.name: p.size for p in network.populations}
        self.names = [p.name for p in network.neurons]
        self.slices = {name: most_parts(network, name, self.lanes) for name in self.names}
        self.slice_sizes = {name: slice_size(network, name, self.lanes) for name in self.names}
        self.kinds = _kinds(network)
        self.into: dict[str, list[_Into]] = {name: [] for name in self.names}
        for j in network.projections:
            self.into[j.target].append(self._into(j, configuration))
        #: between populations, steps by which one may be ahead of the other: by delays, and back by slots
        self.tokens = np.full((len(self.names), len(self.names)), np.inf)
        self.ways = np.full_like(self.tokens, BACK)
        for b, name in enumerate(self.names):
            for i in self.into[name]:
                if i.source in self.names:
                    a = self.names.index(i.source)
                    self.tokens[a, b], self.ways[a, b] = min(self.tokens[a, b], i.delay), LATENCY
                    self.tokens[b, a] = min(self.tokens[b, a], self.slots[i.source])
        self._parts: dict[tuple[str, tuple[int, ...], tuple[int, ...]], np.ndarray] = {}
        self.synapses = 1 + int(sum(i.synapses for own in self.into.values() for i in own))
        self.readers = {
            name: [target for target in self.names if any(i.source == name for i in self.into[target])]
            for name in self.sizes
        }

    def _into(self, j: Projection, configuration: Configuration) -> _Into:
        s = j.synapses
        order = configuration.order
        named = order if isinstance(order, str) else order.get(f"{j.source} -> {j.target}", "auto")
        matrix = isinstance(s, Dense) and s.delays is None
        event = named == "event" or (named == "auto" and not matrix)
        sources, targets = s.shape
        groups = -(-targets // self.lanes)
        slices = self.slices[j.target]
        per_event, listed, near = float(groups), False, False
        if event and not matrix:
            if s.delays is None and isinstance(s, OneToOne):
                per_event = 1.0
            elif s.delays is None and isinstance(s, Convolution):
                w = s.window.planar
                made = max(1, -(-w.kernel[0] // w.groups // self.lanes))
                (down, onto, _), (across, _, _) = reached(w, 0), reached(w, 1)
                per_event = len(down) * len(across) * w.source[0] * made / sources
                beside = self.each[j.source].reshape(w.source).sum(0) @ np.bincount(across, minlength=w.source[2])
                rows = np.bincount(onto, beside[down] * made, minlength=w.target[1])
                near = len(rows) == slices > 1
            else:
                per_event, listed = _synapses(j) / sources, True
        if not near:
            rows = np.full(slices, per_event * self.rates[j.source] / slices)
        stored = s.bits + j.shift
        if listed:
            bits = per_event * sources * (stored + SYNAPSE_BITS)
        elif event and isinstance(s, Convolution):
            bits = float(prod(s.weights.shape) * stored)
        else:
            bits = float(sources * groups * self.lanes * stored)
        return _Into(
            source=j.source,
            event=event,
            rows=rows,
            near=near,
            bits=bits,
            delay=j.delay,
            synapses=per_event * sources,
        )

    def even(self, name: str, parts: int) -> tuple[int, ...]:
        """Where parts begin that are as equal as can be."""
        return tuple(k * self.slices[name] // parts for k in range(1, parts))

    def fair(self, name: str, parts: int) -> tuple[int, ...]:
        """Where parts begin so that none has much more work than the others."""
        own = -(self.sizes[name] // -self.lanes) / self.slices[name] * max(self.beats, self.costs.segment)
        work = own + np.sum([i.rows for i in self.into[name] if i.event], axis=0)
        return balanced(work, parts) if np.ptp(work) > 0 else self.even(name, parts)

    def parts(self, name: str, placed: Placed) -> np.ndarray:
        """(3, parts): clocks of the lanes and of the event-stationary engine in a step, and bits."""
        sources = tuple(len(placed.cores.get(i.source, (0,))) for i in self.into[name])
        key = name, placed.cuts[name], sources
        if key not in self._parts:
            self._parts[key] = self._of_parts(name, placed.cuts[name], sources)
        return self._parts[key]

    def _of_parts(self, name: str, cuts: tuple[int, ...], sources: tuple[int, ...]) -> np.ndarray:
        begins = [0, *cuts]
        share = np.diff([*begins, self.slices[name]]) / self.slices[name]
        groups = np.ceil(-(self.sizes[name] // -self.lanes) * share)
        entries = lists = pieces = 0.0
        added = np.zeros(len(begins))
        for i, parts in zip(self.into[name], sources, strict=True):
            if i.event:
                added += np.add.reduceat(i.rows, begins)
                pieces += min(NEAR, parts) if i.near else parts
            else:
                entries += self.rates[i.source]
                lists += parts
        taken = bool(pieces)
        each = max(entries + taken + 1, self.beats, self.costs.segment * (lists + taken))
        lanes = np.maximum(groups * each, self.rates[name] * share) + self.costs.start
        return np.array([lanes, added + self.costs.projection * pieces, self.bits(name, share)])

    def bits(self, name: str, share: np.ndarray | float) -> np.ndarray | float:
        """That parts store, events for them included; a share is of the population."""
        own = sum(i.bits for i in self.into[name]) + NEURON_BITS * self.sizes[name]
        events = sum(self.sizes[i.source] * self.slots[i.source] for i in self.into[name]) * EVENT_BITS
        return own * share + events

    def of_cores(self, placed: Placed, cores: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(clocks of its busier engine, clocks of both, bits) of each core."""
        there = [core for name in self.names for core in placed.cores[name]]
        parts = np.concatenate([self.parts(name, placed) for name in self.names], axis=1)
        lanes, scatter, bits = (np.bincount(there, each, minlength=cores) for each in parts)
        return np.maximum(lanes, scatter), lanes + scatter, bits

    def strangers(self, placed: Placed) -> int:
        """Kinds that are too many on their cores."""
        there = {(core, self.kinds[name]) for name, cores in placed.cores.items() for core in cores}
        return len(there) - len({core for core, _ in there})

    def channels(self, placed: Placed) -> int:
        """Between parts."""
        cores = placed.cores
        return sum(len(cores.get(i.source, (0,))) * len(cores[name]) for name in self.names for i in self.into[name])

    def step(self, placed: Placed, cores: int, most: float = np.inf) -> float:
        """Clocks of a step: of the busiest core, of packets into one, or of the slowest circle of ticks and credits.

        Infinite if they are certainly more than ``most``.
        """
        step = max(float(self.of_cores(placed, cores)[0].max()), self.packets(placed) / cores)
        took = np.array([self.parts(name, placed)[:2].sum(0).max() for name in self.names])
        took = took[None, :] + self.ways
        if not _rises(took, self.tokens, step):
            return step
        if np.isfinite(most) and _rises(took, self.tokens, most):
            return np.inf
        low, high = step, float(took.max() * len(self.names))
        while high > 1.01 * low:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if _rises(took, self.tokens, middle) else (low, middle)
        return high

    def packets(self, placed: Placed) -> float:
        """That enter cores in a step: a part's events and tick for each other core that reads them."""
        found = 0.0
        for name, readers in self.readers.items():
            own = placed.cores.get(name, (-1,))
            cores = {core for target in readers for core in placed.cores[target]}
            for core in own:
                found += (self.rates[name] / len(own) + 1) * len(cores - {core})
        return found


def _kinds(network: Network) -> dict[str, int]:
    units: list[Any] = []
    found = {}
    for p in network.neurons:
        own = MODELS[p.neuron.model].Parameters.derive(p.neuron, p.value_bits)
        for kind, unit in enumerate(units):
            try:
                units[kind] = covering(unit, own)
            except ValueError:
                continue
            found[p.name] = kind
            break
        else:
            found[p.name] = len(units)
            units.append(own)
    return found


def balanced(work: np.ndarray, parts: int) -> tuple[int, ...]:
    """Where all parts but the first begin if the one with the most work has as little as can be."""
    total = np.append(0, np.cumsum(work))

    def cut(most: float) -> list[int]:
        begins = [0]
        for left in range(parts - 1, 0, -1):
            end = int(np.searchsorted(total, total[begins[-1]] + most, "right")) - 1
            begins.append(min(max(end, begins[-1] + 1), len(work) - left))
        return begins

    low, high = float(total[-1]) / parts, float(total[-1])
    while high > 1.001 * low:
        middle = (low + high) / 2
        enough = np.diff(total[[*cut(middle), len(work)]]).max() <= middle
        low, high = (low, middle) if enough else (middle, high)
    return tuple(cut(high)[1:])


def _rises(took: np.ndarray, tokens: np.ndarray, step: float) -> bool:
    """A circle of populations takes longer than its tokens allow if a step takes so many clocks."""
    paths = took - step * tokens
    for _ in range(len(took).bit_length()):
        paths = np.maximum(paths, (paths[:, :, None] + paths[None, :, :]).max(axis=1))
        if (np.diag(paths) > 0).any():
            return True
    return False


def _synapses(j: Projection) -> int:
    s = j.synapses
    if isinstance(s, Convolution):
        w = s.window.planar
        return len(reached(w, 0)[0]) * len(reached(w, 1)[0]) * w.kernel[0] * w.kernel[1]
    return s.neurons if isinstance(s, OneToOne) else s.weights.size

"""What the parts of populations would cost the cores that they are put on, quickly: for the search of a placement."""

from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from math import prod

import numpy as np

from spikeloom.golden.network import Convolution, Dense, Network, OneToOne, Projection
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping.fan_outs import reached
from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.mapping.split import most_parts

__all__ = ["ASSUMED_RATE", "Loads", "Placed", "assumed_rates"]

#: Populations on cores: by name, the core of each part.
Placed = MappingType[str, tuple[int, ...]]

#: Share of neurons that send an event in a step, where nobody says better.
ASSUMED_RATE = 0.1
#: Clocks from a part's last row to the first of one that reads it, and back, until a credit lets the next step begin.
LATENCY, BACK = 40, 10
#: Bits of a neuron's state and parameters, of a synapse in a list beside its weight, and of an event in a list.
NEURON_BITS, SYNAPSE_BITS, EVENT_BITS = 64, 16, 16


def assumed_rates(network: Network) -> dict[str, float]:
    return {p.name: ASSUMED_RATE * p.size for p in network.populations}


@dataclass(frozen=True, kw_only=True)
class _Into:
    """A projection: rows of its events in a step for the whole target; bits of its weights. synapses: as stored."""

    source: str
    event: bool
    rows: float
    bits: float
    delay: int
    synapses: float


class Loads:
    """Estimates for one network. most: parts that each population can have. Bits and clocks of a step are per core."""

    def __init__(self, network: Network, configuration: Configuration, rates: MappingType[str, float]):
        self.lanes = configuration.lanes
        self.beats = configuration.lanes // configuration.neuron_units
        self.slots = configuration.slots
        self.costs = Costs()
        self.rates = rates
        self.sizes = {p.name: p.size for p in network.populations}
        self.names = [p.name for p in network.neurons]
        self.most = {name: most_parts(network, name, self.lanes) for name in self.names}
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
                    self.tokens[b, a] = min(self.tokens[b, a], self.slots)
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
        per_event, listed = float(groups), False
        if event and not matrix:
            if s.delays is None and isinstance(s, OneToOne):
                per_event = 1.0
            elif s.delays is None and isinstance(s, Convolution):
                w = s.window.planar
                made = -(-w.kernel[0] // w.groups // self.lanes)
                per_event = len(reached(w, 0)[0]) * len(reached(w, 1)[0]) * w.source[0] * max(1, made) / sources
            else:
                per_event, listed = _synapses(j) / sources, True
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
            rows=per_event * self.rates[j.source],
            bits=bits,
            delay=j.delay,
            synapses=per_event * sources,
        )

    def clocks(self, name: str, parts: int, placed: Placed) -> float:
        """Of one part in a step; sums of an event-stationary half are taken before the next step's are added up."""
        groups = -(self.sizes[name] // -self.lanes)
        groups = -(groups // -parts)
        entries = lists = added = projections = 0.0
        for i in self.into[name]:
            pieces = len(placed.get(i.source, (0,)))
            if i.event:
                added += i.rows / parts
                projections += pieces
            else:
                entries += self.rates[i.source]
                lists += pieces
        taken = bool(projections)
        lanes = groups * max(entries + taken + 1, self.beats, self.costs.segment * (lists + taken))
        scatter = added + self.costs.projection * projections
        return max(lanes, self.rates[name] / parts) + scatter + self.costs.start

    def bits(self, name: str, parts: int) -> float:
        """That one part stores, events for it included."""
        own = sum(i.bits for i in self.into[name]) + NEURON_BITS * self.sizes[name]
        events = sum(self.sizes[i.source] for i in self.into[name]) * self.slots * EVENT_BITS
        return own / parts + events

    def of_cores(self, placed: Placed, cores: int) -> tuple[np.ndarray, np.ndarray]:
        """(clocks, bits) of each core."""
        clocks, bits = np.zeros(cores), np.zeros(cores)
        for name, there in placed.items():
            for core in there:
                clocks[core] += self.clocks(name, len(there), placed)
                bits[core] += self.bits(name, len(there))
        return clocks, bits

    def channels(self, placed: Placed) -> int:
        """Between parts."""
        return sum(len(placed.get(i.source, (0,))) * len(placed[name]) for name in self.names for i in self.into[name])

    def step(self, placed: Placed, cores: int) -> float:
        """Clocks of a step: of the busiest core, of packets into one, or of the slowest circle of ticks and credits."""
        clocks, _ = self.of_cores(placed, cores)
        step = max(float(clocks.max()), self.packets(placed) / cores)
        took = np.array([self.clocks(name, len(placed[name]), placed) for name in self.names])
        took = took[None, :] + self.ways
        if not _rises(took, self.tokens, step):
            return step
        low, high = step, float(took.max() * len(self.names))
        while high > 1.01 * low:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if _rises(took, self.tokens, middle) else (low, middle)
        return high

    def packets(self, placed: Placed) -> float:
        """That enter cores in a step: a part's events and tick for each other core that reads them."""
        found = 0.0
        for name, readers in self.readers.items():
            own = placed.get(name, (-1,))
            cores = {core for target in readers for core in placed[target]}
            for core in own:
                found += (self.rates[name] / len(own) + 1) * len(cores - {core})
        return found


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


def compact(placed: Placed) -> dict[str, int | list[int]]:
    """As a configuration has it: cores are numbered without a gap, in the order in which they first occur."""
    number = {core: k for k, core in enumerate(dict.fromkeys(_all(placed)))}
    lists = {name: [number[core] for core in there] for name, there in placed.items()}
    return {name: there if len(there) > 1 else there[0] for name, there in lists.items()}


def _all(placed: Placed) -> Iterable[int]:
    return (core for there in placed.values() for core in there)

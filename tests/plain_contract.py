"""The contract (docs/contract.md) once more, in plain Python: what golden is compared with that is not golden.

Of the package, only what a network holds is used. Integers are divided as fractions, synapses come one at a time from
the sentences and formulas of that page.
"""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from graphlib import TopologicalSorter
from typing import Any

import numpy as np

__all__ = ["convolved", "run"]

#: Of a synapse: source, target, weight, delay.
Synapse = tuple[int, int, int, int]


def synapses_of(s: Any) -> list[Synapse]:
    """Every synapse of a kind."""
    late = np.zeros(s.weights.shape, int) if s.delays is None else s.delays
    if s.kind == "dense":
        return [(i, k, int(s.weights[i, k]), int(late[i, k])) for i, k in np.ndindex(s.weights.shape)]
    if s.kind == "sparse":
        listed = zip(s.sources, s.targets, s.weights, late, strict=True)
        return [(int(i), int(k), int(w), int(e)) for i, k, w, e in listed]
    if s.kind == "one-to-one":
        each = s.weights.ndim > 0
        return [
            (i, i, int(s.weights[i] if each else s.weights), int(late[i] if each else late)) for i in range(s.neurons)
        ]
    return list(convolved(s.window, s.weights, late))


def convolved(w: Any, weights: np.ndarray, late: np.ndarray | None = None) -> Iterator[tuple[int, int, Any, int]]:
    """Neurons count in C order, channels first; places outside of the source add nothing."""
    (channels, *size), (out, _, *taps) = w.source, w.kernel
    ends = [
        math.floor(Fraction(n + before + after - step * (k - 1) - 1, stride)) + 1
        for n, k, stride, (before, after), step in zip(size, taps, w.stride, w.padding, w.dilation, strict=True)
    ]
    for o, c in itertools.product(range(out), range(channels // w.groups)):
        channel = math.floor(Fraction(o, out // w.groups)) * (channels // w.groups) + c
        for place, tap in itertools.product(itertools.product(*map(range, ends)), itertools.product(*map(range, taps))):
            at = [
                y * stride - before + u * step
                for y, u, stride, (before, _), step in zip(place, tap, w.stride, w.padding, w.dilation, strict=True)
            ]
            if all(0 <= y < n for y, n in zip(at, size, strict=True)):
                source = int(np.ravel_multi_index((channel, *at), w.source))
                target = int(np.ravel_multi_index((o, *place), (out, *ends)))
                yield source, target, weights[(o, c, *tap)].item(), 0 if late is None else int(late[(o, c, *tap)])


def saturate(value: int, bits: int) -> int:
    return min(2 ** (bits - 1) - 1, max(-(2 ** (bits - 1)), value))


def neuron_step(population: Any, k: int, state: dict[str, int], a: int) -> int:
    """Changes the state of neuron ``k``; returns its event."""
    neuron, o, value_bits = population.neuron, population.neuron.options, population.value_bits
    p = {name: int(value if value.ndim == 0 else value[k]) for name, value in neuron.parameters.items()}

    def kept(value: int, share: int) -> int:
        return math.trunc(Fraction(value * share, 2 ** o["decay_bits"]))

    d = a * 2 ** o["guard"] + p["bias"]
    if "i" in neuron.states:
        d = state["i"] = saturate(kept(state["i"], p["current_keep"]) + d, neuron.states["i"])
    x = kept(state["v"], p["keep"]) + d
    if o["reset_when"] == "next-step":
        x -= state["n"] * p["subtract"]
    n = 0
    if o["spikes"] != "potential" and x >= p["threshold"]:
        n = 1
        if o["spikes"] == "many":
            n = min(2 ** (value_bits - 1) - 1, 1 + math.floor(Fraction(x - p["threshold"], p["subtract"])))
    y = x
    if o["reset_when"] == "same-step":
        y = x - n * p["subtract"] if o["reset"] == "subtract" else p["v_reset"] if n else x
    state["v"] = max(p["v_min"], saturate(y, neuron.states["v"]))
    if "n" in state:
        state["n"] = n
    if o["spikes"] == "potential":
        n = saturate(math.floor(Fraction(state["v"], 2 ** o["cut"])), value_bits)
    return n


def run(network: Any, x: np.ndarray) -> tuple[dict[str, list[list[int]]], dict[str, list[list[dict[str, int]]]]]:
    """Events and states of one sample (steps, neurons) of integers, per population by [step][neuron]."""
    populations = {p.name: p for p in network.populations}
    start = next(p.name for p in network.populations if p.neuron is None)
    into: dict[str, list[tuple[str, int, list[list[tuple[int, int, int]]]]]] = {name: [] for name in populations}
    before: dict[str, set[str]] = {name: set() for name in populations}
    for projection in network.projections:
        size = math.prod(populations[projection.target].shape)
        arriving: list[list[tuple[int, int, int]]] = [[] for _ in range(size)]
        for i, k, weight, late in synapses_of(projection.synapses):
            arriving[k].append((i, weight * 2**projection.shift, projection.delay + late))
        into[projection.target].append((projection.source, size, arriving))
        if any(late == 0 for each in arriving for *_, late in each):
            before[projection.target].add(projection.source)
    states: dict[str, list[dict[str, int]]] = {}
    for p in network.populations:
        if p.neuron is not None:
            first = np.broadcast_to(p.neuron.parameters["v_init"], math.prod(p.shape)).tolist()
            states[p.name] = [dict.fromkeys(p.neuron.states, 0) | {"v": v} for v in first]
    events: dict[str, list[list[int]]] = {name: [] for name in populations}
    seen: dict[str, list[list[dict[str, int]]]] = {name: [] for name in states}
    for t, values in enumerate(x.tolist()):
        for name in TopologicalSorter(before).static_order():
            if name == start:
                events[name].append(values)
                continue
            sent = []
            for k, state in enumerate(states[name]):
                a = 0
                for source, _, arriving in into[name]:
                    a += sum(w * events[source][t - d][i] for i, w, d in arriving[k] if d <= t)
                sent.append(neuron_step(populations[name], k, state, a))
            events[name].append(sent)
            seen[name].append([dict(state) for state in states[name]])
    return events, seen

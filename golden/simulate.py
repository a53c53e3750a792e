"""What a network computes: a batch run that is fast, and a scalar one that reads like the definition.

Sums are exact. A floating-point matrix product of integers is exact while no partial sum can reach the first integer
that the type cannot hold, so BLAS does the adding; the bound is asserted per projection from the actual weights.
Neuron arithmetic is in integers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from spikeloom.golden.network import Network, Population, Projection, Refusal
from spikeloom.golden.neurons import MODELS

__all__ = ["Result", "check_network", "check_stimulus", "run", "step_by_step"]

#: Samples per batch are chosen so that the largest array of a batch has about this many elements.
BATCH_ELEMENTS = 1 << 22
#: Sums stay below this, so that a shift by the largest guard (24 bits) is exact in 64 bits.
MAX_SUM = 1 << 37


@dataclass(frozen=True, kw_only=True)
class Result:
    """Events and states of a run.

    events:     per recorded population, the value of each event (0: none), int16 (samples, steps, neurons).
    potentials: per recorded population, the state ``v`` after each step, int64 (samples, steps, neurons).
    final:      per population, each state after the last step, int64 (samples, neurons).
    spikes:     the answer (samples, steps, *output shape), read ``output_delay`` steps late.
    counts:     its sum over the steps. prediction: the neuron with most counts, ties to the lowest index.
    """

    events: Mapping[str, np.ndarray]
    potentials: Mapping[str, np.ndarray]
    final: Mapping[str, Mapping[str, np.ndarray]]
    spikes: np.ndarray
    counts: np.ndarray
    prediction: np.ndarray


def check_network(network: Network) -> None:
    """Raise :class:`Refusal` unless every population is one that its neuron model is defined for."""
    for population in network.neurons:
        name = population.neuron.model
        if name not in MODELS:
            raise Refusal(f"Population {population.name!r}: unknown neuron model {name!r}; known are {sorted(MODELS)}")
        try:
            MODELS[name].check(population.neuron, population.value_bits)
        except Refusal as refusal:
            raise Refusal(f"Population {population.name!r}: {refusal}") from None
        low, high = sum_range(network, population.name)
        if max(-low, high) >= MAX_SUM:
            raise Refusal(f"Population {population.name!r}: sums of {low}..{high} are too large; use narrower weights")
    for projection in network.projections:
        if projection.port != "input":
            raise Refusal(f"{projection}: there is no port {projection.port!r}; use 'input'")


def check_stimulus(population: Population, x: np.ndarray) -> np.ndarray:
    """What the host sends, as (samples, steps, neurons); or a :class:`Refusal` that says what would be accepted."""
    x = np.asarray(x)
    shapes = dict.fromkeys([population.shape, (population.size,)])
    wanted = " or ".join(f"(samples, steps, {', '.join(map(str, shape))})" for shape in shapes)
    if x.dtype.kind not in "biuf":
        raise Refusal(f"x must hold numbers, not {x.dtype}; save it as small integers of shape {wanted}")
    if x.ndim < 3 or x.shape[2:] not in shapes:
        raise Refusal(f"x has shape {x.shape}; the input {population.name!r} needs {wanted}: save x in that shape")
    if 0 in x.shape[:2]:
        raise Refusal(f"x has shape {x.shape}; at least one sample and one step are needed")
    if x.dtype.kind == "f":
        if not np.isfinite(x).all():
            raise Refusal("x has NaN or infinite values; save spikes (0 and 1) or small integers")
        if (x != np.rint(x)).any():
            raise Refusal(
                "x has values that are not integers, and analogue input does not exist yet; "
                "encode them as spikes (0 and 1) or scale them to small integers"
            )
    low, high = (0, 1) if population.value_bits == 1 else population.value_range
    if x.min() < low or x.max() > high:
        raise Refusal(
            f"x has values in {x.min():g}..{x.max():g}; the input {population.name!r} takes {low}..{high} "
            f"({population.value_bits} value bits): scale x, or convert the network with such data"
        )
    return x.reshape(*x.shape[:2], population.size)


def sum_range(network: Network, name: str) -> tuple[int, int]:
    """Smallest and largest sum that the weights into a population can make in one step."""
    low = high = 0
    for projection in network.into(name):
        source = network[projection.source]
        weights = projection.synapses.weights.astype(np.int64)
        ends = weights * (0 if source.value_bits == 1 else source.value_range[0]), weights * source.value_range[1]
        low += int(np.minimum(*ends).sum(0).min()) << projection.shift
        high += int(np.maximum(*ends).sum(0).max()) << projection.shift
    return low, high


class _Sums:
    """One projection as an exact matrix product."""

    def __init__(self, network: Network, projection: Projection) -> None:
        self.source, self.delay, self.shift = projection.source, projection.delay, projection.shift
        largest = max(map(abs, network[projection.source].value_range))
        self.bound = int(np.abs(projection.synapses.weights.astype(np.int64)).sum(0).max()) * largest
        if self.bound >= 1 << 53:
            raise Refusal(f"{projection}: sums up to {self.bound} are not exact in 64-bit floats; use narrower weights")
        self.weights = projection.synapses.weights.astype(np.float32 if self.bound < 1 << 24 else np.float64)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Sums (..., target) of event values (..., source), not yet delayed."""
        rows = values.reshape(-1, values.shape[-1]).astype(self.weights.dtype)
        sums = (rows @ self.weights).astype(np.int64).reshape(*values.shape[:-1], -1)
        assert np.abs(sums).max() <= self.bound, "a sum is beyond its bound"
        return sums << self.shift


def _components(network: Network) -> list[list[str]]:
    """Populations that lie on common cycles, grouped; groups and members in the order in which they can run."""
    order = list(network.order())
    reach = np.eye(len(order), dtype=bool)
    for projection in network.projections:
        reach[order.index(projection.source), order.index(projection.target)] = True
    for middle in range(len(order)):
        reach |= np.outer(reach[:, middle], reach[middle])
    # A population that another one reaches has more ancestors, unless both lie on one cycle.
    groups = {tuple(np.flatnonzero(reach[i] & reach[:, i])) for i in range(len(order))}
    return [[order[i] for i in group] for group in sorted(groups, key=lambda g: (reach[:, g[0]].sum(), g))]


def _assert_ranges(population: Population, state: Mapping[str, np.ndarray], values: np.ndarray) -> None:
    low, high = population.value_range
    assert min(0, low) <= values.min() and values.max() <= high, f"{population.name}: an event is out of range"
    for name, bits in population.neuron.states.items():
        low, high = (0, 1) if bits == 1 else (-(1 << bits - 1), (1 << bits - 1) - 1)
        assert low <= state[name].min() and state[name].max() <= high, f"{population.name}: {name} is out of range"


class _Batch:
    """All samples of one batch, component after component."""

    def __init__(self, network: Network, record_potentials: bool) -> None:
        self.network = network
        self.record_potentials = record_potentials
        self.components = _components(network)
        self.sums = {p.name: [_Sums(network, q) for q in network.into(p.name)] for p in network.neurons}

    def run(self, x: np.ndarray) -> None:
        self.events: dict[str, np.ndarray] = {self.network.input.name: x}
        self.potentials: dict[str, np.ndarray] = {}
        self.states: dict[str, dict[str, np.ndarray]] = {}
        for names in self.components:
            if names != [self.network.input.name]:
                self._component(names, *x.shape[:2])

    def _component(self, names: list[str], samples: int, steps: int) -> None:
        drive = {name: np.zeros((samples, steps, self.network[name].size), np.int64) for name in names}
        inside: dict[str, list[_Sums]] = {name: [] for name in names}
        for name in names:
            for sums in self.sums[name]:
                if sums.source in names:
                    inside[name].append(sums)
                elif sums.delay < steps:
                    drive[name][:, sums.delay :] += sums(self.events[sums.source][:, : steps - sums.delay])
        for name in names:
            population = self.network[name]
            model = MODELS[population.neuron.model]
            self.states[name] = model.initial(population.neuron, (samples, population.size))
            self.events[name] = np.zeros((samples, steps, population.size), np.int16)
            if self.record_potentials:
                self.potentials[name] = np.zeros((samples, steps, population.size), np.int64)
        for t in range(steps):
            for name in names:
                population = self.network[name]
                a = drive[name][:, t]
                for sums in inside[name]:
                    if sums.delay <= t:
                        a = a + sums(self.events[sums.source][:, t - sums.delay])
                state, values = MODELS[population.neuron.model].advance(
                    population.neuron, population.value_bits, self.states[name], a
                )
                _assert_ranges(population, state, values)
                self.states[name], self.events[name][:, t] = state, values
                if self.record_potentials:
                    self.potentials[name][:, t] = state["v"]


def run(
    network: Network, x: np.ndarray, *, record: str = "output", progress: Callable[[int, int], None] | None = None
) -> Result:
    """Run every sample of ``x`` (samples, steps, *input shape) from the initial state.

    record:   ``"output"`` keeps the output population's events; ``"all"`` those of every population, and potentials.
    progress: called with (samples done, samples) after each batch.
    """
    if record not in ("output", "all"):
        raise Refusal(f"record must be 'output' or 'all', not {record!r}")
    check_network(network)
    x = check_stimulus(network.input, x)
    samples, steps = x.shape[:2]
    recorded = [p.name for p in network.neurons] if record == "all" else [network.output]
    size = max(p.size for p in network.populations)
    chunk = max(1, min(samples, BATCH_ELEMENTS // (steps * size)))
    batch = _Batch(network, record == "all")
    events = {name: np.zeros((samples, steps, network[name].size), np.int16) for name in recorded}
    potentials = {name: np.zeros(events[name].shape, np.int64) for name in (recorded if record == "all" else ())}
    final = {
        p.name: {state: np.zeros((samples, p.size), np.int64) for state in p.neuron.states} for p in network.neurons
    }
    for first in range(0, samples, chunk):
        part = slice(first, min(first + chunk, samples))
        batch.run(x[part])
        for name in recorded:
            events[name][part] = batch.events[name]
        for name in potentials:
            potentials[name][part] = batch.potentials[name]
        for name, states in final.items():
            for state, array in states.items():
                array[part] = batch.states[name][state]
        if progress:
            progress(part.stop, samples)
    output = network[network.output]
    spikes = np.zeros((samples, steps, output.size), np.int16)
    spikes[:, network.output_delay :] = events[output.name][:, : max(0, steps - network.output_delay)]
    counts = spikes.sum(1, dtype=np.int64)
    return Result(
        events=events,
        potentials=potentials,
        final=final,
        spikes=spikes.reshape(samples, steps, *output.shape),
        counts=counts.reshape(samples, *output.shape),
        prediction=counts.argmax(1),
    )


def step_by_step(
    network: Network, x: np.ndarray
) -> tuple[dict[str, list[list[int]]], dict[str, list[list[dict[str, int]]]]]:
    """One sample (steps, *input shape) as the definition says it, in plain integers.

    Returns, per population, the value of each event (0: none) by [step][neuron], and for those with neurons each state
    after the step by [step][neuron].
    """
    check_network(network)
    x = check_stimulus(network.input, np.asarray(x)[None])[0]
    weights = {id(p): p.synapses.weights.tolist() for p in network.projections}
    state = {
        p.name: [
            {name: int(array[k]) for name, array in MODELS[p.neuron.model].initial(p.neuron, (p.size,)).items()}
            for k in range(p.size)
        ]
        for p in network.neurons
    }
    events: dict[str, list[list[int]]] = {p.name: [] for p in network.populations}
    states: dict[str, list[list[dict[str, int]]]] = {p.name: [] for p in network.neurons}
    for t in range(len(x)):
        events[network.input.name].append([int(value) for value in x[t]])
        for population in network.neurons:
            name, neuron = population.name, population.neuron
            values = []
            for k in range(population.size):
                a = 0
                for projection in network.into(name):
                    if projection.delay <= t:
                        for i, value in enumerate(events[projection.source][t - projection.delay]):
                            a += (weights[id(projection)][i][k] * value) << projection.shift
                step = MODELS[neuron.model].step
                state[name][k], value = step(neuron, population.value_bits, k, state[name][k], a)
                values.append(value)
            events[name].append(values)
            states[name].append([dict(s) for s in state[name]])
    return events, states

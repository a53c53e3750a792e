"""What a network computes: a batch run that is fast, and a scalar one that reads like the definition.

All of it is integers. Those that a float holds exactly are kept in floats, which are faster to multiply; that none gets
beyond is known from the actual weights and sums, and asserted.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from spikeloom.golden.loops import components
from spikeloom.golden.network import Network, Population, Projection, Refusal
from spikeloom.golden.neurons import MODELS
from spikeloom.golden.sums import FLOAT32, Sums, sum_range
from spikeloom.golden.synapses import to_dense

__all__ = ["Result", "answer", "check_network", "check_stimulus", "clipped", "run", "step_by_step"]

#: Samples per batch are chosen so that the largest array of a batch has about this many elements.
BATCH_ELEMENTS = 1 << 22
#: What changes from step to step is worked on in blocks of samples with about this many elements, for the cache.
BLOCK_ELEMENTS = 1 << 19
#: Sums stay below this, so that a shift by the largest guard (24 bits) is exact in 64 bits.
MAX_SUM = 1 << 37


@dataclass(frozen=True, kw_only=True)
class Result:
    """Events and states of a run.

    events:     per recorded population, the value of each event (0: none), int16 (samples, steps, neurons).
    potentials: per recorded population, the state ``v`` after each step, int64 (samples, steps, neurons).
    final:      per population, each state after the last step, int64 (samples, neurons).
    spikes:     the answer (samples, steps, *output shape), read ``output_delay`` steps late.
    counts:     its sum over the steps, or what else ``read_out`` makes of it. prediction: the neuron with the largest
                count, ties to the lowest index.
    """

    events: Mapping[str, np.ndarray]
    potentials: Mapping[str, np.ndarray]
    final: Mapping[str, Mapping[str, np.ndarray]]
    spikes: np.ndarray
    counts: np.ndarray
    prediction: np.ndarray


def check_network(network: Network) -> dict[str, tuple[int, int]]:
    """The range of the sums into each population; :class:`Refusal` unless its neuron model is defined for it."""
    ranges = {}
    for population in network.neurons:
        name, model = population.name, population.neuron.model
        if model not in MODELS:
            raise Refusal(f"Population {name!r}: unknown neuron model {model!r}; known are {sorted(MODELS)}")
        try:
            MODELS[model].check(population.neuron, population.value_bits)
        except Refusal as refusal:
            raise Refusal(f"Population {name!r}: {refusal}") from None
        low, high = ranges[name] = sum_range(network, name)
        if max(-low, high) >= MAX_SUM:
            raise Refusal(f"Population {name!r}: sums of {low}..{high} are too large; use narrower weights")
    for projection in network.projections:
        if projection.port != "input":
            raise Refusal(f"{projection}: there is no port {projection.port!r}; use 'input'")
    return ranges


def check_stimulus(population: Population, x: np.ndarray) -> np.ndarray:
    """What the host sends, as (samples, steps, neurons); or a :class:`Refusal` that says what would be accepted.

    Where the input has a scale, floats are analogue samples: each becomes the nearest value that an event can carry.
    Integers are events' values as they are.
    """
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
        if population.scale != 1:
            x = np.clip(np.rint(x / population.scale), *population.value_range).astype(np.int16)
        elif (x != np.rint(x)).any():
            raise Refusal(
                "x has values that are not integers; convert the network with such data, encode them as spikes "
                "(0 and 1), or scale them to small integers"
            )
    low, high = (0, 1) if population.value_bits == 1 else population.value_range
    if x.max() > high or (x.dtype.kind in "if" and x.min() < low):
        raise Refusal(
            f"x has values in {x.min():g}..{x.max():g}; the input {population.name!r} takes {low}..{high} "
            f"({population.value_bits} value bits): scale x, or convert the network with such data"
        )
    return x.reshape(*x.shape[:2], population.size)


def clipped(population: Population, x: np.ndarray) -> float:
    """The share of analogue samples that are beyond what an event of the input can carry."""
    if population.scale == 1 or x.dtype.kind != "f" or not x.size:
        return 0.0
    low, high = population.value_range
    steps = np.rint(x / population.scale)
    return float(((steps < low) | (steps > high)).mean())


def answer(network: Network, events: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spikes, counts and prediction of a :class:`Result` from the output's events (samples, steps, neurons)."""
    output, steps = network[network.output], events.shape[1]
    spikes = np.zeros_like(events)
    spikes[:, network.output_delay :] = events[:, : max(0, steps - network.output_delay)]
    reduce = {"sum": lambda: spikes.sum(1, dtype=np.int64), "last": lambda: spikes[:, -1].astype(np.int64)}
    counts = reduce.get(network.read_out, lambda: spikes.max(1).astype(np.int64))()
    return (
        spikes.reshape(*spikes.shape[:2], *output.shape),
        counts.reshape(len(counts), *output.shape),
        counts.argmax(1),
    )


def _assert_range(what: str, values: np.ndarray, low: int, high: int) -> tuple[int, int]:
    """Smallest and largest of the values, which are in their range."""
    least, most = int(values.min()), int(values.max())
    assert low <= least and most <= high, f"{what} is out of range"
    return least, most


class _Batch:
    """A network prepared to run a batch of samples, component after component, in arrays (steps, samples, neurons)."""

    def __init__(self, network: Network) -> None:
        ranges = check_network(network)
        self.network = network
        self.components = components(network.order(), ((p.source, p.target) for p in network.projections))
        self.clear()
        self.ranges: dict[str, tuple[int, int]] = {}
        self.sums: dict[str, list[Sums]] = {}
        for name, ends in ranges.items():
            neuron = network[name].neuron
            unit = MODELS[neuron.model].unit(neuron)
            dtype = np.float32 if max(map(abs, ends)) < FLOAT32 else np.float64
            self.ranges[name] = ends[0] * unit, ends[1] * unit
            self.sums[name] = [Sums(projection, unit, dtype) for projection in network.into(name)]

    def clear(self) -> None:
        """Forget the last batch."""
        self.events: dict[str, np.ndarray] = {}
        self.potentials: dict[str, np.ndarray] = {}
        self.states: dict[str, dict[str, np.ndarray]] = {}

    def run(self, x: np.ndarray, record_potentials: bool) -> None:
        self.clear()
        self.record_potentials = record_potentials
        self.events[self.network.input.name] = x
        for names in self.components:
            if names != [self.network.input.name]:
                self._component([self.network[name] for name in names], *x.shape[:2])

    def _component(self, populations: list[Population], steps: int, samples: int) -> None:
        for p in populations:
            self.events[p.name] = np.empty((steps, samples, p.size), np.int8 if p.value_bits <= 8 else np.int16)
            self.states[p.name] = {state: np.empty((samples, p.size), np.int64) for state in p.neuron.states}
            if self.record_potentials:
                self.potentials[p.name] = np.empty((steps, samples, p.size), np.int64)
        block = max(1, BLOCK_ELEMENTS // (steps * max(p.size for p in populations)))
        for first in range(0, samples, block):
            self._block(populations, steps, slice(first, min(first + block, samples)))

    def _block(self, populations: list[Population], steps: int, part: slice) -> None:
        """A few samples, so that what changes from step to step stays in the cache."""
        samples = part.stop - part.start
        events = {name: values[:, part] for name, values in self.events.items()}
        drive, inside, neurons = {}, {}, {}
        for p in populations:
            inside[p.name] = [sums for sums in self.sums[p.name] if sums.source in (q.name for q in populations)]
            outside = [sums(events[sums.source]) for sums in self.sums[p.name] if sums not in inside[p.name]]
            drive[p.name] = sum(outside[1:], start=outside[0]) if outside else np.zeros((steps, samples, p.size))
            low, high = _assert_range(f"{p.name}: a sum", drive[p.name], *self.ranges[p.name])
            largest = max(map(abs, self.ranges[p.name] if inside[p.name] else (low, high)))
            neurons[p.name] = MODELS[p.neuron.model].Batch(p.neuron, p.value_bits, samples, p.size, largest)
        for t in range(steps):
            for p in populations:
                a = drive[p.name][t]
                for sums in inside[p.name]:
                    arrived = sums.step(events[sums.source], t)
                    a = a if arrived is None else a + arrived
                if inside[p.name]:
                    _assert_range(f"{p.name}: a sum", a, *self.ranges[p.name])
                neurons[p.name].advance(a, events[p.name][t])
                if self.record_potentials:
                    self.potentials[p.name][t, part] = neurons[p.name].state["v"]
        for p in populations:
            low, high = p.value_range
            _assert_range(f"{p.name}: an event", events[p.name], min(0, low), high)
            for state, bits in p.neuron.states.items():
                self.states[p.name][state][part] = neurons[p.name].state[state]
                low, high = (0, 1) if bits == 1 else (-(1 << bits - 1), (1 << bits - 1) - 1)
                _assert_range(f"{p.name}: {state}", self.states[p.name][state][part], low, high)
                if state == "v" and self.record_potentials:
                    _assert_range(f"{p.name}: v", self.potentials[p.name][:, part], low, high)


#: The network that this thread ran last, prepared: it is often the next, and its memory costs time to get again.
_prepared = threading.local()


def run(
    network: Network, x: np.ndarray, *, record: str = "output", progress: Callable[[int, int], None] | None = None
) -> Result:
    """Run every sample of ``x`` (samples, steps, *input shape) from the initial state.

    record:   ``"output"`` keeps the output population's events; ``"all"`` those of every population, and potentials.
    progress: called with (samples done, samples) after each batch.
    """
    if record not in ("output", "all"):
        raise Refusal(f"record must be 'output' or 'all', not {record!r}")
    if getattr(_prepared, "network", None) is not network:
        _prepared.batch, _prepared.network = _Batch(network), network
    batch = _prepared.batch
    x = check_stimulus(network.input, x)
    samples, steps = x.shape[:2]
    recorded = [p.name for p in network.neurons] if record == "all" else [network.output]
    size = max(p.size for p in network.neurons)
    chunk = max(1, min(samples, BATCH_ELEMENTS // (steps * size)))
    events = {name: np.zeros((samples, steps, network[name].size), np.int16) for name in recorded}
    potentials = {name: np.zeros(events[name].shape, np.int64) for name in (recorded if record == "all" else ())}
    final = {
        p.name: {state: np.zeros((samples, p.size), np.int64) for state in p.neuron.states} for p in network.neurons
    }
    for first in range(0, samples, chunk):
        part = slice(first, min(first + chunk, samples))
        batch.run(x[part].swapaxes(0, 1), record == "all")
        for name in recorded:
            events[name][part] = batch.events[name].swapaxes(0, 1)
        for name in potentials:
            potentials[name][part] = batch.potentials[name].swapaxes(0, 1)
        for name, states in final.items():
            for state, array in states.items():
                array[part] = batch.states[name][state]
        batch.clear()
        if progress:
            progress(part.stop, samples)
    spikes, counts, prediction = answer(network, events[network.output])
    return Result(
        events=events, potentials=potentials, final=final, spikes=spikes, counts=counts, prediction=prediction
    )


def _by_target(projection: Projection) -> list[list[tuple[int, int, int]]]:
    """Source, delay and weight of every synapse, by target, out of the matrix."""
    weights, delays = to_dense(projection.synapses)
    return [
        [(i, projection.delay + d, w) for i, (w, d) in enumerate(zip(*column, strict=True))]
        for column in zip(weights.T.tolist(), delays.T.tolist(), strict=True)
    ]


def step_by_step(
    network: Network, x: np.ndarray
) -> tuple[dict[str, list[list[int]]], dict[str, list[list[dict[str, int]]]]]:
    """One sample (steps, *input shape) as the definition says it, in plain integers.

    Returns, per population, the value of each event (0: none) by [step][neuron], and for those with neurons each state
    after the step by [step][neuron].
    """
    check_network(network)
    x = check_stimulus(network.input, np.asarray(x)[None])[0]
    # Synapses by target: source, delay, weight.
    synapses = {id(p): _by_target(p) for p in network.projections}
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
                    for i, delay, weight in synapses[id(projection)][k]:
                        if delay <= t:
                            a += (weight * events[projection.source][t - delay][i]) << projection.shift
                step = MODELS[neuron.model].step
                state[name][k], value = step(neuron, population.value_bits, k, state[name][k], a)
                values.append(value)
            events[name].append(values)
            states[name].append([dict(s) for s in state[name]])
    return events, states

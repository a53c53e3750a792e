"""Designs whose mutants are to be found, each with several small networks that make its parts work."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.golden.network import (
    Convolution,
    Dense,
    Network,
    Neuron,
    OneToOne,
    Population,
    Projection,
    Refusal,
    Sparse,
    Window,
)
from spikeloom.golden.synapses import to_dense
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.mapping import Mapping as Placed
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters, covering
from spikeloom.trust.mutants.tables import elsewhere

__all__ = ["Rule", "Subject", "case"]

SAMPLES, STEPS = 3, 12
#: Of the networks that are given to a design which was not made for them.
OTHER_SEED, OTHER_STEPS = 1000, 40
#: Of those whose lists are as long as may be.
UNEVEN_SEED = 2000
FLOOR_SEED = 100_000
#: Of those that have other slots.
SLOTTED_SEED = 5000
KINDS = ("dense", "sparse", "convolution", "one-to-one")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What neurons of a core have in common."""

    bits: int = 12
    decay_bits: int = 8
    guard: int = 1
    reset: str = "subtract"
    reset_when: str = "same-step"
    spikes: str = "one"
    value_bits: int = 1
    current_bits: int = 0


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A design: its configuration, and what is drawn for its networks, each from a seed. Two more follow: of one the
    states are as wide as they may be, and of one all neurons fire at once, as many as can be counted.

    rules: of the populations in turn. sizes: of the populations, the input first; where a convolution ends, its window
    says. kinds: of synapses. synapse_delays: the most that a synapse has. orders: projections are added in any order.
    Each of these comes once more with other slots, and with other floors. others: so many networks follow that the
    hardware was not made for; then ``uneven``, whose lists are long; and from these seeds ``lopsided`` ones, in which
    ticks pile up and long lists go from one core to another, and ``fanned`` ones, which have many channels and use up
    their credits.
    """

    configuration: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[Rule, ...] = (Rule(),)
    seeds: tuple[int, ...] = (1, 2, 3)
    sizes: tuple[int, int] = (3, 12)
    populations: int = 3
    kinds: tuple[str, ...] = KINDS
    weight_bits: tuple[int, int] = (3, 6)
    delays: int = 2
    synapse_delays: int = 3
    input_bits: int = 3
    orders: bool = True
    others: int = 0
    uneven: int = 0
    lopsided: tuple[int, ...] = ()
    fanned: tuple[int, ...] = ()

    @property
    def own(self) -> int:
        """Networks that the hardware is made for."""
        return len(self.seeds) + 2


Images = dict[str, list[int]]
Made = tuple[int, Network, Configuration, np.ndarray]
Draw = Callable[[Subject, CoreParameters, np.random.Generator], Network]


def case(subject: Subject, folder: Path) -> tuple[list[tuple[Path, np.ndarray]], dict[Path, dict[str, Images]]]:
    """Generate the design, once for each of its networks into folders with the same Verilog; with stimuli.

    Most networks can be said in other words too: with these contents of some memories, by folder and name.
    """
    made: list[Made] = []
    wide, loud = (subject.seeds[-1] + k for k in (1, 2))
    for seed in (*subject.seeds, wide, loud):
        rng = np.random.default_rng(seed)
        if seed == loud:
            largest = max(p.size for _, network, _, _ in made for p in network.populations)
            network = _loud(subject, (1 << largest.bit_length()) - 1, rng)
        else:
            network = _network(subject, rng, wide=seed == wide)
        configuration = dict(subject.configuration)
        if subject.orders:
            configuration["order"] = _orders(network, rng)
        if isinstance(cores := configuration.get("cores"), int):
            configuration["cores"] = _cores(network, cores, rng)
        x = _stimulus(network, rng, loud=seed == loud)
        made.append((seed, network, Configuration.create(**configuration), x))
    parameters = reduce(
        covering, (map_network(network, configuration).parameters for _, network, configuration, _ in made)
    )
    folders, tables = [], {}
    slotted = [_slotted(*one[:3], _room(parameters)) for one in made]
    others = islice(_fitting(subject, parameters, _other, OTHER_SEED), subject.others)
    uneven = islice(_fitting(subject, parameters, _uneven, UNEVEN_SEED), subject.uneven)
    lopsided = (next(_fitting(subject, parameters, _lopsided, seed)) for seed in subject.lopsided)
    fanned = (next(_fitting(subject, parameters, _fanned, seed)) for seed in subject.fanned)
    floored = [_floored(*one) for one in made]
    for seed, network, configuration, x in (*made, *slotted, *fanned, *others, *uneven, *lopsided, *floored):
        generate(network, configuration, folder / f"network{seed}", parameters=parameters)
        folders.append((folder / f"network{seed}", x))
        mapping = map_network(network, configuration)
        tables[folder / f"network{seed}"] = {
            "sums ahead": _ahead(mapping, parameters),
            "a credit less": _fewer(mapping.images(parameters), parameters),
            "elsewhere": elsewhere(mapping, parameters, seed),
        }
    return folders, tables


def _floored(seed: int, network: Network, configuration: Configuration, x: np.ndarray) -> Made:
    """Neurons whose potentials never fall below 0 among the others."""

    def raised(p: Population) -> Population:
        if p.neuron is None:
            return p
        floors = np.where(np.arange(p.size) % 3, p.neuron.parameters["v_min"], 0)
        return replace(p, neuron=replace(p.neuron, parameters={**p.neuron.parameters, "v_min": floors}))

    populations = tuple(raised(p) for p in network.populations)
    return FLOOR_SEED + seed, replace(network, populations=populations), configuration, x


def _cores(network: Network, cores: int, rng: np.random.Generator) -> dict[str, list[int]]:
    """Of each population, on which cores its parts are; each core has some. Drawn, so that the design stays as it is
    where the mapper finds better ones."""
    first = rng.permutation(len(network.neurons)) % cores
    more = [rng.integers(cores, size=rng.integers(0, min(2, p.size // 3), endpoint=True)) for p in network.neurons]
    return {p.name: [int(own), *map(int, some)] for p, own, some in zip(network.neurons, first, more, strict=True)}


def _ahead(mapping: Placed, parameters: AcceleratorParameters) -> Images:
    """Of some memories, with which events are added up a step further ahead of who reads the sums: their rings are a
    step longer, and hold a credit more. Nothing without such rings, or room for them."""
    mapping = replace(mapping, rings=tuple(replace(ring, steps=ring.steps + 1) for ring in mapping.rings))
    for number, core in enumerate(parameters.cores):
        rows = sum(ring.rows * ring.steps for ring in mapping.rings if mapping.by_name[ring.target].core == number)
        if rows > (core.scatter.ring_rows if core.scatter else 0):
            return {}
    try:
        images = mapping.images(parameters)
    except ValueError:  # too many steps
        return {}
    channels = {name: words for name, words in images.items() if name.endswith("_scatter_channels")}
    more = {name: [word + _credit(parameters) * (word > 0) for word in words] for name, words in channels.items()}
    return more | {name: words for name, words in images.items() if name.endswith(("_projections", "_rings"))}


def _fewer(images: Images, parameters: AcceleratorParameters) -> Images:
    """Of the last channel that each memory has, a slot less is used, where more than one is: so all wait for it."""
    one = _credit(parameters)
    found = {name: list(words) for name, words in images.items() if name.endswith("_channels") and any(words)}
    for words in found.values():
        last = max(number for number, word in enumerate(words) if word)
        words[last] -= one * (words[last] // one > 1)
    return found


def _credit(parameters: AcceleratorParameters) -> int:
    """One credit in a channel's word."""
    return 1 << Tables(parameters.cores[0]).channel["credit"].offset


def _room(parameters: AcceleratorParameters) -> AcceleratorParameters:
    """What the hardware can run: counters and numbers of slots have whole bits."""
    return replace(
        parameters,
        cores=tuple(replace(c, slots=1 << c.slot_bits, tokens=(1 << c.token_bits) - 1) for c in parameters.cores),
    )


def _fits(network: Network, configuration: Configuration, room: AcceleratorParameters) -> bool:
    try:
        return covering(room, map_network(network, configuration).parameters) == room
    except (Refusal, ValueError):
        return False


def _slots(network: Network, room: AcceleratorParameters, rng: np.random.Generator) -> dict[str, int]:
    most = max(core.slots for core in room.cores)
    return {p.name: int(rng.integers(1, most, endpoint=True)) for p in network.populations}


def _slotted(seed: int, network: Network, configuration: Configuration, room: AcceleratorParameters) -> Made:
    """One of the networks that the hardware was made for, with any slots."""
    drawn = (np.random.default_rng([seed, turn]) for turn in count())
    tried = ((rng, configuration.model_copy(update={"slots": _slots(network, room, rng)})) for rng in drawn)
    rng, other = next((rng, other) for rng, other in tried if _fits(network, other, room))
    return SLOTTED_SEED + seed, network, other, _stimulus(network, rng, loud=False, steps=OTHER_STEPS)


def _fitting(subject: Subject, parameters: AcceleratorParameters, draw: Draw, first: int) -> Iterator[Made]:
    """Networks that this hardware can run, with any slots, and on any of the cores."""
    room = _room(parameters)
    cores = len(room.cores)
    for seed in count(first):
        rng = np.random.default_rng(seed)
        network = draw(subject, room.cores[0], rng)
        options: dict[str, Any] = {"slots": _slots(network, room, rng)}
        if cores > 1:
            options["cores"] = _cores(network, cores, rng)
        if subject.orders:
            options["order"] = _orders(network, rng)
        configuration = Configuration.create(**{**subject.configuration, **options})
        if _fits(network, configuration, room):
            yield seed, network, configuration, _stimulus(network, rng, loud=False, steps=OTHER_STEPS)


def _other(subject: Subject, core: CoreParameters, rng: np.random.Generator) -> Network:
    low, high = subject.sizes
    return _network(replace(subject, sizes=(low, max(low, high // 2))), rng, wide=False)


def _lopsided(subject: Subject, core: CoreParameters, rng: np.random.Generator) -> Network:
    return _network(subject, rng, wide=False, lopsided=True)


def _fanned(subject: Subject, core: CoreParameters, rng: np.random.Generator) -> Network:
    """The first population sees the input late, so that it may run ahead of all others, which read it."""
    names = ["in", *(f"layer{k}" for k in range(1, subject.populations + 1))]
    sizes = rng.integers(1, 7, len(names), endpoint=True).tolist()
    ends = [(0, 1, subject.delays), *((source, k, 0) for k in range(2, len(names)) for source in (1, 0))]
    projections = [
        Projection(
            source=names[source],
            target=names[target],
            synapses=_synapses(subject, "dense", (sizes[source], sizes[target]), None, rng, loop=False),
            delay=delay,
            shift=int(rng.integers(0, 2)),
        )
        for source, target, delay in ends
    ]
    populations = [Population(name="in", shape=(sizes[0],), value_bits=subject.input_bits)]
    for k, (name, size) in enumerate(zip(names[1:], sizes[1:], strict=True)):
        rule = subject.rules[k % len(subject.rules)]
        neuron = _neuron(rule, size, 8.0, rng)
        populations.append(Population(name=name, shape=(size,), neuron=neuron, value_bits=rule.value_bits))
    return Network(populations=tuple(populations), projections=tuple(projections), output=names[-1])


def _uneven(subject: Subject, core: CoreParameters, rng: np.random.Generator) -> Network:
    """Few neurons at the end read long lists in the order of neurons; between many there are few synapses."""
    names = ["in", *(f"layer{k}" for k in range(1, subject.populations + 1))]
    sizes = rng.integers(subject.sizes[0], min(2 * core.rows, core.flit.neurons), len(names), endpoint=True).tolist()
    sizes[-1] = int(rng.integers(2, 2 * core.lanes, endpoint=True))
    populations = [Population(name="in", shape=(sizes[0],), value_bits=subject.input_bits)]
    for k in range(1, len(names)):
        rule = subject.rules[(k - 1) % len(subject.rules)]
        neuron = _neuron(rule, sizes[k], 16.0, rng, always=bool(rng.random() < 0.7))
        populations.append(Population(name=names[k], shape=(sizes[k],), neuron=neuron, value_bits=rule.value_bits))
    last, projections, rows = len(names) - 1, [], 0
    for source, target in [*pairwise(range(last)), *((source, last) for source in range(last))]:
        shape = (sizes[source], sizes[target])
        more = -(-shape[1] // core.lanes) * shape[0]
        synapses: Dense | Sparse
        if target == last and rows + more <= core.rows:
            rows += more
            synapses = Dense(weights=rng.integers(-2, 4, shape), bits=3)
        else:
            ends = rng.choice(shape[0], 3, replace=False), rng.integers(shape[1], size=3)
            synapses = Sparse.of(*ends, shape=shape, weights=rng.integers(1, 4, 3), bits=3)
        delay = int(rng.integers(0, subject.delays, endpoint=True))
        projections.append(Projection(source=names[source], target=names[target], synapses=synapses, delay=delay))
    return Network(populations=tuple(populations), projections=tuple(projections), output=names[-1])


def _orders(network: Network, rng: np.random.Generator) -> dict[str, str]:
    late = {f"{p.source} -> {p.target}" for p in network.projections if p.synapses.delays is not None}
    names = dict.fromkeys(f"{p.source} -> {p.target}" for p in network.projections)
    return {name: str(rng.choice(["auto", "event"] if name in late else ["neuron", "event", "auto"])) for name in names}


def _stimulus(network: Network, rng: np.random.Generator, *, loud: bool, steps: int = STEPS) -> np.ndarray:
    """Samples of any density, steps that are full and steps that are empty. loud: what is full is so without zeros."""
    low, high = (0, 1) if network.input.value_bits == 1 else network.input.value_range
    shape = (SAMPLES, steps, *network.input.shape)
    density = rng.choice([0.0, 0.2, 0.5, 1.0], shape[:2], p=[0.1, 0.3, 0.4, 0.2])[..., None]
    values = rng.integers(low, high, shape, endpoint=True)
    return np.where((values == 0) & loud, high, values) * (rng.random(shape) < density)


def _loud(subject: Subject, size: int, rng: np.random.Generator) -> Network:
    """A chain of populations that fire always, as late as may be."""
    kind = "one-to-one" if "one-to-one" in subject.kinds else "dense"
    names = ["in", *(f"layer{k}" for k in range(1, subject.populations + 1))]
    populations = [Population(name="in", shape=(size,), value_bits=subject.input_bits)]
    for k, name in enumerate(names[1:]):
        rule = subject.rules[k % len(subject.rules)]
        neuron = _neuron(rule, size, 1 << rule.bits, rng, always=True)
        populations.append(Population(name=name, shape=(size,), neuron=neuron, value_bits=rule.value_bits))
    projections = [
        Projection(
            source=source,
            target=target,
            synapses=_synapses(subject, kind, (size, size), None, rng, loop=False),
            delay=subject.delays,
            shift=1,
        )
        for source, target in pairwise(names)
    ]
    return Network(populations=tuple(populations), projections=tuple(projections), output=names[-1])


def _network(subject: Subject, rng: np.random.Generator, *, wide: bool, lopsided: bool = False) -> Network:
    """A chain with a skip, a loop, and a second projection between two. wide: states use all of their bits. lopsided:
    at most one population is large.
    """
    count = subject.populations
    names = ["in", *(f"layer{k}" for k in range(1, count + 1))]
    ends = [(k, k + 1) for k in range(count)] + [(count, int(rng.integers(1, count + 1)))]
    ends += [(0, count)] if rng.random() < 0.7 else []
    ends += [ends[int(rng.integers(count))]] if rng.random() < 0.5 else []
    sizes = rng.integers(*subject.sizes, len(names), endpoint=True).tolist()
    if lopsided:
        sizes = rng.integers(1, 4, len(names), endpoint=True).tolist()
        sizes[rng.integers(len(names))] = int(rng.integers(33, 60, endpoint=True))
    kinds, windows = {}, {}
    for k in range(count):
        kinds[k] = str(rng.choice(subject.kinds))
        if kinds[k] == "convolution":
            windows[k] = _window(sizes[k], rng)
            sizes[k + 1] = int(np.prod(windows[k].target))
        elif kinds[k] == "one-to-one":
            sizes[k + 1] = sizes[k]
    populations = [Population(name="in", shape=(sizes[0],), value_bits=subject.input_bits)]
    projections: list[Projection] = []
    for target in range(1, count + 1):
        drive = 1.0
        for source, _ in (e for e in ends if e[1] == target):
            chain = target == source + 1 and not any(
                p.source == names[source] and p.target == names[target] for p in projections
            )
            kind = (
                kinds[source]
                if chain
                else str(rng.choice([k for k in subject.kinds if k in ("dense", "sparse")] or ["dense"]))
            )
            synapses = _synapses(
                subject, kind, (sizes[source], sizes[target]), windows.get(source), rng, source >= target
            )
            loop = source >= target
            delay = int(rng.integers(loop, subject.delays, endpoint=True)) if subject.delays else int(loop)
            projections.append(
                Projection(
                    source=names[source],
                    target=names[target],
                    synapses=synapses,
                    delay=delay,
                    shift=int(rng.integers(0, 2)),
                )
            )
            if not loop:
                active = rng.random((16, sizes[source])) < 0.4
                drive += float(np.quantile(np.abs(active @ to_dense(synapses)[0]), 0.7)) * 2 ** projections[-1].shift
        rule = subject.rules[(target - 1) % len(subject.rules)]
        neuron = _neuron(rule, sizes[target], 1 << rule.bits if wide else drive, rng, wide=wide)
        populations.append(
            Population(name=names[target], shape=(sizes[target],), neuron=neuron, value_bits=rule.value_bits)
        )
    return Network(populations=tuple(populations), projections=tuple(projections), output=names[-1])


def _window(size: int, rng: np.random.Generator) -> Window:
    height, width = max((a, size // a) for a in range(1, size + 1) if size % a == 0 and a * a <= size)
    channels = 2 if height % 2 == 0 and rng.random() < 0.5 else 1
    groups = channels if rng.random() < 0.5 else 1
    return Window(
        source=(channels, height // channels, width),
        kernel=(groups * int(rng.integers(1, 3)), channels // groups, int(rng.integers(1, 3)), int(rng.integers(1, 4))),
        stride=(1, int(rng.integers(1, 3))),
        padding=((1, 1), (1, 1)),
        dilation=(1, 1),
        groups=groups,
    )


def _synapses(
    subject: Subject, kind: str, shape: tuple[int, int], window: Window | None, rng: np.random.Generator, loop: bool
) -> Dense | Sparse | Convolution | OneToOne:
    bits = int(rng.integers(*subject.weight_bits, endpoint=True))
    limit = 1 << bits - 1
    most = int(rng.integers(0, subject.synapse_delays + 1)) if subject.synapse_delays else 0

    def drawn(shape: tuple[int, ...]) -> dict[str, Any]:
        weights = rng.integers(-limit, limit, shape)
        weights = weights if loop else np.maximum(weights, rng.integers(-limit, limit, shape))
        delays = rng.integers(0, most, shape, endpoint=True) if most else None
        return {"weights": weights, "bits": bits, "delays": delays}

    if kind == "convolution" and window:
        return Convolution(window=window, **drawn(window.kernel))
    if kind == "one-to-one":
        return OneToOne(neurons=shape[0], **drawn(shape[:1]))
    if kind == "sparse":
        source, target = np.nonzero(rng.random(shape) < 0.6)
        return Sparse.of(source, target, shape=shape, **drawn(source.shape))
    return Dense(**drawn(shape))


def _neuron(
    rule: Rule, size: int, drive: float, rng: np.random.Generator, *, always: bool = False, wide: bool = False
) -> Neuron:
    """Thresholds around what typically arrives; states that saturate at both ends; a floor that some reach.

    always: a bias has all fire from the first step on. wide: biases of any size, so that all bits of the states
    matter, and thresholds below 0.
    """
    limit = 1 << rule.bits - 1
    unit = min(max(2.0, drive * 2**rule.guard), limit / 2)

    def numbers(low: float, high: float) -> np.ndarray:
        return np.clip(rng.uniform(low, high, size).round(), -limit, limit - 1).astype(np.int64)

    threshold = np.maximum(1, numbers(0.1 * unit, 2 * unit))
    top = 1 << rule.decay_bits
    parameters = {
        "keep": np.clip(numbers(0.2 * top, 1.1 * top), 0, top) if top < limit else rng.integers(top // 4, top, size),
        "threshold": threshold,
        "subtract": np.maximum(1, np.clip(threshold * rng.choice([0.3, 1.0, 1.3], size), 1, limit - 1)).astype(
            np.int64
        ),
        "v_min": np.where(rng.random(size) < 0.5, -limit, numbers(-unit, 0)),
        "v_reset": np.minimum(numbers(-unit / 2, unit / 4), threshold - 1),
        "v_init": numbers(-unit, unit / 2),
        "bias": numbers(-unit / 4, unit / 4),
    }
    if wide:
        parameters["bias"] = numbers(-2 * unit, 2 * unit)
        parameters["threshold"] = np.where(rng.random(size) < 0.3, numbers(-unit, 0), threshold)
        parameters["v_reset"] = np.minimum(parameters["v_reset"], parameters["threshold"] - 1)
        parameters["v_min"] = np.maximum(2 * parameters["v_min"], -limit)
    if always:
        parameters |= {"v_init": threshold, "bias": np.full(size, limit - 1)}
    states = {"v": rule.bits} | ({"n": rule.value_bits} if rule.reset_when == "next-step" else {})
    if rule.current_bits:
        states["i"] = rule.current_bits
        parameters["current_keep"] = rng.integers(0, top, size, endpoint=True)
    options: dict[str, Any] = {
        "reset": rule.reset,
        "reset_when": rule.reset_when,
        "spikes": rule.spikes,
        "decay_bits": rule.decay_bits,
        "guard": rule.guard,
    }
    if rule.spikes == "potential":
        options["cut"] = max(0, rule.bits - rule.value_bits - 1)
        parameters |= dict.fromkeys(("threshold", "subtract", "v_reset"), np.zeros((), np.int64))
    return Neuron(model="lif", states=states, parameters=parameters, options=options)

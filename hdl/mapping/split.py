"""Populations cut into parts, each a population of its own, so that several cores share the work of one."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np

from spikeloom.golden.network import Convolution, Dense, Network, OneToOne, Population, Projection, Refusal, Sparse
from spikeloom.golden.network.projection import Synapses
from spikeloom.hdl.flits import Share
from spikeloom.hdl.mapping.fan_outs import reached, synapse_list

__all__ = ["Part", "Split", "even", "most_parts", "slice_size", "split"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A population of the split network, and which rows it is of the one that was cut.

    shape: of the population as an image, channels first; or its size, where neurons are what is called rows.
    """

    name: str
    population: str
    rows: range
    shape: tuple[int, ...]

    @property
    def share(self) -> Share:
        row = prod(self.shape[2:])
        return Share(
            population=self.population,
            size=prod(self.shape),
            first=self.rows.start * row,
            span=len(self.rows) * row,
            stride=prod(self.shape[len(self.shape) > 1 :]),
        )

    @cached_property
    def neurons(self) -> np.ndarray:
        """The population's neurons that the part's are, in the integer model's numbers."""
        return self.share.neurons


@dataclass(frozen=True, kw_only=True)
class Split:
    """A network that does what ``whole`` does, in parts; its ``output`` is the first part of the other's.

    of: for each projection of ``network``, that of ``whole`` which it is a part of.
    """

    network: Network
    whole: Network
    parts: tuple[Part, ...]
    of: tuple[Projection, ...]

    def joined(self, of_parts: MappingType[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Arrays (..., neurons) by part, put together by population; parts that are not given are left 0."""
        found: dict[str, np.ndarray] = {}
        for part in (p for p in self.parts if p.name in of_parts):
            array = of_parts[part.name]
            shape = *array.shape[:-1], prod(part.shape)
            whole = found.setdefault(part.population, np.zeros(shape, array.dtype))
            whole[..., part.neurons] = array
        return found


def most_parts(network: Network, name: str, lanes: int) -> int:
    """Into how many parts a population can be cut evenly."""
    return -(-_rows(_shape(network, _cuttable(network, name))) // slice_size(network, name, lanes))


def slice_size(network: Network, name: str, lanes: int) -> int:
    """What a population is cut into evenly: so many of its neurons, or one row of its image."""
    return 1 if len(_shape(network, _cuttable(network, name))) > 1 else lanes


def even(network: Network, counts: MappingType[str, int], lanes: int) -> dict[str, tuple[int, ...]]:
    """Cuts of populations into so many parts, as equal as groups of ``lanes`` neurons, or rows of an image, can be."""
    cuts = {}
    for name, count in counts.items():
        unit, most = slice_size(network, name, lanes), most_parts(network, name, lanes)
        what = f"groups of {lanes} neurons" if len(_shape(network, _cuttable(network, name))) == 1 else "rows"
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= most:
            raise Refusal(f"Population {name!r} has {most} {what}: it can be cut into 1..{most} parts, not {count!r}")
        cuts[name] = tuple(unit * (k * most // count) for k in range(1, count))
    return cuts


def split(network: Network, parts: MappingType[str, int | Sequence[int]], lanes: int) -> Split:
    """Cut populations into parts whose events and states are those of the whole.

    parts: by population, how many, or where each part but the first begins: with which row of the image that
           convolutions make or see of it, or with which neuron where there is none.

    Between parts that are rows, convolutions stay convolutions; where they are not, they become lists. Parts between
    which there are no synapses get no projection.
    """
    given = {_cuttable(network, name).name: n for name, n in parts.items()}
    counts = {name: n for name, n in given.items() if not isinstance(n, Sequence)}
    cuts = {name: tuple(n) for name, n in given.items() if isinstance(n, Sequence)} | even(network, counts, lanes)
    pieces = {p.name: _pieces(p, _shape(network, p), cuts.get(p.name, ())) for p in network.populations}
    of_all = tuple(part for own in pieces.values() for part in own)
    if not cuts:
        return Split(network=network, whole=network, parts=of_all, of=network.projections)
    made = [
        (j, between)
        for j in network.projections
        for between in _between(j.synapses, pieces[j.source], pieces[j.target])
    ]
    names = {p.name for p in network.populations}
    for part in of_all:
        if part.name != part.population and part.name in names:
            raise Refusal(
                f"Population {part.population!r} cannot be cut: its part would be called {part.name!r}, as another "
                "population is; give that another name"
            )
    return Split(
        network=replace(
            network,
            populations=tuple(_population(p, part) for p in network.populations for part in pieces[p.name]),
            projections=tuple(
                replace(j, source=a.name, target=b.name, synapses=synapses) for j, (a, b, synapses) in made
            ),
            output=pieces[network.output][0].name,
        ),
        whole=network,
        parts=of_all,
        of=tuple(j for j, _ in made),
    )


def _cuttable(network: Network, name: str) -> Population:
    neurons = {p.name: p for p in network.neurons}
    if name not in neurons:
        raise Refusal(f"There is no population of neurons {name!r} to cut; there are {', '.join(map(repr, neurons))}")
    return neurons[name]


def _shape(network: Network, population: Population) -> tuple[int, ...]:
    """The image that convolutions make or else see of a population, or its size where there is none.

    Those with delays of their own come last: they are lists in hardware whatever their rows.
    """
    into = [(j.synapses, True) for j in network.projections if j.target == population.name]
    out = [(j.synapses, False) for j in network.projections if j.source == population.name]
    windows = [(s.delays is not None, s.window, made) for s, made in into + out if isinstance(s, Convolution)]
    shapes = [w.target if made else w.source for _, w, made in sorted(windows, key=lambda found: found[0])]
    return next((shape for shape in shapes if prod(shape[1:]) > 1), (population.size,))


def _rows(shape: tuple[int, ...]) -> int:
    return shape[1] if len(shape) > 1 else shape[0]


def _pieces(population: Population, shape: tuple[int, ...], cuts: tuple[int, ...]) -> list[Part]:
    rows = _rows(shape)
    ends = [0, *cuts, rows]
    if any(b <= a for a, b in pairwise(ends)):
        raise Refusal(
            f"Population {population.name!r}: cuts must rise within 1..{rows - 1}, not {', '.join(map(str, cuts))}"
        )
    return [
        Part(
            name=f"{population.name}[{k}]" if cuts else population.name,
            population=population.name,
            rows=range(first, end),
            shape=shape,
        )
        for k, (first, end) in enumerate(pairwise(ends))
    ]


def _population(population: Population, part: Part) -> Population:
    neuron, count = population.neuron, len(part.rows)
    if neuron is None or part.name == population.name:
        return population
    parameters = {name: value[part.neurons] if value.ndim else value for name, value in neuron.parameters.items()}
    return replace(
        population,
        name=part.name,
        shape=(part.shape[0], count, *part.shape[2:]) if len(part.shape) > 1 else (count,),
        neuron=replace(neuron, parameters=parameters),
    )


def _between(s: Synapses, sources: list[Part], targets: list[Part]) -> Iterator[tuple[Part, Part, Synapses]]:
    """The synapses of each pair of parts that has any."""
    if len(sources) == len(targets) == 1:
        yield sources[0], targets[0], s
    elif isinstance(s, Dense):
        for a, b in product(sources, targets):
            yield a, b, _taken(s, np.ix_(a.neurons, b.neurons))
    elif isinstance(s, Convolution) and _fits(sources, s.window.source) and _fits(targets, s.window.target):
        for a, b in product(sources, targets):
            rows = a.rows if len(sources) > 1 else range(s.window.source[1])
            onto = b.rows if len(targets) > 1 else range(s.window.target[1])
            if (made := _band(s, rows, onto)) is not None:
                yield a, b, made
    elif isinstance(s, OneToOne) and _alike(sources, targets):
        for a, b in zip(sources, targets, strict=True):
            yield a, b, _taken(s, a.neurons if s.weights.ndim else (), neurons=len(a.neurons))
    else:
        yield from _lists(s, sources, targets)


def _taken(s: Any, at: Any, **others: Any) -> Any:
    """Some of the synapses, as the same kind."""
    return replace(s, weights=s.weights[at], delays=None if s.delays is None else s.delays[at], **others)


def _alike(sources: list[Part], targets: list[Part]) -> bool:
    return len(sources) == len(targets) and all(
        np.array_equal(a.neurons, b.neurons) for a, b in zip(sources, targets, strict=True)
    )


def _fits(parts: list[Part], shape: tuple[int, ...]) -> bool:
    """The parts are rows of an image of this shape."""
    return len(parts) == 1 or parts[0].shape == shape


def _band(s: Convolution, source: range, target: range) -> Convolution | None:
    """A convolution between rows of its source and of its target, with the taps that lead from one to the other."""
    w = s.window
    row, onto, tap = reached(w, 0)
    there = (row >= source.start) & (row < source.stop) & (onto >= target.start) & (onto < target.stop)
    if not there.any() or any(not len(reached(w, axis)[0]) for axis in range(1, len(w.stride))):
        return None
    first, last = int(tap[there].min()), int(tap[there].max())
    # A row of the target sees row y * stride - before + tap * dilation, both counted within the bands.
    before = w.padding[0][0] + source.start - target.start * w.stride[0] - first * w.dilation[0]
    reach = (len(target) - 1) * w.stride[0] + (last - first) * w.dilation[0] + 1
    taps = np.s_[:, :, first : last + 1]
    window = replace(
        w,
        source=(w.source[0], len(source), *w.source[2:]),
        kernel=s.weights[taps].shape,
        padding=((before, reach - len(source) - before), *w.padding[1:]),
    )
    return _taken(s, taps, window=window)


def _lists(s: Synapses, sources: list[Part], targets: list[Part]) -> Iterator[tuple[Part, Part, Sparse]]:
    source, target, weights, delays = synapse_list(s)
    (a, row), (b, column) = _located(sources, source), _located(targets, target)
    block = a * len(targets) + b
    order = np.argsort(block, kind="stable")
    ends = np.searchsorted(block[order], np.arange(len(sources) * len(targets) + 1))
    for k, (first, end) in enumerate(pairwise(ends)):
        here = order[first:end]
        if len(here):
            one, other = sources[k // len(targets)], targets[k % len(targets)]
            made = Sparse.of(
                row[here],
                column[here],
                weights[here],
                shape=(len(one.neurons), len(other.neurons)),
                bits=s.bits,
                delays=delays[here],
            )
            yield one, other, made


def _located(parts: list[Part], neurons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of neurons of a population: the number of the part, and the number in it."""
    part, within = (np.empty(sum(len(p.neurons) for p in parts), np.int64) for _ in range(2))
    for k, p in enumerate(parts):
        part[p.neurons], within[p.neurons] = k, np.arange(len(p.neurons))
    return part[neurons], within[neurons]

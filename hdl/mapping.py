"""A network on cores: sizes of the hardware, contents of its memories, and where everything is."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from functools import reduce

import numpy as np
from amaranth.hdl import Const, Shape
from amaranth.lib import data
from amaranth.utils import bits_for

from spikeloom.golden.network import Network, Population, Projection, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.memory_map import core_memories
from spikeloom.hdl.neurons import MODELS
from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters, FlitParameters

__all__ = ["Mapping", "Place", "map_network"]

HOST = 0
MAX_ROWS = 1 << 20
MAX_SOURCES = 32


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a population is: its number in flits, its core (-1: the host), and its first word in the neuron units."""

    name: str
    id: int
    size: int
    value_bits: int
    core: int
    unit_base: int


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What hardware a network needs. ``images`` fill hardware built for ``parameters``, or for any that cover them."""

    network: Network
    places: tuple[Place, ...]
    parameters: AcceleratorParameters
    channels: tuple["_Channel", ...]

    def images(self, parameters: AcceleratorParameters | None = None) -> dict[str, list[int]]:
        """Contents by memory name, one integer per entry."""
        return _images(self, parameters or self.parameters)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Channel:
    """A projection as the hardware sees it: a reader of its source's events. ``projection`` None: of its ticks only."""

    source: str
    target: str
    projection: Projection | None
    number: int  # among those out of the source's node
    credit: int

    @property
    def delay(self) -> int:
        return self.projection.delay if self.projection else 0


def _groups(population: Population, lanes: int) -> int:
    return -(-population.size // lanes)


def _check_kind(j: Projection) -> None:
    """Refuse synapses of a kind for which there is no hardware."""
    if j.synapses.kind == "dense" and j.synapses.delays is None:
        return
    what = f"{j.synapses.kind} synapses" + (" with delays of their own" if j.synapses.delays is not None else "")
    sources, targets = j.synapses.shape
    raise Refusal(
        f"{j}: {what} are not built in hardware yet; convert with --synapses dense, which writes {sources} x {targets} "
        "weights out, or run it on the golden model"
    )


def map_network(network: Network, configuration: Configuration) -> Mapping:
    """Place every population, or refuse with what does not fit and what would help."""
    lanes, units = configuration.lanes, configuration.neuron_units
    neurons = network.neurons
    shared = configuration.cores == "shared"
    core_of = {network.input.name: -1} | {p.name: 0 if shared else k for k, p in enumerate(neurons)}
    cores = 1 if shared else len(neurons)
    ids = {p.name: k for k, p in enumerate((network.input, *neurons))}

    if len(ids) > MAX_SOURCES:
        raise Refusal(f"{len(ids)} populations are more than the {MAX_SOURCES} that the register 'observe' can name")
    for j in network.projections:
        if j.port != "input":
            raise Refusal(f"{j}: there is no port {j.port!r}; use 'input'")
        _check_kind(j)

    # A ring of events per source: as many steps as its slowest reader needs.
    slots = {
        p.name: configuration.slots + max((j.delay for j in network.projections if j.source == p.name), default=0)
        for p in network.populations
    }
    channels: list[_Channel] = []
    out_of = [0] * (1 + cores)
    for population in neurons:
        incoming: list[Projection | None] = list(network.into(population.name))
        if not any(j and j.source == network.input.name and not j.delay for j in incoming):
            incoming.append(None)  # a step must not start before the host grants it
        for j in incoming:
            source = j.source if j else network.input.name
            node = 1 + core_of[source]
            credit = slots[source] - j.delay if j else slots[source] + len(neurons)
            channels.append(
                _Channel(source=source, target=population.name, projection=j, number=out_of[node], credit=credit)
            )
            out_of[node] += 1

    flit = FlitParameters(
        sources=len(ids),
        neurons=max(p.size for p in network.populations),
        value_bits=max(p.value_bits for p in network.populations),
    )
    places, parameters = [], []
    places.append(_place(network.input, ids, -1, 0))
    for core in range(cores):
        served = [p for p in neurons if core_of[p.name] == core]
        here = [c for c in channels if core_of[c.target] == core]
        words = 0
        for p in served:
            places.append(_place(p, ids, core, words))
            words += _groups(p, lanes) * (lanes // units)
        read = {c.source for c in here if c.projection}
        # A shift is folded into the stored weights.
        weight_bits = max((c.projection.synapses.bits + c.projection.shift for c in here if c.projection), default=2)
        if weight_bits > 16:
            raise Refusal(f"Weights with their shifts need {weight_bits} bits; at most 16 are stored")
        rows = sum(_groups(p, lanes) * _rows_per_group(network, p.name) for p in served)
        if rows > MAX_ROWS:
            raise Refusal(f"{rows} rows of {lanes} weights are more than {MAX_ROWS}; use more lanes")
        model = served[0].neuron.model
        if any(p.neuron.model != model for p in served) or model not in MODELS:
            models = sorted({p.neuron.model for p in served})
            raise Refusal(f"Populations of the models {models} cannot share a core; use 'cores: per-population'")
        derived = [MODELS[model].Parameters.derive(p.neuron, p.value_bits) for p in served]
        parameters.append(
            CoreParameters(
                lanes=lanes,
                units=units,
                weight_bits=weight_bits,
                value_bits=max((network[s].value_bits for s in read), default=1),
                accumulator_bits=max(_sum_bits(network, p.name) for p in served),
                rows=max(2, rows),
                populations=len(served),
                projections=len(here),
                channels=max(1, out_of[1 + core]),
                list_entries=max(2, sum(slots[s] * network[s].size for s in read)),
                slots=max(slots.values()),
                tokens=max(c.credit for c in channels) + max(c.delay for c in channels),
                max_groups=max(_groups(p, lanes) for p in served),
                max_delay=max(c.delay for c in channels),
                unit_words=words,
                nodes=1 + cores,
                node_channels=max(out_of),
                model=model,
                neuron=reduce(lambda a, b: a.covering(b), derived),
                flit=flit,
            )
        )
    links = {(HOST, k) for k in range(cores)}
    links |= {(1 + core_of[c.source], core_of[c.target]) for c in channels}
    # A core's own events take the short way inside it.
    links -= {(1 + k, k) for k in range(cores)}
    return Mapping(
        network=network,
        places=tuple(places),
        channels=tuple(channels),
        parameters=AcceleratorParameters(
            cores=tuple(parameters), links=tuple(sorted(links)), host_channels=max(1, out_of[HOST]), flit=flit
        ),
    )


def _place(population: Population, ids: dict[str, int], core: int, unit_base: int) -> Place:
    return Place(
        name=population.name,
        id=ids[population.name],
        size=population.size,
        value_bits=population.value_bits,
        core=core,
        unit_base=unit_base,
    )


def _rows_per_group(network: Network, name: str) -> int:
    return sum(network[j.source].size for j in network.into(name))


def _sum_bits(network: Network, name: str) -> int:
    """Bits of the worst sum over any weights of these widths, since the host may change them."""
    worst = 0
    for j in network.into(name):
        low, high = network[j.source].value_range
        worst += network[j.source].size * max(-low, high) << j.synapses.bits - 1 + j.shift
    return bits_for(worst) + 1


def _pack(layout: data.StructLayout, values: MappingType[str, int]) -> int:
    word = 0
    for name, value in values.items():
        field = layout[name]
        shape = Shape.cast(field.shape)
        if Const(value, shape).value != value:
            raise ValueError(f"{name} = {value} does not fit {shape}")
        word |= (value & (1 << shape.width) - 1) << field.offset
    return word


def _images(mapping: Mapping, parameters: AcceleratorParameters) -> dict[str, list[int]]:
    network = mapping.network
    places = {place.name: place for place in mapping.places}
    images: dict[str, list[int]] = {}
    node_of = {name: 1 + place.core for name, place in places.items()}
    for k, p in enumerate(parameters.cores):
        tables = Tables(p)
        memories = core_memories(p)
        served = [place for place in mapping.places if place.core == k]
        here = [c for c in mapping.channels if places[c.target].core == k]
        lists: dict[str, tuple[int, int]] = {}  # source -> first entry, slots
        end = 0
        for c in here:
            if c.projection and c.source not in lists:
                slots = max(
                    other.credit + other.delay
                    for other in mapping.channels
                    if other.source == c.source and other.projection
                )
                lists[c.source] = (end, slots)
                end += slots * places[c.source].size
        rows = np.zeros((p.rows, p.lanes), np.int64)
        next_row = 0
        table: dict[str, list[int]] = {name: [0] * entries for name, (entries, _) in memories.items()}
        for number, place in enumerate(served):
            mine = [c for c in here if c.target == place.name]
            groups = _groups(network[place.name], p.lanes)
            table["populations"][number] = _pack(
                tables.population,
                {
                    "valid": 1,
                    "source": place.id,
                    "rows": next_row if any(c.projection for c in mine) else 0,
                    "groups": groups - 1,
                    "tail": (place.size - 1) % p.lanes,
                    "unit_base": place.unit_base,
                    "first": here.index(mine[0]),
                    "reads": sum(1 << here.index(c) for c in mine),
                    "writes": sum(1 << c.number for c in mapping.channels if c.source == place.name),
                },
            )
            for c in mine:
                base, slots = lists.get(c.source, (0, 1)) if c.projection else (0, 1)
                size = places[c.source].size
                start = (slots - c.delay) % slots
                table["projections"][here.index(c)] = _pack(
                    tables.projection,
                    {
                        "last": c is mine[-1],
                        "rows": c.projection is not None,
                        "source": places[c.source].id,
                        "stride": size if c.projection else 0,
                        "delay": c.delay,
                        "slots": slots - 1,
                        "base": base,
                        "capacity": size,
                        "slot": start,
                        "start": base + start * size,
                        "node": node_of[c.source],
                        "channel": c.number,
                    },
                )
            for group in range(groups):
                for c in mine:
                    if c.projection:
                        part = c.projection.synapses.weights[:, group * p.lanes : (group + 1) * p.lanes].astype(
                            np.int64
                        )
                        rows[next_row : next_row + len(part), : part.shape[1]] = part << c.projection.shift
                        next_row += len(part)
            neuron = network[place.name].neuron
            for n in range(place.size):
                table[f"parameters{n % p.units}"][place.unit_base + n // p.units] = _pack(
                    p.neuron.parameter_layout, p.neuron.image(neuron, n)
                )
        for name in {c.source for c in here}:
            base, slots = lists.get(name, (0, 1))
            readers = sum(1 << i for i, c in enumerate(here) if c.source == name)
            table["sources"][places[name].id] = _pack(
                tables.source,
                {
                    "valid": 1,
                    "kept": name in lists,
                    "slots": slots - 1,
                    "base": base,
                    "capacity": places[name].size,
                    "readers": readers,
                },
            )
        for c in mapping.channels:
            if node_of[c.source] == 1 + k:
                table["channels"][c.number] = _pack(tables.channel, {"valid": 1, "credit": c.credit})
        masked = rows & (1 << p.weight_bits) - 1
        for column in range(p.columns):
            lanes = masked[:, column * p.column_lanes : (column + 1) * p.column_lanes]
            shifts = np.arange(lanes.shape[1]) * p.weight_bits
            table[f"weights{column}"] = (lanes << shifts).sum(axis=1).tolist()
        images |= {f"core{k}_{name}": words for name, words in table.items() if not name.startswith("state")}
    table = [0] * parameters.host_channels
    for c in mapping.channels:
        if node_of[c.source] == HOST:
            table[c.number] = _pack(Tables(parameters.cores[0]).channel, {"valid": 1, "credit": c.credit})
    return images | {"host_channels": table}

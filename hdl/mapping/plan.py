"""Which population is where, who reads whom in which order, and what sizes that takes."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce

from amaranth.utils import bits_for

from spikeloom.golden.network import Network, Population, Projection, Refusal
from spikeloom.golden.network.base import MAX_SYNAPSES
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.flits import Numbering
from spikeloom.hdl.mapping import fan_outs
from spikeloom.hdl.mapping.fan_outs import FanOut
from spikeloom.hdl.mapping.placement import place
from spikeloom.hdl.mapping.split import Split, split
from spikeloom.hdl.neurons import MODELS
from spikeloom.hdl.parameters import (
    AcceleratorParameters,
    CoreParameters,
    FlitParameters,
    ScatterParameters,
)

__all__ = ["Mapping", "Place", "Reader", "Ring", "map_network"]

HOST = 0
MAX_ROWS = 1 << 20
MAX_OBSERVED = 32
MAX_SOURCES = 256
MAX_WEIGHT_BITS = 16


@dataclass(frozen=True, kw_only=True)
class Place(Numbering):
    """Where a population is: its number in flits, its bit in the register ``observe``, its core (-1: the host), and its
    first words in the neuron units.

    Its neurons lie as :class:`Numbering` says: ``channels`` of them side by side, ``padded`` numbers apart.
    """

    name: str
    id: int
    observed: int
    value_bits: int
    core: int
    unit_base: int
    parameter_base: int
    uniform: bool  # all positions have the same parameters

    def groups(self, lanes: int) -> int:
        return -(-self.numbers // lanes)

    def period(self, lanes: int) -> int:
        """Groups after which the neurons' parameters repeat."""
        return self.groups(lanes) // (self.positions if self.uniform else 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reader:
    """A projection as the hardware sees it: who reads its source's events; ``projection`` None: only its ticks.

    event: in the event-stationary order. number: among the channels out of the source's node.
    """

    source: str
    target: str
    projection: Projection | None
    event: bool
    number: int
    credit: int

    @property
    def delay(self) -> int:
        if self.projection is None:
            return 0
        return self.projection.least_delay if self.event else self.projection.delay


@dataclass(frozen=True, kw_only=True)
class Ring:
    """Sums of a population that events are scattered into: ``steps`` of them, of ``rows`` each."""

    target: str
    rows: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What hardware a network needs. ``images`` fill hardware built for ``parameters``, or for any that cover them."""

    network: Network
    split: Split
    places: tuple[Place, ...]
    parameters: AcceleratorParameters
    readers: tuple[Reader, ...]
    rings: tuple[Ring, ...]
    fan_outs: MappingType[Reader, FanOut] = field(repr=False)

    @cached_property
    def by_name(self) -> dict[str, Place]:
        return {place.name: place for place in self.places}

    def slots(self, source: str) -> int:
        """Steps of a source's events that are kept."""
        return _slots(self.readers, source)

    def images(self, parameters: AcceleratorParameters | None = None) -> dict[str, list[int]]:
        """Contents by memory name, one integer per entry."""
        from spikeloom.hdl.mapping.images import images

        return images(self, parameters or self.parameters)


def map_network(network: Network, configuration: Configuration) -> Mapping:
    """Place every population, or refuse with what does not fit and what would help."""
    lanes, whole = configuration.lanes, network
    _check(whole)
    if isinstance(configuration.cores, int):
        configuration = place(whole, configuration)
    cut, core_of = _cores(whole, configuration)
    network, neurons = cut.network, cut.network.neurons
    cores = 1 + max(core_of.values())
    events = _orders(cut, configuration)
    places = _places(cut, core_of, events, configuration)
    readers = _readers(cut, core_of, events, configuration)
    by_name = {place.name: place for place in places}
    made = {
        r: _fan_out(r.projection, by_name[r.source], by_name[r.target], lanes)
        for r in readers
        if r.event and r.projection
    }
    rings = []
    for target in dict.fromkeys(r.target for r in made):
        late = max(f.most_delay for r, f in made.items() if r.target == target)
        rings.append(Ring(target=target, rows=by_name[target].groups(lanes), steps=1 + late))
    if (count := 1 + places[-1].observed) > MAX_OBSERVED:
        raise Refusal(f"{count} populations are more than the {MAX_OBSERVED} that the register 'observe' can name")
    flit = FlitParameters(
        sources=len(places),
        neurons=max(place.numbers for place in places),
        value_bits=max(p.value_bits for p in network.populations),
    )
    out_of = [sum(core_of[r.source] == node - 1 for r in readers) for node in range(1 + cores)]
    ring_channels = [sum(core_of[r.target] == core for r in rings) for core in range(cores)]
    parameters = []
    for core in range(cores):
        served = [p for p in neurons if core_of[p.name] == core]
        here = [r for r in readers if core_of[r.target] == core]
        model = served[0].neuron.model
        if any(p.neuron.model != model for p in served) or model not in MODELS:
            models = sorted({p.neuron.model for p in served})
            raise Refusal(f"Populations of the models {models} cannot share a core; use 'cores: per-population'")
        short = configuration.pipeline == "short"
        derived = [replace(MODELS[model].Parameters.derive(p.neuron, p.value_bits), short=short) for p in served]
        in_rows = [r for r in here if not r.event]
        rows = sum(by_name[p.name].groups(lanes) * _rows_per_group(in_rows, by_name, p.name) for p in served)
        if rows > MAX_ROWS:
            raise Refusal(f"{rows} rows of {lanes} weights are more than {MAX_ROWS}; use more lanes")
        mine = [place for place in places if place.core == core]
        read = {r.source for r in here if r.projection}
        parameters.append(
            CoreParameters(
                lanes=lanes,
                units=configuration.neuron_units,
                weight_bits=_weight_bits(in_rows),
                value_bits=max((network[s].value_bits for s in read), default=1),
                accumulator_bits=max(_sum_bits(network, [r for r in here if r.target == p.name]) for p in served),
                rows=0 if not rows and ring_channels[core] else max(2, rows),
                populations=len(served),
                projections=len(in_rows) + ring_channels[core],
                channels=max(1, out_of[1 + core]),
                list_entries=max(2, sum(_slots(readers, s) * by_name[s].numbers for s in read)),
                slots=max(*(_slots(readers, place.name) for place in places), *(ring.steps for ring in rings)),
                tokens=max(r.credit for r in readers) + max(r.delay for r in readers),
                max_groups=max(place.groups(lanes) for place in mine),
                max_delay=max(r.delay for r in readers),
                unit_words=sum(place.groups(lanes) for place in mine) * lanes // configuration.neuron_units,
                parameter_words=sum(place.period(lanes) for place in mine) * lanes // configuration.neuron_units,
                nodes=1 + cores,
                node_channels=max(out_of),
                ring_channels=max(ring_channels),
                foreign_slots=sum(r.credit + r.delay for r in here if core_of[r.source] != core),
                model=model,
                neuron=reduce(lambda a, b: a.covering(b), derived),
                flit=flit,
                scatter=_scatter(network, here, made, rings) if ring_channels[core] else None,
                short=short,
                single_port=configuration.weights == "single-port" and rows > 0,
            )
        )
    return Mapping(
        network=whole,
        split=cut,
        places=places,
        readers=readers,
        rings=tuple(rings),
        fan_outs=made,
        parameters=AcceleratorParameters(
            cores=tuple(parameters),
            host_channels=max(1, out_of[HOST]),
            observed=1 + max(place.observed for place in places),
            flit=flit,
            topology=configuration.topology if cores > 1 else "crossbar",
            counts=configuration.counters,
        ),
    )


def _check(network: Network) -> None:
    for j in network.projections:
        if j.port != "input":
            raise Refusal(f"{j}: there is no port {j.port!r}; use 'input'")
        if (bits := j.synapses.bits + j.shift) > MAX_WEIGHT_BITS:
            raise Refusal(
                f"{j}: weights of {j.synapses.bits} bits with a shift of {j.shift} need {bits}; hardware stores at "
                f"most {MAX_WEIGHT_BITS}: convert with fewer weight bits"
            )


def _cores(network: Network, configuration: Configuration) -> tuple[Split, dict[str, int]]:
    """The network in parts, and the core of each part; -1 for the input, which is the host's."""
    cores, names = configuration.cores, [p.name for p in network.neurons]
    placed: dict[str, int | list[int]] = {name: k if cores == "per-population" else 0 for k, name in enumerate(names)}
    if isinstance(cores, dict):
        placed = cores
        for name in (*placed, *names):
            if name not in names:
                raise Refusal(f"cores: there is no population of neurons {name!r}; there are {', '.join(names)}")
            if name not in placed:
                raise Refusal(f"cores: it is not said on which core {name!r} is; name all of {', '.join(names)}")
    lists = {name: there if isinstance(there, list) else [there] for name, there in placed.items()}
    for name, cuts in configuration.cuts.items():
        if name not in names:
            raise Refusal(f"cuts: there is no population of neurons {name!r}; there are {', '.join(names)}")
        if len(cuts) + 1 != len(lists.get(name, [])):
            raise Refusal(
                f"cuts: {name!r} would be in {len(cuts) + 1} parts, and cores has {len(lists.get(name, []))} for it; "
                "where each part begins is said of all but the first"
            )
    counts = {name: configuration.cuts.get(name) or len(there) for name, there in lists.items() if len(there) > 1}
    cut = split(network, counts, configuration.lanes)
    parts = {name: [p.name for p in cut.parts if p.population == name] for name in lists}
    core_of = {network.input.name: -1}
    for name, there in lists.items():
        core_of |= zip(parts[name], there, strict=True)
    if idle := set(range(max(core_of.values()))) - set(core_of.values()):
        raise Refusal(f"cores: no population is on core {min(idle)}; number cores from 0 without a gap")
    if len(core_of) > MAX_SOURCES:
        raise Refusal(f"cores: {len(core_of)} parts of populations are more than {MAX_SOURCES}; split less")
    return cut, core_of


def _orders(cut: Split, configuration: Configuration) -> set[int]:
    """The ``id`` of each projection in the event-stationary order: two may be alike."""
    named = configuration.order if isinstance(configuration.order, dict) else {}
    ends = {f"{j.source} -> {j.target}": j for j in cut.whole.projections}
    for name in named:
        if name not in ends:
            raise Refusal(f"order: there is no projection {name!r}; there are {', '.join(map(repr, ends))}")
    order_of = {}
    for j in cut.whole.projections:
        name = f"{j.source} -> {j.target}"
        dense = j.synapses.kind == "dense" and j.synapses.delays is None
        order = named.get(name, "auto") if isinstance(configuration.order, dict) else configuration.order
        if order == "auto":
            order = "neuron" if dense else "event"
        if order == "neuron" and j.synapses.delays is not None:
            raise Refusal(f"{j}: synapses with delays of their own need the order 'event', not 'neuron'")
        if order == "neuron" and not dense and j.synapses.shape[0] * j.synapses.shape[1] > MAX_SYNAPSES:
            sources, targets = j.synapses.shape
            raise Refusal(f"{j}: in the order 'neuron' its synapses are a matrix of {sources} x {targets}; use 'event'")
        order_of[id(j)] = order
    both = zip(cut.network.projections, cut.of, strict=True)
    return {id(part) for part, whole in both if order_of[id(whole)] == "event"}


def _places(
    cut: Split, core_of: MappingType[str, int], events: set[int], configuration: Configuration
) -> tuple[Place, ...]:
    lanes, per_group = configuration.lanes, configuration.lanes // configuration.neuron_units
    network, whole = cut.network, [p.name for p in cut.whole.populations]
    several = any(core > 0 for core in core_of.values())
    observed = {part.name: whole.index(part.population) if several else k for k, part in enumerate(cut.parts)}
    places, words, sets = [], dict.fromkeys(core_of.values(), 0), dict.fromkeys(core_of.values(), 0)
    for number, p in enumerate((network.input, *network.neurons)):
        claimed = [fan_outs.claims(j) for j in network.into(p.name) if id(j) in events]
        channels = next((c for c in claimed if c is not None), p.size)
        core = core_of[p.name]
        place = Place(
            name=p.name,
            id=number,
            observed=observed[p.name],
            size=p.size,
            channels=channels,
            padded=channels if channels == p.size else -(-channels // lanes) * lanes,
            value_bits=p.value_bits,
            core=core,
            unit_base=words[core],
            parameter_base=sets[core],
            uniform=p.neuron is None or _uniform(p, channels),
        )
        if core >= 0:
            words[core] += place.groups(lanes) * per_group
            sets[core] += place.period(lanes) * per_group
        places.append(place)
    return tuple(places)


def _uniform(p: Population, channels: int) -> bool:
    """Every channel has the same parameters in all its places."""
    each = (v.reshape(channels, -1) for v in p.neuron.parameters.values() if v.ndim)
    return all((v == v[:, :1]).all() for v in each)


def _readers(
    cut: Split, core_of: MappingType[str, int], events: set[int], configuration: Configuration
) -> tuple[Reader, ...]:
    network, names = cut.network, [p.name for p in cut.whole.populations]
    for name in configuration.slots if isinstance(configuration.slots, dict) else ():
        if name not in names:
            raise Refusal(f"slots: there is no population {name!r}; there are {', '.join(names)}")

    def delay(j: Projection) -> int:
        return j.least_delay if id(j) in events else j.delay

    # A ring of events per source: as many steps as its slowest reader needs.
    deep = {
        part.name: configuration.slots_of(part.population)
        + max((delay(j) for j in network.projections if j.source == part.name), default=0)
        for part in cut.parts
    }
    readers: list[Reader] = []
    out_of = dict.fromkeys(core_of.values(), 0)
    for population in network.neurons:
        into = network.into(population.name)
        scattered = [j for j in into if id(j) in events]
        for event, mine in ((False, [j for j in into if id(j) not in events]), (True, scattered)):
            incoming: list[Projection | None] = list(mine)
            granted = any(j.source == network.input.name and not delay(j) for j in mine)
            if not granted and event == bool(scattered):
                incoming.append(None)  # a step must not start before the host grants it
            for j in incoming:
                source = j.source if j else network.input.name
                readers.append(
                    Reader(
                        source=source,
                        target=population.name,
                        projection=j,
                        event=event,
                        number=out_of[core_of[source]],
                        credit=deep[source] - delay(j) if j else deep[source] + len(network.neurons),
                    )
                )
                out_of[core_of[source]] += 1
    return tuple(readers)


def _fan_out(j: Projection, source: Place, target: Place, lanes: int) -> FanOut:
    made = fan_outs.fan_out(j, source, target, lanes)
    if len(made.weights) > MAX_ROWS:
        what = "synapses in a list" if made.listed else f"rows of {lanes} weights"
        raise Refusal(
            f"{j}: {len(made.weights)} {what} are more than {MAX_ROWS}; "
            + (
                "a convolution whose synapses have no delays of their own is stored once"
                if made.listed
                else "use more lanes"
            )
        )
    return made


def _slots(readers: tuple[Reader, ...], source: str) -> int:
    """Steps of a source's events that are kept."""
    return max((r.credit + r.delay for r in readers if r.source == source and r.projection), default=1)


def _weight_bits(readers: list[Reader]) -> int:
    """A shift is folded into the stored weights."""
    return max((r.projection.synapses.bits + r.projection.shift for r in readers if r.projection), default=2)


def _rows_per_group(readers: list[Reader], places: MappingType[str, Place], name: str) -> int:
    return sum(places[r.source].numbers for r in readers if r.target == name and r.projection)


def _sum_bits(network: Network, readers: list[Reader]) -> int:
    """Bits of the worst sum over any weights of these widths, since the host may change them."""
    worst = 0
    for j in (r.projection for r in readers if r.projection):
        low, high = network[j.source].value_range
        worst += fan_outs.fan_in(j) * max(-low, high) << j.synapses.bits - 1 + j.shift
    return bits_for(worst) + 1


def _scatter(
    network: Network, here: list[Reader], made: MappingType[Reader, FanOut], rings: list[Ring]
) -> ScatterParameters:
    """The event-stationary half of a core."""
    events = [r for r in here if r.event]
    mine = [made[r] for r in events if r.projection]
    targets = {r.target for r in events}
    own = [ring for ring in rings if ring.target in targets]
    return ScatterParameters(
        rings=len(own),
        projections=len(events),
        accumulator_bits=max(_sum_bits(network, [r for r in events if r.target == ring.target]) for ring in own),
        ring_rows=max(2, sum(ring.rows * ring.steps for ring in own)),
        step_rows=max(ring.rows for ring in own),
        weight_bits=_weight_bits(events),
        kernel_rows=sum(len(f.weights) for f in mine if not f.listed),
        synapses=sum(max(1, len(f.weights)) for f in mine if f.listed),  # a list may be empty, but there is one
        max_delay=max(f.most_delay for f in mine),
        places=sum(len(f.places["valid"]) for f in mine),
        fan_out=max(f.most_synapses for f in mine),
        taps=max(f.taps for f in mine),
    )

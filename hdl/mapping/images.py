"""What the memories of the hardware contain for a network."""

from collections.abc import Mapping as MappingType

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data

from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.mapping import fan_outs
from spikeloom.hdl.mapping.plan import Mapping, Place, Reader, Ring
from spikeloom.hdl.memory_map import core_memories
from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters

__all__ = ["images"]

Words = list[int]


def images(mapping: Mapping, parameters: AcceleratorParameters) -> dict[str, Words]:
    """Contents by memory name, one integer per entry."""
    found: dict[str, Words] = {}
    for number, p in enumerate(parameters.cores):
        contents = _Core(mapping, p, number).contents()
        found |= {f"core{number}_{name}": words for name, words in contents.items() if not name.startswith("state")}
    layout, table = Tables(parameters.cores[0]).channel, [0] * parameters.host_channels
    for r in mapping.readers:
        if mapping.by_name[r.source].core == -1:
            table[r.number] = _pack(layout, valid=1, credit=r.credit)
    host = {"host_channels": table}
    if len(parameters.cores) > 1:
        host["host_destinations"] = [_destination(mapping, parameters.cores[0], mapping.places[0])]
    return found | host


def _destination(mapping: Mapping, p: CoreParameters, source: Place) -> int:
    """Which cores read it; its own has its events already."""
    cores = {mapping.by_name[r.target].core for r in mapping.readers if r.source == source.name} - {source.core}
    return _pack(Tables(p).destination, cores=sum(1 << k for k in cores), observed=source.observed)


class _Core:
    """One core's memories."""

    def __init__(self, mapping: Mapping, p: CoreParameters, number: int):
        self.mapping, self.p, self.number = mapping, p, number
        self.memories = core_memories(p)
        self.tables = Tables(p)
        self.place = mapping.by_name
        here = [r for r in mapping.readers if self.place[r.target].core == number]
        self.served = [place for place in mapping.places if place.core == number]
        self.rings = [ring for ring in mapping.rings if self.place[ring.target].core == number]
        self.events = [r for r in here if r.event]
        #: What the lanes read, in this order: rows of weights, and for some populations a row of sums.
        self.reads: list[Reader | Ring] = []
        for place in self.served:
            self.reads += [r for r in here if r.target == place.name and not r.event]
            self.reads += [ring for ring in self.rings if ring.target == place.name]
        #: source -> (first entry of its lists, steps)
        self.lists: dict[str, tuple[int, int]] = {}
        end = 0
        for r in here:
            if r.projection and r.source not in self.lists:
                steps = mapping.slots(r.source)
                self.lists[r.source] = (end, steps)
                end += steps * self.place[r.source].numbers

    def contents(self) -> dict[str, Words]:
        words: dict[str, Words] = {name: [0] * entries for name, (entries, _) in self.memories.items()}
        for name, table in (self._schedule() | self._units() | self._scatter()).items():
            words[name][: len(table)] = table
        return words

    # The schedule ----------------------------------------------------------------------------------------------------

    def _schedule(self) -> dict[str, Words]:
        p = self.p
        populations, weights = [], np.zeros((p.rows, p.lanes), np.int64)
        next_row = 0
        for place in self.served:
            mine = [r for r in self.reads if r.target == place.name]
            matrices = [
                fan_outs.written_out(r.projection, self.place[r.source], place)
                for r in mine
                if isinstance(r, Reader) and r.projection
            ]
            folded = {"parameter_base": place.parameter_base, "period": place.period(p.lanes) - 1} if p.folded else {}
            populations.append(
                _pack(
                    self.tables.population,
                    valid=1,
                    source=place.id,
                    rows=next_row if matrices else 0,
                    groups=place.groups(p.lanes) - 1,
                    tail=(place.numbers - 1) % p.lanes,
                    unit_base=place.unit_base,
                    first=self.reads.index(mine[0]),
                    reads=sum(1 << self.reads.index(r) for r in mine),
                    writes=sum(1 << r.number for r in self.mapping.readers if r.source == place.name),
                    **folded,
                )
            )
            for group in range(place.groups(p.lanes)):
                for matrix in matrices:
                    part = matrix[:, group * p.lanes : (group + 1) * p.lanes]
                    weights[next_row : next_row + len(part), : part.shape[1]] = part
                    next_row += len(part)
        projections = []
        for k, r in enumerate(self.reads):
            last = k + 1 == len(self.reads) or self.reads[k + 1].target != r.target
            projections.append(self._of_ring(r, last) if isinstance(r, Ring) else self._of_list(r, last))
        sources = [0] * p.flit.sources
        for name in {r.source for r in (*self.reads, *self.events) if isinstance(r, Reader)}:
            base, steps = self.lists.get(name, (0, 1))
            readers = [k for k, r in enumerate(self.reads) if isinstance(r, Reader) and r.source == name]
            readers += [p.projections + k for k, r in enumerate(self.events) if r.source == name]
            sources[self.place[name].id] = _pack(
                self.tables.source,
                valid=1,
                kept=name in self.lists,
                slots=steps - 1,
                base=base,
                capacity=self.place[name].numbers,
                readers=sum(1 << k for k in readers),
            )
        channels = [0] * p.channels
        for r in self.mapping.readers:
            if self.place[r.source].core == self.number:
                channels[r.number] = _pack(self.tables.channel, valid=1, credit=r.credit)
        columns = _columns("weights", weights, p.weight_bits, p.column_lanes) if p.rows else {}
        if not p.alone:
            destinations = [0] * p.flit.sources
            for place in self.served:
                destinations[place.id] = _destination(self.mapping, p, place)
            columns["destinations"] = destinations
        return {
            "populations": populations,
            "projections": projections,
            "sources": sources,
            "channels": channels,
            **columns,
        }

    def _of_list(self, r: Reader, last: bool, **others: int) -> int:
        """A row of the table of projections: where it reads its source's events."""
        base, steps = self.lists.get(r.source, (0, 1)) if r.projection else (0, 1)
        source, start = self.place[r.source], (steps - r.delay) % steps
        stride = {} if r.event else {"stride": source.numbers if r.projection else 0}
        layout = Tables(self.p.scatter_core).projection if r.event else self.tables.projection
        return _pack(
            layout,
            last=last,
            rows=r.projection is not None,
            source=source.id,
            delay=r.delay,
            slots=steps - 1,
            base=base,
            capacity=source.numbers,
            slot=start,
            start=base + start * source.numbers,
            node=1 + source.core,
            channel=r.number,
            **stride,
            **others,
        )

    def _of_ring(self, ring: Ring, last: bool) -> int:
        """The same for sums: a step of the ring is read as a list that has one entry per group."""
        base = self._ring_base(ring)
        return _pack(
            self.tables.projection,
            ring=1,
            last=last,
            rows=1,
            slots=ring.steps - 1,
            base=base,
            capacity=ring.rows,
            start=base,
            node=1 + self.number,
            channel=self.p.node_channels + self.rings.index(ring),
        )

    # The neuron units ------------------------------------------------------------------------------------------------

    def _units(self) -> dict[str, Words]:
        p = self.p
        words: dict[str, Words] = {f"parameters{unit}": [0] * p.parameter_words for unit in range(p.units)}
        for place in self.served:
            neuron = self.mapping.split.network[place.name].neuron
            count = place.period(p.lanes) * p.lanes if p.folded else place.numbers
            base = place.parameter_base if p.folded else place.unit_base
            golden = place.to_golden(np.arange(count))
            image = p.neuron.image(neuron, np.maximum(golden, 0))
            silent = p.neuron.silent
            image = {name: np.where(golden < 0, silent.get(name, 0), values) for name, values in image.items()}
            packed = _pack_all(p.neuron.parameter_layout, count, image)
            for unit in range(p.units):
                mine = packed[unit :: p.units]
                words[f"parameters{unit}"][base : base + len(mine)] = mine
        return words

    # The event-stationary half ---------------------------------------------------------------------------------------

    def _ring_base(self, ring: Ring) -> int:
        return sum(r.rows * r.steps for r in self.rings[: self.rings.index(ring)])

    def _scatter(self) -> dict[str, Words]:
        p, s = self.p, self.p.scatter
        if not s:
            return {}
        tables = Tables(p.scatter_core)
        populations, channels, rings = [], [], []
        for number, ring in enumerate(self.rings):
            mine = [k for k, r in enumerate(self.events) if r.target == ring.target]
            base, size = self._ring_base(ring), ring.rows * ring.steps
            populations.append(
                _pack(
                    tables.population,
                    valid=1,
                    rows=mine[0],
                    first=mine[0],
                    unit_base=number,
                    reads=sum(1 << k for k in mine),
                    writes=1 << number,
                )
            )
            channels.append(_pack(tables.channel, valid=1, credit=1))
            rings.append(
                _pack(
                    self.tables.ring,
                    reader=self.reads.index(ring),
                    rows=ring.rows,
                    size=size,
                    base=base,
                    end=base + size - 1,
                    last=base + size - ring.rows,
                )
            )
        projections = []
        for k, r in enumerate(self.events):
            last = k + 1 == len(self.events) or self.events[k + 1].target != r.target
            projections.append(self._of_list(r, last, stride=1))
        return {
            "scatter_populations": populations,
            "scatter_channels": channels,
            "scatter_projections": projections,
            "scatter_rings": rings,
            **self._fan_outs(),
        }

    def _fan_outs(self) -> dict[str, Words]:
        p, s = self.p, self.p.scatter
        assert s
        descriptors, places, synapses = [], [], []
        kernels = np.zeros((s.kernel_rows, p.lanes), np.int64)
        next_row = 0
        for r in self.events:
            if not r.projection:
                descriptors.append(0)
                continue
            f = self.mapping.fan_outs[r]
            modulo = {name: step % (1 << self.tables.fan_out[name].width) for name, step in f.steps.items()}
            descriptors.append(
                _pack(
                    self.tables.fan_out,
                    listed=f.listed,
                    single=f.single,
                    shared=f.shared,
                    places=len(places),
                    groups=f.groups - 1,
                    **modulo,
                )
            )
            first = len(synapses) if f.listed else next_row
            valid = f.places["valid"]
            values = {name: v * valid for name, v in f.places.items()} | {
                "weights": (f.places["weights"] + first) * valid
            }
            places += _pack_all(self.tables.place, len(valid), values)
            if f.listed:
                row, lane = np.divmod(f.targets, p.lanes)
                values = {"weight": f.weights, "row": row, "lane": lane, "delay": f.delays}
                synapses += _pack_all(self.tables.synapse, len(f.weights), values)
            else:
                kernels[next_row : next_row + len(f.weights)] = f.weights
                next_row += len(f.weights)
        return {
            "fan_outs": descriptors,
            "places": places,
            **({"synapses": synapses} if s.synapses else {}),
            **(_columns("kernels", kernels, s.weight_bits, p.kernel_lanes) if s.kernel_rows else {}),
        }


def _columns(name: str, rows: np.ndarray, bits: int, per_column: int) -> dict[str, Words]:
    """Rows of weights side by side, as many to a memory as one word of the host holds."""
    masked = rows & (1 << bits) - 1
    columns = {}
    for column, first in enumerate(range(0, rows.shape[1], per_column)):
        lanes = masked[:, first : first + per_column]
        columns[f"{name}{column}"] = (lanes << np.arange(lanes.shape[1]) * bits).sum(axis=1).tolist()
    return columns


def _pack(layout: data.StructLayout, **values: int) -> int:
    (word,) = _pack_all(layout, 1, {name: np.array([int(value)], object) for name, value in values.items()})
    return word


def _pack_all(layout: data.StructLayout, count: int, values: MappingType[str, np.ndarray]) -> Words:
    """``count`` words of fields; those not named are 0."""
    words = np.zeros(count, object)
    for name, value in values.items():
        field = layout[name]
        shape = Shape.cast(field.shape)
        low, high = (
            (-(1 << shape.width - 1), (1 << shape.width - 1) - 1) if shape.signed else (0, (1 << shape.width) - 1)
        )
        if count and not (low <= value.min() and value.max() <= high):
            raise ValueError(f"{name} = {value.min()}..{value.max()} does not fit {shape}")
        words |= (value.astype(object) & (1 << shape.width) - 1) << field.offset
    return words.tolist()

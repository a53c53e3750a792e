"""Other words for the same network: what else its memories may hold."""

from collections.abc import Callable, Container, Iterable, Mapping

import numpy as np
from amaranth.lib import data

from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.mapping import Mapping as Placed
from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters

__all__ = ["Images", "elsewhere"]

Words = list[int]
Images = dict[str, Words]
Fields = dict[str, int]


def elsewhere(mapping: Placed, parameters: AcceleratorParameters, seed: int) -> Images:
    """Of all memories, with which everything is at the other end of its memory, and what has a number another one."""
    rng = np.random.default_rng(seed)
    images = mapping.images(parameters)
    found = {"host_channels": images["host_channels"][::-1]}
    channels = (parameters.host_channels, *(p.channels for p in parameters.cores))
    for number, (p, own) in enumerate(zip(parameters.cores, mapping.parameters.cores, strict=True)):
        name = f"core{number}_"
        mine = {key.removeprefix(name): words for key, words in images.items() if key.startswith(name)}
        core = _Core(mine, p, own, channels, rng)
        found |= {name + key: words for key, words in core.moved().items()}
    return found


class _Core:
    """own: what the network needs. channels: out of each node."""

    def __init__(
        self,
        images: Images,
        p: CoreParameters,
        own: CoreParameters,
        channels: tuple[int, ...],
        rng: np.random.Generator,
    ):
        self.images, self.p, self.channels = images, p, channels
        s, mine = p.scatter, own.scatter
        self.room = {name: getattr(p, name) - getattr(own, name) for name in ("rows", "list_entries", "unit_words")}
        self.room["unit_words"] -= self.room["unit_words"] % 2 == 0 < self.room["unit_words"]  # groups begin anywhere
        self.room["parameter_words"] = p.parameter_words - own.parameter_words if p.folded else self.room["unit_words"]
        for name in ("ring_rows", "places", "synapses", "kernel_rows"):
            self.room[name] = getattr(s, name) - getattr(mine, name) if s and mine else 0
        self.images |= {
            name: _shuffled(images[name], rng) for name in ("populations", "scatter_populations") if name in images
        }
        tables = Tables(p)
        sums = {k for k, word in enumerate(images["projections"]) if _fields(tables.projection, word).get("ring")}
        self.order, self.lasts = self._order(self.images["populations"], tables.population, p.projections, sums)
        self.late, self.late_lasts = dict[int, int](), set[int]()
        if s:
            layout = Tables(p.scatter_core).population
            self.late, self.late_lasts = self._order(self.images["scatter_populations"], layout, s.projections, ())

    def _order(
        self, populations: Words, layout: data.StructLayout, count: int, rings: Container[int]
    ) -> tuple[dict[int, int], set[int]]:
        """The new number of each projection that is used: those of a population stay together, but a row of sums is
        read before all rows of weights instead of after them. And the numbers of those that are a population's last.
        """
        order, lasts, end = {}, set[int](), count
        for word in populations:
            reads = sorted(_bits(_fields(layout, word)["reads"]), key=lambda k: k not in rings)
            lasts.add(end - 1)
            end -= len(reads)
            order |= {old: end + k for k, old in enumerate(reads)}
        return order, lasts

    def moved(self) -> Images:
        p, tables = self.p, Tables(self.p)

        def source(f: Fields) -> Fields:
            order = self.order | {p.projections + old: p.projections + new for old, new in self.late.items()}
            return {**self._by(f, "list_entries", "base"), "readers": _mask(order[k] for k in _bits(f["readers"]))}

        def population(f: Fields) -> Fields:
            return {
                **self._by(f, "rows", "rows"),
                **self._by(f, "unit_words", "unit_base"),
                **(self._by(f, "parameter_words", "parameter_base") if p.folded else {}),
                "first": min(self.order[k] for k in _bits(f["reads"])),
                "reads": _mask(self.order[k] for k in _bits(f["reads"])),
                "writes": _mask(p.channels - 1 - k for k in _bits(f["writes"])),
            }

        return {
            "populations": self._changed("populations", tables.population, population),
            "projections": self._projections("projections", tables.projection, self.order, self.lasts),
            "sources": self._changed("sources", tables.source, source),
            "channels": self.images["channels"][::-1],
            **self._later("weights", "rows"),
            **self._later("parameters", "parameter_words"),
            **(self._scatter(tables) if p.scatter else {}),
        }

    def _projections(
        self, name: str, layout: data.StructLayout, order: Mapping[int, int], lasts: Container[int]
    ) -> Words:
        p = self.p
        words = [0] * len(self.images[name])
        for old, new in order.items():
            f = _fields(layout, self.images[name][old])
            if f.get("ring"):
                assert p.scatter
                f |= self._by(f, "ring_rows", "base", "start")
                f["channel"] = 2 * p.node_channels + p.scatter.rings - 1 - f["channel"]
            else:
                f |= self._by(f, "list_entries", *("base", "start") * f["rows"])
                f["channel"] = self.channels[f["node"]] - 1 - f["channel"]
            words[new] = _word(layout, f | {"last": int(new in lasts)})
        return words

    def _scatter(self, tables: Tables) -> Images:
        s, scatter = self.p.scatter, Tables(self.p.scatter_core)
        assert s

        def population(f: Fields) -> Fields:
            first = min(self.late[k] for k in _bits(f["reads"]))
            numbers = {"rows": first, "first": first, "unit_base": s.rings - 1 - f["unit_base"]}
            reads, writes = (
                _mask(self.late[k] for k in _bits(f["reads"])),
                _mask(s.rings - 1 - k for k in _bits(f["writes"])),
            )
            return {**numbers, "reads": reads, "writes": writes}

        def ring(f: Fields) -> Fields:
            return {**self._by(f, "ring_rows", "base", "end", "last"), "reader": self.order[f["reader"]]}

        # What a place says depends on whose it is.
        kinds = {}
        for word in self.images["fan_outs"]:
            f = _fields(tables.fan_out, word)
            kinds |= {f["places"]: "synapses" if f["listed"] else "kernel_rows"} if word else {}
        places, kind = [], ""
        for number, word in enumerate(self.images["places"]):
            kind = kinds.get(number, kind)
            f = _fields(tables.place, word)
            places.append(_word(tables.place, f | self._by(f, kind, *["weights"] * f["valid"])))
        changed = self._changed("fan_outs", tables.fan_out, lambda f: self._by(f, "places", "places"))
        fan_outs = [0] * len(changed)
        for old, new in self.late.items():
            fan_outs[new] = changed[old]
        return {
            "scatter_populations": self._changed("scatter_populations", scatter.population, population),
            "scatter_projections": self._projections(
                "scatter_projections", scatter.projection, self.late, self.late_lasts
            ),
            "scatter_rings": self._changed("scatter_rings", tables.ring, ring)[::-1],
            "scatter_channels": self.images["scatter_channels"][::-1],
            "fan_outs": fan_outs,
            "places": _moved(places, self.room["places"]),
            **self._later("synapses", "synapses"),
            **self._later("kernels", "kernel_rows"),
        }

    def _by(self, f: Fields, room: str, *names: str) -> Fields:
        """These fields, later by what a memory has room for."""
        return {name: f[name] + self.room[room] for name in names}

    def _later(self, names: str, room: str) -> Images:
        return {name: _moved(words, self.room[room]) for name, words in self.images.items() if name.startswith(names)}

    def _changed(self, name: str, layout: data.StructLayout, change: Callable[[Fields], Fields]) -> Words:
        """With other fields in all words that say something."""
        return [
            _word(layout, fields | change(fields)) if word else 0
            for word in self.images[name]
            for fields in [_fields(layout, word)]
        ]


def _shuffled(words: Words, rng: np.random.Generator) -> Words:
    return [words[k] for k in rng.permutation(len(words))]


def _moved(words: Words, by: int) -> Words:
    return [0] * by + words[: len(words) - by]


def _bits(mask: int) -> list[int]:
    return [k for k in range(mask.bit_length()) if mask >> k & 1]


def _mask(bits: Iterable[int]) -> int:
    return sum(1 << k for k in bits)


def _fields(layout: data.StructLayout, word: int) -> Fields:
    return {str(name): word >> field.offset & (1 << field.width) - 1 for name, field in layout}


def _word(layout: data.StructLayout, fields: Fields) -> int:
    for name, field in layout:
        if fields[str(name)] >> field.width:
            raise ValueError(f"{name} = {fields[str(name)]} does not fit")
    return sum(fields[str(name)] << field.offset for name, field in layout)

"""Between arrays of events and the words that the design's streams carry. No Python loop over flits, no Amaranth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikeloom.golden.network import Refusal

__all__ = ["Decoded", "Flit", "Numbering", "Share", "Source", "decode", "encode"]

FIELDS = ("source", "tick", "sequence", "index", "value")


@dataclass(frozen=True, kw_only=True)
class Numbering:
    """What numbers a population's neurons have in hardware: the channels of a position lie side by side.

    In the integer model, neuron c of position p has the number c * positions + p; in hardware, p * padded + c. A
    population of one position has the same numbers in both.

    size:     neurons. channels: of each position. padded: numbers from one position to the next.
    """

    size: int
    channels: int
    padded: int

    def __post_init__(self) -> None:
        if not 1 <= self.channels <= self.padded or self.size < 1 or self.size % self.channels:
            raise ValueError(f"{self.size} neurons cannot be {self.channels} channels padded to {self.padded}")

    @property
    def positions(self) -> int:
        return self.size // self.channels

    @property
    def numbers(self) -> int:
        """Every neuron's number in hardware is less."""
        return self.positions * self.padded

    def to_hardware(self, neurons: np.ndarray) -> np.ndarray:
        """The numbers in hardware of the integer model's neurons."""
        channel, position = np.divmod(neurons, self.positions)
        return position * self.padded + channel

    def to_golden(self, numbers: np.ndarray) -> np.ndarray:
        """The integer model's neurons with these numbers in hardware, and -1 where there is none."""
        position, channel = np.divmod(numbers, self.padded)
        there = (channel < self.channels) & (position >= 0) & (position < self.positions)
        return np.where(there, channel * self.positions + position, -1)


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a part is of a population of ``size`` neurons: of each ``stride`` of them, ``span`` from ``first`` on."""

    population: str
    size: int
    first: int
    span: int
    stride: int

    def __post_init__(self) -> None:
        if self.first < 0 or not 1 <= self.span <= self.stride - self.first or self.size % self.stride or self.size < 1:
            raise ValueError(
                f"{self.span} neurons from {self.first} on of each {self.stride} are no part of {self.size}"
            )

    @property
    def neurons(self) -> np.ndarray:
        """The population's neurons that the part's are, in the integer model's numbers."""
        return (np.arange(self.first, self.size, self.stride)[:, None] + np.arange(self.span)).ravel()


@dataclass(frozen=True, kw_only=True)
class Source(Numbering):
    """A population, or a share of one, as its flits name it. observed: its bit in the register ``observe``."""

    name: str
    id: int
    observed: int
    share: Share | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.share and self.size * self.share.stride != self.share.size * self.share.span:
            raise ValueError(f"{self.size} neurons are not what {self.share} says")

    @property
    def population(self) -> str:
        return self.share.population if self.share else self.name

    @property
    def neurons(self) -> np.ndarray:
        """Its neurons' numbers in the population."""
        return self.share.neurons if self.share else np.arange(self.size)

    @property
    def whole(self) -> int:
        """Neurons of the population."""
        return self.share.size if self.share else self.size


@dataclass(frozen=True, kw_only=True)
class Flit:
    """Where a flit's fields are: name -> (lowest bit, bits)."""

    width: int
    fields: Mapping[str, tuple[int, int]]

    def __post_init__(self) -> None:
        if set(self.fields) != set(FIELDS) or not 1 <= self.width <= 64:
            raise Refusal(f"Flits need the fields {FIELDS} in at most 64 bits, not {dict(self.fields)} in {self.width}")

    def pack(self, **values: np.ndarray | int) -> np.ndarray:
        words = np.zeros(np.broadcast_shapes(*(np.shape(v) for v in values.values())), np.uint64)
        for name, value in values.items():
            lsb, bits = self.fields[name]
            words |= (np.asarray(value, np.int64) & ((1 << bits) - 1)).astype(np.uint64) << np.uint64(lsb)
        return words

    def unpack(self, words: np.ndarray, name: str) -> np.ndarray:
        """One field as int64; values of more than one bit are signed."""
        lsb, bits = self.fields[name]
        field = (words >> np.uint64(lsb)).astype(np.int64) & ((1 << bits) - 1)
        return field - ((field >> bits - 1) << bits) if name == "value" and bits > 1 else field


def encode(flit: Flit, source: Source, x: np.ndarray, *, shuffle: int | None = None) -> np.ndarray:
    """Flits of ``x`` (samples, steps, neurons as the integer model numbers them): per step its events, then the tick.

    shuffle: a seed that orders each step's events; the lowest neuron comes first without one.
    """
    rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    step, neuron = np.nonzero(rows)
    if shuffle is not None:
        order = np.lexsort((np.random.default_rng(shuffle).random(len(step)), step))
        step, neuron = step[order], neuron[order]
    counts = np.bincount(step, minlength=len(rows))
    steps = np.arange(len(rows))
    words = np.zeros(len(step) + len(rows), np.uint64)
    words[np.arange(len(step)) + step] = flit.pack(
        source=source.id, index=source.to_hardware(neuron), value=rows[step, neuron]
    )
    words[counts.cumsum() + steps] = flit.pack(source=source.id, tick=1, sequence=steps % 4, index=counts)
    return words


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Recorded flits as arrays, by population, whose parts are put together.

    events:   the value of each event (0: none), int16 (samples, steps, neurons as in the integer model).
    complete: the steps whose ticks came, counted from the first.
    clocks:   the clock of each step's last tick, int64 (samples * steps,), 0 where one did not come.
    problems: what is wrong with the stream itself, one line each.
    """

    events: Mapping[str, np.ndarray]
    complete: Mapping[str, int]
    clocks: Mapping[str, np.ndarray]
    problems: tuple[str, ...]


def decode(
    flit: Flit, words: np.ndarray, clocks: np.ndarray, sources: tuple[Source, ...], samples: int, steps: int
) -> Decoded:
    """Sort recorded flits by source and step, and check their order, counts and sequence."""
    total = samples * steps
    all_ids = flit.unpack(words, "source")
    events: dict[str, np.ndarray] = {}
    complete: dict[str, int] = {}
    tick_clocks: dict[str, np.ndarray] = {}
    problems: list[str] = []
    stray = ~np.isin(all_ids, [source.id for source in sources])
    if stray.any():
        problems.append(
            f"{stray.sum()} flits of sources that are not observed, the first of source {all_ids[stray][0]}"
        )
    for source in sources:
        here = all_ids == source.id
        mine = words[here]
        tick = flit.unpack(mine, "tick") == 1
        step = np.cumsum(tick) - tick  # of each flit: the ticks before it
        index, value = flit.unpack(mine, "index"), flit.unpack(mine, "value")
        ticks = int(tick.sum())

        def report(wrong: np.ndarray, at: np.ndarray, text: str, name: str = source.name) -> None:
            if wrong.any():
                first = int(at[wrong][0])
                problems.append(
                    f"population {name!r}, sample {first // steps}, step {first % steps}: {text} ({wrong.sum()} such)"
                )

        if ticks != total:
            problems.append(f"population {source.name!r}: {ticks} ticks came, not {total}")
        report(~tick & (step >= total), step, "an event came after the last tick")
        report(~tick & (value == 0), step, "an event has no value")
        neuron = source.to_golden(index)
        nobody = ~tick & (neuron < 0)
        report(nobody, step, f"an event names the number {next(iter(index[nobody]), 0)}, which no neuron has")
        good = ~tick & (step < total) & (neuron >= 0)
        cells = step[good] * source.size + neuron[good]
        dense = np.zeros(total * source.size, np.int16)
        dense[cells] = value[good]
        ordered = np.sort(cells)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        report(np.ones(len(twice), bool), twice // source.size, "a neuron sent two events")
        number = np.arange(ticks)
        arrived = np.bincount(step[~tick], minlength=ticks)[:ticks]
        report(index[tick] != arrived, number, "the tick's count is not that of its events")
        report(flit.unpack(mine[tick], "sequence") != number % 4, number, "the tick is out of sequence")
        came = np.zeros(total, np.int64)
        came[: min(ticks, total)] = clocks[here][tick][:total]
        name = source.population
        values = dense.reshape(samples, steps, source.size)
        if source.share:
            events.setdefault(name, np.zeros((samples, steps, source.whole), np.int16))[..., source.neurons] = values
        else:
            events[name] = values
        complete[name] = min(ticks, complete.get(name, total))
        others = tick_clocks.get(name, came)
        tick_clocks[name] = np.where((came > 0) & (others > 0), np.maximum(came, others), 0)
    return Decoded(events=events, complete=complete, clocks=tick_clocks, problems=tuple(problems))

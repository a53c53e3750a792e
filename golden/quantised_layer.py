"""One layer of the float model as integers.

Its input gain is folded into its threshold (a negative gain flips the weights), its potential is measured from v_leak,
and one scale, or one per neuron, turns its weights, bias, threshold and reset into integers: the hardware adds weights
and nothing else. A layer that sends its potential keeps one scale, so that its neurons can be compared.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spikeloom.golden import maps
from spikeloom.golden.columns import Columns
from spikeloom.golden.conventions import Knobs
from spikeloom.golden.dynamics import Stepped
from spikeloom.golden.maps import Diagonal, Map
from spikeloom.golden.network import Neuron, Population, Projection, Refusal
from spikeloom.golden.nir_model import MAX_WEIGHTS
from spikeloom.golden.storage import merged, synapses_of, told

__all__ = ["WIDE_STATE_BITS", "QuantisedLayer", "Source", "Widths", "signed_bits"]

#: The largest weight as a share of the largest float weight: the one with the least error is taken.
CLIP_RATIOS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4)
NARROW_CLIP_RATIOS = (0.35, 0.3, 0.25, 0.2, 0.15, 0.1)  # for weights of 3 bits or fewer
#: Or the one that so many percent of the weights do not exceed.
PERCENTILES = (99.9, 99.5, 99.0, 98.0)
#: What is more than the plain way must make an error smaller by a tenth (these are squares).
PLAIN_UNLESS_GAIN = 0.9**2
#: Of a weight with its shift.
MAX_STORED_BITS = 16
#: Bits beyond ceil(log2(tau in steps)) that keep the decay and the potential accurate.
EXTRA_DECAY_BITS = 6
EXTRA_GUARD_BITS = 4
MAX_DECAY_BITS = 24
MAX_GUARD_BITS = 16
#: Of an event that carries a potential.
POTENTIAL_BITS = 16
#: Wide enough for any calibration run, whose potentials then decide the width.
WIDE_STATE_BITS = 38
#: Calibration reaches only so far into what the network will see.
HEADROOM = 2
FIXED = ("threshold", "subtract", "v_reset", "v_init", "bias", "v_min")


def signed_bits(*values: int) -> int:
    """Bits of the two's complement that holds all values."""
    return 1 + max(v.bit_length() if v >= 0 else (-v - 1).bit_length() for v in values)


def _one_or_each(values: np.ndarray) -> np.ndarray:
    """As int64; one integer if it is the same for all neurons."""
    values = values.astype(np.int64)
    return values[0] if (values == values[0]).all() else values


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Bits that all layers have in common, so that they can share a core: the most that any of them needs."""

    decay_bits: int
    guard_bits: int
    value_bits: int

    @classmethod
    def common(cls, layers: Sequence[Stepped], knobs: Knobs, events: Mapping[str, np.ndarray]) -> "Widths":
        taus = [s.rule.tau_steps.max() for s in layers if s.rule.leaks]
        tau_bits = math.ceil(math.log2(max(taus))) if taus else 0
        value_bits = 1
        counts = {s.name: int(events[s.name].max()) for s in layers if s.layer.spiking}
        if knobs.spikes == "many" and counts:
            name = max(counts, key=lambda name: counts[name])
            value_bits = max(2, signed_bits(HEADROOM * counts[name]))
            if value_bits > 16:
                raise Refusal(
                    f"{name!r} fires {counts[name]} times in a step, and an event of 16 bits counts "
                    f"{32767 // HEADROOM} with headroom; raise its threshold, or use spikes 'one'"
                )
        return cls(
            decay_bits=min(MAX_DECAY_BITS, tau_bits + EXTRA_DECAY_BITS) if taus else 0,
            guard_bits=min(MAX_GUARD_BITS, tau_bits + EXTRA_GUARD_BITS),
            value_bits=value_bits,
        )


@dataclass(frozen=True, kw_only=True)
class Source:
    """What arrives from a population. unit: what an event of value 1 stands for; rest: what no event stands for.

    events: calibration values in that unit (samples, steps, neurons).
    """

    events: np.ndarray
    unit: float = 1.0
    rest: float = 0.0


def _shifts(numbers: Sequence[np.ndarray], groups: Sequence[Sequence[int]], most: int) -> list[tuple[int, ...]]:
    """No shifts, and those that bring projections of very different weights to a common size.

    groups: of inputs that are one projection.
    """
    largest = np.array([float(np.abs(m).max(initial=0)) for m in numbers])
    for group in groups:
        largest[group] = largest[group].max()
    plain = (0,) * len(numbers)
    if not (largest > 0).any():
        return [plain]
    base = max(largest[largest > 0].min(), largest.max() / 2.0**most)
    shifts = np.rint(np.log2(np.maximum(largest, base) / base)).astype(int)
    return [plain] if not shifts.any() else [plain, tuple(np.minimum(shifts, most).tolist())]


def _times(m: Map, unit: float, factor: np.ndarray) -> Map:
    if isinstance(m, np.ndarray):
        return m * unit * factor
    return maps.then(m, Diagonal(weights=unit * factor), MAX_WEIGHTS)


def _sums(m: Map) -> np.ndarray:
    """What a value of 1 from every source makes."""
    return m.sum(0) if isinstance(m, np.ndarray) else maps.times(m, np.float64)(np.ones((1, m.shape[0])))[0]


@dataclass(frozen=True, kw_only=True)
class _Rounding:
    """Weights as integers: ``integers`` times ``scale``, times what each row is shifted by."""

    integers: np.ndarray
    scale: np.ndarray
    clip: np.ndarray
    method: str
    error: float
    clipped: float

    @classmethod
    def least(
        cls,
        weights: np.ndarray,
        times: np.ndarray,
        bias: np.ndarray,
        limit: int,
        power: Callable[[np.ndarray], np.ndarray],
        axis: int | None,
    ) -> "_Rounding":
        """The clipping with the least error of the sums, for all neurons (axis None) or each."""
        shown = weights / times
        magnitude, ground = np.abs(shown).max(axis), np.abs(bias).max() if axis is None else np.abs(bias)
        # Without weights there still are a bias and a threshold to express.
        largest = np.where(magnitude > 0, magnitude, np.where(ground > 0, ground, 1.0))

        def integers(clip: np.ndarray) -> np.ndarray:
            return np.clip(np.rint(shown / (clip * largest / limit)), -limit, limit)

        clips = {("least error", r): np.full_like(largest, r) for r in CLIP_RATIOS}
        if limit <= 3:
            clips |= {("least error", r): np.full_like(largest, r) for r in NARROW_CLIP_RATIOS}
        for percent in PERCENTILES:
            reached = np.percentile(np.abs(shown), percent, axis=axis) / largest
            clips["percentile", percent] = np.where((reached > 0) & (magnitude > 0), reached, 1.0)
        errors = {key: power(weights - clip * largest / limit * integers(clip) * times) for key, clip in clips.items()}
        judged = [e / (PLAIN_UNLESS_GAIN if key[0] == "percentile" else 1) for key, e in errors.items()]
        best = np.argmin(np.stack(judged), axis=0)[None]
        clip = np.take_along_axis(np.stack(list(clips.values())), best, 0)[0]
        error = np.take_along_axis(np.stack(list(errors.values())), best, 0)[0]
        methods = [list(clips)[k][0] for k in best.ravel()]
        scale = clip * largest / limit
        return cls(
            integers=integers(clip).astype(np.int64),
            scale=scale,
            clip=clip,
            method=max(dict.fromkeys(methods), key=methods.count),
            error=float(np.sum(error)),
            clipped=float((np.abs(shown) > scale * (limit + 0.5)).mean()),
        )


class QuantisedLayer:
    """A population and its projections; only the widths of the states are left for the calibration run.

    sources: what its inputs send, by name. per_channel: a scale for each neuron, or each output channel of a kernel.
    merge: branches of different delays and different synapses become one projection.
    """

    def __init__(
        self,
        stepped: Stepped,
        knobs: Knobs,
        sources: Mapping[str, Source],
        weight_bits: int,
        widths: Widths,
        per_channel: bool = False,
        merge: bool = True,
    ) -> None:
        self.stepped, self.layer, self.knobs, self.weight_bits = stepped, stepped.layer, knobs, weight_bits
        self.name, self.spiking = stepped.name, stepped.layer.spiking
        self.decay_bits, self.guard_bits = widths.decay_bits, widths.guard_bits
        self.value_bits = widths.value_bits if self.spiking else POTENTIAL_BITS
        rule = stepped.rule
        self.keep = np.rint(rule.keep * 2**self.decay_bits)
        self.current_keep = None if rule.current_keep is None else np.rint(rule.current_keep * 2**self.decay_bits)
        self.current_gain = np.ones_like(rule.gain) if rule.current_gain is None else rule.current_gain
        gain = rule.gain * self.current_gain
        rest = self.layer.parameters.get("v_leak", np.zeros_like(gain))
        if self.spiking:
            factor, self.gain = np.where(gain < 0, -1.0, 1.0), np.abs(gain)
        else:  # one unit for all potentials
            self.gain = np.full_like(gain, np.abs(gain).max())
            factor = gain / self.gain
        self.rest, self.factor = rest, factor
        self.units = {name: source.unit for name, source in sources.items()}
        self.merge = merge
        self._weights(factor, sources, per_channel and self.spiking)
        if not self._ones():
            self._parameters()

    def _weights(self, factor: np.ndarray, sources: Mapping[str, Source], per_channel: bool) -> None:
        """One scale for all that arrives: the clipping with the least error of the sums on the data."""
        arriving, self.bias = [], self.layer.bias * factor
        for i in self.stepped.inputs:
            arriving.append(_times(i.weights, sources[i.source].unit, factor))
            self.bias = self.bias + sources[i.source].rest * _sums(i.weights) * factor
        size, bits = self.layer.bias.size, self.weight_bits
        limit = (1 << bits - 1) - 1
        self.arriving = arriving
        columns = Columns.of(arriving, [sources[i.source].events for i in self.stepped.inputs], size, MAX_WEIGHTS)
        stacked, axis = columns.stacked(), 0 if per_channel else None
        bias = np.abs(self.bias).reshape(columns.channels, -1).max(1)
        groups = merged(self.stepped.inputs) if self.merge else [[k] for k in range(len(arriving))]

        def power(weights: np.ndarray) -> np.ndarray:
            return columns.power(weights, axis)

        best: _Rounding | None = None
        for shifts in _shifts([maps.numbers(m) for m in arriving], groups, MAX_STORED_BITS - bits):
            times = np.repeat(np.exp2(shifts), columns.lengths)[:, None] if arriving else np.ones((1, 1))
            found = _Rounding.least(stacked, times, bias, limit, power, axis)
            if best is None or found.error < PLAIN_UNLESS_GAIN * best.error:
                best, self.shifts = found, shifts
        self.clip, self.method = best.clip, best.method
        self.scale = (
            np.broadcast_to(best.scale, (size,)) if axis is None else np.repeat(best.scale, size // columns.channels)
        )
        self.weight_error = math.sqrt(best.error / (float(np.sum(power(stacked))) or 1.0))
        self.clipped, self.groups = best.clipped, groups
        self.weights = columns.back(best.integers)

    def _ones(self) -> bool:
        """Weights that are all of one size, as a pooling's, become 1 or -1, if all parameters are whole then."""
        found = [np.abs(maps.numbers(m)).ravel() for m in self.arriving]
        sizes = np.unique(np.concatenate([f[f > 0] for f in found])) if found else np.empty(0)
        if len(sizes) != 1 or any(isinstance(m, np.ndarray) for m in self.arriving):
            return False
        before = {
            name: getattr(self, name) for name in ("scale", "clip", "clipped", "shifts", "weights", "weight_error")
        }
        self.scale, self.clip, self.clipped = np.full(self.layer.bias.size, sizes[0]), np.ones(1), 0.0
        self.shifts, self.weight_error = (0,) * len(found), 0.0
        self.weights = [np.sign(maps.numbers(m)).astype(np.int64) for m in self.arriving]
        self._parameters()
        if self.whole:
            self.method, self.weight_bits = "exact", 2
            return True
        for name, value in before.items():
            setattr(self, name, value)
        return False

    def _parameters(self) -> None:
        """Potentials in units of 2**-guard weights, measured from v_leak."""
        p, knobs, rest = self.layer.parameters, self.knobs, self.rest
        zero = np.zeros(self.layer.bias.size)
        start = p["v_reset"] if self.spiking and knobs.start == "reset" else zero
        start = rest if knobs.start == "leak" else start
        plain = self.layer.type == "Threshold"  # compares what arrives, and resets nothing
        with np.errstate(all="ignore"):
            self.unit = unit = self.scale * self.gain / 2**self.guard_bits
            self.real = {
                "keep": self.keep,
                "threshold": zero,
                "subtract": zero,
                "v_reset": zero,
                "v_init": np.rint((start - rest) / unit) + 0.0,
                "bias": np.rint(self.bias / self.scale * 2**self.guard_bits),
                "v_min": zero - np.inf,
            }
            if self.spiking:
                threshold = _whole((p["v_threshold"] - rest) / unit)
                above = knobs.compare == "gt" or plain
                self.real["threshold"] = np.floor(threshold) + 1 if above else np.ceil(threshold)
            if self.spiking and not plain:
                if knobs.reset == "subtract":
                    self.real["subtract"] = np.rint(p["v_threshold"] / unit)
                else:
                    self.real["v_reset"] = np.rint((p["v_reset"] - rest) / unit)
                if knobs.v_min != "none":
                    self.real["v_min"] = np.rint((knobs.v_min - rest) / unit)
                if knobs.spikes == "many":
                    self.real["subtract"] = np.maximum(1, self.real["subtract"])
        if self.current_keep is not None:
            self.real["current_keep"] = self.current_keep
        exact = (self.bias / self.scale * 2**self.guard_bits, (start - rest) / unit)
        if self.spiking and not plain:
            exact += (p["v_threshold"] / unit if knobs.reset == "subtract" else (p["v_reset"] - rest) / unit,)
            exact += ((knobs.v_min - rest) / unit,) if knobs.v_min != "none" else ()
        self.whole = all((_whole(values) == np.rint(values)).all() for values in exact)
        limit = 1 << WIDE_STATE_BITS - 2
        for name, value in self.real.items():
            largest = np.abs(value).max()
            if not largest < limit and not (name == "v_min" and np.isinf(value).all()):
                raise Refusal(
                    f"{self.name!r}: its {name} is {largest:.3g} times the unit of its potential, more than a state "
                    "can hold; bring its weights and its parameters to similar sizes"
                )

    def _ends(self, name: str) -> tuple[int, int]:
        values = self.real[name]
        return (int(values.min()), int(values.max())) if np.isfinite(values).all() else (0, 0)

    def state_bits(self, potential: np.ndarray, wanted: int | None) -> int:
        """Width for twice the range that the data reaches, and for every parameter; or the wanted one, if it fits."""
        needed = {name: signed_bits(*self._ends(name)) for name in FIXED}
        if wanted is None:
            reached = (int(potential.min()), int(potential.max()), *self._ends("threshold"))
            return max(*needed.values(), signed_bits(*(HEADROOM * v for v in reached)))
        name = max(needed, key=lambda name: needed[name])
        if wanted < needed[name]:
            largest = max(self._ends(name), key=abs)
            raise Refusal(
                f"{self.name!r}: its {name} {largest} does not fit a state of {wanted} bits; use --state-bits "
                f"{needed[name]} or more, fewer --guard-bits (now {self.guard_bits}) or fewer --weight-bits"
            )
        return wanted

    def current_bits(self, largest: float) -> int:
        """Width of the synaptic current for twice what the data reaches."""
        reached = math.ceil(largest / float(np.abs(self.current_gain * self.scale).min()) * 2**self.guard_bits)
        return min(WIDE_STATE_BITS, max(signed_bits(HEADROOM * reached), 1 + signed_bits(*self._ends("bias"))))

    def cut_bits(self, largest: float) -> int:
        """Bits of the potential that an event leaves out, so that it holds twice what the data reaches."""
        reached = (largest + float(np.abs(self.rest).max())) / float(self.unit[0])
        return max(0, signed_bits(math.ceil(HEADROOM * reached)) - POTENTIAL_BITS)

    def event_unit(self, cut: int) -> float:
        """What an event of value 1 stands for."""
        return 1.0 if self.spiking else float(self.unit[0]) * 2.0**cut

    def population(self, state_bits: int, current_bits: int, cut: int) -> Population:
        """The population, its states that wide. cut: of a potential that is sent."""
        knobs = self.knobs
        # A reset to one value in the next step is the one in the same step.
        late = self.spiking and knobs.reset == "subtract" and knobs.reset_when == "next-step"
        real = {**self.real, "v_min": np.maximum(self.real["v_min"], -(1 << state_bits - 1))}
        states = {"v": state_bits} | ({"n": self.value_bits} if late else {})
        return Population(
            name=self.name,
            shape=self.layer.shape,
            value_bits=self.value_bits,
            scale=self.event_unit(cut),
            neuron=Neuron(
                model="lif",
                states=states | ({} if self.current_keep is None else {"i": current_bits}),
                parameters={name: _one_or_each(value) for name, value in real.items()},
                options={
                    "reset": knobs.reset if self.spiking else "subtract",
                    "reset_when": "next-step" if late else "same-step",
                    "spikes": knobs.spikes if self.spiking else "potential",
                    "decay_bits": self.decay_bits,
                    "guard": self.guard_bits,
                }
                | ({} if self.spiking else {"cut": min(cut, state_bits - 1)}),
            ),
        )

    def projections(self, late: Collection[str], written_out: bool) -> list[Projection]:
        """All that arrives; a step later from the sources that are ``late``. written_out: as matrices alone."""
        made = []
        for group in self.groups:
            parts = [(maps.with_numbers(self.arriving[k], self.weights[k]), self.arriving[k]) for k in group]
            delays = [self.stepped.inputs[k].delay for k in group]
            source = self.stepped.inputs[group[0]].source
            about = f"{source!r} to {self.name!r}"
            made.append(
                Projection(
                    source=source,
                    target=self.name,
                    synapses=synapses_of(parts, delays, self.weight_bits, about, written_out),
                    delay=min(delays) + (source in late),
                    shift=self.shifts[group[0]],
                )
            )
        return made

    def told(self) -> Iterator[str]:
        """Where a matrix and a list were weighed against each other, and why it became which."""
        for group in self.groups:
            inputs = [self.stepped.inputs[k] for k in group]
            about, delays = f"{inputs[0].source!r} to {self.name!r}", [i.delay for i in inputs]
            if said := told(about, [self.arriving[k] for k in group], delays, self.weight_bits):
                yield said

    def rounded(self) -> Stepped:
        """The layer of the model with weights as the integers say them."""
        inputs = []
        for i, m, weights, shift in zip(self.stepped.inputs, self.arriving, self.weights, self.shifts, strict=True):
            if isinstance(m, np.ndarray):
                back = weights * self.scale * 2.0**shift / (self.factor * self.units[i.source])
            else:
                scale = self.scale * 2.0**shift / (self.factor * self.units[i.source])
                back = maps.then(maps.with_numbers(m, weights.astype(np.float64)), Diagonal(weights=scale), MAX_WEIGHTS)
            inputs.append(replace(i, weights=back))
        return replace(self.stepped, inputs=tuple(inputs))

    def summary(self) -> dict[str, Any]:
        """What a reader of the network needs in order to read its integers, for its ``origin``."""
        scale, clip = (
            v.tolist() if v.size > 1 and (v != v.flat[0]).any() else float(v.flat[0])
            for v in (np.atleast_1d(self.scale), np.atleast_1d(self.clip))
        )
        return {
            "scale": scale,
            "clip": clip,
            "method": self.method,
            "weight_bits": self.weight_bits,
            "guard_bits": self.guard_bits,
            "decay_bits": self.decay_bits,
        } | ({} if self.spiking else {"rest": float(self.rest[0])})


def _whole(values: np.ndarray) -> np.ndarray:
    """Values within float32's rounding of an integer are that integer; strictness must not hang on the rest."""
    nearest = np.rint(values)
    return np.where(np.abs(values - nearest) <= 1.2e-7 * np.abs(values), nearest, values)

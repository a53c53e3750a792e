"""One layer of the float model as integers.

Its input gain is folded into its threshold (a negative gain flips the weights), its potential is measured from v_leak,
and one scale turns its weights, bias, threshold and reset into integers: the hardware adds weights and nothing else.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeloom.golden.conventions import Knobs
from spikeloom.golden.dynamics import Dynamics, dynamics
from spikeloom.golden.network import Dense, Neuron, Population, Projection, Refusal
from spikeloom.golden.nir_model import Layer

__all__ = ["WIDE_STATE_BITS", "QuantisedLayer", "Widths", "signed_bits"]

#: The largest weight as a share of the largest float weight: the one with the least error is taken.
CLIP_RATIOS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4)
#: Bits beyond ceil(log2(tau in steps)) that keep the decay and the potential accurate.
EXTRA_DECAY_BITS = 6
EXTRA_GUARD_BITS = 4
MAX_DECAY_BITS = 24
MAX_GUARD_BITS = 16
#: Wide enough for any calibration run, whose potentials then decide the width.
WIDE_STATE_BITS = 38
#: Calibration reaches only so far into what the network will see.
HEADROOM = 2
#: What is looked at to choose the clipping: steps of the data, and inputs beyond which only their powers are kept.
MAX_ROWS = 8192
MAX_MOMENTS = 4096
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
    def common(
        cls, layers: Sequence[Layer], knobs: Knobs, events: Mapping[str, np.ndarray], guard_bits: int | None
    ) -> "Widths":
        taus = [dynamics(layer, knobs).tau_steps.max() for layer in layers if layer.type != "IF"]
        tau_bits = math.ceil(math.log2(max(taus))) if taus else 0
        value_bits = 1
        if knobs.spikes == "many":
            counts = {layer.name: int(events[layer.name].max()) for layer in layers}
            name = max(counts, key=lambda name: counts[name])
            value_bits = max(2, signed_bits(HEADROOM * counts[name]))
            if value_bits > 16:
                raise Refusal(
                    f"{name!r} fires {counts[name]} times in a step, and an event of 16 bits counts "
                    f"{32767 // HEADROOM} with headroom; raise its threshold, or use spikes 'one'"
                )
        return cls(
            decay_bits=min(MAX_DECAY_BITS, tau_bits + EXTRA_DECAY_BITS) if taus else 0,
            guard_bits=min(MAX_GUARD_BITS, tau_bits + EXTRA_GUARD_BITS) if guard_bits is None else guard_bits,
            value_bits=value_bits,
        )


class QuantisedLayer:
    """A population and its projections; only the width of the state is left for the calibration run.

    events: calibration events (samples, steps, neurons) by population, this layer's own among them.
    """

    def __init__(
        self, layer: Layer, knobs: Knobs, events: Mapping[str, np.ndarray], weight_bits: int, widths: Widths
    ) -> None:
        self.layer, self.knobs, self.weight_bits = layer, knobs, weight_bits
        self.name = layer.name
        self.decay_bits, self.guard_bits, self.value_bits = widths.decay_bits, widths.guard_bits, widths.value_bits
        rule = dynamics(layer, knobs)
        self.keep = np.rint(rule.keep * 2**self.decay_bits)
        if layer.type != "IF" and self.keep.max() == 2**self.decay_bits:
            raise Refusal(
                f"{self.name!r}: its decay rounds to none, since tau is {rule.tau_steps.max():.3g} steps and the decay "
                f"has {self.decay_bits} bits; use a larger dt, or IF neurons if no decay is meant"
            )
        self._weights(np.where(rule.gain < 0, -1.0, 1.0), events)
        self._parameters(rule)

    def _weights(self, sign: np.ndarray, events: Mapping[str, np.ndarray]) -> None:
        """One scale for all that arrives: the clipping with the least error of the sums on the data."""
        matrices = {source: weights * sign for source, weights in self.layer.weights.items()}
        stacked = np.concatenate(list(matrices.values()))
        limit = (1 << self.weight_bits - 1) - 1
        # Without weights there still are a bias and a threshold to express.
        largest = float(np.abs(stacked).max()) or float(np.abs(self.layer.bias).max()) or 1.0
        rows = [values.reshape(-1, values.shape[-1]) for values in (events[source] for source in matrices)]
        every = math.ceil(len(rows[0]) / MAX_ROWS)
        active = np.concatenate([r[::every] for r in rows], axis=1).astype(np.float32)
        if active.shape[1] <= MAX_MOMENTS:
            moments = (active.T @ active).astype(np.float64)
        else:
            moments = np.square(active).sum(0, dtype=np.float64)[:, None]

        def power(weights: np.ndarray) -> float:
            """Sum of squares of the sums that the weights make of the data."""
            full = moments @ weights if moments.shape[1] > 1 or len(weights) == 1 else moments * weights
            return max(0.0, float((weights * full).sum()))

        def integers(weights: np.ndarray, clip: float) -> np.ndarray:
            return np.clip(np.rint(weights / (clip * largest / limit)), -limit, limit)

        errors = {clip: power(stacked - clip * largest / limit * integers(stacked, clip)) for clip in CLIP_RATIOS}
        self.clip = min(errors, key=lambda clip: errors[clip])
        self.scale = self.clip * largest / limit
        self.weight_error = math.sqrt(errors[self.clip] / (power(stacked) or 1.0))
        self.clipped = float((np.abs(stacked) > self.scale * (limit + 0.5)).mean())
        self.sign = sign
        self.weights = {source: integers(weights, self.clip).astype(np.int64) for source, weights in matrices.items()}

    def _parameters(self, rule: Dynamics) -> None:
        """Potentials in units of 2**-guard weights, measured from v_leak."""
        p, knobs = self.layer.parameters, self.knobs
        zero = np.zeros(self.layer.bias.size)
        rest = p.get("v_leak", zero)
        with np.errstate(all="ignore"):
            unit = self.scale * np.abs(rule.gain) / 2**self.guard_bits
            threshold = _whole((p["v_threshold"] - rest) / unit)
            self.real = {
                "keep": self.keep,
                "threshold": np.floor(threshold) + 1 if knobs.compare == "gt" else np.ceil(threshold),
                "subtract": np.rint(p["v_threshold"] / unit) if knobs.reset == "subtract" else zero,
                "v_reset": np.rint((p["v_reset"] - rest) / unit) if knobs.reset == "zero" else zero,
                "v_init": np.rint(-rest / unit) + 0.0,
                "bias": np.rint(self.layer.bias * self.sign / self.scale * 2**self.guard_bits),
                "v_min": zero - np.inf if knobs.v_min == "none" else np.rint((knobs.v_min - rest) / unit),
            }
            if knobs.spikes == "many":
                self.real["subtract"] = np.maximum(1, self.real["subtract"])
        limit = 1 << WIDE_STATE_BITS - 2
        for name, value in self.real.items():
            largest = np.abs(value).max()
            if not largest < limit and not (name == "v_min" and knobs.v_min == "none"):
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

    def population(self, state_bits: int) -> Population:
        """The population, its state that wide."""
        knobs = self.knobs
        # A reset to one value in the next step is the one in the same step.
        late = knobs.reset == "subtract" and knobs.reset_when == "next-step"
        real = {**self.real, "v_min": np.maximum(self.real["v_min"], -(1 << state_bits - 1))}
        return Population(
            name=self.name,
            shape=self.layer.shape,
            value_bits=self.value_bits,
            neuron=Neuron(
                model="lif",
                states={"v": state_bits} | ({"n": self.value_bits} if late else {}),
                parameters={name: _one_or_each(value) for name, value in real.items()},
                options={
                    "reset": knobs.reset,
                    "reset_when": "next-step" if late else "same-step",
                    "spikes": knobs.spikes,
                    "decay_bits": self.decay_bits,
                    "guard": self.guard_bits,
                },
            ),
        )

    def projections(self, source_delay: Mapping[str, int]) -> list[Projection]:
        """All that arrives, ``source_delay`` steps late."""
        return [
            Projection(
                source=source,
                target=self.name,
                synapses=Dense(weights=weights, bits=self.weight_bits),
                delay=source_delay[source],
            )
            for source, weights in self.weights.items()
        ]

    def summary(self) -> dict[str, Any]:
        """What a reader of the network needs in order to read its integers, for its ``origin``."""
        return {
            "scale": self.scale,
            "clip": self.clip,
            "weight_bits": self.weight_bits,
            "guard_bits": self.guard_bits,
            "decay_bits": self.decay_bits,
        }


def _whole(values: np.ndarray) -> np.ndarray:
    """Values within float32's rounding of an integer are that integer; strictness must not hang on the rest."""
    nearest = np.rint(values)
    return np.where(np.abs(values - nearest) <= 1.2e-7 * np.abs(values), nearest, values)

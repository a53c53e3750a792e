"""The discrete rule in floating point, with the parameters of the file: what quantisation is judged against.

Per step, for each neuron, with its input x (weights times what its sources sent, plus bias), z the events of the step
before::

    i = current_keep*i + current_gain*x              with a synaptic current; d = i, or x without one
        current_keep*(i + x)                         synapse_gain decayed
    v = keep*v + gain*d + (1-keep)*v_leak
    v = v - v_threshold*z                            reset subtract, next-step
    z = v > v_threshold                              spikes one, compare gt
        v >= v_threshold                             spikes one, compare ge
        max(0, ceil(v/v_threshold) - 1)              spikes many, compare gt
        max(0, floor(v/v_threshold))                 spikes many, compare ge
    v = v - v_threshold*z, or v_reset where z > 0    reset in the same step
    v = max(v, v_min)

and z is sent, or v by neurons without a threshold. With ``lag`` z is compared first, on the v of the step before, which
is reset before it decays (same-step) or after (next-step). A late reset to v_reset is the same spike train as one in
the same step. States are 0 at the start of a sample, but v is v_reset or v_leak where ``start`` says so. The order of
operations is the frameworks', so that their recorded spikes come out bit for bit in float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikeloom.golden.conventions import Knobs
from spikeloom.golden.dynamics import Stepped, discretise
from spikeloom.golden.loops import components
from spikeloom.golden.maps import times
from spikeloom.golden.nir_model import Model

__all__ = ["FloatRun", "Neurons", "run"]

BATCH_ELEMENTS = 1 << 23


@dataclass(frozen=True, kw_only=True)
class FloatRun:
    """What each layer sent (samples, steps, neurons): spikes int16, potentials float.

    counts: what the output sent in all (samples, neurons). prediction: the largest. currents: the largest synaptic
    current of each layer that has one.
    """

    events: dict[str, np.ndarray]
    counts: np.ndarray
    prediction: np.ndarray
    currents: dict[str, float]


def run(
    model: Model,
    x: np.ndarray,
    knobs: Knobs,
    dtype: type = np.float32,
    *,
    read_out: str = "sum",
    layers: Sequence[Stepped] | None = None,
) -> FloatRun:
    """Run every sample of ``x`` (samples, steps, *input shape) with unquantised parameters.

    layers: instead of the model's own.
    """
    own, output_delay, _ = discretise(model, knobs)
    layers = own if layers is None else layers
    x = x.reshape(*x.shape[:2], -1)
    samples, steps = x.shape[:2]
    events = {
        s.name: np.zeros((samples, steps, s.layer.bias.size), np.int16 if s.layer.spiking else dtype) for s in layers
    }
    currents = {s.name: 0.0 for s in layers if s.rule.current_keep is not None}
    widest = max(x.shape[2], *(s.layer.bias.size for s in layers))
    chunk = max(1, BATCH_ELEMENTS // (steps * widest))
    by_name = {s.name: s for s in layers}
    edges = [(i.source, s.name) for s in layers for i in s.inputs if i.source in by_name]
    groups = [[by_name[name] for name in names] for names in components(list(by_name), edges)]
    for first in range(0, samples, chunk):
        part = slice(first, first + chunk)
        values = {model.input: x[part]} | {name: array[part] for name, array in events.items()}
        for group in groups:
            _run(group, values, knobs, dtype, currents)
    answer = events[model.output]
    late = np.zeros_like(answer)
    late[:, output_delay:] = answer[:, : max(0, steps - output_delay)]
    counts = reduce(late, read_out)
    return FloatRun(events=events, counts=counts, prediction=counts.argmax(1), currents=currents)


def reduce(answer: np.ndarray, read_out: str) -> np.ndarray:
    """One number per neuron from what the output sent in (samples, steps, neurons)."""
    if read_out == "last":
        return answer[:, -1]
    return answer.max(1) if read_out == "max" else answer.sum(1, dtype=np.float64 if answer.dtype.kind == "f" else int)


def _late(values: np.ndarray, delay: int) -> np.ndarray:
    if not delay:
        return values
    shifted = np.zeros_like(values)
    shifted[:, delay:] = values[:, : max(0, values.shape[1] - delay)]
    return shifted


def _run(
    group: Sequence[Stepped], values: dict[str, np.ndarray], knobs: Knobs, dtype: type, currents: dict[str, float]
) -> None:
    """Fill in what the layers of a group send, whose sources outside have sent all."""
    names = {s.name for s in group}
    neurons = {s.name: Neurons(s, knobs, dtype) for s in group}
    drives, inner = {}, {}
    for s in group:
        inner[s.name] = [(i.source, i.delay, times(i.weights, dtype)) for i in s.inputs if i.source in names]
        outer = [times(i.weights, dtype)(_late(values[i.source], i.delay)) for i in s.inputs if i.source not in names]
        drives[s.name] = s.layer.bias.astype(dtype) + sum(outer, start=np.zeros(values[s.name].shape, dtype))
    for t in range(values[group[0].name].shape[1]):
        if knobs.lag:  # what is sent in a step is known before it
            for s in group:
                if s.layer.spiking:
                    values[s.name][:, t] = neurons[s.name].report(len(values[s.name]))
        for s in group:
            x = drives[s.name][:, t]
            for source, delay, arriving in inner[s.name]:
                if delay <= t:
                    x = x + arriving(values[source][:, t - delay])
            values[s.name][:, t] = neurons[s.name].step(x)
    for name in currents.keys() & names:
        currents[name] = max(currents[name], neurons[name].largest_current)


class Neurons:
    """The neurons of a layer, from step to step."""

    def __init__(self, stepped: Stepped, knobs: Knobs, dtype: type = np.float32) -> None:
        layer, d = stepped.layer, stepped.rule
        self.layer, self.knobs, self.rule = layer, knobs, d
        self.largest_current = 0.0
        zero = np.zeros(layer.bias.size)
        with np.errstate(over="ignore"):
            self.keep, self.gain = d.keep.astype(dtype), d.gain.astype(dtype)
            self.threshold, self.v_reset = (
                layer.parameters.get(name, zero).astype(dtype) for name in ("v_threshold", "v_reset")
            )
            # IF has no leak, and with keep = 1 a rest potential would not matter.
            self.rest = ((1 - d.keep) * layer.parameters.get("v_leak", 0.0)).astype(dtype)
            self.current = (
                None if d.current_keep is None else (d.current_keep.astype(dtype), d.current_gain.astype(dtype))
            )
        bounded = layer.spiking and layer.type != "Threshold" and knobs.v_min != "none"
        self.floor = dtype(knobs.v_min if bounded else -np.inf)
        self.late = knobs.reset == "subtract" and knobs.reset_when == "next-step"
        self.v: np.ndarray | None = None
        self.z: np.ndarray | None = None
        self.i: np.ndarray | None = None

    def report(self, samples: int) -> np.ndarray:
        """Under lag: what is sent, from the potential of the step before."""
        if self.v is None:
            self._start((samples, self.layer.bias.size), self.keep.dtype)
        self.z = self._fire(self.v)
        if not self.late:
            self.v = np.maximum(self._reset(self.v), self.floor)
        return self.z

    def _reset(self, v: np.ndarray) -> np.ndarray:
        if self.layer.type == "Threshold":
            return v
        subtract = self.knobs.reset == "subtract"
        return v - self.z * self.threshold if subtract else np.where(self.z > 0, self.v_reset, v)

    def _start(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.v, self.z, self.i = (np.zeros(shape, dtype) for _ in range(3))
        if self.knobs.start == "leak":
            self.v = self.v + self.layer.parameters.get("v_leak", np.zeros(1)).astype(dtype)
        elif self.knobs.start == "reset" and self.layer.spiking:
            self.v = self.v + self.v_reset

    def step(self, x: np.ndarray) -> np.ndarray:
        """Take what arrives (samples, neurons); return what is sent."""
        if self.v is None:
            self._start(x.shape, self.keep.dtype)
        if self.current:
            keep, gain = self.current
            decayed = self.knobs.synapse_gain == "decayed"
            x = self.i = (self.i + x) * keep if decayed else self.i * keep + x * gain
            self.largest_current = max(self.largest_current, float(np.abs(x).max(initial=0)))
        v = self.v * self.keep + x * self.gain
        if self.rest.any():
            v = v + self.rest
        if not self.layer.spiking:
            self.v = v
            return v
        if self.layer.type == "Threshold":  # nothing to reset
            self.v = v
            self.z = self.z if self.knobs.lag else self._fire(v)
            return self.z
        if self.late:
            v = v - self.z * self.threshold
        if not self.knobs.lag:
            self.z = self._fire(v)
            v = v if self.late else self._reset(v)
        self.v = np.maximum(v, self.floor)
        return self.z

    def _fire(self, v: np.ndarray) -> np.ndarray:
        above = self.knobs.compare == "gt" or self.layer.type == "Threshold"
        fires = v > self.threshold if above else v >= self.threshold
        if self.knobs.spikes == "one":
            return fires.astype(v.dtype)
        with np.errstate(invalid="ignore"):
            count = np.ceil(v / self.threshold) - 1 if above else np.floor(v / self.threshold)
        return np.where(fires, np.clip(count, 1, np.iinfo(np.int16).max), 0).astype(v.dtype)

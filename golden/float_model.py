"""The discrete rule in floating point, with the parameters of the file: what quantisation is judged against.

Per step, for each neuron, with its input x (weights times events, plus bias), z the events of the step before::

    v = keep*v + gain*x + (1-keep)*v_leak
    v = v - v_threshold*z                            reset subtract, next-step
    z = v > v_threshold                              spikes one, compare gt
        v >= v_threshold                             spikes one, compare ge
        max(0, ceil(v/v_threshold) - 1)              spikes many, compare gt
        max(0, floor(v/v_threshold))                 spikes many, compare ge
    v = v - v_threshold*z, or v_reset where z > 0    reset in the same step
    v = max(v, v_min)

With ``lag`` z is compared first, on the v of the step before, and reset late. A late reset to v_reset is the same spike
train as one in the same step. States are 0 at the start of a sample. The order of operations is the frameworks', so
that their recorded spikes come out bit for bit in float32.
"""

from dataclasses import dataclass

import numpy as np

from spikeloom.golden.conventions import Knobs
from spikeloom.golden.dynamics import dynamics
from spikeloom.golden.nir_model import Layer, Model

__all__ = ["FloatRun", "advance", "run"]

BATCH_ELEMENTS = 1 << 23


@dataclass(frozen=True, kw_only=True)
class FloatRun:
    """Events of each layer, int16 (samples, steps, neurons); counts of the output (samples, neurons)."""

    events: dict[str, np.ndarray]
    counts: np.ndarray
    prediction: np.ndarray


def run(model: Model, x: np.ndarray, knobs: Knobs, dtype: type = np.float32) -> FloatRun:
    """Run every sample of ``x`` (samples, steps, *input shape) with unquantised parameters."""
    x = x.reshape(*x.shape[:2], -1)
    samples, steps = x.shape[:2]
    events = {layer.name: np.zeros((samples, steps, layer.bias.size), np.int16) for layer in model.layers}
    widest = max(x.shape[2], *(layer.bias.size for layer in model.layers))
    chunk = max(1, BATCH_ELEMENTS // (steps * widest))
    for first in range(0, samples, chunk):
        part = slice(first, first + chunk)
        values = {model.input: x[part]}
        for layer in model.layers:
            drive = layer.bias.astype(dtype) + sum(
                values[source].astype(dtype) @ weights.astype(dtype) for source, weights in layer.weights.items()
            )
            values[layer.name] = events[layer.name][part] = advance(layer, drive, knobs, dtype)
    counts = events[model.output].sum(1, dtype=np.int64)
    return FloatRun(events=events, counts=counts, prediction=counts.argmax(1))


def advance(layer: Layer, drive: np.ndarray, knobs: Knobs, dtype: type = np.float32) -> np.ndarray:
    """Events (samples, steps, neurons) of one layer that receives ``drive`` of that shape."""
    with np.errstate(over="ignore"):
        d = dynamics(layer, knobs)
        keep, gain = d.keep.astype(dtype), d.gain.astype(dtype)
        threshold, v_reset = (layer.parameters[name].astype(dtype) for name in ("v_threshold", "v_reset"))
        # IF has no leak, and with keep = 1 a rest potential would not matter.
        rest = ((1 - d.keep) * layer.parameters.get("v_leak", 0.0)).astype(dtype)
    floor = dtype(-np.inf if knobs.v_min == "none" else knobs.v_min)
    late = knobs.reset == "subtract" and (knobs.lag or knobs.reset_when == "next-step")
    v = np.zeros(drive[:, 0].shape, dtype)
    z = np.zeros_like(v)
    events = np.zeros(drive.shape, np.int16)
    for t in range(drive.shape[1]):
        if knobs.lag:
            z = _fire(v, threshold, knobs)
            v = v if knobs.reset == "subtract" else np.where(z > 0, np.maximum(v_reset, floor), v)
        v = v * keep + drive[:, t] * gain
        if rest.any():
            v = v + rest
        if late:
            v = v - z * threshold
        if not knobs.lag:
            z = _fire(v, threshold, knobs)
        if not late and not knobs.lag:
            v = v - z * threshold if knobs.reset == "subtract" else np.where(z > 0, v_reset, v)
        v = np.maximum(v, floor)
        events[:, t] = z
    return events


def _fire(v: np.ndarray, threshold: np.ndarray, knobs: Knobs) -> np.ndarray:
    fires = v > threshold if knobs.compare == "gt" else v >= threshold
    if knobs.spikes == "one":
        return fires.astype(v.dtype)
    count = np.ceil(v / threshold) - 1 if knobs.compare == "gt" else np.floor(v / threshold)
    return np.where(fires, np.clip(count, 1, np.iinfo(np.int16).max), 0).astype(v.dtype)

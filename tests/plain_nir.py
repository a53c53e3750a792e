"""The frameworks' neurons in steps, in plain numpy: what golden's float rule is compared with that is not golden.

One rule with the frameworks' differences as knobs, written down from their sources, not from the package, of which only
the description of a model is used. Tests (test_examples, test_convolutions) show that it gives the spikes that the
frameworks themselves recorded.
"""

import math
from typing import Any

import numpy as np

from plain_contract import convolved

__all__ = ["run"]


def decay(knobs: Any, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a step leaves of a state, and what it takes: forward Euler, or exact over the step."""
    left = np.exp(-knobs.dt / tau)
    return (1 - knobs.dt / tau, knobs.dt / tau) if knobs.decay == "euler" else (left, 1 - left)


def matrix(weights: Any) -> np.ndarray:
    """Weights (source, target), written out."""
    if isinstance(weights, np.ndarray):
        return weights
    found = np.zeros(weights.shape)
    if hasattr(weights, "window"):
        for source, target, weight, _ in convolved(weights.window, weights.weights):
            found[source, target] = weight
    elif hasattr(weights, "sources"):
        found[weights.sources, weights.targets] = weights.weights
    else:
        found += np.diag(weights.weights)
    return found


def near_one(gain: np.ndarray) -> np.ndarray:
    """The frameworks have no gain there, and their exporters store its factors in float32."""
    return np.where(abs(gain - 1) < 1e-6, 1, gain)


class Neurons:
    """A layer's state and parameters. A step is ``report`` (under lag), then ``step``."""

    def __init__(self, layer: Any, knobs: Any, samples: int, dtype: type) -> None:
        p, size = layer.parameters, layer.bias.size
        self.type, self.knobs, self.dtype = layer.type, knobs, dtype
        keep, gain = np.ones(size), np.ones(size)
        if layer.type in ("IF", "I"):
            gain = np.ones(size) if knobs.membrane_gain == "unit" else p["r"] * knobs.dt
        elif layer.type not in ("Threshold", "Linear"):
            keep, taken = decay(knobs, p["tau"])
            gain = {"ode": p["r"] * taken, "unit": gain, "one-minus-decay": 1 - keep}[knobs.membrane_gain]
        self.a_m, self.g_v = keep.astype(dtype), near_one(gain).astype(dtype)
        self.rest = ((1 - keep) * p.get("v_leak", 0)).astype(dtype)
        self.a_s = None
        if "tau_syn" in p:
            current, taken = decay(knobs, p["tau_syn"])
            into = {"ode": p["w_in"] * taken, "unit": np.ones(size), "decayed": current}[knobs.synapse_gain]
            self.a_s, self.g_i = current.astype(dtype), near_one(into).astype(dtype)
        self.thr, self.v_reset = (p.get(n, np.zeros(size)).astype(dtype) for n in ("v_threshold", "v_reset"))
        start = {"zero": 0, "leak": p.get("v_leak", 0), "reset": self.v_reset}[knobs.start]
        self.v = np.zeros((samples, size), dtype) + np.asarray(start, dtype)
        self.i, self.z = np.zeros_like(self.v), np.zeros_like(self.v)
        self.spikes = layer.type in ("IF", "LIF", "CubaLIF", "Threshold")
        self.late = knobs.reset == "subtract" and knobs.reset_when == "next-step"

    def fire(self) -> np.ndarray:
        strict = self.knobs.compare == "gt" or self.type == "Threshold"
        if self.knobs.spikes == "one":
            return (self.v > self.thr if strict else self.v >= self.thr).astype(self.dtype)
        counts = np.ceil(self.v / self.thr) - 1 if strict else np.floor(self.v / self.thr)
        return np.maximum(0, counts).astype(self.dtype)

    def reset(self) -> None:
        if self.knobs.reset == "subtract":
            self.v = self.v - self.z * self.thr
        else:
            self.v = np.where(self.z > 0, self.v_reset, self.v)

    def clip(self) -> None:
        if self.knobs.v_min != "none":
            self.v = np.maximum(self.v, self.dtype(self.knobs.v_min))

    def report(self) -> np.ndarray:
        self.z = self.fire()
        if self.type != "Threshold" and not self.late:
            self.reset()
            self.clip()
        return self.z

    def step(self, x: np.ndarray) -> np.ndarray:
        if self.type in ("Threshold", "Linear"):
            self.v = x
            if self.type == "Threshold" and not self.knobs.lag:
                self.z = self.fire()
            return self.z if self.spikes else x
        if self.a_s is not None:
            if self.knobs.synapse_gain == "decayed":
                x = self.i = (self.i + x) * self.a_s
            else:
                x = self.i = self.i * self.a_s + x * self.g_i
        self.v = self.v * self.a_m + x * self.g_v
        if self.rest.any():
            self.v = self.v + self.rest
        if not self.spikes:
            return self.v
        if self.late:
            self.v = self.v - self.z * self.thr
        if not self.knobs.lag:
            self.z = self.fire()
            if not self.late:
                self.reset()
        self.clip()
        return self.z


def run(model: Any, x: np.ndarray, knobs: Any, dtype: type = np.float64) -> dict[str, np.ndarray]:
    """What each layer sends (samples, steps, neurons).

    A layer is listed after its sources, but for those that it closes a loop with: they are heard a step late, unless
    they report late anyway.
    """
    samples, steps = x.shape[:2]
    sent = {model.input: x.reshape(samples, steps, -1).astype(dtype)}
    layers = {layer.name: layer for layer in model.layers}
    neurons = {name: Neurons(layer, knobs, samples, dtype) for name, layer in layers.items()}
    order = [model.input, *layers]
    sent |= {name: np.zeros((samples, steps, layer.bias.size), dtype) for name, layer in layers.items()}
    weights = {name: [matrix(i.weights).astype(dtype) for i in layer.inputs] for name, layer in layers.items()}
    for t in range(steps):
        for name, n in neurons.items():
            if knobs.lag and n.spikes:
                sent[name][:, t] = n.report()
        for name, layer in layers.items():
            a = np.broadcast_to(layer.bias.astype(dtype), (samples, layer.bias.size))
            for i, w in zip(layer.inputs, weights[name], strict=True):
                late = math.floor(i.delay / knobs.dt + 0.5)
                reported = knobs.lag and i.source in neurons and neurons[i.source].spikes
                if not late and order.index(i.source) >= order.index(name) and not reported:
                    late = 1
                if late <= t:
                    a = a + sent[i.source][:, t - late] @ w
            sent[name][:, t] = neurons[name].step(a)
    return {name: sent[name] for name in layers}

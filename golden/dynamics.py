"""A layer's differential equation as a rule in steps, under the knobs that the file leaves open."""

from dataclasses import dataclass

import numpy as np

from spikeloom.golden.conventions import Knobs
from spikeloom.golden.network import Refusal
from spikeloom.golden.nir_model import Layer

__all__ = ["Dynamics", "dynamics"]

#: Exporters store float32; what is this close to 1 was 1.
ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """A layer in steps, float64 per neuron: share of v kept, factor on its input, and its time constant in steps."""

    keep: np.ndarray
    gain: np.ndarray
    tau_steps: np.ndarray


def dynamics(layer: Layer, knobs: Knobs) -> Dynamics:
    """What the knobs make of a layer's parameters; :class:`Refusal` where they do not fit them."""
    r, threshold = layer.parameters["r"], layer.parameters["v_threshold"]
    if knobs.reset == "subtract" and threshold.min() <= 0:
        raise Refusal(f"{layer.name!r} ({layer.type}): reset 'subtract' needs a positive v_threshold")
    if knobs.v_min != "none" and knobs.v_min >= threshold.min():
        raise Refusal(
            f"{layer.name!r} ({layer.type}): v_min {knobs.v_min:g} must be below v_threshold {threshold.min():g}"
        )
    if layer.type == "IF":
        gain = np.ones_like(r) if knobs.membrane_gain == "unit" else r * knobs.dt
        return Dynamics(keep=np.ones_like(r), gain=_near_one(gain), tau_steps=np.full_like(r, np.inf))
    ratio = knobs.dt / layer.parameters["tau"]
    if ratio.max() > 1 + ROUNDING:
        raise Refusal(
            f"{layer.name!r} ({layer.type}): dt = {knobs.dt:g} is longer than the time constant tau = "
            f"{layer.parameters['tau'].min():g}; give the dt of the training (--dt) in the file's unit, "
            "or export again (Norse's default export makes tau 1000 times too small)"
        )
    if ratio.min() < 1e-6:
        raise Refusal(
            f"{layer.name!r} ({layer.type}): tau = {layer.parameters['tau'].max():g} is more than a million steps of "
            f"dt = {knobs.dt:g}; give the dt of the training (--dt) in the file's unit"
        )
    ratio = np.minimum(ratio, 1)  # a tau of dt (beta = 0) comes back from float32 a little shorter
    keep = 1 - ratio if knobs.decay == "euler" else np.exp(-ratio)
    gain = {
        "ode": r * (ratio if knobs.decay == "euler" else 1 - keep),
        "unit": np.ones_like(r),
        "one-minus-decay": 1 - keep,
    }[knobs.membrane_gain]
    return Dynamics(keep=keep, gain=_near_one(gain), tau_steps=1 / ratio)


def _near_one(gain: np.ndarray) -> np.ndarray:
    """Exporters store r and tau as float32; a gain that was 1 comes back with their rounding."""
    return np.where(np.abs(gain - 1) < ROUNDING, 1.0, gain)

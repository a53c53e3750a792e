"""A model's differential equations as rules in steps, under the knobs that the file leaves open."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from spikeloom.golden import maps
from spikeloom.golden.conventions import Knobs
from spikeloom.golden.loops import components, cut
from spikeloom.golden.maps import Map
from spikeloom.golden.network import Refusal
from spikeloom.golden.nir_model import MAX_WEIGHTS, Layer, Model

__all__ = ["Arrival", "Dynamics", "Stepped", "discretise", "dynamics"]

#: Exporters store float32; what is this close to 1 was 1.
ROUNDING = 1e-6
#: A delay that is no whole number of steps is rounded, and said if that changes it by more than this share.
OFF_STEP = 0.01
MAX_DELAY = 254


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """A layer in steps, float64 per neuron.

    keep, gain: share of v kept, and the factor on its input. current_keep, current_gain: of the synaptic current, where
    there is one. tau_steps: the longer time constant, in steps.
    """

    keep: np.ndarray
    gain: np.ndarray
    tau_steps: np.ndarray
    current_keep: np.ndarray | None = None
    current_gain: np.ndarray | None = None

    @property
    def leaks(self) -> bool:
        return bool(np.isfinite(self.tau_steps).any())


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What a layer receives from one source, ``delay`` steps late: weights, a matrix (source, neurons) or another
    map."""

    source: str
    weights: Map
    delay: int


@dataclass(frozen=True, kw_only=True)
class Stepped:
    """A layer with its rule."""

    layer: Layer
    rule: Dynamics
    inputs: tuple[Arrival, ...]

    @property
    def name(self) -> str:
        return self.layer.name


def dynamics(layer: Layer, knobs: Knobs) -> Dynamics:
    """What the knobs make of a layer's parameters; :class:`Refusal` where they do not fit them."""
    p, size = layer.parameters, layer.bias.size
    if not layer.spiking and "v_leak" in p and (p["v_leak"] != p["v_leak"][0]).any():
        raise Refusal(
            f"{layer.name!r} ({layer.type}): its neurons have different v_leak, and the potentials that they send "
            "could not be compared; export it with one v_leak"
        )
    if layer.spiking:
        _thresholds(layer, knobs)
    if layer.type in ("Threshold", "Linear"):
        return Dynamics(keep=np.zeros(size), gain=np.ones(size), tau_steps=np.full(size, np.inf))
    if layer.type in ("IF", "I"):
        gain = np.ones(size) if knobs.membrane_gain == "unit" else p["r"] * knobs.dt
        return Dynamics(keep=np.ones(size), gain=_near_one(gain), tau_steps=np.full(size, np.inf))
    ratio = _ratio(layer, "tau", knobs)
    keep = _kept(ratio, knobs)
    share = ratio if knobs.decay == "euler" else 1 - keep  # the equation's
    gain = {"ode": p["r"] * share, "unit": np.ones(size), "one-minus-decay": 1 - keep}[knobs.membrane_gain]
    if layer.type in ("LIF", "LI"):
        return Dynamics(keep=keep, gain=_near_one(gain), tau_steps=1 / ratio)
    current_ratio = _ratio(layer, "tau_syn", knobs)
    current_keep = _kept(current_ratio, knobs)
    share = current_ratio if knobs.decay == "euler" else 1 - current_keep
    current_gain = {"ode": p["w_in"] * share, "unit": np.ones(size), "decayed": current_keep}
    if not current_gain[knobs.synapse_gain].all():
        raise Refusal(
            f"{layer.name!r} ({layer.type}): with tau_syn = dt nothing of its input is left (--synapse-gain decayed); "
            "give the dt of the training (--dt) in the file's unit"
        )
    return Dynamics(
        keep=keep,
        gain=_near_one(gain),
        tau_steps=1 / np.minimum(ratio, current_ratio),
        current_keep=current_keep,
        current_gain=_near_one(current_gain[knobs.synapse_gain]),
    )


def _thresholds(layer: Layer, knobs: Knobs) -> None:
    threshold, about = layer.parameters["v_threshold"], f"{layer.name!r} ({layer.type})"
    if layer.type == "Threshold":
        if knobs.spikes == "many":
            raise Refusal(f"{about}: spikes 'many' says nothing of a Threshold; use --spikes one")
        return
    if knobs.reset == "subtract" and threshold.min() <= 0:
        raise Refusal(f"{about}: reset 'subtract' needs a positive v_threshold")
    if knobs.v_min != "none" and knobs.v_min >= threshold.min():
        raise Refusal(f"{about}: v_min {knobs.v_min:g} must be below v_threshold {threshold.min():g}")


def _ratio(layer: Layer, name: str, knobs: Knobs) -> np.ndarray:
    """dt / tau."""
    tau = layer.parameters[name]
    said = f"{layer.name!r} ({layer.type}): "
    shown = name if "tau_syn" in layer.parameters and name != "tau" else "tau"
    ratio = knobs.dt / tau
    if ratio.max() > 1 + ROUNDING:
        raise Refusal(
            f"{said}dt = {knobs.dt:g} is longer than the time constant {shown} = "
            f"{tau.min():g}; give the dt of the training (--dt) in the file's unit, "
            "or export again (Norse's default export makes tau 1000 times too small)"
        )
    if ratio.min() < 1e-6:
        raise Refusal(
            f"{said}{shown} = {tau.max():g} is more than a million steps of "
            f"dt = {knobs.dt:g}; give the dt of the training (--dt) in the file's unit"
        )
    return np.minimum(ratio, 1)  # a tau of dt (beta = 0) comes back from float32 a little shorter


def _kept(ratio: np.ndarray, knobs: Knobs) -> np.ndarray:
    return 1 - ratio if knobs.decay == "euler" else np.exp(-ratio)


def _near_one(gain: np.ndarray) -> np.ndarray:
    """Exporters store r and tau as float32; a gain that was 1 comes back with their rounding."""
    return np.where(np.abs(gain - 1) < ROUNDING, 1.0, gain)


def discretise(model: Model, knobs: Knobs) -> tuple[tuple[Stepped, ...], int, tuple[str, ...]]:
    """The layers with their rules, the steps by which the answer is late, and what must be said about delays.

    In a loop without a delay, the connection that closes it carries what was sent in the step before. Under ``lag``
    every spike is a step late already, so a loop of neurons that spike needs none.
    """
    notes: list[str] = []

    def steps(delay: float, about: str) -> int:
        if not delay:
            return 0
        exact = delay / knobs.dt
        if exact > MAX_DELAY:
            raise Refusal(
                f"{about}: a delay of {delay:g} is {exact:.6g} steps of dt = {knobs.dt:g}, and {MAX_DELAY} are the "
                "most; give the dt of the training (--dt) in the file's unit"
            )
        whole = round(exact)
        if abs(exact - whole) > OFF_STEP * max(1, exact):
            notes.append(f"{about}: a delay of {exact:.4g} steps is rounded to {whole}")
        return whole

    stepped = []
    for layer in model.layers:
        rule = dynamics(layer, knobs)
        merged: dict[tuple[str, int], Map] = {}
        for i in layer.inputs:
            key = i.source, steps(i.delay, f"{i.source!r} to {layer.name!r}")
            try:
                merged[key] = maps.add(merged[key], i.weights, MAX_WEIGHTS) if key in merged else i.weights
            except maps.TooMany as many:
                raise Refusal(
                    f"{i.source!r} to {layer.name!r}: {many} are more than the {MAX_WEIGHTS} that a layer may have; "
                    "put neurons between the layers"
                ) from None
        inputs = tuple(Arrival(source=source, weights=w, delay=delay) for (source, delay), w in merged.items())
        stepped.append(Stepped(layer=layer, rule=rule, inputs=inputs))
    late = {s.name for s in stepped if knobs.lag and s.layer.spiking}
    stepped = _cut(stepped, model.input, late, notes)
    _potentials(stepped)
    return tuple(stepped), steps(model.output_delay, "the output"), tuple(notes)


def _potentials(layers: Iterable[Stepped]) -> None:
    """Refuse loops in which nothing spikes, and rest potentials that would arrive late."""
    sending = {s.name: s for s in layers if not s.layer.spiking}
    edges = [(i.source, s.name) for s in sending.values() for i in s.inputs if i.source in sending]
    for group in components(list(sending), edges):
        if len(group) > 1 or (group[0], group[0]) in edges:
            raise Refusal(
                f"{', '.join(map(repr, group))}: a loop in which no neuron spikes; put neurons with a threshold in it"
            )
    for s in layers:
        for i in s.inputs:
            v_leak = sending[i.source].layer.parameters.get("v_leak") if i.source in sending else None
            if i.delay and v_leak is not None and v_leak.any():
                raise Refusal(
                    f"{i.source!r} to {s.name!r}: potentials around v_leak = {v_leak[0]:g} that arrive a step or more "
                    "late are not built; export v_leak = 0"
                )


def _cut(layers: Iterable[Stepped], start: str, late: set[str], notes: list[str]) -> list[Stepped]:
    """Give the connections that close loops a delay of a step; the result is in an order in which a step can run."""
    by_name = {s.name: s for s in layers}
    readers: dict[str, list[str]] = {name: [] for name in (start, *by_name)}
    for s in by_name.values():
        for i in s.inputs:
            if not i.delay and i.source not in late and s.name not in readers[i.source]:
                readers[i.source].append(s.name)
    _, closing = cut(readers)
    for source, target in sorted(closing):
        if source != target:
            notes.append(f"{source!r} to {target!r} closes a loop: it carries what {source!r} sent in the step before")

    def connected(s: Stepped) -> Stepped:
        closed = (replace(i, delay=1) if not i.delay and (i.source, s.name) in closing else i for i in s.inputs)
        return replace(s, inputs=tuple(closed))

    waiting, ordered = [connected(s) for s in by_name.values()], []
    known = {start} | late
    while waiting:
        free = next(s for s in waiting if all(i.delay or i.source in known for i in s.inputs))
        waiting.remove(free)
        ordered.append(free)
        known.add(free.name)
    return ordered

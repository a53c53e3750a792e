"""From the float model to the integer network, and what that did to it on calibration data."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.golden import float_model, nir_graph, simulate
from spikeloom.golden.conventions import Knobs, resolve
from spikeloom.golden.data import Data
from spikeloom.golden.network import Network, Population, Refusal
from spikeloom.golden.nir_model import Model
from spikeloom.golden.quantised_layer import MAX_GUARD_BITS, WIDE_STATE_BITS, QuantisedLayer, Widths, signed_bits

__all__ = ["ConversionReport", "LayerReport", "convert"]


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """How one layer became integers, and what that did to it.

    scale:           float weight per integer weight.
    clip, clipped:   largest weight kept as a share of the largest there was; share of the weights beyond it.
    weight_error:    error of the sums through rounding weights, as a share of the sums (root mean squares).
    keep, threshold: smallest and largest integer over the neurons. potential: the same over the data.
    saturations:     states that the width cut off, of all neurons, steps and samples.
    rates:           events' values per neuron and step.
    agreement:       share of neurons, steps and samples with the same event; spike_agreement: the same among those in
                     which either has one. Both include what the layers before did.
    """

    name: str
    scale: float
    clip: float
    clipped: float
    weight_error: float
    weight_bits: int
    state_bits: int
    value_bits: int
    guard_bits: int
    decay_bits: int
    keep: tuple[int, int]
    threshold: tuple[int, int]
    potential: tuple[int, int]
    saturations: int
    rate_float: float
    rate_integer: float
    agreement: float
    spike_agreement: float


@dataclass(frozen=True, kw_only=True)
class ConversionReport:
    """The conversion, judged on its calibration data. Accuracies are None where the data has no labels."""

    samples: int
    steps: int
    knobs: dict[str, Any]
    input_value_bits: int
    layers: tuple[LayerReport, ...]
    accuracy_float: float | None
    accuracy_integer: float | None
    prediction_agreement: float

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return asdict(self)


def convert(
    model: Model | str | Path,
    data: Data,
    knobs: Knobs | str,
    *,
    weight_bits: int = 8,
    state_bits: int | None = None,
    guard_bits: int | None = None,
) -> tuple[Network, ConversionReport]:
    """Quantise a model, or the .nir file at a path, for data like that which it will see.

    knobs: or the name of a convention. weight_bits: 2..8. state_bits, guard_bits: of every layer; None derives them
    from the data and the time constants.
    """
    for name, value, low, high in (
        ("weight_bits", weight_bits, 2, 8),
        ("state_bits", state_bits, 4, WIDE_STATE_BITS),
        ("guard_bits", guard_bits, 0, MAX_GUARD_BITS),
    ):
        if value is not None and not low <= value <= high:
            raise Refusal(f"{name} must be in {low}..{high}, not {value}")
    knobs = resolve(knobs)
    origin: dict[str, Any] = {"knobs": knobs.as_dict()}
    if not isinstance(model, Model):
        path = Path(model)
        model = nir_graph.load(path, knobs)
        origin["file"] = {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    elif questions := knobs.questions(model.types):
        raise Refusal("The model leaves open:" + "".join(f"\n  {question}" for question in questions))
    source = _input(model, data)
    reference = float_model.run(model, data.x, knobs)
    events = {model.input: data.x.reshape(*data.x.shape[:2], -1), **reference.events}
    widths = Widths.common(model.layers, knobs, events, guard_bits)
    layers = [QuantisedLayer(layer, knobs, events, weight_bits, widths) for layer in model.layers]
    # Under lag a neuron reports one step after it fired, which is a delay on the way to the next.
    delays = {model.input: 0} | {layer.name: int(bool(knobs.lag)) for layer in layers}

    def network(bits: int) -> Network:
        made = [layer.population(bits) for layer in layers]
        return Network(
            populations=(source, *made),
            projections=tuple(p for layer in layers for p in layer.projections(delays)),
            output=model.output,
            output_delay=delays[model.output],
            origin=origin | {"layers": {layer.name: layer.summary() for layer in layers}},
        )

    wide = simulate.run(network(WIDE_STATE_BITS), data.x, record="all")
    built = network(max(layer.state_bits(wide.potentials[layer.name], state_bits) for layer in layers))
    result = simulate.run(built, data.x, record="all")
    return built, _report(built, data, knobs, reference, result, layers)


def _input(model: Model, data: Data) -> Population:
    """The input, with events of 1 bit for spikes, else of signed bits that hold the calibration data."""
    x = data.x
    low, high = int(x.min()) if np.isfinite(x.min()) else 0, int(x.max()) if np.isfinite(x.max()) else 0
    bits = 1 if low >= 0 and high <= 1 else max(2, signed_bits(low, high))
    if bits > 16:
        raise data.refusal(f"x has values in {low}..{high}, and an event holds 16 bits at most; scale x down")
    source = Population(name=model.input, shape=model.input_shape, value_bits=bits)
    output = next(layer for layer in model.layers if layer.name == model.output)
    data.check(source, Population(name=output.name, shape=output.shape))
    if not x.any():
        raise data.refusal("no spikes in x: nothing to calibrate on; give samples in which the input is active")
    return source


def _report(
    network: Network,
    data: Data,
    knobs: Knobs,
    reference: float_model.FloatRun,
    result: simulate.Result,
    layers: Sequence[QuantisedLayer],
) -> ConversionReport:
    lag = int(bool(knobs.lag))  # under lag the float model reports what the integers had one step before

    def layer_report(layer: QuantisedLayer) -> LayerReport:
        population, v = network[layer.name], result.potentials[layer.name]
        wanted = reference.events[layer.name][:, lag:]
        got = result.events[layer.name][:, : wanted.shape[1]]
        either = (wanted != 0) | (got != 0)
        bits = population.neuron.states["v"]
        cut = v == (1 << bits - 1) - 1
        if knobs.v_min == "none":
            cut |= v == -(1 << bits - 1)
        return LayerReport(
            name=layer.name,
            scale=layer.scale,
            clip=layer.clip,
            clipped=layer.clipped,
            weight_error=layer.weight_error,
            weight_bits=layer.weight_bits,
            state_bits=bits,
            value_bits=layer.value_bits,
            guard_bits=layer.guard_bits,
            decay_bits=layer.decay_bits,
            keep=_ends(population.neuron.parameters["keep"]),
            threshold=_ends(population.neuron.parameters["threshold"]),
            potential=_ends(v),
            saturations=int(cut.sum()),
            rate_float=_mean(wanted),
            rate_integer=_mean(got),
            agreement=_mean(wanted == got, 1.0),
            spike_agreement=_mean((wanted == got)[either], 1.0),
        )

    return ConversionReport(
        samples=data.x.shape[0],
        steps=data.x.shape[1],
        knobs=knobs.as_dict(),
        input_value_bits=network.input.value_bits,
        layers=tuple(layer_report(layer) for layer in layers),
        accuracy_float=None if data.y is None else _mean(reference.prediction == data.y),
        accuracy_integer=None if data.y is None else _mean(result.prediction == data.y),
        prediction_agreement=_mean(reference.prediction == result.prediction),
    )


def _mean(values: np.ndarray, empty: float = 0.0) -> float:
    return float(values.mean()) if values.size else empty


def _ends(values: np.ndarray) -> tuple[int, int]:
    return int(values.min()), int(values.max())

"""From the float model to the integer network, and what that did to it on calibration data."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.golden import float_model, nir_graph, simulate
from spikeloom.golden.conventions import Knobs, resolve
from spikeloom.golden.data import Data
from spikeloom.golden.dynamics import discretise
from spikeloom.golden.network import READ_OUTS, Network, Population, Refusal
from spikeloom.golden.nir_model import Model
from spikeloom.golden.quantised_layer import (
    MAX_GUARD_BITS,
    WIDE_STATE_BITS,
    QuantisedLayer,
    Source,
    Widths,
    signed_bits,
)

__all__ = ["ConversionReport", "LayerReport", "convert", "parse_widths"]

#: Beyond so many layers it is not tried what each costs alone.
MAX_ALONE = 32
SYNAPSES = ("auto", "dense")
WIDTHS = {
    "weight_bits": (2, 8),
    "input_bits": (2, 16),
    "state_bits": (4, WIDE_STATE_BITS),
    "guard_bits": (0, MAX_GUARD_BITS),
}
SPIKE_DATA = "save spikes (0 and 1), small integers, or analogue samples (floats)"


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """How one layer became integers, and what that did to it.

    scale:           float weight per integer weight, the largest if each neuron has its own (per_channel).
    clip, clipped:   largest weight kept as a share of the largest there was (the mean over the neurons); share of the
                     weights beyond it. method: by which it was chosen, "least error" or "percentile".
    weight_error:    error of the sums through rounding weights, as a share of the sums (root mean squares).
    keep, threshold: smallest and largest integer over the neurons. potential: the same over the data.
    saturations:     states that the width cut off, of all neurons, steps and samples.
    rates:           events' values per neuron and step.
    agreement:       share of neurons, steps and samples with the same event; spike_agreement: the same among those in
                     which either has one. Both include what the layers before did. None for potentials.
    potential_error: of a layer that sends its potential, as a share of it (root mean squares). None for spikes.
    alone:           accuracy of the float model with this layer's weights rounded and no others; without labels the
                     share of its predictions that stay. None where there are too many layers to try.
    """

    name: str
    type: str
    scale: float
    per_channel: bool
    method: str
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
    agreement: float | None
    spike_agreement: float | None
    potential_error: float | None
    current_bits: int | None
    alone: float | None


@dataclass(frozen=True, kw_only=True)
class ConversionReport:
    """The conversion, judged on its calibration data. Accuracies are None where the data has no labels.

    input_scale: what an input event of value 1 stands for. notes: what was read other than it is written.
    """

    samples: int
    steps: int
    knobs: dict[str, Any]
    input_value_bits: int
    input_scale: float
    read_out: str
    notes: tuple[str, ...]
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
    weight_bits: int | str | Mapping[str, int] = 8,
    per_channel: bool = False,
    input_bits: int = 8,
    state_bits: int | str | Mapping[str, int] | None = None,
    guard_bits: int | str | Mapping[str, int] | None = None,
    read_out: str = "sum",
    synapses: str = "auto",
) -> tuple[Network, ConversionReport]:
    """Quantise a model, or the .nir file at a path, for data like that which it will see.

    knobs:       or the name of a convention.
    weight_bits: 2..8, of all layers or by name (that of "" where there is none, else 8), or a text like
                 "8,hidden=4"; of 2 bits ("ternary"), weights are -1, 0 and 1.
    per_channel: a scale for each neuron's weights (each output channel's of a kernel), instead of one for each layer.
    input_bits:  2..16, of analogue samples (floats that are not integers).
    state_bits, guard_bits: of all layers or by name, in the same way. What is not said is derived from the data and the
                 time constants, one width for all these layers. Layers of different widths cannot share a core.
    read_out:    what of the answer decides: the "sum" over the steps, the "last", or the "max".
    synapses:    "auto", the kind that stores the fewest bits; or "dense", all written out as matrices without delays of
                 their own.
    """
    weights = {"": 8} | _by_layer("weight_bits", weight_bits)
    states, guards = _by_layer("state_bits", state_bits), _by_layer("guard_bits", guard_bits)
    _check_width("input_bits", input_bits)
    if read_out not in READ_OUTS:
        raise Refusal(f"read_out must be one of {', '.join(READ_OUTS)}, not {read_out!r}")
    if synapses not in SYNAPSES:
        raise Refusal(f"synapses must be one of {', '.join(SYNAPSES)}, not {synapses!r}")
    knobs = resolve(knobs)
    origin: dict[str, Any] = {"knobs": knobs.as_dict()}
    notes: Sequence[str] = ()
    if not isinstance(model, Model):
        path = Path(model)
        inspection = nir_graph.load(path, knobs)
        model, notes = inspection.model, inspection.notes
        origin["file"] = {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    elif questions := knobs.questions(model.types):
        raise Refusal("The model leaves open:" + "".join(f"\n  {question}" for question in questions))
    layers, output_delay, said = discretise(model, knobs)
    notes = list(dict.fromkeys((*notes, *said)))
    names = {s.name for s in layers}
    for what, said in (("weight_bits", weights), ("state_bits", states), ("guard_bits", guards)):
        if unknown := sorted(set(said) - names - {""}):
            raise Refusal(f"{what}: there is no layer {unknown[0]!r}; there are {', '.join(map(repr, sorted(names)))}")
    source = _input(model, data, input_bits)
    reference = float_model.run(model, data.x, knobs, read_out=read_out)
    widths = Widths.common(layers, knobs, reference.events)
    sent = {
        model.input: Source(
            events=data.x.reshape(*data.x.shape[:2], -1) / source.scale if source.scale != 1 else _flat(data.x),
            unit=source.scale,
        )
    }
    # Under lag a neuron reports one step after it fired, which is a delay on the way to the next.
    late = {s.name for s in layers if knobs.lag and s.layer.spiking}

    def quantised(cut: int) -> list[QuantisedLayer]:
        """The layers, where an event leaves out ``cut`` bits of a potential."""
        made: dict[str, QuantisedLayer] = {}
        sources = dict(sent)
        analogue = {s.name for s in layers if not s.layer.spiking}
        for s in layers:
            if s.layer.spiking:
                sources[s.name] = Source(events=reference.events[s.name])
        for s in sorted(layers, key=lambda s: s.name not in analogue) if _loops(layers, analogue) else layers:
            width, guard = (said.get(s.name, said.get("")) for said in (weights, guards))
            own = widths if guard is None else replace(widths, guard_bits=guard)
            layer = made[s.name] = QuantisedLayer(s, knobs, sources, width, own, per_channel, merge=synapses == "auto")
            if s.name in analogue:
                unit = layer.event_unit(cut)
                sources[s.name] = Source(
                    events=(reference.events[s.name] - layer.rest[0]) / unit, unit=unit, rest=float(layer.rest[0])
                )
        return [made[s.name] for s in layers]

    def network(bits: Mapping[str, int]) -> Network:
        currents = [
            layer.current_bits(reference.currents[layer.name]) for layer in made if layer.name in reference.currents
        ]
        widest = max(currents, default=2)
        return Network(
            populations=(source, *(layer.population(bits[layer.name], widest, cut) for layer in made)),
            projections=tuple(p for layer in made for p in layer.projections(late, synapses == "dense")),
            output=model.output,
            output_delay=output_delay + (model.output in late),
            read_out=read_out,
            origin=origin | {"notes": notes, "layers": {layer.name: layer.summary() for layer in made}},
        )

    # All layers leave out as many bits, so that they can share a core. The more that is, the larger is the unit of the
    # weights behind, and the fewer bits the potentials there need: the least that is enough is looked for.
    cut, made = -1, []
    needed = 0
    while needed > cut:
        cut += 1
        made = quantised(cut)
        reached = {layer: float(np.abs(reference.events[layer.name]).max()) for layer in made if not layer.spiking}
        needed = max((layer.cut_bits(largest) for layer, largest in reached.items()), default=0)
    wide = dict.fromkeys((layer.name for layer in made), WIDE_STATE_BITS)
    potentials = simulate.run(network(wide), data.x, record="all").potentials
    said = {layer.name: states.get(layer.name, states.get("")) for layer in made}
    bits = {layer.name: layer.state_bits(potentials[layer.name], said[layer.name]) for layer in made}
    common = max((bits[name] for name, width in said.items() if width is None), default=None)
    built = network({name: common if width is None else bits[name] for name, width in said.items()})
    result = simulate.run(built, data.x, record="all")
    notes += [said for layer in made if synapses == "auto" for said in layer.told()]
    alone = {}
    for layer in made if len(made) <= MAX_ALONE else ():
        mixed = [layer.rounded() if s.name == layer.name else s for s in layers]
        run = float_model.run(model, data.x, knobs, read_out=read_out, layers=mixed)
        alone[layer.name] = run.prediction
    return built, _report(built, data, knobs, reference, result, made, alone, notes)


def _by_layer(what: str, given: int | str | Mapping[str, int] | None) -> dict[str, int]:
    """Widths by name, of "" for all others."""
    widths = parse_widths(given, what) if isinstance(given, str) else given
    named = {} if widths is None else dict(widths) if isinstance(widths, Mapping) else {"": widths}
    for layer, bits in named.items():
        _check_width(what, bits, layer)
    return named


def _check_width(what: str, bits: object, layer: str = "") -> None:
    low, high = WIDTHS[what]
    if not (isinstance(bits, int | np.integer) and low <= bits <= high):
        raise Refusal(f"{what}{f' of {layer!r}' if layer else ''} must be in {low}..{high}, not {bits}")


def parse_widths(text: str, what: str = "weight_bits") -> int | dict[str, int]:
    """``8``, or widths of layers by name: ``8,hidden=4``; weights may be ``ternary``, which are of 2 bits;
    :class:`Refusal` for anything else."""
    ternary = what == "weight_bits"
    like = "8, ternary or 8,LAYER=4" if ternary else "12 or 12,LAYER=10"
    refused = Refusal(f"{what} takes widths like {like}, each layer once, not {text!r}")
    widths: dict[str, int] = {}
    for word in text.split(","):
        name, equals, width = (part.strip() for part in word.rpartition("="))
        number = "2" if ternary and width == "ternary" else width
        if (
            not (number.isascii() and number.isdigit())
            or len(number) > 4
            or name in widths
            or bool(equals) != bool(name)
        ):
            raise refused
        widths[name] = int(number)
    return widths[""] if set(widths) == {""} else widths


def _spiking(layers: Sequence[Any]) -> set[str]:
    return {s.name for s in layers if s.layer.spiking}


def _loops(layers: Sequence[Any], analogue: set[str]) -> bool:
    """Some layer comes before one that sends it potentials."""
    order = [s.name for s in layers]
    return any(i.source in analogue and order.index(i.source) >= order.index(s.name) for s in layers for i in s.inputs)


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:2], -1)


def _input(model: Model, data: Data, input_bits: int) -> Population:
    """The input: events of 1 bit for spikes, else of signed bits that hold the calibration data, analogue in a unit."""
    x, scale = data.x, 1.0
    if not np.isfinite(x).all():
        raise data.refusal(f"x has NaN or infinite values; {SPIKE_DATA}")
    low, high = float(x.min()), float(x.max())
    if x.dtype.kind == "f" and (x != np.rint(x)).any():
        bits = input_bits
        scale = max(-low, high) / ((1 << bits - 1) - 1)
    else:
        bits = 1 if low >= 0 and high <= 1 else max(2, signed_bits(int(low), int(high)))
        if bits > 16:
            raise data.refusal(f"x has values in {low:g}..{high:g}, and an event holds 16 bits at most; scale x down")
    source = Population(name=model.input, shape=model.input_shape, value_bits=bits, scale=scale)
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
    alone: Mapping[str, np.ndarray],
    notes: Sequence[str],
) -> ConversionReport:
    right = reference.prediction if data.y is None else data.y

    def layer_report(layer: QuantisedLayer) -> LayerReport:
        population, v = network[layer.name], result.potentials[layer.name]
        # Under lag the float model reports what the integers had one step before.
        wanted = reference.events[layer.name][:, int(bool(knobs.lag and layer.spiking)) :]
        got = result.events[layer.name][:, : wanted.shape[1]]
        if not layer.spiking:
            got = got * population.scale + layer.rest[0]
        either = (wanted != 0) | (got != 0)
        bits = population.neuron.states["v"]
        cut = v == (1 << bits - 1) - 1
        if knobs.v_min == "none" or not layer.spiking:
            cut |= v == -(1 << bits - 1)
        return LayerReport(
            name=layer.name,
            type=layer.layer.type,
            scale=float(layer.scale.max()),
            per_channel=bool((layer.scale != layer.scale[0]).any()),
            method=layer.method,
            clip=float(np.mean(layer.clip)),
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
            agreement=_mean(wanted == got, 1.0) if layer.spiking else None,
            spike_agreement=_mean((wanted == got)[either], 1.0) if layer.spiking else None,
            potential_error=None if layer.spiking else _relative(got - wanted, wanted),
            current_bits=population.neuron.states.get("i"),
            alone=_mean(alone[layer.name] == right) if alone else None,
        )

    return ConversionReport(
        samples=data.x.shape[0],
        steps=data.x.shape[1],
        knobs=knobs.as_dict(),
        input_value_bits=network.input.value_bits,
        input_scale=network.input.scale,
        read_out=network.read_out,
        notes=tuple(notes),
        layers=tuple(layer_report(layer) for layer in layers),
        accuracy_float=None if data.y is None else _mean(reference.prediction == data.y),
        accuracy_integer=None if data.y is None else _mean(result.prediction == data.y),
        prediction_agreement=_mean(reference.prediction == result.prediction),
    )


def _relative(error: np.ndarray, of: np.ndarray) -> float:
    size = float(np.sqrt(np.square(of, dtype=np.float64).mean())) if of.size else 0.0
    return float(np.sqrt(np.square(error, dtype=np.float64).mean())) / size if size else 0.0


def _mean(values: np.ndarray, empty: float = 0.0) -> float:
    return float(values.mean()) if values.size else empty


def _ends(values: np.ndarray) -> tuple[int, int]:
    return int(values.min()), int(values.max())

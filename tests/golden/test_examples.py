"""The packaged networks against the spikes that their own frameworks recorded: not one differs."""

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import plain_nir
from spikeloom import packaged
from spikeloom.golden import data as files
from spikeloom.golden import float_model, maps, nir_graph, simulate
from spikeloom.golden.conventions import Knobs, resolve
from spikeloom.golden.nir_model import Model
from spikeloom.golden.quantise import convert

ROOT = Path(__file__).parents[2]
README = ROOT / "flow" / "data" / "README.md"
#: ``test_float_model`` does the same with digits and mnist, whose recordings hold packed bits of some samples.
EXAMPLES = [name for name in packaged.PACKAGED if name not in ("digits", "mnist")]
#: Potentials are sums of rounded products, whose order is the framework's own.
POTENTIAL = 1e-5


@cache
def model_of(name: str) -> Model:
    chosen = packaged.find(name)
    return nir_graph.load(chosen.model, chosen.resolved).model


@cache
def samples(path: Path) -> files.Data:
    return files.load(path)


@cache
def recording(name: str) -> dict[str, np.ndarray]:
    framework = packaged.find(name).framework.lower()
    with np.load(ROOT / "tests" / "data" / f"{name}-{framework}.npz", allow_pickle=False) as file:
        return dict(file)


@cache
def right(name: str) -> float_model.FloatRun:
    chosen = packaged.find(name)
    return float_model.run(model_of(name), samples(chosen.test).x, chosen.resolved, read_out=chosen.read_out)


def differences(name: str, run: float_model.FloatRun, model: Model | None = None) -> dict[str, int]:
    """Cells of each recorded node in which the rule says something else."""
    found = {}
    for layer in (model or model_of(name)).layers:
        wanted = recording(name)[layer.name]
        got = run.events[layer.name][: len(wanted)]
        assert got.shape == wanted.shape
        wrong = got != wanted if layer.spiking else np.abs(got - wanted) > POTENTIAL
        found[layer.name] = int(wrong.sum())
    return found


def test_every_example_has_a_recording() -> None:
    assert EXAMPLES == [
        "cnn",
        "vowels",
        "movements",
        "delays",
        "motion",
        "connectome",
        "readout",
        "converted",
        "converted-cnn",
        "lagged",
        "hardreset",
    ]
    for name in EXAMPLES:
        nodes = set(recording(name)) - {"prediction", "prediction_sum", "accuracy"}
        assert nodes == {layer.name for layer in model_of(name).layers}
    assert {layer.type for name in EXAMPLES for layer in model_of(name).layers} == {"LIF", "IF", "CubaLIF", "LI"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_reproduces_its_framework(name: str) -> None:
    assert set(differences(name, right(name)).values()) == {0}
    recorded = recording(name)
    for layer in model_of(name).layers:
        assert (recorded[layer.name] != 0).any((0, 1)).sum() > 3, "a network that is silent reproduces easily"
    run = right(name)
    if "prediction_sum" in recorded:  # its script answers by the last potential, and says what their sum would be
        assert np.array_equal(run.prediction, recorded["prediction_sum"])
        run = float_model.run(
            model_of(name), samples(packaged.find(name).test).x, packaged.find(name).resolved, read_out="last"
        )
    assert np.array_equal(run.prediction, recorded["prediction"])
    assert (run.prediction == samples(packaged.find(name).test).y).mean() == recorded["accuracy"]


SNNTORCH_FAULTS = [{"reset_when": "same-step"}, {"reset": "zero"}, {"dt": 1.02e-4}, {"lag": True}]
FAULTS = {
    "cnn": [*SNNTORCH_FAULTS, {"decay": "exponential"}],
    "vowels": [*SNNTORCH_FAULTS, {"decay": "exponential"}, {"synapse_gain": "decayed"}],
    "movements": [*SNNTORCH_FAULTS, {"decay": "exponential"}, {"synapse_gain": "decayed"}],
    "delays": [*SNNTORCH_FAULTS, {"dt": 1.5e-4}, {"membrane_gain": "one-minus-decay"}],
    "motion": [*SNNTORCH_FAULTS, {"decay": "exponential"}, {"membrane_gain": "one-minus-decay"}],
    "connectome": [*SNNTORCH_FAULTS, {"decay": "exponential"}, {"membrane_gain": "one-minus-decay"}],
    "readout": [{"dt": 1.01e-3}, {"membrane_gain": "unit"}, {"reset": "subtract"}, {"decay": "exponential"}],
    "converted": [{"spikes": "one"}, {"v_min": "none"}, {"v_min": -0.5}, {"lag": True}, {"compare": "gt"}],
    "converted-cnn": [{"spikes": "one"}, {"v_min": "none"}, {"v_min": -0.5}, {"lag": True}, {"compare": "gt"}],
    "lagged": [{"lag": False}, {"membrane_gain": "ode"}, {"dt": 1.02}, {"reset": "zero"}, {"decay": "exponential"}],
    "hardreset": [{"dt": 1.01e-4}, {"reset": "subtract"}, {"decay": "exponential"}, {"lag": True}],
}


@pytest.mark.parametrize(("name", "fault"), [(n, f) for n, faults in FAULTS.items() for f in faults], ids=str)
def test_every_wrong_knob_shows(name: str, fault: dict) -> None:
    knobs = resolve(packaged.find(name).resolved, fault)
    recorded = max(len(recording(name)[layer.name]) for layer in model_of(name).layers)
    found = differences(name, float_model.run(model_of(name), samples(packaged.find(name).test).x[:recorded], knobs))
    assert sum(found.values()) > 100, found


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "cnn" not in name])
def test_the_plain_reference_reproduces_it_too(name: str) -> None:
    """But for the networks with convolutions, which are large in plain loops; test_convolutions has a small one."""
    chosen, model = packaged.find(name), model_of(name)
    x = samples(chosen.test).x[:10]

    def wrong(knobs: Knobs) -> int:
        sent = plain_nir.run(model, x, knobs, np.float32)
        found = 0
        for layer in model.layers:
            got, wanted = sent[layer.name], recording(name)[layer.name][: len(x)]
            assert got.shape == wanted.shape and (wanted != 0).sum() > 50
            found += int((got != wanted if layer.spiking else np.abs(got - wanted) > POTENTIAL).sum())
        return found

    assert wrong(chosen.resolved) == 0
    assert wrong(resolve(chosen.resolved, FAULTS[name][1])) > 10


def without_loops(model: Model) -> Model:
    layers = (replace(s, inputs=tuple(i for i in s.inputs if i.source != s.name)) for s in model.layers)
    return replace(model, layers=tuple(layers))


def without_delays(model: Model) -> Model:
    layers = (replace(s, inputs=tuple(replace(i, delay=0.0) for i in s.inputs)) for s in model.layers)
    return replace(model, layers=tuple(layers))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("vowels", without_loops),
        ("lagged", without_loops),
        ("connectome", without_loops),
        ("delays", without_delays),
        ("motion", without_delays),
    ],
)
def test_loops_and_delays_matter(name: str, fault: object) -> None:
    chosen, model = packaged.find(name), fault(model_of(name))
    assert model != model_of(name)
    assert sum(differences(name, float_model.run(model, samples(chosen.test).x, chosen.resolved)).values()) > 100


def test_delays_carry_the_answer() -> None:
    """What its script says: the network without its delays is near chance, which is 20 %."""
    chosen = packaged.find("delays")
    test = samples(chosen.test)
    run = float_model.run(without_delays(model_of("delays")), test.x, chosen.resolved)
    assert (run.prediction == test.y).mean() == pytest.approx(0.2133, abs=1e-4)


def shuffled(weights: np.ndarray, delays: np.ndarray) -> np.ndarray:
    """The delays of the weights that are there, dealt out anew."""
    dealt, there = delays.copy(), weights != 0
    dealt[there] = np.random.default_rng(1).permutation(delays[there])
    return dealt


def with_shuffled_delays(model: Model) -> Model:
    first, *others = model.layers
    matrices = [maps.written_out(i.weights, 10_000) for i in first.inputs]
    weights = sum(matrices)
    delays = shuffled(weights, sum(i.delay * (m != 0) for i, m in zip(first.inputs, matrices, strict=True)))
    inputs = (replace(first.inputs[0], weights=weights * (delays == d), delay=d) for d in np.unique(delays))
    return replace(model, layers=(replace(first, inputs=tuple(inputs)), *others))


def test_each_synapse_needs_its_own_delay() -> None:
    """A delay per synapse carries `motion`: with the same delays shuffled among the synapses it is lost."""
    chosen, test = packaged.find("motion"), samples(packaged.find("motion").test)
    run = float_model.run(with_shuffled_delays(model_of("motion")), test.x, chosen.resolved)
    assert (right("motion").prediction == test.y).mean() > 0.95
    assert (run.prediction == test.y).mean() < 0.5
    network, _ = convert(model_of("motion"), samples(chosen.calibration), chosen.resolved)
    first, *others = network.projections
    assert len(set(first.synapses.delays.tolist())) == 16
    late = shuffled(np.ones_like(first.synapses.weights), first.synapses.delays)
    other = replace(network, projections=(replace(first, synapses=replace(first.synapses, delays=late)), *others))
    right_share, other_share = ((simulate.run(n, test.x).prediction == test.y).mean() for n in (network, other))
    assert right_share > 0.95
    assert other_share < 0.5


#: 4 bits do not hold the connectome's contacts, 1 to 127 of them.
ROUNDED = [
    (name, *limits)
    for name in EXAMPLES
    for limits in ((8, 0.01, 0.98), (4, 0.04, 0.95))
    if (name, limits[0]) != ("connectome", 4)
]


@pytest.mark.parametrize(("name", "weight_bits", "loss", "agreement"), ROUNDED)
def test_the_integers_keep_the_accuracy(name: str, weight_bits: int, loss: float, agreement: float) -> None:
    chosen = packaged.find(name)
    calibration, test, reference = samples(chosen.calibration), samples(chosen.test), right(name)
    network, report = convert(
        model_of(name), calibration, chosen.resolved, weight_bits=weight_bits, read_out=chosen.read_out
    )
    prediction = simulate.run(network, test.x).prediction
    assert (prediction == test.y).mean() >= (reference.prediction == test.y).mean() - loss
    assert (prediction == reference.prediction).mean() >= agreement
    assert all(layer.saturations == 0 for layer in report.layers)
    assert {layer.weight_bits for layer in report.layers} == {weight_bits}


# What the page beside the data says -------------------------------------------------------------------------------


def rows(head: str) -> list[list[str]]:
    """The cells of the table in the data's README that starts with ``head``."""
    table = next(part for part in README.read_text("utf-8").split("\n\n") if part.startswith(f"| {head} |"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


CONVOLUTIONAL = ("cnn", "converted-cnn")
SPARSE = ("motion", "connectome")


@pytest.mark.parametrize("name", [name for name in packaged.PACKAGED if name not in CONVOLUTIONAL + SPARSE])
def test_full_layers_stay_matrices(name: str) -> None:
    """Whatever other kinds there are: what hardware builds and the names of networks stay."""
    chosen = packaged.find(name)
    network, _ = convert(chosen.model, samples(chosen.calibration), chosen.resolved, read_out=chosen.read_out)
    assert all(p.synapses.kind == "dense" and p.synapses.delays is None for p in network.projections)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_convolutions_stay_kernels(name: str) -> None:
    """Means or sums of 2 x 2 in front of one become part of it; in front of a full layer, part of its matrix."""
    chosen = packaged.find(name)
    network, _ = convert(chosen.model, samples(chosen.calibration), chosen.resolved)
    first, second, last = (p.synapses for p in network.projections)
    assert [s.kind for s in (first, second, last)] == ["convolution", "convolution", "dense"]
    assert (first.window.kernel, first.window.stride) == ((16, 1, 3, 3), (1, 1))
    assert (second.window.kernel, second.window.stride) == ((32, 16, 6, 6), (2, 2))
    assert last.shape == (second.shape[1], 10)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("motion", [("sparse", (24, 48), 384), ("dense", (48, 6), None)]),
        ("connectome", [("sparse", (302, 302), 5091), ("sparse", (22, 302), 22), ("sparse", (302, 6), 735)]),
    ],
)
def test_layers_with_few_weights_become_lists(name: str, wanted: list) -> None:
    chosen = packaged.find(name)
    network, report = convert(chosen.model, samples(chosen.calibration), chosen.resolved)
    inspection = nir_graph.load(chosen.model, chosen.resolved)
    assert inspection.storage == report.notes, "branches of one projection count together"
    found = [p.synapses for p in network.projections]
    assert [(s.kind, s.shape, len(s.targets) if s.kind == "sparse" else None) for s in found] == wanted
    assert [p.delay for p in network.projections] == ([0, 0] if name == "motion" else [1, 0, 0])
    assert [s.delays is not None for s in found] == ([True, False] if name == "motion" else [False] * 3)
    if name == "connectome":
        contacts = found[0].weights
        assert (contacts.min(), contacts.max(), report.layers[0].weight_error) == (-18, 127, 0), "numbers of contacts"


def test_samples_are_as_described() -> None:
    described = {}
    for file, shape, kind, low, high, classes in rows("samples"):
        described[file.strip("`")] = (tuple(int(n) for n in shape.replace(",", "").split(" × ")), kind)
        data = samples(README.parent / file.strip("`"))
        assert (data.x.shape, str(data.x.dtype)) == described[file.strip("`")]
        assert (float(data.x.min()), float(data.x.max())) == (float(low.replace("−", "-")), float(high)), file
        assert (str(data.y.dtype), int(data.y.max()) + 1) == ("int64", int(classes)), file
        assert min(Counter(data.y.tolist()).values()) >= 1
    assert set(described) == {path.name for path in README.parent.glob("*.npz")}


def test_networks_are_as_described() -> None:
    described = rows("network")
    assert [row[0].strip("`") for row in described] == list(packaged.PACKAGED)
    for name, framework, neurons, accuracy, *_ in described:
        chosen = packaged.find(name.strip("`"))
        model = model_of(chosen.name)
        sizes = [int(np.prod(model.input_shape)), *(layer.bias.size for layer in model.layers)]
        assert neurons.split()[0] == "-".join(map(str, sizes))
        assert framework == chosen.framework
        assert accuracy == f"{100 * float(recording(chosen.name)['accuracy']):.2f} %"
        assert packaged.find(chosen.samples or chosen.name).test == chosen.test


def test_knobs_are_those_of_a_convention() -> None:
    for name in EXAMPLES:
        chosen = packaged.find(name)
        assert isinstance(chosen.resolved, Knobs)
        assert chosen.resolved.questions(model_of(name).types) == ()
        assert re.fullmatch(r"\d+(-\d+)+,.*", chosen.about)

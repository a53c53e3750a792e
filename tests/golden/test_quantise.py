"""Conversion: exact where integers can be, close where not, refused where it would have to guess."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nir_files
import plain_nir
from kernels import spikes
from spikeloom.golden import data as files
from spikeloom.golden import float_model, simulate
from spikeloom.golden.conventions import KNOBS, Knobs, resolve
from spikeloom.golden.data import Data
from spikeloom.golden.network import Network, Refusal
from spikeloom.golden.nir_model import Input, Layer, Model
from spikeloom.golden.quantise import convert

PACKAGED = Path(__file__).parents[2] / "flow" / "data"
SNNTORCH = resolve("snntorch")
seen: Counter = Counter()


@st.composite
def exact_cases(draw: st.DrawFn) -> tuple[Model, Knobs, np.ndarray]:
    """Models whose every number is a multiple of a power of two that the integers' unit divides."""
    reset = draw(st.sampled_from(["zero", "subtract"]))
    lag = draw(st.booleans())
    knobs = Knobs(
        dt=1.0,
        decay="euler",
        membrane_gain=draw(st.sampled_from(["ode", "unit"])),
        synapse_gain=draw(st.sampled_from(["ode", "unit"])),
        start=draw(st.sampled_from(["zero", "reset"])),
        compare=draw(st.sampled_from(["gt", "ge"])),
        reset=reset,
        reset_when="next-step" if lag else draw(st.sampled_from(["same-step", "next-step"])),
        spikes=draw(st.sampled_from(["one", "many"])) if reset == "subtract" else "one",
        v_min=draw(st.sampled_from(["none", -1.0])),
        lag=lag,
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = [draw(st.integers(1, 6)) for _ in range(draw(st.integers(2, 3)))]
    skip = len(sizes) == 3 and draw(st.booleans())
    layers = []
    for index, (before, size) in enumerate(zip(sizes, sizes[1:], strict=False), 1):
        kind = draw(st.sampled_from(["IF", "LIF", "CubaLIF"]))
        tau = rng.choice([1.0, 2.0], size)
        gain = rng.choice([-2.0, -1.0, 0.5, 1.0, 2.0], size)
        threshold = rng.integers(16, 200, size) / 64
        leak = rng.integers(-8, 9, size) / 64 if draw(st.booleans()) else np.zeros(size)
        parameters = {"v_threshold": threshold, "v_reset": rng.integers(-40, 16, size) / 64}
        parameters |= {"r": gain} if kind == "IF" else {"tau": tau, "r": gain * tau, "v_leak": leak}
        if kind == "CubaLIF":
            tau_syn = rng.choice([1.0, 2.0], size)
            parameters |= {"tau_syn": tau_syn, "w_in": rng.choice([0.5, 1.0, 2.0], size) * tau_syn}
        sources = {f"{index - 1}": before} | ({"0": sizes[0]} if skip and index == 2 else {})
        sources |= {f"{index}": size} if draw(st.booleans()) else {}  # a loop
        weights = {name: rng.integers(-100, 128, (n, size)) / 128 for name, n in sources.items()}
        next(iter(weights.values()))[0, 0] = 127 / 128  # so that the unit is 1/128
        bias = rng.integers(-20, 60, size) / 128 if draw(st.booleans()) else np.zeros(size)
        layers.append(
            Layer(
                name=f"{index}",
                type=kind,
                shape=(size,),
                parameters=parameters,
                inputs=tuple(Input(source=n, weights=w, delay=float(rng.integers(3))) for n, w in weights.items()),
                bias=bias,
            )
        )
    model = Model(input="0", input_shape=(sizes[0],), layers=tuple(layers), output=layers[-1].name)
    high = draw(st.sampled_from([1, 1, 3]))
    x = rng.integers(0 if high == 1 else -high, high, (3, draw(st.integers(1, 12)), sizes[0]), endpoint=True)
    x[0, 0, 0] = 1
    return model, knobs, x


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(case=exact_cases())
def check_exact(case: tuple[Model, Knobs, np.ndarray]) -> None:
    model, knobs, x = case
    reference = float_model.run(model, x, knobs, np.float64)
    for name, events in plain_nir.run(model, x, knobs).items():
        assert np.array_equal(reference.events[name], events)
    network, report = convert(model, Data(x=x), knobs, guard_bits=16)
    result = simulate.run(network, x)
    assert np.array_equal(result.spikes, reference.events[model.output])
    assert np.array_equal(result.counts, reference.counts)
    assert [layer.agreement for layer in report.layers] == [1.0] * len(model.layers)
    assert [layer.saturations for layer in report.layers] == [0] * len(model.layers)
    fired = bool(reference.counts.any())
    seen.update(f"{name} {getattr(knobs, name)}" for name in KNOBS if fired)
    seen.update(layer.type for layer in model.layers if fired)
    seen["loop"] += fired and any(i.source == layer.name for layer in model.layers for i in layer.inputs)
    seen["delay"] += fired and any(i.delay for layer in model.layers for i in layer.inputs)
    seen["several"] += bool((reference.counts > x.shape[1]).any())


def test_equals_the_float_rule_where_integers_are_exact() -> None:
    seen.clear()
    check_exact()
    wanted = ["membrane_gain ode", "membrane_gain unit", "compare gt", "compare ge", "reset zero", "reset subtract"]
    wanted += ["reset_when same-step", "reset_when next-step", "spikes one", "spikes many", "v_min none", "v_min -1.0"]
    wanted += ["lag True", "lag False", "IF", "LIF", "CubaLIF", "several", "loop", "delay"]
    wanted += ["synapse_gain ode", "synapse_gain unit", "start zero", "start reset"]
    assert all(seen[branch] >= 5 for branch in wanted), seen


@pytest.mark.parametrize(("weight_bits", "loss"), [(8, 0.01), (4, 0.03)])
@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_packaged_networks_keep_their_accuracy(name: str, weight_bits: int, loss: float) -> None:
    calibration, test = (files.load(PACKAGED / f"{name}{part}.npz") for part in ("-calibration", ""))
    network, report = convert(PACKAGED / f"{name}.nir", calibration, SNNTORCH, weight_bits=weight_bits)
    expected = {"digits": 0.9778, "mnist": 0.938}[name]  # in snnTorch
    assert (simulate.run(network, test.x).prediction == test.y).mean() >= expected - loss
    assert report.prediction_agreement >= 0.98
    assert all(layer.saturations == 0 for layer in report.layers)
    assert all(layer.spike_agreement > (0.75 if weight_bits == 8 else 0.4) for layer in report.layers)
    assert [layer.weight_bits for layer in report.layers] == [weight_bits] * 2


def test_report_and_origin(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    data = Data(x=spikes(8, 20, 4), y=np.arange(8) % 3)
    network, report = convert(path, data, SNNTORCH, weight_bits=6)
    first = report.layers[0]
    assert (first.name, first.weight_bits, first.guard_bits, first.decay_bits) == ("lif1", 6, 8, 10)
    assert first.keep == (960, 960)
    assert network["lif1"].neuron.parameters["keep"].ndim == 0  # one integer, since equal for all
    assert first.state_bits == network["lif1"].neuron.states["v"]
    assert first.threshold[0] * first.scale / 2**8 == pytest.approx(1, abs=first.scale)
    assert 0 < first.rate_float < 1
    assert 0 <= report.accuracy_float <= 1
    assert json.loads(json.dumps(report.as_dict()))["layers"][1]["name"] == "lif2"
    assert network.origin["file"]["name"] == "model.nir"
    assert network.origin["knobs"]["convention"] == "snntorch"
    assert network.origin["layers"]["lif1"]["scale"] == first.scale
    network.save(tmp_path / "model.loom")
    assert Network.load(tmp_path / "model.loom").origin == json.loads(json.dumps(dict(network.origin)))


def test_no_labels_no_accuracy(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    _, report = convert(path, Data(x=spikes(2, 5, 4)), SNNTORCH)
    assert report.accuracy_float is report.accuracy_integer is None


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(0, 1, 1), (-1, 0, 2), (0, 2, 3), (-8, 7, 4), (-9, 0, 5), (0, 255, 9)]
)
def test_input_value_bits(tmp_path: Path, low: int, high: int, bits: int) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    x = np.full((2, 3, 4), low)
    x[0, 0, 0] = high
    for same in (x, x.astype(float)):  # whole numbers are no analogue samples
        network, report = convert(path, Data(x=same), SNNTORCH)
        assert network.input.value_bits == report.input_value_bits == bits
        assert network.input.scale == 1


def test_lag_delays_between_layers_and_the_answer(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    knobs = resolve("spyx", {"dt": 1e-4})
    network, _ = convert(path, Data(x=spikes(2, 9, 4)), knobs)
    assert [(p.source, p.delay) for p in network.projections] == [("input", 0), ("lif1", 1)]
    assert network.output_delay == 1
    assert network["lif1"].neuron.options["reset_when"] == "next-step"


def test_many_spikes_get_value_bits_with_headroom(tmp_path: Path) -> None:
    nodes = nir_files.chain() | {"lif1": nir_files.lif(5, v_threshold=0.25)}
    path = nir_files.write(tmp_path / "model.nir", nodes)
    knobs = resolve("snntorch", {"spikes": "many", "compare": "ge", "reset_when": "same-step"})
    x = spikes(4, 20, 4)
    network, report = convert(path, Data(x=x), knobs)
    most = simulate.run(network, x, record="all").events["lif1"].max()
    assert most > 3
    assert (1 << network["lif1"].value_bits - 1) - 1 >= 2 * most
    assert report.layers[0].value_bits == network["lif1"].value_bits


def test_unequal_parameters_stay_one_integer_each(tmp_path: Path) -> None:
    nodes = nir_files.chain() | {"lif1": nir_files.lif(5, v_threshold=np.linspace(0.5, 2, 5, dtype=np.float32))}
    network, _ = convert(nir_files.write(tmp_path / "model.nir", nodes), Data(x=spikes(2, 9, 4)), SNNTORCH)
    assert network["lif1"].neuron.parameters["threshold"].shape == (5,)
    assert network["lif2"].neuron.parameters["threshold"].shape == ()


def test_clipping_is_chosen_by_the_data(tmp_path: Path) -> None:
    """An outlier on an input that is silent costs nothing to clip; on one that is active it is kept."""
    weight = np.random.default_rng(1).normal(0, 0.1, (5, 4))
    weight[0, 0] = 1.0
    nodes = nir_files.chain() | {"fc1": nir_files.affine(weight, np.zeros(5))}
    path = nir_files.write(tmp_path / "model.nir", nodes)
    x = spikes(16, 20, 4)
    active, _ = convert(path, Data(x=x), SNNTORCH, weight_bits=4)
    x[..., 0] = 0
    silent, report = convert(path, Data(x=x), SNNTORCH, weight_bits=4)
    assert report.layers[0].clip < active.origin["layers"]["lif1"]["clip"]
    assert report.layers[0].clipped == pytest.approx(1 / 20)
    assert silent.projections[0].synapses.weights.max() == 7


def test_given_widths_are_used_and_saturation_is_counted(tmp_path: Path) -> None:
    nodes = nir_files.chain() | {"fc1": nir_files.affine(np.full((5, 4), -1.0) + np.eye(5, 4), np.zeros(5))}
    path = nir_files.write(tmp_path / "model.nir", nodes)
    data = Data(x=spikes(4, 40, 4))
    _, free = convert(path, data, SNNTORCH)
    least = max(layer.threshold[1] for layer in free.layers).bit_length() + 1
    network, report = convert(path, data, SNNTORCH, state_bits=least)
    assert [p.neuron.states["v"] for p in network.neurons] == [least] * 2
    assert free.layers[0].saturations == 0 < report.layers[0].saturations
    guarded, _ = convert(path, data, SNNTORCH, guard_bits=3)
    assert {p.neuron.options["guard"] for p in guarded.neurons} == {3}


def test_states_and_guards_by_layer(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    data = Data(x=spikes(4, 40, 4))

    def widths(**options: object) -> list[tuple[int, int]]:
        network, report = convert(path, data, SNNTORCH, **options)
        found = [(p.neuron.states["v"], p.neuron.options["guard"]) for p in network.neurons]
        assert found == [(layer.state_bits, layer.guard_bits) for layer in report.layers]
        return found

    (free, guard), same = widths()
    assert same == (free, guard)
    assert widths(state_bits={"lif1": free + 3}) == [(free + 3, guard), same]
    assert widths(state_bits=f"{free + 1},lif2={free + 2}") == [(free + 1, guard), (free + 2, guard)]
    (first, low), (second, high) = widths(guard_bits="3,lif2=6")
    assert (low, high) == (3, 6)
    assert first == second < free, "what is not said is common, and narrower with fewer guard bits"
    # Below a narrower unit the same layer is as it was.
    alone, _ = convert(path, data, SNNTORCH, guard_bits={"lif1": 3})
    both, _ = convert(path, data, SNNTORCH, guard_bits=3)
    assert (alone["lif1"].neuron.parameters["threshold"] == both["lif1"].neuron.parameters["threshold"]).all()


REFUSED = [
    ({"weight_bits": 1}, "weight_bits must be in 2..8, not 1"),
    ({"weight_bits": 9}, "weight_bits must be in 2..8, not 9"),
    ({"state_bits": 3}, "state_bits must be in 4..38, not 3"),
    ({"guard_bits": 17}, "guard_bits must be in 0..16, not 17"),
    (
        {"state_bits": 8},
        "'lif1': its threshold 29691 does not fit a state of 8 bits; use --state-bits 16 or more, "
        "fewer --guard-bits (now 8) or fewer --weight-bits",
    ),
]


@pytest.mark.parametrize(("widths", "message"), REFUSED)
def test_refused_widths(tmp_path: Path, widths: dict[str, int], message: str) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    with pytest.raises(Refusal) as refusal:
        convert(path, Data(x=spikes(2, 9, 4)), SNNTORCH, **widths)
    assert str(refusal.value) == message


REFUSED_DATA = [
    (np.zeros((2, 3, 4)), "no spikes in x: nothing to calibrate on; give samples in which the input is active"),
    (np.zeros((2, 3, 5)), "x has shape (2, 3, 5); the input 'input' needs (samples, steps, 4): save x in that shape"),
    (
        np.full((2, 3, 4), np.nan),
        "x has NaN or infinite values; save spikes (0 and 1), small integers, or analogue samples (floats)",
    ),
    (
        np.full((2, 3, 4), 40000),
        "x has values in 40000..40000, and an event holds 16 bits at most; scale x down",
    ),
]


@pytest.mark.parametrize(("x", "message"), REFUSED_DATA)
def test_refused_data(tmp_path: Path, x: np.ndarray, message: str) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    with pytest.raises(Refusal) as refusal:
        convert(path, Data(x=x), SNNTORCH)
    assert str(refusal.value) == message


def test_refused_data_is_named(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    for x in (np.zeros((2, 3, 4)), np.full((2, 3, 4), 40000), np.zeros((2, 3, 5))):
        np.savez(tmp_path / "a.npz", x=x)
        with pytest.raises(Refusal) as refusal:
            convert(path, files.load(tmp_path / "a.npz"), SNNTORCH)
        assert str(refusal.value).startswith(f"{tmp_path / 'a.npz'}: ")
    np.savez(tmp_path / "a.npz", x=spikes(2, 9, 4), y=np.array([0, 3]))
    with pytest.raises(Refusal) as refusal:
        convert(path, files.load(tmp_path / "a.npz"), SNNTORCH)
    assert str(refusal.value) == (
        f"{tmp_path / 'a.npz'}: y has classes in 0..3; the 3 neurons of the output 'lif2' stand for 0..2: "
        "number them so"
    )


def test_a_convention_may_be_given_by_name(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    data = Data(x=spikes(2, 9, 4))
    named, report = convert(path, data, "snntorch")
    assert (
        named.hash == convert(path, data, SNNTORCH)[0].hash == convert(path, data, Knobs(convention="snntorch"))[0].hash
    )
    assert report.knobs == SNNTORCH.as_dict()
    with pytest.raises(Refusal, match=r"^knobs must be Knobs or the name of a convention \(snntorch, .*\), not 3$"):
        convert(path, data, 3)


def test_a_decay_that_keeps_nothing(tmp_path: Path) -> None:
    """beta = 0 in snnTorch: every step starts anew."""
    nodes = nir_files.chain() | {name: nir_files.lif(n, tau=1e-4, r=1) for name, n in (("lif1", 5), ("lif2", 3))}
    path = nir_files.write(tmp_path / "model.nir", nodes)
    network, report = convert(path, Data(x=spikes(16, 20, 4)), SNNTORCH)
    assert [p.neuron.parameters["keep"] for p in network.neurons] == [0, 0]
    assert all(layer.agreement > 0.9 and 0 < layer.rate_float < 1 for layer in report.layers)


def test_refused_decay_that_rounds_to_none() -> None:
    size = np.ones(2)
    parameters = {"tau": 9e5 * size, "r": 9e5 * size, "v_leak": 0 * size, "v_threshold": size, "v_reset": 0 * size}
    layer = Layer(
        name="n",
        type="LIF",
        shape=(2,),
        parameters=parameters,
        inputs=(Input(source="i", weights=np.eye(2)),),
        bias=0 * size,
    )
    model = Model(input="i", input_shape=(2,), layers=(layer,), output="n")
    network, _ = convert(model, Data(x=spikes(1, 3, 2)), resolve("euler", {"dt": 1.0}))
    assert network["n"].neuron.options["decay_bits"] == 24  # 20 bits of tau and not 6 more
    assert (1 << 24) - network["n"].neuron.parameters["keep"] == 19
    with pytest.raises(Refusal, match="more than a million steps"):
        convert(model, Data(x=spikes(1, 3, 2)), resolve("euler", {"dt": 0.1}))


def test_refused_sizes_that_do_not_go_together(tmp_path: Path) -> None:
    nodes = nir_files.chain() | {"lif1": nir_files.lif(5, v_threshold=1e9)}
    path = nir_files.write(tmp_path / "model.nir", nodes)
    with pytest.raises(Refusal, match=r"^'lif1': its threshold is [\d.]+e\+\d+ times the unit of its potential"):
        convert(path, Data(x=spikes(2, 9, 4)), SNNTORCH)


def test_open_questions_are_refused(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    with pytest.raises(Refusal, match="does not say how it runs in steps"):
        convert(path, Data(x=spikes(2, 9, 4)), resolve())

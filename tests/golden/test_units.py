"""Widths and units: of weights, of potentials and of the events that carry them, layer by layer."""

from pathlib import Path

import numpy as np
import pytest

import nir_files
import plain_nir
from kernels import spikes
from spikeloom import packaged
from spikeloom.golden import data as files
from spikeloom.golden import maps, simulate
from spikeloom.golden.conventions import resolve
from spikeloom.golden.data import Data
from spikeloom.golden.network import Refusal
from spikeloom.golden.nir_model import Input, Layer, Model
from spikeloom.golden.quantise import convert


def net_of(name: str, **options) -> tuple:
    chosen = packaged.find(name)
    return convert(chosen.model, files.load(chosen.calibration), chosen.resolved, **options)


def test_widths_by_layer_and_scales_by_neuron() -> None:
    network, report = net_of("readout", weight_bits={"1": 3, "": 5}, per_channel=True)
    assert [(layer.name, layer.weight_bits, layer.per_channel) for layer in report.layers] == [
        ("1", 3, True),
        ("3", 5, False),  # potentials of one unit
    ]
    assert [p.synapses.bits for p in network.projections] == [3, 5]
    errors = [net_of("converted", weight_bits=3, per_channel=each)[1].layers[0].weight_error for each in (False, True)]
    assert errors[1] < 0.9 * errors[0]
    with pytest.raises(Refusal, match=r"^weight_bits: there is no layer 'x'; there are '1', '3'$"):
        net_of("readout", weight_bits={"x": 3})


def test_a_layer_without_a_width_has_8_bits(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "model.nir", nir_files.chain())
    network, _ = convert(path, Data(x=spikes(2, 9, 4)), "snntorch", weight_bits={"lif1": 4})
    assert [p.synapses.bits for p in network.projections] == [4, 8]


def test_two_bits_are_ternary() -> None:
    network, _ = net_of("digits", weight_bits=2)
    assert all(set(np.unique(p.synapses.weights)) == {-1, 0, 1} for p in network.projections)


def test_a_percentile_is_taken_where_a_few_weights_are_far_from_the_others() -> None:
    rng = np.random.default_rng(1)
    weights = rng.integers(-3, 4, (300, 30)).astype(float)
    weights[0, :3] = 60.0
    parameters = {"r": np.ones(30), "v_threshold": np.full(30, 4.0), "v_reset": np.zeros(30)}
    layer = Layer(
        name="n",
        type="IF",
        shape=(30,),
        parameters=parameters,
        inputs=(Input(source="i", weights=weights),),
        bias=np.zeros(30),
    )
    model = Model(input="i", input_shape=(300,), layers=(layer,), output="n")
    x = spikes(4, 9, 300)
    x[..., 0] = 0  # the far ones do not matter here
    _, report = convert(model, Data(x=x), resolve("sinabs", {"v_min": "none"}), weight_bits=3)
    (found,) = report.layers
    assert (found.method, found.clip, found.weight_error) == ("percentile", 0.05, 0.0)
    assert found.clipped == pytest.approx(3 / 9000)


def test_weights_of_very_different_size_are_shifted() -> None:
    network, report = net_of("vowels")
    shifts = {(p.source, p.target): p.shift for p in network.projections}
    assert shifts["lif1.lif", "lif1.lif"] > 4 > shifts["input", "lif1.lif"] == 0
    assert report.layers[0].weight_error < 0.01


def test_analogue_samples_are_rounded_to_the_inputs_bits() -> None:
    for bits, agreement in ((8, 0.99), (4, 0.8)):
        network, report = net_of("vowels", input_bits=bits)
        assert network.input.value_bits == report.input_value_bits == bits
        x = files.load(packaged.find("vowels").calibration).x
        assert report.input_scale == pytest.approx(np.abs(x).max() / (2 ** (bits - 1) - 1))
        sent = simulate.check_stimulus(network.input, x)
        assert np.abs(sent * network.input.scale - x.reshape(sent.shape)).max() <= network.input.scale / 2 * 1.001
        assert np.array_equal(simulate.check_stimulus(network.input, sent), sent)  # integers stay
        assert simulate.check_stimulus(network.input, x * 9.0).max() == 2 ** (bits - 1) - 1  # saturates
        assert report.prediction_agreement >= agreement


@pytest.mark.parametrize("read_out", ["sum", "last", "max"])
def test_potentials_answer(read_out: str) -> None:
    network, report = net_of("readout", read_out=read_out)
    assert network.read_out == report.read_out == read_out
    data = files.load(packaged.find("readout").calibration)
    spikes = simulate.run(network, data.x).spikes
    wanted = {"sum": spikes.sum(1), "last": spikes[:, -1], "max": spikes.max(1)}[read_out].argmax(1)
    assert np.array_equal(simulate.run(network, data.x).prediction, wanted)
    potential = report.layers[1]
    assert (potential.spike_agreement, potential.value_bits) == (None, 16)
    assert potential.potential_error < 0.02


def test_potentials_that_feed_a_layer() -> None:
    """The width of the state, the unit of the events and the weights behind them depend on each other."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-20, 65, (5, 4)) / 64
    leaky = {"tau": np.full(4, 2.0), "r": np.full(4, 2.0), "v_leak": np.full(4, 0.5)}
    fires = {"r": np.ones(3), "v_threshold": np.full(3, 2.0), "v_reset": np.zeros(3)}
    behind = rng.integers(-32, 65, (4, 3)) / 64
    layers = (
        Layer(name="li", type="LI", shape=(4,), parameters=leaky, inputs=(Input(source="i", weights=weights),),
              bias=np.zeros(4)),
        Layer(name="if", type="IF", shape=(3,), parameters=fires, inputs=(Input(source="li", weights=behind),),
              bias=np.zeros(3)),
    )  # fmt: skip
    model = Model(input="i", input_shape=(5,), layers=layers, output="if")
    x = spikes(16, 20, 5)
    knobs = resolve("euler", {"dt": 1.0, "reset": "subtract"})
    network, report = convert(model, Data(x=x), knobs)
    assert network["li"].value_bits == 16
    wanted, got = plain_nir.run(model, x, knobs), simulate.run(network, x, record="all").events
    assert np.abs(got["li"] * network["li"].scale + 0.5 - wanted["li"]).max() < 0.01 * np.abs(wanted["li"]).max()
    assert (got["if"] != wanted["if"]).sum() < 0.1 * ((got["if"] != 0) | (wanted["if"] != 0)).sum()
    assert report.layers[0].potential_error < 0.01
    assert report.layers[1].rate_float > 0.02
    assert report.layers[1].spike_agreement > 0.9


def test_a_single_potential_that_grows_is_sent_whole() -> None:
    """Its unit is that of its only neuron, so large that the largest of its values fits, which comes last."""
    slow = {"tau": np.full(1, 1000.0), "r": np.full(1, 1000.0), "v_leak": np.zeros(1)}
    layer = Layer(name="li", type="LI", shape=(1,), parameters=slow, bias=np.zeros(1),
                  inputs=(Input(source="i", weights=np.ones((1, 1))),))  # fmt: skip
    model = Model(input="i", input_shape=(1,), layers=(layer,), output="li")
    x, knobs = np.ones((1, 600, 1), int), resolve("euler", {"dt": 1.0})
    network, _ = convert(model, Data(x=x), knobs)
    wanted, got = plain_nir.run(model, x, knobs)["li"], simulate.run(network, x, record="all").events["li"]
    assert np.abs(got * network["li"].scale - wanted).max() < 0.01 * np.abs(wanted).max()


@pytest.mark.parametrize("bias", [0.001, 0.1, 10.0])
def test_a_neuron_without_weights_fires_by_its_bias(bias: float) -> None:
    """Weights of each neuron have a unit of their own, and where there are none, the bias has one."""
    values = {"r": np.ones(2), "v_threshold": np.array([2.5, 2.5 * bias]), "v_reset": np.zeros(2)}
    layer = Layer(name="if", type="IF", shape=(2,), parameters=values, bias=np.array([0.0, bias]),
                  inputs=(Input(source="i", weights=np.array([[1.0, 0.0]])),))  # fmt: skip
    model = Model(input="i", input_shape=(1,), layers=(layer,), output="if")
    x, knobs = np.ones((1, 6, 1), int), resolve("euler", {"dt": 1.0, "reset": "zero", "compare": "ge"})
    network, _ = convert(model, Data(x=x), knobs, per_channel=True, guard_bits=0)
    assert simulate.run(network, x).spikes[0].tolist() == [[0, 0], [0, 0], [1, 1]] * 2


def test_what_no_event_of_a_potential_stands_for_reaches_each_synapse() -> None:
    """Potentials at rest send nothing; behind weights of 0.5 and -1, a rest of 1 is a bias of 0.5 and -1."""
    leaky = {"tau": np.full(2, 2.0), "r": np.full(2, 2.0), "v_leak": np.ones(2)}
    fires = {"r": np.ones(2), "v_threshold": np.full(2, 0.9), "v_reset": np.zeros(2)}
    layers = (
        Layer(name="li", type="LI", shape=(2,), parameters=leaky, bias=np.zeros(2),
              inputs=(Input(source="i", weights=np.ones((2, 2))),)),
        Layer(name="if", type="IF", shape=(2,), parameters=fires, bias=np.zeros(2),
              inputs=(Input(source="li", weights=maps.Diagonal(weights=np.array([0.5, -1.0]))),)),
    )  # fmt: skip
    model = Model(input="i", input_shape=(2,), layers=layers, output="if")
    knobs = resolve("euler", {"dt": 1.0, "reset": "subtract", "start": "leak"})
    network, _ = convert(model, Data(x=np.ones((1, 6, 2), int)), knobs)
    result = simulate.run(network, np.zeros((1, 6, 2), int), record="all")
    assert not result.events["li"].any()
    # 0.5, 1 (fires), 0.6, 1.1 (fires), 0.7, 1.2 (fires)
    assert result.spikes[0].tolist() == [[0, 0], [1, 0]] * 3


def one_if(weight: float, threshold: float) -> Model:
    values = {"r": np.ones(1), "v_threshold": np.array([threshold], np.float64), "v_reset": np.zeros(1)}
    weights = np.array([[weight]], np.float64)
    layer = Layer(name="if", type="IF", shape=(1,), parameters=values, bias=np.zeros(1),
                  inputs=(Input(source="i", weights=weights),))  # fmt: skip
    return Model(input="i", input_shape=(1,), layers=(layer,), output="if")


def test_three_tenths_reach_a_threshold_of_three_tenths() -> None:
    """In float32, 0.3 is a little more than three times 0.1."""
    weight, threshold = float(np.float32(0.1)), float(np.float32(0.3))
    assert threshold > 3 * weight
    knobs = resolve("euler", {"dt": 1.0, "reset": "subtract", "compare": "ge"})
    x = np.ones((1, 6, 1), int)
    network, _ = convert(one_if(weight, threshold), Data(x=x), knobs)
    assert simulate.run(network, x).spikes[0, :, 0].tolist() == [0, 0, 1, 0, 0, 1]


def test_a_reset_a_little_below_a_whole_number_is_that_number() -> None:
    """In floats, 0.3 is a little less than three times 0.1; a neuron that starts from there fires in two steps."""
    assert 0.3 / 0.1 < 3
    model = one_if(0.1, 0.5)
    model.layers[0].parameters["v_reset"] = np.array([0.3])
    x, knobs = np.ones((1, 9, 1), int), resolve("euler", {"dt": 1.0, "reset": "zero", "compare": "ge"})
    network, _ = convert(model, Data(x=x), knobs)
    assert simulate.run(network, x).spikes[0, :, 0].tolist() == [0, 0, 0, 0, 1, 0, 1, 0, 1]


def test_a_threshold_beyond_half_of_the_widest_state_is_refused() -> None:
    """A weight of 1 is 127, without guard bits: 127 * 2**29 is below 2**36, 127 * 2**30 is not."""
    knobs, data = resolve("euler", {"dt": 1.0, "reset": "subtract"}), Data(x=np.ones((1, 6, 1), int))
    network, _ = convert(one_if(1, 1 << 29), data, knobs, guard_bits=0)
    assert network["if"].neuron.parameters["subtract"] == 127 << 29
    with pytest.raises(Refusal, match=r"more than a state can hold"):
        convert(one_if(1, 1 << 30), data, knobs, guard_bits=0)


def test_what_a_layer_costs_alone() -> None:
    _, report = net_of("digits", weight_bits={"lif1": 2, "lif2": 8})
    first, second = report.layers
    assert first.alone < 0.99 <= second.alone

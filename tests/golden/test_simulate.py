"""The batch run and the scalar definition are the contract on random networks, and refuse input they cannot take."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import plain_contract
from spikeloom.golden import simulate, sums
from spikeloom.golden.network import Dense, Network, Neuron, Population, Projection, Refusal
from spikeloom.golden.neurons import lif as lif_model
from spikeloom.sim.drawn import strategies
from spikeloom.sim.drawn.synapses import KINDS

seen: Counter = Counter()


def lif(**changes):
    options = {"reset": "subtract", "reset_when": "same-step", "spikes": "one", "decay_bits": 8, "guard": 0}
    parameters = {"keep": 256, "threshold": 10, "subtract": 10, "v_reset": 0, "v_min": -2048, "v_init": 0, "bias": 0}
    states = {"v": 12}
    for name, value in changes.items():
        next((d for d in (options, parameters) if name in d), states)[name] = value
    return Neuron(model="lif", states=states, parameters=parameters, options=options)


def small(*, weights=((3, 0, 5), (0, 4, 6)), value_bits=1, shape=(2,), port="input", **changes):
    weights = np.array(weights)
    return Network(
        populations=(
            Population(name="in", shape=shape, value_bits=value_bits),
            Population(name="out", shape=(weights.shape[1],), neuron=lif(**changes)),
        ),
        projections=(Projection(source="in", target="out", synapses=Dense(weights=weights, bits=16), port=port),),
        output="out",
    )


def check_contract(data):
    every = data.draw(st.booleans())
    kinds = {"kinds": KINDS, "synapse_delays": 3} if every else {}
    network = data.draw(strategies.networks(**kinds))
    x = data.draw(strategies.stimuli(network, steps=data.draw(st.sampled_from([(4, 20), (1, 3)]))))
    result = simulate.run(network, x, record="all")
    for sample in range(len(x)):
        events, states = plain_contract.run(network, x[sample].reshape(len(x[sample]), -1))
        assert simulate.step_by_step(network, x[sample]) == (events, states)
        for p in network.neurons:
            assert result.events[p.name][sample].tolist() == events[p.name]
            v = [[neuron["v"] for neuron in step] for step in states[p.name]]
            assert result.potentials[p.name][sample].tolist() == v
            for state, array in result.final[p.name].items():
                assert array[sample].tolist() == [neuron[state] for neuron in states[p.name][-1]]
    for p in network.neurons:
        fired = (result.events[p.name] != 0).any((0, 1))
        v, limit = result.potentials[p.name], 1 << p.neuron.states["v"] - 1
        seen.update(["all" if fired.all() else "some" if fired.any() else "none"])
        seen.update(f"{knob} {p.neuron.options[knob]}" for knob in ("reset", "reset_when", "spikes"))
        seen["saturated"] += bool((v == limit - 1).any())
        seen["negative"] += bool((v < 0).any())
        seen["several"] += bool((result.events[p.name] > 1).any())
    seen.update(f"delay {p.delay}" for p in network.projections)
    seen.update(p.synapses.kind for p in network.projections)
    seen.update(f"late {p.synapses.kind}" for p in network.projections if p.synapses.delays is not None)
    seen["loop"] += any(len(group) > 1 for group in simulate._Batch(network).components)
    seen["self loop"] += any(p.source == p.target for p in network.projections)


def test_batch_and_definition_are_the_contract():
    seen.clear()
    tie = settings(max_examples=200, deadline=None, derandomize=True, database=None)(
        given(data=st.data())(check_contract)
    )
    tie()
    wanted = {"all", "some", "none", "saturated", "negative", "several", "loop", "self loop"}
    wanted |= {"delay 0", "delay 1", "delay 2", "reset zero", "reset subtract", "spikes one", "spikes many"}
    wanted |= {*KINDS, *(f"late {kind}" for kind in KINDS)}
    wanted |= {"reset_when same-step", "reset_when next-step"}
    assert all(seen[branch] >= 5 for branch in wanted), seen


@pytest.mark.parametrize("fault", ["decay", "sum", "late", "reach"])
def test_a_fault_in_the_batch_run_is_found(monkeypatch, fault):
    right, product = lif_model.Batch.advance, simulate.Sums.__call__

    def rounds_down(batch, v, keep):
        np.floor(v * batch.keep[keep], out=v, casting="unsafe")

    def forgets(batch, a, n):
        if "n" in batch.state:
            batch.state["n"] = 0 * n
        right(batch, a, n)

    def unsaturated(batch, a, n):
        batch.added, batch.reach = 0, 0
        right(batch, a, n)

    if fault == "decay":
        monkeypatch.setattr(lif_model.Batch, "_decay", rounds_down)
    elif fault == "late":
        monkeypatch.setattr(lif_model.Batch, "advance", forgets)
    elif fault == "reach":  # never saturates
        monkeypatch.setattr(lif_model.Batch, "advance", unsaturated)
    else:
        monkeypatch.setattr(simulate.Sums, "__call__", lambda self, values: product(self, np.minimum(values, 1)))
    tie = settings(
        max_examples=200,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )(given(data=st.data())(check_contract))
    with pytest.raises(AssertionError):
        tie()


def dtype_of_sums(network):
    return simulate._Batch(network).sums["out"][0].weights.dtype


def test_sums_are_exact_beyond_float32():
    rng = np.random.default_rng(0)
    weights = rng.integers(-32768, 32768, (40, 3))
    network = small(weights=weights, value_bits=16, shape=(40,), keep=0, guard=0, v=40, v_min=-(1 << 39))
    x = rng.integers(-32768, 32768, (1, 5, 40))
    assert dtype_of_sums(network) == np.float64
    potentials = simulate.run(network, x, record="all").potentials["out"][0]
    exact = x[0] @ weights
    assert np.array_equal(potentials, np.where(exact >= 10, exact - 10, exact))
    assert not np.array_equal(x[0].astype(np.float32) @ weights.astype(np.float32), exact)


def test_sums_use_float32_where_it_is_exact():
    network = small(weights=np.full((512, 1), 32767), shape=(512,))
    assert dtype_of_sums(network) == np.float32
    network = small(weights=np.full((513, 1), 32767), shape=(513,))
    assert dtype_of_sums(network) == np.float64


@pytest.mark.parametrize("reset", [{"reset": "zero", "v_reset": -7}, {}, {"reset_when": "next-step", "n": 8}])
@pytest.mark.parametrize(("v", "threshold"), [(38, 1 << 32), (38, 40), (20, 3 << 17)])
def test_potentials_are_exact_beyond_float64(v, threshold, reset):
    """Products of up to 61 bits, with sums of more and of less than 24; and, for 20 bits, products below 2**53."""
    rng = np.random.default_rng(0)
    changes = {"v": v, "v_min": -(1 << v - 1), "threshold": threshold, "subtract": threshold - 1, **reset}
    changes |= {"decay_bits": 24, "keep": (1 << 24) - 3, "guard": 0 if threshold == 40 else 10, "bias": 5}
    network = small(weights=rng.integers(-300, 900, (30, 9)), value_bits=8, shape=(30,), **changes)
    if "n" in reset:
        out = network["out"]
        neuron = Neuron(model="lif", states=out.neuron.states, parameters=out.neuron.parameters,
                        options={**out.neuron.options, "spikes": "many"})  # fmt: skip
        populations = network.input, Population(name="out", shape=(9,), neuron=neuron, value_bits=8)
        network = Network(populations=populations, projections=network.projections, output="out")
    x = rng.integers(-100, 128, (3, 40, 30))
    result = simulate.run(network, x, record="all")
    for sample in range(3):
        events, states = plain_contract.run(network, x[sample])
        assert result.events["out"][sample].tolist() == events["out"]
        assert result.potentials["out"][sample].tolist() == [[n["v"] for n in step] for step in states["out"]]
    assert result.events["out"].any()


def test_the_largest_sums_are_refused():
    projections = tuple(
        Projection(source="in", target="out", synapses=Dense(weights=np.full((100, 1), 32767), bits=16), shift=15)
        for _ in range(2)
    )
    network = small(weights=np.zeros((100, 1), int), value_bits=16, shape=(100,))
    network = Network(populations=network.populations, projections=projections, output="out")
    with pytest.raises(Refusal, match=r"^Population 'out': sums of -?\d+..\d+ are too large; use narrower weights$"):
        simulate.run(network, np.zeros((1, 1, 100), int))


def test_batches_and_progress_change_nothing(monkeypatch):
    network, x = small(), np.random.default_rng(0).integers(0, 2, (7, 20, 2))
    whole = simulate.run(network, x, record="all")
    monkeypatch.setattr(simulate, "BATCH_ELEMENTS", 2 * 20 * 3)
    done = []
    parts = simulate.run(network, x, record="all", progress=lambda *args: done.append(args))
    assert done == [(2, 7), (4, 7), (6, 7), (7, 7)]
    for name in ("spikes", "counts", "prediction"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert np.array_equal(whole.potentials["out"], parts.potentials["out"])
    assert np.array_equal(whole.final["out"]["v"], parts.final["out"]["v"])
    assert 0 < whole.counts.sum() < whole.spikes.size


def test_each_sample_starts_anew():
    network, x = small(), np.random.default_rng(0).integers(0, 2, (5, 20, 2))
    whole = simulate.run(network, x)
    for sample in range(5):
        assert np.array_equal(simulate.run(network, x[sample : sample + 1]).spikes[0], whole.spikes[sample])


@pytest.mark.parametrize("delay", [0, 1, 3, 9])
def test_the_answer_is_read_late(delay):
    network, x = small(), np.ones((1, 6, 2), int)
    late = Network(populations=network.populations, projections=network.projections, output="out", output_delay=delay)
    first, then = simulate.run(network, x), simulate.run(late, x)
    assert np.array_equal(then.events["out"], first.events["out"])
    assert np.array_equal(then.spikes[:, delay:], first.spikes[:, : max(0, 6 - delay)])
    assert not then.spikes[:, :delay].any()
    assert np.array_equal(then.counts, then.spikes.sum(1))


@pytest.mark.parametrize(
    ("read_out", "counts"),
    [("sum", [[6, -2, 6], [1, 0, 1]]), ("last", [[2, 0, -1], [0, 0, 1]]), ("max", [[4, 0, 7], [1, 0, 1]])],
)
def test_what_of_the_answer_counts(read_out, counts):
    """Two samples of four steps, of which the last is not read in time."""
    network = small(weights=np.ones((1, 3), int), shape=(1,))
    network = Network(populations=network.populations, projections=network.projections, output="out", output_delay=1,
                      read_out=read_out)  # fmt: skip
    first = [[4, 0, 0], [0, -2, 7], [2, 0, -1], [9, 9, 9]]
    events = np.array([first, [[0, 0, 0], [1, 0, 0], [0, 0, 1], [9, 9, 9]]], np.int16)
    spikes, found, prediction = simulate.answer(network, events)
    assert spikes[0].tolist() == [[0, 0, 0], *first[:3]]
    assert found.tolist() == counts
    assert prediction.tolist() == [row.index(max(row)) for row in counts]


def test_analogue_samples_become_the_nearest_values():
    source = Population(name="in", shape=(7,), value_bits=4, scale=0.5)
    x = np.array([[[0.2, 0.3, -0.3, 1.7, 3.4, 9.0, -9.0]]])
    assert simulate.check_stimulus(source, x).tolist() == [[[0, 1, -1, 3, 7, 7, -8]]]
    assert simulate.clipped(source, x) == 2 / 7
    assert simulate.clipped(source, np.array([[[3.5, -4.0, 3.76, -4.3, 0.0]]])) == 2 / 5
    assert simulate.clipped(source, np.array([[[3, -4]]])) == simulate.clipped(source, np.zeros((1, 0, 7))) == 0
    assert simulate.clipped(Population(name="in", shape=(1,), value_bits=4), np.array([[[99.0]]])) == 0


def test_prediction_is_the_first_of_the_largest_counts():
    network = small(weights=[[0, 10, 10]], shape=(1,))
    assert simulate.run(network, np.ones((2, 4, 1), int)).prediction.tolist() == [1, 1]


def test_result_shapes_and_records():
    network, x = small(), np.ones((2, 4, 2), bool)
    result = simulate.run(network, x)
    assert set(result.events) == {"out"}
    assert result.potentials == {}
    assert result.events["out"].dtype == np.int16
    assert result.spikes.shape == (2, 4, 3)
    assert result.final["out"]["v"].shape == (2, 3)
    assert set(simulate.run(network, x, record="all").potentials) == {"out"}


NEEDS = "the input 'in' needs (samples, steps, 1, 2) or (samples, steps, 2): save x in that shape"
REFUSED = [
    (np.zeros((3, 2)), 1, f"x has shape (3, 2); {NEEDS}"),
    (np.zeros((3, 4, 3)), 1, f"x has shape (3, 4, 3); {NEEDS}"),
    (np.zeros((0, 4, 2)), 1, "x has shape (0, 4, 2); at least one sample and one step are needed"),
    (np.zeros((3, 0, 2)), 1, "x has shape (3, 0, 2); at least one sample and one step are needed"),
    (
        np.zeros((1, 1, 2), complex),
        1,
        "x must hold numbers, not complex128; save it as small integers of shape (samples, steps, 1, 2) or "
        "(samples, steps, 2)",
    ),
    (np.full((1, 1, 2), np.inf), 1, "x has NaN or infinite values; save spikes (0 and 1) or small integers"),
    (
        np.full((1, 1, 2), 0.5),
        1,
        "x has values that are not integers; convert the network with such data, encode them as spikes (0 and 1), "
        "or scale them to small integers",
    ),
    (
        np.full((1, 1, 2), 2),
        1,
        "x has values in 2..2; the input 'in' takes 0..1 (1 value bits): scale x, or convert the network with such "
        "data",
    ),
    (
        np.array([[[-9, 7]]]),
        4,
        "x has values in -9..7; the input 'in' takes -8..7 (4 value bits): scale x, or convert the network with such "
        "data",
    ),
]


@pytest.mark.parametrize(("x", "value_bits", "message"), REFUSED)
def test_refused_stimulus(x, value_bits, message):
    network = small(shape=(1, 2), value_bits=value_bits)
    with pytest.raises(Refusal) as refusal:
        simulate.run(network, x)
    assert str(refusal.value) == message
    if len(x) == 1:
        with pytest.raises(Refusal, match="^x "):
            simulate.step_by_step(network, x[0])


@pytest.mark.parametrize("x", [np.ones((2, 3, 2), np.float32), np.ones((2, 3, 1, 2), bool), np.ones((2, 3, 2), "u1")])
def test_accepted_stimulus(x):
    assert simulate.run(small(shape=(1, 2)), x).spikes.any()


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            small(threshold=4096),
            "Population 'out': LIF: threshold must be in -2048..2047 for a 12-bit state, not 4096..4096",
        ),
        (small(port="gate"), "Projection 'in' to 'out': there is no port 'gate'; use 'input'"),
    ],
)
def test_refused_networks(network, message):
    with pytest.raises(Refusal) as refusal:
        simulate.run(network, np.zeros((1, 1, 2), int))
    assert str(refusal.value) == message


def test_refused_model_and_record():
    neuron = Neuron(model="izhikevich", states={"v": 8}, parameters={}, options={})
    good = small()
    network = Network(
        populations=(good.input, Population(name="out", shape=(3,), neuron=neuron)),
        projections=good.projections,
        output="out",
    )
    with pytest.raises(Refusal) as refusal:
        simulate.run(network, np.zeros((1, 1, 2), int))
    assert str(refusal.value) == "Population 'out': unknown neuron model 'izhikevich'; known are ['lif']"
    with pytest.raises(Refusal) as refusal:
        simulate.run(good, np.zeros((1, 1, 2), int), record="some")
    assert str(refusal.value) == "record must be 'output' or 'all', not 'some'"


def test_bounds_are_asserted(monkeypatch):
    right = lif_model.Batch.advance

    def wild(batch, a, n):
        right(batch, a, n)
        batch.state["v"] += 4096

    monkeypatch.setattr(lif_model.Batch, "advance", wild)
    with pytest.raises(AssertionError, match="out: v is out of range"):
        simulate.run(small(), np.ones((1, 1, 2), int))


def test_the_bound_of_sums_is_asserted(monkeypatch):
    right = simulate.Sums.__call__
    monkeypatch.setattr(simulate.Sums, "__call__", lambda self, values: right(self, values) * 100)
    with pytest.raises(AssertionError, match="out: a sum is out of range"):
        simulate.run(small(), np.ones((1, 1, 2), int))


@pytest.mark.parametrize("delay", [0, 2, 30])
@pytest.mark.parametrize(("sources", "active"), [(60, 9), (60, 60), (7, 0)])
def test_silent_inputs_change_nothing(delay, sources, active):
    """A product of many targets, with few, all and no inputs of a sample firing, and in several blocks and groups."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-8, 9, (sources, 40))
    network = small(weights=weights, shape=(sources,))
    into = Projection(source="in", target="out", synapses=Dense(weights=weights, bits=16), delay=delay)
    network = Network(populations=network.populations, projections=(into,), output="out")
    x = rng.integers(0, 2, (70, 20, sources)) * (rng.random((70, 1, sources)).argsort(2) < active)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "BLOCK_ELEMENTS", 33 * 20 * 40)
        patch.setattr(sums, "GROUP_ELEMENTS", 32 * 20 * sources)
        result = simulate.run(network, x, record="all")
    for sample in (0, 31, 32, 33, 69):
        events, states = plain_contract.run(network, x[sample])
        assert result.events["out"][sample].tolist() == events["out"]
        assert result.potentials["out"][sample].tolist() == [[n["v"] for n in step] for step in states["out"]]
    assert result.events["out"].any() == (active > 0 and delay < 20)


def test_networks_in_turns_and_threads_change_nothing():
    x = np.random.default_rng(0).integers(0, 2, (5, 20, 2))
    networks = [small(), small(weights=((9, 1, 1), (1, 9, 1)))]
    expected = [simulate.run(network, x).spikes for network in networks]
    assert not np.array_equal(*expected)
    with ThreadPoolExecutor(4) as pool:
        for k, found in enumerate(pool.map(lambda k: simulate.run(networks[k % 2], x).spikes, range(64))):
            assert np.array_equal(found, expected[k % 2])

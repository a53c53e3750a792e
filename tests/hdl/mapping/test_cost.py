"""The token model: it predicts simulated clocks, its waits add up, and packets go where events are read."""

from dataclasses import replace

import numpy as np
import pytest

import small
from spikeloom.golden import simulate
from spikeloom.golden.network import Convolution, Dense, Network, Population, Projection, Refusal, Window
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import congestion, core_model, map_network, token_model, work
from spikeloom.hdl.mapping.cost import pace, predict
from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.mapping.token_model import Engine, Stage
from spikeloom.hdl.routers.topology import Link
from spikeloom.sim import equivalence

#: Of the clocks of a sample; and where a step is long, or few populations share an engine. Which goes first, where two
#: become ready at almost the same time, is a matter of single clocks.
TOLERANCE, CLOSE = 0.05, 0.02


def recurrent():
    """A chain whose middle reads itself a step late."""
    chain = small.network(sizes=(40, 48, 24, 6), weight_bits=6)
    loop = Dense(weights=np.random.default_rng(3).integers(-4, 5, (48, 48)), bits=6)
    back = Projection(source="layer1", target="layer1", synapses=loop, delay=1)
    return replace(chain, projections=(*chain.projections, back))


def fires(network, x):
    events = {network.input.name: x, **simulate.run(network, x, record="all").events}
    return {name: (e != 0).reshape(*e.shape[:2], -1) for name, e in events.items()}


def rated(mapping, rate, **costs):
    events = {p.name: np.full((2, 16), rate * p.size) for p in mapping.network.populations}
    return predict(mapping, events, costs=Costs(**costs))


@pytest.mark.parametrize(
    "configuration",
    [
        {"lanes": 4},
        {"lanes": 4, "slots": 1, "cores": {"layer1": [0, 1, 2], "layer2": [1, 2], "layer3": 0}, "topology": "ring"},
        {"lanes": 8, "order": "event"},
    ],
    ids=str,
)
def test_simulated_clocks_are_as_predicted(tmp_path, configuration):
    network, configuration = recurrent(), Configuration.create(**configuration)
    x = (np.random.default_rng(2).random((12, 20, 40)) < 0.2).astype(np.uint8)
    generate(network, configuration, tmp_path / "rtl")
    report = equivalence.verify(tmp_path / "rtl", x, bulk=True)
    assert report.ok
    mapping, events = map_network(network, configuration), fires(network, x)

    def ratio(**costs):
        return predict(mapping, events, costs=Costs(**costs)).clocks_per_sample / report.clocks_per_inference

    assert ratio() == pytest.approx(1, abs=TOLERANCE)
    assert ratio(row=2) > 1 + TOLERANCE  # a wrong constant is seen
    counted = predict(mapping, {name: e.sum(axis=2) for name, e in events.items()})
    assert counted.clocks_per_sample / report.clocks_per_inference == pytest.approx(1, abs=TOLERANCE)


@pytest.mark.parametrize(
    "configuration", [{"lanes": 4}, {"lanes": 4, "cores": "per-population", "order": "event"}], ids=str
)
def test_a_few_samples_tell_the_pace_of_all(configuration):
    """A quiet sample is followed, and the others are as loud as they are."""
    network = recurrent()
    rates = np.array([0.22, 0.3, 0.3, 0.3, 0.3, 0.3])
    x = (np.random.default_rng(2).random((6, 20, 40)) < rates[:, None, None]).astype(np.uint8)
    mapping, events = map_network(network, Configuration.create(**configuration)), fires(network, x)
    ends = predict(mapping, {name: e[[*range(1, 6)] * 2] for name, e in events.items()}).ends
    loud = (ends[8] - ends[3]) / 5  # neither the first nor the last
    assert pace(mapping, events, 1) == pytest.approx(loud, rel=TOLERANCE)
    quiet = pace(mapping, {name: e[[0, 0]] for name, e in events.items()}, 1)
    assert quiet < loud * (1 - TOLERANCE)  # which it is not alone


def convolutions():
    """An image to an image to another, and its read-out."""
    rng = np.random.default_rng(3)
    shapes = {"in": (1, 8, 8), "a": (4, 8, 8), "b": (4, 8, 8), "out": (2,)}

    def convolution(source, target, most):
        kernel = (shapes[target][0], shapes[source][0], 3, 3)
        window = Window(source=shapes[source], kernel=kernel, stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1))
        return Convolution(weights=rng.integers(-3, most, kernel), bits=4, window=window)

    thresholds = {"a": 12, "b": 30, "out": 30}
    synapses = {("in", "a"): convolution("in", "a", 8), ("a", "b"): convolution("a", "b", 5)}
    synapses["b", "out"] = Dense(weights=rng.integers(-3, 8, (256, 2)), bits=4)
    models = {name: small.neuron(guard=0, threshold=t, subtract=t, bias=0) for name, t in thresholds.items()}
    return Network(
        populations=[Population(name=name, shape=shape, neuron=models.get(name)) for name, shape in shapes.items()],
        projections=[Projection(source=a, target=b, synapses=s, delay=0) for (a, b), s in synapses.items()],
        output="out",
    )


def test_nothing_that_engines_do_to_each_other_is_left_out(quick_compiler, tmp_path, monkeypatch):
    """A prediction without one of them is wrong: sums that are taken while rows are added, events without any row that
    are read before others, and what a list takes beside its rows; packets that meet at a node, and their ticks."""
    rows = work._rows

    def of_events(ratio):
        for wrong in ({"first_row": 0}, {"drain": 0}):
            assert ratio(**wrong) < 1 - CLOSE
        yield core_model, "_added", lambda *_: 0.0
        yield work, "_rows", lambda *about: (found := rows(*about)[0], 0 * found, 0 * found)

    def of_packets(ratio):
        for wrong in ({"tick": 0}, {"hop": 0}, {"returned": 0}, {"seen": 0}):
            assert ratio(**wrong) < ratio() - CLOSE / 2
        yield congestion.Port, "taken", lambda *about: about[-1]

    halves = {"a": [0, 1], "b": [0, 1], "out": 1}
    quarters = {"layer1": [0, 1, 2, 3], "layer2": 0}
    for number, (network, shape, lanes, cores, faults) in enumerate(
        (
            (convolutions(), (6, 10, 1, 8, 8), 4, halves, of_events),
            (small.network(sizes=(24, 64, 8), weight_bits=6), (6, 20, 24), 8, quarters, of_packets),
        )
    ):
        configuration, folder = Configuration.create(lanes=lanes, cores=cores), tmp_path / f"rtl{number}"
        x = (np.random.default_rng(2).random(shape) < 0.3).astype(np.uint8)
        generate(network, configuration, folder)
        report = equivalence.verify(folder, x, bulk=True)
        assert report.ok
        mapping, events = map_network(network, configuration), fires(network, x)

        def ratio(mapping=mapping, events=events, report=report, **costs):
            return predict(mapping, events, costs=Costs(**costs)).clocks_per_sample / report.clocks_per_inference

        assert ratio() == pytest.approx(1, abs=CLOSE)
        for place, name, without in faults(ratio):
            with monkeypatch.context() as planted:
                planted.setattr(place, name, without)
                assert ratio() < 1 - CLOSE, name


def test_lists_are_read_while_the_lanes_read_none():
    lanes = Engine(name="core0", look=3)
    lanes.takings.append((10.0, 30.0, 0, 20.0))  # of these 20 clocks nearly all
    assert core_model._late(0.0, 10.0, 1.0, lanes) == core_model._late(30.0, 10.0, 1.0, lanes) == 0
    assert core_model._late(10.0, 5.0, 1.0, lanes) == pytest.approx(19)
    assert core_model._late(10.0, 5.0, 4.0, lanes) == pytest.approx(16), "rows of the first are added meanwhile"
    assert core_model._late(5.0, 10.0, 1.0, lanes) == pytest.approx(19), "half of it is read before"
    assert core_model._late(25.0, 5.0, 1.0, lanes) == pytest.approx(4.75)


def test_what_a_port_cannot_take_waits_until_it_is_taken():
    port, period, events = congestion.Port(2, ("a", "b", "now and then")), 10, 8
    for step in range(20):
        begin = period * step
        for source in ("a", "b"):
            port.expect(source, begin, begin + period, events)
        port.expect("now and then", begin + period, begin + period + 1, 1)
        taken = [port.taken(source, begin + period) for source in ("a", "b")]
        sent = (step + 1) * (2 * events + 4 + 3) - 7  # but for what comes with these ticks
        assert max(taken) == pytest.approx(max(sent, begin + period), abs=2)
        # Who sends little has its turn soon, however much the others have.
        assert port.taken("now and then", begin + period + 1) <= begin + period + 3 * 4
    port.expect("a", 1000, 1010, events)
    assert port.taken("a", 1010) == 1010


def test_a_list_gives_its_credit_back_before_the_step_is_over():
    source, target = Engine(name="source", look=1), Engine(name="target", look=1)
    begun = []

    def run(_, time):
        begun.append(time)
        return time, time, time

    def part(_step, _number, time):
        target.idle = time + 100

    first = Stage(name="first", engine=source, steps=2, run=run)
    second = Stage(name="second", engine=target, steps=2, part=part)
    source.stages.append(first)
    target.stages.append(second)
    first.ticks.append((0, second.need(0, tick=True)))
    second.returns += [(0, first.need(1, tick=False)), (0, first.need(2, tick=False))]
    assert not token_model.simulate([source, target])
    assert 100 <= begun[1] - begun[0] < 200


def test_every_clock_of_an_engine_has_a_cause():
    mapping = map_network(recurrent(), Configuration.create(lanes=4, cores="per-population", order="event"))
    predicted = rated(mapping, 0.2)
    assert set(predicted.engines) == set(mapping.parameters.engines)
    for load in predicted.engines.values():
        assert min(load.clocks.values()) > -1e-6
        assert 0 < load.busy <= 1
        assert sum(load.clocks.values()) == pytest.approx(predicted.ends[-1], rel=0.1)


def test_what_a_step_waits_for():
    def waits(**configuration):
        configuration = Configuration.create(lanes=4, cores="per-population", **configuration)
        return rated(map_network(small.network(sizes=(30, 64, 4)), configuration), 0.2)

    one, two = waits(slots=1), waits(slots=2)
    assert one.clocks_per_step > two.clocks_per_step  # one slot lets no step overlap
    assert one.engines["core0"].clocks["credit"] > two.engines["core0"].clocks["credit"]
    assert two.engines["core1"].clocks["tick"] > two.engines["core0"].clocks["tick"]  # the small one waits


def test_packets_share_their_way():
    cores = {"layer1": [0, 1], "layer2": 1}
    mapping = map_network(small.network(sizes=(10, 16, 5)), Configuration.create(lanes=4, cores=cores))
    packets = rated(mapping, 0.5).packets
    # The input and half of the first layer go to both cores once, and all but the input to the host.
    assert packets[Link("node 0", "crossbar")] == 5 + 1
    assert packets[Link("node 1", "crossbar")] == 4 + 1
    assert packets[Link("crossbar", "node 1")] == 5 + 1
    assert packets[Link("crossbar", "node 2")] == (5 + 1) + (4 + 1)
    assert packets[Link("crossbar", "node 0")] == 2 * (4 + 1) + 2.5 + 1
    assert rated(map_network(small.network(), Configuration()), 0.5).packets == {}


def test_events_are_checked():
    mapping = map_network(small.network(), Configuration())
    events = {p.name: np.zeros((2, 3)) for p in mapping.network.populations}
    with pytest.raises(Refusal, match="events of population 'layer1' are not given"):
        predict(mapping, {name: e for name, e in events.items() if name != "layer1"})
    with pytest.raises(Refusal, match="has 5 neurons, and cannot send 6 events in a step"):
        predict(mapping, events | {"in": np.full((2, 3), 6)})
    with pytest.raises(Refusal, match="5 neurons"):
        predict(mapping, events | {"in": np.zeros((2, 3, 4))})

"""The token model: it predicts simulated clocks, its waits add up, and packets go where events are read."""

from dataclasses import replace

import numpy as np
import pytest

import small
from spikeloom.golden import simulate
from spikeloom.golden.network import Dense, Projection, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.cost import predict
from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.routers.topology import Link
from spikeloom.sim import equivalence

#: Of the clocks of a sample; of small networks the clocks between steps are a large part, most of all where they share
#: an event-stationary half.
TOLERANCE, OF_EVENTS = 0.1, 0.12


def recurrent():
    """A chain whose middle reads itself a step late."""
    chain = small.network(sizes=(40, 48, 24, 6), weight_bits=6)
    loop = Dense(weights=np.random.default_rng(3).integers(-4, 5, (48, 48)), bits=6)
    back = Projection(source="layer1", target="layer1", synapses=loop, delay=1)
    return replace(chain, projections=(*chain.projections, back))


def fires(network, x):
    events = {network.input.name: x, **simulate.run(network, x, record="all").events}
    return {name: e != 0 for name, e in events.items()}


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

    tolerance = OF_EVENTS if configuration.order == "event" else TOLERANCE
    assert ratio() == pytest.approx(1, abs=tolerance)
    assert ratio(row=2) > 1 + tolerance  # a wrong constant is seen
    counted = predict(mapping, {name: e.sum(axis=2) for name, e in events.items()})
    assert counted.clocks_per_sample / report.clocks_per_inference == pytest.approx(1, abs=tolerance)


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

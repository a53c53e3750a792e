"""Placements: never worse than the simple ones, within the memory that a core has, and the same every time."""

import numpy as np
import pytest

import small
from spikeloom.bench import hardware
from spikeloom.golden.network import Network, Population, Projection, Refusal, Sparse
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.capacity import core_bits
from spikeloom.hdl.mapping.loads import Loads, assumed_rates
from spikeloom.hdl.mapping.placement import candidates, judged, place


@pytest.mark.parametrize("name", ["digits", "delays", "connectome", "converted-cnn"])
@pytest.mark.parametrize("cores", [2, 4])
def test_no_simple_placement_is_better(name, cores):
    network, configuration = hardware.network(name, 8), Configuration.create(cores=cores)
    rates = assumed_rates(network)
    simple = candidates(network, configuration, rates)
    clocks = {how: judged(network, configuration, placed, rates) for how, placed in simple.items()}
    placed = place(network, configuration)
    best = judged(network, configuration, placed, rates)
    print(f"{name} on {cores}: {best:.1f} clocks per step, {placed}; {clocks}")
    assert best <= min(clocks.values()) < clocks["whole"]
    assert placed == place(network, configuration)


def test_rates_decide():
    network, configuration = small.network(sizes=(64, 64, 64, 4)), Configuration.create(lanes=4, cores=3)
    quiet = {p.name: 1.0 for p in network.populations}
    placed = {busy: place(network, configuration, rates=quiet | {busy: 60.0}) for busy in ("in", "layer1")}
    # Who reads many events is split over more cores.
    parts = {busy: {name: np.size(there) for name, there in p.items()} for busy, p in placed.items()}
    assert parts["in"]["layer1"] == parts["layer1"]["layer2"] == 3


def test_memory_is_a_limit():
    network, configuration = small.network(sizes=(64, 96, 96, 4)), Configuration.create(lanes=4, cores=4)
    rates = assumed_rates(network)

    def fullest(placed):
        return max(core_bits(map_network(network, configuration.model_copy(update={"cores": dict(placed)}))))

    free = fullest(place(network, configuration))
    whole = fullest(candidates(network, configuration, rates)["whole"])
    assert free < whole
    assert fullest(place(network, configuration, memory_bits=free)) <= free
    with pytest.raises(Refusal, match=r"Core \d stores .* bits, more than 4,000; its memory 'weights' alone takes"):
        place(network, configuration, memory_bits=4000)


def test_loads_are_near_what_the_token_model_says():
    network, configuration = hardware.network("digits", 8), Configuration.create(cores=4)
    rates = assumed_rates(network)
    loads = Loads(network, configuration, rates)
    for placed in candidates(network, configuration, rates).values():
        lists = {name: tuple(there) if isinstance(there, list) else (there,) for name, there in placed.items()}
        assert loads.step(lists, 4) == pytest.approx(judged(network, configuration, placed, rates), rel=0.5)


def test_a_large_network_is_placed():
    rng, neurons, synapses = np.random.default_rng(1), 1000, 50_000
    names = ["in", *(f"layer{k}" for k in range(10))]

    def sparse():
        sources, targets = np.divmod(np.sort(rng.choice(neurons**2, synapses, replace=False)), neurons)
        weights = rng.integers(-8, 8, synapses)
        return Sparse.of(sources, targets, weights, shape=(neurons, neurons), bits=4, delays=0 * weights)

    ends = [(a, b, 0) for a, b in zip(names, names[1:], strict=False)]
    ends += [(names[k], names[1 + 3 * k % 10], 1) for k in range(1, 11)]
    network = Network(
        populations=[Population(name=n, shape=(neurons,), neuron=None if n == "in" else small.neuron()) for n in names],
        projections=[Projection(source=a, target=b, synapses=sparse(), delay=d) for a, b, d in ends],
        output=names[-1],
    )
    configuration = Configuration.create(cores=16)
    placed = place(network, configuration)
    loads = Loads(network, configuration, assumed_rates(network))
    lists = {name: tuple(there) if isinstance(there, list) else (there,) for name, there in placed.items()}
    assert loads.step(lists, 16) < 0.5 * loads.step({name: (k,) for k, name in enumerate(names[1:])}, 16)

"""Placements: never worse than the simple ones, within the memory that a core has, and the same every time."""

from itertools import combinations

import numpy as np
import pytest

import small
from spikeloom.bench import hardware
from spikeloom.golden.network import Network, Population, Projection, Refusal, Sparse
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network, placement
from spikeloom.hdl.mapping.capacity import core_bits
from spikeloom.hdl.mapping.loads import Loads, Placed, assumed_rates, balanced
from spikeloom.hdl.mapping.placement import GAIN, LOSS, candidates, chosen, judged, place


def steady(network, rate=0.1):
    return {p.name: np.full((2, 16), rate * p.size) for p in network.populations}


def loads_of(network, configuration):
    return Loads(network, configuration, assumed_rates(network))


@pytest.mark.parametrize("name", ["digits", "delays", "connectome", "converted-cnn"])
@pytest.mark.parametrize("cores", [2, 4])
def test_no_simple_placement_is_better(name, cores):
    network, configuration = hardware.network(name, 8), Configuration.create(cores=cores)
    events, clocks = steady(network), {}
    for slots in (2, 4):
        given = configuration.model_copy(update={"slots": slots})
        loads = loads_of(network, given)
        for how, simple in candidates(loads, cores).items():
            clocks[how, slots] = judged(network, chosen(given, loads, simple), events)
    placed = place(network, configuration)
    best = judged(network, placed, events)
    print(f"{name} on {cores}: {best:.1f} clocks per step, {placed.cores}; {clocks}")
    # Some clocks are given for memory: fewer steps of events are kept.
    assert best <= (1 + GAIN) * (1 + LOSS) * min(clocks.values()) < clocks["whole", 2]
    assert placed == place(network, configuration)


def test_rates_decide():
    network, configuration = small.network(sizes=(64, 64, 64, 4)), Configuration.create(lanes=4, cores=3)
    quiet = {p.name: np.full((2, 16), 1.0) for p in network.populations}
    busy = {name: place(network, configuration, events=quiet | {name: 60 * quiet[name]}) for name in ("in", "layer1")}
    # Who reads many events is split over more cores.
    parts = {name: {p: np.size(there) for p, there in c.cores.items()} for name, c in busy.items()}
    assert parts["in"]["layer1"] == parts["layer1"]["layer2"] == 3


def test_images_are_cut_where_the_work_is():
    rng = np.random.default_rng(1)
    for parts in (2, 3, 7):
        work = rng.integers(0, 9, 7).astype(float)
        cuts = [(0, *cut) for cut in combinations(range(1, 7), parts - 1)]
        least = min(np.add.reduceat(work, cut).max() for cut in cuts)
        assert np.add.reduceat(work, [0, *balanced(work, parts)]).max() == least
    network, configuration = hardware.network("cnn", 8), Configuration.create(cores=4)
    fires = hardware.fires(network, hardware.samples("cnn").x[:4])
    loads = Loads(network, configuration, {name: e.mean(axis=(0, 1)) for name, e in fires.items()})
    found = candidates(loads, 4)
    clocks = {how: judged(network, chosen(configuration, loads, found[how]), fires) for how in ("even", "fair")}
    assert clocks["fair"] < 0.95 * clocks["even"]


def test_memory_is_a_limit_without_the_token_model_too(monkeypatch):
    monkeypatch.setattr(placement, "MOST_CHANNELS", 0)
    network, configuration = small.network(sizes=(64, 96, 96, 4)), Configuration.create(lanes=4, cores=4)
    assert set(np.hstack(list(place(network, configuration).cores.values()))) == set(range(4))
    with pytest.raises(Refusal, match="No placement on 4 cores fits. A core would store more than 4,000 bits"):
        place(network, configuration, memory_bits=4000)


def test_memory_is_a_limit():
    network, configuration = small.network(sizes=(64, 96, 96, 4)), Configuration.create(lanes=4, cores=4)

    def fullest(placed):
        return max(core_bits(map_network(network, placed)))

    free = fullest(place(network, configuration))
    loads = loads_of(network, configuration)
    whole = fullest(chosen(configuration, loads, candidates(loads, 4)["whole"]))
    assert free < whole
    assert fullest(place(network, configuration, memory_bits=free)) <= free
    with pytest.raises(Refusal, match=r"Core \d stores .* bits, more than 4,000; its memory 'weights' alone takes"):
        place(network, configuration, memory_bits=4000)


def test_all_cores_are_used_by_neurons_that_may_share_them():
    network = hardware.network("digits", 8)
    for cores in (3, 6, 8, 9):
        found = place(network, Configuration.create(cores=cores)).cores
        assert {core for there in found.values() for core in np.atleast_1d(there)} == set(range(cores))
    with pytest.raises(Refusal, match="with 16 lanes the network has at most 9 parts, too few for 10 cores"):
        place(network, Configuration.create(cores=10))
    for bits in ((12, 12, 10), (12, 10, 12)):
        mixed = small.network(sizes=(5, 7, 8, 9), neurons=[small.neuron(bits=b) for b in bits])
        for cores in (2, 4):
            found = place(mixed, Configuration.create(lanes=4, cores=cores))
            assert len(map_network(mixed, found).parameters.cores) == cores
        with pytest.raises(Refusal, match="2 kinds of neurons that cannot share a core"):
            place(mixed, Configuration.create(lanes=4, cores=1))
    many = small.network(sizes=(3,) * 32)
    assert len(map_network(many, Configuration.create(cores=2)).parameters.cores) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cuts": {"lif1": [64]}}, "cuts: where parts begin can be said only if cores says"),
        ({"slots": {"nope": 2}}, "^slots: there is no population 'nope'"),
        ({"order": {"a -> b": "event"}}, "^order: there is no projection 'a -> b'"),
        (
            {"cores": {"lif1": [0, 1], "lif2": 0}, "cuts": {"nope": [4]}},
            "^cuts: there is no population of neurons 'nope'",
        ),
        ({"cores": {"lif1": [0, 1], "lif2": 0}, "cuts": {"lif1": [4, 5]}}, "^cuts: 'lif1' would be in 3 parts"),
        ({"cores": {"lif1": [0, 1], "lif2": 0}, "cuts": {"lif1": [128]}}, "cuts must rise within 1..127, not 128"),
    ],
)
def test_what_cannot_be_placed_so_is_said(given, message):
    with pytest.raises(Refusal, match=message):
        map_network(hardware.network("digits", 8), Configuration.create(**{"cores": 2, **given}))


def test_slots_are_as_many_as_pay():
    network, configuration = hardware.network("delays", 8), Configuration.create(cores=2)
    events, found = steady(network), place(network, configuration)
    fewer = configuration.model_copy(update={"cores": found.cores, "cuts": found.cuts, "slots": 1})
    assert min(found.slots.values()) == 1 < max(found.slots.values())
    assert judged(network, found, events) < 0.95 * judged(network, fewer, events)
    given = configuration.model_copy(update={"slots": 3})
    assert place(network, given).slots == 3
    given = configuration.model_copy(update={"slots": {network.input.name: 5}})
    assert place(network, given).slots[network.input.name] == 5 and 1 in place(network, given).slots.values()


def test_loads_are_near_what_the_token_model_says():
    network, configuration = hardware.network("digits", 8), Configuration.create(cores=4)
    loads = loads_of(network, configuration)
    for placed in candidates(loads, 4).values():
        clocks = judged(network, chosen(configuration, loads, placed), steady(network))
        assert loads.step(placed, 4) == pytest.approx(clocks, rel=0.5)


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
    loads = loads_of(network, configuration)
    whole = Placed(cores={name: (k,) for k, name in enumerate(names[1:])}, cuts=dict.fromkeys(names[1:], ()))
    found = place(network, configuration).cores
    placed = Placed(cores=found, cuts={name: loads.even(name, len(there)) for name, there in found.items()})
    assert loads.step(placed, 16) < 0.5 * loads.step(whole, 16)

"""What does not fit is refused; what fits is where the tables say, in any hardware that covers it."""

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from amaranth.hdl import signed

from small import network, neuron
from spikeloom.golden.network import OneToOne, Projection, Refusal, Window
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import hardware_id, loaded
from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.generate import generate, manifest
from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.parameters import covering
from spikeloom.sim.drawn.synapses import KINDS, synapses_of


@pytest.mark.parametrize(("lanes", "weight_bits", "shift"), [(1, 2, 0), (4, 4, 0), (4, 3, 2), (16, 8, 0), (16, 5, 0)])
def test_weights_are_stored_group_by_group(lanes, weight_bits, shift):
    net = network(weight_bits=weight_bits, shift=shift)
    mapping = map_network(net, Configuration.create(lanes=lanes))
    core = mapping.parameters.cores[0]
    images = mapping.images()
    table = Tables(core).population
    for number, population in enumerate(net.neurons):
        row = table.from_bits(images["core0_populations"][number]).rows
        (projection,) = net.into(population.name)
        for first in range(0, population.size, lanes):
            for weights in projection.synapses.weights:
                stored = []
                for column in range(core.columns):
                    word = images[f"core0_weights{column}"][row]
                    stored += [
                        word >> k * core.weight_bits & (1 << core.weight_bits) - 1 for k in range(core.column_lanes)
                    ]
                part = weights[first : first + lanes].astype(int) << shift
                expected = [int(w) & (1 << core.weight_bits) - 1 for w in part]
                assert stored[: len(expected)] == expected
                assert not any(stored[len(expected) :])
                row += 1


def test_hardware_that_covers_two_networks_takes_both():
    nets = [network((5, 7, 3)), network((9, 2, 4, 6), weight_bits=3, delay=2)]
    configuration = Configuration.create(lanes=4)
    both = [map_network(net, configuration) for net in nets]
    cover = reduce(covering, (m.parameters for m in both))
    for m in both:
        assert covering(cover, m.parameters) == cover
        images = m.images(cover)
        assert len(images["core0_populations"]) == 3
        assert len(images["core0_weights0"]) == cover.cores[0].rows


def test_what_has_no_common_hardware_is_said():
    a, b = (map_network(network(), Configuration.create(lanes=lanes)).parameters for lanes in (4, 8))
    with pytest.raises(ValueError, match="Designs with lanes 4 and 8 have no common one"):
        covering(a, b)


def test_neurons_that_cannot_share_a_core_get_their_own():
    net = network(neurons=[neuron(guard=2), neuron(guard=3)])
    with pytest.raises(Refusal, match="must have the same guard, not 2 and 3; .* 'cores: per-population'"):
        map_network(net, Configuration())
    mapping = map_network(net, Configuration.create(cores="per-population"))
    assert [core.neuron.guard for core in mapping.parameters.cores] == [2, 3]
    assert len(mapping.parameters.links) == 6, "each node's way in and out"


def test_a_read_out_of_potentials_costs_the_lanes_nothing():
    """Only the neuron units and the flits know of its values; read by a projection, they cost a multiplier a lane."""
    net = network(neurons=[neuron(i=10), neuron(potential=True)])
    core = map_network(net, Configuration()).parameters.cores[0]
    assert core.flit.value_bits == 16 and core.value_bits == 1 and core.lane_latency == 8
    assert entry_layout(core).members.keys() == {"index"}
    assert core.neuron.parameter_layout.members.keys() >= {"current", "sends_potential"}

    net = network((5, 7, 3, 4), neurons=[neuron(potential=True), neuron(), neuron(potential=True)], value_bits=6)
    shared = map_network(net, Configuration()).parameters.cores[0]
    assert shared.value_bits == 6 and shared.lane_latency == 9
    assert entry_layout(shared).members["value"] == signed(6)
    each = map_network(net, Configuration.create(cores="per-population")).parameters.cores
    assert [core.value_bits for core in each] == [1, 6, 1]
    cover = reduce(covering, (each[0], each[1]))
    assert cover.value_bits == 6 and cover.lane_latency == 9


def test_weights_are_as_wide_as_those_into_the_core():
    net = network((5, 7, 3), weight_bits=4)
    narrow = replace(
        net.projections[0], synapses=replace(net.projections[0].synapses, weights=np.ones((5, 7), int), bits=2)
    )
    net = replace(net, projections=(narrow, replace(net.projections[1], shift=1)))
    bits = {
        cores: [core.weight_bits for core in map_network(net, Configuration.create(cores=cores)).parameters.cores]
        for cores in ("shared", "per-population")
    }
    assert bits == {"shared": [5], "per-population": [2, 5]}
    with pytest.raises(Refusal, match="weights of 4 bits with a shift of 13 need 17; hardware stores at most 16"):
        map_network(network(weight_bits=4, shift=13), Configuration())


def test_the_manifest_names_the_states_that_a_population_has():
    net = network((5, 7, 3, 2), neurons=[neuron(i=10), neuron(potential=True), neuron()])
    configuration = Configuration()
    mapping = map_network(net, configuration)
    sources = manifest(mapping, mapping.parameters, configuration)["sources"]
    assert [source.get("state") for source in sources] == [None, {"v": [0, 12], "i": [12, 10]}, *[{"v": [0, 12]}] * 2]


def test_more_rows_than_addresses_are_refused():
    with pytest.raises(Refusal, match=r"1057056 rows of 1 weights are more than 1048576; use more lanes"):
        map_network(network((1000, 1056, 1), weight_bits=2), Configuration.create(lanes=1))


@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("slots", [1, 2])
def test_channels_hold_delay_and_slots(delay, slots):
    mapping = map_network(network(delay=delay), Configuration.create(slots=slots))
    core = mapping.parameters.cores[0]
    assert core.slots == slots + delay
    assert core.list_entries == (slots + delay) * (5 + 7)
    for reader in mapping.readers:
        assert reader.credit == (slots if reader.projection else slots + delay + 2)


def test_more_populations_than_can_be_observed_are_refused():
    with pytest.raises(Refusal, match="33 populations are more than the 32 that the register 'observe' can name"):
        map_network(network((2,) * 33), Configuration())


def made_of(kind, delays=False):
    """Three neurons to three."""
    window = Window(source=(1, 3), kernel=(1, 1, 1), stride=(1,), padding=((0, 0),), dilation=(1,))
    rng = np.random.default_rng(0)
    return synapses_of(kind, rng, lambda shape: np.ones(shape, int), 2, (3, 3), window, most=3 * delays)


def with_second(synapses, **options):
    plain = network((3, 3, 3))
    first, second = plain.projections
    return replace(plain, projections=(first, replace(second, synapses=synapses, **options)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["auto", "neuron", "event"])
def test_every_kind_of_synapses_has_an_order(kind, order):
    mapping = map_network(with_second(made_of(kind)), Configuration.create(order=order))
    first, second = (any(r.event for r in mapping.readers if r.target == name) for name in ("layer1", "layer2"))
    assert first == (order == "event")
    assert second == (order == "event" or (order == "auto" and kind != "dense"))
    assert bool(mapping.parameters.cores[0].scatter) == (first or second)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["neuron", {"layer1 -> layer2": "neuron"}])
def test_delays_of_synapses_need_events(kind, order, tmp_path):
    made = with_second(made_of(kind, delays=True))
    assert map_network(made, Configuration()).parameters.cores[0].scatter
    with pytest.raises(Refusal) as refusal:
        generate(made, Configuration.create(order=order), tmp_path / "out")
    assert str(refusal.value) == (
        "Projection 'layer1' to 'layer2': synapses with delays of their own need the order 'event', not 'neuron'"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["layer1 -> in", "layer1->layer2", "layer2", ""])
def test_an_order_of_a_projection_that_is_not_there_is_refused(name, tmp_path):
    with pytest.raises(Refusal) as refusal:
        generate(network((3, 3, 3)), Configuration.create(order={name: "event"}), tmp_path / "out")
    assert str(refusal.value) == (
        f"order: there is no projection {name!r}; there are 'in -> layer1', 'layer1 -> layer2'"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("order", ["neuron", "event"])
def test_weights_wider_than_a_word_are_refused(order):
    made = network(weight_bits=4, shift=13)
    with pytest.raises(Refusal, match="weights of 4 bits with a shift of 13 need 17; hardware stores at most 16"):
        map_network(made, Configuration.create(order=order))
    narrow = map_network(network(weight_bits=4, shift=12), Configuration.create(order=order)).parameters.cores[0]
    assert (narrow.scatter.weight_bits if order == "event" else narrow.weight_bits) == 16


def test_a_matrix_too_large_to_be_written_out_is_refused():
    size = 1 << 13
    synapses = OneToOne(neurons=size, weights=np.array(1), bits=2)
    small = network((3, 3))
    made = replace(
        small,
        populations=[replace(p, shape=(size,)) for p in small.populations],
        projections=[Projection(source="in", target="layer1", synapses=synapses)],
    )
    with pytest.raises(Refusal) as refusal:
        map_network(made, Configuration.create(order="neuron"))
    assert str(refusal.value) == (
        "Projection 'in' to 'layer1': in the order 'neuron' its synapses are a matrix of 8192 x 8192; use 'event'"
    )
    assert len(next(iter(map_network(made, Configuration()).fan_outs.values())).weights) == 1


def test_what_no_projection_needs_is_not_built():
    """Nothing of the event-stationary half without it; of a core that has it alone, no rows for the lanes."""
    plain = map_network(network(), Configuration()).parameters.cores[0]
    assert plain.scatter is None and plain.rows > 0
    alone = map_network(network(), Configuration.create(order="event")).parameters.cores[0]
    assert alone.rows == alone.columns == 0 and alone.scatter.synapses == 0 < alone.scatter.kernel_rows
    listed = map_network(with_second(made_of("sparse")), Configuration()).parameters.cores[0]
    assert listed.rows > 0 and listed.scatter.kernel_rows == 0 < listed.scatter.synapses
    each = map_network(with_second(made_of("sparse")), Configuration.create(cores="per-population")).parameters
    assert [core.scatter is None for core in each.cores] == [True, False]
    assert each.engines == ("core0", "core1", "core1.scatter")


def test_options_that_are_not_used_leave_hardware_its_identity():
    made = {}
    for name, options in (("plain", {}), ("single-port", {"weights": "single-port"}), ("short", {"pipeline": "short"})):
        configuration = Configuration.create(**options)
        mapping = map_network(network(), configuration)
        made[name] = manifest(mapping, mapping.parameters, configuration)
    cores = {name: document["parameters"]["cores"][0] for name, document in made.items()}
    assert cores["single-port"] == cores["plain"] | {"single_port": True}
    assert cores["short"] == cores["plain"] | {"short": True, "neuron": cores["plain"]["neuron"] | {"short": True}}
    assert len({hardware_id(document) for document in made.values()}) == 3
    assert [loaded(document) for document in made.values()] == [[], ["core0.weights0", "core0.weights1"], []]
    without = Configuration.create(order="event")  # rows of matrices, so that there is nothing to put there
    same = without.model_copy(update={"weights": "single-port"})
    assert map_network(network(), same).parameters == map_network(network(), without).parameters

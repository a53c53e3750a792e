"""A network in parts does what the whole does, bit for bit, and no more is joined than there are synapses."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import small
from spikeloom.golden import simulate
from spikeloom.golden.network import Refusal
from spikeloom.golden.synapses import places
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network, split
from spikeloom.sim.drawn import strategies
from spikeloom.sim.drawn.synapses import KINDS

DRAWN = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def cases(draw):
    """A network, its split with each population cut anywhere or evenly, and a stimulus."""
    network = draw(strategies.networks(kinds=KINDS, synapse_delays=3, sizes=(1, 24)))
    lanes = draw(st.sampled_from([1, 2, 4]))
    parts = {}
    for population in network.neurons:
        shape = split._shape(network, population)
        rows = split._rows(shape)
        if draw(st.booleans()):
            parts[population.name] = draw(st.integers(1, max(1, rows if len(shape) > 1 else -(-rows // lanes))))
        elif rows > 1:
            parts[population.name] = sorted(draw(st.sets(st.integers(1, rows - 1), max_size=3)))
    return network, split.split(network, parts, lanes), draw(strategies.stimuli(network))


def check(network, made, x):
    """Golden's run of the parts, joined, is golden's run of the network."""
    of_parts, whole = (simulate.run(n, x, record="all") for n in (made.network, network))
    names = {p.name for p in network.neurons}
    for kind in ("events", "potentials"):
        joined = made.joined(getattr(of_parts, kind))
        assert set(joined) == names
        for name in names:
            assert np.array_equal(joined[name], getattr(whole, kind)[name]), f"{kind} of {name}"
    states = {state: {n: s[state] for n, s in of_parts.final.items() if state in s} for state in ("v", "i", "n")}
    joined = {state: made.joined(arrays) for state, arrays in states.items()}
    for name in names:
        assert {s for s, found in joined.items() if name in found} == set(whole.final[name])
        for state, array in whole.final[name].items():
            assert np.array_equal(joined[state][name], array), f"{state} of {name}"
    spikes, counts, prediction = simulate.answer(network, made.joined(of_parts.events)[network.output])
    assert np.array_equal(spikes, whole.spikes) and np.array_equal(counts, whole.counts)
    assert np.array_equal(prediction, whole.prediction)
    return whole


def test_parts_do_what_the_whole_does():
    seen, fired = Counter(), []

    @DRAWN
    @given(case=cases())
    def run(case):
        network, made, x = case
        whole = check(network, made, x)
        fired.extend(float((events != 0).any(1).mean()) for events in whole.events.values())
        for population in network.populations:
            own = [part for part in made.parts if part.population == population.name]
            neurons = np.concatenate([part.neurons for part in own])
            assert sorted(neurons.tolist()) == list(range(population.size))
            assert [made.network[part.name].size for part in own] == [len(part.neurons) for part in own]
            assert len(own) > 1 or made.network[population.name] == population
            seen["parts"] += len(own) > 1
            seen["parts of the output"] += len(own) > 1 and population.name == network.output
        of = {part.name: part.population for part in made.parts}
        joined = Counter((of[j.source], of[j.target]) for j in made.network.projections)
        parts = Counter(of.values())
        for j in network.projections:
            alike = sum((k.source, k.target) == (j.source, j.target) for k in network.projections)
            seen["pruned"] += joined[j.source, j.target] < alike * parts[j.source] * parts[j.target]
        for j in made.network.projections:
            s, whole_source, whole_target = j.synapses, of[j.source] == j.source, of[j.target] == j.target
            if not (whole_source and whole_target):
                assert len(places(s)[0]), f"{j} has no synapses"
                seen[s.kind] += 1
                seen["delays"] += s.delays is not None
                seen["loops"] += of[j.source] == of[j.target]
            if s.kind == "convolution":
                seen["bands"] += not (whole_source or whole_target)
                seen["cropped"] += np.min(s.window.padding) < 0
        seen["without input"] += any(not made.network.into(p.name) for p in made.network.neurons)

    run()
    wanted = {
        "parts": 200, "parts of the output": 80, "pruned": 60, "dense": 300, "sparse": 300, "one-to-one": 30,
        "convolution": 120, "delays": 200, "loops": 100, "bands": 60, "cropped": 60, "without input": 5,
    }  # fmt: skip
    assert all(seen[name] >= count for name, count in wanted.items()), seen
    assert 0.2 < np.mean(fired) < 0.9


band, taken, located, population = split._band, split._taken, split._located, split._population


def _shifted(s, *ends):
    made = band(s, *ends)
    if made is None:
        return None
    (before, after), *others = made.window.padding
    return replace(made, window=replace(made.window, padding=((before + 1, after - 1), *others)))


def _late(s, at, **others):
    made = taken(s, at, **others)
    return made if made.delays is None else replace(made, delays=np.zeros_like(made.delays))


def _turned(whole, part):
    made = population(whole, part)
    parameters = {name: value[::-1] if value.ndim else value for name, value in made.neuron.parameters.items()}
    return replace(made, neuron=replace(made.neuron, parameters=parameters)) if made.neuron else made


FAULTS = {
    "_band": _shifted,
    "_taken": _late,
    "_located": lambda parts, neurons: (located(parts, neurons)[0], located(parts, neurons)[1][::-1]),
    "_population": lambda whole, part: _turned(whole, part) if whole.neuron else whole,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault, monkeypatch):
    """Rows that begin late, delays that are forgotten, neurons in another order, parameters of others."""
    monkeypatch.setattr(split, fault, FAULTS[fault])
    found = 0

    @settings(DRAWN, max_examples=60, phases=[Phase.generate])
    @given(data=st.data())
    def run(data):
        nonlocal found
        try:
            check(*data.draw(cases()))
        except (AssertionError, Refusal):
            found += 1

    run()
    assert found >= 3


def test_by_hand():
    made = split.split(small.images(), small.PARTS, lanes=4)
    shapes = {p.name: p.shape for p in made.network.neurons}
    assert shapes == {
        "a[0]": (3, 3, 2), "a[1]": (3, 3, 2), "b[0]": (3, 1, 1), "b[1]": (3, 2, 1), "c[0]": (4,), "c[1]": (4,),
        "out": (2,),
    }  # fmt: skip
    joined = {(j.source, j.target): j.synapses for j in made.network.projections}
    rows = {
        ends: (s.window.source[1], s.window.target[1], s.window.kernel[2], s.window.padding[0])
        for ends, s in joined.items()
        if s.kind == "convolution"
    }
    assert rows == {
        ("in", "a[0]"): (6, 3, 3, (1, -2)),
        ("in", "a[1]"): (6, 3, 3, (-2, 1)),
        ("a[0]", "b[0]"): (3, 1, 2, (0, -1)),
        ("a[0]", "b[1]"): (3, 2, 1, (-2, 2)),
        ("a[1]", "b[1]"): (3, 2, 2, (1, 0)),
    }
    others = {ends: s.kind for ends, s in joined.items() if ends not in rows}
    assert others == {
        ("in", "c[0]"): "sparse",
        **{(f"b[{k}]", f"b[{k}]"): "one-to-one" for k in range(2)},
        **{(f"{name}[{k}]", "out"): "dense" for name in "bc" for k in range(2)},
    }
    assert made.parts[4].neurons.tolist() == [1, 2, 4, 5, 7, 8] and made.parts[4].rows == range(1, 3)
    assert made.network.output == "out"
    assert split.split(small.images(), {"out": [1]}, lanes=4).network.output == "out[0]"


def test_what_stays_a_kernel_is_stored_as_one():
    made = split.split(small.images(), small.PARTS, lanes=4)
    mapping = map_network(made.network, Configuration.create(lanes=4, cores="per-population"))
    assert len(mapping.parameters.cores) == 7
    assert {r.target for r, fan_out in mapping.fan_outs.items() if fan_out.listed} == {"c[0]"}


@pytest.mark.parametrize("lanes", [1, 4, 16])
@pytest.mark.parametrize("size", [1, 15, 16, 17, 100])
def test_even_parts_are_of_whole_groups(lanes, size):
    network = small.network((3, size, 2))
    groups = -(-size // lanes)
    for count in range(1, min(groups, 9) + 1):
        cuts = split.even(network, {"layer1": count}, lanes)["layer1"]
        ends = [0, *(cut // lanes for cut in cuts), groups]
        assert all(cut % lanes == 0 for cut in cuts) and len(cuts) == count - 1
        parts = [b - a for a, b in pairwise(ends)]
        assert max(parts) == -(-groups // count) and min(parts) == groups // count
    assert split.even(small.images(), {"a": 4}, lanes) == {"a": (1, 3, 4)}


REFUSED = [
    ({"b": 4}, "Population 'b' has 3 rows: it can be cut into 1..3 parts, not 4"),
    ({"c": 3}, "Population 'c' has 2 groups of 4 neurons: it can be cut into 1..2 parts, not 3"),
    ({"c": 0}, "Population 'c' has 2 groups of 4 neurons: it can be cut into 1..2 parts, not 0"),
    ({"c": True}, "Population 'c' has 2 groups of 4 neurons: it can be cut into 1..2 parts, not True"),
    ({"b": [2, 2]}, "Population 'b': cuts must rise within 1..2, not 2, 2"),
    ({"b": [3]}, "Population 'b': cuts must rise within 1..2, not 3"),
    ({"b": [0]}, "Population 'b': cuts must rise within 1..2, not 0"),
    ({"in": 2}, "There is no population of neurons 'in' to cut; there are 'a', 'b', 'c', 'out'"),
    ({"d": [1]}, "There is no population of neurons 'd' to cut; there are 'a', 'b', 'c', 'out'"),
]


@pytest.mark.parametrize(("parts", "message"), REFUSED)
def test_refused(parts, message):
    with pytest.raises(Refusal) as refusal:
        split.split(small.images(), parts, lanes=4)
    assert str(refusal.value) == message

"""The batch run equals the scalar definition on random networks, and refuses input it cannot take."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import strategies
from spikeloom.golden import simulate
from spikeloom.golden.network import Dense, Network, Neuron, Population, Projection

seen: Counter = Counter()


def lif(**changes):
    options = {"reset": "subtract", "reset_when": "same-step", "spikes": "one", "decay_bits": 8, "guard": 0}
    parameters = {"keep": 256, "threshold": 10, "subtract": 10, "v_reset": 0, "v_min": -2048, "v_init": 0, "bias": 0}
    states = {"v": 12}
    for name, value in changes.items():
        next(d for d in (options, parameters, states) if name in d)[name] = value
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


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def check_batch_equals_definition(data):
    network = data.draw(strategies.networks())
    x = data.draw(strategies.stimuli(network))
    result = simulate.run(network, x, record="all")
    for sample in range(len(x)):
        events, states = simulate.step_by_step(network, x[sample])
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
        seen.update(k for k in ("reset", "reset_when", "spikes") for k in [f"{k} {p.neuron.options[k]}"])
        seen["saturated"] += bool((v == limit - 1).any())
        seen["negative"] += bool((v < 0).any())
        seen["several"] += bool((result.events[p.name] > 1).any())
    seen.update(f"delay {p.delay}" for p in network.projections)
    seen["loop"] += any(len(group) > 1 for group in simulate._components(network))
    seen["self loop"] += any(p.source == p.target for p in network.projections)


def test_batch_equals_definition():
    seen.clear()
    check_batch_equals_definition()
    wanted = {"all", "some", "none", "saturated", "negative", "several", "loop", "self loop"}
    wanted |= {"delay 0", "delay 1", "delay 2", "reset zero", "reset subtract", "spikes one", "spikes many"}
    assert all(seen[branch] >= 5 for branch in wanted), seen


if __name__ == "__main__":
    test_batch_equals_definition()
    print(seen)

"""A small fixed network, and small hardware, for tests that need one and do not care which."""

from dataclasses import replace

import numpy as np

from spikeloom.golden.network import Dense, Network, Neuron, Population, Projection
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.layouts import HostPort
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.memory_map import Memories, core_memories

__all__ = ["network", "neuron", "scatter_core"]


def neuron(bits=12, guard=2, i=0, potential=False, **parameters):
    """A LIF neuron; with ``i`` bits of a current, or one that sends its potential."""
    values = {
        "keep": 200,
        "threshold": 90,
        "subtract": 90,
        "v_reset": 0,
        "v_min": -(1 << bits - 1),
        "v_init": 0,
        "bias": 0,
    }
    options = {"reset": "subtract", "reset_when": "same-step", "spikes": "one", "decay_bits": 8, "guard": guard}
    states = {"v": bits}
    if i:
        values["current_keep"], states["i"] = 150, i
    if potential:
        values["threshold"] = values["subtract"] = 0
        options |= {"spikes": "potential", "cut": 2}
    return Neuron(model="lif", states=states, parameters=values | parameters, options=options)


def network(sizes=(5, 7, 3), weight_bits=4, neurons=None, shift=0, delay=0, value_bits=16):
    """A chain of populations; ``value_bits`` is for those that send potentials."""
    rng = np.random.default_rng(1)
    neurons = neurons or [neuron()] * (len(sizes) - 1)
    names = ["in", *(f"layer{k}" for k in range(1, len(sizes)))]
    limit = 1 << weight_bits - 1
    return Network(
        populations=[
            Population(
                name=name,
                shape=(size,),
                neuron=model,
                value_bits=value_bits if model and model.options["spikes"] == "potential" else 1,
            )
            for name, size, model in zip(names, sizes, [None, *neurons], strict=True)
        ],
        projections=[
            Projection(
                source=a,
                target=b,
                synapses=Dense(weights=rng.integers(-limit, limit, (m, n)), bits=weight_bits),
                shift=shift,
                delay=delay,
            )
            for a, b, m, n in zip(names, names[1:], sizes, sizes[1:], strict=False)
        ],
        output=names[-1],
    )


def scatter_core(lanes=4, value_bits=1, neurons=64, list_entries=512, **sizes):
    """Parameters of a core with an event-stationary half of these sizes, and memories for its parts."""
    made = map_network(network(), Configuration.create(lanes=lanes, units=1, order="event")).parameters.cores[0]
    flit = replace(made.flit, neurons=neurons, value_bits=value_bits)
    p = replace(
        made, value_bits=value_bits, list_entries=list_entries, flit=flit, scatter=replace(made.scatter, **sizes)
    )

    def memories(images=None):
        names = core_memories(p)
        return Memories("core0", names, HostPort(len(names), 256, 24).create(), images or {})

    return p, memories

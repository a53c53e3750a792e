"""Small fixed networks, and small hardware, for tests that need one and do not care which."""

from dataclasses import replace

import numpy as np

from spikeloom.golden.network import (
    Convolution,
    Dense,
    Network,
    Neuron,
    OneToOne,
    Population,
    Projection,
    Sparse,
    Window,
)
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.layouts import HostPort
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.memory_map import Memories, core_memories

__all__ = ["PARTS", "images", "network", "neuron", "scatter_core"]

#: Of :func:`images`: evenly, or from these rows on.
PARTS = {"a": 2, "b": [1], "c": 2, "out": 1}


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


def images():
    """An image to another, pooled with a loop; beside it neurons of which half see nothing; and a read-out of both."""
    rng = np.random.default_rng(3)
    conv = Window(source=(2, 6, 2), kernel=(3, 2, 3, 3), stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1))
    pool = Window(
        source=(3, 6, 2), kernel=(3, 1, 2, 2), stride=(2, 2), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=3
    )
    shapes = {"in": (2, 6, 2), "a": (3, 6, 2), "b": (3, 3, 1), "c": (8,), "out": (2,)}

    def population(name, shape):
        each = rng.integers(8, 40, np.prod(shape))
        bias = 5 if name == "c" else 0
        model = neuron(guard=0, threshold=each, subtract=each, bias=bias) if name != "in" else None
        return Population(name=name, shape=shape, neuron=model)

    synapses = {
        ("in", "a"): Convolution(weights=rng.integers(-3, 8, conv.kernel), bits=4, window=conv),
        ("a", "b"): Convolution(weights=np.full(pool.kernel, 7), bits=4, window=pool),
        ("b", "b"): OneToOne(weights=np.array(-3), bits=4, neurons=9),
        ("in", "c"): Sparse.of(np.arange(24), np.arange(24) % 4, np.full(24, 7), shape=(24, 8), bits=4),
        ("b", "out"): Dense(weights=rng.integers(-3, 8, (9, 2)), bits=4),
        ("c", "out"): Dense(weights=rng.integers(-3, 8, (8, 2)), bits=4),
    }
    return Network(
        populations=[population(name, shape) for name, shape in shapes.items()],
        projections=[Projection(source=a, target=b, synapses=s, delay=int(a == b)) for (a, b), s in synapses.items()],
        output="out",
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

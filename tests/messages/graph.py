"""Graphs that cannot be built."""

import numpy as np

from messages.cases import EDGES, converted, network, refused, with_
from nir_files import affine, chain, lif, port
from spikeloom.golden.nir_nodes import SUPPORTED

IN_TWO = {"input": port("Input", 5), "a": lif(5), "output": port("Output", 5)}
network(
    "two inputs, or none",
    "the graph must have exactly one Input node, not 2 ('input', 'other')",
    with_(other=port("Input", 4)),
    [*EDGES, ("other", "fc1")],
    "Give the network one input of all channels, and one output",
)
network(
    "a sub-graph with two inputs",
    "'n' (NIRGraph): a graph inside the graph must have exactly one Input node, not 2",
    IN_TWO | {"n": {"type": "NIRGraph", "nodes": {"i": port("Input", 5), "j": port("Input", 5), "o": port("Output", 5)},
                    "edges": [("i", "o"), ("j", "o")]}},
    [("input", "n"), ("n", "a"), ("a", "output")],
    "Export layers with one input and one output each",
)  # fmt: skip
network(
    "an edge that is there twice",
    "the edge 'input' to 'fc1' is there 2 times; keep one",
    chain(),
    [*EDGES, ("input", "fc1")],
)
network(
    "an edge without a node",
    "the edge 'ghost' to 'fc1': there is no node 'ghost'; leave the edge out or add it",
    chain(),
    [*EDGES, ("ghost", "fc1")],
)
network(
    "an edge into the input",
    "'input' (Input): an edge leads into it (from 'lif2'), and an input has none",
    chain(),
    [*EDGES, ("lif2", "input")],
    "Lead it into the first layer",
)
network(
    "an edge out of the output",
    "'output' (Output): an edge leads out of it (to 'fc2'), and an output has none",
    chain(outputs=5),
    [*EDGES, ("output", "fc2")],
    "Let it start at the node before the output",
)
network(
    "a node that leads nowhere",
    "'x' (Linear): not on a path from Input to Output: no edge leads away from it; connect it or leave it out",
    with_(x=affine(np.ones((3, 5)))),
    [*EDGES, ("lif1", "x")],
)
network(
    "a node that nothing leads to",
    "'x' (Linear): not on a path from Input to Output: no edge leads to it; connect it or leave it out",
    with_(x=affine(np.ones((5, 3)))),
    [*EDGES, ("x", "lif1")],
)
network(
    "a loop of weights alone",
    "there is a loop without a neuron, 'x' -> 'x'; a loop must go through neurons",
    with_(x=affine(np.ones((5, 5)))),
    [*EDGES, ("fc1", "x"), ("x", "x"), ("x", "lif1")],
)
network(
    "a loop that nothing reaches",
    "'x' (LIF): not on a path from Input to Output: nothing that comes from the Input reaches it; connect it or leave "
    "it out",
    with_(x=lif(5)),
    [*EDGES, ("x", "x"), ("x", "fc2")],
)
network(
    "a branch that leads nowhere",
    "'x' (LIF): not on a path from Input to Output: nothing of it reaches the Output; connect it or leave it out",
    with_(x=lif(5)),
    [*EDGES, ("x", "x"), ("fc1", "x")],
)
network(
    "weights that multiply to more than a number can hold",
    "'lif1' (LIF): what arrives is multiplied by more than 1e+30; export smaller numbers",
    with_(fc1=affine(np.full((5, 4), 1e20)), x={"type": "Scale", "scale": np.full(5, 1e20)}),
    [("input", "fc1"), ("fc1", "x"), ("x", "lif1"), *EDGES[2:]],
)
network(
    "a name with control characters",
    "A population's name must not have control characters, as 'lif\\n' has; rename it",
    {"lif\n" if name == "lif1" else name: node for name, node in chain().items()},
    [tuple("lif\n" if end == "lif1" else end for end in edge) for edge in EDGES],
)
network(
    "no neurons at all",
    "'output' (Output): no neurons lead to it; nothing here spikes",
    {"input": port("Input", 4), "output": port("Output", 4)},
    None,
    "Export the whole network, neurons included",
)
refused(
    "network",
    "a type of node that is not built",
    "model.nir cannot be built:\n  'fc1' (MaxPool2d): no node of nir 1.0.8 has this type\n  supported are the types "
    f"{', '.join(SUPPORTED)}",
    lambda: converted(with_(fc1={"type": "MaxPool2d"})),
    "Use the types that are listed: pooling by sums or means, for one",
)

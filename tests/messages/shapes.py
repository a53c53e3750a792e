"""Layers that do not fit together, or are too large."""

from unittest import mock

import numpy as np

from messages.cases import EDGES, Nodes, changed, converted, network, refused, with_
from nir_files import affine, chain, lif, port
from spikeloom.golden import nir_model

network(
    "layers that do not fit together",
    "'fc2' (Linear): takes the shape (6,), and 'lif1' gives (5,)",
    with_(fc2=affine(np.ones((3, 6)))),
    remedy="Compare the two layers in the training script",
)
network(
    "a time or batch axis in the file (Sinabs, Rockpool)",
    "'fc1' (Affine): takes the shape (4,), and 'input' gives (1, 4); the first axis looks like time or batch, which "
    "Sinabs and Rockpool leave in: export without it",
    with_(input=port("Input", 1, 4)),
)
network(
    "images led into a fully connected layer",
    "'fc1' (Affine): takes the shape (4,), and 'input' gives (2, 2); a Flatten node is missing between them",
    with_(input=port("Input", 2, 2)),
    remedy="Put a `Flatten` in front of the layer",
)
network(
    "one neuron where there should be several",
    "'lif2' (LIF): takes the shape (1,), and 'fc2' gives (3,); export it with one parameter per neuron",
    with_(lif2=lif(1), output=port("Output", 1)),
)
network(
    "parameters that are single numbers (snnTorch, Norse, Sinabs)",
    "'lif1' (LIF): has single numbers as parameters; export it with one per neuron (tensors)",
    changed("lif1", r=np.array(16.0)),
)
network(
    "parameters of different shapes",
    "'lif1' (LIF): its parameters have different shapes: tau (5,), r (4,), v_leak (5,), v_threshold (5,), "
    "v_reset (5,); export them with one number per neuron each",
    changed("lif1", r=np.ones(4)),
)
network(
    "branches of different shapes that meet",
    "'lif2' (LIF): the edges into it bring different shapes: (3,) from 'fc2', (2,) from 'x'; make them the same",
    with_(x=affine(np.ones((2, 5)))),
    [*EDGES, ("lif1", "x"), ("x", "lif2")],
)
network(
    "a bias of the wrong length",
    "'fc1' (Affine): bias has the shape (4,), and weight asks for (5,)",
    with_(fc1=affine(np.ones((5, 4)), np.ones(4))),
    remedy="Export the layer again",
)
network(
    "weights that are no matrix",
    "'fc1' (Linear): weight must have the shape (out, in), not (4,)",
    with_(fc1=affine(np.ones(4))),
    remedy="Use a Scale node for factors",
)
network(
    "one factor for a whole layer",
    "'fc1' (Scale): scale is one number; export it as one per element",
    with_(fc1={"type": "Scale", "scale": np.array(2.0)}),
)
network(
    "one delay for a whole layer",
    "'fc1' (Delay): delay is one number; export it as one per element",
    with_(fc1={"type": "Delay", "delay": np.array(2.0)}),
)
network(
    "Flatten over axes that are not there",
    "'fc1' (Flatten): start_dim 1 and end_dim -1 do not fit what it receives, (4,); name axes of that",
    with_(fc1={"type": "Flatten", "start_dim": 1, "end_dim": -1}),
)
network(
    "an input of no size",
    "'input' (Input): shape must be positive sizes and 33554432 at most together, not [0]",
    with_(input=port("Input", 0)),
    remedy="Export with a sample of the real shape",
)


def limited(nodes: Nodes, limit: int) -> None:
    with mock.patch.object(nir_model, "MAX_WEIGHTS", limit):
        converted(nodes)


refused(
    "network",
    "a network beyond every limit",
    "model.nir cannot be built:\n  'fc1' (Affine): 4 x 5 weights are more than the 19 that a layer may have; put "
    "neurons between the layers",
    lambda: limited(chain(), 19),
    "Split the layer",
)


def written_out(limit: int) -> None:
    with mock.patch.object(nir_model, "MAX_WRITTEN", limit):
        converted(chain())


refused(
    "network",
    "many layers of weights in a row",
    "model.nir cannot be built:\n  'fc1' (Affine): the weights up to here, multiplied out, are more than 30 numbers",
    lambda: written_out(30),
    "Split the network, or multiply its weights before the export",
)

"""Convolutions and pooling."""

from typing import Any

import numpy as np

from messages.cases import Nodes, network
from nir_files import minimal, port
from spikeloom.golden.conventions import resolve


def convolved(kind: str = "Conv2d", **fields: Any) -> Nodes:
    """The minimal network around a convolution or a pooling, in snnTorch's steps, with fields changed."""
    nodes = minimal(kind, resolve("snntorch"))
    return nodes | {"n": nodes["n"] | fields}


def one_problem(cause: str, message: str, remedy: str = "", nodes: Nodes | None = None, **fields: Any) -> None:
    network(cause, message, convolved(**fields) if nodes is None else nodes, remedy=remedy)


one_problem(
    "a kernel that is larger than its input",
    "'n' (Conv2d): its kernel reaches over 9 x 3, and its input with padding has 8 x 5, which leaves nothing; use a "
    "smaller kernel or dilation, or more padding",
    weight=np.ones((3, 2, 9, 3)),
)
one_problem(
    "a dilated kernel that is larger than its input",
    "'n' (Conv1d): its kernel reaches over 11, and its input with padding has 10, which leaves nothing; use a smaller "
    "kernel or dilation, or more padding",
    nodes=convolved("Conv1d", dilation=5),
)
one_problem(
    "a pooling over more than there is",
    "'n' (SumPool2d): its kernel reaches over 5 x 5, and its input with padding has 4 x 4, which leaves nothing; use a "
    "smaller kernel or dilation, or more padding",
    nodes=convolved("SumPool2d", kernel_size=np.array([5, 5])),
)
one_problem(
    "a stride of 0",
    "'n' (Conv2d): stride must be in 1..32768, not 0, 1",
    "Export the layer again",
    stride=np.array([0, 1]),
)
one_problem(
    "a padding below 0",
    "'n' (AvgPool2d): padding must be in 0..32768, not -1",
    "Export the layer again",
    nodes=convolved("AvgPool2d", padding=np.array(-1)),
)
one_problem(
    "a stride for more axes than there are",
    "'n' (Conv2d): stride has the shape (3,), and must hold one integer or 2",
    "Export the layer again",
    stride=np.array([1, 1, 1]),
)
one_problem(
    "groups that do not divide the output channels",
    "'n' (Conv2d): groups 2 does not divide its 3 output channels; export the layer again",
    groups=2,
)
one_problem(
    "groups that do not divide the input channels",
    "'n' (Conv2d): groups 3 does not divide its 2 input channels; export the layer again",
    groups=3,
)
one_problem(
    "a kernel for other channels",
    "'n' (Conv2d): its weight takes 4 channels (4 in each of 1 groups), and 'input' gives 2; compare the two layers in "
    "the training script",
    weight=np.ones((3, 4, 3, 3)),
)
one_problem(
    "a kernel of other axes",
    "'n' (Conv2d): weight must have the shape (out, in, KH, KW), not (3, 2, 3)",
    "Use a Conv1d node for rows",
    weight=np.ones((3, 2, 3)),
)
one_problem(
    "a row's kernel of other axes",
    "'n' (Conv1d): weight must have the shape (out, in, K), not (3, 2, 3, 1)",
    "Use a Conv2d node for images",
    nodes=convolved("Conv1d", weight=np.ones((3, 2, 3, 1))),
)
one_problem(
    "images without channels",
    "'n' (Conv2d): takes the shape (channels, height, width), and 'input' gives (6, 5); export it with its channels",
    nodes=convolved() | {"input": port("Input", 6, 5)},
)
one_problem(
    "rows without channels",
    "'n' (Conv1d): takes the shape (channels, length), and 'input' gives (16,); export it with its channels",
    nodes=convolved("Conv1d") | {"input": port("Input", 16)},
)
one_problem(
    "padding 'same' with a stride",
    "'n' (Conv2d): padding 'same' has no meaning with a stride above 1; export the padding as numbers",
    padding="same",
)
one_problem(
    "a padding of another kind",
    "'n' (Conv2d): padding must be numbers, not 'reflect'",
    "Pad with zeros, or write 'same' or 'valid'",
    padding="reflect",
)
one_problem(
    "a window beyond every limit",
    "'n' (SumPool2d): Convolution: a target of 2 x 32768 x 32768 is more than 33554432 neurons",
    "Use a larger stride or less padding",
    nodes=convolved(
        "SumPool2d", padding=np.array([16383, 16383]), stride=np.array([1, 1]), kernel_size=np.array([3, 3])
    ),
)

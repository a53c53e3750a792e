"""Every message about a network, its knobs or its data, as ``docs/troubleshooting.md`` lists them.

The page is made of ``CASES``. What makes a file itself unreadable is in ``test_nir_file`` and ``test_data``.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import small
from nir_files import affine, chain, complete, lif, minimal, port, reading
from spikeloom import api, cli
from spikeloom.golden import nir_graph, nir_model, simulate, storage
from spikeloom.golden.conventions import CONVENTIONS, KNOBS, Knobs, resolve
from spikeloom.golden.data import Data
from spikeloom.golden.network import Refusal
from spikeloom.golden.nir_nodes import SUPPORTED
from spikeloom.golden.quantise import convert
from spikeloom.golden.search import search_bits

Nodes = Mapping[str, Mapping[str, Any]]
ROOT = Path(__file__).parents[2]
EDGES = [("input", "fc1"), ("fc1", "lif1"), ("lif1", "fc2"), ("fc2", "lif2"), ("lif2", "output")]
nan = np.array([1, np.nan, 1, 1, 1], np.float32)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that is wrong, in the words of its user; how to make it; and what is said.

    group: the table that it is in. remedy: where the message itself does not end with one.
    """

    group: str
    cause: str
    make: Callable[[Path], str | None]
    message: str
    remedy: str = ""

    @property
    def shown(self) -> tuple[str, str]:
        """What the page says: the message without the name of its file, and what to do."""
        text = self.message.removeprefix("model.nir: ").removeprefix("model.nir ")
        if text.startswith("cannot be built:"):
            text = text.splitlines()[1].strip()
        if self.remedy:
            return text, self.remedy
        said, _, remedy = text.rpartition("; ")
        return said, remedy[:1].upper() + remedy[1:]


CASES: list[Case] = []


def network(cause: str, message: str, nodes: Nodes, edges: Any = None, remedy: str = "", **knobs: Any) -> None:
    """A file with one problem, which comes first of what ``check`` says of it and ``convert`` refuses it for."""

    def make(folder: Path) -> str | None:
        with reading(nodes, edges) as path:
            inspection = nir_graph.inspect(path, resolve("snntorch", knobs))
            refusal = inspection.refusal() or ""
        assert len(inspection.problems) == 1 or nodes.keys() & {"n"}, inspection.problems
        listed = "".join(f"\n  {problem}" for problem in inspection.problems)
        assert refusal == f"model.nir cannot be built:{listed}"
        return inspection.problems[0]

    CASES.append(Case(group="network", cause=cause, make=make, message=message, remedy=remedy))


def refused(group: str, cause: str, message: str, call: Callable[[], object], remedy: str = "") -> None:
    """A call that is refused."""

    def make(folder: Path) -> str | None:
        with pytest.raises(Refusal) as refusal:
            call()
        return str(refusal.value)

    CASES.append(Case(group=group, cause=cause, make=make, message=message, remedy=remedy))


def changed(name: str, **fields: Any) -> Nodes:
    """The plain chain with one node's fields changed; None leaves one out."""
    nodes = chain()
    return nodes | {name: nodes[name] | fields}


def with_(**nodes: Mapping[str, Any]) -> Nodes:
    """The plain chain with nodes replaced or added."""
    return chain() | nodes


# The graph ------------------------------------------------------------------------------------------------------------

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

# Shapes ---------------------------------------------------------------------------------------------------------------

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

# Convolutions and pooling ---------------------------------------------------------------------------------------------


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

# Values ---------------------------------------------------------------------------------------------------------------

network(
    "NaN or infinite numbers",
    "'lif1' (LIF): tau has NaN or infinite values; only finite numbers are taken: train or export again",
    changed("lif1", tau=nan),
)
network(
    "a NaN in the reset",
    "'lif1' (LIF): v_reset has NaN or infinite values; only finite numbers are taken: train or export again",
    changed("lif1", v_reset=nan),
)
network(
    "beta = 1 in snnTorch",
    "'lif1' (LIF): tau is infinite, as snnTorch exports beta = 1, and the gain of the input is lost with it; write a "
    "nir.IF node instead (r = 1/dt), or use a beta below 1",
    with_(lif1=lif(5, tau=np.inf, r=np.inf)),
)
network(
    "a field that is missing",
    "'lif1' (LIF): has no tau; export it with tau, r, v_leak, v_threshold",
    changed("lif1", tau=None),
)
network(
    "text instead of numbers",
    "'lif1' (LIF): r must be numbers, not 'unit'",
    changed("lif1", r="unit"),
    remedy="Export again",
)
network(
    "a shape that is not integers",
    "'input' (Input): shape must be integers, not float64",
    with_(input={"type": "Input", "shape": np.array([4.0])}),
    remedy="Write the shape as integers",
)
network(
    "weights without numbers",
    "'fc1' (Linear): weight has the shape (5, 0), and must hold at least one number",
    with_(fc1=affine(np.ones((5, 0)))),
    remedy="Leave the layer out",
)
network(
    "numbers beyond all sense",
    "'fc1' (Linear): weight has values beyond 1e+30; export smaller numbers",
    with_(fc1=affine(np.full((5, 4), 1e31))),
)
network(
    "a time constant of 0 or less",
    "'lif1' (LIF): tau must be positive, not -1",
    with_(lif1=lif(5, tau=-1)),
    remedy="In Spyx, keep beta below 1",
)
network(
    "a threshold that is no higher than the reset",
    "'lif1' (LIF): v_threshold must be above v_reset",
    with_(lif1=lif(5, v_threshold=0)),
    remedy="Train with a threshold above the reset",
)
network(
    "a gain of 0",
    "'lif1' (LIF): r is 0, so that its input does nothing; give it another value or leave the node out",
    with_(lif1=lif(5, r=0)),
)
network(
    "a negative delay",
    "'fc1' (Delay): delay must not be negative, as -1 is: nothing is known before it is",
    with_(fc1={"type": "Delay", "delay": np.array([0.0, 1, -1, 0])}),
    remedy="Delay the other branches instead",
)
network(
    "a bias in front of a delay",
    "'late' (Delay): delays a bias, which is there from the first step; put the bias behind the delay",
    with_(late={"type": "Delay", "delay": np.full(5, 1e-4)}),
    [EDGES[0], ("fc1", "late"), ("late", "lif1"), *EDGES[2:]],
)
network(
    "many different delays",
    "'late' (Delay): has 300 different delays, and 256 are the most; round them to a few",
    {"input": port("Input", 300), "late": {"type": "Delay", "delay": np.arange(300) * 1e-6}, "lif": lif(300),
     "output": port("Output", 300)},
)  # fmt: skip

# Knobs that do not fit the file ---------------------------------------------------------------------------------------

network(
    "dt in another unit than tau, or Norse's default export",
    "'lif1' (LIF): dt = 0.01 is longer than the time constant tau = 0.0016; give the dt of the training (--dt) in the "
    "file's unit, or export again (Norse's default export makes tau 1000 times too small)",
    with_(lif1=lif(5), lif2=lif(3, tau=1, r=100)),
    dt=1e-2,
)
network(
    "dt in another unit than tau",
    "'lif1' (LIF): tau = 500 is more than a million steps of dt = 0.0001; give the dt of the training (--dt) in the "
    "file's unit",
    with_(lif1=lif(5, tau=500)),
)
network(
    "a delay of many steps",
    "'input' to 'lif1': a delay of 1 is 10000 steps of dt = 0.0001, and 254 are the most; give the dt of the training "
    "(--dt) in the file's unit",
    with_(late={"type": "Delay", "delay": np.ones(4)}),
    [("input", "late"), ("late", "fc1"), *EDGES[1:]],
)
network(
    "a threshold of 0 or less that is to be subtracted",
    "'lif1' (LIF): reset 'subtract' needs a positive v_threshold",
    with_(lif1=lif(5, v_threshold=-0.5, v_reset=-1)),
    remedy="Use `--reset zero`, if that is what was trained",
)
network(
    "a lower bound above the threshold",
    "'lif1' (LIF): v_min 2 must be below v_threshold 1",
    with_(lif1=lif(5), lif2=lif(3, v_threshold=3)),
    v_min=2,
    remedy="Give the bound that was trained with",
)
network(
    "a Threshold where neurons send several spikes",
    "'n' (Threshold): spikes 'many' says nothing of a Threshold; use --spikes one",
    minimal("Threshold", complete("euler")),
    **{name: getattr(complete("sinabs"), name) for name in KNOBS},
)


def asked(convention: str | None) -> str:
    with reading(chain()) as path:
        nir_graph.load(path, resolve(convention))
    return ""


def converted(nodes: Nodes, knobs: Knobs | str = "snntorch", x: Any = None, edges: Any = None, **options: Any) -> None:
    shape = nodes["input"]["shape"]
    if x is None:
        x = (np.random.default_rng(0).random((4, 20, *shape)) < 0.4).astype(np.uint8)
    with reading(nodes, edges) as path:
        model = nir_graph.load(path, knobs).model
    convert(model, x if isinstance(x, Data) else Data(x=x), knobs, **options)


def lossy(loss: float, allowed: float) -> None:
    class Report:
        layers = ()
        accuracy_float, accuracy_integer = 1.0, 1.0 - loss

    search_bits(lambda bits: (None, Report), allowed)  # type: ignore[arg-type, return-value]


def integrators(**fields: Any) -> Nodes:
    nodes = minimal("LI", complete("euler"))
    return nodes | {"n": nodes["n"] | fields}


def delayed() -> Nodes:
    """Integrators whose potential goes to neurons, late."""
    nodes = integrators()
    end = nodes.pop("output")
    late = {"type": "Delay", "delay": np.full(4, 2.0)}
    return nodes | {"late": late, "neurons": minimal("IF", complete("euler"))["n"], "output": end}


def busy() -> Nodes:
    nodes = minimal("IF", complete("sinabs"))
    return nodes | {"n": nodes["n"] | {"v_threshold": np.full(4, 1e-5), "v_reset": np.full(4, -1.0)}}


refused(
    "network",
    "a type of node that is not built",
    "model.nir cannot be built:\n  'fc1' (MaxPool2d): no node of nir 1.0.8 has this type\n  supported are the types "
    f"{', '.join(SUPPORTED)}",
    lambda: converted(with_(fc1={"type": "MaxPool2d"})),
    "Use the types that are listed: pooling by sums or means, for one",
)


def as_matrices(limit: int) -> None:
    with mock.patch.object(storage, "MAX_WEIGHTS", limit):
        converted(minimal("Conv2d", complete("euler")), complete("euler"), synapses="dense")


refused(
    "widths",
    "a convolution that is too large to be written out as a matrix",
    "'input' to 'neurons': 60 x 27 weights are more than the 100 that are written out",
    lambda: as_matrices(100),
    "Leave out `--synapses dense`",
)
refused(
    "widths",
    "another kind of synapses (Python)",
    "synapses must be one of auto, dense, not 'sparse'",
    lambda: converted(chain(), synapses="sparse"),
    "Name one of these",
)
refused(
    "knobs",
    "no convention is given",
    "model.nir does not say how it runs in steps, and nothing is guessed. Name the framework that it was trained in, "
    f"or a plain rule: --convention {'|'.join(CONVENTIONS)} (the file looks like one of snntorch). Or set what is open:"
    + "".join(f"\n  {question}" for question in Knobs().questions({"LIF"})),
    lambda: asked(None),
    "Give `--convention`; see [conventions](conventions.md)",
)
refused(
    "knobs",
    "the convention leaves something to its user",
    "model.nir: convention 'norse' leaves open, and nothing is guessed:"
    + "".join(f"\n  {question}" for question in resolve("norse").questions({"LIF"})),
    lambda: asked("norse"),
    "Give the option with the value of your training script",
)
refused(
    "knobs",
    "several spikes per step, and a reset to one value",
    "spikes 'many' needs reset 'subtract': a reset to one value leaves nothing to count",
    lambda: resolve("sinabs", {"reset": "zero"}),
    "Leave out one of the options",
)
refused(
    "knobs",
    "dt of 0 or less",
    "dt must be a positive number, not 0.0",
    lambda: resolve("norse", {"dt": 0.0}),
    "Give the length of a step",
)
refused(
    "knobs",
    "a lower bound that is no number",
    "--v-min must be a number or 'none', not 'low'",
    lambda: cli._number("--v-min", "low"),
    "Give a number or `none`",
)

refused(
    "knobs",
    "a convention that is not there (Python)",
    f"there is no convention 'torch'; there are {', '.join(CONVENTIONS)}",
    lambda: resolve("torch"),
    "Name one of these",
)
refused(
    "knobs",
    "a knob that is not there (Python)",
    f"there is no knob 'tau'; there are {', '.join(KNOBS)}",
    lambda: resolve("norse", {"tau": 1}),
    "Name one of these",
)
refused(
    "knobs",
    "a value that a knob does not have (Python)",
    "reset must be zero or subtract, not 'hard'",
    lambda: resolve("norse", {"reset": "hard"}),
    "Give one of these",
)
refused(
    "knobs",
    "something else in the place of knobs (Python)",
    f"knobs must be Knobs or the name of a convention ({', '.join(CONVENTIONS)}), not 3",
    lambda: converted(chain(), 3),  # type: ignore[arg-type]
    "Give a name, or what `spikeloom.resolve` returns",
)

# What is read other than it is written, and built all the same --------------------------------------------------------


def note(
    cause: str,
    message: str,
    nodes: Nodes,
    edges: Any = None,
    *,
    convention: str = "euler",
    dt: float = 1.0,
    remedy: str,
) -> None:
    """The one note on a file that can be built."""

    def make(folder: Path) -> str | None:
        with reading(nodes, edges) as path:
            inspection = nir_graph.load(path, resolve(convention, {"dt": dt}))
        assert len(inspection.notes) == 1, inspection.notes
        return inspection.notes[0]

    CASES.append(Case(group="note", cause=cause, make=make, message=message, remedy=remedy))


def stored(cause: str, message: str, nodes: Nodes, edges: Any = None) -> None:
    """The one note on how much is stored, said before a file is converted and again after, of what then is stored."""

    def make(folder: Path) -> str | None:
        knobs = resolve("euler", {"dt": 1.0, "reset": "subtract"})
        with reading(nodes, edges) as path:
            inspection = nir_graph.load(path, knobs)
        (said,) = inspection.storage
        x = np.ones((2, 9, *nodes["input"]["shape"]), np.uint8)
        network, report = convert(inspection.model, Data(x=x), knobs)
        (synapses,) = (p.synapses for p in network.projections if p.synapses.kind == "sparse")
        delay_bits = 0 if synapses.delays is None else int(synapses.delays.max()).bit_length()
        assert f" a list {storage.sparse_bits(synapses.shape, len(synapses.weights), 8, delay_bits)}," in said
        assert report.notes == (said,)
        return said

    remedy = "Nothing; `--synapses dense` stores matrices all the same"
    CASES.append(Case(group="note", cause=cause, make=make, message=message, remedy=remedy))


def row(weights: list[int]) -> Mapping[str, Any]:
    """A convolution of one channel to one of as many places."""
    plain = {"stride": 1, "padding": len(weights) // 2, "dilation": 1, "groups": 1, "bias": None}
    return {"type": "Conv1d", "weight": np.array([[weights]], np.float32), **plain}


def around_a_convolution(edges: list[tuple[str, str]], **nodes: Mapping[str, Any]) -> tuple[Nodes, list]:
    """Neurons that see 8 places through a kernel, and what else is given."""
    neurons = {"type": "IF", "r": np.ones((1, 8)), "v_threshold": np.full((1, 8), 2.0), "v_reset": np.zeros((1, 8))}
    ends = {"input": port("Input", 1, 8), "output": port("Output", 1, 8)}
    return ends | {"conv": row([1, 2, 3]), "a": neurons} | nodes, [*edges, ("a", "output")]


stored(
    "a layer most of whose weights are 0",
    "'input' to 'a': 10 % of 10 x 10 weights are there; with 8 bits each a matrix takes 800 bits and a list 164, so it "
    "is a list (a list is smaller up to about 60 %)",
    {"input": port("Input", 10), "fc": affine(np.eye(10)), "a": lif(10, type="IF"), "output": port("Output", 10)},
)
stored(
    "a convolution behind delays, or factors, that differ within a channel",
    "'input' to 'a': 34.4 % of 8 x 8 weights are there; with 8 bits each a matrix takes 704 bits and a list 353, so it "
    "is a list (a list is smaller up to about 72 %); a kernel in it is written out, "
    "since its factors or delays differ within a channel",
    *around_a_convolution(
        [("input", "late"), ("late", "conv"), ("conv", "a")],
        late={"type": "Delay", "delay": np.array([[7.0, 1, 1, 1, 1, 1, 1, 1]])},
    ),
)
stored(
    "a way past a convolution",
    "'input' to 'a': 34.4 % of 8 x 8 weights are there; with 8 bits each a matrix takes 512 bits and a list 287, so it "
    "is a list (a list is smaller up to about 64 %); a kernel in it is written out, "
    "since another path is added to it",
    *around_a_convolution([("input", "conv"), ("conv", "a"), ("input", "a")]),
)
stored(
    "a convolution and other synapses, of another delay, that become one projection",
    "'input' to 'a': 43.8 % of 8 x 8 weights are there; with 8 bits each a matrix takes 640 bits and a list 409, so it "
    "is a list (a list is smaller up to about 69 %); a kernel in it is written out, "
    "since it shares the projection with other synapses",
    *around_a_convolution(
        [("input", "conv"), ("conv", "a"), ("input", "late"), ("late", "far"), ("far", "a")],
        late={"type": "Delay", "delay": np.full((1, 8), 2.0)},
        far=row([4, 0, 0, 0, 0]),
    ),
)
stored(
    "two convolutions, with padding, without neurons between them",
    "'input' to 'a': 53.1 % of 8 x 8 weights are there; with 8 bits each a matrix takes 512 bits and a list 428, so it "
    "is a list (a list is smaller up to about 64 %); a kernel in it is written out, "
    "since its product with the weights next to it is no kernel",
    *around_a_convolution([("input", "conv"), ("conv", "after"), ("after", "a")], after=row([1, 2, 1])),
)


def spyx() -> Nodes:
    """A recurrent layer as Spyx writes it."""
    nodes = minimal("NIRGraph", complete("euler"))
    slip = [("input", "recurrent"), ("recurrent", "neurons"), ("neurons", "recurrent"), ("neurons", "output")]
    return nodes | {"n": nodes["n"] | {"edges": slip}}


def loop_at_n() -> list[tuple[str, str]]:
    names = list(integrators())
    return [*zip(names, names[1:], strict=False), ("n", "n")]


def two_in_a_loop() -> tuple[Nodes, list[tuple[str, str]]]:
    nodes = minimal("IF", complete("euler"))
    back = {"m": nodes["n"], "back": affine(np.eye(4))}
    return nodes | back, [
        ("input", "weights"),
        ("weights", "n"),
        ("n", "m"),
        ("m", "back"),
        ("back", "n"),
        ("m", "output"),
    ]


def gain(kind: str, **fields: float) -> Nodes:
    nodes = minimal(kind, complete("euler"))
    return nodes | {"n": nodes["n"] | {name: np.full(4, value) for name, value in fields.items()}}


note(
    "a recurrent layer of Spyx",
    "'n' (NIRGraph): its input leads into the recurrent weights 'recurrent', as Spyx's exporter writes it; it is read "
    "as leading into 'neurons'",
    spyx(),
    remedy="Nothing, if that is what was trained",
)
note(
    "layers that feed back",
    "'m' to 'n' closes a loop: it carries what 'm' sent in the step before",
    *two_in_a_loop(),
    remedy="Nothing, if that is what was trained; else put a `Delay` where the step is lost",
)
note(
    "a delay that is no whole number of steps",
    "'input' to 'neurons': a delay of 2.4 steps is rounded to 2",
    minimal("Delay", complete("euler")) | {"n": {"type": "Delay", "delay": np.full(3, 2.4)}},
    remedy="Check `--dt`",
)
note(
    "a synaptic gain that the exporter lost",
    "'n' (CubaLIF): w_in is 1, by which the equation adds only dt/tau_syn of each spike to the current; nir "
    "before 1.0 and the exporters of Norse, Rockpool and Spyx lose the gain here: --synapse-gain unit "
    "(Rockpool: decayed)",
    gain("CubaLIF", w_in=1.0),
    remedy="Give the convention of the framework",
)
note(
    "a current-based layer of Spyx",
    "'n' (CubaLIF): Spyx's current-based neurons lose the threshold before they decay: --reset-when same-step",
    gain("CubaLIF"),
    convention="spyx",
    remedy="Give --reset-when same-step",
)
note(
    "a gain that Norse's exporter writes otherwise",
    "'n' (IF): r is 1, by which the equation adds only dt of each spike; Norse's exporter writes 1 for a gain of 1: "
    "--membrane-gain unit",
    {
        name: node | {"r": np.ones(4)} if name == "n" else node
        for name, node in minimal("IF", complete("euler")).items()
    },
    convention="euler",
    dt=0.001,
    remedy="Give `--membrane-gain unit`",
)
note(
    "a gain that Spyx's exporter writes otherwise",
    "'n' (LIF): r is 1 - dt/tau, which Spyx's exporter writes for a gain of 1: --membrane-gain unit",
    gain("LIF", r=0.5),
    remedy="Give `--convention spyx`",
)

# Widths ---------------------------------------------------------------------------------------------------------------

refused(
    "widths",
    "weights of too few or too many bits",
    "weight_bits must be in 2..8, not 9",
    lambda: converted(chain(), weight_bits=9),
    "Give 2 to 8",
)
refused(
    "widths",
    "widths that cannot be read",
    "weight_bits takes widths like 8, ternary or 8,LAYER=4, each layer once, not '8,lif1'",
    lambda: converted(chain(), weight_bits="8,lif1"),
    "Write `LAYER=BITS` after a comma",
)
refused(
    "widths",
    "a width for a layer that is not there",
    "weight_bits: there is no layer 'fc1'; there are 'lif1', 'lif2'",
    lambda: converted(chain(), weight_bits={"fc1": 4}),
    "Name the neurons that the weights lead to, as `convert` lists them",
)
refused(
    "widths",
    "analogue input of too many bits",
    "input_bits must be in 2..16, not 1",
    lambda: converted(chain(), input_bits=1),
    "Give 2 to 16",
)
refused(
    "widths",
    "states of too few or too many bits",
    "state_bits must be in 4..38, not 39",
    lambda: converted(chain(), state_bits=39),
    "Give 4 to 38, or leave it out",
)
refused(
    "widths",
    "too many bits below the unit of the weights",
    "guard_bits must be in 0..16, not 17",
    lambda: converted(chain(), guard_bits=17),
    "Give 0 to 16, or leave it out",
)
refused(
    "widths",
    "a read-out that is not there (Python)",
    "read_out must be one of sum, last, max, not 'mean'",
    lambda: converted(chain(), read_out="mean"),
    "Give one of these",
)
refused(
    "widths",
    "a state that is too narrow",
    "'lif1': its threshold 29691 does not fit a state of 8 bits; use --state-bits 16 or more, fewer --guard-bits "
    "(now 8) or fewer --weight-bits",
    lambda: converted(chain(), state_bits=8),
)
refused(
    "widths",
    "a search that may lose too little",
    "weights of 8 bits already lose 25.00 points on the calibration data, and 0 are allowed; allow more, or give more "
    "or other calibration data",
    lambda: lossy(0.25, 0),
)
refused(
    "widths",
    "a search for more than is there to lose",
    "search_bits takes percentage points in 0..100, not 101",
    lambda: lossy(0, 101),
    "Give percentage points of accuracy",
)
refused(
    "widths",
    "thresholds and weights of very different sizes",
    "'lif1': its threshold is 2.97e+13 times the unit of its potential, more than a state can hold; bring its weights "
    "and its parameters to similar sizes",
    lambda: converted(with_(lif1=lif(5, v_threshold=1e9))),
)
refused(
    "widths",
    "integrators with different rest potentials",
    "model.nir cannot be built:\n  'n' (LI): its neurons have different v_leak, and the potentials that they send "
    "could not be compared; export it with one v_leak",
    lambda: converted(integrators(v_leak=np.array([0, 0.5, 0, 0])), complete("euler")),
)
refused(
    "widths",
    "integrators with a rest potential that is delayed",
    "model.nir cannot be built:\n  'n' to 'neurons': potentials around v_leak = 0.25 that arrive a step or more late "
    "are not built; export v_leak = 0",
    lambda: converted(delayed(), complete("euler")),
)
refused(
    "widths",
    "a loop of integrators",
    "model.nir cannot be built:\n  'n': a loop in which no neuron spikes; put neurons with a threshold in it",
    lambda: converted(integrators(), complete("euler"), edges=loop_at_n()),
)
refused(
    "knobs",
    "a synaptic current that keeps nothing",
    "model.nir cannot be built:\n  'n' (CubaLIF): with tau_syn = dt nothing of its input is left (--synapse-gain "
    "decayed); give the dt of the training (--dt) in the file's unit",
    lambda: converted(gain("CubaLIF", tau_syn=1.0), resolve("euler", {"dt": 1.0, "synapse_gain": "decayed"})),
)
refused(
    "knobs",
    "a late reset to zero of snnTorch's neurons with currents or loops",
    "model.nir cannot be built:\n  'n' (CubaLIF): snnTorch's Synaptic, RLeaky and RSynaptic with a late reset to zero "
    "drop what arrives in the step after a spike, which is not built; train with reset_delay=False (--reset-when "
    "same-step), or with the reset 'subtract'",
    lambda: converted(minimal("CubaLIF", complete("snntorch")), resolve("snntorch", {"reset": "zero"})),
)
refused(
    "widths",
    "widths to be searched and given",
    "search_bits finds the widths of the weights itself; leave out weight_bits",
    lambda: api.convert("model.nir", data=np.zeros((1, 1, 1)), search_bits=1.0, weight_bits=4),
)
refused(
    "widths",
    "more spikes in a step than an event can count",
    "'n' fires 32767 times in a step, and an event of 16 bits counts 16383 with headroom; raise its threshold, or use "
    "spikes 'one'",
    lambda: converted(busy(), complete("sinabs")),
)

# Data -----------------------------------------------------------------------------------------------------------------


def given(x: Any, y: Any = None) -> Callable[[], None]:
    return lambda: converted(chain(), x=Data(x=np.asarray(x), y=y))


refused(
    "data",
    "samples of another shape",
    "x has shape (2, 3, 5); the input 'input' needs (samples, steps, 4): save x in that shape",
    given(np.zeros((2, 3, 5))),
    "Save one axis for samples and one for steps, then the input's",
)
refused(
    "data",
    "samples without steps",
    "x must have the shape (samples, steps, *input shape) and not be empty, not (2, 4)",
    given(np.zeros((2, 4))),
    "Give each sample its steps",
)
refused(
    "data",
    "text or objects",
    "x must hold numbers, not <U1; save spikes (0 and 1) or small integers",
    given(np.full((2, 3, 4), "a")),
)
refused(
    "data",
    "NaN or infinite samples",
    "x has NaN or infinite values; save spikes (0 and 1), small integers, or analogue samples (floats)",
    given(np.full((2, 3, 4), np.nan)),
)
refused(
    "data",
    "integers that are too large",
    "x has values in 40000..40000, and an event holds 16 bits at most; scale x down",
    given(np.full((2, 3, 4), 40000)),
)
refused(
    "data",
    "real numbers for a network that was converted with spikes",
    "x has values that are not integers; convert the network with such data, encode them as spikes (0 and 1), or scale "
    "them to small integers",
    lambda: simulate.run(small.network(), np.full((1, 3, 5), 0.5)),
)
refused(
    "data",
    "integers for a network that was converted with spikes",
    "x has values in 0..2; the input 'in' takes 0..1 (1 value bits): scale x, or convert the network with such data",
    lambda: simulate.run(small.network(), np.array([[[0, 1, 2, 0, 1]]])),
    "Convert the network with data like those that it will see",
)
refused(
    "data",
    "nothing but zeros",
    "no spikes in x: nothing to calibrate on; give samples in which the input is active",
    given(np.zeros((2, 3, 4))),
)
refused(
    "data",
    "classes that the output does not have",
    "y has classes in 0..3; the 3 neurons of the output 'lif2' stand for 0..2: number them so",
    given(np.ones((2, 3, 4), int), np.array([0, 3])),
    "Number the classes from 0",
)
refused(
    "data",
    "classes that are not numbers",
    "y must hold class numbers (integers), not float64",
    given(np.ones((2, 3, 4), int), np.array([0.0, 1.0])),
    "Save integers",
)
refused(
    "data",
    "too few or too many classes",
    "y must have one class for each of the 2 samples, not the shape (3,)",
    given(np.ones((2, 3, 4), int), np.array([0, 1, 2])),
    "Save one class per sample",
)


# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.cause}")
def test_message(case: Case, tmp_path: Path) -> None:
    assert case.make(tmp_path) == case.message


def test_every_message_says_what_to_do() -> None:
    assert len(CASES) >= 80
    for case in CASES:
        said, remedy = case.shown
        assert said, case
        assert remedy[0].isupper() or remedy[0] == "-", case
        assert not remedy.endswith("."), case
    assert {case.group for case in CASES} == {"network", "knobs", "note", "widths", "data"}
    texts = [case.message for case in CASES]
    assert len(set(texts)) == len(texts)


def test_every_message_of_the_source_is_listed() -> None:
    """What the reader of networks says is in some case, word for word but for the names and numbers in it."""
    listed, missing = "\n".join(case.message for case in CASES), []
    for name in (
        "nir_nodes",
        "nir_inline",
        "nir_model",
        "nir_window",
        "maps",
        "storage",
        "dynamics",
        "quantised_layer",
        "search",
    ):
        tree = ast.parse((ROOT / "golden" / f"{name}.py").read_text("utf-8"))
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                said = node.value.strip(" ,:;()'")
                if len(said) > 20 and said not in listed:
                    missing.append(said)
    assert missing == []

"""What a .nir file's graph means: structure, shapes, values, and the spiking populations and weights in it.

Everything between two spiking populations here is linear (weights, biases, scales, sums of edges), so every node is a
linear form over the events of populations, and each population's input is the form that reaches it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

import numpy as np

from spikeloom.golden.nir_file import Graph, Node

__all__ = ["SUPPORTED", "Layer", "Model", "interpret"]

MAX_WEIGHTS = 1 << 25
#: Larger numbers have no place in a trained network, and squares of them no place in a float.
MAX_NUMBER = 1e30
FINITE = "only finite numbers are taken: train or export again"
NEURONS = {"IF": ("r", "v_threshold"), "LIF": ("tau", "r", "v_leak", "v_threshold")}
SUPPORTED = ("Input", "Output", "Affine", "Linear", "Scale", "Flatten", "IF", "LIF")
FIELDS = {
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Scale": ("scale",),
    "Flatten": ("start_dim", "end_dim"),
    "Input": ("shape",),
    "Output": ("shape",),
    **NEURONS,
}
Shape: TypeAlias = tuple[int, ...]
#: Weights (source, here) by source, and a bias: what a node's value is made of. None stands for the identity.
Form: TypeAlias = tuple[dict[str, np.ndarray | None], np.ndarray | None]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A spiking population with what it receives: float64, flat in C order.

    weights: by source (the input or a layer), (source, neurons). bias: (neurons,).
    """

    name: str
    type: str
    shape: Shape
    parameters: Mapping[str, np.ndarray]
    weights: Mapping[str, np.ndarray]
    bias: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network in the file, layers in topological order."""

    input: str
    input_shape: Shape
    layers: tuple[Layer, ...]
    output: str

    @property
    def types(self) -> set[str]:
        return {layer.type for layer in self.layers}


@dataclass
class _Reader:
    """One pass over a graph; ``problems`` collects everything that is wrong with it."""

    graph: Graph
    problems: list[str] = field(default_factory=list)
    #: Per node, what leaves it; None where a problem hides it.
    shapes: dict[str, Shape | None] = field(default_factory=dict)
    forms: dict[str, Form | None] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.before: dict[str, list[str]] = {name: [] for name in self.graph.nodes}
        self.after: dict[str, list[str]] = {name: [] for name in self.graph.nodes}
        for source, target in self.graph.edges:
            if source in self.before and target in self.before:
                self.before[target].append(source)
                self.after[source].append(target)

    def problem(self, node: Node, text: str) -> None:
        self.problems.append(f"{node.name!r} ({node.type}): {text}")

    # Structure --------------------------------------------------------------------------------------------------

    def structure(self) -> list[Node]:
        """The nodes in topological order, as far as there is one."""
        nodes = self.graph.nodes
        for kind in ("Input", "Output"):
            names = [n.name for n in nodes.values() if n.type == kind]
            if len(names) != 1:
                several = f" ({', '.join(map(repr, names))})" if names else ""
                self.problems.append(f"the graph must have exactly one {kind} node, not {len(names)}{several}")
        for (source, target), count in Counter(self.graph.edges).items():
            if count > 1:
                self.problems.append(f"the edge {source!r} to {target!r} is there {count} times; keep one")
            for name in {source, target} - set(nodes):
                self.problems.append(
                    f"the edge {source!r} to {target!r}: there is no node {name!r}; leave the edge out or add it"
                )
        for node in nodes.values():
            before, after = self.before[node.name], self.after[node.name]
            if node.type == "Input" and before:
                self.problem(node, f"an edge leads into it (from {before[0]!r}), and an input has none")
            if node.type == "Output" and after:
                self.problem(node, f"an edge leads out of it (to {after[0]!r}), and an output has none")
            for end, there, lack in (("Input", before, "to it"), ("Output", after, "away from it")):
                if node.type != end and not there:
                    self.problem(
                        node, f"not on a path from Input to Output: no edge leads {lack}; connect it or leave it out"
                    )
        order = TopologicalSorter(self.before)
        try:
            order.prepare()
        except CycleError as error:
            loop = " -> ".join(map(repr, error.args[1]))
            self.problems.append(
                f"recurrence is not supported yet, and there is a loop {loop}; use a feed-forward network"
            )
        found: list[Node] = []
        while ready := order.get_ready():
            found += [nodes[name] for name in ready]
            order.done(*ready)
        return found

    # Values and shapes ------------------------------------------------------------------------------------------

    def fields(self, node: Node) -> dict[str, np.ndarray] | None:
        """The numbers of a node, or None if some cannot be used."""
        found = {}
        endless = False
        for name in FIELDS[node.type]:
            value = node.fields.get(name)
            if value is None:
                self.problem(node, f"has no {name}; export it with {', '.join(FIELDS[node.type])}")
            elif isinstance(value, str):
                self.problem(node, f"{name} must be numbers, not {value[:40]!r}")
            elif name in ("shape", "start_dim", "end_dim") and value.dtype.kind not in "iu":
                self.problem(node, f"{name} must be integers, not {value.dtype}")
            elif value.dtype.kind == "f" and not np.isfinite(value).all():
                if name == "tau" and (value == np.inf).any():
                    endless = True
                    self.problem(
                        node,
                        "tau is infinite, as snnTorch exports beta = 1, and the gain of the input is lost with it; "
                        "write a nir.IF node instead (r = 1/dt), or use a beta below 1",
                    )
                elif not endless:
                    self.problem(node, f"{name} has NaN or infinite values; {FINITE}")
            elif value.size == 0 or (name in ("start_dim", "end_dim") and value.size != 1):
                wanted = "one integer" if name in ("start_dim", "end_dim") else "at least one number"
                self.problem(node, f"{name} has the shape {value.shape}, and must hold {wanted}")
            elif np.abs(value.astype(np.float64)).max() > MAX_NUMBER:
                self.problem(node, f"{name} has values beyond {MAX_NUMBER:g}; export smaller numbers")
            else:
                found[name] = value
        return found if len(found) == len(FIELDS[node.type]) else None

    def arrives(self, node: Node) -> tuple[Shape | None, Form | None]:
        """Shape and sum of what a node receives."""
        sources = self.before[node.name]
        shapes = {name: self.shapes.get(name) for name in sources}
        if not sources or None in shapes.values():
            return None, None
        if len(set(shapes.values())) > 1:
            pairs = ", ".join(f"{shape} from {name!r}" for name, shape in shapes.items())
            self.problem(node, f"the edges into it bring different shapes: {pairs}; make them the same")
            return None, None
        shape = next(iter(shapes.values()))
        forms = [self.forms.get(name) for name in sources]
        if None in forms:
            return shape, None
        weights: dict[str, np.ndarray | None] = {}
        bias = None
        for terms, constant in forms:
            for source, matrix in terms.items():
                if source in weights:  # two paths from one population: their weights add
                    both = [self._matrix(node, m, shape) for m in (weights[source], matrix)]
                    if both[0] is None or both[1] is None:
                        return shape, None
                    matrix = both[0] + both[1]
                weights[source] = matrix
            if constant is not None:
                bias = constant if bias is None else bias + constant
        return shape, (weights, bias)

    def _matrix(self, node: Node, matrix: np.ndarray | None, shape: Shape) -> np.ndarray | None:
        """The weights of a term, written out if it is the identity."""
        size = int(np.prod(shape))
        if matrix is None and size * size > MAX_WEIGHTS:
            self.problem(node, f"{size} x {size} weights are more than the {MAX_WEIGHTS} that a layer may have")
            return None
        return np.eye(size) if matrix is None else matrix

    def node(self, node: Node) -> None:
        """Find the shape and the form of one node whose sources are done."""
        self.shapes[node.name] = self.forms[node.name] = None
        if node.type not in SUPPORTED:
            return
        values = self.fields(node)
        if node.type == "Input":
            if values:
                self._input(node, values["shape"])
            return
        shape, form = self.arrives(node)
        if values is None or (values := self._checked(node, values)) is None:
            return
        if node.type in NEURONS:
            self._neurons(node, values, shape, form)
        elif node.type == "Output":
            self._output(node, values["shape"], shape)
        elif node.type == "Flatten":
            self._flatten(node, values, shape, form)
        elif node.type == "Scale":
            scale = values["scale"]
            if self._meets(node, scale.shape, shape):
                self._linear(
                    node, scale.shape, form, lambda m: (np.eye(scale.size) if m is None else m) * scale.ravel()
                )
        else:
            weight = values["weight"].astype(np.float64)
            if self._meets(node, weight.shape[1:], shape):
                self._linear(
                    node, weight.shape[:1], form, lambda m: weight.T if m is None else m @ weight.T, values.get("bias")
                )

    def _checked(self, node: Node, values: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
        """What a node's own values must satisfy, whatever is around it."""
        count = len(self.problems)
        if node.type in ("Affine", "Linear"):
            weight = values["weight"]
            if weight.ndim != 2 or 0 in weight.shape:
                self.problem(node, f"weight must have the shape (out, in), not {weight.shape}")
            elif "bias" in values and values["bias"].shape != weight.shape[:1]:
                self.problem(node, f"bias has the shape {values['bias'].shape}, and weight asks for {weight.shape[:1]}")
        elif node.type == "Scale" and values["scale"].ndim == 0:
            self.problem(node, "scale is one number; export it as one per element")
        elif node.type in NEURONS:
            values = {name: value.astype(np.float64) for name, value in values.items()}
            reset = node.fields.get("v_reset", np.zeros_like(values["v_threshold"]))  # not written by nir <= 1.0.4
            if isinstance(reset, str) or not (np.abs(reset) < MAX_NUMBER).all():
                self.problem(node, f"v_reset has NaN or infinite values; {FINITE}")
                return None
            values["v_reset"] = reset.astype(np.float64)
            shapes = {name: value.shape for name, value in values.items()}
            if () in shapes.values():
                self.problem(node, "has single numbers as parameters; export it with one per neuron (tensors)")
            elif len(set(shapes.values())) > 1:
                listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
                self.problem(
                    node, f"its parameters have different shapes: {listed}; export them with one number per neuron each"
                )
            else:
                self._neuron_values(node, values)
        return values if len(self.problems) == count else None

    def _neuron_values(self, node: Node, values: dict[str, np.ndarray]) -> None:
        if "tau" in values and values["tau"].min() <= 0:
            self.problem(node, f"tau must be positive, not {values['tau'].min():g}")
        if (values["v_threshold"] <= values["v_reset"]).any():
            self.problem(node, "v_threshold must be above v_reset")
        if (values["r"] == 0).any():
            self.problem(node, "r is 0, so that its input does nothing; give it another value or leave the node out")

    def _meets(self, node: Node, wanted: Shape, shape: Shape | None) -> bool:
        if shape is None or shape == wanted:
            return shape is not None
        sources = ", ".join(map(repr, self.before[node.name]))
        hint = ""
        if len(shape) == len(wanted) + 1 and shape[1:] == wanted:
            hint = "; the first axis looks like time or batch, which Sinabs and Rockpool leave in: export without it"
        elif np.prod(shape) == np.prod(wanted) and len(wanted) == 1:
            hint = "; a Flatten node is missing between them"
        elif np.prod(wanted) == 1:
            hint = "; export it with one parameter per neuron"
        self.problem(node, f"takes the shape {wanted}, and {sources} gives {shape}{hint}")
        return False

    def _linear(
        self,
        node: Node,
        shape: Shape,
        form: Form | None,
        apply: Callable[[np.ndarray | None], np.ndarray],
        bias: np.ndarray | None = None,
    ) -> None:
        size = int(np.prod(shape))
        self.shapes[node.name] = shape
        if form is None:
            return
        weights, constant = form
        rows = sum(self._size(source) for source in weights)
        if rows * size > MAX_WEIGHTS:
            self.problem(node, f"{rows} x {size} weights are more than the {MAX_WEIGHTS} that a layer may have")
            return
        total = None if constant is None else apply(constant[None])[0]
        if bias is not None:
            total = bias.astype(np.float64) if total is None else total + bias
        self.forms[node.name] = {name: apply(matrix) for name, matrix in weights.items()}, total

    def _size(self, name: str) -> int:
        return int(np.prod(self.shapes[name]))

    def _input(self, node: Node, shape: np.ndarray) -> None:
        shape = np.atleast_1d(shape)
        if shape.ndim != 1 or shape.min() < 1 or np.prod(shape.astype(object)) > MAX_WEIGHTS:
            self.problem(node, f"shape must be positive sizes and {MAX_WEIGHTS} at most together, not {shape.tolist()}")
            return
        self.shapes[node.name] = tuple(shape.tolist())
        self.forms[node.name] = {node.name: None}, None

    def _neurons(self, node: Node, values: dict[str, np.ndarray], shape: Shape | None, form: Form | None) -> None:
        own = values["v_threshold"].shape
        self.shapes[node.name] = own
        self.forms[node.name] = {node.name: None}, None
        if not self._meets(node, own, shape) or form is None:
            return
        size = int(np.prod(own))
        terms, bias = form
        weights = {name: self._matrix(node, matrix, own) for name, matrix in terms.items()}
        if any(matrix is None for matrix in weights.values()):
            return
        self.layers.append(
            Layer(
                name=node.name,
                type=node.type,
                shape=own,
                parameters={name: value.ravel() for name, value in values.items()},
                weights=weights,
                bias=np.zeros(size) if bias is None else bias,
            )
        )

    def _flatten(self, node: Node, values: dict[str, np.ndarray], shape: Shape | None, form: Form | None) -> None:
        if shape is None:
            return
        start, end = int(values["start_dim"]), int(values["end_dim"])
        first, last = (d + len(shape) if d < 0 else d for d in (start, end))
        if not 0 <= first <= last < len(shape):
            self.problem(
                node, f"start_dim {start} and end_dim {end} do not fit what it receives, {shape}; name axes of that"
            )
            return
        declared = node.fields.get("input_type", "")
        if not isinstance(declared, str) and not self._meets(node, tuple(np.atleast_1d(declared).tolist()), shape):
            return
        self.shapes[node.name] = (*shape[:first], int(np.prod(shape[first : last + 1])), *shape[last + 1 :])
        self.forms[node.name] = form

    def _output(self, node: Node, declared: np.ndarray, shape: Shape | None) -> None:
        if shape is not None and self._meets(node, tuple(np.atleast_1d(declared).tolist()), shape):
            self.shapes[node.name] = shape

    # The network ------------------------------------------------------------------------------------------------

    def answers(self) -> str | None:
        """The population that the output reads."""
        output = next((n for n in self.graph.nodes.values() if n.type == "Output"), None)
        sources = self.before[output.name] if output else []
        if len(sources) > 1:
            self.problem(output, f"{len(sources)} edges lead into it; one spiking layer must answer")
            return None
        name = sources[0] if sources else None
        while name and self.graph.nodes[name].type == "Flatten" and len(self.before[name]) == 1:
            name = self.before[name][0]
        kind = self.graph.nodes[name].type if name else None
        if kind in SUPPORTED and kind not in NEURONS:
            self.problem(
                output, f"{name!r} ({kind}) leads into it; for now a network must end in spiking neurons (IF, LIF)"
            )
        return name if kind in NEURONS else None

    def model(self) -> Model | None:
        order = self.structure()
        for node in order:
            self.node(node)
        # With a loop there is no end of the way back from the output.
        answer = self.answers() if len(order) == len(self.graph.nodes) else None
        if self.problems or answer is None or any(n.type not in SUPPORTED for n in self.graph.nodes.values()):
            return None
        source = next(n for n in self.graph.nodes.values() if n.type == "Input")
        shape = self.shapes[source.name]
        return Model(input=source.name, input_shape=shape, layers=tuple(self.layers), output=answer)


def interpret(graph: Graph) -> tuple[Model | None, list[str]]:
    """The model that a graph describes, and every problem with it; no model where there is a problem."""
    reader = _Reader(graph)
    model = reader.model()
    return model, reader.problems

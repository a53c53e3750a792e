"""What a .nir file's graph means: structure, shapes, and the populations and weights in it.

Everything between two populations here is linear (weights, biases, scales, delays, sums of edges), so every node is a
linear form over the values of populations, and each population's input is the form that reaches it. What a population
sends depends on its own node alone, so loops through neurons need no order.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

import numpy as np

from spikeloom.golden import maps
from spikeloom.golden.loops import cut
from spikeloom.golden.maps import Diagonal, Map, TooMany, identity
from spikeloom.golden.network import Refusal
from spikeloom.golden.nir_file import Graph, Node
from spikeloom.golden.nir_inline import inline
from spikeloom.golden.nir_nodes import AXES, MAX_NUMBER, NEURONS, PORT, SPIKING, SUPPORTED, values
from spikeloom.golden.nir_window import kernel_of

__all__ = ["Input", "Interpretation", "Layer", "Model", "interpret"]

MAX_WEIGHTS = 1 << 25
MAX_WRITTEN = 1 << 27
#: Delays of one node that differ are a map each.
MAX_DELAYS = 256
Shape: TypeAlias = tuple[int, ...]
#: Weights by source and delay, and a bias: what a node's value is made of.
Form: TypeAlias = tuple[dict[tuple[str, float], Map], np.ndarray | None]


@dataclass(frozen=True, kw_only=True)
class Input:
    """What a layer receives from one source, ``delay`` late (in the file's unit of time): weights, a matrix (source,
    neurons) or another map."""

    source: str
    weights: Map
    delay: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A population with what it receives: float64, flat in C order. bias: (neurons,).

    type: of its node, or ``"Linear"`` where weights lead to the output: neurons without a state that send their input.
    """

    name: str
    type: str
    shape: Shape
    parameters: Mapping[str, np.ndarray]
    inputs: tuple[Input, ...]
    bias: np.ndarray

    @property
    def spiking(self) -> bool:
        """It sends spikes, and not its potential."""
        return self.type in SPIKING


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network in the file. output_delay: by which its answer is late, in the file's unit of time."""

    input: str
    input_shape: Shape
    layers: tuple[Layer, ...]
    output: str
    output_delay: float = 0.0

    @property
    def types(self) -> set[str]:
        """Of the nodes whose steps the file leaves open."""
        late = self.output_delay or any(i.delay for layer in self.layers for i in layer.inputs)
        return {layer.type for layer in self.layers} | ({"Delay"} if late else set())


@dataclass(frozen=True, kw_only=True)
class Interpretation:
    """The model that a graph describes, None where there is a problem; and what was read other than it is written."""

    model: Model | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    nodes: Mapping[str, Node]


@dataclass
class _Reader:
    """One pass over a graph; ``problems`` collects everything that is wrong with it."""

    nodes: Mapping[str, Node]
    edges: list[tuple[str, str]]
    problems: list[str] = field(default_factory=list)
    #: Per node, what leaves it; None where a problem hides it.
    shapes: dict[str, Shape | None] = field(default_factory=dict)
    forms: dict[str, Form | None] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    #: Numbers in all matrices.
    written: int = 0

    def __post_init__(self) -> None:
        self.before: dict[str, list[str]] = {name: [] for name in self.nodes}
        self.after: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target in self.edges:
            if source in self.before and target in self.before:
                self.before[target].append(source)
                self.after[source].append(target)

    def problem(self, node: Node, text: str) -> None:
        self.problems.append(f"{node.name!r} ({node.type}): {text}")

    # Structure --------------------------------------------------------------------------------------------------

    def structure(self) -> list[Node]:
        """The nodes, each after those that its form is made of, as far as there is such an order."""
        nodes = self.nodes
        for kind in ("Input", "Output"):
            names = [n.name for n in nodes.values() if n.type == kind]
            if len(names) != 1:
                several = f" ({', '.join(map(repr, names))})" if names else ""
                self.problems.append(f"the graph must have exactly one {kind} node, not {len(names)}{several}")
        for (source, target), count in Counter(self.edges).items():
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
        self._on_the_way()
        order = TopologicalSorter(
            {n: [b for b in before if nodes[b].type not in NEURONS] for n, before in self.before.items()}
        )
        try:
            order.prepare()
        except CycleError as error:
            loop = " -> ".join(map(repr, error.args[1]))
            self.problems.append(f"there is a loop without a neuron, {loop}; a loop must go through neurons")
        found: list[Node] = []
        while ready := order.get_ready():
            found += [nodes[name] for name in ready]
            order.done(*ready)
        return found

    def _on_the_way(self) -> None:
        """What has edges on both sides must also be reached from the input, and reach the output."""
        for kind, edges, text in (
            ("Input", self.after, "nothing that comes from the Input reaches it"),
            ("Output", self.before, "nothing of it reaches the Output"),
        ):
            reached: set[str] = set()
            waiting = [n.name for n in self.nodes.values() if n.type == kind]
            if len(waiting) != 1:
                continue
            while waiting:
                name = waiting.pop()
                if name not in reached:
                    reached.add(name)
                    waiting += edges[name]
            for node in self.nodes.values():
                if node.name not in reached and self.before[node.name] and self.after[node.name]:
                    self.problem(node, f"not on a path from Input to Output: {text}; connect it or leave it out")

    # Values and shapes ------------------------------------------------------------------------------------------

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
        weights: dict[tuple[str, float], Map] = {}
        bias = None
        for terms, constant in forms:
            for key, found in terms.items():
                if key in weights:  # two paths from one population: their weights add
                    try:
                        found = maps.add(weights[key], found, MAX_WEIGHTS)
                    except TooMany as many:
                        self._too_many(node, many)
                        return shape, None
                weights[key] = found
            if constant is not None:
                bias = constant if bias is None else bias + constant
        return shape, (weights, bias)

    def _too_many(self, node: Node, many: TooMany) -> None:
        self.problem(
            node, f"{many} are more than the {MAX_WEIGHTS} that a layer may have; put neurons between the layers"
        )

    def population(self, node: Node) -> None:
        """What neurons send is known before what they receive."""
        self.shapes[node.name] = self.forms[node.name] = None
        read = values(node)
        for text in read.problems:
            self.problem(node, text)
        if read.fields is not None:
            self.neurons[node.name] = read.fields
            self.shapes[node.name] = read.fields["r" if "r" in read.fields else "v_threshold"].shape
            self.forms[node.name] = {(node.name, 0.0): identity(int(np.prod(self.shapes[node.name])))}, None

    def node(self, node: Node) -> None:
        """Find the shape and the form of one node whose sources are done."""
        if node.type in NEURONS:
            if node.name in self.neurons:
                self._neurons(node)
            return
        self.shapes[node.name] = self.forms[node.name] = None
        if node.type not in (*SUPPORTED, PORT):
            return
        read = values(node)
        for text in read.problems:
            self.problem(node, text)
        fields = read.fields
        if node.type == "Input":
            if fields:
                self._input(node, fields["shape"])
            return
        shape, form = self.arrives(node)
        if fields is None:
            return
        if node.type in ("Output", PORT):
            if shape is not None and self._meets(node, tuple(np.atleast_1d(fields["shape"]).tolist()), shape):
                self.shapes[node.name], self.forms[node.name] = shape, form
        elif node.type == "Flatten":
            self._flatten(node, fields, shape, form)
        elif node.type == "Delay":
            if self._meets(node, fields["delay"].shape, shape):
                self._delay(node, fields["delay"].astype(np.float64).ravel(), shape, form)
        elif node.type == "Scale":
            scale = fields["scale"].astype(np.float64)
            if self._meets(node, scale.shape, shape):
                self._linear(node, scale.shape, form, Diagonal(weights=scale.ravel()))
        elif node.type in AXES:
            self._window(node, fields, shape, form)
        else:
            weight = fields["weight"].astype(np.float64)
            if self._meets(node, weight.shape[1:], shape):
                self._linear(node, weight.shape[:1], form, weight.T, fields.get("bias"))

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
        self, node: Node, shape: Shape, form: Form | None, weights: Map, bias: np.ndarray | None = None
    ) -> None:
        self.shapes[node.name] = shape
        if form is None:
            return
        terms, constant = form
        made: dict[tuple[str, float], Map] = {}
        try:
            for key, before in terms.items():
                made[key] = maps.then(before, weights, MAX_WEIGHTS)
                if maps.numbers(made[key]).size > MAX_WEIGHTS:
                    raise TooMany(f"{' x '.join(map(str, made[key].shape))} weights")
                self.written += maps.numbers(made[key]).size
        except TooMany as many:
            self._too_many(node, many)
            return
        if self.written > MAX_WRITTEN:
            self.problem(node, f"the weights up to here, multiplied out, are more than {MAX_WRITTEN} numbers")
            return
        total = None if constant is None else maps.times(weights, np.float64)(constant[None])[0]
        if bias is not None:
            total = bias.astype(np.float64) if total is None else total + bias
        self.forms[node.name] = made, total

    def _window(self, node: Node, fields: Mapping[str, np.ndarray], shape: Shape | None, form: Form | None) -> None:
        if shape is None:
            return
        declared = node.fields.get("input_shape", "")
        said = not isinstance(declared, str) and declared.dtype.kind in "iu" and declared.size == len(shape) - 1
        if said and not self._meets(node, (shape[0], *np.atleast_1d(declared).tolist()), shape):
            return
        try:
            kernel = kernel_of(node.type, fields, shape, ", ".join(map(repr, self.before[node.name])))
        except Refusal as refusal:
            self.problem(node, str(refusal))
            return
        places = int(np.prod(kernel.window.target[1:]))
        bias = fields.get("bias")
        self._linear(node, kernel.window.target, form, kernel, None if bias is None else np.repeat(bias, places))

    def _size(self, name: str) -> int:
        return int(np.prod(self.shapes[name]))

    def _input(self, node: Node, shape: np.ndarray) -> None:
        shape = np.atleast_1d(shape)
        if shape.ndim != 1 or shape.min() < 1 or np.prod(shape.astype(object)) > MAX_WEIGHTS:
            self.problem(node, f"shape must be positive sizes and {MAX_WEIGHTS} at most together, not {shape.tolist()}")
            return
        self.shapes[node.name] = tuple(shape.tolist())
        self.forms[node.name] = {(node.name, 0.0): identity(int(np.prod(shape)))}, None

    def _neurons(self, node: Node) -> None:
        own = self.shapes[node.name]
        shape, form = self.arrives(node)
        if self._meets(node, own, shape) and form is not None:
            self._layer(node, node.type, own, self.neurons[node.name], form)

    def _layer(
        self, node: Node, kind: str, shape: Shape, parameters: Mapping[str, np.ndarray], form: Form
    ) -> Layer | None:
        weights, bias = form
        numbers = [*map(maps.numbers, weights.values()), *([] if bias is None else [bias])]
        if not all((np.abs(n) <= MAX_NUMBER).all() for n in numbers):
            self.problem(node, f"what arrives is multiplied by more than {MAX_NUMBER:g}; export smaller numbers")
            return None
        layer = Layer(
            name=node.name,
            type=kind,
            shape=shape,
            parameters={name: value.ravel() for name, value in parameters.items()},
            inputs=tuple(Input(source=source, weights=m, delay=delay) for (source, delay), m in weights.items()),
            bias=np.zeros(int(np.prod(shape))) if bias is None else bias,
        )
        self.layers.append(layer)
        return layer

    def _delay(self, node: Node, delay: np.ndarray, shape: Shape, form: Form | None) -> None:
        self.shapes[node.name] = shape
        if form is None:
            return
        weights, constant = form
        if constant is not None and constant.any() and delay.any():
            self.problem(node, "delays a bias, which is there from the first step; put the bias behind the delay")
            return
        different = np.unique(delay)
        if len(different) > MAX_DELAYS:
            self.problem(
                node, f"has {len(different)} different delays, and {MAX_DELAYS} are the most; round them to a few"
            )
            return
        late: dict[tuple[str, float], Map] = {}
        try:
            for (source, before), found in weights.items():
                for amount in different.tolist():
                    part = found
                    if len(different) > 1:
                        part = maps.then(found, Diagonal(weights=(delay == amount).astype(np.float64)), MAX_WEIGHTS)
                    late[source, before + amount] = part
        except TooMany as many:
            self._too_many(node, many)
            return
        self.forms[node.name] = late, constant

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

    # The network ------------------------------------------------------------------------------------------------

    def answers(self) -> tuple[str, float] | None:
        """The population that the output reads, and how late; weights that lead there become one."""
        node = next(n for n in self.nodes.values() if n.type == "Output")
        form = self.forms.get(node.name)
        if form is None:
            return None
        weights, bias = form
        ((source, delay), found), *others = weights.items()
        plain = isinstance(found, Diagonal) and (found.weights == 1).all()
        if plain and bias is None and not others and self.nodes[source].type in NEURONS:
            return source, delay
        if not self.layers:
            self.problem(node, "no neurons lead to it; nothing here spikes")
            return None
        last = self.before[node.name]
        named = self.nodes[last[0]] if len(last) == 1 and self.nodes[last[0]].type not in NEURONS else node
        named = node if named.type == "Input" else named
        layer = self._layer(named, "Linear", self.shapes[node.name], {}, form)
        return (layer.name, 0.0) if layer else None

    def model(self) -> Model | None:
        self.neurons: dict[str, Mapping[str, np.ndarray]] = {}
        order = self.structure()
        for node in self.nodes.values():
            if node.type in NEURONS:
                self.population(node)
        for node in order:
            self.node(node)
        if self.problems or any(n.type not in (*SUPPORTED, PORT) for n in self.nodes.values()):
            return None
        answer = self.answers()
        if answer is None or self.problems:
            return None
        source = next(n for n in self.nodes.values() if n.type == "Input")
        return Model(
            input=source.name,
            input_shape=self.shapes[source.name],
            layers=self._in_order(source.name),
            output=answer[0],
            output_delay=answer[1],
        )

    def _in_order(self, start: str) -> tuple[Layer, ...]:
        by_name = {layer.name: layer for layer in self.layers}
        readers: dict[str, list[str]] = {name: [] for name in (start, *by_name)}
        for layer in self.layers:
            for source in dict.fromkeys(i.source for i in layer.inputs):
                readers[source].append(layer.name)
        return tuple(by_name[name] for name in cut(readers)[0] if name != start)


def interpret(graph: Graph) -> Interpretation:
    """The model that a graph describes, and every problem with it."""
    flat = inline(graph)
    reader = _Reader(nodes=flat.nodes, edges=flat.edges, problems=flat.problems)
    model = reader.model()
    return Interpretation(model=model, problems=tuple(reader.problems), notes=tuple(flat.notes), nodes=reader.nodes)

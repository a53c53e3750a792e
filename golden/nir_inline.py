"""Graphs inside the graph, laid into it: one flat graph, whose names say where a node was (``outer/inner``)."""

from dataclasses import replace

from spikeloom.golden.nir_file import Graph, Node
from spikeloom.golden.nir_nodes import NEURONS, PORT

__all__ = ["Flat", "inline"]


class Flat:
    """A graph without graphs in it; what was wrong with those, and what was read other than it is written."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []
        self.problems: list[str] = []
        self.notes: list[str] = []


def inline(graph: Graph) -> Flat:
    """Lay every graph inside ``graph`` into it. A graph inside has one Input and one Output, which become ports."""
    flat = Flat()
    _lay(graph, "", flat)
    return flat


def _lay(graph: Graph, prefix: str, flat: Flat) -> None:
    entry: dict[str, str] = {}
    exit_: dict[str, str] = {}
    for name, node in graph.nodes.items():
        path = prefix + name
        if node.graph is None:
            kind = PORT if prefix and node.type in ("Input", "Output") else node.type
            flat.nodes[path] = replace(node, name=path, type=kind)
            entry[name] = exit_[name] = path
            continue
        inner = _repaired(path, node.graph, flat)
        for end, kind in ((entry, "Input"), (exit_, "Output")):
            found = [n.name for n in inner.nodes.values() if n.type == kind]
            if len(found) != 1:
                flat.problems.append(
                    f"{path!r} (NIRGraph): a graph inside the graph must have exactly one {kind} node, not {len(found)}"
                )
            end[name] = f"{path}/{found[0]}" if found else path
        _lay(inner, f"{path}/", flat)
    for source, target in graph.edges:
        flat.edges.append((exit_.get(source, prefix + source), entry.get(target, prefix + target)))


def _repaired(path: str, graph: Graph, flat: Flat) -> Graph:
    """A recurrent layer whose input leads into its recurrent weights, as Spyx and two importers write it."""
    by_type: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        kind = "neuron" if node.type in NEURONS else "weights" if node.type in ("Affine", "Linear") else node.type
        by_type.setdefault(kind, []).append(node.name)
    if sorted(by_type) != ["Input", "Output", "neuron", "weights"] or any(len(v) != 1 for v in by_type.values()):
        return graph
    (source,), (sink,), (neuron,), (weights,) = (by_type[k] for k in ("Input", "Output", "neuron", "weights"))
    slip = {(source, weights), (weights, neuron), (neuron, weights), (neuron, sink)}
    if set(graph.edges) != slip or len(graph.edges) != len(slip):
        return graph
    flat.notes.append(
        f"{path!r} (NIRGraph): its input leads into the recurrent weights {weights!r}, as Spyx's exporter writes it; "
        f"it is read as leading into {neuron!r}"
    )
    return replace(graph, edges=tuple((source, neuron) if edge == (source, weights) else edge for edge in graph.edges))

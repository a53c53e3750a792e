"""Small .nir files for tests, written field by field, so that they may also be wrong."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import numpy as np

from spikeloom.golden import nir_file
from spikeloom.golden.conventions import CONVENTIONS, Knobs, resolve
from spikeloom.golden.nir_file import Graph, Node

__all__ = ["KINDS", "affine", "as_graph", "chain", "complete", "lif", "minimal", "port", "reading", "write"]

#: The node types of nir 1.0.8.
KINDS = (
    *("Input", "Output", "Linear", "Affine", "Scale", "Flatten", "Delay", "NIRGraph"),
    *("IF", "LIF", "CubaLIF", "Threshold", "I", "LI", "CubaLI"),
    *("Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"),
)


def port(kind: str, *shape: int) -> dict[str, Any]:
    return {"type": kind, "shape": np.array(shape)}


def affine(weight: Any, bias: Any = None, **changes: Any) -> dict[str, Any]:
    """An Affine node, or Linear without a bias."""
    weight = np.asarray(weight, np.float32)
    node = {"type": "Linear", "weight": weight} if bias is None else {"type": "Affine", "weight": weight, "bias": bias}
    return {**node, **changes}


def lif(size: int, **changes: Any) -> dict[str, Any]:
    """LIF neurons as snnTorch exports them (beta 0.9375, threshold 1); ``type="IF"`` leaves out what IF has not."""
    node = {"tau": 1.6e-3, "r": 16.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    if changes.get("type") == "IF":
        node = {"r": 1e4, "v_threshold": 1.0, "v_reset": 0.0}
    fields = {name: np.full(size, value, np.float32) for name, value in node.items()}
    given = {n: v if isinstance(v, str | np.ndarray) else np.full(size, v, np.float32) for n, v in changes.items()}
    return {"type": "LIF", **fields, **given}


def chain(*, inputs: int = 4, hidden: int = 5, outputs: int = 3, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Nodes of input, fc1, lif1, fc2, lif2, output; edges follow this order."""
    rng = np.random.default_rng(seed)

    def weights(out: int, into: int) -> dict[str, Any]:
        return affine(rng.normal(0.3, 0.6, (out, into)), rng.normal(0, 0.1, out).astype(np.float32))

    return {
        "input": port("Input", inputs),
        "fc1": weights(hidden, inputs),
        "lif1": lif(hidden),
        "fc2": weights(outputs, hidden),
        "lif2": lif(outputs),
        "output": port("Output", outputs),
    }


# Every type of node --------------------------------------------------------------------------------------------------


def complete(convention: str) -> Knobs:
    """A convention with what it leaves open: steps of 1, and what a user of Sinabs says."""
    open_ = {"dt": 1.0, "v_min": -1.0, "synapse_gain": "unit"}
    return resolve(convention, {name: v for name, v in open_.items() if getattr(CONVENTIONS[convention], name) is None})


def minimal(kind: str, knobs: Knobs) -> dict[str, dict[str, Any]]:
    """A chain around one node called ``n``, whose numbers and decays under these knobs are integers times 2**-k."""
    dt = knobs.dt
    # Half of a potential is kept in each step.
    tau = np.full(4, 2 * dt if knobs.decay == "euler" else dt / np.log(2))
    two, none = np.full(4, 2.0), np.zeros(4)
    threshold = np.array([8, 12, 16, 20]) / 16
    integrate = {"type": "IF", "r": np.full(4, 1 / dt), "v_threshold": threshold, "v_reset": none - 0.25}
    membrane = {"tau": tau, "r": two, "v_leak": none + 0.25}
    cuba = {"tau_syn": tau, "tau_mem": tau, "r": two, "v_leak": none, "w_in": two}
    fires = {"v_threshold": threshold, "v_reset": none - 0.25}
    neurons = {
        "IF": integrate,
        "LIF": {"type": "LIF", **membrane, **fires},
        "CubaLIF": {"type": "CubaLIF", **cuba, **fires},
        "Threshold": {"type": "Threshold", "threshold": threshold},
        "I": {"type": "I", "r": np.full(4, 1 / dt)},
        "LI": {"type": "LI", **membrane},
        "CubaLI": {"type": "CubaLI", **cuba},
    }
    weight = np.array([[7, 2, -2], [4, 6, -4], [2, -6, 6], [4, 4, 2]]) / 4
    weights, inputs, outputs = affine(weight), port("Input", 3), port("Output", 4)
    if kind == "Input":
        return {"n": inputs, "weights": weights, "neurons": integrate, "output": outputs}
    if kind == "Output":
        return {"input": inputs, "weights": weights, "neurons": integrate, "n": outputs}
    if kind in neurons:
        return {"input": inputs, "weights": weights, "n": neurons[kind], "output": outputs}
    recurrent = {
        "input": port("Input", 4),
        "neurons": integrate,
        "recurrent": affine(np.array([[0, 4, 0, -4], [4, 0, -4, 0], [-4, 0, 4, 0], [0, -4, 0, 4]]) / 8),
        "output": outputs,
    }
    loop = [("input", "neurons"), ("neurons", "recurrent"), ("recurrent", "neurons"), ("neurons", "output")]
    linear = {
        "Linear": {"n": weights},
        "Affine": {"n": affine(weight, np.array([1, -2, 0, 3]) / 16)},
        "Scale": {"weights": weights, "n": {"type": "Scale", "scale": np.array([1, 0.5, -1, 0.5])}},
        "Delay": {"n": {"type": "Delay", "delay": np.array([0, 1, 2]) * dt}, "weights": weights},
        "NIRGraph": {"weights": weights, "n": {"type": "NIRGraph", "nodes": recurrent, "edges": loop}},
        "Flatten": {
            "n": {"type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": np.array([3, 1])},
            "weights": weights,
        },
    }
    if kind in linear:
        start = port("Input", 3, 1) if kind == "Flatten" else inputs
        end = {} if kind == "NIRGraph" else {"neurons": integrate}
        return {"input": start, **linear[kind], **end, "output": outputs}
    pool = {"kernel_size": np.array([2, 2]), "stride": np.array([2, 2]), "padding": np.array([0, 0])}
    plain = {"dilation": 1, "groups": 1, "bias": np.array([1, -2, 4]) / 16}
    taps = np.random.default_rng(1).integers(-3, 8, 54) / 4
    taps[0] = 7 / 4
    row, image = taps[:18].reshape(3, 2, 3), taps.reshape(3, 2, 3, 3)
    two = {"stride": np.array([2, 1]), "padding": np.array([1, 0]), "input_shape": np.array([6, 5])}
    shape, node, after = {
        "Conv1d": ((2, 8), {"weight": row, "stride": 2, "padding": 1, "input_shape": 8, **plain}, (3, 4)),
        "Conv2d": ((2, 6, 5), {"weight": image, **two, **plain}, (3, 3, 3)),
        "SumPool2d": ((2, 4, 4), pool, (2, 2, 2)),
        "AvgPool2d": ((2, 4, 4), pool, (2, 2, 2)),
    }[kind]
    threshold = np.resize(threshold, after)
    if kind == "SumPool2d":
        threshold = threshold * 4
    fields = {"r": np.full(after, 1 / dt), "v_threshold": threshold, "v_reset": np.full(after, -0.25)}
    return {
        "input": port("Input", *shape),
        "n": {"type": kind, **node},
        "neurons": {"type": "IF", **fields},
        "output": port("Output", *after),
    }


# Files ----------------------------------------------------------------------------------------------------------------


def _edges(nodes: Mapping[str, Any], edges: Iterable[tuple[str, str]] | None) -> list[tuple[str, str]]:
    names = list(nodes)
    return list(zip(names, names[1:], strict=False)) if edges is None else list(edges)


def as_graph(nodes: Mapping[str, Mapping[str, Any]], edges: Iterable[tuple[str, str]] | None = None) -> Graph:
    """What reading the file that :func:`write` makes of the same would give."""

    def node(name: str, fields: Mapping[str, Any]) -> Node:
        given = {key: v if isinstance(v, str) else np.asarray(v) for key, v in fields.items() if v is not None}
        kind = given.pop("type")
        if "nodes" in fields:
            return Node(name=name, type=kind, graph=as_graph(fields["nodes"], fields["edges"]))
        return Node(name=name, type=kind, fields=given)

    return Graph(
        nodes={name: node(name, fields) for name, fields in nodes.items()},
        edges=tuple(_edges(nodes, edges)),
        version="1.0.8",
    )


@contextmanager
def reading(nodes: Mapping[str, Mapping[str, Any]], edges: Iterable[tuple[str, str]] | None = None) -> Iterator[Path]:
    """A path that reads as this graph, without a file and the process that opens it."""
    with mock.patch.object(nir_file, "read", return_value=as_graph(nodes, edges)):
        yield Path("model.nir")


def write(path: Path, nodes: Mapping[str, Mapping[str, Any]], edges: Iterable[tuple[str, str]] | None = None) -> Path:
    """A .nir file; without edges the nodes are a chain. A field of None is left out."""
    with h5py.File(path, "w") as file:
        file["version"] = "1.0.8"
        _write(file.create_group("node"), nodes, edges)
    return path


def _write(
    root: h5py.Group, nodes: Mapping[str, Mapping[str, Any]], edges: Iterable[tuple[str, str]] | None = None
) -> None:
    root["type"] = "NIRGraph"
    root["edges"] = np.array(_edges(nodes, edges), dtype=h5py.string_dtype()).reshape(-1, 2)
    group = root.create_group("nodes")
    for name, fields in nodes.items():
        node = group.create_group(name)
        if "nodes" in fields:
            _write(node, fields["nodes"], fields["edges"])
            continue
        for key, value in fields.items():
            if value is not None:
                node[key] = value

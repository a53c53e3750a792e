"""Small .nir files for tests, written field by field, so that they may also be wrong."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

__all__ = ["affine", "chain", "lif", "port", "write"]


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


def write(path: Path, nodes: Mapping[str, Mapping[str, Any]], edges: Iterable[tuple[str, str]] | None = None) -> Path:
    """A .nir file; without edges the nodes are a chain. A field of None is left out."""
    names = list(nodes)
    edges = list(zip(names, names[1:], strict=False)) if edges is None else list(edges)
    with h5py.File(path, "w") as file:
        file["version"] = "1.0.8"
        root = file.create_group("node")
        root["type"] = "NIRGraph"
        root["edges"] = np.array(edges, dtype=h5py.string_dtype()).reshape(-1, 2)
        group = root.create_group("nodes")
        for name, fields in nodes.items():
            node = group.create_group(name)
            for key, value in fields.items():
                if value is not None:
                    node[key] = value
    return path

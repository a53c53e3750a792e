"""Small models of convolutions, and that what is built of them does what they do."""

from typing import Any

import numpy as np

from nir_files import reading
from spikeloom.golden import float_model, nir_graph, simulate
from spikeloom.golden.conventions import resolve
from spikeloom.golden.data import Data
from spikeloom.golden.network import Network
from spikeloom.golden.nir_model import Model
from spikeloom.golden.quantise import ConversionReport, convert

__all__ = ["EULER", "FLAT", "MOST", "built", "conv", "equal_to_float", "fires", "model_of", "pool", "spikes"]

EULER = resolve("euler", {"dt": 1.0, "reset": "subtract"})
MOST = 1 << 20


def fires(shape: tuple[int, ...], threshold: Any = 2.0) -> dict[str, Any]:
    """IF neurons that take every weight whole."""
    full = {"r": np.ones(shape), "v_threshold": np.full(shape, threshold), "v_reset": np.zeros(shape)}
    return {"type": "IF", **full}


def conv(weight: Any, bias: Any = None, **fields: Any) -> dict[str, Any]:
    weight = np.asarray(weight, np.float64)
    plain = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": bias}
    return {"type": f"Conv{weight.ndim - 2}d", "weight": weight, **plain, **fields}


def pool(kind: str, size: Any, stride: Any = None, padding: Any = 0) -> dict[str, Any]:
    size = np.array(size)
    return {"type": kind, "kernel_size": size, "stride": size if stride is None else np.array(stride),
            "padding": np.array(padding)}  # fmt: skip


FLAT = {"type": "Flatten", "start_dim": 0, "end_dim": -1}


def model_of(nodes: dict, edges: Any = None, knobs: Any = EULER) -> Model:
    with reading(nodes, edges) as path:
        return nir_graph.load(path, knobs).model


def spikes(*shape: int, share: float = 0.4, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)


def built(model: Model, knobs: Any = EULER, share: float = 0.4, **options: Any) -> tuple[Network, ConversionReport]:
    return convert(model, Data(x=spikes(6, 9, *model.input_shape, share=share)), knobs, **options)


def equal_to_float(model: Model, network: Network, knobs: Any = EULER, share: float = 0.4) -> None:
    x = spikes(6, 9, *model.input_shape, share=share)
    wanted = float_model.run(model, x, knobs, np.float64).events
    got = simulate.run(network, x, record="all").events
    for name, events in wanted.items():
        assert 0.01 < (events != 0).mean() < 1
        assert np.array_equal(got[name], events)

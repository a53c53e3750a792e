"""Every source neuron to every target neuron: a matrix product."""

from typing import Any

import numpy as np

__all__ = ["Product", "places", "product"]


def places(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target, and index in the weights, of each synapse."""
    index = np.arange(shape[0] * shape[1])
    return index // shape[1], index % shape[1], index


class Product:
    """Values (..., source) times weights (source, target)."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = np.ascontiguousarray(weights)

    def __call__(self, values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        return np.matmul(values.astype(self.weights.dtype, copy=False), self.weights, out=out)


def product(structure: Any, weights: np.ndarray) -> Product:
    return Product(weights)

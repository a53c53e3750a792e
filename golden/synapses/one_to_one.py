"""Each source neuron to the target neuron of the same number: a product of elements."""

from typing import Any

import numpy as np

__all__ = ["Product", "places", "product"]


def places(neurons: int, each: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target, and index in the weights, of each synapse."""
    index = np.arange(neurons)
    return index, index, index if each else np.zeros_like(index)


class Product:
    """Values (..., neurons) times weights, one or each."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights

    def __call__(self, values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        return np.multiply(values, self.weights, out=out, dtype=self.weights.dtype, casting="unsafe")


def product(structure: Any, weights: np.ndarray) -> Product:
    return Product(weights)

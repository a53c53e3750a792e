"""A list of synapses: a matrix product while the matrix is small, sums over gathered values beyond."""

from collections.abc import Callable

import numpy as np

from spikeloom.golden.synapses import dense

__all__ = ["Product", "product"]

#: Up to so many places a matrix is written out, since a product of matrices is faster than the list.
WRITTEN_OUT = 1 << 22
#: Numbers of one product at a time.
BLOCK = 1 << 21


class Product:
    """Values (..., source) gathered by synapse, times weights, summed by target."""

    def __init__(self, sources: np.ndarray, targets: np.ndarray, weights: np.ndarray, neurons: int) -> None:
        order = np.argsort(targets, kind="stable")
        self.sources, self.weights, self.neurons = sources[order].astype(np.int64), weights[order], neurons
        self.reached, self.starts = np.unique(targets[order], return_index=True)

    def __call__(self, values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        shape = (*values.shape[:-1], self.neurons)
        if out is None:
            out = np.empty(shape, self.weights.dtype)
        out[...] = 0
        if not len(self.weights):
            return out
        rows = values.reshape(-1, values.shape[-1])
        sums = np.zeros((len(rows), self.neurons), self.weights.dtype)
        block = max(1, BLOCK // len(self.weights))
        for first in range(0, len(rows), block):
            gathered = rows[first : first + block].take(self.sources, 1) * self.weights
            sums[first : first + block, self.reached] = np.add.reduceat(gathered, self.starts, axis=1)
        out[...] = sums.reshape(shape)
        return out


def product(
    sources: np.ndarray, targets: np.ndarray, weights: np.ndarray, shape: tuple[int, int]
) -> Callable[..., np.ndarray]:
    """The faster way for this size."""
    if shape[0] * shape[1] > WRITTEN_OUT:
        return Product(sources, targets, weights, shape[1])
    matrix = np.zeros(shape, weights.dtype)
    np.add.at(matrix, (sources.astype(np.int64), targets.astype(np.int64)), weights)
    return dense.Product(matrix)

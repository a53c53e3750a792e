"""What synapses of each kind add up: their places, written out as a matrix, and fast products of values and weights.

A synapse is (source, target, index of its weight), whatever the kind. The structure of each kind is in
``golden.network``.
"""

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np

from spikeloom.golden.network import Convolution, Dense, OneToOne, Refusal, Sparse
from spikeloom.golden.network.base import MAX_SYNAPSES
from spikeloom.golden.synapses import convolution, dense, one_to_one, sparse

__all__ = ["places", "product", "to_dense", "totals"]

Product = Callable[..., np.ndarray]


@singledispatch
def places(synapses: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target, and index in the flat weights, of each synapse."""
    raise NotImplementedError(type(synapses))


@places.register
def _(synapses: Dense) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return dense.places(synapses.shape)


@places.register
def _(synapses: Sparse) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return synapses.sources, synapses.targets.astype(np.int64), np.arange(len(synapses.targets))


@places.register
def _(synapses: OneToOne) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return one_to_one.places(synapses.neurons, synapses.weights.ndim > 0)


@places.register
def _(synapses: Convolution) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return convolution.places(synapses.window)


@singledispatch
def _product(synapses: Any, weights: np.ndarray) -> Product:
    raise NotImplementedError(type(synapses))


@_product.register
def _(synapses: Dense, weights: np.ndarray) -> Product:
    return dense.Product(weights)


@_product.register
def _(synapses: Sparse, weights: np.ndarray) -> Product:
    return sparse.product(synapses.sources, synapses.targets, weights, synapses.shape)


@_product.register
def _(synapses: OneToOne, weights: np.ndarray) -> Product:
    return one_to_one.Product(weights)


@_product.register
def _(synapses: Convolution, weights: np.ndarray) -> Product:
    return convolution.Product(synapses.window, weights)


def product(synapses: Any, weights: np.ndarray | None = None) -> Product:
    """Sums (..., target) of event values (..., source), in the type of the weights (those given instead of its own)."""
    return _product(synapses, synapses.weights if weights is None else weights)


def totals(synapses: Any) -> tuple[np.ndarray, np.ndarray]:
    """The sums of the weights above 0, and of those below, into each target."""
    weights = synapses.weights.astype(np.float64)
    ones = np.ones((1, synapses.shape[0]))
    above, below = (product(synapses, part)(ones)[0] for part in (np.maximum(weights, 0), np.minimum(weights, 0)))
    return above.astype(np.int64), below.astype(np.int64)


def to_dense(synapses: Any) -> tuple[np.ndarray, np.ndarray]:
    """Weights and delays (source, target), int64, whatever the kind; 0 where there is no synapse."""
    shape = synapses.shape
    if shape[0] * shape[1] > MAX_SYNAPSES:
        raise Refusal(f"{shape[0]} x {shape[1]} weights are more than the {MAX_SYNAPSES} that are written out")
    source, target, index = places(synapses)
    weights, delays = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    weights[source, target] = synapses.weights.ravel()[index]
    if synapses.delays is not None:
        delays[source, target] = synapses.delays.ravel()[index]
    return weights, delays

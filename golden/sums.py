"""What arrives at a population, exactly, from matrix products of floats.

A floating-point product of integers is exact while no partial sum can reach the first integer that the type cannot
hold, and a power of two changes nothing about that; so BLAS does the adding.
"""

import math

import numpy as np

from spikeloom.golden.network import Network, Projection

__all__ = ["FLOAT32", "Sums", "sum_range"]

#: Integers up to this are exact in float32.
FLOAT32 = 1 << 24
#: Samples are multiplied in groups with about this many event values.
GROUP_ELEMENTS = 1 << 19
#: With fewer targets, it does not pay to look for silent inputs.
MIN_TARGETS = 32


def sum_range(network: Network, name: str) -> tuple[int, int]:
    """Smallest and largest sum that the weights into a population can make in one step."""
    low = high = 0
    for projection in network.into(name):
        source = network[projection.source]
        least, most = 0 if source.value_bits == 1 else source.value_range[0], source.value_range[1]
        weights = projection.synapses.weights
        positive = np.maximum(weights, 0).sum(0, dtype=np.int64)
        negative = weights.sum(0, dtype=np.int64) - positive
        low += int((positive * least + negative * most).min()) << projection.shift
        high += int((positive * most + negative * least).max()) << projection.shift
    return low, high


class Sums:
    """One projection as an exact matrix product.

    unit:  what a sum of one is worth to the target, a power of two.
    dtype: a float that holds every sum of what arrives at the target, without the unit.
    """

    def __init__(self, projection: Projection, unit: int, dtype: type) -> None:
        self.source, self.delay = projection.source, projection.delay
        self.weights = projection.synapses.weights.astype(dtype, order="C")
        self.weights *= unit << projection.shift  # a power of two, so that the product stays exact
        self.buffer = np.empty(0, dtype)

    def at_once(self, values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Sums (..., target) of event values (..., source), not delayed."""
        return np.matmul(values.astype(self.weights.dtype), self.weights, out=out)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Sums (steps, samples, target) of event values (steps, samples, source), delayed.

        The array is valid until the next call.
        """
        steps, samples, sources = values.shape
        shape = samples, steps, self.weights.shape[1]
        if self.buffer.size < math.prod(shape):
            self.buffer = np.empty(math.prod(shape), self.weights.dtype)
        # In memory the steps of a sample are together, so that its product goes to one place.
        sums = self.buffer[: math.prod(shape)].reshape(shape).swapaxes(0, 1)
        sums[: self.delay] = 0
        product = self.at_once if self.weights.shape[1] < MIN_TARGETS else self._without_silent
        group = max(1, GROUP_ELEMENTS // (steps * sources))
        for first in range(0, samples if self.delay < steps else 0, group):
            part = slice(first, first + group)
            product(values[: steps - self.delay, part], sums[self.delay :, part])
        return sums

    def _without_silent(self, values: np.ndarray, out: np.ndarray) -> None:
        """:meth:`at_once`, for each sample without the inputs that are silent in all of its steps."""
        active = values.any(0)
        where = np.flatnonzero(active)
        if 2 * len(where) > active.size:
            self.at_once(values, out)
            return
        sample, source = np.divmod(where, active.shape[1])
        columns = values[:, sample, source].astype(self.weights.dtype)
        ends = np.searchsorted(sample, np.arange(len(active) + 1)).tolist()
        for k in range(len(active)):
            part = slice(ends[k], ends[k + 1])
            np.dot(columns[:, part], self.weights.take(source[part], 0), out=out[:, k])

"""What arrives at a population, exactly, from products of floats.

A floating-point product of integers is exact while no partial sum can reach the first integer that the type cannot
hold, and a power of two changes nothing about that; so BLAS does the adding.
"""

import math

import numpy as np

from spikeloom.golden.network import Dense, Network, Projection, Sparse
from spikeloom.golden.synapses import dense, places, product, sparse, totals

__all__ = ["FLOAT32", "Sums", "sum_range"]

#: Integers up to this are exact in float32.
FLOAT32 = 1 << 24
#: Samples are multiplied in groups with about this many event values.
GROUP_ELEMENTS = 1 << 19
#: With fewer targets, it does not pay to look for silent inputs.
MIN_TARGETS = 32
#: With more, a list of the synapses of each takes less time, and less memory, than a matrix of each.
MANY_DELAYS = 16


def sum_range(network: Network, name: str) -> tuple[int, int]:
    """Smallest and largest sum that the weights into a population can make in one step.

    Delays of synapses change nothing about that: each delivers one event in a step at most.
    """
    low = high = 0
    for projection in network.into(name):
        source = network[projection.source]
        least, most = 0 if source.value_bits == 1 else source.value_range[0], source.value_range[1]
        positive, negative = totals(projection.synapses)
        low += int((positive * least + negative * most).min()) << projection.shift
        high += int((positive * most + negative * least).max()) << projection.shift
    return low, high


class Sums:
    """One projection as exact products, one for each delay that its synapses have.

    unit:  what a sum of one is worth to the target, a power of two.
    dtype: a float that holds every sum of what arrives at the target, without the unit.
    """

    def __init__(self, projection: Projection, unit: int, dtype: type) -> None:
        synapses = projection.synapses
        self.source, self.targets = projection.source, synapses.shape[1]
        self.weights = synapses.weights.astype(dtype, order="C")
        self.weights *= unit << projection.shift  # a power of two, so that the product stays exact
        self.buffer = np.empty(0, dtype)
        own = synapses.delays
        if own is None:
            self.parts = [(projection.delay, product(synapses, self.weights))]
        elif isinstance(synapses, Dense | Sparse) and len(np.unique(own)) > MANY_DELAYS:
            source, target, index = places(synapses)
            weights, late = self.weights.ravel()[index], own.ravel()[index]
            self.parts = [
                (
                    projection.delay + int(d),
                    sparse.Product(source[late == d], target[late == d], weights[late == d], self.targets),
                )
                for d in np.unique(own)
            ]
        else:
            self.parts = [
                (projection.delay + int(d), product(synapses, np.where(own == d, self.weights, 0).astype(dtype)))
                for d in np.unique(own)
            ]

    def step(self, events: np.ndarray, t: int) -> np.ndarray | None:
        """Sums (samples, target) that arrive in step ``t``, of events (steps, samples, source); None for none."""
        arrived = [times(events[t - delay]) for delay, times in self.parts if delay <= t]
        return sum(arrived[1:], start=arrived[0]) if arrived else None

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Sums (steps, samples, target) of event values (steps, samples, source), delayed.

        The array is valid until the next call.
        """
        steps, samples, sources = values.shape
        shape = samples, steps, self.targets
        if self.buffer.size < math.prod(shape):
            self.buffer = np.empty(math.prod(shape), self.weights.dtype)
        # In memory the steps of a sample are together, so that its product goes to one place.
        sums = self.buffer[: math.prod(shape)].reshape(shape).swapaxes(0, 1)
        group = max(1, GROUP_ELEMENTS // (steps * sources))
        for number, (delay, times) in enumerate(self.parts):
            if not number:
                sums[:delay] = 0
            for first in range(0, samples if delay < steps else 0, group):
                part = slice(first, first + group)
                into, arriving = sums[delay:, part], values[: steps - delay, part]
                if number:
                    into += times(arriving)
                elif isinstance(times, dense.Product) and self.targets >= MIN_TARGETS:
                    self._without_silent(times, arriving, into)
                else:
                    times(arriving, into)
        return sums

    def _without_silent(self, times: dense.Product, values: np.ndarray, out: np.ndarray) -> None:
        """The product for each sample without the inputs that are silent in all of its steps."""
        active = values.any(0)
        where = np.flatnonzero(active)
        if 2 * len(where) > active.size:
            times(values, out)
            return
        sample, source = np.divmod(where, active.shape[1])
        columns = values[:, sample, source].astype(self.weights.dtype)
        ends = np.searchsorted(sample, np.arange(len(active) + 1)).tolist()
        for k in range(len(active)):
            part = slice(ends[k], ends[k + 1])
            np.dot(columns[:, part], times.weights.take(source[part], 0), out=out[:, k])

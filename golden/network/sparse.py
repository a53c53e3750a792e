"""A list of synapses per source neuron."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeloom.golden.network.base import MAX_SYNAPSES, Refusal, frozen, frozen_delays, frozen_weights, whole

__all__ = ["Sparse"]


@dataclass(frozen=True, kw_only=True)
class Sparse:
    """A list of synapses per source neuron: those of source ``i`` are ``rows[i]`` to ``rows[i + 1]``.

    rows:    where each source's synapses begin, and where the last ones end (sources + 1).
    targets: of each synapse; within a source they rise, so that none is there twice.
    weights: of each synapse, signed integers of ``bits`` bits. delays: steps of each, beside the projection's own.
    neurons: how many targets there are.
    """

    rows: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    bits: int
    neurons: int
    delays: np.ndarray | None = None

    kind = "sparse"

    def __post_init__(self) -> None:
        (neurons,) = whole("Sparse synapses: neurons", self.neurons, 1, 1)
        weights = frozen_weights(self.weights, self.bits)
        rows, targets = frozen(self.rows, "Rows"), frozen(self.targets, "Targets")
        if weights.ndim != 1 or targets.shape != weights.shape:
            raise Refusal(
                f"Sparse synapses need a target and a weight each, not the shapes {targets.shape} and {weights.shape}"
            )
        if rows.ndim != 1 or len(rows) < 2 or rows[0] != 0 or rows[-1] != len(weights) or (np.diff(rows) < 0).any():
            raise Refusal(f"Rows of sparse synapses must rise from 0 to the {len(weights)} synapses")
        sources = np.repeat(np.arange(len(rows) - 1), np.diff(rows))
        _check(sources, targets, len(rows) - 1, neurons)
        rows, targets = rows.astype(np.uint32), targets.astype(np.uint32)
        rows.flags.writeable = targets.flags.writeable = False
        for name, value in (("rows", rows), ("targets", targets), ("weights", weights), ("neurons", neurons)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "delays", frozen_delays(self.delays, weights.shape))

    @classmethod
    def of(
        cls,
        sources: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        *,
        shape: tuple[int, int],
        bits: int,
        delays: np.ndarray | None = None,
    ) -> "Sparse":
        """From a list of synapses in any order, between ``shape`` (sources, targets) neurons."""
        sources, targets, weights = (
            frozen(given, what) for given, what in ((sources, "Sources"), (targets, "Targets"), (weights, "Weights"))
        )
        if sources.ndim != 1 or not sources.shape == targets.shape == weights.shape:
            raise Refusal(
                "Sparse synapses need a source, a target and a weight each, not the shapes "
                f"{sources.shape}, {targets.shape} and {weights.shape}"
            )
        late = frozen_delays(delays, weights.shape)
        count, neurons = whole("Sparse synapses: shape", shape, 2, 1)
        order = np.lexsort((targets, sources))
        _check(sources[order], targets[order], count, neurons)
        return cls(
            rows=np.searchsorted(sources[order], np.arange(count + 1)),
            targets=targets[order],
            weights=weights[order],
            bits=bits,
            neurons=neurons,
            delays=None if late is None else late[order],
        )

    @property
    def sources(self) -> np.ndarray:
        """Of each synapse."""
        return np.repeat(np.arange(len(self.rows) - 1), np.diff(self.rows.astype(np.int64)))

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows) - 1, self.neurons

    @property
    def structure(self) -> tuple[Mapping[str, Any], Mapping[str, np.ndarray]]:
        """What a file says of the kind beside weights and delays: fields and arrays."""
        return {"neurons": self.neurons}, {"rows": self.rows, "targets": self.targets}


def _check(sources: np.ndarray, targets: np.ndarray, count: int, neurons: int) -> None:
    """Refuse synapses of neurons that are not there, and any that is there twice; they are in order."""
    for what, ends, most in (("source", sources, count), ("target", targets, neurons)):
        wrong = (ends < 0) | (ends >= most)
        if wrong.any():
            k = int(wrong.argmax())
            raise Refusal(
                f"Sparse synapses: the one from {sources[k]} to {targets[k]} dangles: there is no {what} {ends[k]}, "
                f"only 0..{most - 1}; leave it out"
            )
    if max(count, neurons) > MAX_SYNAPSES:
        raise Refusal(f"Sparse synapses: {max(count, neurons)} neurons are more than {MAX_SYNAPSES}")
    same = np.diff(sources) == 0
    fall = np.diff(targets)
    if (same & (fall == 0)).any():
        k = int((same & (fall == 0)).argmax())
        raise Refusal(f"Sparse synapses: the one from {sources[k]} to {targets[k]} is there twice; add their weights")
    if (same & (fall < 0)).any():
        k = int((same & (fall < 0)).argmax())
        raise Refusal(f"Sparse synapses: the targets of source {sources[k]} must rise; use Sparse.of")

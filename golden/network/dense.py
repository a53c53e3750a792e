"""Every source neuron to every target neuron."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeloom.golden.network.base import Refusal, frozen_delays, frozen_weights

__all__ = ["Dense"]


@dataclass(frozen=True, kw_only=True)
class Dense:
    """Every source neuron to every target neuron: ``weights`` (source, target), signed integers of ``bits`` bits.

    delays: steps per synapse, in the shape of the weights, beside the projection's own.
    """

    weights: np.ndarray
    bits: int
    delays: np.ndarray | None = None

    kind = "dense"

    def __post_init__(self) -> None:
        weights = frozen_weights(self.weights, self.bits)
        if weights.ndim != 2:
            raise Refusal(f"Dense weights must have shape (source, target), not {weights.shape}")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "delays", frozen_delays(self.delays, weights.shape))

    @property
    def shape(self) -> tuple[int, int]:
        return self.weights.shape

    @property
    def structure(self) -> tuple[Mapping[str, Any], Mapping[str, np.ndarray]]:
        """What a file says of the kind beside weights and delays: fields and arrays."""
        return {}, {}

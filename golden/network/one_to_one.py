"""Each source neuron to the target neuron of the same number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeloom.golden.network.base import Refusal, frozen_delays, frozen_weights, whole

__all__ = ["OneToOne"]


@dataclass(frozen=True, kw_only=True)
class OneToOne:
    """Each source neuron to the target neuron of the same number.

    weights: one (shape ``()``) or one per neuron, signed integers of ``bits`` bits. delays: steps, in the same shape.
    """

    weights: np.ndarray
    bits: int
    neurons: int
    delays: np.ndarray | None = None

    kind = "one-to-one"

    def __post_init__(self) -> None:
        (neurons,) = whole("One-to-one synapses: neurons", self.neurons, 1, 1)
        weights = frozen_weights(self.weights, self.bits)
        if weights.shape not in ((), (neurons,)):
            raise Refusal(f"One-to-one synapses need one weight or {neurons}, not the shape {weights.shape}")
        object.__setattr__(self, "neurons", neurons)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "delays", frozen_delays(self.delays, weights.shape))

    @property
    def shape(self) -> tuple[int, int]:
        return self.neurons, self.neurons

    @property
    def structure(self) -> tuple[Mapping[str, Any], Mapping[str, np.ndarray]]:
        """What a file says of the kind beside weights and delays: fields and arrays."""
        return {"neurons": self.neurons}, {}

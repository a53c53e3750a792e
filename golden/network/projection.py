"""Synapses from one population to another."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from spikeloom.golden.network.base import MAX_DELAY, Refusal, is_whole
from spikeloom.golden.network.convolution import Convolution
from spikeloom.golden.network.dense import Dense
from spikeloom.golden.network.one_to_one import OneToOne
from spikeloom.golden.network.sparse import Sparse

__all__ = ["Projection", "Synapses"]

Synapses: TypeAlias = Dense | Sparse | Convolution | OneToOne


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Synapses from one population to a port of another; events arrive ``delay`` steps later, times ``2**shift``.

    Where the synapses have delays of their own, those are added.
    """

    source: str
    target: str
    synapses: Synapses
    port: str = "input"
    delay: int = 0
    shift: int = 0

    def __post_init__(self) -> None:
        if not is_whole(self.delay, 0, MAX_DELAY):
            raise Refusal(f"{self}: delay must be in 0..{MAX_DELAY} steps, not {self.delay}")
        if self.most_delay > MAX_DELAY:
            raise Refusal(
                f"{self}: delay {self.delay} and its synapses' up to {self.most_delay - self.delay} are "
                f"{self.most_delay} steps, and {MAX_DELAY} are the most"
            )
        if not is_whole(self.shift, 0, 15):
            raise Refusal(f"{self}: shift must be in 0..15, not {self.shift}")

    def __str__(self) -> str:
        return f"Projection {self.source!r} to {self.target!r}"

    @cached_property
    def least_delay(self) -> int:
        """Steps after which the first of its synapses delivers."""
        own = self.synapses.delays
        return self.delay + (int(own.min()) if own is not None and own.size else 0)

    @cached_property
    def most_delay(self) -> int:
        """Steps after which the last of its synapses delivers."""
        own = self.synapses.delays
        return self.delay + (int(own.max()) if own is not None and own.size else 0)

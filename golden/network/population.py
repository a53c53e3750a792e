"""Neurons: a model by name with its integers, and how many there are of it."""

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from spikeloom.golden.network.base import Refusal, frozen, is_whole

__all__ = ["MAX_NAME", "Neuron", "Population"]

MAX_VALUE_BITS = 16
MAX_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """A neuron model by name, with its integers.

    model:      the name under which ``golden.neurons`` and ``hdl.neurons`` know the rule.
    states:     bits of each state, two's complement.
    parameters: one integer, or one per neuron (shape ``(neurons,)``).
    options:    the model's knobs, the same for the whole population (strings or small integers).
    """

    model: str
    states: Mapping[str, int]
    parameters: Mapping[str, np.ndarray]
    options: Mapping[str, str | int]

    def __post_init__(self) -> None:
        parameters = {name: frozen(value, f"Parameter {name!r}") for name, value in self.parameters.items()}
        object.__setattr__(self, "states", MappingProxyType(dict(self.states)))
        object.__setattr__(self, "parameters", MappingProxyType(parameters))
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        for name, bits in self.states.items():
            if not is_whole(bits, 1, 48):
                raise Refusal(f"State {name!r} must have 1..48 bits, not {bits}")


@dataclass(frozen=True, kw_only=True)
class Population:
    """Neurons of one model, or (``neuron`` is None) the events that the host sends.

    value_bits: 1 for spikes (the value of every event is 1); 2..16 for graded events, which carry a signed
                integer of that many bits.
    scale:      what an event of value 1 stands for. The host divides analogue samples by it, and rounds them.
    """

    name: str
    shape: tuple[int, ...]
    neuron: Neuron | None = None
    value_bits: int = 1
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > MAX_NAME:
            raise Refusal(f"A population's name must have 1..{MAX_NAME} characters, not {len(self.name)}")
        if any(unicodedata.category(character) == "Cc" for character in self.name):
            raise Refusal(f"A population's name must not have control characters, as {self.name!a} has; rename it")
        shape = tuple(self.shape) if np.iterable(self.shape) else ()
        if not shape or not all(isinstance(n, int | np.integer) and n >= 1 for n in shape):
            raise Refusal(f"Population {self.name!r}: shape must have positive sizes, not {self.shape}")
        object.__setattr__(self, "shape", tuple(int(n) for n in shape))
        if not is_whole(self.value_bits, 1, MAX_VALUE_BITS):
            raise Refusal(f"Population {self.name!r}: value_bits must be in 1..{MAX_VALUE_BITS}, not {self.value_bits}")
        if not (isinstance(self.scale, float) and math.isfinite(self.scale) and self.scale > 0):
            raise Refusal(f"Population {self.name!r}: scale must be a positive number, not {self.scale!r}")
        if self.scale != 1 and self.value_bits == 1:
            raise Refusal(f"Population {self.name!r}: spikes have no scale; give events 2 or more value bits")
        for name, value in (self.neuron.parameters if self.neuron else {}).items():
            if value.shape not in ((), (self.size,)):
                raise Refusal(
                    f"Population {self.name!r}: parameter {name!r} must be one integer or {self.size}, "
                    f"not shape {value.shape}"
                )

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def value_range(self) -> tuple[int, int]:
        """Smallest and largest value an event can carry."""
        return (1, 1) if self.value_bits == 1 else (-(1 << self.value_bits - 1), (1 << self.value_bits - 1) - 1)

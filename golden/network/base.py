"""What all parts of a network share: how they refuse, and arrays of integers that nobody changes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["MAX_DELAY", "MAX_SYNAPSES", "Refusal", "frozen", "frozen_delays", "frozen_weights", "is_whole", "whole"]

MAX_DELAY = 255
#: Of neurons at an end of synapses, and of synapses where they are written out: what is never reached by accident.
MAX_SYNAPSES = 1 << 25


class Refusal(ValueError):
    """What was given cannot be used. The text names the thing, what is wrong with it, and the remedy."""


def is_whole(value: Any, low: int, high: int) -> bool:
    """An integer of a range; neither a truth value nor a float, although Python counts with both."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(low <= value <= high)


def frozen(values: Any, what: str) -> np.ndarray:
    """A copy as int64, read-only."""
    try:
        array = np.array(values)
    except ValueError:
        raise Refusal(f"{what} must be integers in rows of one length") from None
    if array.dtype.kind not in "iu":
        raise Refusal(f"{what} must be integers, not {array.dtype}")
    if array.size > MAX_SYNAPSES:
        raise Refusal(f"{what} must be at most {MAX_SYNAPSES} integers, not {array.size}")
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise Refusal(f"{what} must be integers of 64 bits, not {array.max()}")
    array = array.astype(np.int64)
    array.flags.writeable = False
    return array


def frozen_weights(values: Any, bits: int) -> np.ndarray:
    """Signed weights of so many bits, int16, read-only."""
    weights = frozen(values, "Weights")
    if not is_whole(bits, 2, 16):
        raise Refusal(f"Weights must have 2..16 bits, not {bits}")
    limit = 1 << bits - 1
    if weights.size and not (-limit <= weights.min() and weights.max() < limit):
        raise Refusal(f"Weights of {bits} bits must be in {-limit}..{limit - 1}, not {weights.min()}..{weights.max()}")
    weights = weights.astype(np.int16)
    weights.flags.writeable = False
    return weights


def frozen_delays(values: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Steps per synapse as uint8, read-only, in the shape of the weights; None where all are 0."""
    if values is None:
        return None
    delays = frozen(values, "Delays of synapses")
    if delays.shape != shape:
        raise Refusal(f"Delays of synapses must have the shape of the weights {shape}, not {delays.shape}")
    if delays.size and not (delays.min() >= 0 and delays.max() <= MAX_DELAY):
        raise Refusal(f"Delays of synapses must be in 0..{MAX_DELAY} steps, not {delays.min()}..{delays.max()}")
    if not delays.any():
        return None
    delays = delays.astype(np.uint8)
    delays.flags.writeable = False
    return delays


def whole(what: str, values: Sequence[int], count: int, low: int, high: int = MAX_SYNAPSES) -> tuple[int, ...]:
    """So many integers of a range, as a tuple."""
    values = values.tolist() if isinstance(values, np.ndarray) else values
    given = tuple(values) if isinstance(values, Sequence) and not isinstance(values, str) else (values,)
    if len(given) != count or not all(is_whole(v, low, high) for v in given):
        listed = ", ".join(map(str, given))
        raise Refusal(f"{what} must be {count} integer{'s' * (count > 1)} in {low}..{high}, not {listed}")
    return tuple(int(v) for v in given)

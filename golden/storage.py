"""Which kind of synapses integers become, by the bits that each kind stores."""

from collections.abc import Sequence

import numpy as np

from spikeloom.golden import maps
from spikeloom.golden.dynamics import Arrival
from spikeloom.golden.maps import Diagonal, Entries, Kernel, Map, TooMany
from spikeloom.golden.network import Convolution, Dense, OneToOne, Refusal, Sparse
from spikeloom.golden.nir_model import MAX_WEIGHTS, Input

__all__ = ["dense_bits", "merged", "sparse_bits", "synapses_of", "told"]

#: With fewer weights of 0 than this share, there is no choice to tell of.
TOLD = 0.25
#: Why a kernel is written out, beside the reasons of ``golden.maps``.
SHARED = "it shares the projection with other synapses"


def dense_bits(shape: tuple[int, int], bits: int, delay_bits: int = 0) -> int:
    """What a matrix stores."""
    return shape[0] * shape[1] * (bits + delay_bits)


def sparse_bits(shape: tuple[int, int], count: int, bits: int, delay_bits: int = 0) -> int:
    """What a list stores: weight, delay and target of each synapse, and where each source's begin."""
    count = int(count)
    return count * (bits + delay_bits + (shape[1] - 1).bit_length()) + (shape[0] + 1) * count.bit_length()


def merged(inputs: Sequence[Input | Arrival]) -> list[list[int]]:
    """Inputs by number, those of one source together whose synapses are all different ones."""
    groups = []
    for source in dict.fromkeys(i.source for i in inputs):
        mine = [k for k, i in enumerate(inputs) if i.source == source]
        apart = len(mine) > 1 and maps.apart([inputs[k].weights for k in mine], MAX_WEIGHTS)
        groups += [mine] if apart else [[k] for k in mine]
    return sorted(groups)


def synapses_of(
    parts: Sequence[tuple[Map, Map]], delays: Sequence[int], bits: int, about: str, written_out: bool
) -> Dense | Sparse | Convolution | OneToOne:
    """One projection's synapses, of maps with integers and of what those were; several are apart, with ``delays``.

    A weight that was not 0 and became 0 is still there. written_out: as a matrix, whatever that takes.
    """
    own = [d - min(delays) for d in delays]
    first = parts[0][0]
    kept = not written_out and _one_kind([m for m, _ in parts])
    if kept and isinstance(first, Kernel):
        weights, late = _stacked(parts, own)
        return Convolution(weights=weights, bits=bits, window=first.window, delays=late)
    if kept and isinstance(first, Diagonal):
        weights, late = _stacked(parts, own)
        if (weights == weights[0]).all() and not late.any():
            weights, late = weights[0], None
        return OneToOne(weights=weights, bits=bits, neurons=first.weights.size, delays=late)
    shape = maps.shape_of(first)
    if shape[0] * shape[1] > MAX_WEIGHTS and written_out:
        raise Refusal(f"{about}: {shape[0]} x {shape[1]} weights are more than the {MAX_WEIGHTS} that are written out")
    try:
        found = [maps.places(there, MAX_WEIGHTS) for _, there in parts]
    except TooMany as many:
        raise Refusal(f"{about}: {many} are more than {MAX_WEIGHTS}; put neurons between the layers") from None
    sources, targets = (np.concatenate([getattr(e, name) for e in found]) for name in ("sources", "targets"))
    weights = np.concatenate([maps.numbers(m).ravel()[e.weights] for (m, _), e in zip(parts, found, strict=True)])
    late = np.repeat(own, [len(e.weights) for e in found])
    delay_bits = int(max(own)).bit_length()
    if not written_out and sparse_bits(shape, len(weights), bits, delay_bits) < dense_bits(shape, bits, delay_bits):
        return Sparse.of(sources, targets, weights, shape=shape, bits=bits, delays=late)
    matrix, steps = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    matrix[sources, targets], steps[sources, targets] = weights, late
    return Dense(weights=matrix, bits=bits, delays=steps)


def _one_kind(parts: Sequence[Map]) -> bool:
    """Together the maps still are one kernel or one diagonal."""
    if isinstance(parts[0], Kernel):
        return all(isinstance(m, Kernel) and m.window == parts[0].window for m in parts)
    return all(isinstance(m, Diagonal) for m in parts)


def _stacked(parts: Sequence[tuple[Map, Map]], own: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Weights of maps that are apart, and the delay of each."""
    weights = sum(maps.numbers(m) for m, _ in parts)
    return weights, sum(d * (maps.numbers(there) != 0) for d, (_, there) in zip(own, parts, strict=True))


def told(about: str, parts: Sequence[Map], delays: Sequence[float], bits: int) -> str | None:
    """Both kinds' bits for the maps of one projection, and up to which share of the weights a list is smaller.

    None where there is no choice, or nearly all weights are there.
    """
    if _one_kind(parts):
        return None
    shape, count = maps.shape_of(parts[0]), sum(maps.count(m, MAX_WEIGHTS) for m in parts)
    every, delay_bits = shape[0] * shape[1], int(max(delays) - min(delays)).bit_length()
    if count > (1 - TOLD) * every:
        return None
    dense, sparse = dense_bits(shape, bits, delay_bits), sparse_bits(shape, count, bits, delay_bits)
    each = bits + delay_bits + (shape[1] - 1).bit_length()
    even = (dense - (shape[0] + 1) * every.bit_length()) / (each * every)
    whys = [m.why for m in parts if isinstance(m, Entries)] + [SHARED for m in parts if isinstance(m, Kernel)]
    why = next(filter(None, whys), None)
    return (
        f"{about}: {100 * count / every:.3g} % of {shape[0]} x {shape[1]} weights are there; with {bits} bits each a "
        f"matrix takes {dense} bits and a list {sparse}, so it is a {'list' if sparse < dense else 'matrix'} (a list "
        f"is smaller up to about {100 * min(1, max(0, even)):.2g} %)"
    ) + (f"; a kernel in it is written out, since {why}" if why else "")

"""Weights in floating point, as what they are: a matrix (an array), a diagonal, a list of synapses or a kernel.

Everything between two populations is linear, so that layers without neurons between them are multiplied into one map.
It stays a kernel or a diagonal where the product is one, exactly; else it is written out, up to a limit.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from spikeloom.golden.network import Refusal, Window
from spikeloom.golden.synapses import convolution, dense, one_to_one, sparse

__all__ = [
    "Diagonal",
    "Entries",
    "Kernel",
    "Map",
    "TooMany",
    "add",
    "apart",
    "count",
    "entries",
    "identity",
    "numbers",
    "places",
    "shape_of",
    "then",
    "times",
    "with_numbers",
    "written_out",
]

#: A list takes the place of a matrix where less than this share of the rows is left.
FEW_ROWS = 1 / 8
#: Why a kernel is written out.
BY_NEURON = "its factors or delays differ within a channel"
IN_A_ROW = "its product with the weights next to it is no kernel"
SUMMED = "another path is added to it"


class TooMany(Exception):
    """More weights than a layer may have; the text is their number."""


@dataclass(frozen=True, kw_only=True)
class Diagonal:
    """One weight per neuron."""

    weights: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.weights.size, self.weights.size


@dataclass(frozen=True, kw_only=True)
class Entries:
    """A list of weights (sources, targets), each pair once, in their order.

    why: a kernel in it was written out; empty where there was none.
    """

    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    shape: tuple[int, int]
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Weights that move over their source as ``window`` says."""

    weights: np.ndarray
    window: Window

    @property
    def shape(self) -> tuple[int, int]:
        return math.prod(self.window.source), math.prod(self.window.target)

    @property
    def count(self) -> int:
        """Of synapses, padding included."""
        return self.weights.size * math.prod(self.window.target[1:])


#: An array is a matrix (source, target).
Map: TypeAlias = np.ndarray | Diagonal | Entries | Kernel


def identity(size: int) -> Diagonal:
    return Diagonal(weights=np.ones(size))


def shape_of(m: Map) -> tuple[int, int]:
    return m.shape


def numbers(m: Map) -> np.ndarray:
    """The weights that are stored."""
    return m if isinstance(m, np.ndarray) else m.weights


def with_numbers(m: Map, weights: np.ndarray) -> Map:
    """The same with other weights."""
    return weights if isinstance(m, np.ndarray) else replace(m, weights=weights)


def times(m: Map, dtype: type) -> Callable[[np.ndarray], np.ndarray]:
    """Sums (..., target) of values (..., source), in this type."""
    weights = numbers(m).astype(dtype)
    if isinstance(m, np.ndarray):
        return lambda values: values.astype(dtype) @ weights
    if isinstance(m, Diagonal):
        return one_to_one.Product(weights)
    if isinstance(m, Kernel):
        return convolution.Product(m.window, weights)
    return sparse.product(m.sources, m.targets, weights, m.shape)


def entries(m: Map, most: int, why: str = "") -> Entries:
    """As a list, without weights of 0. why: should it be a kernel."""
    if isinstance(m, Entries):
        return m
    if isinstance(m, Kernel):
        if m.count > most:
            raise TooMany(f"{m.count} weights")
        source, target, index = convolution.places(m.window)
    else:
        source, target, index = (
            dense.places(m.shape) if isinstance(m, np.ndarray) else one_to_one.places(m.weights.size, True)
        )
    return _listed(source, target, numbers(m).ravel()[index], m.shape, why if isinstance(m, Kernel) else "")


def _listed(
    source: np.ndarray, target: np.ndarray, weights: np.ndarray, shape: tuple[int, int], why: str = ""
) -> Entries:
    """Any list in order, pairs that are there twice added, weights of 0 left out."""
    key, place = np.unique(source.astype(np.int64) * shape[1] + target, return_inverse=True)
    summed = np.bincount(place, weights, len(key))
    key, summed = key[summed != 0], summed[summed != 0]
    return Entries(sources=key // shape[1], targets=key % shape[1], weights=summed, shape=shape, why=why)


def written_out(m: Map, most: int) -> np.ndarray:
    """As a matrix."""
    if isinstance(m, np.ndarray):
        return m
    if m.shape[0] * m.shape[1] > most:
        raise TooMany(f"{m.shape[0]} x {m.shape[1]} weights")
    found, listed = np.zeros(m.shape), entries(m, most)
    found[listed.sources, listed.targets] = listed.weights
    return found


def add(a: Map, b: Map, most: int) -> Map:
    """Two paths between the same populations."""
    same = type(a) is type(b) and not isinstance(a, Entries)
    if same and (not isinstance(a, Kernel) or a.window == b.window):
        return with_numbers(a, numbers(a) + numbers(b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return written_out(a, most) + written_out(b, most)
    a, b = entries(a, most, SUMMED), entries(b, most, SUMMED)
    both = (np.concatenate([getattr(x, name) for x in (a, b)]) for name in ("sources", "targets", "weights"))
    return _listed(*both, a.shape, a.why or b.why)


def places(m: Map, most: int) -> Entries:
    """The weights that are not 0, as numbers of what is stored (and not their sums)."""
    if isinstance(m, Kernel):
        if m.count > most:
            raise TooMany(f"{m.count} weights")
        source, target, index = convolution.places(m.window)
    elif isinstance(m, Entries):
        source, target, index = m.sources, m.targets, np.arange(len(m.sources))
    else:
        source, target, index = (
            dense.places(m.shape) if isinstance(m, np.ndarray) else one_to_one.places(m.weights.size, True)
        )
    there = numbers(m).ravel()[index] != 0
    return Entries(sources=source[there], targets=target[there], weights=index[there], shape=m.shape)


def count(m: Map, most: int) -> int:
    """Of weights that are not 0, wherever a kernel puts them."""
    return len(places(m, most).weights) if isinstance(m, Kernel) else int(np.count_nonzero(numbers(m)))


def apart(parts: Sequence[Map], most: int) -> bool:
    """No two of the maps have a weight between the same neurons."""
    try:
        found = [places(m, most) for m in parts]
    except TooMany:
        return False
    keys = np.concatenate([e.sources.astype(np.int64) * e.shape[1] + e.targets for e in found])
    return len(np.unique(keys)) == len(keys)


def then(a: Map, b: Map, most: int) -> Map:
    """``a``, and ``b`` on what it makes; :class:`TooMany` beyond ``most`` weights."""
    if isinstance(a, Diagonal):
        return _after_diagonal(a, b, most)
    if isinstance(b, Diagonal):
        return _before_diagonal(a, b, most)
    if isinstance(a, Kernel) and isinstance(b, Kernel):
        window = _composed(a, b)
        return window if window is not None else _joined(entries(a, most, IN_A_ROW), entries(b, most, IN_A_ROW), most)
    if not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray):
        return _joined(entries(a, most, IN_A_ROW), entries(b, most, IN_A_ROW), most)
    if a.shape[0] * b.shape[1] > most:
        raise TooMany(f"{a.shape[0]} x {b.shape[1]} weights")
    if isinstance(a, np.ndarray):
        return a @ b if isinstance(b, np.ndarray) else times(b, np.float64)(a)
    a = entries(a, most)
    back = sparse.product(a.targets, a.sources, a.weights, a.shape[::-1])
    return back(np.ascontiguousarray(b.T)).T


def _after_diagonal(a: Diagonal, b: Map, most: int) -> Map:
    scale = a.weights
    if (scale == 1).all():
        return b
    if isinstance(b, np.ndarray):
        if np.count_nonzero(scale) > FEW_ROWS * len(scale):
            return scale[:, None] * b
        b = entries(b * (scale != 0)[:, None], most)
    if isinstance(b, Diagonal):
        return Diagonal(weights=scale * b.weights)
    if isinstance(b, Kernel):
        channel = scale.reshape(b.window.source[0], -1)
        if (channel == channel[:, :1]).all():
            out, seen = b.window.kernel[:2]
            of = np.arange(out)[:, None] // (out // b.window.groups) * seen + np.arange(seen)
            return replace(b, weights=b.weights * channel[of, 0].reshape(out, seen, *[1] * (b.weights.ndim - 2)))
        b = entries(b, most, BY_NEURON)
    return _listed(b.sources, b.targets, b.weights * scale[b.sources], b.shape, b.why)


def _before_diagonal(a: Map, b: Diagonal, most: int) -> Map:
    scale = b.weights
    if isinstance(a, np.ndarray):
        return a * scale
    if isinstance(a, Kernel):
        channel = scale.reshape(a.window.target[0], -1)
        if (channel == channel[:, :1]).all():
            return replace(a, weights=a.weights * channel[:, 0].reshape(-1, *[1] * (a.weights.ndim - 1)))
        a = entries(a, most, BY_NEURON)
    return _listed(a.sources, a.targets, a.weights * scale[a.targets], a.shape, a.why)


def _joined(a: Entries, b: Entries, most: int) -> Entries:
    """The product of two lists."""
    starts = np.searchsorted(b.sources, np.arange(b.shape[0] + 1))
    counts = np.diff(starts)[a.targets]
    if counts.sum() > most:
        raise TooMany(f"{counts.sum()} weights")
    first = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    second = starts[a.targets[first]] + within
    weights, shape = a.weights[first] * b.weights[second], (a.shape[0], b.shape[1])
    return _listed(a.sources[first], b.targets[second], weights, shape, a.why or b.why)


def _composed(a: Kernel, b: Kernel) -> Kernel | None:
    """Two kernels in a row as one, if they are one at the edges too."""
    first, second = a.window.planar, b.window.planar
    if first.target != second.source:  # an axis was made flat between them
        return None
    taps, padding, stride = [], [], []
    for axis in range(2):
        n, n1, n2 = first.source[1 + axis], first.target[1 + axis], second.target[1 + axis]
        k1, k2 = first.kernel[2 + axis], second.kernel[2 + axis]
        s1, d1, (before, _) = first.stride[axis], first.dilation[axis], first.padding[axis]
        zeros = second.padding[axis]
        # What the second takes for zeros must be zeros: windows of the first there see nothing but its own padding.
        if (zeros[0] and (k1 - 1) * d1 - before - s1 >= 0) or (zeros[1] and n1 * s1 - before < n):
            return None
        size, step = (k1 - 1) * d1 + (k2 - 1) * second.dilation[axis] * s1 + 1, s1 * second.stride[axis]
        left = before + zeros[0] * s1
        taps.append(size)
        stride.append(step)
        padding.append((left, max(0, (n2 - 1) * step + size - n - left)))
    weights = _multiplied(a, b, taps)
    if weights is None:
        return None
    groups = second.groups if _depthwise(first) else first.groups
    try:
        window = Window(
            source=first.source,
            kernel=weights.shape,
            stride=tuple(stride),
            padding=tuple(padding),
            dilation=(1, 1),
            groups=groups,
        )
    except Refusal:
        return None
    return Kernel(weights=weights, window=window) if window.target == second.target else None


def _depthwise(w: Window) -> bool:
    return w.kernel[1] == 1 and w.groups == w.kernel[0] == w.source[0]


def _multiplied(a: Kernel, b: Kernel, taps: list[int]) -> np.ndarray | None:
    """The kernel of two in a row; None where groups of several channels meet."""
    first, second = a.window.planar, b.window.planar
    k1, k2 = a.weights.reshape(first.kernel), b.weights.reshape(second.kernel)
    out, seen = k2.shape[:2]
    if _depthwise(first):
        of = np.arange(out)[:, None] // (out // second.groups) * seen + np.arange(seen)
        seen_by = [k1[of, 0] * k2[:, :, y, x, None, None] for y, x in np.ndindex(k2.shape[2:])]
    elif _depthwise(second):
        seen_by = [k1 * k2[:, :, y, x, None, None] for y, x in np.ndindex(k2.shape[2:])]
    elif first.groups == second.groups == 1:
        seen_by = [np.tensordot(k2[:, :, y, x], k1, 1) for y, x in np.ndindex(k2.shape[2:])]
    else:
        return None
    found = np.zeros((*seen_by[0].shape[:2], *taps))
    (s_y, s_x), (d_y, d_x) = first.stride, first.dilation
    for (y, x), part in zip(np.ndindex(k2.shape[2:]), seen_by, strict=True):
        top, left = y * second.dilation[0] * s_y, x * second.dilation[1] * s_x
        found[:, :, top:, left:][:, :, : (k1.shape[2] - 1) * d_y + 1 : d_y, : (k1.shape[3] - 1) * d_x + 1 : d_x] += part
    return found

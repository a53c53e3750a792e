"""Synapses as the event-stationary order stores them: rows of weights or a list, and where each neuron's begin."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import gcd, prod

import numpy as np

from spikeloom.golden.network import Convolution, Dense, OneToOne, Projection, Sparse, Window
from spikeloom.golden.network.projection import Synapses
from spikeloom.hdl.flits import Numbering

__all__ = ["FanOut", "claims", "fan_in", "fan_out", "reached", "synapse_list", "written_out"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FanOut:
    """One projection's share of the memories of ``hdl.fan_out``, addresses counted from 0.

    weights: rows (rows, lanes); of a list (synapses,), with ``targets``, numbers in hardware, and ``delays``.
    places:  per source neuron, or (``shared``) per ``lanes`` of them: ``valid``, where its rows begin (``weights``,
             ``row``), and its taps ``across`` and ``down``; of a list ``weights`` and how many (``row``). All but the
             first two less one.
    groups:  rows of a tap. steps: of the loops.
    synapses: that there are, padding of rows not counted.
    """

    weights: np.ndarray
    places: Mapping[str, np.ndarray]
    synapses: int
    groups: int = 1
    steps: Mapping[str, int] = field(default_factory=dict)
    single: bool = False
    shared: bool = False
    targets: np.ndarray | None = None
    delays: np.ndarray | None = None

    @property
    def listed(self) -> bool:
        return self.targets is not None

    @property
    def taps(self) -> int:
        return int(max(self.places["across"].max(), self.places["down"].max())) + 1

    @property
    def most_synapses(self) -> int:
        """Of a source neuron's list."""
        return int(self.places["row"].max()) + 1 if self.listed else 1

    @property
    def most_delay(self) -> int:
        return int(self.delays.max()) if self.delays is not None and self.delays.size else 0


def claims(j: Projection) -> int | None:
    """The channels that its target should have side by side; None where it does not care."""
    if isinstance(j.synapses, Convolution) and j.synapses.delays is None:
        return j.synapses.window.target[0]
    return None


def fan_out(j: Projection, source: Numbering, target: Numbering, lanes: int) -> FanOut:
    """How its synapses are stored: as rows where the target's neurons lie so, else as a list."""
    s = j.synapses
    if s.delays is None:
        if isinstance(s, Dense):
            return _matrix(written_out(j, source, target), target, lanes)
        same = (source.channels, source.padded) == (target.channels, target.padded)
        if isinstance(s, OneToOne) and same and _in_rows(source, lanes):
            return _diagonal(s, j.shift, source, lanes)
        if isinstance(s, Convolution) and target.channels == s.window.target[0] and _in_rows(target, lanes):
            return _convolution(s.weights.astype(np.int64) << j.shift, s.window.planar, source, target, lanes)
    return _list(j, source, target)


def _in_rows(n: Numbering, lanes: int) -> bool:
    """The channels of every position begin with a row."""
    return n.positions == 1 or n.padded % lanes == 0


def _rows(n: Numbering, lanes: int) -> int:
    return -(-n.numbers // lanes)


def _matrix(weights: np.ndarray, target: Numbering, lanes: int) -> FanOut:
    """Rows for every source neuron; those of the neurons of a row lie beside each other."""
    groups, beside = _rows(target, lanes), min(lanes, len(weights))
    blocks = -(-len(weights) // lanes)
    rows = np.zeros((blocks * beside, groups * lanes), np.int64)
    rows[: len(weights), : weights.shape[1]] = weights
    stored = rows.reshape(blocks, beside, groups, lanes).swapaxes(1, 2).reshape(-1, lanes)
    starts = np.arange(blocks) * groups * beside
    return FanOut(
        weights=stored,
        places=_places(starts, np.zeros(blocks, np.int64)),
        synapses=int((weights != 0).sum()),
        groups=groups,
        steps={"weights_group": beside},
        shared=True,
    )


def _diagonal(s: OneToOne, shift: int, source: Numbering, lanes: int) -> FanOut:
    count = _rows(source, lanes)
    if s.weights.ndim:
        stored = np.zeros(count * lanes, np.int64)
        stored[source.to_hardware(np.arange(source.size))] = s.weights.astype(np.int64) << shift
        stored, starts = stored.reshape(count, lanes), np.arange(count)
    else:
        stored, starts = np.full((1, lanes), int(s.weights) << shift), np.zeros(count, np.int64)
    return FanOut(
        weights=stored,
        places=_places(starts, np.arange(count)),
        synapses=source.size,
        single=True,
        shared=True,
    )


def _places(weights: np.ndarray, row: np.ndarray, **others: np.ndarray) -> dict[str, np.ndarray]:
    one = np.ones(len(weights), np.int64)
    return {"valid": one, "weights": weights, "row": row, "across": 0 * one, "down": 0 * one} | others


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """Taps of a kernel along an axis, for each place of the source.

    first, count, target: the first tap that leads somewhere, how many do, and where it leads. step, back: from a tap to
    the next, and from its target. fold: neighbouring taps that have the same weights, stored once.
    """

    first: np.ndarray
    count: np.ndarray
    target: np.ndarray
    step: int
    back: int
    fold: int

    @classmethod
    def of(cls, w: Window, axis: int, fold: int) -> "_Axis":
        places, targets, taps = reached(w, axis)
        size = w.source[1 + axis]
        count = np.bincount(places, minlength=size)
        if not len(places):  # the source lies between the strides
            places, targets, taps = (np.zeros(size, np.int64),) * 3
        first = np.minimum(np.searchsorted(places, np.arange(size)), len(places) - 1)
        stride, dilation = w.stride[axis], w.dilation[axis]
        common = gcd(stride, dilation)
        return cls(
            first=taps[first] // fold,
            count=count,
            target=targets[first],
            step=stride // common // fold,
            back=dilation // common,
            fold=fold,
        )


def reached(w: Window, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(place of the source, place of the target, tap), in rising order of places and taps."""
    place, tap = np.divmod(np.arange(w.source[1 + axis] * w.kernel[2 + axis]), w.kernel[2 + axis])
    target, rest = np.divmod(place + w.padding[axis][0] - tap * w.dilation[axis], w.stride[axis])
    there = (rest == 0) & (target >= 0) & (target < w.target[1 + axis])
    return place[there], target[there], tap[there]


def _fold(weights: np.ndarray, w: Window, axis: int) -> int:
    """How many neighbouring taps always have the same weights, as after pooling, and never lead to the same target."""
    taps, stride = w.kernel[2 + axis], w.stride[axis]
    for fold in range(stride, 1, -1):
        if w.dilation[axis] == 1 and taps % fold == 0 and stride % fold == 0:
            blocks = np.moveaxis(weights, 2 + axis, 0).reshape(taps // fold, fold, -1)
            if (blocks == blocks[:, :1]).all():
                return fold
    return 1


def _convolution(weights: np.ndarray, w: Window, source: Numbering, target: Numbering, lanes: int) -> FanOut:
    """A kernel once: for each source channel and tap the rows of its output channels.

    Output channels that see other input channels are told apart by the place, as far as both are whole rows.
    """
    weights = weights.reshape(w.kernel)
    channels, out = w.source[0], w.kernel[0]
    down, across = (_Axis.of(w, axis, _fold(weights, w, axis)) for axis in range(2))
    weights = weights[:, :, :: down.fold, :: across.fold]
    taps = prod(weights.shape[2:])
    target_rows = _rows(target, lanes) // target.positions  # of a position
    shared = source.channels == channels and source.positions == prod(w.source[1:]) and _in_rows(source, lanes)
    shared = shared and (source.positions > 1 or channels >= lanes)
    single = shared and w.groups == channels == out
    if single:
        groups, beside, parts = 1, 1, target_rows
        rows = np.zeros((parts * lanes, taps), np.int64)
        rows[:channels] = weights.reshape(channels, taps)
        stored = rows.reshape(parts, lanes, taps).swapaxes(1, 2).reshape(-1, lanes)
    else:
        whole = [m for m in range(1, w.groups + 1) if w.groups % m == 0]
        merged = next(
            m
            for m in whole
            if m == w.groups
            or (out // w.groups * m % lanes == 0 and (not shared or channels // w.groups * m % lanes == 0))
        )
        parts = w.groups // merged  # that share no channels
        seen, made = channels // parts, out // parts
        groups = -(-made // lanes)
        full = np.zeros((parts, seen, taps, groups * lanes), np.int64)
        for o in range(out):
            part, first = o // made, o // (out // w.groups) * weights.shape[1] % seen
            full[part, first : first + weights.shape[1], :, o % made] = weights[o].reshape(-1, taps)
        beside = min(lanes, seen) if shared else 1
        blocks = -(-seen // beside)
        rows = np.zeros((parts, blocks * beside, taps, groups, lanes), np.int64)
        rows[:, :seen] = full.reshape(parts, seen, taps, groups, lanes)
        stored = rows.reshape(parts, blocks, beside, taps, groups, lanes).transpose(0, 1, 3, 4, 2, 5).reshape(-1, lanes)

    # A place is a block of source channels, or one, at a position.
    if shared:
        position, block = np.divmod(np.arange(_rows(source, lanes)), -(-source.padded // lanes))
        there = np.ones(len(position), bool)
        part = block if single else block * lanes // seen if parts > 1 else 0 * block
    else:
        neurons = source.to_golden(np.arange(source.numbers))
        there = neurons >= 0
        block, position = np.divmod(np.maximum(neurons, 0), prod(w.source[1:]))
        part = block // seen
    y, x = np.divmod(position, w.source[2])
    tap = (block * weights.shape[2] + down.first[y]) * weights.shape[3] + across.first[x]
    row = (down.target[y] * w.target[2] + across.target[x]) * target_rows + part * groups
    step = groups * beside
    return FanOut(
        weights=stored,
        places={
            "valid": (there & (down.count[y] > 0) & (across.count[x] > 0)).astype(np.int64),
            "weights": tap * step,
            "row": row,
            "across": np.maximum(across.count[x] - 1, 0),
            "down": np.maximum(down.count[y] - 1, 0),
        },
        synapses=len(reached(w, 0)[0]) * len(reached(w, 1)[0]) * out * w.kernel[1],
        groups=groups,
        steps={
            "weights_group": beside,
            "weights_across": across.step * step,
            "weights_down": down.step * weights.shape[3] * step,
            "row_across": -across.back * target_rows,
            "row_down": -down.back * w.target[2] * target_rows,
        },
        single=single,
        shared=shared,
    )


def _list(j: Projection, source: Numbering, target: Numbering) -> FanOut:
    sources, targets, weights, delays = synapse_list(j.synapses)
    numbers = source.to_hardware(sources)
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(source.numbers + 1))
    counts = np.diff(starts)
    return FanOut(
        weights=weights[order] << j.shift,
        places=_places(starts[:-1], np.maximum(counts - 1, 0), valid=(counts > 0).astype(np.int64)),
        synapses=len(weights),
        steps={"weights_group": 1},
        targets=target.to_hardware(targets[order]),
        delays=(delays - j.least_delay + j.delay)[order],
    )


def synapse_list(s: Synapses) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Source, target, weight and delay of each synapse; of a list all, of another kind those that are not 0."""
    if isinstance(s, Sparse):
        sources, targets, index = s.sources, s.targets.astype(np.int64), np.arange(len(s.targets))
    elif isinstance(s, OneToOne):
        sources = targets = np.arange(s.neurons)
        index = sources if s.weights.ndim else 0 * sources
    elif isinstance(s, Dense):
        sources, targets = np.divmod(np.arange(s.weights.size), s.shape[1])
        index = np.arange(s.weights.size)
    else:
        sources, targets, index = _moved(s.window.planar)
    weights = s.weights.astype(np.int64).ravel()[index]
    delays = np.zeros(len(index), np.int64) if s.delays is None else s.delays.astype(np.int64).ravel()[index]
    if isinstance(s, Sparse):
        return sources, targets, weights, delays
    there = weights != 0
    return sources[there], targets[there], weights[there], delays[there]


def _moved(w: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target and index of the weight of each synapse of a convolution."""
    y, to_y, down = (a[:, None] for a in reached(w, 0))
    x, to_x, across = (a[None, :] for a in reached(w, 1))
    source, target, tap = (
        (y * w.source[2] + x).ravel(),
        (to_y * w.target[2] + to_x).ravel(),
        (down * w.kernel[3] + across).ravel(),
    )
    o, seen = np.divmod(np.arange(w.kernel[0] * w.kernel[1]), w.kernel[1])
    channel = o // (w.kernel[0] // w.groups) * w.kernel[1] + seen
    each = (
        channel[:, None] * prod(w.source[1:]) + source,
        o[:, None] * prod(w.target[1:]) + target,
        (o * w.kernel[1] + seen)[:, None] * prod(w.kernel[2:]) + tap,
    )
    return each[0].ravel(), each[1].ravel(), each[2].ravel()


def written_out(j: Projection, source: Numbering, target: Numbering) -> np.ndarray:
    """Its weights as a matrix (source, target) of numbers in hardware, shifted."""
    matrix = np.zeros((source.numbers, target.numbers), np.int64)
    sources, targets, weights, _ = synapse_list(j.synapses)
    matrix[source.to_hardware(sources), target.to_hardware(targets)] = weights << j.shift
    return matrix


def fan_in(j: Projection) -> int:
    """Most synapses into a neuron, whatever their weights."""
    s = j.synapses
    if isinstance(s, Dense):
        return s.shape[0]
    if isinstance(s, OneToOne):
        return 1
    if isinstance(s, Convolution):
        return prod(s.window.kernel[1:])
    return int(np.bincount(s.targets, minlength=1).max())

"""The weights into a layer as columns that share a scale, and how far errors of weights move the sums on the data.

A column has the weights of a neuron, or of an output channel where a kernel arrives. Matrices alone are judged with
everything that arrives together; any other map by itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikeloom.golden.maps import Diagonal, Entries, Kernel, Map, entries, numbers
from spikeloom.golden.synapses import convolution

__all__ = ["Columns"]

#: What is looked at to choose the clipping: steps of the data, and inputs beyond which only their powers are kept.
MAX_ROWS = 8192
MAX_MOMENTS = 4096
#: Products of numbers in windows of a kernel.
MAX_PRODUCTS = 1 << 31


@dataclass
class Columns:
    """All maps into a layer of ``size`` neurons, with the events that arrive at them (rows, source), in any unit."""

    parts: list["_Part"]
    channels: int

    @classmethod
    def of(cls, maps: Sequence[Map], events: Sequence[np.ndarray], size: int, most: int) -> "Columns":
        if all(isinstance(m, np.ndarray) for m in maps):
            return cls(parts=[_Matrices(maps, events)] if maps else [_Nothing(size)], channels=size)
        counts = {m.window.target[0] for m in maps if isinstance(m, Kernel)}
        if len(counts) > 1:  # kernels with channels of different sizes meet only written out
            maps, counts = [entries(m, most) if isinstance(m, Kernel) else m for m in maps], set()
        channels = counts.pop() if counts else size
        makers = {Kernel: _Window, Diagonal: _Each, Entries: _List, np.ndarray: _Matrix}
        parts = [makers[type(m)](m, e, channels) for m, e in zip(maps, events, strict=True)]
        return cls(parts=parts, channels=channels)

    @property
    def lengths(self) -> list[int]:
        return [length for part in self.parts for length in part.lengths]

    def stacked(self) -> np.ndarray:
        """Every weight, in columns (rows, channels); 0 where a column has fewer."""
        return np.concatenate([part.columns for part in self.parts])

    def back(self, columns: np.ndarray) -> list[np.ndarray]:
        """Numbers in columns in the shape of the maps."""
        ends = np.cumsum([0, *(len(part.columns) for part in self.parts)])
        pieces = (part.back(columns[a:b]) for part, a, b in zip(self.parts, ends, ends[1:], strict=False))
        return [numbers for piece in pieces for numbers in piece]

    def power(self, errors: np.ndarray, axis: int | None) -> np.ndarray:
        """Sum of squares of the sums that errors in columns make of the data, by channel or in all."""
        ends = np.cumsum([0, *(len(part.columns) for part in self.parts)])
        found = [part.power(errors[a:b], axis) for part, a, b in zip(self.parts, ends, ends[1:], strict=False)]
        return np.maximum(0.0, sum(found[1:], start=found[0]))


class _Part:
    """``columns``: of the part's maps, one after the other (``lengths``)."""

    columns: np.ndarray
    lengths: list[int]

    def back(self, columns: np.ndarray) -> list[np.ndarray]:
        raise NotImplementedError

    def power(self, errors: np.ndarray, axis: int | None) -> np.ndarray:
        raise NotImplementedError


def _sampled(events: np.ndarray, most: int = MAX_ROWS) -> np.ndarray:
    rows = events.reshape(-1, events.shape[-1])
    return rows[:: math.ceil(len(rows) / most)]


def _moments(active: np.ndarray) -> np.ndarray:
    if active.shape[1] <= MAX_MOMENTS:
        return (active.T @ active).astype(np.float64)
    return np.square(active).sum(0, dtype=np.float64)[:, None]


def _quadratic(moments: np.ndarray, weights: np.ndarray) -> np.ndarray:
    full = moments @ weights if moments.shape[1] > 1 or len(weights) == 1 else moments * weights
    return weights * full


class _Matrices(_Part):
    """Nothing but matrices: columns are neurons, and what arrives together is judged together."""

    def __init__(self, maps: Sequence[np.ndarray], events: Sequence[np.ndarray]) -> None:
        self.columns, self.lengths = np.concatenate(maps), [len(m) for m in maps]
        rows = [values.reshape(-1, values.shape[-1]) for values in events]
        every = math.ceil(len(rows[0]) / MAX_ROWS)
        self.moments = _moments(np.concatenate([r[::every] for r in rows], axis=1).astype(np.float32))

    def back(self, columns: np.ndarray) -> list[np.ndarray]:
        return np.split(columns, np.cumsum(self.lengths)[:-1])

    def power(self, errors: np.ndarray, axis: int | None) -> np.ndarray:
        return _quadratic(self.moments, errors).sum(axis)


class _Nothing(_Part):
    """No projection arrives."""

    def __init__(self, size: int) -> None:
        self.columns, self.lengths = np.zeros((1, size)), []

    def back(self, columns: np.ndarray) -> list[np.ndarray]:
        return []

    def power(self, errors: np.ndarray, axis: int | None) -> np.ndarray:
        return 0 * errors.sum(axis)


class _Matrix(_Part):
    """A matrix beside something else: the places of a channel are below one another."""

    def __init__(self, weights: np.ndarray, events: np.ndarray, channels: int) -> None:
        self.shape = (len(weights), channels, weights.shape[1] // channels)
        self.columns = weights.reshape(self.shape).swapaxes(1, 2).reshape(-1, channels)
        self.lengths, self.moments = [len(self.columns)], _moments(_sampled(events).astype(np.float32))

    def back(self, columns: np.ndarray) -> list[np.ndarray]:
        rows, channels, places = self.shape
        return [columns.reshape(rows, places, channels).swapaxes(1, 2).reshape(rows, -1)]

    def power(self, errors: np.ndarray, axis: int | None) -> np.ndarray:
        found = _quadratic(self.moments, errors.reshape(self.shape[0], -1)).sum(0).reshape(-1, self.shape[1])
        return found.sum(axis)


class _Each(_Part):
    """A diagonal."""

    def __init__(self, m: Diagonal, events: np.ndarray, channels: int) -> None:
        self.columns = m.weights.reshape(channels, -1).T
        self.lengths = [len(self.columns)]
        squares = np.square(_sampled(events), dtype=np.float64).sum(0)
        self.squares = squares.reshape(channels, -1).T

    def back(self, columns: np.ndarray) -> list[np.ndarray]:
        return [columns.T.ravel()]

    def power(self, errors: np.ndarray, axis: int | None) -> np.ndarray:
        return (np.square(errors) * self.squares).sum(axis)


class _List(_Part):
    """A list of synapses, those of a channel below one another. Sources are taken to vary by themselves."""

    def __init__(self, m: Entries, events: np.ndarray, channels: int) -> None:
        self.m = m
        self.channel = m.targets // (m.shape[1] // channels)
        order = np.argsort(self.channel, kind="stable")
        counts = np.bincount(self.channel, minlength=channels)
        self.row = np.empty(len(order), np.int64)
        self.row[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        self.columns = np.zeros((max(1, int(counts.max(initial=0))), channels))
        self.columns[self.row, self.channel] = m.weights
        self.lengths = [len(self.columns)]
        active = _sampled(events).astype(np.float64)
        self.count, self.mean, self.variance = len(active), active.mean(0), active.var(0)

    def back(self, columns: np.ndarray) -> list[np.ndarray]:
        return [columns[self.row, self.channel]]

    def power(self, errors: np.ndarray, axis: int | None) -> np.ndarray:
        m, listed = self.m, errors[self.row, self.channel]
        each = np.bincount(m.targets, listed * self.mean[m.sources], m.shape[1]) ** 2
        each += np.bincount(m.targets, listed**2 * self.variance[m.sources], m.shape[1])
        found = self.count * each.reshape(errors.shape[1], -1).sum(1)
        return found.sum() if axis is None else found


class _Window(_Part):
    """A kernel: columns are output channels, and the data what the windows show of it."""

    def __init__(self, m: Kernel, events: np.ndarray, channels: int) -> None:
        self.m, w = m, m.window.planar
        self.columns = m.weights.reshape(channels, -1).T
        self.lengths = [len(self.columns)]
        size, places = len(self.columns), math.prod(w.target[1:])
        rows = max(8, min(MAX_ROWS, MAX_PRODUCTS // (w.groups * size * min(size, MAX_MOMENTS) * places)))
        frames = _sampled(events, rows).astype(np.float32)
        self.moments = np.zeros((w.groups, size, size if size <= MAX_MOMENTS else 1))
        for first in range(0, len(frames), 64):
            seen = convolution.windows(w, frames[first : first + 64].reshape(-1, *w.source))
            if size <= MAX_MOMENTS:
                self.moments += seen @ seen.transpose(0, 2, 1)
            else:
                self.moments += np.square(seen).sum(2, keepdims=True)

    def back(self, columns: np.ndarray) -> list[np.ndarray]:
        return [columns.T.reshape(numbers(self.m).shape)]

    def power(self, errors: np.ndarray, axis: int | None) -> np.ndarray:
        groups = self.moments.shape[0]
        by_group = errors.reshape(len(errors), groups, -1).transpose(1, 0, 2)
        full = self.moments @ by_group if self.moments.shape[2] > 1 or len(errors) == 1 else self.moments * by_group
        found = (by_group * full).sum(1).ravel()
        return found.sum() if axis is None else found

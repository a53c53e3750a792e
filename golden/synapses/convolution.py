"""The same few weights at every place: windows of the source as rows of a matrix, times the kernel."""

import math

import numpy as np

from spikeloom.golden.network import Window

__all__ = ["Product", "places", "windows"]

#: Numbers in the windows of one product.
BLOCK = 1 << 21


def places(window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target, and index in the weights, of each synapse; padding has none."""
    w = window.planar
    _, height, width = w.source
    out, seen, kh, kw = w.kernel
    _, oh, ow = w.target

    def reached(axis: int, size: int, taps: int, count: int) -> tuple[np.ndarray, ...]:
        """Tap, place in the target and place in the source, of all pairs that meet."""
        tap, place = np.indices((taps, count)).reshape(2, -1)
        at = place * w.stride[axis] - w.padding[axis][0] + tap * w.dilation[axis]
        inside = (at >= 0) & (at < size)
        return tap[inside], place[inside], at[inside]

    tap_y, to_y, from_y = (a[:, None] for a in reached(0, height, kh, oh))
    tap_x, to_x, from_x = (a[None] for a in reached(1, width, kw, ow))
    source, target, weight = (a.ravel() for a in (from_y * width + from_x, to_y * ow + to_x, tap_y * kw + tap_x))
    channel, into = (a.reshape(-1, 1) for a in np.indices((out, seen)))
    first = channel // (out // w.groups) * seen  # of the channel's group
    return (
        ((first + into) * height * width + source).ravel(),
        (channel * oh * ow + target).ravel(),
        ((channel * seen + into) * kh * kw + weight).ravel(),
    )


def _padded(w: Window, images: np.ndarray, dtype: np.dtype) -> np.ndarray:
    (top, bottom), (left, right) = w.padding
    channels, height, width = w.source
    padded = np.zeros((len(images), channels, top + height + bottom, left + width + right), dtype)
    inside = images[..., max(0, -top) : height + min(0, bottom), max(0, -left) : width + min(0, right)]
    y, x = max(0, top), max(0, left)
    padded[..., y : y + inside.shape[2], x : x + inside.shape[3]] = inside
    return padded


def _seen(w: Window, images: np.ndarray) -> np.ndarray:
    """What each window shows of padded images: (images, channels, KH, KW, *places), a view."""
    s = images.strides
    shape = (*images.shape[:2], *w.kernel[2:], *w.target[1:])
    strides = (*s[:2], w.dilation[0] * s[2], w.dilation[1] * s[3], w.stride[0] * s[2], w.stride[1] * s[3])
    return np.lib.stride_tricks.as_strided(images, shape, strides, writeable=False)


def windows(window: Window, images: np.ndarray) -> np.ndarray:
    """What the places of the target see of images (images, *source): (groups, kernel of a channel, images * places)."""
    w = window.planar
    seen = _seen(w, _padded(w, images.reshape(-1, *w.source), images.dtype))
    return seen.transpose(1, 2, 3, 0, 4, 5).reshape(w.groups, math.prod(w.kernel[1:]), -1)


class Product:
    """Values (..., source) as images, times a kernel that moves over them."""

    def __init__(self, window: Window, weights: np.ndarray) -> None:
        self.window = w = window.planar
        self.weights = np.ascontiguousarray(weights).reshape(w.kernel)
        self.one = w.kernel[1] == 1 and w.kernel[0] == w.groups  # each channel by itself
        self.matrices = self.weights.reshape(w.groups, w.kernel[0] // w.groups, -1)

    def __call__(self, values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        w, shape = self.window, (*values.shape[:-1], math.prod(self.window.target))
        if out is None:
            out = np.empty(shape, self.weights.dtype)
        images = values.reshape(-1, *w.source)
        straight = out.flags.c_contiguous
        sums = (
            out.reshape(len(images), *w.target) if straight else np.empty((len(images), *w.target), self.weights.dtype)
        )
        seen = math.prod(w.source) if self.one else w.source[0] * math.prod(w.kernel[2:] + w.target[1:])
        block = max(1, BLOCK // seen)
        for first in range(0, len(images), block):
            part = slice(first, first + block)
            (self._taps if self.one else self._windows)(_padded(w, images[part], self.weights.dtype), sums[part])
        if not straight:
            out[...] = sums.reshape(shape)
        return out

    def _windows(self, images: np.ndarray, out: np.ndarray) -> None:
        # One product of large matrices: of many small ones, threads would mostly wait for one another.
        groups, channels, taps = self.matrices.shape
        columns = _seen(self.window, images).transpose(1, 2, 3, 0, 4, 5).reshape(groups, taps, -1)
        sums = np.matmul(self.matrices, columns).reshape(groups * channels, len(images), -1)
        out[...] = sums.swapaxes(0, 1).reshape(out.shape)

    def _taps(self, images: np.ndarray, out: np.ndarray) -> None:
        w = self.window
        ends = [(n - 1) * s + 1 for n, s in zip(w.target[1:], w.stride, strict=True)]
        out[...] = 0
        for y in range(w.kernel[2]):
            for x in range(w.kernel[3]):
                top, left = y * w.dilation[0], x * w.dilation[1]
                part = images[:, :, top : top + ends[0] : w.stride[0], left : left + ends[1] : w.stride[1]]
                out += part * self.weights[:, 0, y, x, None, None]

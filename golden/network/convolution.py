"""The same few weights at every place of an image or a row."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeloom.golden.network.base import MAX_SYNAPSES, Refusal, frozen_delays, frozen_weights, whole

__all__ = ["Convolution", "Window"]


def _by(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))


@dataclass(frozen=True, kw_only=True)
class Window:
    """How a kernel moves over its source: cross-correlation, with zeros around it, as torch means it.

    source:   shape of the source, channels first: (C, N) or (C, H, W).
    kernel:   shape of the weights: (out channels, C / groups, K) or (out channels, C / groups, KH, KW).
    stride, dilation: one per axis. padding: zeros (before, after) per axis; below 0, so many places of the source are
              left out.
    groups:   output channel ``o`` of ``O`` sees the source's channels of group ``o // (O / groups)``.
    """

    source: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1

    def __post_init__(self) -> None:
        axes = len(self.source) - 1 if np.iterable(self.source) else 0
        if axes not in (1, 2):
            raise Refusal(f"Convolution: the source must have the shape (C, N) or (C, H, W), not {self.source}")
        checked = {
            "source": whole("Convolution: source", self.source, axes + 1, 1),
            "kernel": whole("Convolution: kernel", self.kernel, axes + 2, 1),
            "stride": whole("Convolution: stride", self.stride, axes, 1),
            "dilation": whole("Convolution: dilation", self.dilation, axes, 1),
            "groups": whole("Convolution: groups", self.groups, 1, 1)[0],
        }
        if not isinstance(self.padding, tuple | list) or len(self.padding) != axes:
            raise Refusal(f"Convolution: padding must be {axes} pairs (before, after), not {self.padding}")
        checked["padding"] = tuple(
            whole("Convolution: padding", pair, 2, 1 - n)
            for pair, n in zip(self.padding, checked["source"][1:], strict=True)
        )
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        (channels, *_), (out, seen, *_) = self.source, self.kernel
        if channels % self.groups or out % self.groups:
            raise Refusal(
                f"Convolution: {self.groups} groups do not divide {channels} input channels and {out} output channels"
            )
        if seen != channels // self.groups:
            raise Refusal(
                f"Convolution: the kernel takes {seen} channels per group, and {channels} in {self.groups} groups are "
                f"{channels // self.groups}"
            )
        reach = tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel[2:], strict=True))
        padded = tuple(n + a + b for n, (a, b) in zip(self.source[1:], self.padding, strict=True))
        if any(r > n for r, n in zip(reach, padded, strict=True)):
            raise Refusal(f"Convolution: the kernel reaches over {_by(reach)}, and the padded source has {_by(padded)}")
        ends = {"source": self.source, "target": self.target, "padded source": (channels, *padded)}
        for what, shape in ends.items():
            if math.prod(shape) > MAX_SYNAPSES:
                raise Refusal(f"Convolution: a {what} of {_by(shape)} is more than {MAX_SYNAPSES} neurons")

    @property
    def target(self) -> tuple[int, ...]:
        """Shape of the target, channels first."""
        sizes = zip(self.source[1:], self.kernel[2:], self.stride, self.padding, self.dilation, strict=True)
        return (self.kernel[0], *((n + a + b - d * (k - 1) - 1) // s + 1 for n, k, s, (a, b), d in sizes))

    @property
    def planar(self) -> "Window":
        """The same with two axes."""
        if len(self.source) == 3:
            return self
        return Window(
            source=(self.source[0], 1, self.source[1]),
            kernel=(*self.kernel[:2], 1, self.kernel[2]),
            stride=(1, *self.stride),
            padding=((0, 0), *self.padding),
            dilation=(1, *self.dilation),
            groups=self.groups,
        )


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """The same few weights at every place, as ``window`` moves; pooling by sums is one with weights of 1.

    weights: in the shape of the window's kernel, signed integers of ``bits`` bits. delays: steps, in the same shape.
    """

    weights: np.ndarray
    bits: int
    window: Window
    delays: np.ndarray | None = None

    kind = "convolution"

    def __post_init__(self) -> None:
        weights = frozen_weights(self.weights, self.bits)
        if weights.shape != self.window.kernel:
            raise Refusal(f"Convolution: the weights must have the shape {self.window.kernel}, not {weights.shape}")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "delays", frozen_delays(self.delays, weights.shape))

    @property
    def shape(self) -> tuple[int, int]:
        return math.prod(self.window.source), math.prod(self.window.target)

    @property
    def structure(self) -> tuple[Mapping[str, Any], Mapping[str, np.ndarray]]:
        """What a file says of the kind beside weights and delays: fields and arrays."""
        w = self.window
        return {
            "source": list(w.source),
            "stride": list(w.stride),
            "padding": [list(pair) for pair in w.padding],
            "dilation": list(w.dilation),
            "groups": w.groups,
        }, {}

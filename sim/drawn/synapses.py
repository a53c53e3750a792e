"""Synapses of every kind, drawn by numpy."""

from collections.abc import Callable

import numpy as np

from spikeloom.golden.network import Convolution, Dense, OneToOne, Sparse, Window

__all__ = ["KINDS", "padding_of", "synapses_of", "window_of"]

KINDS = ("dense", "sparse", "convolution", "one-to-one")


def _divisor(rng: np.random.Generator, number: int) -> int:
    return int(rng.choice([k for k in range(1, number + 1) if number % k == 0]))


def padding_of(rng: np.random.Generator, source: tuple[int, ...], crop: bool) -> np.ndarray:
    """Zeros before and after each axis of the source, or (``crop``) places left out, of which one at least stays."""
    sizes = np.array(source[1:])
    padding = np.maximum(rng.integers(-3 if crop else 0, 3, (len(sizes), 2)), 1 - sizes[:, None])
    padding[:, 1] = np.maximum(padding[:, 1], 1 - sizes - padding[:, 0])
    return padding


def window_of(rng: np.random.Generator, size: int, crop: bool = False) -> Window:
    """A window over ``size`` neurons, in one or two axes, with all that one can have; of paddings below 0 if asked."""
    channels = _divisor(rng, size)
    source = (channels, size // channels)
    if rng.random() < 0.7:
        height = _divisor(rng, source[1])
        source = (channels, height, source[1] // height)
    groups = _divisor(rng, channels)
    axes = len(source) - 1
    dilation = rng.integers(1, 3, axes)
    padding = padding_of(rng, source, crop)
    reach = np.array(source[1:]) + padding.sum(1)
    taps = [int(rng.integers(1, 1 + min(3, 1 + (r - 1) // d))) for r, d in zip(reach, dilation, strict=True)]
    return Window(
        source=source,
        kernel=(groups * int(rng.integers(1, 3)), channels // groups, *taps),
        stride=tuple(rng.integers(1, 4, axes).tolist()),
        padding=tuple(map(tuple, padding.tolist())),
        dilation=tuple(dilation.tolist()),
        groups=groups,
    )


def synapses_of(
    kind: str,
    rng: np.random.Generator,
    weights: Callable[[tuple[int, ...]], np.ndarray],
    bits: int,
    shape: tuple[int, int],
    window: Window | None = None,
    most: int = 0,
) -> Dense | Sparse | Convolution | OneToOne:
    """Synapses of a kind; ``weights`` draws them, delays are 0 to ``most`` steps."""

    def drawn(shape: tuple[int, ...]) -> dict:
        delays = rng.integers(0, most, shape, endpoint=True) if most else None
        return {"weights": weights(shape), "bits": bits, "delays": delays}

    if kind == "convolution":
        return Convolution(window=window, **drawn(window.kernel))
    if kind == "one-to-one":
        return OneToOne(neurons=shape[0], **drawn(shape[:1] if rng.random() < 0.7 else ()))
    if kind == "sparse":
        source, target = np.nonzero(rng.random(shape) < 0.6)
        order = rng.permutation(len(source))
        return Sparse.of(source[order], target[order], shape=shape, **drawn(source.shape))
    return Dense(**drawn(shape))

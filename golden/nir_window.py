"""Convolution and pooling nodes as kernels: cross-correlation, zeros around, sizes rounded down, as torch has it."""

from collections.abc import Mapping, Sequence

import numpy as np

from spikeloom.golden.maps import Kernel
from spikeloom.golden.network import Refusal, Window
from spikeloom.golden.nir_nodes import AXES

__all__ = ["kernel_of"]


def kernel_of(kind: str, fields: Mapping[str, np.ndarray], shape: tuple[int, ...], sources: str) -> Kernel:
    """What a node does to ``shape``, which it gets from ``sources``; :class:`Refusal` where it does not go together."""
    axes, pools = AXES[kind], kind.endswith("Pool2d")
    if len(shape) != axes + 1:
        wanted = "(channels, length)" if axes == 1 else "(channels, height, width)"
        raise Refusal(f"takes the shape {wanted}, and {sources} gives {shape}; export it with its channels")
    groups = shape[0] if pools else int(fields["groups"].ravel()[0])
    kernel = (shape[0], 1, *fields["kernel_size"].tolist()) if pools else fields["weight"].shape
    if not pools and shape[0] % groups:
        raise Refusal(f"groups {groups} does not divide its {shape[0]} input channels; export the layer again")
    if kernel[1] * groups != shape[0]:
        raise Refusal(
            f"its weight takes {kernel[1] * groups} channels ({kernel[1]} in each of {groups} groups), and {sources} "
            f"gives {shape[0]}; compare the two layers in the training script"
        )
    dilation = (1,) * axes if pools else tuple(fields["dilation"].tolist())
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel[2:], strict=True)]
    padding = _padding(fields["padding"], reach)
    padded = [n + before + after for n, (before, after) in zip(shape[1:], padding, strict=True)]
    if any(r > n for r, n in zip(reach, padded, strict=True)):
        raise Refusal(
            f"its kernel reaches over {_by(reach)}, and its input with padding has {_by(padded)}, which leaves "
            "nothing; use a smaller kernel or dilation, or more padding"
        )
    window = Window(
        source=shape,
        kernel=kernel,
        stride=tuple(fields["stride"].tolist()),
        padding=tuple(padding),
        dilation=dilation,
        groups=groups,
    )
    if pools:
        share = 1.0 if kind == "SumPool2d" else 1 / float(np.prod(kernel[2:]))  # zeros around count
        return Kernel(weights=np.full(kernel, share), window=window)
    return Kernel(weights=fields["weight"].astype(np.float64), window=window)


def _padding(given: np.ndarray | str, reach: Sequence[int]) -> list[tuple[int, int]]:
    """Zeros before and after, per axis."""
    if isinstance(given, str):
        # As torch: where they are not even, the one more is behind.
        return [((r - 1) // 2, r - 1 - (r - 1) // 2) if given == "same" else (0, 0) for r in reach]
    return [(p, p) for p in given.tolist()]


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))

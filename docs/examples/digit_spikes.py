"""The digits of scikit-learn as spikes, for the examples of every framework."""

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

__all__ = ["load"]

FULL_SCALE = 32  # intensities are 0..16: at most one spike every other step


def rate_code(pixels: NDArray[np.int64], steps: int) -> NDArray[np.uint8]:
    """Turn intensities of shape (samples, pixels) into 0/1 spikes of shape (samples, steps, pixels)."""
    phase = (np.arange(pixels.shape[1], dtype=np.int64) * 2654435761 % 2**32) * FULL_SCALE // 2**32
    step = np.arange(steps + 1, dtype=np.int64)[:, np.newaxis]
    return np.diff((pixels[:, np.newaxis, :] * step + phase) // FULL_SCALE, axis=1).astype(np.uint8)


def load(steps: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    """Return the training set's spikes and classes, and the test set's: every fifth image."""
    pixels, labels = load_digits(return_X_y=True)
    x, y = rate_code(pixels.astype(np.int64), steps), labels.astype(np.int64)
    is_test = np.arange(len(labels)) % 5 == 0
    return x[~is_test], y[~is_test], x[is_test], y[is_test]

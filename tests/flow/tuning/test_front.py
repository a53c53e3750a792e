"""Fronts and volumes against what they mean, point by point."""

import itertools

import numpy as np
import pytest

from spikeloom.tuning.front import front, hypervolume


def beaten(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


@pytest.mark.parametrize("aims", [1, 2, 3, 4])
def test_no_other_beats_a_row_of_the_front(aims):
    rng = np.random.default_rng(aims)
    values = rng.integers(0, 6, (60, aims)).astype(float)
    kept = front(values)
    assert 1 <= len(kept) < len(values)
    for k, row in enumerate(values.tolist()):
        alone = not any(beaten(other, row) for other in values.tolist())
        first = values.tolist().index(row) == k
        assert (k in kept) == (alone and first)


@pytest.mark.parametrize("aims", [1, 2, 3, 4])
def test_the_volume_is_what_is_counted(aims):
    rng = np.random.default_rng(aims)
    values = rng.integers(0, 6, (12, aims)).astype(float)
    cells = itertools.product(range(5), repeat=aims)
    counted = sum(any(all(x <= c for x, c in zip(row, cell, strict=True)) for row in values) for cell in cells)
    assert hypervolume(values, np.full(aims, 5.0)) == counted > 0


def test_what_is_beyond_the_reference_counts_nothing():
    assert hypervolume(np.array([[1.0, 9.0]]), np.array([5.0, 5.0])) == 0

"""What no other candidate beats in everything, and how much of all that is possible lies behind it. Less is better."""

import numpy as np

__all__ = ["front", "hypervolume"]


def front(values: np.ndarray) -> list[int]:
    """Rows that no other row beats; of equal rows the first. In their order."""
    kept: list[int] = []
    for k in np.lexsort(values.T[::-1]):  # whatever beats a row comes before it
        if not any((values[other] <= values[k]).all() for other in kept):
            kept.append(int(k))
    return sorted(kept)


def hypervolume(values: np.ndarray, reference: np.ndarray) -> float:
    """The volume of what is beaten by some row and is better than ``reference``, exactly."""
    inside = values[(values < reference).all(axis=1)]
    return _volume(inside[front(inside)], reference) if len(inside) else 0.0


def _volume(values: np.ndarray, reference: np.ndarray) -> float:
    if values.shape[1] == 1:
        return float(reference[0] - values.min())
    if values.shape[1] == 2:
        total, top = 0.0, reference[1]
        for x, y in values[np.lexsort((values[:, 1], values[:, 0]))].tolist():
            if y < top:
                total += (reference[0] - x) * (top - y)
                top = y
        return float(total)
    # Slices between one row and the next along the last axis.
    ordered = values[values[:, -1].argsort(kind="stable")]
    ends = [*ordered[1:, -1], reference[-1]]
    total = 0.0
    for k, (begin, end) in enumerate(zip(ordered[:, -1], ends, strict=True)):
        if end > begin:
            total += (end - begin) * _volume(ordered[: k + 1, :-1], reference[:-1])
    return float(total)

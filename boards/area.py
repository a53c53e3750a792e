"""The logic cells, flip-flops and multipliers of a design, estimated from its parameters without any tool.

What each of a design's parts costs in a family is fitted to runs of its tools.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spikeloom.boards.board import Board
from spikeloom.boards.parts import PARTS, multipliers, parts
from spikeloom.hdl.parameters import AcceleratorParameters

__all__ = ["FITTED", "Area", "Measured", "fitted"]

FITTED = ("lut", "ff")
#: How much the families' common costs weigh against a family's own runs.
COMMON = 0.1
#: Of weighing the families against each other, which then changes no more.
ROUNDS = 6
MOST_TURNS, NOTHING = 10, 1e-9


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the tools counted of a design on a board."""

    board: Board
    parameters: AcceleratorParameters
    used: Mapping[str, int]


class Area:
    """Costs of ``PARTS`` by (resource, family)."""

    def __init__(self, costs: Mapping[tuple[str, str], np.ndarray]):
        self.costs = costs

    def predict(self, p: AcceleratorParameters, board: Board) -> dict[str, int] | None:
        """Logic cells, flip-flops and multipliers; None in a family without runs."""
        if ("lut", board.family) not in self.costs:
            return None
        amounts = np.array(list(parts(p, board).values()))
        found = {name: round(float(amounts @ self.costs[name, board.family])) for name in FITTED}
        return {**found, "dsp": multipliers(p, board)}


def fitted(runs: Sequence[Measured]) -> Area:
    """Least squares of the relative errors, over costs that are not negative.

    A part that a family's runs do not tell apart from others costs there what it costs in all families, each of these
    as many times as costly as the runs say.
    """
    amounts = np.array([list(parts(run.parameters, run.board).values()) for run in runs], float)
    families = np.array([run.board.family for run in runs])
    costs = {}
    for resource in FITTED:
        counted = np.array([run.used[resource] for run in runs], float)
        might = np.array([resource == "lut" or registers for registers in PARTS.values()])
        relative = amounts * might / counted[:, None]
        factors = np.ones(len(runs))
        for _ in range(ROUNDS):
            common = _least_squares(relative * factors[:, None])
            for family in set(families):
                mine = families == family
                expected = relative[mine] @ common
                factors[mine] = expected.sum() / (expected @ expected)
        for family in sorted(set(families)):
            mine = families == family
            costs[resource, family] = _least_squares(relative[mine], common * factors[mine][0])
    return Area(costs)


def _least_squares(rows: np.ndarray, common: np.ndarray | None = None) -> np.ndarray:
    """The costs with which every row adds up to 1, as nearly as they can, and ``common`` where rows say little."""
    scale = rows.mean(0)
    scale[scale == 0] = 1
    matrix, wanted = rows / scale, np.ones(len(rows))
    if common is not None:
        weight = COMMON**0.5
        matrix = np.concatenate([matrix, weight * np.eye(len(scale))])
        wanted = np.concatenate([wanted, weight * common * scale])
    return _non_negative(matrix, wanted) / scale


def _non_negative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The x >= 0 with the least ``|a x - b|``; Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23."""
    x = np.zeros(a.shape[1])
    free = np.zeros(len(x), bool)
    for _ in range(MOST_TURNS * len(x)):
        gain = np.where(free, 0, a.T @ (b - a @ x))
        if gain.max() < NOTHING:
            break
        free[gain.argmax()] = True
        while True:
            best = np.zeros(len(x))
            best[free] = np.linalg.lstsq(a[:, free], b, rcond=None)[0]
            low = free & (best <= 0)
            if not low.any():
                break
            x += (x[low] / (x[low] - best[low])).min() * (best - x)
            free &= x > NOTHING
        x = best
    return x

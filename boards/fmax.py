"""The fastest clock of a board's whole design, estimated without any tool from runs of place and route.

A device has a clock of its own, which larger designs, several cores and, by family, short pipelines reach less of.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.boards import catalogue
from spikeloom.boards.board import Board
from spikeloom.boards.families import FAMILIES
from spikeloom.hdl.parameters import AcceleratorParameters

__all__ = ["SHIPPED", "Run", "Speed", "device", "fitted", "load", "predict"]

SHIPPED = Path(__file__).with_name("fmax.json")
#: How much it weighs that an effect is none, where runs say little.
NONE = 0.05


@dataclass(frozen=True, kw_only=True)
class Run:
    """A placed design: its logic cells, and the fastest clock with each seed."""

    board: str
    network: str
    weight_bits: int
    configuration: Mapping[str, Any]
    lut: int
    fmax_mhz: Sequence[float]

    @property
    def features(self) -> tuple[float, ...]:
        several = self.configuration.get("cores", 1) not in (1, "shared")
        return _features(self.lut, several, self.configuration.get("pipeline") == "short", self.board)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """own: of a device, the logarithm of the clock of a design of no size. effects: of the features."""

    own: Mapping[str, float]
    effects: Sequence[float]

    def predict(self, device: str, features: Sequence[float]) -> float | None:
        if device not in self.own:
            return None
        return exp(self.own[device] + sum(a * b for a, b in zip(self.effects, features, strict=True)))


def load(path: Path = SHIPPED) -> tuple[Run, ...]:
    return tuple(Run(**run) for run in json.loads(path.read_text("utf-8"))["runs"])


def fitted(runs: Sequence[Run]) -> Speed:
    """Least squares of the logarithms: of relative errors. The middle of a design's seeds counts."""
    devices = sorted({device(run.board) for run in runs})
    own = np.array([[device(run.board) == one for one in devices] for run in runs], float)
    features = np.array([run.features for run in runs])
    matrix = np.concatenate([own, features], axis=1)
    wanted = np.log([float(np.median(run.fmax_mhz)) for run in runs])
    few = NONE * np.eye(matrix.shape[1])[len(devices) :]
    found = np.linalg.lstsq(np.concatenate([matrix, few]), np.concatenate([wanted, np.zeros(len(few))]), rcond=None)[0]
    return Speed(own=dict(zip(devices, found.tolist(), strict=False)), effects=found[len(devices) :].tolist())


@cache
def _shipped() -> Speed:
    return fitted(load())


def predict(p: AcceleratorParameters, board: Board, lut: int | None, speed: Speed | None = None) -> float | None:
    """In MHz; None for a device without runs, or where the logic cells are not known. speed: by default the shipped."""
    if lut is None:
        return None
    return (speed or _shipped()).predict(
        device(board.name), _features(lut, len(p.cores) > 1, p.cores[0].short, board.name)
    )


def device(board: str) -> str:
    """What decides: the kind of silicon and its speed grade."""
    found = catalogue.find(board)
    return f"{found.device} {found.speed}".strip()


def _features(lut: float, several: bool, short: bool, board: str) -> tuple[float, ...]:
    family = catalogue.find(board).family
    return (log(lut / 1000), float(several), *(float(short and family == one) for one in FAMILIES))

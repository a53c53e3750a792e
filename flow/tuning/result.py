"""The folder that a search leaves: the front, the chosen designs, and the commands that make them again."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from spikeloom.bench.cache import digest
from spikeloom.files import new_file
from spikeloom.golden.conventions import Knobs
from spikeloom.hdl.configuration import Configuration
from spikeloom.tuning.calibrate import Model
from spikeloom.tuning.figures import DEPTHS, FIGURES
from spikeloom.tuning.goals import Goals
from spikeloom.tuning.settle import ROLES, Design, order, role
from spikeloom.tuning.space import CLOCK, STEPS, Point, label, quantisation_of, training_of
from spikeloom.tuning.study import Trial

__all__ = ["Best", "Commands", "TuneReport", "best", "chosen", "save_front"]

#: Designs that are shown while the search goes on.
MOST_LIVE = 8


@dataclass(frozen=True, kw_only=True)
class TuneReport:
    """What a search found.

    model: what predicted logic and clock. trials, refused: how many points were looked at by the model, and of these
    without a design. why: what is most often said of the latter. front: those that no other beats, by the model or,
    where they were built, as measured. settled: those that were built. chosen: the "fastest", "smallest" and "balanced"
    of the settled ones (of the front if nothing was to be built). workers: how many points each process evaluated.
    evaluated, seconds: new points of this run, and the time it took.
    """

    board: str
    model: Model
    goals: Goals
    trials: int
    refused: int
    why: str
    front: tuple[Design, ...]
    settled: tuple[Design, ...]
    chosen: Mapping[str, Design]
    workers: Mapping[str, int]
    evaluated: int
    seconds: float
    output: Path

    @property
    def ok(self) -> bool:
        return bool(self.chosen)

    def summary(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "board": self.board,
            "model": self.model.summary(),
            "objectives": {"maximise": self.goals.maximise, "minimise": self.goals.minimise},
            "limits": [limit.text for limit in self.goals.limits],
            "trials": self.trials,
            "refused": self.refused,
            "why": self.why,
            "front": [self._described(one) for one in self.front],
            "settled": [self._described(one) for one in self.settled],
            "chosen": {name: design.number for name, design in self.chosen.items()},
            "workers": list(self.workers.values()),
            "evaluated": self.evaluated,
            "seconds": self.seconds,
            "output": self.output,
        }

    @property
    def depths(self) -> dict[int, str]:
        """How numbers came about."""
        return {**DEPTHS, 1: self.model.name}

    def _described(self, design: Design) -> dict[str, Any]:
        """A design as JSON holds it; every number with how it came about."""
        return {
            "number": design.number,
            "depth": design.depth,
            "by": self.depths[design.depth],
            "figures": {name: shown(name, value) for name, value in design.figures.items()},
            "modelled": {name: shown(name, value) for name, value in design.modelled.items()},
            "point": dict(design.point),
            "limits_kept": self.goals.kept(design.figures),
            "problem": design.problem,
            "folder": str(design.folder) if design.folder else None,
        }


def shown(name: str, value: float) -> float:
    """Without digits that mean nothing."""
    return round(value, 4) if FIGURES[name].share else float(f"{value:.6g}")


def chosen(designs: Sequence[Design], goals: Goals) -> dict[str, Design]:
    """The fastest, the smallest and the balanced of those that can be used."""
    good = [design for design in designs if not design.problem and goals.kept(design.figures)]
    return {name: good[role(name, [design.figures for design in good], goals)] for name in ROLES} if good else {}


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best designs so far, as a table."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def best(front: Sequence[Trial], goals: Goals) -> Best:
    """The first of the front as they would be built, each with what it is."""
    found = [trial.figures for trial in front]
    roles: dict[int, list[str]] = {}
    for name in ROLES if front else ():
        roles.setdefault(front[role(name, found, goals)].number, []).append(name)
    rows = [
        (
            str(trial.number),
            *(f"{shown(name, trial.figures[name]):,g}" for name in goals.objectives),
            ", ".join(roles.get(trial.number, [])),
        )
        for trial in order(front, goals)[:MOST_LIVE]
    ]
    heads = [f"{name} ({FIGURES[name].unit})" if FIGURES[name].unit else name for name in goals.objectives]
    return Best(heads=("trial", *heads, ""), rows=tuple(rows))


@dataclass(frozen=True, kw_only=True)
class Commands:
    """What makes a point again on the command line. models: of a training callback, its file for each choice."""

    model: Path
    data: Path
    knobs: Knobs
    read_out: str
    board: str

    def convert(self, point: Point, loom: str, model: Path | None = None, data: Path | None = None) -> str:
        words = ["spikeloom", "convert", str(model or self.model), "--data", str(data or self.data)]
        for name, value in self.knobs.as_dict().items():
            option = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                words.append(option if value else f"--no-{name}")
            elif value is not None:
                words += [option, str(value)]
        if self.read_out != "sum":
            words += ["--read-out", self.read_out]
        for name, value in quantisation_of(point).items():
            if isinstance(value, Mapping):
                widths = ",".join(f"{layer}={bits}" if layer else str(bits) for layer, bits in value.items())
                words += [f"--{name.replace('_', '-')}", widths]
            elif name == "per_channel":
                words += ["--per-channel"] if value else []
            elif name != STEPS:
                words += [f"--{name.replace('_', '-')}", str(value)]
        return shlex.join([*words, "-o", loom])

    def build(self, point: Point, loom: str, config: str, folder: str, data: Path | None = None) -> str:
        words = ["spikeloom", "build", loom, "--board", self.board, "--config", config]
        words += ["--data", str(data or self.data), "-o", folder]
        if point.get(CLOCK):
            words += ["--clock-hz", str(round(point[CLOCK] * 1e6))]
        return shlex.join(words)


def save_configuration(configuration: Configuration, path: Path, about: str) -> None:
    """A file for ``--config``."""
    document = configuration.model_dump(exclude_defaults=True) or {"lanes": configuration.lanes}
    with new_file(path) as partial:
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        partial.write_text(f"# {about}\n{text}", "utf-8")


def save_front(report: TuneReport, path: Path) -> None:
    """All of the report, as ``front.json``."""
    from spikeloom.show import jsonable

    with new_file(path) as partial:
        partial.write_text(json.dumps(jsonable(report.summary()), indent=1, allow_nan=False) + "\n", "utf-8")


def variant(point: Point) -> str:
    """A file's name for the model that a training callback makes of a point's choices."""
    said = "-".join(f"{name}-{label(value)}" for name, value in training_of(point).items())
    return said if re.fullmatch(r"[\w.-]{0,100}", said) else digest(said)[:16]

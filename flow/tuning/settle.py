"""From candidates of the model to designs that are built, measured and compared with the integer model."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikeloom import api
from spikeloom.boards import calibration
from spikeloom.boards.board import Board, Resources
from spikeloom.boards.build import BuildReport
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.stages import KEPT
from spikeloom.golden.network import Refusal
from spikeloom.tuning.cost import quality
from spikeloom.tuning.goals import Goals
from spikeloom.tuning.source import Integers
from spikeloom.tuning.space import Point
from spikeloom.tuning.study import Trial

__all__ = ["ROLES", "Design", "order", "role", "settle"]

ROLES = ("fastest", "smallest", "balanced")
#: So many designs are tried for each that is wanted: of some the tools say other than the model.
TRIES = 2


@dataclass(frozen=True, kw_only=True)
class Design:
    """A candidate with all that is known of it.

    depth: how ``figures`` came about, as in ``tuning.figures.DEPTHS``; ``modelled`` has what the model said of it.
    problem: why it is not to be used, else empty.
    """

    number: int
    point: Point
    depth: int
    figures: Mapping[str, float]
    modelled: Mapping[str, float] = field(repr=False)
    problem: str = ""
    folder: Path | None = None


def role(name: str, found: Sequence[Mapping[str, float]], goals: Goals) -> int:
    """Which of some designs is the fastest, the smallest or the balanced one."""
    if name == "balanced":
        costs = np.array([goals.costs(one) for one in found])
        low, high = costs.min(axis=0), costs.max(axis=0)
        return int((((costs - low) / np.maximum(high - low, 1e-9)) ** 2).sum(axis=1).argmin())
    first = ("latency",) if name == "fastest" else ("lut", "bram", "ff")
    named = [one for one in first if all(one in each for each in found)]
    return min(range(len(found)), key=lambda k: ([found[k][one] for one in named], goals.costs(found[k])))


def order(front: Sequence[Trial], goals: Goals) -> list[Trial]:
    """The front: balanced, fastest, smallest, and then always what is farthest from all before it."""
    if not front:
        return []
    found = [trial.figures for trial in front]
    chosen = list(dict.fromkeys(role(name, found, goals) for name in ("balanced", "fastest", "smallest")))
    costs = np.array([goals.costs(one) for one in found])
    costs = (costs - costs.min(axis=0)) / np.maximum(np.ptp(costs, axis=0), 1e-9)
    while len(chosen) < len(front):
        apart = np.abs(costs[:, None, :] - costs[None, chosen, :]).sum(axis=2).min(axis=1)
        apart[chosen] = -1
        chosen.append(int(apart.argmax()))
    return [front[k] for k in chosen]


def settle(
    front: Sequence[Trial],
    goals: Goals,
    board: Board,
    wanted: int,
    made: Callable[[Point], tuple[Integers, Any, Any, int | None]],
    folder: Path,
    progress: Callable[..., None],
) -> list[Design]:
    """Build designs of the front one after the other, until so many keep all limits as they are measured.

    made: a point's network, configuration, data and clock. What is built stays in ``folder``, a folder each.
    """
    designs: list[Design] = []
    for trial in order(front, goals)[: TRIES * wanted]:
        good = sum(not design.problem for design in designs)
        if good == wanted:
            break
        progress(f"build trial {trial.number}, {good + 1} of {wanted}")
        designs.append(_settled(trial, goals, board, made(trial.point), folder / str(trial.number), progress))
    return designs


def _settled(
    trial: Trial,
    goals: Goals,
    board: Board,
    made: tuple[Integers, Any, Any, int | None],
    folder: Path,
    progress: Callable[..., None],
) -> Design:
    integers, configuration, data, clock_hz = made
    known = {"number": trial.number, "point": trial.point, "modelled": trial.figures}
    figures, depth = dict(trial.figures), 1

    def tell(*said: Any) -> None:
        progress(*(f"trial {trial.number}: {one}" if isinstance(one, str) else one for one in said))

    try:
        if FAMILIES[board.family].flow == "open":
            tell("synthesise")
            _, used = calibration.measure(integers.network, configuration, board, kept=KEPT)
            figures, depth = figures | _resources(Resources(**used)), 2
            if beyond := _beyond(goals, figures):
                return Design(**known, depth=depth, figures=figures, problem=f"after synthesis it is beyond {beyond}")
        with TemporaryDirectory(prefix="spikeloom-") as temporary:
            built = Path(temporary) / "design"
            report = api.build(
                integers.network,
                board=board.name,
                output=built,
                config=configuration,
                data=data,
                clock_hz=clock_hz,
                progress=tell,
            )
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(built, folder)
    except Refusal as refusal:
        return Design(**known, depth=depth, figures=figures, problem=str(refusal).split("\n")[0])
    if not isinstance(report, BuildReport):  # the vendor's tools go on from here
        return Design(**known, depth=depth, figures=figures, folder=folder)
    figures = quality(integers) | _resources(report.used) | {"memory": float(sum(report.stored.values()))}
    figures |= {name: trial.figures[name] for name in ("spram",)}  # counted, not estimated
    figures |= {"fmax": report.fmax_mhz, "clock": report.core_mhz, "clocks": float(report.clocks_per_inference or 0)}
    figures |= {"latency": float(report.latency_us or 0), "rate": float(report.inferences_per_second or 0)}
    problem = "" if report.timing_met else f"timing is missed: {report.fmax_mhz:.1f} of {report.core_mhz:g} MHz"
    if not problem and (beyond := _beyond(goals, figures)):
        problem = f"as it is measured it is beyond {beyond}"
    return Design(**known, depth=3, figures=figures, problem=problem, folder=folder)


def _resources(used: Resources) -> dict[str, float]:
    return {"lut": float(used.lut), "ff": float(used.ff), "bram": float(used.block_ram), "dsp": float(used.dsp)}


def _beyond(goals: Goals, figures: Mapping[str, float]) -> str:
    return ", ".join(text for text, by in goals.excesses(figures).items() if by)

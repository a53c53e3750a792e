"""The model of logic and of the clock, refitted to runs of the tools on this machine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.bench.cache import digest
from spikeloom.boards import catalogue, tools
from spikeloom.boards.board import Board
from spikeloom.boards.families import FAMILIES
from spikeloom.files import check_place
from spikeloom.golden.network import Refusal
from spikeloom.tuning import own_runs
from spikeloom.tuning.cost import Estimate
from spikeloom.tuning.goals import goals
from spikeloom.tuning.own_runs import Costs, Run
from spikeloom.tuning.space import Point, Space, key_of
from spikeloom.tuning.study import BATCH

__all__ = ["SHIPPED", "Model", "calibrate", "check", "read"]

Evaluate = Callable[[Sequence[Point]], Iterator[tuple[int, Estimate, str]]]
#: So many points are drawn for each design that is wanted: of some spaces the board holds few.
DRAWN = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """What logic and clock are predicted by.

    costs: None is of the shipped runs. path, runs: own runs beside these, if any. family: how many of them are of the
    board's. off: by figure, by how much these are off in the middle and at worst, as the shipped runs predict them
    ("before") and as shipped and other own ones do ("after").
    """

    costs: Costs | None
    path: Path | None = None
    runs: tuple[Run, ...] = ()
    family: int = 0
    off: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Of the own runs; without any, empty."""
        return digest([asdict(run) for run in self.runs]) if self.runs else ""

    @property
    def name(self) -> str:
        return "calibrated model" if self.runs else "model"

    @property
    def about(self) -> str:
        """In words, for the page and the command line."""
        if not self.runs:
            return "Logic and clock are fitted to runs of the tools that come with Spikeloom."
        versions = sorted({f"{tool} {version}" for run in self.runs for tool, version in run.tools.items()})
        said = [
            f"{name} {100 * both['after'][0]:.1f} % ({100 * both['after'][1]:.1f} %; before "
            f"{100 * both['before'][0]:.1f} %, {100 * both['before'][1]:.1f} %)"
            for name, both in self.off.items()
        ]
        judged = f" Predicted from all others these are off by, in the middle (at worst): {', '.join(said)}."
        return (
            f"Logic and clock are fitted to runs of the tools that come with Spikeloom and to {len(self.runs)} of "
            f"{self.path} ({', '.join(versions)}), {self.family} of these of the board's family."
            + (judged if said else "")
        )

    def summary(self) -> dict[str, Any]:
        return {"runs": len(self.runs), "file": self.path, "of_family": self.family, "off": self.off}


SHIPPED = Model(costs=None)


def read(path: Path, board: Board) -> Model:
    """The model that a file's runs and the shipped ones make."""
    runs = own_runs.load(path)
    errors = own_runs.off(runs, board.family)

    def ends(off: Sequence[float]) -> tuple[float, float]:
        return round(float(np.median(np.abs(off))), 4), round(float(np.abs(off).max()), 4)

    return Model(
        costs=own_runs.fit(runs),
        path=path,
        runs=runs,
        family=sum(catalogue.find(run.board).family == board.family for run in runs),
        off={name: {"before": ends(before), "after": ends(after)} for name, (before, after) in errors.items()},
    )


def check(board: Board, path: Path) -> None:
    """Refuse before any work where it cannot be done."""
    if FAMILIES[board.family].flow != "open":
        raise Refusal(
            f"calibrate: {board.name} is placed by its vendor's tools, and runs are of the open ones; leave it out, or "
            "take a board of these"
        )
    for name in FAMILIES[board.family].tools:
        tools.find(name)
    if path.parent.is_dir():
        check_place(path)


def calibrate(
    space: Space,
    board: Board,
    wanted: int,
    evaluate: Evaluate,
    made: Callable[[Point], tuple[Any, Any, Any, int | None]],
    seed: int,
    path: Path,
    progress: Callable[..., None],
) -> None:
    """Run the tools on designs of the space, drawn at random of those that the board holds by the model, until the file
    has ``wanted``. It is written after each, and the same seed draws the same: what was interrupted goes on.

    evaluate, made: as of a search, and of settling.
    """
    versions = {name: tools.version(name) for name in FAMILIES[board.family].tools}
    runs = list(own_runs.load(path)) if path.exists() else []
    known = {run.design for run in runs if run.tools == versions}
    count = refused = 0
    for point in _drawn(space, board, DRAWN * wanted, evaluate, seed):
        progress("calibrate: runs of the tools", count, wanted)
        if count == wanted:
            return
        integers, configuration, *_ = made(point)
        design = own_runs.design(board, integers.network, configuration)
        if design not in known:
            try:
                run = own_runs.measure(integers.network, configuration, board, versions)
            except Refusal:  # it is larger than the model says; where that is the rule, there is something else
                refused += 1
                if refused > wanted:
                    raise
                continue
            # The same of other versions of the tools says nothing more.
            runs = [*(one for one in runs if one.design != design), run]
            known.add(design)
            own_runs.save(runs, path)
        count += 1
    if not count:
        raise Refusal(f"calibrate: by the model {board.name} holds none of the space's designs that were drawn")


def _drawn(space: Space, board: Board, most: int, evaluate: Evaluate, seed: int) -> Iterator[Point]:
    """Points that differ, in the order of the seed, which the board holds by the model."""
    limits = [limit for limit in goals((), ("lut",), (), board).limits if limit.board]
    rng, points = np.random.default_rng(seed), dict[str, Point]()
    for _ in range(most):
        point = space.point(space.drawn(rng))
        points.setdefault(key_of(point), point)
    different = list(points.values())
    for begin in range(0, len(different), BATCH):
        batch = different[begin : begin + BATCH]
        found = {number: estimate for number, estimate, _ in evaluate(batch)}
        for number, point in enumerate(batch):
            figures = found[number].figures
            if figures and not any(one.excess(figures[one.name]) for one in limits if one.name in figures):
                yield point

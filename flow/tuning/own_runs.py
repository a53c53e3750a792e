"""Runs of the tools on a user's own machine, and models that fit these and the shipped ones.

A file of costs may have runs of any boards, networks and versions of the tools.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spikeloom.boards import calibration, catalogue, fmax
from spikeloom.boards.area import FITTED, Area, Measured, fitted
from spikeloom.boards.board import Board
from spikeloom.boards.build import BuildReport, build
from spikeloom.boards.calibration import FOLDS
from spikeloom.boards.fit import predicted
from spikeloom.boards.fmax import Speed
from spikeloom.boards.stages import KEPT
from spikeloom.files import new_file
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.parameters import AcceleratorParameters

__all__ = ["Costs", "Run", "design", "fit", "load", "measure", "off", "save", "shipped"]

FORMAT = "spikeloom costs 1"
#: Of a file, and of what is counted of a design.
MAX_FILE_BYTES, MOST = 1 << 26, 1e9


@dataclass(frozen=True, kw_only=True)
class Run:
    """A design, and what the tools made of it.

    network: its hash. parameters: as a manifest has them. used: by resource, as a build counts; without one, which
    needs a design that fits, as synthesis and packing do. fmax_mhz: 0 where it was not placed.
    """

    board: str
    network: str
    configuration: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(repr=False)
    used: Mapping[str, int]
    fmax_mhz: float
    tools: Mapping[str, str]

    @property
    def design(self) -> tuple[str, str, str]:
        return self.board, self.network, Configuration.create(**self.configuration).model_dump_json()

    @property
    def accelerator(self) -> AcceleratorParameters:
        return calibration.parameters(self.parameters)

    @property
    def measured(self) -> Measured:
        return Measured(board=catalogue.find(self.board), parameters=self.accelerator, used=self.used)

    @property
    def placed(self) -> fmax.Run:
        return fmax.Run(
            board=self.board,
            network=self.network,
            weight_bits=max(core.weight_bits for core in self.accelerator.cores),
            # A placement is as good as a number: there are several cores.
            configuration={**self.configuration, "cores": len(self.accelerator.cores)},
            lut=self.used["lut"],
            fmax_mhz=(self.fmax_mhz,),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Costs:
    """Models of logic and of the clock."""

    area: Area
    speed: Speed

    def needs(self, p: AcceleratorParameters, board: Board) -> dict[str, int | None]:
        """As :func:`spikeloom.boards.fit.predicted`."""
        return predicted(p, board, self.area)

    def fmax(self, p: AcceleratorParameters, board: Board, lut: int | None) -> float | None:
        return fmax.predict(p, board, lut, self.speed)


@cache
def shipped() -> Costs:
    """Of the runs that come with Spikeloom."""
    return Costs(area=calibration.area(), speed=fmax.fitted(fmax.load()))


def fit(runs: Sequence[Run]) -> Costs:
    """Of the shipped runs and of these, which together weigh at least as much as those of the same family or device."""
    if not runs:
        return shipped()
    area = calibration.measured([run for run in calibration.load() if run.used])
    area += _weighed([run.measured for run in runs], area, lambda one: one.board.family)
    speed = list(fmax.load())
    speed += _weighed([run.placed for run in runs if run.fmax_mhz], speed, lambda one: fmax.device(one.board))
    return Costs(area=fitted(area), speed=fmax.fitted(speed))


def _weighed(own: list[Any], others: Sequence[Any], kind: Callable[[Any], str]) -> list[Any]:
    """Each so many times that they count as much as the others of their kind, or more."""
    mine, theirs = Counter(map(kind, own)), Counter(map(kind, others))
    return [one for one in own for _ in range(max(1, round(theirs[kind(one)] / mine[kind(one)])))]


def off(runs: Sequence[Run], family: str) -> dict[str, tuple[list[float], list[float]]]:
    """By figure, the shares by which the family's runs are off: as the shipped model predicts them, and as models do
    that are fitted to the other runs too: every third is left out in turn."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in (*FITTED, "fmax")}
    for fold in range(min(FOLDS, len(runs))):
        asked = [run for run in runs[fold::FOLDS] if catalogue.find(run.board).family == family]
        if not asked:
            continue
        for k, costs in enumerate((shipped(), fit([run for j, run in enumerate(runs) if j % FOLDS != fold]))):
            for run in asked:
                board, p = catalogue.find(run.board), run.accelerator
                needs = costs.needs(p, board)
                said = {**needs, "fmax": costs.fmax(p, board, needs["lut"])}
                for name, true in (*((name, run.used[name]) for name in FITTED), ("fmax", run.fmax_mhz)):
                    if said[name] is not None and true:
                        found[name][k].append(said[name] / true - 1)
    return {name: both for name, both in found.items() if all(both)}


def design(board: Board, network: Network, configuration: Configuration) -> tuple[str, str, str]:
    """What tells runs apart."""
    return board.name, network.hash, configuration.model_dump_json()


def measure(network: Network, configuration: Configuration, board: Board, tools: Mapping[str, str]) -> Run:
    """Synthesise, pack, place and route it, but for stages that are in the user's cache."""
    manifest, used = calibration.measure(network, configuration, board, kept=KEPT)
    clock = 0.0
    with TemporaryDirectory(prefix="spikeloom-") as folder:
        try:
            report = build(network, configuration, board, Path(folder) / "design", kept=KEPT)
            assert isinstance(report, BuildReport), "of a board with open tools"
            used, clock = asdict(report.used), report.fmax_mhz
        except Refusal:  # the board cannot hold it, or not route it
            pass
    return Run(
        board=board.name,
        network=network.hash,
        configuration=configuration.model_dump(exclude_defaults=True),
        parameters=manifest["parameters"],
        used=used,
        fmax_mhz=clock,
        tools=tools,
    )


def save(runs: Sequence[Run], path: Path) -> None:
    lines = ",\n".join(json.dumps(asdict(run), separators=(",", ":")) for run in runs)
    with new_file(path) as partial:
        partial.write_text(f'{{"format": "{FORMAT}", "runs": [\n{lines}\n]}}\n', "utf-8")


def load(path: Path) -> tuple[Run, ...]:
    """The runs of a file, each looked at; :class:`Refusal` for any other file."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"it has more than {MAX_FILE_BYTES} bytes")
        document = json.loads(path.read_text("utf-8"))
        if document["format"] != FORMAT:
            raise ValueError("another format")
        runs = tuple(Run(**run) for run in document["runs"])
        for run in runs:
            _check(run)
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise Refusal(f"{path}: not a file of costs, as `spikeloom tune --calibrate` writes them ({why})") from None
    return runs


def _check(run: Run) -> None:
    Configuration.create(**run.configuration)
    counts = [run.used[name] for name in FITTED]
    if not all(isinstance(n, int | float) and 0 <= n < MOST for n in (*counts, run.fmax_mhz)) or not all(counts):
        raise ValueError(f"a run on {run.board} has counts that no design has")
    if not all(isinstance(word, str) for word in (run.network, *run.tools, *run.tools.values())):
        raise ValueError(f"a run on {run.board} has names that are none")
    predicted(run.accelerator, catalogue.find(run.board))

"""Runs of the tools, to which the model of area is fitted: designs, and what synthesis and packing made of them.

``area.json`` has those of packaged networks, and the model that fits them. Whoever has other networks or versions of
the tools may fit it to runs of their own, or to both.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikeloom.boards import catalogue
from spikeloom.boards.area import FITTED, Area, Measured, fitted
from spikeloom.boards.board import Board
from spikeloom.boards.link.uart import default_baud
from spikeloom.boards.parts import PARTS
from spikeloom.boards.stages import KeptStages
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.kept import Kept
from spikeloom.hdl.neurons import MODELS
from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters, FlitParameters, ScatterParameters

__all__ = ["FOLDS", "SHIPPED", "Run", "area", "load", "measure", "measured", "off", "parameters", "save", "worst"]

SHIPPED = Path(__file__).with_name("area.json")
#: Runs are predicted by a model of the others in so many turns.
FOLDS = 3


@dataclass(frozen=True, kw_only=True)
class Run:
    """A packaged network's design. parameters: as a manifest has them. used: by resource, after packing; both are empty
    where it is yet to be measured. built: the same of a whole build, where one was made; in some families placement
    changes the counts."""

    board: str
    network: str
    weight_bits: int
    configuration: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    used: Mapping[str, int] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    built: Mapping[str, int] = field(default_factory=dict)


def load(path: Path = SHIPPED) -> tuple[Run, ...]:
    return tuple(Run(**run) for run in _read(path)["runs"])


def measured(runs: Sequence[Run]) -> list[Measured]:
    """What builds of them count: of packed designs as many times more as builds of the family have, the middle one."""
    boards = [catalogue.find(run.board) for run in runs]
    grown: dict[tuple[str, str], list[float]] = {}
    for run, board in zip(runs, boards, strict=True):
        for resource in run.built:
            grown.setdefault((resource, board.family), []).append(run.built[resource] / run.used[resource])

    def counted(run: Run, family: str) -> dict[str, int]:
        return {name: round(n * float(np.median(grown.get((name, family), [1])))) for name, n in run.used.items()}

    return [
        Measured(board=board, parameters=parameters(run.parameters), used=counted(run, board.family))
        for run, board in zip(runs, boards, strict=True)
    ]


def save(runs: Sequence[Run], path: Path = SHIPPED) -> None:
    """The runs, a line for each, and what fits them, which takes seconds to find."""
    made = [run for run in runs if run.used]
    model = fitted(measured(made))
    worst = {key: round(max(map(abs, errors)), 4) for key, errors in off(made).items()}
    costs = [
        {"resource": key[0], "family": key[1], "worst": worst[key]}
        | {"costs": dict(zip(PARTS, found.round(4).tolist(), strict=True))}
        for key, found in model.costs.items()
    ]
    both = (",\n".join(json.dumps(one, separators=(",", ":")) for one in some) for some in (costs, map(asdict, runs)))
    path.write_text('{{"model": [\n{}\n], "runs": [\n{}\n]}}\n'.format(*both), "utf-8")


@cache
def area(path: Path = SHIPPED) -> Area:
    """The model that fits a file's runs."""
    model = _read(path)["model"]
    return Area({(m["resource"], m["family"]): np.array([m["costs"][part] for part in PARTS]) for m in model})


@cache
def worst(path: Path = SHIPPED) -> dict[tuple[str, str], float]:
    """By (resource, family), the share by which a run was off that the model was not fitted to."""
    return {(m["resource"], m["family"]): m["worst"] for m in _read(path)["model"]}


def off(runs: Sequence[Run]) -> dict[tuple[str, str], list[float]]:
    """By (resource, family), the shares by which predictions are off, each by a model of runs to which its own does not
    belong: every third is left out in turn."""
    found: dict[tuple[str, str], list[float]] = {}
    known = measured(runs)
    for fold in range(FOLDS):
        model = fitted([run for k, run in enumerate(known) if k % FOLDS != fold])
        for run in known[fold::FOLDS]:
            predicted = model.predict(run.parameters, run.board)
            assert predicted, "a family has at least two runs"
            for resource in FITTED:
                error = predicted[resource] / run.used[resource] - 1
                found.setdefault((resource, run.board.family), []).append(error)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(f"{path}: not runs of the tools ({type(error).__name__}: {error})") from None


def measure(
    network: Network, configuration: Configuration, board: Board, *, kept: Kept | None = None, again: bool = False
) -> tuple[dict[str, Any], dict[str, int]]:
    """Synthesise and pack the board's whole design; its manifest, and what a build would count.

    kept, again: as of ``boards.build.build``.
    """
    with TemporaryDirectory(prefix="spikeloom-") as folder:
        rtl, build = Path(folder) / "rtl", Path(folder) / "build"
        build.mkdir()
        manifest = generate(network, configuration, rtl)
        stages = KeptStages(board, rtl, build, kept=kept, again=again)
        cells = stages.synthesise_board(manifest, core_hz=board.core_hz, baud=default_baud(board.core_hz))
        return manifest, asdict(stages.packed(cells))


def parameters(plain: Mapping[str, Any]) -> AcceleratorParameters:
    """The parameters that a manifest has."""

    def core(p: Mapping[str, Any]) -> CoreParameters:
        neuron = {name: frozenset(value) if isinstance(value, list) else value for name, value in p["neuron"].items()}
        made = {
            "neuron": MODELS[p["model"]].Parameters(**neuron),
            "flit": FlitParameters(**p["flit"]),
            "scatter": ScatterParameters(**p["scatter"]) if p["scatter"] else None,
        }
        return CoreParameters(**{**p, **made})

    cores = tuple(map(core, plain["cores"]))
    return AcceleratorParameters(**{**plain, "cores": cores, "flit": FlitParameters(**plain["flit"])})

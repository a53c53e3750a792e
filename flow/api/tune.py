"""The search for hardware."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom.api.given import Progress

if TYPE_CHECKING:
    from spikeloom.api.given import AnyData
    from spikeloom.golden.conventions import Knobs
    from spikeloom.tuning.result import TuneReport

__all__ = ["tune"]


def tune(
    model: str | Path,
    *,
    data: "AnyData",
    board: str,
    output: str | Path,
    knobs: "Knobs | str | None" = None,
    maximise: str | Sequence[str] = "accuracy",
    minimise: str | Sequence[str] = "latency,lut",
    require: Sequence[str] | None = None,
    space: str | Path | Mapping[str, Any] | None = None,
    trials: int = 300,
    settle: int = 3,
    read_out: str = "sum",
    train: str | None = None,
    sampler: str = "front",
    seed: int = 0,
    storage: str | None = None,
    executor: str | Executor = "local",
    workers: int | None = None,
    resume: bool = False,
    costs: str | Path | None = None,
    calibrate: int = 0,
    progress: Progress | None = None,
) -> "TuneReport":
    """Search a board's configurations and quantisations of a model for the best designs, and build some of them.

    maximise, minimise: figures, such as accuracy, latency, lut or bram. require: limits such as "accuracy>=95%" or
    "bram<=50%". space: what is searched, a file or a dictionary; by default what suits network and board. trials: how
    many points the model looks at. settle: how many designs are then built, measured and compared; with 0 every number
    stays the model's. train: "module:function", which makes other models of the task from choices in the space.
    sampler: "front", or of Optuna "nsga2", "nsga3", "tpe" or "random". storage: a database's URL, by default a journal
    in ``output``. executor: "local" with so many ``workers``, "dask://host:port", or any of ``concurrent.futures``.
    resume: go on with what ``output`` or ``storage`` has. costs: a file of runs of the tools on this machine, to which
    the model is fitted beside those that come with Spikeloom. calibrate: first make so many of them, of designs drawn
    from the space, in that file or in ``output``'s costs.json.
    """
    from spikeloom.tuning.tune import tune as search

    return search(
        model,
        data=data,
        board=board,
        output=output,
        knobs=knobs,
        maximise=maximise,
        minimise=minimise,
        require=require,
        space=space,
        trials=trials,
        settled=settle,
        read_out=read_out,
        train=train,
        sampler=sampler,
        seed=seed,
        storage=storage,
        executor=executor,
        workers=workers,
        resume=resume,
        costs=costs,
        calibrate=calibrate,
        progress=progress,
    )

"""The search for hardware."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from spikeloom import api, show
from spikeloom.cli.options import BOARD_HELP, DataFile, Folder, Json, Model, with_knobs
from spikeloom.golden.conventions import Knobs

__all__ = ["tune"]


@with_knobs
def tune(
    model: Model,
    data: DataFile,
    board: Annotated[str, typer.Option(metavar="B", help=BOARD_HELP)],
    output: Folder,
    knobs: Knobs,
    maximise: Annotated[
        str, typer.Option(metavar="FIGURES", help="What is to be large: figures with commas between them.")
    ] = "accuracy",
    minimise: Annotated[
        str, typer.Option(metavar="FIGURES", help="What is to be small, such as latency, lut, ff, bram or clocks.")
    ] = "latency,lut",
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="LIMIT", help="A limit, such as 'accuracy>=0.95' or 'bram<=50%'; can be repeated."),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(metavar="S.yaml", help="What is searched; by default what suits the network and the board."),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, metavar="N", help="Points that the model looks at, in all.")] = 300,
    settle: Annotated[
        int, typer.Option(min=0, metavar="N", help="Designs that are built and measured; 0 leaves all to the model.")
    ] = 3,
    read_out: Annotated[
        Literal["sum", "last", "max"],
        typer.Option(help="What of the output's values decides: their sum over the steps, the last or the largest."),
    ] = "sum",
    train: Annotated[
        str | None,
        typer.Option(metavar="MODULE:FUNCTION", help="Makes models from the choices of `train` in the space."),
    ] = None,
    sampler: Annotated[
        Literal["front", "nsga2", "nsga3", "tpe", "random"], typer.Option(help="Our own, or one of Optuna's.")
    ] = "front",
    seed: Annotated[int, typer.Option(help="Of the sampler.")] = 0,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="A database for Optuna; by default a journal in the folder.")
    ] = None,
    executor: Annotated[
        str, typer.Option(metavar="local|dask://HOST:PORT", help="Where points are evaluated.")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Local processes; by default one for each processor.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search that is there.")] = False,
    costs: Annotated[
        Path | None,
        typer.Option(metavar="RUNS.json", help="Runs of --calibrate, to which the model is fitted too."),
    ] = None,
    calibrate: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="First run the tools on N random designs of the space, kept in --costs or in DIR/costs.json, and fit "
            "the model to these too.",
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Search for the best hardware of a model on a board, and for its quantisation; build and measure the best."""
    with show.progress("tune", tables=not as_json) as progress:
        report = api.tune(
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
            settle=settle,
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
    if as_json:
        show.print_json(report)
    else:
        show.tune(report)

"""Commands that show all that there is: of a folder, or of a packaged network on its whole road."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from spikeloom import api, packaged, show
from spikeloom.cli.options import BOARD_HELP, Folder, Json

__all__ = ["demo", "report"]


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that generate, build or demo wrote.")],
    data: Annotated[
        Path | None, typer.Option(metavar="X.npz", help="Run and compare on these; a packaged network brings its own.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Run only the first K samples.", metavar="K")] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="MODEL.nir", help="The model that the network came from, to run that too.")
    ] = None,
    simulator: Annotated[
        Literal["verilator", "amaranth"], typer.Option(help="amaranth needs no C++ compiler and is much slower.")
    ] = "verilator",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="R.html", help="The page; by default DIR/report.html.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show everything on one page: the comparison, accuracy, area, speed, memory map. It needs no network to read."""
    with show.progress("report") as progress:
        report = api.report(
            directory,
            data=data,
            samples=samples,
            model=model,
            simulator=simulator,
            output=output,
            progress=progress,
        )
    if as_json:
        show.print_json(report)
    else:
        show.report(report)
    if not report.ok:
        raise typer.Exit(1)


def demo(
    network: Annotated[str, typer.Argument(help="A packaged network; see --list.")] = "digits",
    board: Annotated[str, typer.Option(metavar="B", help=BOARD_HELP)] = "ulx3s-85f",
    samples: Annotated[
        int | None,
        typer.Option(min=1, metavar="K", help="Only the first K samples; by default all, of large networks 100."),
    ] = None,
    output: Folder = Path("spikeloom-demo"),
    list_networks: Annotated[bool, typer.Option("--list", help="Say which networks there are, and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Go the whole road with a packaged network: check, convert, run, generate, verify, build, report."""
    if list_networks:
        show.print_json(packaged.PACKAGED) if as_json else show.packaged(packaged.PACKAGED)
        return
    with show.progress("demo") as progress:
        stage = None if as_json else show.Stages(progress)
        report = api.demo(network, board=board, samples=samples, output=output, stage=stage, progress=progress)
    if as_json:
        show.print_json(report.summary())
    else:
        show.demo(report)
    if not report.ok:
        raise typer.Exit(1)

"""Commands about boards and their tools."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from spikeloom import api, show
from spikeloom.boards import catalogue
from spikeloom.cli.options import ALL_OPEN, BOARD_HELP, Config, Cores, Folder, Joined, Json, Source
from spikeloom.golden.network import Refusal

__all__ = ["boards", "build", "doctor", "flash"]


def doctor(
    board: Annotated[
        str | None, typer.Option(metavar="B", help=f"Only what building for it and loading it needs. {BOARD_HELP}")
    ] = None,
    blinky: Annotated[
        bool, typer.Option("--blinky", help="Then build a bitstream that blinks the board's lamps, to load it with.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Its folder; by default spikeloom-blinky.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look for every tool, run it, and say what to install; --json also says where each one was found."""
    with show.progress("tools (a first call may take a minute)") as progress:
        health = api.doctor(board=board, blinky=blinky, output=output, progress=progress)
    if as_json:
        show.print_json(health, ok=health.ok)
    else:
        show.doctor(health)
    if not health.ok:
        raise typer.Exit(1)


def build(
    source: Source,
    board: Annotated[
        str, typer.Option(metavar="B", help=f"{BOARD_HELP} Or {ALL_OPEN}: each that the open tools build for.")
    ],
    output: Folder,
    config: Config = None,
    cores: Cores = None,
    topology: Joined = None,
    data: Annotated[
        Path | None, typer.Option(metavar="X.npz", help="Measure latency and rate in simulation on its first samples.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of placement.")] = 1,
    output_registers: Annotated[
        bool, typer.Option("--output-registers", help="Use the block RAMs' own registers: a faster clock (ECP5).")
    ] = False,
    clock_hz: Annotated[
        int | None, typer.Option(min=1, metavar="HZ", help="Of the accelerator; by default the board's usual one.")
    ] = None,
    baud: Annotated[
        int | None, typer.Option(min=1, help="Of the serial link; by default 1,000,000 if possible.")
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Take what the tools made before from the user's cache.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Make a board's bitstream, or a project for its vendor's tools, and read back what the tools say of it."""
    options = {
        "config": config,
        "cores": cores,
        "topology": topology,
        "data": data,
        "seed": seed,
        "output_registers": output_registers,
        "clock_hz": clock_hz,
        "baud": baud,
        "cache": cache,
    }
    if board == ALL_OPEN:
        return _everywhere(source, output, options, as_json)
    catalogue.find(board, also=[ALL_OPEN])
    with show.progress("build") as progress:
        report = api.build(source, board=board, output=output, progress=progress, **options)
    if as_json:
        show.print_json(json.loads(report.to_json(run=True)))
    else:
        show.build(report, output)
    if not getattr(report, "timing_met", True):
        raise typer.Exit(1)
    return None


def _everywhere(source: Path, output: Path, options: dict[str, Any], as_json: bool) -> None:
    from spikeloom.everywhere import build_everywhere

    with show.progress("build") as progress:
        made = build_everywhere(source, output=output, progress=progress, **options)
    ok = all(one.ok for one in made)
    if as_json:
        show.print_json({"ok": ok, "boards": [one.summary() for one in made]})
    else:
        show.everywhere(made)
    if not ok:
        raise typer.Exit(1)


def boards(
    network: Annotated[
        Path | None, typer.Argument(metavar="[NET.loom]", help="A network, to see how much of each board it takes.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the boards; with a network, whether it fits each and how tightly, by the model and without synthesis."""
    if config is not None and network is None:
        raise Refusal("A configuration is of a network's hardware: give the network too")
    found = api.offers(network, config=config)
    if as_json:
        show.print_json({"boards": found})
    else:
        show.boards(found)


def flash(
    source: Annotated[
        Path, typer.Argument(metavar="DIR|BITSTREAM", help="A folder that build wrote, or a bitstream with --board.")
    ],
    board: Annotated[
        str | None, typer.Option(metavar="B", help=f"What a bitstream without its folder is for. {BOARD_HELP}")
    ] = None,
    cable: Annotated[
        str | None, typer.Option(metavar="C", help="openFPGALoader's name of the cable, if not the board's own.")
    ] = None,
    to: Annotated[
        Literal["sram", "flash"] | None,
        typer.Option(
            help="The FPGA itself until power is off, or the memory that it starts from; a board has a usual one."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Load it although its timing is missed.")] = False,
    as_json: Json = False,
) -> None:
    """Load a bitstream into a board through openFPGALoader, and say what to do where that fails."""
    with show.progress("flash") as progress:
        report = api.flash(source, board=board, cable=cable, to=to, force=force, progress=progress)
    if as_json:
        show.print_json(report)
    else:
        show.flash(report)

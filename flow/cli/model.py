"""Commands about a model and the network made of it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from spikeloom import api, show
from spikeloom.cli.options import DataFile, Json, Loom, Model, with_knobs
from spikeloom.golden.conventions import Knobs

__all__ = ["check", "convert", "run"]


@with_knobs
def check(model: Model, knobs: Knobs, as_json: Json = False) -> None:
    """Say of every node whether it is built exactly, approximately or not at all, and what the file leaves open."""
    inspection = api.check(model, knobs=knobs)
    if as_json:
        kept = ("path", "version", "nodes", "problems", "notes", "questions", "convention", "suggestion", "buildable")
        show.print_json({name: getattr(inspection, name) for name in kept})
    else:
        show.check(inspection)
    if not inspection.buildable:
        raise typer.Exit(1)


@with_knobs
def convert(
    model: Model,
    data: DataFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="NET.loom", help="The network to write.")],
    knobs: Knobs,
    weight_bits: Annotated[
        str,
        typer.Option(
            metavar="BITS",
            help="Of a weight, 2 to 8 or ternary; of single layers after a comma: 8,LAYER=4,OTHER=ternary.",
        ),
    ] = "8",
    per_channel: Annotated[
        bool, typer.Option("--per-channel", help="A scale for each neuron's weights, instead of one for each layer.")
    ] = False,
    search_bits: Annotated[
        float | None,
        typer.Option(metavar="LOSS", help="Find the narrowest weights that lose at most LOSS percentage points."),
    ] = None,
    input_bits: Annotated[int, typer.Option(help="Bits of analogue samples, 2 to 16.")] = 8,
    read_out: Annotated[
        Literal["sum", "last", "max"],
        typer.Option(help="What of the output's values decides: their sum over the steps, the last or the largest."),
    ] = "sum",
    synapses: Annotated[
        Literal["auto", "dense"],
        typer.Option(help="Of the kind that stores the fewest bits, or all written out as matrices."),
    ] = "auto",
    state_bits: Annotated[
        str | None,
        typer.Option(
            metavar="BITS", help="Of a potential, by default what the data needs; of single layers too: 20,LAYER=16."
        ),
    ] = None,
    guard_bits: Annotated[
        str | None,
        typer.Option(
            metavar="BITS", help="Of a potential below the unit of the weights, by default from tau; or 8,LAYER=6."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Turn a model into an integer network, and compare the two on calibration data."""
    with show.progress("convert") as progress:
        conversion = api.convert(
            model,
            data=data,
            output=output,
            knobs=knobs,
            weight_bits=weight_bits,
            per_channel=per_channel,
            search_bits=search_bits,
            input_bits=input_bits,
            read_out=read_out,
            synapses=synapses,
            state_bits=state_bits,
            guard_bits=guard_bits,
            progress=progress,
        )
    if as_json:
        show.print_json(conversion)
    else:
        show.convert(conversion)


def run(
    network: Loom,
    data: DataFile,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT.npz", help="Write spikes, counts and predictions.")
    ] = None,
    on: Annotated[
        str,
        typer.Option(
            metavar="golden|rtl|sim|PORT",
            help="The integer model, the simulated accelerator, the simulated chip with its link, or a board's port.",
        ),
    ] = "golden",
    design: Annotated[
        Path | None, typer.Option(metavar="DIR", help="What the chip was built from: a folder of build or generate.")
    ] = None,
    record: Annotated[
        Literal["output", "all"],
        typer.Option(help="What is written: the output, or all layers (potentials too, on golden only)."),
    ] = "output",
    as_json: Json = False,
) -> None:
    """Run a network on data."""
    with show.progress(f"run on {on}") as progress:
        report = api.run(network, data=data, output=output, on=on, design=design, record=record, progress=progress)
    if as_json:
        show.print_json(report)
    else:
        show.run(report)

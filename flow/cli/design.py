"""Commands about a network as hardware."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from spikeloom import api, show
from spikeloom.cli.options import BOARD_HELP, Board, Config, Cores, DataFile, Folder, Joined, Json, Loom, Source

__all__ = ["generate", "map", "verify"]


def generate(
    network: Loom,
    output: Folder,
    config: Config = None,
    cores: Cores = None,
    topology: Joined = None,
    board: Board = None,
    host: Annotated[
        Literal["axi", "uart", "spi", "bytes"] | None,
        typer.Option(help="Also write the module by which a host reaches it: with AXI ports, or a link over a pipe."),
    ] = None,
    clock_hz: Annotated[
        int | None, typer.Option(min=1, metavar="HZ", help="Of a chip with a link; by default the board's, or 100 MHz.")
    ] = None,
    baud: Annotated[int | None, typer.Option(min=1, help="Of a chip with a UART.")] = None,
    as_json: Json = False,
) -> None:
    """Write Verilog, memory images, C header and a manifest: all that simulation, synthesis and software need."""
    with show.progress("generate"):
        manifest = api.generate(
            network,
            output=output,
            config=config,
            cores=cores,
            topology=topology,
            board=board,
            host=host,
            clock_hz=clock_hz,
            baud=baud,
        )
    if as_json:
        show.print_json(manifest)
    else:
        show.generate(manifest, output)


def map(  # noqa: A001
    network: Loom,
    config: Config = None,
    cores: Cores = None,
    topology: Joined = None,
    board: Annotated[
        str | None, typer.Option(metavar="B", help=f"Whose block RAM the cores share. {BOARD_HELP}")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="X.npz", help="Its first samples say how often neurons fire; by default 10 % of all do."),
    ] = None,
    memory_bits: Annotated[int | None, typer.Option(min=1, metavar="BITS", help="That a core may store.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="C.yaml", help="Write it as a configuration, for --config.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="P.html", help="Draw the cores and the traffic between them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Place a network on several cores, and predict its clocks per step and the traffic between the cores."""
    with show.progress("map"):
        report = api.map(
            network,
            config=config,
            cores=cores,
            topology=topology,
            board=board,
            data=data,
            memory_bits=memory_bits,
            output=output,
            page=page,
        )
    if as_json:
        show.print_json(report)
    else:
        show.mapping(report)


def verify(
    source: Source,
    data: DataFile,
    samples: Annotated[int | None, typer.Option(min=1, help="Compare only the first K samples.", metavar="K")] = None,
    config: Config = None,
    cores: Cores = None,
    topology: Joined = None,
    board: Board = None,
    level: Annotated[
        Literal["rtl", "netlist"], typer.Option(help="The Verilog itself, or what synthesis makes of it.")
    ] = "rtl",
    family: Annotated[
        str | None, typer.Option(metavar="F", help="Of a netlist: ecp5, ice40 or gowin; by default the board's.")
    ] = None,
    output_registers: Annotated[
        bool, typer.Option("--output-registers", help="Of a netlist: as `build` makes it with this option.")
    ] = False,
    simulator: Annotated[
        Literal["verilator", "amaranth"], typer.Option(help="amaranth needs no C++ compiler and is much slower.")
    ] = "verilator",
    stalls: Annotated[bool, typer.Option("--stalls", help="Stall every stream at random.")] = False,
    seed: Annotated[int, typer.Option(help="Of the stalls and of memories at power-up.")] = 0,
    bulk: Annotated[
        bool, typer.Option("--bulk", help="Several times as fast, for whole test sets; no waveforms.")
    ] = False,
    waveform: Annotated[Path | None, typer.Option(metavar="W.fst", help="Record all signals; use few samples.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where a mismatch leaves a reproducer.")
    ] = Path("mismatch"),
    as_json: Json = False,
) -> None:
    """Compare every event of every population at every step, and the final state, with the golden model."""
    with show.progress("verify") as progress:
        report = api.verify(
            source,
            data=data,
            samples=samples,
            config=config,
            cores=cores,
            topology=topology,
            board=board,
            level=level,
            family=family,
            output_registers=output_registers,
            simulator=simulator,
            stalls=stalls,
            seed=seed,
            bulk=bulk,
            waveform=waveform,
            output=output,
            progress=progress,
        )
    if as_json:
        show.print_json(report)
    else:
        show.verify(report)
    if not report.ok:
        raise typer.Exit(1)

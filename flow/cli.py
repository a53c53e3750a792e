"""The command line: words around the functions of :mod:`spikeloom.api`, and nothing that decides a result.

Exit status: 0 done, 1 refused or not equal (one message), 2 wrong usage. ``--json`` prints one JSON document on
standard output; progress and errors go to standard error.
"""

import contextlib
import functools
import inspect
import json
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from spikeloom import __version__, api, packaged, show
from spikeloom.boards.catalogue import BOARDS
from spikeloom.golden.conventions import CONVENTIONS, KNOBS, Knobs, resolve
from spikeloom.golden.network import Refusal

__all__ = ["app", "main"]

app = typer.Typer(
    help="From a trained spiking network (.nir) to bit-exact integers, verified Verilog and a bitstream.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
REPORT_BUG = "this is a bug in Spikeloom; run it again as `spikeloom --debug ...` and report what it says"


def main() -> None:
    """The program ``spikeloom``."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(prog_name="spikeloom")
    except Terminated:
        raise SystemExit(128 + signal.SIGTERM) from None


class Terminated(BaseException):
    """The system asks the program to end: everything that is half done is taken away, child processes too."""


def _terminate(number: int, frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    # Threads wait for the tools that they started.
    for children in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                os.kill(int(child), number)
    raise Terminated


# What all commands have in common ---------------------------------------------------------------------------------

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Source = Annotated[Path, typer.Argument(metavar="NET.loom|DIR", help="A network, or a folder that generate wrote.")]
Loom = Annotated[Path, typer.Argument(metavar="NET.loom", help="A network that convert wrote.")]
DataFile = Annotated[
    Path,
    typer.Option("--data", metavar="X.npz", help="x (samples, steps, *input shape), and labels y if known."),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="C.yaml", help="The hardware's parameters, for example 'lanes: 8', or a file of `map`."
    ),
]
Cores = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Place it on N cores as `map` does, whatever the configuration says."),
]
Joined = Annotated[
    Literal["crossbar", "ring", "mesh"] | None,
    typer.Option(help="What joins the cores, whatever the configuration says."),
]
BOARD_HELP = f"One of {', '.join(BOARDS)}."
Board = Annotated[str | None, typer.Option("--board", metavar="B", help=BOARD_HELP)]
Folder = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL.nir", help="A network as its framework exported it.")]


def _options() -> dict[str, inspect.Parameter]:
    """An option for each knob of a convention: the one definition that commands share."""
    made = {"convention": (f"{'|'.join(CONVENTIONS)}", "what the framework does, for all knobs that it fixes")}
    made |= {name: (choices, about) for name, (about, choices) in KNOBS.items()}
    parameters = {}
    for name, (choices, about) in made.items():
        kind: Any = str
        flags = [f"--{name.replace('_', '-')}"]
        if name == "convention":
            kind = Literal[tuple(CONVENTIONS)]
        elif choices == "NUMBER":
            kind = float
        elif isinstance(choices, tuple):
            kind = bool if isinstance(choices[0], bool) else Literal[choices]
        if kind is bool:
            flags = [f"{flags[0]}/--no-{name}"]
        option = typer.Option(
            *flags, help=f"{about[0].upper()}{about[1:]}.", metavar="X" if kind in (str, float) else None
        )
        parameters[name] = inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
        )
    return parameters


def _knobs(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for each knob; the command itself receives them as one ``knobs``."""
    options = _options()

    @functools.wraps(command)
    def wrapped(**given: Any) -> Any:
        values = {name: given.pop(name) for name in options}
        if isinstance(values["v_min"], str) and values["v_min"] != "none":
            values["v_min"] = _number("--v-min", values["v_min"])
        return command(**given, knobs=resolve(values.pop("convention"), values))

    own = [p for p in inspect.signature(command).parameters.values() if p.name != "knobs"]
    own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    wrapped.__signature__ = inspect.Signature([*own, *options.values()])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in [*own, *options.values()]}
    return wrapped


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Refusal(f"{option} must be a number or 'none', not {text!r}") from None


class _Debug:
    """Whether tracebacks are wanted; set by each call of the program."""

    wanted = False


def _version(wanted: bool) -> None:
    if wanted:
        show.say(__version__)
        raise typer.Exit


@app.callback()
def _program(
    debug: Annotated[bool, typer.Option("--debug", envvar="SPIKELOOM_DEBUG", help="Say where an error arose.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    _Debug.wanted = debug


def _fail(message: str, as_json: bool) -> NoReturn:
    if _Debug.wanted:
        traceback.print_exc()
    if as_json:
        show.print_json({"error": message})
    show.error(message)
    raise typer.Exit(1)


def _command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a command: what goes wrong in it ends as one message."""

    @functools.wraps(function)
    def guarded(**given: Any) -> None:
        as_json = bool(given.get("as_json"))
        try:
            function(**given)
        except (typer.Exit, BrokenPipeError):
            raise
        except Refusal as refusal:
            _fail(str(refusal), as_json)
        except OSError as error:
            # What is read or written by name has said so itself; this is the disk for temporary files.
            _fail(f"{error.filename or 'temporary files'}: {error.strerror or error}; make room or set TMPDIR", as_json)
        except MemoryError:
            _fail("there is not enough memory; use fewer samples", as_json)
        except Exception as error:
            _fail(f"{type(error).__name__}: {error}; {REPORT_BUG}", as_json)

    app.command(name=function.__name__)(guarded)
    return function


# The commands -----------------------------------------------------------------------------------------------------


@_command
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


@_command
@_knobs
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


@_command
@_knobs
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
    state_bits: Annotated[int | None, typer.Option(help="Bits of a potential; by default what the data needs.")] = None,
    guard_bits: Annotated[
        int | None, typer.Option(help="Bits of a potential below the unit of the weights; by default from tau.")
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


@_command
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


@_command
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


@_command
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


@_command
def verify(
    source: Source,
    data: DataFile,
    samples: Annotated[int | None, typer.Option(min=1, help="Compare only the first K samples.", metavar="K")] = None,
    config: Config = None,
    cores: Cores = None,
    topology: Joined = None,
    board: Board = None,
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


@_command
def build(
    source: Source,
    board: Annotated[str, typer.Option(metavar="B", help=BOARD_HELP)],
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
    baud: Annotated[
        int | None, typer.Option(min=1, help="Of the serial link; by default 1,000,000 if possible.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a board's bitstream, and read back what the tools say of it."""
    with show.progress("build") as progress:
        report = api.build(
            source,
            board=board,
            output=output,
            config=config,
            cores=cores,
            topology=topology,
            data=data,
            seed=seed,
            output_registers=output_registers,
            baud=baud,
            progress=progress,
        )
    if as_json:
        show.print_json(json.loads(report.to_json()))
    else:
        show.build(report, output)
    if not report.timing_met:
        raise typer.Exit(1)


@_command
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


@_command
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


@_command
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

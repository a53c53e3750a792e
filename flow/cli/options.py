"""Arguments and options that commands have in common."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from spikeloom.boards.catalogue import BOARDS
from spikeloom.golden.conventions import CONVENTIONS, KNOBS, resolve
from spikeloom.golden.network import Refusal

__all__ = [
    "ALL_OPEN",
    "BOARD_HELP",
    "Board",
    "Config",
    "Cores",
    "DataFile",
    "Folder",
    "Joined",
    "Json",
    "Loom",
    "Model",
    "Source",
    "number",
    "with_knobs",
]

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
#: In the place of a board's name: every one that the open tools build for.
ALL_OPEN = "all-open"
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


def with_knobs(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for each knob; the command itself receives them as one ``knobs``."""
    options = _options()

    @functools.wraps(command)
    def wrapped(**given: Any) -> Any:
        values = {name: given.pop(name) for name in options}
        if isinstance(values["v_min"], str) and values["v_min"] != "none":
            values["v_min"] = number("--v-min", values["v_min"])
        return command(**given, knobs=resolve(values.pop("convention"), values))

    own = [p for p in inspect.signature(command).parameters.values() if p.name != "knobs"]
    own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    wrapped.__signature__ = inspect.Signature([*own, *options.values()])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in [*own, *options.values()]}
    return wrapped


def number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Refusal(f"{option} must be a number or 'none', not {text!r}") from None

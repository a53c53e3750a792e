"""The program that commands belong to: what it is called with before one, and how one ends."""

import functools
import traceback
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from spikeloom import __version__, show
from spikeloom.golden.network import Refusal

__all__ = ["app", "guarded"]

app = typer.Typer(
    help="From a trained spiking network (.nir) to bit-exact integers, verified Verilog and a bitstream.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
REPORT_BUG = "this is a bug in Spikeloom; run it again as `spikeloom --debug ...` and report what it says"


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


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command; what goes wrong in it ends as one message."""

    @functools.wraps(function)
    def command(**given: Any) -> None:
        as_json = bool(given.get("as_json"))
        try:
            function(**given)
        except (typer.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt as interrupt:
            show.error(str(interrupt) or "interrupted")
            raise typer.Exit(130) from None
        except Refusal as refusal:
            _fail(str(refusal), as_json)
        except OSError as error:
            # What is read or written by name has said so itself; this is the disk for temporary files.
            _fail(f"{error.filename or 'temporary files'}: {error.strerror or error}; make room or set TMPDIR", as_json)
        except MemoryError:
            _fail("there is not enough memory; use fewer samples", as_json)
        except Exception as error:
            _fail(f"{type(error).__name__}: {error}; {REPORT_BUG}", as_json)

    return command

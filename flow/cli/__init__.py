"""The command line: words around the functions of :mod:`spikeloom.api`, and nothing that decides a result.

Exit status: 0 done, 1 refused or not equal (one message), 2 wrong usage. ``--json`` prints one JSON document on
standard output; progress and errors go to standard error.
"""

import contextlib
import os
import signal
from pathlib import Path
from typing import NoReturn

from spikeloom.cli.board import boards, build, doctor, flash
from spikeloom.cli.design import generate, map, verify  # noqa: A004
from spikeloom.cli.model import check, convert, run
from spikeloom.cli.page import demo, report
from spikeloom.cli.program import app, guarded
from spikeloom.cli.tune import tune

__all__ = ["app", "main"]

for command in (doctor, check, convert, run, generate, map, verify, boards, build, tune, flash, report, demo):
    app.command(name=command.__name__)(guarded(command))


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

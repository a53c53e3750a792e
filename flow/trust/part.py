"""The process of a part of a check: ``python -m spikeloom.trust.part CHECK PART FOLDER ANSWER EARLIER [full]``.

It writes the part's rows, or why there are none, to ANSWER as JSON, and what is done of how much to standard output.
EARLIER is the file with what it brought home last, if there is one.
"""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from spikeloom.golden.network import Refusal
from spikeloom.trust.check import Check, Job, Rows, Unable
from spikeloom.trust.checks import check_of

__all__ = ["main"]


def main(check: str, part: str, folder: str, answer: str, earlier: str, *full: str) -> None:
    job = Job(
        full=bool(full),
        folder=Path(folder),
        earlier=_earlier(Path(earlier)),
        progress=lambda done, total: print(done, total, flush=True),  # noqa: T201
    )
    Path(answer).write_text(json.dumps(_said(check, part, job), allow_nan=False), "utf-8")


def _said(check: str, part: str, job: Job) -> dict[str, Any]:
    try:
        chosen = check_of(check)
        _ready(chosen)
        rows = chosen.run(part, job)
        return {"rows": {title: list(some) for title, some in rows.items()}}
    except Unable as unable:
        return {"unable": " ".join(str(unable).split())}
    except Refusal as refusal:
        return {"error": " ".join(str(refusal).split())}
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())}", "trace": traceback.format_exc()}


def _earlier(file: Path) -> Rows:
    try:
        rows: Rows = json.loads(file.read_text("utf-8"))["part"]["rows"]
        return {title: [dict(row) for row in some] for title, some in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _ready(check: Check) -> None:
    """Raises :class:`Unable` where a tool of the check is missing."""
    try:
        check.needs()
    except Refusal as refusal:
        raise Unable(str(refusal)) from None


if __name__ == "__main__":
    main(*sys.argv[1:])

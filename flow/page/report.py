"""From a folder to its page: read, run, draw, write."""

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom.files import check_place, new_file
from spikeloom.golden.network import Refusal

if TYPE_CHECKING:
    from spikeloom.golden.data import Data
    from spikeloom.page.measure import Measured
    from spikeloom.sim.equivalence import VerifyReport

__all__ = ["PAGE", "Report", "report"]

PAGE = "report.html"
#: In the first lines of every page.
GENERATOR = b'<meta name="generator" content="spikeloom '


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the page says. Nothing is known of accuracy and equivalence without data: ``verify`` is None then.

    accuracy: "float", "integer" and "rtl", those that were run, None without labels. boards: name -> "built",
    "possible", "missed" (its timing is) or "too small".
    """

    output: Path
    network: str
    verilog: str
    verify: "VerifyReport | None"
    accuracy: dict[str, float | None]
    boards: dict[str, str]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """The page shows nothing that is wrong."""
        return (self.verify is None or self.verify.ok) and "missed" not in self.boards.values()

    def summary(self) -> dict[str, Any]:
        return {"ok": self.ok} | {name: getattr(self, name) for name in self.__dataclass_fields__}


def _target(path: Path) -> Path:
    """Where a page may be written: a new file, or an earlier page. Refused before anything is simulated."""
    check_place(path)
    try:
        if path.exists():
            with path.open("rb") as file:
                if GENERATOR not in file.read(1 << 10):
                    raise Refusal(f"{path}: there is a file that is no report of Spikeloom's; choose another name")
        if not os.access(path.absolute().parent, os.W_OK):
            raise Refusal(f"{path}: cannot be written, for its folder cannot; give another place with --output")
    except OSError as error:
        raise Refusal(f"{path}: cannot be written ({error.strerror}); give another place with --output") from None
    return path


def _own(path: Path) -> Path:
    """The folder's page. A link there would lead wherever the folder's maker liked."""
    if path.is_symlink():
        raise Refusal(f"{path}: is a link; name the page with --output, or remove the link")
    return path


def report(
    directory: str | Path,
    *,
    data: "str | Path | Data | None" = None,
    samples: int | None = None,
    model: str | Path | None = None,
    simulator: str = "verilator",
    output: str | Path | None = None,
    verdict: "VerifyReport | None" = None,
    command: str | None = None,
    progress: Callable[..., None] | None = None,
) -> Report:
    """:func:`spikeloom.report`. ``verdict``, ``command``: of a comparison that was just made, and what made it."""
    from spikeloom.hdl.folder import add_file
    from spikeloom.page import fit, folder, measure, render

    say = progress or (lambda *said: None)
    say("read")
    read = folder.read(directory)
    given, reference = measure.inputs(read.network, data, model)
    target = _target(Path(output) if output is not None else _own(read.path / PAGE))
    measured: Measured | None = None
    if given is not None:
        measured = measure.measure(
            read,
            given,
            reference,
            samples=samples,
            simulator=simulator,
            mismatch=target.with_name("mismatch"),
            verdict=verdict,
            progress=progress,
        )
    say("draw")
    if command is None:
        words = ["spikeloom", "report", read.path.absolute().name]
        words += ["--data", given.name] if given and data is not None else []
        words += ["--model", reference.name] if reference and model is not None else []
        words += ["--samples", str(samples)] if samples else []
        words += ["--simulator", simulator] if simulator != "verilator" else []
        command = shlex.join(words)
    page = render.render(read, given, reference, measured, command)
    with new_file(target) as partial:
        partial.write_text(page, "utf-8")
    add_file(target)
    return Report(
        output=target,
        network=read.network.hash,
        verilog=read.manifest.verilog["sha256"],
        verify=measured and measured.verdict,
        accuracy={which: measured.accuracy(which) for which in measured.predictions} if measured else {},
        boards={f.board.name: f.verdict for f in fit.fits(read)},
        notes=read.notes,
    )

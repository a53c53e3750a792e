"""One network on every board that the open tools build for."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom import api
from spikeloom.api.design import generated
from spikeloom.api.given import configuration_of, data_of, is_folder, network_of
from spikeloom.boards import tools
from spikeloom.boards.build import clock_and_baud
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.fit import DoesNotFit
from spikeloom.files import output_errors
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.design import load_manifest
from spikeloom.hdl.folder import check_folder

if TYPE_CHECKING:
    from spikeloom.api.given import AnyConfiguration, AnyData, Progress
    from spikeloom.boards.build_report import BuildReport

__all__ = ["OPEN", "Built", "build_everywhere"]

OPEN = tuple(name for name, board in BOARDS.items() if FAMILIES[board.family].flow == "open")


@dataclass(frozen=True, kw_only=True)
class Built:
    """What became of one board. about: why there is no ``report``, else "". fits: None is not known."""

    board: str
    fits: bool | None
    about: str
    folder: Path
    report: "BuildReport | None"

    @property
    def ok(self) -> bool:
        """Its bitstream can be trusted, or the network is too large for it."""
        return self.fits is False or (self.report is not None and self.report.timing_met)

    def summary(self) -> dict[str, Any]:
        report = self.report and json.loads(self.report.to_json(run=True))
        return {"board": self.board, "ok": self.ok, "fits": self.fits, "about": self.about, "report": report}


def build_everywhere(
    source: str | Path | Network,
    *,
    output: str | Path,
    config: "AnyConfiguration | None" = None,
    data: "AnyData | None" = None,
    progress: "Progress | None" = None,
    **options: Any,
) -> tuple[Built, ...]:
    """:func:`spikeloom.api.build` for each, into a folder of its name in ``output``; goes on where one fails.

    What is wrong for all of them is refused before the first.
    """
    cores, topology = options.get("cores"), options.get("topology")
    if is_folder(source):
        load_manifest(source)
        with generated(source, config, cores=cores, topology=topology):  # refuses what is said of it once more
            pass
    else:
        source = network_of(source)
        configuration_of(config, None, cores, topology)
    _check_baud(options.get("baud"))
    tools.version("yosys")  # the one tool that all of them need
    options["config"] = None if config is None else configuration_of(config, None)
    options["data"] = None if data is None else data_of(data)
    output = Path(output)
    if not output.is_dir():
        check_folder(output)
    new = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        with output_errors(output):
            output.mkdir(parents=True, exist_ok=True)
        return tuple(_built(source, board, output / board, progress, options) for board in OPEN)
    finally:
        with contextlib.suppress(OSError):  # those stay that hold something
            for folder in new:
                folder.rmdir()


def _check_baud(baud: int | None) -> None:
    """Refuses what no board can make."""
    refusals = []
    for name in OPEN:
        try:
            clock_and_baud(BOARDS[name], baud=baud)
            return
        except Refusal as refusal:
            refusals.append(f"No board can be built; for {name}: {refusal}")
    raise Refusal(refusals[0])


def _built(
    source: str | Path | Network, board: str, folder: Path, progress: "Progress | None", options: Mapping[str, Any]
) -> Built:
    def say(*said: Any) -> None:
        if progress:
            progress(*(f"{board}: {word}" if isinstance(word, str) else word for word in said))

    fits, about, report = None, "", None
    try:
        report = api.build(source, board=board, output=folder, progress=say, **options)
        fits = True
    except DoesNotFit as refusal:
        fits, about = False, str(refusal)
    except Refusal as refusal:
        about = str(refusal)
    return Built(board=board, fits=fits, about=about, folder=folder, report=report)

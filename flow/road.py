"""The whole road on a packaged network, stage by stage."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom import packaged

if TYPE_CHECKING:
    from spikeloom.api import Conversion, RunReport
    from spikeloom.boards.build import BuildReport
    from spikeloom.golden.nir_graph import Inspection
    from spikeloom.page.report import Report
    from spikeloom.sim.equivalence import VerifyReport

__all__ = ["STAGES", "DemoReport", "demo"]

STAGES = ("check", "convert", "run", "generate", "verify", "build", "report")


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """What each stage found; after a failed verification nothing is built."""

    name: str
    output: Path
    check: "Inspection"
    convert: "Conversion"
    run: "RunReport"
    generate: dict[str, Any]
    verify: "VerifyReport"
    build: "BuildReport | None"
    report: "Report"

    @property
    def ok(self) -> bool:
        return self.verify.ok and self.build is not None and self.build.timing_met

    def summary(self) -> dict[str, Any]:
        return {
            "network": self.name,
            "output": self.output,
            "ok": self.ok,
            "convert": self.convert,
            "run": self.run,
            "verify": self.verify,
            "build": self.build and json.loads(self.build.to_json()),
            "report": self.report.output,
        }


def demo(
    network: str = "digits",
    *,
    board: str = "ulx3s-85f",
    samples: int | None = None,
    output: str | Path = Path("spikeloom-demo"),
    stage: Callable[[str, Any], None] | None = None,
    progress: Callable[..., None] | None = None,
) -> DemoReport:
    """Check, convert, run, generate, verify, build and report a packaged network; what is made stays in ``output``.

    samples: the first so many test samples; by default all, of large networks the first 100. ``stage`` is called after
    each stage with its name and result.
    """
    from spikeloom import api
    from spikeloom.boards import catalogue
    from spikeloom.boards.families import FAMILIES
    from spikeloom.files import output_errors
    from spikeloom.golden import data as files
    from spikeloom.golden.network import Refusal
    from spikeloom.hdl.folder import check_folder
    from spikeloom.page.report import report

    chosen, target = packaged.find(network), Path(output)
    if FAMILIES[catalogue.find(board).family].flow == "vendor":
        raise Refusal(f"The demo goes as far as a bitstream, and only the vendor's tools make one for {board}")
    knobs = chosen.resolved
    samples = samples or chosen.demo
    data = files.load(chosen.test)
    data = replace(data, x=data.x[:samples], y=None if data.y is None else data.y[:samples])
    rtl = target / "rtl"
    with output_errors(target):
        for folder in (rtl, target / board):
            check_folder(folder)
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(chosen.test, target / chosen.test.name)  # to run on the board
    results: dict[str, Any] = {"build": None}

    def do(name: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if progress:
            progress(name)
        results[name] = function(*args, **options)
        if stage:
            stage(name, results[name])
        return results[name]

    do("check", api.check, chosen.model, knobs=knobs)
    loom = target / f"{chosen.name}.loom"
    converted = do(
        "convert",
        api.convert,
        chosen.model,
        data=chosen.calibration,
        output=loom,
        knobs=knobs,
        read_out=chosen.read_out,
    ).network
    do("run", api.run, converted, data=data, output=target / "golden.npz", progress=progress)
    do("generate", api.generate, converted, output=rtl, board=board)
    verdict = do("verify", api.verify, rtl, data=data, output=target / "mismatch", progress=progress)
    if verdict.ok:

        def build() -> "BuildReport":
            report = api.build(rtl, board=board, output=target / board, progress=progress)
            return api.timed(report, verdict, target / board)

        do("build", build)
    do(
        "report",
        report,
        target,
        data=chosen.test,
        samples=len(data.x),
        model=chosen.model,
        verdict=verdict,
        command=f"spikeloom demo {chosen.name} --board {board}" + (f" --samples {len(data.x)}" if samples else ""),
        progress=progress,
    )
    return DemoReport(name=chosen.name, output=target, **results)

"""How the demo's stages and the report look."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeloom.show.board import latency
from spikeloom.show.console import BAD, GOOD, OPEN, Bar, percent, say, table

__all__ = ["Stages", "demo", "packaged", "report"]


def report(report: Any) -> None:
    if report.verify is None:
        say("Nothing was compared; give --data.", OPEN)
    else:
        say(report.verify.verdict, GOOD if report.verify.ok else BAD)
        if report.verify.reproducer:
            say(f"To see it again: {report.verify.reproducer}", BAD)
    for board in (name for name, verdict in report.boards.items() if verdict == "missed"):
        say(f"The bitstream for {board} misses its timing; do not trust it.", BAD)
    for note in report.notes:
        say(f"{note}.", OPEN)
    say(f"Wrote {report.output}; open it in a browser")


def packaged(networks: Mapping[str, Any]) -> None:
    table("network", "", rows=[(network.name, network.about) for network in networks.values()])


class Stages:
    """The demo, a line or two per stage as it ends."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar

    def __call__(self, name: str, result: Any) -> None:
        self.bar.print(f"{name:9} {getattr(self, name)(result)}")

    def check(self, inspection: Any) -> str:
        verdicts = [node.verdict for node in inspection.nodes]
        counts = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
        return f"{Path(inspection.path).name}: {len(verdicts)} nodes ({counts}), no open questions"

    def convert(self, conversion: Any) -> str:
        report = conversion.report
        widths = sorted({layer.weight_bits for layer in report.layers})
        return (
            f"{'/'.join(map(str, widths))}-bit weights; on calibration data {percent(report.accuracy_float)} accuracy "
            f"as floats, {percent(report.accuracy_integer)} as integers"
        )

    def run(self, report: Any) -> str:
        return f"{len(report.prediction)} test samples on the integer model, accuracy {percent(report.accuracy)}"

    def generate(self, manifest: Mapping[str, Any]) -> str:
        from spikeloom.boards import storage

        bits = sum(storage.of_manifest(manifest).values())
        lanes = manifest["configuration"].get("lanes")
        return f"Verilog with {lanes} lanes, {len(manifest['images'])} memory images, {bits / 8192:.1f} KiB of memory"

    def verify(self, report: Any) -> str:
        return (
            f"{report.cells:,} cells and {report.states:,} final states compared in {report.simulator}, "
            f"{report.differences} differ; {report.clocks_per_inference:,.0f} clocks per inference"
        )

    def build(self, report: Any) -> str:
        used, available = report.used, report.available
        return (
            f"{report.bitstream} for {report.board}: {used.lut:,} of {available.lut:,} logic cells, "
            f"{used.block_ram} of {available.block_ram} block RAM, {report.fmax_mhz:.0f} MHz possible; "
            f"{latency(report)}" + "".join(f"; note: {remark}" for remark in report.remarks)
        )

    def report(self, report: Any) -> str:
        return f"all of this on one page: {report.output}"


def demo(report: Any) -> None:
    say()
    if report.build and not report.build.timing_met:
        say("The bitstream misses its timing; do not trust it.", BAD)
    verdict = report.verify
    neurons = sum(verdict.populations.values())
    say(
        f"{verdict.events:,} spikes of {neurons} neurons in {verdict.samples} samples, compared between the integer "
        f"network and its Verilog: {verdict.differences} differ."
        if verdict.events and not verdict.problems
        else verdict.verdict,
        GOOD if verdict.ok else BAD,
    )
    say(f"Everything is in {report.output}; open {report.report.output} in a browser")

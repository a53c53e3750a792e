"""How results about the hardware of a network look."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeloom.show.console import BAD, GOOD, OPEN, percent, say, table

__all__ = ["bits_by_kind", "generate", "mapping", "verify"]

BUSIEST_LINKS = 8


def generate(manifest: Mapping[str, Any], output: Path) -> None:
    from spikeloom.boards import storage

    stored = storage.of_manifest(manifest)
    bits = sum(stored.values())
    projections = [one for one in storage.of_folder(output) if one.numbers]
    table(
        "projection",
        "stored as",
        "numbers",
        "bits",
        "theirs alone",
        rows=[(p.what, p.kind, f"{p.numbers:,}", f"{p.bits:,}", f"{p.own:,}") for p in projections],
    )
    say(f"Logical bits: {bits_by_kind(stored)}")
    say(
        f"Wrote {output}: {manifest['verilog']['file']}, {len(manifest['images'])} memory images "
        f"({bits / 8192:.1f} KiB of memory), {manifest['loom']['file']}, manifest.json"
    )
    for note in manifest.get("notes", ()):
        say(f"note: {note}", OPEN)
    about = json.loads((output / "registers.json").read_text("utf-8"))
    reset, interrupt = about["reset"], about["interrupt"]
    say(
        f"To build it in: module {about['top']} of files.f, clock {about['clock']['port']} ({about['clock']['edge']} "
        f"edge), reset {reset['port']} (synchronous, active {reset['active']}), "
        + (f"interrupt {interrupt['port']} (active {interrupt['active']})" if interrupt else "no interrupt")
        + "; spikeloom.h and registers.json have its registers and memories"
    )


def mapping(report: Any) -> None:
    heads, rows = report.table()
    table(*heads, rows=rows)
    if report.links:
        traffic = sorted(report.links.items(), key=lambda item: -item[1])[:BUSIEST_LINKS]
        table("busiest links", "packets per step", rows=[(link, f"{packets:,.1f}") for link, packets in traffic])
    if report.block_rams:
        used, available = report.block_rams
        say(f"Memory: {used} of the {available} block RAMs of {report.board}, those of the host link too")
    how = "the data's events" if report.measured else "a tenth of all neurons firing in each step"
    say(f"Predicted: {report.clocks_per_step:,} clocks per step, with {how}.")
    for path in (report.output, report.page):
        if path is not None:
            say(f"Wrote {path}" + (f"; use it with --config {path}" if path == report.output else ""))


def bits_by_kind(stored: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {bits:,}" for kind, bits in stored.items())


def verify(report: Any) -> None:
    table(
        "population",
        "neurons",
        "fired",
        rows=[(name, size, percent(report.fired.get(name))) for name, size in report.populations.items()],
    )
    what = f"the {report.family} netlist " if report.level == "netlist" else ""
    say(
        f"{report.samples} of {report.given} samples of {report.steps} steps, {what}simulated in {report.simulator}: "
        f"{report.cells:,} cells (sample, step, neuron) with {report.events:,} events; {report.states:,} final states"
    )
    say(f"{report.clocks_per_inference:,.0f} clocks per inference, {report.latency:,} for the first")
    for name, engine in report.engines.items():
        say(_engine(name, engine))
    stalls = report.stalls
    if stalls["i_gaps"] or stalls["o_waits"]:  # or the bench stalled nothing
        say(
            f"Stalls: the bench held back input for {stalls['i_gaps']:,} clocks and output for "
            f"{stalls['o_waits']:,}; the design held back input for {stalls['i_waits']:,}"
        )
    for problem in report.problems:
        say(f"problem: {problem}", BAD)
    say(report.verdict, GOOD if report.ok else BAD)
    if report.mismatch:
        say(f"The comparison ended there, with {report.samples} of {report.given} samples compared.", BAD)
    if report.reproducer:
        say(f"To see it again: {report.reproducer}", BAD)


def _engine(name: str, engine: Any) -> str:
    """One engine's clocks, the most frequent cause first."""
    total = max(1, sum(engine.clocks.values()))
    spent = sorted(engine.clocks.items(), key=lambda item: -item[1])
    text = f"{name}: " + ", ".join(f"{clocks / total:.1%} {cause}" for cause, clocks in spent if clocks)
    if engine.rows_per_clock:
        text += f"; {engine.rows_per_clock:.3f} rows per clock within a step"
    if engine.operations:
        text += f", {engine.per_lane:.3f} useful synaptic operations per lane and clock"
    return text

"""How results look: tables and sentences for people, one JSON document for machines."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from spikeloom.text import visible

__all__ = [
    "Stages",
    "boards",
    "build",
    "check",
    "convert",
    "demo",
    "doctor",
    "error",
    "everywhere",
    "flash",
    "generate",
    "mapping",
    "packaged",
    "print_json",
    "progress",
    "report",
    "run",
    "say",
    "verify",
]

# Results go to standard output, progress and errors to standard error. Both respect NO_COLOR, pipes and widths.
BUSIEST_LINKS = 8
GOOD, BAD, OPEN = "green", "bold red", "yellow"
Rows = list[tuple[Any, ...]]


def _console(*, stderr: bool = False) -> Console:
    # Made anew, since tests and callers replace the streams.
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def _harmless(text: object) -> str:
    """Text from files: neither markup nor commands for the terminal."""
    return escape(visible(text))


def say(text: str = "", style: str | None = None) -> None:
    """A line on standard output; text from files is never read as markup."""
    _console().print(_harmless(text), style=style)


def error(message: str) -> None:
    _console(stderr=True).print(f"[{BAD}]error:[/] {_harmless(message)}")


def jsonable(value: Any) -> Any:
    """A result as what JSON knows."""
    for name in ("summary", "to_dict", "as_dict"):
        if hasattr(value, name):
            return jsonable(getattr(value, name)())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return jsonable(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None  # JSON has no NaN
    return str(value) if isinstance(value, Path) else value


def print_json(value: Any, **more: Any) -> None:
    """One JSON document on standard output."""
    document = jsonable(value)
    print(json.dumps({**document, **jsonable(more)} if more else document, indent=2, allow_nan=False))  # noqa: T201


class _Bar:
    """Called with what is done: a stage, counts (done, total), or both."""

    def __init__(self, bar: Progress | None, what: str) -> None:
        self.bar = bar
        self(what)

    def __call__(self, *said: str | int | None) -> None:
        if not self.bar:
            return
        for word in said:
            if isinstance(word, str):  # a total cannot be taken back, so every stage is a task of its own
                for task in self.bar.task_ids:
                    self.bar.remove_task(task)
                self.task = self.bar.add_task(_harmless(word), total=None, count="")
        match [count for count in said if isinstance(count, int)]:
            case [done, total]:
                self.bar.update(self.task, completed=done, total=total, count=f"{done} of {total}")

    def print(self, text: str, style: str | None = None) -> None:
        """A line that stays, above the progress."""
        if self.bar:
            self.bar.stop()
        say(text, style)
        if self.bar:
            self.bar.start()


@contextmanager
def progress(what: str) -> Iterator[_Bar]:
    """A progress line on standard error while the block runs; nothing where that is not a terminal."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield _Bar(None, what)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar, what)


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.2f} %"


def _table(*columns: str, rows: Rows) -> None:
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else _harmless(cell) for cell in row))
    # Tables wrap at the terminal's width; in a pipe they are as wide as they need to be.
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(made)


# One function per command -----------------------------------------------------------------------------------------


def doctor(health: Any) -> None:
    def verdict(tool: Any) -> str:
        return "works" if tool.usable else "MISSING" if tool.required else "missing (optional)"

    _table(
        "tool",
        "",
        "version",
        rows=[(t.name, verdict(t), t.version) for t in health.tools],
    )
    for tool in health.tools:
        if not tool.usable:
            say(
                f"{tool.name}, which {tool.use}, {tool.problem}. Remedy: {tool.remedy}.", BAD if tool.required else OPEN
            )
    if all(tool.usable for tool in health.tools if tool.required):
        say("Every tool that is required works.", GOOD)
    if health.blinky is not None:
        _clocks(health.blinky)
        say(f"Wrote {health.output / health.blinky.bitstream}; flash it with: spikeloom flash {health.output}")
        say(f"Then the {health.blinky.lamps} lamps of {health.blinky.board} blink once a second, neighbours in turn.")


def check(inspection: Any) -> None:
    _table("node", "type", "", "", rows=[(v.name, v.type, v.verdict, v.about) for v in inspection.nodes])
    for problem in inspection.problems:
        say(f"problem: {problem}", BAD)
    for note in (*inspection.notes, *inspection.storage):
        say(f"note: {note}", OPEN)
    for question in inspection.questions:
        say(f"open: {question}", OPEN)
    if not inspection.buildable:
        say(f"{inspection.path} cannot be built.", BAD)
    elif inspection.questions:
        hint = f", likely --convention {inspection.suggestion}" if inspection.suggestion else ""
        say(f"{inspection.path} can be built, once what is open is given{hint}.", OPEN)
    else:
        say(f"{inspection.path} can be built.", GOOD)


def convert(conversion: Any) -> None:
    report = conversion.report
    _table(
        "layer",
        "weights",
        "scale",
        "clipped",
        "potential",
        "reaches",
        "saturated",
        "rate float/int",
        "same spikes",
        "accuracy alone" if report.accuracy_float is not None else "same class alone",
        rows=[
            (
                layer.name,
                f"{layer.weight_bits} bit" + (" per neuron" if layer.per_channel else ""),
                f"{layer.scale:.4g}",
                f"{_percent(layer.clipped)} ({layer.method})",
                f"{layer.state_bits} bit, {layer.guard_bits} guard"
                + (f", current {layer.current_bits}" if layer.current_bits else ""),
                "{}..{}".format(*layer.potential),
                layer.saturations,
                "potentials"
                if layer.potential_error is not None
                else f"{100 * layer.rate_float:.2f}/{100 * layer.rate_integer:.2f} %"
                if layer.value_bits == 1
                else f"{layer.rate_float:.3f}/{layer.rate_integer:.3f}",
                f"{_percent(layer.potential_error)} off"
                if layer.potential_error is not None
                else _percent(layer.spike_agreement),
                _percent(layer.alone),
            )
            for layer in report.layers
        ],
    )
    for note in report.notes:
        say(f"note: {note}", OPEN)
    knobs = {name: value for name, value in report.knobs.items() if value is not None}
    say(f"Knobs: {', '.join(f'{name} {_plain(value)}' for name, value in knobs.items())}.")
    if report.input_scale != 1:
        say(f"Analogue input: one step of its {report.input_value_bits} bits is {report.input_scale:.4g}.")
    say(
        f"On {report.samples} calibration samples of {report.steps} steps: "
        f"accuracy {_percent(report.accuracy_float)} float, {_percent(report.accuracy_integer)} integer; "
        f"{_percent(report.prediction_agreement)} of predictions agree."
    )
    if conversion.output:
        say(f"Wrote {conversion.output}")


def _plain(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def run(report: Any) -> None:
    summary = report.summary()
    right = "" if report.accuracy is None else f", accuracy {_percent(report.accuracy)}"
    found = "potentials" if summary["spikes"] is None else f"{summary['spikes']:,} spikes"
    say(f"{summary['samples']} samples of {summary['steps']} steps on {report.on}: {found}{right}")
    if report.clipped:
        say(f"{_percent(report.clipped)} of the samples' numbers are beyond the input's range, and were cut off.", OPEN)
    if report.output:
        say(f"Wrote {report.output}")
    if report.events and not report.potentials:
        say("Without potentials: hardware shows none while it runs; --on golden records them.", OPEN)


def generate(manifest: Mapping[str, Any], output: Path) -> None:
    from spikeloom.boards import storage

    stored = storage.of_manifest(manifest)
    bits = sum(stored.values())
    projections = [one for one in storage.of_folder(output) if one.numbers]
    _table(
        "projection",
        "stored as",
        "numbers",
        "bits",
        "theirs alone",
        rows=[(p.what, p.kind, f"{p.numbers:,}", f"{p.bits:,}", f"{p.own:,}") for p in projections],
    )
    say(f"Logical bits: {_bits(stored)}")
    say(
        f"Wrote {output}: {manifest['verilog']['file']}, {len(manifest['images'])} memory images "
        f"({bits / 8192:.1f} KiB of memory), {manifest['loom']['file']}, manifest.json"
    )
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
    _table(*heads, rows=rows)
    if report.links:
        traffic = sorted(report.links.items(), key=lambda item: -item[1])[:BUSIEST_LINKS]
        _table("busiest links", "packets per step", rows=[(link, f"{packets:,.1f}") for link, packets in traffic])
    if report.block_rams:
        used, available = report.block_rams
        say(f"Memory: {used} of the {available} block RAMs of {report.board}, those of the host link too")
    how = "the data's events" if report.measured else "a tenth of all neurons firing in each step"
    say(f"Predicted: {report.clocks_per_step:,} clocks per step, with {how}.")
    for path in (report.output, report.page):
        if path is not None:
            say(f"Wrote {path}" + (f"; use it with --config {path}" if path == report.output else ""))


def _bits(stored: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {bits:,}" for kind, bits in stored.items())


def verify(report: Any) -> None:
    _table(
        "population",
        "neurons",
        "fired",
        rows=[(name, size, _percent(report.fired.get(name))) for name, size in report.populations.items()],
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


def build(report: Any, output: Path) -> None:
    used, available = dataclasses.asdict(report.used), dataclasses.asdict(report.available)
    names = {"lut": "logic cells", "ff": "flip-flops", "block_ram": "block RAM", "dsp": "multipliers"}
    _table(
        f"{report.device}",
        "used",
        "of",
        "",
        rows=[
            (names.get(name, name), f"{count:,}", f"{available[name]:,}", _percent(count / available[name]))
            for name, count in used.items()
            if available.get(name)
        ],
    )
    for remark in report.remarks:
        say(f"note: {remark}", OPEN)
    if hasattr(report, "run"):
        say(f"Wrote {output}; in {output / 'rtl'}, '{report.run}' makes the bitstream for {report.board}")
        return
    if report.stored:
        say(
            f"Memory: {sum(report.stored.values()):,} logical bits ({_bits(report.stored)}), the tables in logic and "
            f"the others in block RAM; the host link has its own"
        )
    _clocks(report)
    if report.critical_path:
        say(f"slowest path: {report.critical_path}")
    say(latency(report) or "Give --data to measure latency and rate, and to estimate energy.")
    if report.energy:
        parts = ", ".join(f"{name} {value:,.1f}" for name, value in report.energy.nanojoules.items())
        say(f"energy of an inference: of the order of {report.energy.total_nanojoules:,.1f} nJ ({parts})")
        say(f"note: {report.energy.basis}", OPEN)
    if report.cached:
        say(f"From the cache: {', '.join(report.cached)}; --no-cache carries them out again")
    say(f"Wrote {output / report.bitstream}")


def everywhere(made: Any) -> None:
    """What became of every board: what its build takes of it, and what is wrong where there is none."""
    _table(
        "boards",
        *("board", "fits", "logic", "flip-flops", "block RAM", "MHz of asked", "latency", "bitstream"),
        rows=[(one.board, *_board_row(one)) for one in made],
    )
    for one in made:
        if one.about:
            say(f"{one.board}: {one.about}", OPEN if one.ok else BAD)
        elif not one.ok:
            say(f"{one.board}: its timing is missed: do not trust this bitstream", BAD)


def _board_row(one: Any) -> tuple[str, ...]:
    report = one.report
    if report is None:
        return ("no" if one.fits is False else "failed", *["-"] * 6)
    shares = [
        _percent(getattr(report.used, name) / getattr(report.available, name)) for name in ("lut", "ff", "block_ram")
    ]
    latency = "-" if report.latency_us is None else f"{report.latency_us:,.1f} µs"
    clock = f"{report.fmax_mhz:.1f} of {report.core_mhz:g}"
    return ("yes" if one.ok else "too slow", *shares, clock, latency, f"{one.folder.name}/{report.bitstream}")


def _clocks(report: Any) -> None:
    for name, clock in report.clocks.items():
        met = "met" if clock.met else "MISSED: do not trust this bitstream"
        say(
            f"clock {name}: {clock.achieved_mhz:.1f} MHz possible, {clock.constraint_mhz:.1f} asked: {met}",
            GOOD if clock.met else BAD,
        )


def boards(offers: Any) -> None:
    about = [(o, (o.name, o.device, _kibibytes(o.memory_bits), f"{o.core_mhz:g} MHz", o.flow)) for o in offers]
    if not any(o.fit for o in offers):
        _table("board", "device", "block RAM", "clock", "tools", "host", rows=[(*row, o.host) for o, row in about])
        return
    shares = ("block_ram", "lut", "dsp")
    _table(
        *("board", "device", "block RAM", "clock", "tools", "lanes", "fits"),
        *("of block RAM", "of logic", "of multipliers", ""),
        rows=[
            (*row, o.fit.lanes, "yes" if o.fit.fits else "no", *(_share(o.fit.shares[s]) for s in shares), o.fit.about)
            for o, row in about
        ],
    )
    if any(share is None for o in offers for share in o.fit.shares.values()):
        say("? is not known before synthesis.", OPEN)


def _share(share: float | None) -> str:
    return "?" if share is None else _percent(share)


def _kibibytes(bits: int) -> str:
    return f"{bits / 8192:,.0f} KiB"


def flash(report: Any) -> None:
    for note in report.notes:
        say(f"note: {note}", OPEN)
    kept = "until its power is off" if report.to == "sram" else "also after its power was off"
    say(f"Loaded {report.bitstream} into the {report.to} of {report.board}, {kept}.", GOOD)


def latency(report: Any) -> str:
    """Latency and rate in words; empty where the clocks of an inference are not known."""
    if report.latency_us is None:
        return ""
    if not report.timing_met:
        return f"{report.clocks_per_inference:,.0f} clocks per inference; {report.core_mhz:g} MHz are not reached"
    return (
        f"{report.clocks_per_inference:,.0f} clocks per inference at {report.core_mhz:g} MHz: "
        f"{report.latency_us:,.1f} µs, {report.inferences_per_second:,.0f} inferences per second"
    )


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
    _table("network", "", rows=[(network.name, network.about) for network in networks.values()])


class Stages:
    """The demo, a line or two per stage as it ends."""

    def __init__(self, bar: _Bar) -> None:
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
            f"{'/'.join(map(str, widths))}-bit weights; on calibration data {_percent(report.accuracy_float)} accuracy "
            f"as floats, {_percent(report.accuracy_integer)} as integers"
        )

    def run(self, report: Any) -> str:
        return f"{len(report.prediction)} test samples on the integer model, accuracy {_percent(report.accuracy)}"

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
            f"{latency(report)}"
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

"""How results about boards and their tools look."""

import dataclasses
from pathlib import Path
from typing import Any

from spikeloom.show.console import BAD, GOOD, OPEN, percent, say, table
from spikeloom.show.design import bits_by_kind

__all__ = ["boards", "build", "doctor", "everywhere", "flash", "latency"]


def doctor(health: Any) -> None:
    def verdict(tool: Any) -> str:
        return "works" if tool.usable else "MISSING" if tool.required else "missing (optional)"

    table(
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


def boards(offers: Any) -> None:
    about = [(o, (o.name, o.device, _memory(o), f"{o.core_mhz:g} MHz", o.flow)) for o in offers]
    if not any(o.fit for o in offers):
        table("board", "device", "memory", "clock", "tools", "host", rows=[(*row, o.host) for o, row in about])
        say("Each has a page, from the cable to the first digit: docs/boards/BOARD.md in the repository")
        return
    memory = {"block_ram": "block RAM", "single_port_bits": "single-port memory"}
    shares = memory | {"lut": "logic", "ff": "flip-flops", "dsp": "multipliers"}
    shown = [name for name in shares if any(name in o.fit.needs for o in offers)]
    table(
        *("board", "memory", "clock", "lanes", "fits", *(f"of {shares[name]}" for name in shown)),
        rows=[
            (o.name, size, clock, o.fit.lanes, "yes" if o.fit.fits else "no", *(_share(o.fit, s) for s in shown))
            for o, (_, _, size, clock, _) in about
        ],
    )
    for offer in offers:
        if offer.fit.about:
            say(f"{offer.name}: {offer.fit.about}", OPEN if offer.fit.fits else BAD)
    if any(share is None for o in offers for share in o.fit.shares.values()):
        say("? is not known before synthesis.", OPEN)
    if off := {o.family: max(o.fit.margins.values()) for o in offers if o.fit.margins}:
        by = ", ".join(f"{share:.0%} ({family})" for family, share in off.items())
        say(f"~ is estimated. Designs that the model was not made from were off by up to {by}.", OPEN)


def _memory(offer: Any) -> str:
    single_port = f" + {_kibibytes(offer.single_port_bits)} single-port" if offer.single_port_bits else ""
    return _kibibytes(offer.memory_bits) + single_port


def _share(fit: Any, name: str) -> str:
    if name not in fit.needs:
        return "-"
    share = fit.shares[name]
    if share is None:
        return "?"
    return f"~{share:.0%}" if name in fit.margins else percent(share)


def _kibibytes(bits: int) -> str:
    return f"{bits / 8192:,.0f} KiB"


def build(report: Any, output: Path) -> None:
    used, available = dataclasses.asdict(report.used), dataclasses.asdict(report.available)
    names = {"lut": "logic cells", "ff": "flip-flops", "block_ram": "block RAM", "dsp": "multipliers"}
    table(
        f"{report.device}",
        "used",
        "of",
        "",
        rows=[
            (names.get(name, name), f"{count:,}", f"{available[name]:,}", percent(count / available[name]))
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
            f"Memory: {sum(report.stored.values()):,} logical bits ({bits_by_kind(report.stored)}), the tables in "
            f"logic and the others in block RAM; the host link has its own"
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


def _clocks(report: Any) -> None:
    for name, clock in report.clocks.items():
        met = "met" if clock.met else "MISSED: do not trust this bitstream"
        say(
            f"clock {name}: {clock.achieved_mhz:.1f} MHz possible, {clock.constraint_mhz:.1f} asked: {met}",
            GOOD if clock.met else BAD,
        )


def everywhere(made: Any) -> None:
    """What became of every board: what its build takes of it, and what is wrong where there is none."""
    table(
        *("board", "fits", "logic", "flip-flops", "block RAM", "MHz of asked", "latency", "bitstream"),
        rows=[(one.board, *_board_row(one)) for one in made],
    )
    for one in made:
        if one.about:
            say(f"{one.board}: {one.about}", OPEN if one.ok else BAD)
        elif not one.ok:
            say(f"{one.board}: its timing is missed: do not trust this bitstream", BAD)
    said = [(remark, one.board) for one in made if one.report for remark in one.report.remarks]
    for remark in dict.fromkeys(remark for remark, _ in said):
        say(f"note: {', '.join(board for other, board in said if other == remark)}: {remark}", OPEN)


def _board_row(one: Any) -> tuple[str, ...]:
    report = one.report
    if report is None:
        return ("no" if one.fits is False else "failed", *["-"] * 6)
    shares = [
        percent(getattr(report.used, name) / getattr(report.available, name)) for name in ("lut", "ff", "block_ram")
    ]
    latency = "-" if report.latency_us is None else f"{report.latency_us:,.1f} µs"
    clock = f"{report.fmax_mhz:.1f} of {report.core_mhz:g}"
    return ("yes" if one.ok else "too slow", *shares, clock, latency, f"{one.folder.name}/{report.bitstream}")


def flash(report: Any) -> None:
    for note in report.notes:
        say(f"note: {note}", OPEN)
    kept = "until its power is off" if report.to == "sram" else "also after its power was off"
    say(f"Loaded {report.bitstream} into the {report.to} of {report.board}, {kept}.", GOOD)

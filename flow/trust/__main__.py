"""``python -m spikeloom.trust [CHECK ...]``: runs the checks, and writes one page that shows what they found."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from spikeloom.bench import results
from spikeloom.files import output_errors
from spikeloom.golden.network import Refusal
from spikeloom.hdl.supported import Range, joined, write_supported
from spikeloom.trust import page, runner
from spikeloom.trust.check import Figure
from spikeloom.trust.checks import NAMES, check_of
from spikeloom.trust.runner import Outcome, Part
from spikeloom.trust.screen import Screen
from spikeloom.trust.stages import standings

__all__ = ["main"]

WORKERS = 2
#: The list of the parameters of designs that were compared.
RANGES = "parameters"
ABOUT = "What the checks of a run found, and what was asked of it."


def main(words: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every check held, or could not run here while ``CI`` does not ask for it."""
    words = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser(
        prog="python -m spikeloom.trust",
        description="Tries to break the hardware and the program, and shows how hard. Started again, it goes on where "
        "it stopped.",
    )
    parser.add_argument("check", nargs="*", help=f"checks, all if none is named: {', '.join(NAMES)}")
    parser.add_argument("--full", action="store_true", help="hours instead of minutes")
    parser.add_argument("--part", default="", metavar="TEXT", help="only parts with this text in their name")
    parser.add_argument("--again", action="store_true", help="try again what is known already")
    parser.add_argument("--workers", type=int, default=WORKERS, metavar="N", help=f"at a time; by default {WORKERS}")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="by default build/trust/quick or .../full")
    options = parser.parse_args(words)
    if unknown := [name for name in options.check if name not in NAMES]:
        parser.error(f"there is no check {unknown[0]!r}; there are {', '.join(NAMES)}")
    if options.workers < 1:
        parser.error(f"--workers must be at least 1, not {options.workers}")
    folder = options.output or Path("build/trust") / ("full" if options.full else "quick")
    console = Console(highlight=False, soft_wrap=True)
    try:
        return _tried(options, folder, console)
    except (Refusal, OSError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]error:[/] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; the same command goes on from here.")
        return 130


def _tried(options: argparse.Namespace, folder: Path, console: Console) -> int:
    """Run what was asked for, and write what was found."""
    outcomes = _run(options, folder, console)
    name = "trust_full" if options.full else "trust"
    command = results.command_of(name)
    path = page.write(
        outcomes, standings(outcomes), folder, full=options.full, command=command, versions=results.versions()
    )
    for one in outcomes:
        _print(one, console)
    console.print(f"Wrote {path}")
    if results.RESULTS.is_dir() and (rows := _rows(outcomes, results.load(name), full=options.full)):
        console.print(f"Wrote {results.save(name, ABOUT, rows)}")
        compared = [one for one in outcomes if RANGES in one.rows]
        # Everybody can run again what is promised.
        if not options.full and all(one.state == "held" for one in compared):
            console.print(f"Wrote {write_supported(_ranges(compared))}")
    asked = [one for one in outcomes if not options.check or one.check.name in options.check]
    return int(any(one.state not in _passing(options.part) for one in asked))


def _passing(part: str) -> set[str]:
    """A check of which only some parts were asked for passes with these."""
    return {"held", "unable"} | ({"open"} if part else set())


def _run(options: argparse.Namespace, folder: Path, console: Console) -> list[Outcome]:
    with output_errors(folder):
        (folder / "parts").mkdir(parents=True, exist_ok=True)
    names = {name: runner.parts_of(name, options.full) for name in NAMES}
    wanted = [
        Part(check=check, name=part)
        for check in options.check or NAMES
        for part in names[check]
        if options.part in part
    ]
    if not wanted:
        raise Refusal(f"No part has the text {options.part!r} in its name")
    before = runner.before(folder, [Part(check=c, name=p) for c in NAMES for p in names[c]])
    found = {} if options.again else {(part.check, part.name): part for part in before}
    with Screen(console, len(wanted)) as screen:
        done = runner.run(
            wanted, folder, full=options.full, workers=options.workers, again=options.again, said=screen.said
        )
        for part in done:
            found[part.check, part.name] = part
            screen.ended(part)
    return [runner.outcome(check_of(name), found.values(), names[name], options.full) for name in NAMES]


def _ranges(outcomes: Sequence[Outcome]) -> dict[str, Range]:
    """The parameters that designs had which were compared."""
    rows = [row for one in outcomes for row in one.rows[RANGES]]
    return joined({row["parameter"]: (row["smallest"], row["largest"])} for row in rows)


def _rows(outcomes: Sequence[Outcome], document: Mapping[str, Any] | None, *, full: bool) -> list[results.Row]:
    """What the documents show, if it is of all checks. In a full run, which takes hours, each check counts by itself.

    document: what they show now. Of a check that did not run to its end it counts until the check's code changes.
    """
    earlier, rows = document["rows"] if document else [], []
    for one in outcomes:
        about = {"check": one.check.title, "code": runner.code(one.check.name)}
        if one.state in ("held", "failed") and not one.missing:
            found = [about | _row(figure) for figure in one.figures]
        else:
            found = [row for row in earlier if about.items() <= row.items()]
        if not found and not full:
            return []
        rows += found
    return rows


def _row(figure: Figure) -> results.Row:
    return {
        "what": figure.what,
        "found": f"{page.number(figure.value)} {figure.unit}".strip(),
        "asked": page.bound(figure) + ("" if figure.ok else " (missed)"),
    }


def _print(one: Outcome, console: Console) -> None:
    colour = {"held": "green", "failed": "bold red"}.get(one.state, "yellow")
    console.print(f"[{colour}]{one.state:7}[/] {one.check.title}")
    for figure in one.figures:
        mark = " [bold red]missed[/]" if one.missed(figure) else "" if figure.ok else " [yellow]open[/]"
        asked = f" (asked: {page.bound(figure)})" if page.bound(figure) else ""
        unit = f" {figure.unit}" if figure.unit else ""
        console.print(f"          {escape(figure.what)}: {page.number(figure.value)}{escape(unit)}{asked}{mark}")
    for problem in one.problems:
        console.print(f"          [bold red]{escape(problem)}[/]")
    for part in one.parts:
        if part.unable:
            console.print(f"          [yellow]{escape(part.name)} could not run here: {escape(part.unable)}[/]")


if __name__ == "__main__":
    sys.exit(main())

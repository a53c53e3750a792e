"""How the result of a search looks."""

from typing import Any

from spikeloom.show.console import BAD, GOOD, OPEN, say, table

__all__ = ["tune"]

MOST_ROWS = 20


def tune(report: Any) -> None:
    from spikeloom.tuning.figures import FIGURES
    from spikeloom.tuning.result import shown

    names = list(dict.fromkeys((*report.goals.objectives, "latency", "lut", "bram", "fmax")))
    roles: dict[int, list[str]] = {}
    for role, design in report.chosen.items():
        roles.setdefault(design.number, []).append(role)
    designs = sorted({d.number: d for d in (*report.front, *report.settled)}.values(), key=lambda d: -d.depth)

    def cell(design: Any, name: str) -> str:
        return f"{shown(name, design.figures[name]):,g}" if name in design.figures else "?"

    heads = [f"{name} ({FIGURES[name].unit})" if FIGURES[name].unit else name for name in names]
    rows = [
        (d.number, *(cell(d, name) for name in names), report.depths[d.depth], ", ".join(roles.get(d.number, [])))
        for d in designs[:MOST_ROWS]
    ]
    table("trial", *heads, "numbers by", "", rows=[tuple(map(str, row)) for row in rows])
    if len(designs) > MOST_ROWS:
        say(f"and {len(designs) - MOST_ROWS} more by the model")
    for design in report.settled:
        if design.problem:
            say(f"trial {design.number}: {design.problem}", BAD)
    new = report.evaluated, report.seconds
    rate = f", {new[0] / new[1]:,.0f} new ones per second with the search itself" if all(new) else ""
    say(f"{report.trials} trials, {report.refused} of them without a design{rate}; {len(report.front)} on the front.")
    if report.why:
        say(f"Most often without a design: {report.why}")
    if report.model.runs:
        say(report.model.about)
    if report.settled:
        say("Those that are built: every event of their Verilog is the integer model's.", GOOD)
    else:
        say("Nothing was built: every number but accuracy is the model's.", OPEN)
    say(f"Wrote {report.output / 'tune.html'}, front.json, the chosen designs' .yaml and .loom, and commands.txt")

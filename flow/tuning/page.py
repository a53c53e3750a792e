"""The page of a search: its front, its trials, what mattered, and how right the model was. It needs no network."""

import datetime
import html
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spikeloom import __version__
from spikeloom.boards import catalogue
from spikeloom.files import new_file
from spikeloom.text import visible
from spikeloom.tuning.figures import FIGURES
from spikeloom.tuning.goals import Goals
from spikeloom.tuning.result import TuneReport, shown
from spikeloom.tuning.settle import Design
from spikeloom.tuning.space import Point, Space, label
from spikeloom.tuning.study import Search, Trial

__all__ = ["importance", "write"]

#: Trials that are drawn beside the front.
MOST_DRAWN = 3000


def write(report: TuneReport, search: Search, commands: Mapping[int, str], path: Path) -> None:
    import plotly.offline

    environment = Environment(
        loader=PackageLoader("spikeloom.tuning", "."),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else visible(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scripts = [plotly.offline.get_plotlyjs(), (resources.files("spikeloom.tuning") / "tune.js").read_text("utf-8")]
    hashes = " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in scripts)
    text = environment.get_template("tune.html.j2").render(
        version=__version__,
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        report=report,
        board=catalogue.find(report.board),
        shown=shown,
        FIGURES=FIGURES,
        DEPTHS=report.depths,
        axes={name: search.space.labels[name] for name in search.space.axes},
        unreached="" if report.front else search.unreached(),
        commands=commands,
        data=_data(report, search, commands),
        scripts=[Markup(text) for text in scripts],  # noqa: S704  Plotly's, and our own
        hashes=hashes,
    )
    with new_file(path) as partial:
        partial.write_text(text, "utf-8")


def importance(space: Space, trials: Sequence[Trial], goals: Goals) -> dict[str, dict[str, float]]:
    """By objective and axis, the share of the spread among trials that the axis explains by itself."""
    found = [trial for trial in trials if not trial.refused]
    costs = np.array([goals.costs(trial.figures) for trial in found]).reshape(len(found), len(goals.objectives))
    shares: dict[str, dict[str, float]] = {}
    for k, objective in enumerate(goals.objectives if found else ()):
        spread = costs[:, k].var()
        shares[objective] = {}
        for name in space.free:
            choice = np.array([space.axes[name].index(trial.point[name]) for trial in found])
            means = np.array([costs[choice == c, k].mean() for c in choice])
            shares[objective][name] = float(means.var() / spread) if spread else 0.0
    return shares


def _data(report: TuneReport, search: Search, commands: Mapping[int, str]) -> dict[str, Any]:
    """What the pictures are drawn from. Plotly reads some HTML in texts: names are escaped for it too."""
    goals, space = report.goals, search.space
    front = {design.number: design for design in (*report.front, *report.settled)}
    others = [t for t in search.trials if not t.refused and t.number not in front][:MOST_DRAWN]
    return {
        "objectives": [
            {"name": name, "title": _title(name), "best": "largest" if name in goals.maximise else "smallest"}
            # What is 0 somewhere, such as multipliers, has no place on a logarithmic axis.
            | {"log": not FIGURES[name].share and all(one.figures[name] for one in (*front.values(), *others))}
            for name in goals.objectives
        ],
        "axes": [{"name": _plain(name), "choices": list(map(_plain, space.labels[name]))} for name in space.free],
        "designs": [
            {
                "number": design.number,
                "depth": design.depth,
                "problem": bool(design.problem),
                "roles": [role for role, one in report.chosen.items() if one.number == design.number],
                "values": goals.values(design.figures),
                "choices": list(space.numbers(design.point)),
                "text": _text(design, report),
                "command": commands.get(design.number, ""),
            }
            for design in front.values()
        ],
        "others": [
            {"values": goals.values(t.figures), "kept": goals.kept(t.figures), "choices": list(space.numbers(t.point))}
            for t in others
        ],
        "importance": {
            _title(name): {_plain(axis): round(share, 4) for axis, share in shares.items()}
            for name, shares in importance(space, search.trials, goals).items()
        },
        "measured": [
            {"number": design.number, "name": name, "ratio": design.figures[name] / design.modelled[name]}
            for design in report.settled
            for name in ("clocks", "lut", "ff", "bram", "dsp", "fmax")
            if design.depth > 1
            and design.modelled.get(name)
            and design.figures.get(name)
            # Synthesis says nothing of time.
            and (design.depth == 3 or name not in ("clocks", "fmax"))
        ],
    }


def _text(design: Design, report: TuneReport) -> str:
    """A design in a few lines, as Plotly shows them."""
    by = f"<b>trial {design.number}</b>, by {report.depths[design.depth]}"
    wanted = dict.fromkeys((*report.goals.objectives, "latency", "lut", "bram", "clocks"))
    figures = [
        f"{name} {shown(name, design.figures[name]):,g} {FIGURES[name].unit}".strip()
        for name in wanted
        if name in design.figures
    ]
    return "<br>".join([by, ", ".join(figures), *(_plain(line) for line in _choices(design.point))])


def _choices(point: Point) -> list[str]:
    return [f"{name}: {label(choice)}" for name, choice in point.items() if choice is not None]


def _plain(text: str) -> str:
    return html.escape(visible(text))


def _title(name: str) -> str:
    unit = FIGURES[name].unit
    return f"{name} ({unit})" if unit else name

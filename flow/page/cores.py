"""Cores and the links between them as pictures: a placement as a page of its own, and packets on their way."""

from collections.abc import Iterable, Sequence
from math import ceil, cos, pi, sin, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from spikeloom import __version__
from spikeloom.files import new_file
from spikeloom.page.drawings import element, stretched
from spikeloom.sim.job import INTERVAL
from spikeloom.text import visible

if TYPE_CHECKING:
    from spikeloom.mapped import CoreUse, MapReport

__all__ = ["PER_SECOND", "draw", "flow", "traffic", "write"]

TILE, GAP, WIDEST = 150, 90, 14
LETTERS = 18
#: Of a moving picture, and shades of one that stands still.
PER_SECOND, LEVELS = 8, 5
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; padding: 0 20px; color: #16191f; }
svg { width: 100%; height: auto; }
svg text { font-size: 13px; fill: #16191f; }
svg .small { font-size: 11px; fill: #5a6472; }
.tile { fill: #f6f7f9; stroke: #5a6472; }
.router { fill: #fff; stroke: #5a6472; }
.link { stroke: #2b6cb0; fill: none; opacity: .55; }
.track { fill: #dde1e7; }
.load { fill: #17365c; }
.memory { fill: #f0b13c; }
table { border-collapse: collapse; }
td, th { padding: 2px 12px 2px 0; text-align: left; }
"""
Point = tuple[float, float]


def draw(report: "MapReport") -> Markup:
    """The host, the cores and what joins them."""
    where = _where(tuple(report.links), 1 + len(report.cores), report.configuration.topology)
    most = max(report.links.values(), default=0) or 1
    content = [
        element(
            "path",
            element("title", f"{name}: {packets:,} packets per step"),
            d=_line(name, where),
            class_="link",
            stroke_width=f"{max(0.5, WIDEST * packets / most):.1f}",
        )
        for name, packets in report.links.items()
    ]
    fullest = max(core.bits for core in report.cores)
    for name, point in where.items():
        kind, _, number = name.partition(" ")
        if kind == "node":
            k = int(number)
            core = report.cores[k - 1] if k else None
            content.append(_tile(point, core, "host" if core is None else f"core {k - 1}", fullest))
        else:
            content.append(element("circle", element("title", name), cx=point[0], cy=point[1], r=9, class_="router"))
    width = max(x for x, _ in where.values()) + TILE
    height = max(y for _, y in where.values()) + TILE
    label = f"{len(report.cores)} cores and the links between them"
    return element("svg", *content, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label)


def flow(links: Sequence[str], nodes: int, topology: str, counts: np.ndarray) -> Markup:
    """The links, each as wide as the packets (intervals, links) that it carries, one interval after the other."""
    where = _where(links, nodes, topology)
    most = max(1, int(counts.max()))
    widths = np.round(WIDEST * counts / most, 1)
    content = []
    for name, values in zip(links, widths.T, strict=True):
        moving = element(
            "animate",
            attributeName="stroke-width",
            values=";".join(f"{value:g}" for value in values),
            calcMode="discrete",
            dur=f"{len(counts) / PER_SECOND:g}s",
            repeatCount="indefinite",
        )
        content.append(element("path", element("title", name), moving, d=_line(name, where), class_="link"))
    for name, (x, y) in where.items():
        kind, _, number = name.partition(" ")
        title = element("title", name)
        if kind != "node":
            content.append(element("circle", title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=9, class_="router"))
            continue
        label = f"core {int(number) - 1}" if int(number) else "host"
        content.append(element("circle", title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=TILE / 3, class_="tile"))
        content.append(element("text", label, x=f"{x:.1f}", y=f"{y + 5:.1f}", text_anchor="middle"))
    width, height = (max(point[k] for point in where.values()) + TILE for k in (0, 1))
    for k, packets in enumerate(sorted({most, -(-most // 4)})):
        x, y, wide = 20, height - 22 - 24 * k, f"{WIDEST * packets / most:.1f}"
        content.append(element("path", d=f"M{x} {y}h40", class_="link", stroke_width=wide))
        content.append(
            element("text", f"{packets} packet{'s' * (packets > 1)} in {INTERVAL} clocks", x=x + 50, y=y + 5)
        )
    label = "packets on their way between the cores, moving"
    return element("svg", *content, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label, class_="flow")


def traffic(counts: np.ndarray) -> Markup:
    """Packets (intervals, links): a cell's colour is the stronger, the more there were; a line marks a time."""
    levels = np.ceil(LEVELS * counts / max(1, counts.max())).astype(int)
    paths = [
        element(
            "path",
            d="".join(f"M{time} {link + 0.5:g}h1" for time, link in zip(*np.nonzero(levels == level), strict=True)),
            opacity=f"{level / LEVELS:.2f}",
        )
        for level in range(1, LEVELS + 1)
        if (levels == level).any()
    ]
    now = element("path", d=f"M0 0v{counts.shape[1]}", class_="now", vector_effect="non-scaling-stroke")
    return stretched(*counts.shape, "packets of each link over time", *paths, now, class_="traffic")


def _line(link: str, where: dict[str, Point]) -> str:
    """The ways of a link and of its opposite lie beside each other."""
    start, end = link.split(" -> ")
    (x, y), (u, v) = where[start], where[end]
    length = sqrt((u - x) ** 2 + (v - y) ** 2) or 1
    dx, dy = (v - y) / length * WIDEST / 2, (x - u) / length * WIDEST / 2
    return f"M{x + dx:.1f} {y + dy:.1f}L{u + dx:.1f} {v + dy:.1f}"


def _where(links: Sequence[str], nodes: int, topology: str) -> dict[str, Point]:
    """The middle of every node and router: around a circle, or as the mesh lies."""
    ends = {end for name in links for end in name.split(" -> ")}
    routers = sorted((e for e in ends if not e.startswith("node")), key=lambda e: (len(e), e))
    pitch = TILE + GAP
    where: dict[str, Point] = {}
    if topology == "mesh" or not routers:
        columns = ceil(sqrt(nodes))
        for k in range(max(nodes, len(routers))):
            x, y = TILE + k % columns * pitch, TILE + k // columns * pitch
            if k < nodes:
                where[f"node {k}"] = (x, y)
            if routers:
                where[routers[k]] = (x + TILE / 2 + GAP / 3, y + TILE / 2 + GAP / 3)
        return where
    radius = max(pitch, pitch * nodes / (2 * pi))
    middle = radius + TILE
    for k in range(nodes):
        across, down = cos(2 * pi * k / nodes - pi / 2), sin(2 * pi * k / nodes - pi / 2)
        where[f"node {k}"] = (middle + radius * across, middle + radius * down)
        if len(routers) == nodes:
            inner = radius - TILE
            where[routers[k]] = (middle + inner * across, middle + inner * down)
    if len(routers) == 1:
        where[routers[0]] = (middle, middle)
    return where


def _tile(middle: Point, core: "CoreUse | None", name: str, fullest: int) -> Markup:
    x, y = middle[0] - TILE / 2, middle[1] - TILE / 2
    inside = [element("title", name if core is None else f"{name}: {', '.join(core.parts)}")]
    inside.append(element("rect", x=x, y=y, width=TILE, height=TILE, rx=8, class_="tile"))
    inside.append(element("text", name, x=x + 10, y=y + 22))
    if core is not None:
        shown = [_short(part) for part in core.parts[:3]] + ["…"] * (len(core.parts) > 3)
        inside += [element("text", part, x=x + 10, y=y + 40 + 14 * k, class_="small") for k, part in enumerate(shown)]
        memory, full = core.bits / fullest, f"{core.bits:,} bits"
        if core.full is not None:
            memory, full = min(1.0, core.full), f"{full}, {core.full:.0%}"
        bars = (("load", core.load, f"load {core.load:.0%}"), ("memory", memory, full))
        for k, (class_, share, text) in enumerate(bars):
            top = y + 98 + 26 * k
            inside.append(element("text", text, x=x + 10, y=top, class_="small"))
            for kind, width in (("track", 1.0), (class_, share)):
                inside.append(
                    element("rect", x=x + 10, y=top + 4, width=f"{(TILE - 20) * width:.1f}", height=7, class_=kind)
                )
    return element("g", *inside)


def _short(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= LETTERS else f"{shown[: LETTERS - 1]}…"


def _table(heads: Iterable[object], rows: Iterable[Iterable[object]]) -> Markup:
    lines = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    return element("table", element("tr", *(element("th", head) for head in heads)), *lines)


def write(report: "MapReport", path: Path) -> None:
    """The picture with its tables as one HTML file."""
    links = [(link, f"{packets:,.1f}") for link, packets in report.links.items()]
    says = "as measured on data" if report.measured else "as assumed"
    body = element(
        "body",
        element("h1", f"{len(report.cores)} cores, {report.clocks_per_step:,} clocks per step (predicted)"),
        element("p", f"Network {report.network}, lanes {report.configuration.lanes}, events {says}. Blue: packets."),
        draw(report),
        _table(*report.table()),
        *([element("h2", "Links"), _table(("link", "packets per step"), links)] if links else []),
    )
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup("<title>Spikeloom: mapping</title>"),
        Markup(f'<meta name="generator" content="spikeloom {__version__}">'),  # noqa: S704  the program's own
        Markup(f"<style>{STYLE}</style>"),  # noqa: S704  a constant
    )
    with new_file(path) as partial:
        partial.write_text(f"<!doctype html>\n{element('html', head, body, lang='en')}\n", "utf-8")

"""Pictures as inline SVG. Marks are drawn in the data's own units and stretched to the page's width.

Words stay outside of stretched pictures, in the page, where they keep their size. Every text goes through
:func:`~spikeloom.text.visible` and is escaped by :func:`element`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup, escape

from spikeloom.golden.network import Network, Projection
from spikeloom.text import visible

__all__ = ["diagram", "element", "histogram", "marks", "raster", "stretched"]

#: What is drawn of a raster: more would be finer than a screen's pixels.
MOST_STEPS, MOST_NEURONS = 200, 1024


def element(name: str, *content: object, **attributes: object) -> Markup:
    """One element; ``_`` in an attribute's name is ``-``, and a trailing one is dropped (``class_``)."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(visible(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(c if isinstance(c, Markup) else escape(visible(c)) for c in content)
    return Markup(f"<{name}{written}>{inside}</{name}>")  # noqa: S704  escaped above


def stretched(width: float, height: float, label: str, *content: Markup, class_: str) -> Markup:
    return element(
        "svg",
        *content,
        viewBox=f"0 0 {width:g} {height:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
        class_=class_,
    )


def marks(cells: np.ndarray, inset: float, class_: str) -> Markup:
    """A bar in each true cell of (steps, neurons), narrower than its cell by ``inset`` on both sides."""
    steps, neurons = np.nonzero(cells)
    bar = f"h{round(1 - 2 * inset, 2):g}"
    path = "".join(f"M{step + inset:g} {neuron + 0.5:g}{bar}" for step, neuron in zip(steps, neurons, strict=True))
    return element("path", d=path, class_=class_)


def raster(label: str, golden: np.ndarray, rtl: np.ndarray | None = None) -> Markup:
    """Events (steps, neurons): wide bars for golden, narrow dark ones for the RTL, both only where they agree."""
    golden, rtl = (None if e is None else e[:MOST_STEPS, :MOST_NEURONS] for e in (golden, rtl))
    steps, neurons = golden.shape
    every = next(n for n in (1, 5, 10, 25, 50) if steps / n <= 12 or n == 50)
    lines = "".join(f"M{t} 0v{neurons}" for t in range(every, steps, every))
    content = [element("path", d=lines, class_="grid", vector_effect="non-scaling-stroke")]
    if rtl is None:
        content.append(marks(golden != 0, 0.14, "stimulus"))
    else:
        same = golden == rtl
        content.append(marks((golden != 0) & same, 0.1, "golden"))
        content.append(marks((rtl != 0) & same, 0.34, "rtl"))
        content.append(marks((golden != 0) & ~same, 0.0, "only-golden"))
        content.append(marks((rtl != 0) & ~same, 0.25, "only-rtl"))
    return stretched(steps, neurons, label, *content, class_="raster")


def histogram(label: str, counts: np.ndarray, *, logarithmic: bool, lines: Iterable[float] = ()) -> Markup:
    """Bars that fill the height. lines: marked places, as shares of the width."""
    heights = np.log1p(counts) if logarithmic else counts.astype(float)
    heights = 100 * heights / (heights.max() or 1)
    # What is there must be seen, however rare.
    heights = np.where(counts > 0, np.maximum(heights, 1.5), 0)
    bars = "".join(f"M{i} 100v-{h:.1f}h1v{h:.1f}z" for i, h in enumerate(heights) if h)
    marked = "".join(f"M{share * len(counts):.2f} 0v100" for share in lines)
    content = [element("path", d=bars, class_="bars")]
    if marked:
        content.append(element("path", d=marked, class_="mark", vector_effect="non-scaling-stroke"))
    return stretched(len(counts), 100, label, *content, class_="histogram")


BOX_WIDTH, BOX_HEIGHT, GAP, LANE, LETTERS = 232, 50, 46, 22, 25


def diagram(network: Network, notes: dict[str, str]) -> Markup:
    """Populations from top to bottom in the order of a step; straight arrows to the next, arcs past or back to others.

    notes: a line below each population's name.
    """
    order = list(network.order())
    rows = {name: k for k, name in enumerate(order)}
    straight = [p for p in network.projections if rows[p.target] == rows[p.source] + 1]
    others = [p for p in network.projections if p not in straight]
    top = [6 + k * (BOX_HEIGHT + GAP) for k in range(len(order))]
    width = 6 + BOX_WIDTH + (LANE * (len(others) + 1) + 30 if others else 6)
    height = top[-1] + BOX_HEIGHT + 6
    content = [
        element(
            "defs",
            element(
                "marker",
                element("path", d="M0 0L8 4L0 8z", class_="head"),
                id="head",
                viewBox="0 0 8 8",
                refX="7",
                refY="4",
                markerWidth="8",
                markerHeight="8",
                orient="auto",
            ),
        )
    ]
    middle = 6 + BOX_WIDTH / 2
    for p in straight:
        y = top[rows[p.source]] + BOX_HEIGHT
        content.append(element("path", d=f"M{middle} {y}v{GAP - 2}", class_="arrow", marker_end="url(#head)"))
        content.append(element("text", _synapses(p), x=middle + 12, y=y + GAP / 2 + 4, class_="small"))
    for lane, p in enumerate(others, 1):
        start, end = top[rows[p.source]] + BOX_HEIGHT * 0.7, top[rows[p.target]] + BOX_HEIGHT * 0.3
        right, x = 6 + BOX_WIDTH, 6 + BOX_WIDTH + LANE * lane
        path = f"M{right} {start}H{x}V{end}H{right + 2}"
        content.append(element("path", d=path, class_="arrow", marker_end="url(#head)"))
        content.append(
            element("text", f"d{p.delay}" if p.delay else "", x=x + 3, y=(start + end) / 2 + 4, class_="small")
        )
    for name in order:
        content.append(_box(network, name, top[rows[name]], notes.get(name, "")))
    return element(
        "svg",
        *content,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=f"{len(order)} populations and {len(network.projections)} projections",
        class_="diagram",
        width=f"{width:g}",
        height=f"{height:g}",
    )


def _box(network: Network, name: str, y: float, note: str) -> Markup:
    kind = "input" if network[name].neuron is None else "output" if name == network.output else "hidden"
    shown = visible(name)
    short = shown if len(shown) <= LETTERS else f"{shown[: LETTERS - 1]}…"
    return element(
        "g",
        element("title", shown),
        element("rect", x=6, y=y, width=BOX_WIDTH, height=BOX_HEIGHT, rx=6),
        element(
            "svg",  # clips what is too long
            element("text", short, x=12, y=21, class_="name"),
            element("text", note, x=12, y=39, class_="small"),
            x=6,
            y=y,
            width=BOX_WIDTH - 8,
            height=BOX_HEIGHT,
        ),
        class_=f"box {kind}",
    )


def _synapses(p: Projection) -> str:
    size = f"{p.synapses.shape[0]:,} × {p.synapses.shape[1]:,}, {p.synapses.bits} bit"
    size += f", {p.synapses.kind}" if p.synapses.kind != "dense" else ""
    if p.most_delay > p.least_delay:
        return f"{size}, {p.least_delay} to {p.most_delay} steps late"
    return size + (f", {p.least_delay} step{'s' if p.least_delay > 1 else ''} late" if p.least_delay else "")


def weight_counts(weights: Sequence[np.ndarray], bits: int, most: int = 256) -> np.ndarray:
    """How many weights have each value, over the whole range of their width, in at most ``most`` bins."""
    values = np.concatenate([w.ravel() for w in weights]).astype(np.int64)
    bins = min(most, 1 << bits)
    return np.bincount((values + (1 << bits - 1)) // ((1 << bits) // bins), minlength=bins)

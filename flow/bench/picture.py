"""One sample's spikes as a picture of its own: what the integer model and the simulated Verilog computed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from spikeloom.bench import hardware
from spikeloom.bench.figure import Bench, figure
from spikeloom.files import new_file
from spikeloom.golden import simulate
from spikeloom.golden.network import Refusal
from spikeloom.page.drawings import element, marks
from spikeloom.sim import equivalence

__all__ = ["draw", "raster"]

WIDTH, LEFT, RIGHT, TOP, GAP = 900, 118, 16, 74, 16
#: Height of a panel's row for so many neurons or fewer, in pixels.
ROW_HEIGHTS = {16: 9.0, 64: 2.2, 128: 2.4, 1024: 1.6}
STYLE = """
text { font: 13px system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #16191f; }
.title { font-size: 16px; font-weight: 600; } .bad { fill: #b3261e; } .soft { fill: #5a6472; font-size: 12px; }
.paper { fill: #ffffff; stroke: #dde1e7; } .panel { fill: #f6f7f9; } path { fill: none; stroke-width: 0.8; }
.grid { stroke: #dde1e7; stroke-width: 1; }
.stimulus { stroke: #7b8794; } .golden { stroke: #f0b13c; } .rtl { stroke: #17365c; }
.only-golden, .only-rtl { stroke: #d32f2f; stroke-width: 1; }
"""


@figure({"network": "digits", "weight_bits": 8, "lanes": 16, "sample": 0})
def raster(bench: Bench, network: str, weight_bits: int, lanes: int, sample: int) -> Iterator[dict[str, Any]]:
    """All spikes of one digit in the integer model and in the simulated Verilog, one drawn over the other."""
    data = hardware.samples(network)
    x = data.x[sample : sample + 1]
    with hardware.generated(network, weight_bits, lanes=lanes) as made:
        bench.progress("simulate")
        found = equivalence.simulate(made.directory, x)
    loom = made.network
    golden = simulate.run(loom, x, record="all")
    neurons = [p.name for p in loom.neurons]
    spikes = sum(int(np.count_nonzero(golden.events[name])) for name in neurons)
    differ = sum(int((golden.events[name] != found.events[name]).sum()) for name in neurons)
    verdict = f"{spikes:,} spikes compared, {differ:,} differ"
    picture = draw(
        f"Integer model and simulated Verilog, a handwritten {data.y[sample]}: {verdict}",
        {"input": x[0].reshape(x.shape[1], -1)},
        {("output" if name == loom.output else "hidden"): (golden.events[name][0], found.events[name][0])
         for name in neurons},
        good=not differ,
    )  # fmt: skip
    bench.folder.mkdir(parents=True, exist_ok=True)
    with new_file(bench.folder / "raster.svg") as partial:
        partial.write_text(picture, "utf-8")
    yield {
        "verilog_sha256": made.verilog_sha256,
        "class": int(data.y[sample]),
        "prediction": int(found.prediction[0]),
        "steps": x.shape[1],
        "input_spikes": int(np.count_nonzero(x)),
        "spikes": spikes,
        "differences": differ,
    }
    if differ:
        raise Refusal(f"{verdict}; `spikeloom verify` shows where")


def draw(
    title: str,
    stimulus: Mapping[str, np.ndarray],
    compared: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    good: bool = True,
) -> str:
    """An SVG that stands alone, on paper of its own so that any background will do.

    stimulus: name -> input events (steps, neurons). compared: name -> events of golden and of the RTL.
    """
    content, y = [], TOP
    for name, events in [*stimulus.items(), *compared.items()]:
        golden, rtl = events if isinstance(events, tuple) else (events, None)
        steps, neurons = golden.shape
        height = neurons * next(height for most, height in ROW_HEIGHTS.items() if neurons <= most)
        content += [
            element("text", name, x=14, y=y + height / 2 - 2),
            element("text", f"{neurons} neurons", x=14, y=y + height / 2 + 14, class_="soft"),
            element("rect", x=LEFT, y=y, width=WIDTH - LEFT - RIGHT, height=height, class_="panel"),
            _panel(golden != 0, None if rtl is None else rtl != 0, y, height),
        ]
        y += round(height) + GAP
    step = (WIDTH - LEFT - RIGHT) / steps
    for t in range(0, steps, 5):
        content.append(element("text", str(t), x=LEFT + (t + 0.5) * step, y=y + 2, class_="soft", text_anchor="middle"))
    content.append(element("text", "step", x=14, y=y + 2, class_="soft"))
    return str(
        element(
            "svg",
            element("style", Markup(STYLE)),  # noqa: S704  a constant
            element("rect", x=0.5, y=0.5, width=WIDTH - 1, height=y + 15, rx=8, class_="paper"),
            element("text", title, x=14, y=28, class_="title" if good else "title bad"),
            *_legend(),
            *content,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {WIDTH} {y + 16}",
            width=WIDTH,
            height=y + 16,
            role="img",
            aria_label=title,
        )
    )


def _panel(golden: np.ndarray, rtl: np.ndarray | None, y: float, height: float) -> Markup:
    """Wide bars for golden, narrow dark ones on them for the RTL; where one is missing, the other is red."""
    steps, neurons = golden.shape
    lines = "".join(f"M{t} 0v{neurons}" for t in range(5, steps, 5))
    content = [element("path", d=lines, class_="grid", vector_effect="non-scaling-stroke")]
    if rtl is None:
        content.append(marks(golden, 0.14, "stimulus"))
    else:
        content += [marks(golden & rtl, 0.1, "golden"), marks(golden & rtl, 0.34, "rtl")]
        content += [marks(golden & ~rtl, 0.0, "only-golden"), marks(rtl & ~golden, 0.25, "only-rtl")]
    return element(
        "svg",
        *content,
        x=LEFT,
        y=y,
        width=WIDTH - LEFT - RIGHT,
        height=height,
        viewBox=f"0 0 {steps} {neurons}",
        preserveAspectRatio="none",
    )


def _legend() -> Iterator[Markup]:
    """How golden and the RTL are drawn."""
    x = 14
    for words, classes, width in (
        ("integer model", ("golden",), 130),
        ("simulated Verilog", ("rtl",), 155),
        ("both agree", ("golden", "rtl"), 110),
        ("only one of them", ("only-golden",), 0),
    ):
        for name in classes:
            inset = 5 if name == "rtl" else 0
            yield element("path", d=f"M{x + inset} 48h{22 - 2 * inset}", class_=name, style="stroke-width: 8px")
        yield element("text", words, x=x + 29, y=52, class_="soft")
        x += width

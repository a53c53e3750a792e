"""Knobs that do not fit the file, or are not given."""

import numpy as np

from messages.cases import EDGES, converted, network, refused, with_
from nir_files import chain, complete, lif, minimal, reading
from spikeloom.cli.options import number
from spikeloom.golden import nir_graph
from spikeloom.golden.conventions import CONVENTIONS, KNOBS, Knobs, resolve

network(
    "dt in another unit than tau, or Norse's default export",
    "'lif1' (LIF): dt = 0.01 is longer than the time constant tau = 0.0016; give the dt of the training (--dt) in the "
    "file's unit, or export again (Norse's default export makes tau 1000 times too small)",
    with_(lif1=lif(5), lif2=lif(3, tau=1, r=100)),
    dt=1e-2,
)
network(
    "dt in another unit than tau",
    "'lif1' (LIF): tau = 500 is more than a million steps of dt = 0.0001; give the dt of the training (--dt) in the "
    "file's unit",
    with_(lif1=lif(5, tau=500)),
)
network(
    "a delay of many steps",
    "'input' to 'lif1': a delay of 1 is 10000 steps of dt = 0.0001, and 254 are the most; give the dt of the training "
    "(--dt) in the file's unit",
    with_(late={"type": "Delay", "delay": np.ones(4)}),
    [("input", "late"), ("late", "fc1"), *EDGES[1:]],
)
network(
    "a threshold of 0 or less that is to be subtracted",
    "'lif1' (LIF): reset 'subtract' needs a positive v_threshold",
    with_(lif1=lif(5, v_threshold=-0.5, v_reset=-1)),
    remedy="Use `--reset zero`, if that is what was trained",
)
network(
    "a lower bound above the threshold",
    "'lif1' (LIF): v_min 2 must be below v_threshold 1",
    with_(lif1=lif(5), lif2=lif(3, v_threshold=3)),
    v_min=2,
    remedy="Give the bound that was trained with",
)
network(
    "a Threshold where neurons send several spikes",
    "'n' (Threshold): spikes 'many' says nothing of a Threshold; use --spikes one",
    minimal("Threshold", complete("euler")),
    **{name: getattr(complete("sinabs"), name) for name in KNOBS},
)


def asked(convention: str | None) -> str:
    with reading(chain()) as path:
        nir_graph.load(path, resolve(convention))
    return ""


refused(
    "knobs",
    "no convention is given",
    "model.nir does not say how it runs in steps, and nothing is guessed. Name the framework that it was trained in, "
    f"or a plain rule: --convention {'|'.join(CONVENTIONS)} (the file looks like one of snntorch). Or set what is open:"
    + "".join(f"\n  {question}" for question in Knobs().questions({"LIF"})),
    lambda: asked(None),
    "Give `--convention`; see [conventions](conventions.md)",
)
refused(
    "knobs",
    "the convention leaves something to its user",
    "model.nir: convention 'norse' leaves open, and nothing is guessed:"
    + "".join(f"\n  {question}" for question in resolve("norse").questions({"LIF"})),
    lambda: asked("norse"),
    "Give the option with the value of your training script",
)
refused(
    "knobs",
    "several spikes per step, and a reset to one value",
    "spikes 'many' needs reset 'subtract': a reset to one value leaves nothing to count",
    lambda: resolve("sinabs", {"reset": "zero"}),
    "Leave out one of the options",
)
refused(
    "knobs",
    "dt of 0 or less",
    "dt must be a positive number, not 0.0",
    lambda: resolve("norse", {"dt": 0.0}),
    "Give the length of a step",
)
refused(
    "knobs",
    "a lower bound that is no number",
    "--v-min must be a number or 'none', not 'low'",
    lambda: number("--v-min", "low"),
    "Give a number or `none`",
)
refused(
    "knobs",
    "a convention that is not there (Python)",
    f"there is no convention 'torch'; there are {', '.join(CONVENTIONS)}",
    lambda: resolve("torch"),
    "Name one of these",
)
refused(
    "knobs",
    "a knob that is not there (Python)",
    f"there is no knob 'tau'; there are {', '.join(KNOBS)}",
    lambda: resolve("norse", {"tau": 1}),
    "Name one of these",
)
refused(
    "knobs",
    "a value that a knob does not have (Python)",
    "reset must be zero or subtract, not 'hard'",
    lambda: resolve("norse", {"reset": "hard"}),
    "Give one of these",
)
refused(
    "knobs",
    "something else in the place of knobs (Python)",
    f"knobs must be Knobs or the name of a convention ({', '.join(CONVENTIONS)}), not 3",
    lambda: converted(chain(), 3),  # type: ignore[arg-type]
    "Give a name, or what `spikeloom.resolve` returns",
)

"""Fields and numbers."""

import numpy as np

from messages.cases import EDGES, changed, network, with_
from nir_files import affine, lif, port

nan = np.array([1, np.nan, 1, 1, 1], np.float32)
network(
    "NaN or infinite numbers",
    "'lif1' (LIF): tau has NaN or infinite values; only finite numbers are taken: train or export again",
    changed("lif1", tau=nan),
)
network(
    "a NaN in the reset",
    "'lif1' (LIF): v_reset has NaN or infinite values; only finite numbers are taken: train or export again",
    changed("lif1", v_reset=nan),
)
network(
    "beta = 1 in snnTorch",
    "'lif1' (LIF): tau is infinite, as snnTorch exports beta = 1, and the gain of the input is lost with it; write a "
    "nir.IF node instead (r = 1/dt), or use a beta below 1",
    with_(lif1=lif(5, tau=np.inf, r=np.inf)),
)
network(
    "a field that is missing",
    "'lif1' (LIF): has no tau; export it with tau, r, v_leak, v_threshold",
    changed("lif1", tau=None),
)
network(
    "text instead of numbers",
    "'lif1' (LIF): r must be numbers, not 'unit'",
    changed("lif1", r="unit"),
    remedy="Export again",
)
network(
    "a shape that is not integers",
    "'input' (Input): shape must be integers, not float64",
    with_(input={"type": "Input", "shape": np.array([4.0])}),
    remedy="Write the shape as integers",
)
network(
    "weights without numbers",
    "'fc1' (Linear): weight has the shape (5, 0), and must hold at least one number",
    with_(fc1=affine(np.ones((5, 0)))),
    remedy="Leave the layer out",
)
network(
    "numbers beyond all sense",
    "'fc1' (Linear): weight has values beyond 1e+30; export smaller numbers",
    with_(fc1=affine(np.full((5, 4), 1e31))),
)
network(
    "a time constant of 0 or less",
    "'lif1' (LIF): tau must be positive, not -1",
    with_(lif1=lif(5, tau=-1)),
    remedy="In Spyx, keep beta below 1",
)
network(
    "a threshold that is no higher than the reset",
    "'lif1' (LIF): v_threshold must be above v_reset",
    with_(lif1=lif(5, v_threshold=0)),
    remedy="Train with a threshold above the reset",
)
network(
    "a gain of 0",
    "'lif1' (LIF): r is 0, so that its input does nothing; give it another value or leave the node out",
    with_(lif1=lif(5, r=0)),
)
network(
    "a negative delay",
    "'fc1' (Delay): delay must not be negative, as -1 is: nothing is known before it is",
    with_(fc1={"type": "Delay", "delay": np.array([0.0, 1, -1, 0])}),
    remedy="Delay the other branches instead",
)
network(
    "a bias in front of a delay",
    "'late' (Delay): delays a bias, which is there from the first step; put the bias behind the delay",
    with_(late={"type": "Delay", "delay": np.full(5, 1e-4)}),
    [EDGES[0], ("fc1", "late"), ("late", "lif1"), *EDGES[2:]],
)
network(
    "many different delays",
    "'late' (Delay): has 300 different delays, and 256 are the most; round them to a few",
    {"input": port("Input", 300), "late": {"type": "Delay", "delay": np.arange(300) * 1e-6}, "lif": lif(300),
     "output": port("Output", 300)},
)  # fmt: skip

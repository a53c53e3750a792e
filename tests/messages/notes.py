"""What is read other than it is written, and built all the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from messages.cases import CASES, Case, Nodes, gain
from nir_files import affine, complete, lif, minimal, port, reading
from spikeloom.golden import nir_graph, storage
from spikeloom.golden.conventions import resolve
from spikeloom.golden.data import Data
from spikeloom.golden.quantise import convert


def note(
    cause: str,
    message: str,
    nodes: Nodes,
    edges: Any = None,
    *,
    convention: str = "euler",
    dt: float = 1.0,
    remedy: str,
) -> None:
    """The one note on a file that can be built."""

    def make(folder: Path) -> str | None:
        with reading(nodes, edges) as path:
            inspection = nir_graph.load(path, resolve(convention, {"dt": dt}))
        assert len(inspection.notes) == 1, inspection.notes
        return inspection.notes[0]

    CASES.append(Case(group="note", cause=cause, make=make, message=message, remedy=remedy))


def stored(cause: str, message: str, nodes: Nodes, edges: Any = None) -> None:
    """The one note on how much is stored, said before a file is converted and again after, of what then is stored."""

    def make(folder: Path) -> str | None:
        knobs = resolve("euler", {"dt": 1.0, "reset": "subtract"})
        with reading(nodes, edges) as path:
            inspection = nir_graph.load(path, knobs)
        (said,) = inspection.storage
        x = np.ones((2, 9, *nodes["input"]["shape"]), np.uint8)
        network, report = convert(inspection.model, Data(x=x), knobs)
        (synapses,) = (p.synapses for p in network.projections if p.synapses.kind == "sparse")
        delay_bits = 0 if synapses.delays is None else int(synapses.delays.max()).bit_length()
        assert f" a list {storage.sparse_bits(synapses.shape, len(synapses.weights), 8, delay_bits)}," in said
        assert report.notes == (said,)
        return said

    remedy = "Nothing; `--synapses dense` stores matrices all the same"
    CASES.append(Case(group="note", cause=cause, make=make, message=message, remedy=remedy))


def row(weights: list[int]) -> Mapping[str, Any]:
    """A convolution of one channel to one of as many places."""
    plain = {"stride": 1, "padding": len(weights) // 2, "dilation": 1, "groups": 1, "bias": None}
    return {"type": "Conv1d", "weight": np.array([[weights]], np.float32), **plain}


def around_a_convolution(edges: list[tuple[str, str]], **nodes: Mapping[str, Any]) -> tuple[Nodes, list]:
    """Neurons that see 8 places through a kernel, and what else is given."""
    neurons = {"type": "IF", "r": np.ones((1, 8)), "v_threshold": np.full((1, 8), 2.0), "v_reset": np.zeros((1, 8))}
    ends = {"input": port("Input", 1, 8), "output": port("Output", 1, 8)}
    return ends | {"conv": row([1, 2, 3]), "a": neurons} | nodes, [*edges, ("a", "output")]


stored(
    "a layer most of whose weights are 0",
    "'input' to 'a': 10 % of 10 x 10 weights are there; with 8 bits each a matrix takes 800 bits and a list 164, so it "
    "is a list (a list is smaller up to about 60 %)",
    {"input": port("Input", 10), "fc": affine(np.eye(10)), "a": lif(10, type="IF"), "output": port("Output", 10)},
)
stored(
    "a convolution behind delays, or factors, that differ within a channel",
    "'input' to 'a': 34.4 % of 8 x 8 weights are there; with 8 bits each a matrix takes 704 bits and a list 353, so it "
    "is a list (a list is smaller up to about 72 %); a kernel in it is written out, "
    "since its factors or delays differ within a channel",
    *around_a_convolution(
        [("input", "late"), ("late", "conv"), ("conv", "a")],
        late={"type": "Delay", "delay": np.array([[7.0, 1, 1, 1, 1, 1, 1, 1]])},
    ),
)
stored(
    "a way past a convolution",
    "'input' to 'a': 34.4 % of 8 x 8 weights are there; with 8 bits each a matrix takes 512 bits and a list 287, so it "
    "is a list (a list is smaller up to about 64 %); a kernel in it is written out, "
    "since another path is added to it",
    *around_a_convolution([("input", "conv"), ("conv", "a"), ("input", "a")]),
)
stored(
    "a convolution and other synapses, of another delay, that become one projection",
    "'input' to 'a': 43.8 % of 8 x 8 weights are there; with 8 bits each a matrix takes 640 bits and a list 409, so it "
    "is a list (a list is smaller up to about 69 %); a kernel in it is written out, "
    "since it shares the projection with other synapses",
    *around_a_convolution(
        [("input", "conv"), ("conv", "a"), ("input", "late"), ("late", "far"), ("far", "a")],
        late={"type": "Delay", "delay": np.full((1, 8), 2.0)},
        far=row([4, 0, 0, 0, 0]),
    ),
)
stored(
    "two convolutions, with padding, without neurons between them",
    "'input' to 'a': 53.1 % of 8 x 8 weights are there; with 8 bits each a matrix takes 512 bits and a list 428, so it "
    "is a list (a list is smaller up to about 64 %); a kernel in it is written out, "
    "since its product with the weights next to it is no kernel",
    *around_a_convolution([("input", "conv"), ("conv", "after"), ("after", "a")], after=row([1, 2, 1])),
)


def spyx() -> Nodes:
    """A recurrent layer as Spyx writes it."""
    nodes = minimal("NIRGraph", complete("euler"))
    slip = [("input", "recurrent"), ("recurrent", "neurons"), ("neurons", "recurrent"), ("neurons", "output")]
    return nodes | {"n": nodes["n"] | {"edges": slip}}


def two_in_a_loop() -> tuple[Nodes, list[tuple[str, str]]]:
    nodes = minimal("IF", complete("euler"))
    back = {"m": nodes["n"], "back": affine(np.eye(4))}
    return nodes | back, [
        ("input", "weights"),
        ("weights", "n"),
        ("n", "m"),
        ("m", "back"),
        ("back", "n"),
        ("m", "output"),
    ]


note(
    "a recurrent layer of Spyx",
    "'n' (NIRGraph): its input leads into the recurrent weights 'recurrent', as Spyx's exporter writes it; it is read "
    "as leading into 'neurons'",
    spyx(),
    remedy="Nothing, if that is what was trained",
)
note(
    "layers that feed back",
    "'m' to 'n' closes a loop: it carries what 'm' sent in the step before",
    *two_in_a_loop(),
    remedy="Nothing, if that is what was trained; else put a `Delay` where the step is lost",
)
note(
    "a delay that is no whole number of steps",
    "'input' to 'neurons': a delay of 2.4 steps is rounded to 2",
    minimal("Delay", complete("euler")) | {"n": {"type": "Delay", "delay": np.full(3, 2.4)}},
    remedy="Check `--dt`",
)
note(
    "a synaptic gain that the exporter lost",
    "'n' (CubaLIF): w_in is 1, by which the equation adds only dt/tau_syn of each spike to the current; nir "
    "before 1.0 and the exporters of Norse, Rockpool and Spyx lose the gain here: --synapse-gain unit "
    "(Rockpool: decayed)",
    gain("CubaLIF", w_in=1.0),
    remedy="Give the convention of the framework",
)
note(
    "a current-based layer of Spyx",
    "'n' (CubaLIF): Spyx's current-based neurons lose the threshold before they decay: --reset-when same-step",
    gain("CubaLIF"),
    convention="spyx",
    remedy="Give --reset-when same-step",
)
note(
    "a gain that Norse's exporter writes otherwise",
    "'n' (IF): r is 1, by which the equation adds only dt of each spike; Norse's exporter writes 1 for a gain of 1: "
    "--membrane-gain unit",
    {
        name: node | {"r": np.ones(4)} if name == "n" else node
        for name, node in minimal("IF", complete("euler")).items()
    },
    convention="euler",
    dt=0.001,
    remedy="Give `--membrane-gain unit`",
)
note(
    "a gain that Spyx's exporter writes otherwise",
    "'n' (LIF): r is 1 - dt/tau, which Spyx's exporter writes for a gain of 1: --membrane-gain unit",
    gain("LIF", r=0.5),
    remedy="Give `--convention spyx`",
)

"""What a graph means: every node has a verdict, every problem is named at once, every open question is asked."""

from pathlib import Path

import h5py
import nir
import numpy as np
import pytest

import nir_files
from nir_files import affine, chain, lif, port, write
from spikeloom.golden import nir_model
from spikeloom.golden.conventions import Knobs, resolve
from spikeloom.golden.dynamics import discretise, dynamics
from spikeloom.golden.maps import Diagonal, written_out
from spikeloom.golden.network import Refusal
from spikeloom.golden.nir_graph import inspect, load
from spikeloom.golden.nir_model import Layer, Model
from spikeloom.golden.nir_nodes import SUPPORTED

SNNTORCH = resolve("snntorch")
EDGES = [("input", "fc1"), ("fc1", "lif1"), ("lif1", "fc2"), ("fc2", "lif2"), ("lif2", "output")]
nan = np.array([1, np.nan, 1, 1, 1], np.float32)


def model_of(path: Path) -> Model:
    return load(path, SNNTORCH).model


def weights(layer: Layer) -> dict[str, np.ndarray]:
    assert not any(i.delay for i in layer.inputs)
    return {i.source: i.weights for i in layer.inputs}


def test_every_type_of_nir_has_a_verdict() -> None:
    known = {kind.__name__ for kind in nir.NIRNode.__subclasses__()} - {"Identity"}
    assert len(known) == 19
    assert set(SUPPORTED) == known


def test_a_plain_chain(tmp_path: Path) -> None:
    nodes = chain()
    inspection = inspect(write(tmp_path / "a.nir", nodes), SNNTORCH)
    assert inspection.buildable
    assert inspection.refusal() is None
    assert inspection.version == "1.0.8"
    assert {v.name: v.verdict for v in inspection.nodes} == {
        "input": "exact",
        "fc1": "approximate",
        "lif1": "approximate",
        "fc2": "approximate",
        "lif2": "approximate",
        "output": "exact",
    }
    model = inspection.model
    assert (model.input, model.input_shape, model.output) == ("input", (4,), "lif2")
    assert [layer.name for layer in model.layers] == ["lif1", "lif2"]
    assert np.array_equal(weights(model.layers[0])["input"], nodes["fc1"]["weight"].T)
    assert np.array_equal(model.layers[1].bias, nodes["fc2"]["bias"])


def test_edges_and_names_in_any_order(tmp_path: Path) -> None:
    names = ["input", "1.lif", "_4", "wire", "'; x", "output"]
    nodes = dict(zip(names, chain().values(), strict=True))
    edges = list(zip(names, names[1:], strict=False))
    model = model_of(write(tmp_path / "a.nir", nodes, edges[::-1]))
    assert [layer.name for layer in model.layers] == ["_4", "'; x"]


def test_v_reset_may_be_missing(tmp_path: Path) -> None:
    model = model_of(write(tmp_path / "a.nir", chain() | {"lif1": lif(5, v_reset=0) | {"v_reset": None}}))
    assert np.array_equal(model.layers[0].parameters["v_reset"], np.zeros(5))


def test_branches_add(tmp_path: Path) -> None:
    """A skip, two parallel paths and two linear nodes in a row are each one projection with the right numbers."""
    a, b, skip = np.ones((5, 4)), np.full((5, 4), 2.0), np.full((3, 4), 7.0)
    nodes = chain() | {
        "fc1": affine(a, np.full(5, 1.0)),
        "twin": affine(b, np.full(5, 10.0)),
        "scale": {"type": "Scale", "scale": np.arange(5.0)},
        "skip": affine(skip),
        "fc2": affine(np.ones((3, 5))),
    }
    edges = [("input", "fc1"), ("input", "twin"), ("twin", "scale"), ("fc1", "lif1"), ("scale", "lif1")]
    edges += [("lif1", "fc2"), ("fc2", "lif2"), ("input", "skip"), ("skip", "lif2"), ("lif2", "output")]
    first, second = model_of(write(tmp_path / "a.nir", nodes, edges)).layers
    assert np.array_equal(weights(first)["input"], a.T + b.T * np.arange(5.0))
    assert np.array_equal(first.bias, 1 + 10 * np.arange(5.0))
    assert np.array_equal(weights(second)["input"], skip.T)
    assert np.array_equal(weights(second)["lif1"], np.ones((5, 3)))


def test_neurons_without_weights_and_parallel_identity(tmp_path: Path) -> None:
    nodes = {"input": port("Input", 3), "lif": lif(3), "copy": lif(3), "output": port("Output", 3)}
    edges = [("input", "lif"), ("lif", "copy"), ("input", "copy"), ("copy", "output")]
    model = model_of(write(tmp_path / "a.nir", nodes, edges))
    for source in ("lif", "input"):
        assert isinstance(weights(model.layers[1])[source], Diagonal)
        assert np.array_equal(written_out(weights(model.layers[1])[source], 9), np.eye(3))


@pytest.mark.parametrize(
    ("start", "end", "shape"), [(0, -1, (24,)), (0, 2, (24,)), (1, -1, (2, 12)), (1, 1, (2, 3, 4)), (0, 1, (6, 4))]
)
def test_flatten(tmp_path: Path, start: int, end: int, shape: tuple[int, ...]) -> None:
    flatten = {"type": "Flatten", "start_dim": start, "end_dim": end, "input_type": np.array([2, 3, 4])}
    neurons = {name: value.reshape(shape) for name, value in lif(24).items() if name != "type"} | {"type": "LIF"}
    nodes = {"input": port("Input", 2, 3, 4), "flat": flatten, "lif": neurons, "output": port("Output", *shape)}
    model = model_of(write(tmp_path / "a.nir", nodes))
    assert model.input_shape == (2, 3, 4)
    assert model.layers[0].shape == shape


def test_flatten_before_the_output(tmp_path: Path) -> None:
    neurons = {name: value.reshape(3, 1) for name, value in lif(3).items() if name != "type"} | {"type": "LIF"}
    flatten = {"type": "Flatten", "start_dim": 0, "end_dim": -1}
    nodes = {"input": port("Input", 3, 1), "lif": neurons, "flat": flatten, "output": port("Output", 3)}
    assert model_of(write(tmp_path / "a.nir", nodes)).output == "lif"


def without(*names: str) -> dict:
    return {name: node for name, node in chain().items() if name not in names}


ONE_PROBLEM = [
    (chain(), [*EDGES, ("input", "fc1")], "the edge 'input' to 'fc1' is there 2 times; keep one"),
    (chain(), [*EDGES, ("ghost", "fc1")],
     "the edge 'ghost' to 'fc1': there is no node 'ghost'; leave the edge out or add it"),
    (chain() | {"x": affine(np.ones((5, 5)))}, [*EDGES, ("x", "x"), ("x", "lif1")],
     "there is a loop without a neuron, 'x' -> 'x'; a loop must go through neurons"),
    (chain(), [*EDGES, ("lif2", "input")],
     "'input' (Input): an edge leads into it (from 'lif2'), and an input has none"),
    (chain() | {"x": affine(np.ones((3, 5)))}, [*EDGES, ("lif1", "x")],
     "'x' (Linear): not on a path from Input to Output: no edge leads away from it; connect it or leave it out"),
    (chain() | {"x": affine(np.ones((5, 3)))}, [*EDGES, ("x", "lif1")],
     "'x' (Linear): not on a path from Input to Output: no edge leads to it; connect it or leave it out"),
    (chain() | {"other": port("Input", 4)}, [*EDGES, ("other", "fc1")],
     "the graph must have exactly one Input node, not 2 ('input', 'other')"),
    (without("output"), EDGES[:-1], "the graph must have exactly one Output node, not 0"),
    (chain() | {"fc2": affine(np.ones((3, 6)))}, EDGES, "'fc2' (Linear): takes the shape (6,), and 'lif1' gives (5,)"),
    (chain() | {"lif1": lif(4)}, EDGES, "'lif1' (LIF): takes the shape (4,), and 'fc1' gives (5,)"),
    (chain() | {"lif1": lif(1)}, EDGES,
     "'lif1' (LIF): takes the shape (1,), and 'fc1' gives (5,); export it with one parameter per neuron"),
    (chain() | {"input": port("Input", 1, 4)}, EDGES,
     "'fc1' (Affine): takes the shape (4,), and 'input' gives (1, 4); the first axis looks like time or batch, which "
     "Sinabs and Rockpool leave in: export without it"),
    (chain() | {"input": port("Input", 2, 2)}, EDGES,
     "'fc1' (Affine): takes the shape (4,), and 'input' gives (2, 2); a Flatten node is missing between them"),
    (chain() | {"output": port("Output", 4)}, EDGES, "'output' (Output): takes the shape (4,), and 'lif2' gives (3,)"),
    (chain() | {"input": port("Input", 0)}, EDGES,
     "'input' (Input): shape must be positive sizes and 33554432 at most together, not [0]"),
    (chain() | {"input": {"type": "Input", "shape": np.array([4.0])}}, EDGES,
     "'input' (Input): shape must be integers, not float64"),
    (chain() | {"input": {"type": "Input"}}, EDGES, "'input' (Input): has no shape; export it with shape"),
    (chain() | {"lif1": lif(5, tau=nan)}, EDGES,
     "'lif1' (LIF): tau has NaN or infinite values; only finite numbers are taken: train or export again"),
    (chain() | {"lif1": lif(5, tau=np.inf, r=np.inf)}, EDGES,
     "'lif1' (LIF): tau is infinite, as snnTorch exports beta = 1, and the gain of the input is lost with it; write a "
     "nir.IF node instead (r = 1/dt), or use a beta below 1"),
    (chain() | {"lif1": lif(5, v_reset=nan)}, EDGES,
     "'lif1' (LIF): v_reset has NaN or infinite values; only finite numbers are taken: train or export again"),
    (chain() | {"lif1": lif(5, r=np.inf)}, EDGES,
     "'lif1' (LIF): r has NaN or infinite values; only finite numbers are taken: train or export again"),
    (chain() | {"lif1": lif(5, r=0)}, EDGES,
     "'lif1' (LIF): r is 0, so that its input does nothing; give it another value or leave the node out"),
    (chain() | {"lif1": lif(5, tau=-1)}, EDGES, "'lif1' (LIF): tau must be positive, not -1"),
    (chain() | {"lif1": lif(5, v_threshold=0)}, EDGES, "'lif1' (LIF): v_threshold must be above v_reset"),
    (chain() | {"lif1": lif(5) | {"tau": None}}, EDGES,
     "'lif1' (LIF): has no tau; export it with tau, r, v_leak, v_threshold"),
    (chain() | {"lif1": lif(5, r="unit")}, EDGES, "'lif1' (LIF): r must be numbers, not 'unit'"),
    (chain() | {"lif1": lif(5, r=np.float32(3))}, EDGES, None),
    (chain() | {"lif1": lif(5, r=np.array(16.0))}, EDGES,
     "'lif1' (LIF): has single numbers as parameters; export it with one per neuron (tensors)"),
    (chain() | {"lif1": lif(5, r=np.ones(4))}, EDGES,
     "'lif1' (LIF): its parameters have different shapes: tau (5,), r (4,), v_leak (5,), v_threshold (5,), "
     "v_reset (5,); export them with one number per neuron each"),
    (chain() | {"fc1": affine(np.ones((5, 4)), np.ones(4))}, EDGES,
     "'fc1' (Affine): bias has the shape (4,), and weight asks for (5,)"),
    (chain() | {"fc1": affine(np.ones(4))}, EDGES, "'fc1' (Linear): weight must have the shape (out, in), not (4,)"),
    (chain() | {"fc1": affine(np.full((5, 4), 1e31))}, EDGES,
     "'fc1' (Linear): weight has values beyond 1e+30; export smaller numbers"),
    (chain() | {"fc1": affine(np.ones((5, 0)))}, EDGES,
     "'fc1' (Linear): weight has the shape (5, 0), and must hold at least one number"),
    (without("fc2", "lif2") | {"output": port("Output", 5), "fc2": affine(np.ones((5, 5)))},
     [*EDGES[:3], ("fc2", "output")],
     None),
    (chain(outputs=5), [*EDGES, ("lif1", "output")], None),
    ({"input": port("Input", 4), "output": port("Output", 4)}, [("input", "output")],
     "'output' (Output): no neurons lead to it; nothing here spikes"),
    (chain() | {"x": affine(np.ones((3, 5)))}, [*EDGES[:4], ("lif1", "x"), ("x", "lif2"), ("fc1", "fc2"), EDGES[4]],
     None),
    (chain() | {"x": affine(np.ones((2, 5)))}, [*EDGES, ("lif1", "x"), ("x", "lif2")],
     "'lif2' (LIF): the edges into it bring different shapes: (3,) from 'fc2', (2,) from 'x'; make them the same"),
    (chain() | {"fc1": {"type": "Scale", "scale": np.array(2.0)}}, EDGES,
     "'fc1' (Scale): scale is one number; export it as one per element"),
    (without("fc1") | {"fc1": {"type": "Flatten", "start_dim": 1, "end_dim": -1}}, EDGES,
     "'fc1' (Flatten): start_dim 1 and end_dim -1 do not fit what it receives, (4,); name axes of that"),
    (without("fc1") | {"fc1": {"type": "Flatten", "start_dim": np.array([0, 1]), "end_dim": -1}}, EDGES,
     "'fc1' (Flatten): start_dim has the shape (2,), and must hold one integer"),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "edges", "problem"), ONE_PROBLEM)
def test_problems(tmp_path: Path, nodes: dict, edges: list, problem: str | None) -> None:
    inspection = inspect(write(tmp_path / "a.nir", nodes, edges), SNNTORCH)
    if problem is None:
        assert inspection.buildable
    else:
        assert problem in inspection.problems
        assert not inspection.buildable
        assert f"\n  {problem}" in inspection.refusal()


UNKNOWN = {"type": "Wormhole"}


def test_unsupported_nodes_are_named(tmp_path: Path) -> None:
    kind = "Wormhole"
    path = write(tmp_path / "a.nir", chain() | {"fc2": {"type": kind}})
    inspection = inspect(path, SNNTORCH)
    verdict = next(v for v in inspection.nodes if v.name == "fc2")
    assert verdict.verdict == "unsupported"
    assert verdict.about == "no node of nir 1.0.8 has this type"
    assert inspection.problems == ()  # nothing follows from it
    with pytest.raises(Refusal) as refusal:
        load(path, SNNTORCH)
    types = f"supported are the types {', '.join(SUPPORTED)}"
    assert str(refusal.value) == f"{path} cannot be built:\n  'fc2' ({kind}): {verdict.about}\n  {types}"


def test_all_problems_at_once(tmp_path: Path) -> None:
    nodes = chain() | {
        "fc1": affine(np.ones((5, 3)), nan),
        "lif1": lif(5, tau=0),
        "fc2": UNKNOWN,
        "lif2": lif(3, v_threshold=-1),
        "far": port("Output", 9),
    }
    edges = [*EDGES, ("lif2", "far")]
    with pytest.raises(Refusal) as refusal:
        load(write(tmp_path / "a.nir", nodes, edges), SNNTORCH)
    assert str(refusal.value).splitlines()[1:] == [
        "  'fc2' (Wormhole): no node of nir 1.0.8 has this type",
        f"  supported are the types {', '.join(SUPPORTED)}",
        "  the graph must have exactly one Output node, not 2 ('far', 'output')",
        "  'lif1' (LIF): tau must be positive, not 0",
        "  'lif2' (LIF): v_threshold must be above v_reset",
        "  'fc1' (Affine): bias has NaN or infinite values; only finite numbers are taken: train or export again",
    ]


def test_loops_do_not_hang_the_search_for_the_answer(tmp_path: Path) -> None:
    flatten = {"type": "Flatten", "start_dim": 0, "end_dim": -1}
    nodes = {"a": flatten, "b": flatten, "output": port("Output", 3)}
    inspection = inspect(write(tmp_path / "a.nir", nodes, [("a", "b"), ("b", "a"), ("a", "output")]))
    start = "there is a loop without a neuron, "
    assert [p for p in inspection.problems if p.startswith((f"{start}'a' -> 'b'", f"{start}'b' -> 'a'"))]


def test_matrices_are_not_written_out_without_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nir_model, "MAX_WEIGHTS", 19)
    inspection = inspect(write(tmp_path / "a.nir", chain()))
    many = "are more than the 19 that a layer may have; put neurons between the layers"
    assert inspection.problems == (f"'fc1' (Affine): 4 x 5 weights {many}",)
    monkeypatch.setattr(nir_model, "MAX_WEIGHTS", 5)
    nodes = {"input": port("Input", 5), "lif": lif(5), "output": port("Output", 5)}
    assert inspect(write(tmp_path / "a.nir", nodes)).problems == ()  # nothing is written out


KNOB_PROBLEMS = [
    ({"dt": 1e-2}, {}, "'lif1' (LIF): dt = 0.01 is longer than the time constant tau = 0.0016; give the dt of the "
     "training (--dt) in the file's unit, or export again (Norse's default export makes tau 1000 times too small)"),
    ({"dt": 1e-10}, {}, "'lif1' (LIF): tau = 0.0016 is more than a million steps of dt = 1e-10; give the dt of the "
     "training (--dt) in the file's unit"),
    ({}, {"v_threshold": -0.5, "v_reset": -1}, "'lif1' (LIF): reset 'subtract' needs a positive v_threshold"),
    ({"v_min": 1}, {}, "'lif1' (LIF): v_min 1 must be below v_threshold 1"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "changes", "problem"), KNOB_PROBLEMS)
def test_knobs_that_do_not_fit(tmp_path: Path, overrides: dict, changes: dict, problem: str) -> None:
    path = write(tmp_path / "a.nir", chain() | {"lif1": lif(5, **changes)})
    assert problem in inspect(path, resolve("snntorch", overrides)).problems


@pytest.mark.parametrize("decay", ["euler", "exponential"])
def test_a_time_constant_of_one_step_is_one_despite_float32(tmp_path: Path, decay: str) -> None:
    """beta = 0 in snnTorch: tau is dt, a little shorter in float32."""
    assert float(np.float32(1e-4)) < 1e-4
    path = write(tmp_path / "a.nir", chain() | {"lif1": lif(5, tau=1e-4, r=1)})
    inspection = inspect(path, resolve("snntorch", {"decay": decay}))
    assert inspection.buildable
    rule = dynamics(inspection.model.layers[0], resolve("snntorch", {"decay": decay}))
    assert np.array_equal(rule.keep, np.full(5, 0 if decay == "euler" else np.exp(-1)))
    assert np.array_equal(rule.tau_steps, np.ones(5))
    assert not inspect(path, resolve("snntorch", {"dt": 1.00001e-4})).buildable


def test_a_convention_may_be_given_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nir", chain())
    assert inspect(path, "snntorch").convention == "snntorch"
    assert inspect(path, "snntorch").refusal() is inspect(path, Knobs(convention="snntorch")).refusal() is None
    with pytest.raises(Refusal, match=r"^there is no convention 'torch'; there are snntorch, norse, "):
        inspect(path, "torch")


def test_the_corner_of_snntorch_is_told(tmp_path: Path) -> None:
    """Only where its rule in the same step is asked for."""
    path = write(tmp_path / "a.nir", chain())
    corner = "; snnTorch (reset_delay=False) fires otherwise where the reset leaves more than a threshold"
    for convention, overrides, told in (
        ("snntorch", {"reset_when": "same-step"}, ["lif1", "lif2"]),
        ("snntorch", {"reset_when": "same-step", "reset": "zero"}, []),
        ("snntorch", {}, []),
        ("euler", {"reset": "subtract"}, []),
    ):
        verdicts = inspect(path, resolve(convention, overrides)).nodes
        assert [v.name for v in verdicts if v.about.endswith(corner)] == told
        assert all(v.verdict == "approximate" for v in verdicts if v.name in told)


def test_the_export_of_snntorch_is_recognised(tmp_path: Path) -> None:
    assert inspect(write(tmp_path / "a.nir", chain())).suggestion == "snntorch"
    nodes = chain() | {"lif1": lif(5, r=1)}
    assert inspect(write(tmp_path / "a.nir", nodes)).suggestion is None


def test_open_questions_in_one_message(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nir", chain())
    inspection = inspect(path)
    assert inspection.buildable  # a question is not a problem
    text = inspection.refusal()
    assert text.startswith(
        f"{path} does not say how it runs in steps, and nothing is guessed. Name the framework that it was trained "
        "in, or a plain rule: --convention snntorch|norse|sinabs|spikingjelly|rockpool|spyx|euler|exponential "
        "(the file looks like one of snntorch). Or set what is open:\n  --dt NUMBER: "
    )
    assert [line.split()[0] for line in text.splitlines()[1:]] == [
        "--dt", "--decay", "--membrane-gain", "--compare", "--reset", "--reset-when", "--spikes", "--v-min", "--lag",
    ]  # fmt: skip
    text = inspect(path, resolve("norse")).refusal()
    assert text.startswith(f"{path}: convention 'norse' leaves open, and nothing is guessed:\n  --dt NUMBER: ")


def test_if_neurons_need_no_decay(tmp_path: Path) -> None:
    nodes = chain() | {"lif1": lif(5, type="IF"), "lif2": lif(3, type="IF")}
    path = nir_files.write(tmp_path / "a.nir", nodes)
    assert "decay" not in {question.knob for question in inspect(path).questions}
    assert model_of(path).layers[0].type == "IF"


def test_a_file_of_nir_0_1(tmp_path: Path) -> None:
    """It has no version, no w_in, no v_reset, no input_type, and its Output may have a plain number for a shape."""
    size = np.full(3, 1.0, np.float32)
    cuba = {"tau_syn": 4e-4 * size, "tau_mem": 8e-4 * size, "r": 8 * size, "v_leak": 0 * size, "v_threshold": size}
    nodes = {"input": port("Input", 4), "fc": affine(np.ones((3, 4))), "n": cuba | {"type": "CubaLIF"}}
    path = write(tmp_path / "a.nir", nodes | {"output": {"type": "Output", "shape": np.array(3)}})
    with h5py.File(path, "a") as file:
        del file["version"]
    inspection = inspect(path, SNNTORCH)
    assert inspection.buildable
    assert inspection.version == ""
    (layer,) = inspection.model.layers
    assert np.array_equal(layer.parameters["w_in"], np.ones(3))
    assert np.array_equal(layer.parameters["v_reset"], np.zeros(3))
    assert any("w_in is 1" in note for note in inspection.notes)


def test_loops_flat_and_in_a_sub_graph(tmp_path: Path) -> None:
    """Recurrent weights beside their neurons, and a layer of a graph of its own, are the same network."""
    inner = np.arange(25.0).reshape(5, 5)
    flat = chain() | {"rec": affine(inner)}
    edges = [*EDGES, ("lif1", "rec"), ("rec", "lif1")]
    model = model_of(write(tmp_path / "flat.nir", flat, edges))
    assert [(i.source, i.delay) for i in model.layers[0].inputs] == [("input", 0), ("lif1", 0)]
    assert np.array_equal(model.layers[0].inputs[1].weights, inner.T)
    stepped, _, notes = discretise(model, SNNTORCH)
    assert [(i.source, i.delay) for i in stepped[0].inputs] == [("input", 0), ("lif1", 1)]
    assert notes == ()

    back = affine(np.ones((5, 3)))
    wide, _, notes = discretise(
        model_of(write(tmp_path / "wide.nir", chain() | {"back": back}, [*EDGES, ("lif2", "back"), ("back", "lif1")])),
        SNNTORCH,
    )
    assert {s.name: [(i.source, i.delay) for i in s.inputs] for s in wide} == {
        "lif1": [("input", 0), ("lif2", 1)],
        "lif2": [("lif1", 0)],
    }
    assert notes == ("'lif2' to 'lif1' closes a loop: it carries what 'lif2' sent in the step before",)


def test_delays_are_steps(tmp_path: Path) -> None:
    nodes = chain() | {"late": {"type": "Delay", "delay": np.array([0, 2e-4, 2e-4, 0])}}
    edges = [("input", "late"), ("late", "fc1"), *EDGES[1:]]
    path = write(tmp_path / "a.nir", nodes, edges)
    (first, _), _, notes = discretise(model_of(path), SNNTORCH)
    assert [(i.source, i.delay) for i in first.inputs] == [("input", 0), ("input", 2)]
    whole = nodes["fc1"]["weight"].T.astype(np.float64)
    assert np.array_equal(first.inputs[0].weights, whole * [[1], [0], [0], [1]])
    assert np.array_equal(first.inputs[1].weights, whole * [[0], [1], [1], [0]])
    assert notes == ()
    (first, _), _, notes = discretise(model_of(path), resolve("snntorch", {"dt": 1.5e-4}))
    assert [i.delay for i in first.inputs] == [0, 1]
    assert notes == ("'input' to 'lif1': a delay of 1.333 steps is rounded to 1",)
    assert model_of(path).types == {"LIF", "Delay"}

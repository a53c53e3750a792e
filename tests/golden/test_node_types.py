"""Every node type of NIR under every convention: what is built equals the float rule, the rest is refused by name."""

import importlib.util
from pathlib import Path

import nir
import numpy as np
import pytest

import plain_nir
from nir_files import KINDS, complete, minimal, reading, write
from spikeloom.golden import float_model, nir_file, nir_graph, simulate
from spikeloom.golden.conventions import CONVENTIONS, resolve
from spikeloom.golden.data import Data
from spikeloom.golden.network import Refusal
from spikeloom.golden.nir_graph import Inspection
from spikeloom.golden.nir_nodes import NEURONS, SPIKING
from spikeloom.golden.quantise import convert

ROOT = Path(__file__).parents[2]
EXACT = {"Input", "Output", "Flatten", "Delay", "NIRGraph", "SumPool2d", "AvgPool2d"}
#: Several spikes per step are nothing that a Threshold sends.
REFUSED = {("sinabs", "Threshold"), ("rockpool", "Threshold")}
CELLS = [(convention, kind) for convention in CONVENTIONS for kind in KINDS]
BUILT = [cell for cell in CELLS if cell not in REFUSED]
EXPONENTIAL = [name for name, knobs in CONVENTIONS.items() if knobs.decay == "exponential"]


def inspected(convention: str, kind: str) -> Inspection:
    knobs = complete(convention)
    with reading(minimal(kind, knobs)) as path:
        return nir_graph.inspect(path, knobs)


def stimulus(shape: tuple[int, ...], samples: int = 12, steps: int = 6) -> np.ndarray:
    return (np.random.default_rng(0).random((samples, steps, *shape)) < 0.7).astype(np.uint8)


def test_the_types_are_those_of_nir(tmp_path: Path) -> None:
    """The graphs of this file are legal, and read like the graphs in memory that the other tests use."""
    assert set(KINDS) == {kind.__name__ for kind in nir.NIRNode.__subclasses__()} - {"Identity"}
    assert len(KINDS) == len(set(KINDS)) == 19
    assert len(CELLS) == 8 * 19
    for kind in KINDS:
        graph = nir.read(write(tmp_path / f"{kind}.nir", minimal(kind, complete("euler"))))
        assert type(graph.nodes["n"]).__name__ == kind
    everything = {kind: minimal(kind, complete("euler"))["n"] for kind in KINDS}
    read = nir_file.read(write(tmp_path / "all.nir", everything, []))
    with reading(everything, []) as path:
        imagined = nir_file.read(path)
    assert set(read.nodes) == set(imagined.nodes)

    def same(a: nir_file.Node, b: nir_file.Node) -> bool:
        if a.graph is not None:
            names = set(a.graph.nodes) == set(b.graph.nodes)
            nodes = all(same(node, b.graph.nodes[name]) for name, node in a.graph.nodes.items())
            return names and nodes and set(a.graph.edges) == set(b.graph.edges)
        return (a.name, a.type, set(a.fields)) == (b.name, b.type, set(b.fields)) and all(
            np.array_equal(value, b.fields[name]) for name, value in a.fields.items()
        )

    assert [name for name, node in read.nodes.items() if not same(node, imagined.nodes[name])] == []


@pytest.mark.parametrize(("convention", "kind"), CELLS)
def test_verdict(convention: str, kind: str) -> None:
    inspection = inspected(convention, kind)
    assert inspection.questions == ()
    if (convention, kind) in REFUSED:
        said = "'n' (Threshold): spikes 'many' says nothing of a Threshold; use --spikes one"
        assert inspection.refusal() == f"model.nir cannot be built:\n  {said}"
        return
    assert inspection.refusal() is None
    verdicts = {v.name: v.verdict for v in inspection.nodes}
    if kind == "NIRGraph":  # is laid into the graph around it
        assert verdicts["n/neurons"] == verdicts["n/recurrent"] == "approximate"
        assert "n" not in verdicts
    else:
        assert verdicts["n"] == ("exact" if kind in EXACT else "approximate")


@pytest.mark.parametrize(("convention", "kind"), BUILT)
def test_what_is_built_equals_the_float_rule(convention: str, kind: str) -> None:
    """Where every number is a multiple of the integers' unit, nothing differs: spikes, or potentials to the bit."""
    knobs, inspection = complete(convention), inspected(convention, kind)
    model = inspection.model
    potentials = kind in NEURONS and kind not in SPIKING
    x = stimulus(model.input_shape)
    reference = float_model.run(model, x, knobs, np.float32)
    for name, events in plain_nir.run(model, x, knobs, np.float32).items():
        assert np.array_equal(reference.events[name], events)
    network, report = convert(model, Data(x=x), knobs, weight_bits=4, guard_bits=7 if potentials else 16)
    result = simulate.run(network, x, record="all")
    for layer in model.layers:
        lag = int(bool(knobs.lag and layer.spiking))
        got = result.events[layer.name][:, : x.shape[1] - lag].astype(np.float64)
        if potentials:
            population = network[layer.name]
            assert population.neuron.states["v"] <= population.value_bits  # else its lowest bits are not sent
            rest = layer.parameters.get("v_leak", np.zeros(1))[0]
            got = (got * population.scale + rest).astype(np.float32)
        assert np.array_equal(got, reference.events[layer.name][:, lag:])
        assert 0.02 < np.mean(got != 0) < 1 or potentials
        assert len(np.unique(got)) > 8 or not potentials
    if not potentials:
        assert np.array_equal(result.counts.reshape(len(x), -1), reference.counts)
    assert np.array_equal(result.prediction, reference.prediction)
    assert report.prediction_agreement == 1
    if network.populations[-1].neuron.options["spikes"] == "many":
        assert reference.events[model.output].max() > 1


@pytest.mark.parametrize("steps", [4, 20])
@pytest.mark.parametrize("kind", ["LIF", "CubaLIF", "LI", "CubaLI"])
@pytest.mark.parametrize("convention", EXPONENTIAL)
def test_decays_that_no_integer_is(convention: str, kind: str, steps: int) -> None:
    """exp(-dt/tau) is rounded: counts then differ by 2 % at most, potentials by 1.5 %, predictions not at all."""
    knobs = complete(convention)
    nodes = minimal(kind, knobs)
    for name in {"tau", "tau_syn", "tau_mem"} & set(nodes["n"]):
        nodes["n"][name] = np.full(4, steps * knobs.dt)
    with reading(nodes) as path:
        model = nir_graph.load(path, knobs).model
    x = stimulus(model.input_shape, samples=25, steps=40)
    reference = float_model.run(model, x, knobs)
    network, report = convert(model, Data(x=x), knobs, weight_bits=4)
    result = simulate.run(network, x)
    assert np.array_equal(result.prediction, reference.prediction)
    (layer,) = report.layers
    if kind in SPIKING:
        assert abs(result.counts - reference.counts).sum() <= 0.02 * reference.counts.sum()
        assert layer.rate_float > 0.02
    else:
        assert layer.potential_error <= 0.015


def test_the_checks_see_a_fault() -> None:
    """One threshold an eighth higher, and the comparison above is no longer equal."""
    knobs, model = complete("euler"), inspected("euler", "LIF").model
    x = stimulus(model.input_shape)
    reference = float_model.run(model, x, knobs, np.float32).events["n"]
    model.layers[0].parameters["v_threshold"][:] += 1 / 8
    network, _ = convert(model, Data(x=x), knobs, weight_bits=4, guard_bits=16)
    assert (simulate.run(network, x).spikes != reference).sum() > 5


def test_neurons_of_spyx_that_reset_before_the_decay() -> None:
    """Its recurrent neurons with currents, written out."""
    knobs = resolve("spyx", {"dt": 1.0, "reset_when": "same-step"})
    nodes = minimal("NIRGraph", knobs)
    inner = nodes["n"]["nodes"] | {"neurons": minimal("CubaLIF", knobs)["n"]}
    with reading(nodes | {"n": nodes["n"] | {"nodes": inner}}) as path:
        model = nir_graph.load(path, knobs).model
    x = stimulus(model.input_shape, steps=12)
    spikes = float_model.run(model, x, knobs).events["n/neurons"]
    drive = x.astype(float) @ nodes["weights"]["weight"].T
    recurrent, threshold = inner["recurrent"]["weight"].T, inner["neurons"]["v_threshold"]
    v, i = np.zeros((2, len(x), 4))
    for t in range(x.shape[1]):
        reported = v > threshold
        assert np.array_equal(reported, spikes[:, t])
        v = v - reported * threshold
        i = 0.5 * i + drive[:, t] + reported @ recurrent
        v = 0.5 * v + i
    assert 0.1 < spikes.mean() < 0.9


def test_a_refused_cell_converts_to_nothing() -> None:
    knobs = complete("sinabs")
    with reading(minimal("Threshold", knobs)) as path, pytest.raises(Refusal, match="use --spikes one"):
        convert(path, Data(x=stimulus((3,))), knobs)


def test_the_page_shows_every_cell() -> None:
    spec = importlib.util.spec_from_file_location("nir_tables", ROOT / "docs" / "nir_tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in tables.node_types().splitlines()]
    assert rows[0][1:] == [f"`{name}`" for name in CONVENTIONS]
    shown = {(c, row[0].strip("`")): cell for row in rows[2:] for c, cell in zip(CONVENTIONS, row[1:], strict=True)}
    assert set(shown) == set(CELLS)
    for (convention, kind), cell in shown.items():
        if (convention, kind) in REFUSED:
            assert cell == "refused"
        else:
            assert cell.split(",")[0] == ("exact" if kind in EXACT else "approximate")
    assert shown["sinabs", "CubaLIF"] == "approximate, asks `--synapse-gain`, `--v-min`"
    assert shown["norse", "LIF"] == "approximate"
    marks = tables.MARK.findall("".join(page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md")))
    assert sorted(marks) == sorted(tables.TABLES)

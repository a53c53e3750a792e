"""Convolutions, pooling and lists of synapses from .nir files: what is built, and that nothing differs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plain_nir
from kernels import EULER, FLAT, MOST, built, conv, equal_to_float, fires, model_of, pool, spikes
from nir_files import affine, lif, port, reading
from spikeloom.golden import float_model, maps, nir_graph, simulate
from spikeloom.golden.conventions import resolve
from spikeloom.golden.data import Data
from spikeloom.golden.maps import Diagonal, Entries, Kernel
from spikeloom.golden.network import Network, Refusal, Window
from spikeloom.golden.quantise import convert
from spikeloom.golden.storage import dense_bits, sparse_bits
from spikeloom.golden.synapses import to_dense
from spikeloom.sim.drawn.synapses import window_of

ROOT = Path(__file__).parents[2]
# Maps -----------------------------------------------------------------------------------------------------------------


def some_map(rng: np.random.Generator, kind: str, source: int, like: tuple[int, ...] | None = None) -> Any:
    if kind == "kernel":
        window = window_of(rng, source)
        return Kernel(weights=rng.integers(-4, 5, window.kernel).astype(float), window=window)
    if kind == "diagonal":
        return Diagonal(weights=rng.integers(-2, 3, source).astype(float))
    matrix = rng.integers(-4, 5, (source, int(rng.choice([4, 6, 12])))) * (rng.random((source, 1)) < 0.5)
    return matrix.astype(float) if kind == "matrix" else maps.entries(matrix.astype(float), MOST)


MAPS = ("matrix", "entries", "diagonal", "kernel")


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 1 << 32), kinds=st.tuples(*[st.sampled_from(MAPS)] * 2))
def test_maps_in_a_row_are_the_product_of_their_matrices(seed: int, kinds: tuple[str, str]) -> None:
    rng = np.random.default_rng(seed)
    a = some_map(rng, kinds[0], int(rng.choice([6, 12, 16, 24])))
    b = some_map(rng, kinds[1], a.shape[1])
    full = [maps.written_out(m, MOST) for m in (a, b)]
    both = maps.then(a, b, MOST)
    assert np.array_equal(maps.written_out(both, MOST), full[0] @ full[1])
    c = some_map(rng, kinds[0], a.shape[0])
    if c.shape == a.shape:
        assert np.array_equal(maps.written_out(maps.add(a, c, MOST), MOST), full[0] + maps.written_out(c, MOST))
    x = rng.integers(0, 2, (3, 2, a.shape[0]))
    for m, matrix in ((a, full[0]), (both, full[0] @ full[1])):
        assert np.array_equal(maps.times(m, np.float64)(x), x @ matrix)


def test_kernels_in_a_row_are_one_where_that_is_the_same_at_the_edges() -> None:
    def kernel(source, out, taps, stride=1, padding=0, groups=1):
        w = Window(
            source=source, kernel=(out, source[0] // groups, taps, taps), stride=(stride, stride),
            padding=((padding, padding),) * 2, dilation=(1, 1), groups=groups,
        )  # fmt: skip
        return Kernel(weights=np.random.default_rng(0).integers(1, 5, w.kernel).astype(float), window=w)

    for first, second, one in (
        (kernel((4, 8, 8), 4, 2, 2, 0, 4), kernel((4, 4, 4), 6, 3, 1, 1), True),  # pooling, convolution
        (kernel((4, 9, 9), 4, 2, 2, 0, 4), kernel((4, 4, 4), 6, 3, 1, 1), False),  # a row is left over
        (kernel((4, 8, 8), 6, 3, 1, 1), kernel((6, 8, 8), 6, 2, 2, 0, 6), True),  # convolution, pooling
        (kernel((4, 8, 8), 6, 3, 1, 1), kernel((6, 8, 8), 3, 3, 1, 1), False),  # two convolutions with padding
        (kernel((4, 8, 8), 6, 3), kernel((6, 6, 6), 3, 3), True),
        (kernel((4, 8, 8), 4, 2, 2, 0, 4), kernel((4, 4, 4), 4, 2, 2, 0, 4), True),  # two poolings
        (kernel((4, 8, 8), 8, 3, groups=2), kernel((8, 6, 6), 4, 3, groups=4), False),
    ):
        both = maps.then(first, second, MOST)
        assert isinstance(both, Kernel if one else Entries)
        full = maps.written_out(first, MOST) @ maps.written_out(second, MOST)
        assert np.array_equal(maps.written_out(both, MOST), full)


# Networks -------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    seed=st.integers(0, 1 << 32), per_channel=st.booleans(), weight_bits=st.sampled_from([2, 4, 8]), skip=st.booleans()
)
def test_as_kernels_and_as_matrices(seed: int, per_channel: bool, weight_bits: int, skip: bool) -> None:
    """However the synapses are stored, the same integers do the same."""
    rng = np.random.default_rng(seed)
    w = window_of(rng, int(rng.choice([12, 24, 36])))
    nodes = {
        "input": port("Input", *w.source),
        "conv": conv(
            rng.normal(0.3, 1, w.kernel), rng.normal(0, 0.2, w.kernel[0]), stride=np.array(w.stride),
            padding=np.array([p[0] for p in w.padding]), dilation=np.array(w.dilation), groups=w.groups,
        ),
    }  # fmt: skip
    padded = tuple((p, p) for p, _ in w.padding)
    try:
        shape = Window(**{**vars(w), "padding": padded}).target
    except Refusal:
        return
    size = int(np.prod(shape))
    nodes |= {"a": fires(shape, 1.0), "scale": {"type": "Scale", "scale": rng.normal(0.5, 1, shape)},
              "b": fires(shape, 1.0), "output": port("Output", *shape)}  # fmt: skip
    edges = [("input", "conv"), ("conv", "a"), ("a", "scale"), ("scale", "b"), ("b", "output")]
    if skip:  # a matrix and a kernel into the same neurons
        nodes |= {"flat": FLAT, "flat2": FLAT, "fc": affine(rng.normal(0, 1, (size, size))), "flatc": fires((size,))}
        edges = [*edges[:2], ("a", "flat"), ("flat", "fc"), ("fc", "flatc"), ("conv", "flat2"), ("flat2", "flatc"),
                 ("flatc", "output")]  # fmt: skip
        nodes = {n: v for n, v in nodes.items() if n not in ("scale", "b")} | {"output": port("Output", size)}
    model = model_of(nodes, edges)
    auto, report = built(model, per_channel=per_channel, weight_bits=weight_bits)
    dense, other = built(model, per_channel=per_channel, weight_bits=weight_bits, synapses="dense")
    assert {p.synapses.kind for p in dense.projections} == {"dense"}
    assert report.layers == other.layers
    x = spikes(3, 7, *w.source)
    results = [simulate.run(network, x, record="all") for network in (auto, dense)]
    for p, q in zip(auto.projections, dense.projections, strict=True):
        assert np.array_equal(to_dense(p.synapses)[0], to_dense(q.synapses)[0])
    for name in results[0].events:
        assert np.array_equal(results[0].events[name], results[1].events[name])
        assert np.array_equal(results[0].potentials[name], results[1].potentials[name])


def plain_correlation(x, weight, stride=1, padding=(0, 0), dilation=1, groups=1):
    """One axis after the other, in loops, from the definition."""
    (low, high), (out, seen, kh, kw) = padding, weight.shape
    padded = np.pad(x, ((0, 0), (low, high), (low, high)))
    oh, ow = ((n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(padded.shape[1:], (kh, kw), strict=True))
    found = np.zeros((out, oh, ow))
    for o, y, z in np.ndindex(out, oh, ow):
        for c, i, j in np.ndindex(seen, kh, kw):
            at = padded[o // (out // groups) * seen + c, y * stride + i * dilation, z * stride + j * dilation]
            found[o, y, z] += weight[o, c, i, j] * at
    return found


@pytest.mark.parametrize(
    ("padding", "fields", "size"),
    [
        ((0, 0), {"padding": "valid"}, 3),
        ((1, 1), {"padding": "same"}, 3),
        ((1, 2), {"padding": "same"}, 4),  # what is not even is behind, as in torch
        ((2, 2), {"padding": "same", "dilation": 2}, 3),
        ((1, 1), {"padding": 1, "stride": 2, "groups": 2}, 3),
        ((0, 0), {"groups": 4}, 2),
    ],
)
def test_convolutions_are_those_of_plain_loops(padding: tuple[int, int], fields: dict, size: int) -> None:
    """From the file to the events: IF neurons with weights that are integers."""
    rng = np.random.default_rng(2)
    groups = fields.get("groups", 1)
    weight = rng.integers(-3, 8, (8, 4 // groups, size, size))
    weight.flat[0] = 7
    bias = rng.integers(-1, 2, 8)
    options = {"stride": fields.get("stride", 1), "dilation": fields.get("dilation", 1), "groups": groups}
    x = spikes(2, 5, 4, 6, 6)
    drive = np.array([[plain_correlation(f, weight, padding=padding, **options) for f in row] for row in x])
    drive += bias[:, None, None]
    shape, threshold = drive.shape[2:], float(np.rint(2.5 * drive.mean()))
    nodes = {"input": port("Input", 4, 6, 6), "conv": conv(weight, bias, **fields), "a": fires(shape, threshold),
             "output": port("Output", *shape)}  # fmt: skip
    network, _ = convert(model_of(nodes), Data(x=x), EULER, weight_bits=4)
    (projection,) = network.projections
    assert (projection.synapses.kind, projection.synapses.bits) == ("convolution", 4)
    assert np.array_equal(projection.synapses.weights, weight)
    v, got = np.zeros((2, *shape)), simulate.run(network, x).spikes
    for t in range(5):
        v = v + drive[:, t]
        z = v > threshold
        v = v - threshold * z
        assert np.array_equal(got[:, t], z)
    assert 0.05 < got.mean() < 0.9


@pytest.mark.parametrize(
    ("kind", "size", "threshold"), [("SumPool2d", 2, 2), ("AvgPool2d", 2, 0.5), ("AvgPool2d", 3, 1 / 3)]
)
def test_pooling_between_neurons_has_weights_of_one(kind: str, size: int, threshold: float) -> None:
    """The factor of a mean goes into the scale, and so into the threshold."""
    after = (3, 6 // size, 6 // size)
    nodes = {"input": port("Input", 3, 6, 6), "pool": pool(kind, size), "a": fires(after, threshold),
             "output": port("Output", *after)}  # fmt: skip
    model = model_of(nodes)
    network, report = built(model)
    (synapses,) = (p.synapses for p in network.projections)
    assert (synapses.kind, synapses.bits, synapses.weights.tolist()) == (
        "convolution", 2, np.ones((3, 1, size, size), int).tolist(),
    )  # fmt: skip
    (layer,) = report.layers
    assert (layer.method, layer.weight_error, layer.clip, layer.clipped) == ("exact", 0.0, 1.0, 0.0)
    # The same by sums, where no ninth is rounded in the float model either.
    share = 1 if kind == "SumPool2d" else size * size
    plain = model_of({**nodes, "pool": pool("SumPool2d", size), "a": fires(after, round(threshold * share))})
    equal_to_float(plain, network)


@pytest.mark.parametrize(
    ("reset", "threshold", "whole"),
    [("subtract", 2.51, False), ("subtract", 2.5, True), ("zero", 2.51, True), ("zero", 2.5, True)],
)
def test_weights_of_one_need_whole_parameters(reset: str, threshold: float, whole: bool) -> None:
    """A threshold need not be whole, in 16ths, where nothing subtracts it."""
    knobs = resolve("euler", {"dt": 1.0, "reset": reset})
    nodes = {"input": port("Input", 3, 6, 6), "pool": pool("SumPool2d", 2), "a": fires((3, 3, 3), threshold),
             "output": port("Output", 3, 3, 3)}  # fmt: skip
    network, report = convert(model_of(nodes, knobs=knobs), Data(x=spikes(2, 9, 3, 6, 6)), knobs)
    assert (report.layers[0].method == "exact", network.projections[0].synapses.bits == 2) == (whole, whole)


def test_the_factor_of_a_mean_is_in_the_scale_of_the_weights_behind() -> None:
    rng = np.random.default_rng(4)
    weight = rng.integers(-7, 8, (5, 12))
    weight[0, 0] = 7

    def chain_of(kind: str, size: int) -> dict:
        return {"input": port("Input", 3, 2 * size, 2 * size), "pool": pool(kind, size), "flat": FLAT,
                "fc": affine(weight), "a": fires((5,), 4.0), "output": port("Output", 5)}  # fmt: skip

    for size in (2, 3):
        networks = [built(model_of(chain_of(kind, size)), weight_bits=4) for kind in ("SumPool2d", "AvgPool2d")]
        (plain, first), (mean, second) = networks
        assert np.array_equal(plain.projections[0].synapses.weights, mean.projections[0].synapses.weights)
        assert first.layers[0].scale == pytest.approx(size * size * second.layers[0].scale)
        assert second.layers[0].weight_error < 1e-6


def test_pooling_before_a_convolution_is_folded_into_its_kernel() -> None:
    weight = np.random.default_rng(1).integers(-3, 8, (4, 2, 3, 3)) / 4
    weight.flat[0] = 7 / 4
    for side, kind in ((8, "convolution"), (9, "sparse")):
        nodes = {"input": port("Input", 2, side, side), "pool": pool("AvgPool2d", 2), "conv": conv(weight, padding=1),
                 "a": fires((4, 4, 4), 1.5), "output": port("Output", 4, 4, 4)}  # fmt: skip
        model = model_of(nodes)
        network, _ = built(model, weight_bits=4)
        assert network.projections[0].synapses.kind == kind
        equal_to_float(model, network)


def test_what_is_too_much_to_fold_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nir_graph.nir_model, "MAX_WEIGHTS", 2000)
    nodes = {"input": port("Input", 1, 12, 12), "one": conv(np.ones((2, 1, 3, 3)), padding=1),
             "two": conv(np.ones((2, 2, 3, 3)), padding=1), "a": fires((2, 12, 12)),
             "output": port("Output", 2, 12, 12)}  # fmt: skip
    with reading(nodes) as path, pytest.raises(Refusal) as refusal:
        nir_graph.load(path, EULER)
    assert str(refusal.value) == (
        "model.nir cannot be built:\n  'two' (Conv2d): 2592 weights are more than the 2000 that a layer may have; put "
        "neurons between the layers"
    )


def test_a_scale_per_output_channel() -> None:
    weight = np.random.default_rng(0).normal(0, 1, (3, 1, 3, 3)) * np.array([1, 10, 100])[:, None, None, None]
    nodes = {"input": port("Input", 1, 6, 6), "conv": conv(weight), "a": fires((3, 4, 4), 3.0),
             "output": port("Output", 3, 4, 4)}  # fmt: skip
    errors = {}
    for per_channel in (False, True):
        network, report = built(model_of(nodes), weight_bits=4, per_channel=per_channel)
        errors[per_channel] = report.layers[0].weight_error
        (synapses,) = (p.synapses for p in network.projections)
        assert synapses.kind == "convolution"
        assert (np.abs(synapses.weights).max((1, 2, 3)) >= 6).all() == per_channel
        assert network["a"].neuron.parameters["threshold"].shape == ((48,) if per_channel else ())
    assert errors[True] < errors[False]


def test_lists_are_taken_where_they_are_smaller() -> None:
    rng = np.random.default_rng(0)
    for share, kind in ((0.1, "sparse"), (0.45, "sparse"), (0.7, "dense"), (1, "dense")):
        weight = rng.normal(1, 0.3, (40, 50)) * (rng.random((40, 50)) < share)
        nodes = {"input": port("Input", 50), "fc": affine(weight), "a": fires((40,)), "output": port("Output", 40)}
        with reading(nodes) as path:
            inspection = nir_graph.load(path, EULER)
        network, report = built(inspection.model)
        (synapses,) = (p.synapses for p in network.projections)
        count = np.count_nonzero(weight)
        assert synapses.kind == kind
        assert (kind == "sparse") == (sparse_bits((50, 40), count, 8) < dense_bits((50, 40), 8))
        if share == 1:
            assert inspection.storage == report.notes == ()
            continue
        assert inspection.storage == report.notes
        assert report.notes[0].startswith(f"'input' to 'a': {100 * count / 2000:.3g} % of 50 x 40 weights are there; ")
        assert f"takes {dense_bits((50, 40), 8)} bits and a list {sparse_bits((50, 40), count, 8)}" in report.notes[0]
        assert np.array_equal(
            to_dense(synapses)[0], to_dense(built(inspection.model, synapses="dense")[0].projections[0].synapses)[0]
        )


@pytest.mark.parametrize("synapses", ["auto", "dense"])
def test_weights_that_are_all_0(synapses: str) -> None:
    nodes = {"input": port("Input", 6), "fc": affine(np.zeros((4, 6)), np.ones(4)), "a": fires((4,)),
             "output": port("Output", 4)}  # fmt: skip
    model = model_of(nodes)
    network, _ = built(model, synapses=synapses)
    assert network.projections[0].synapses.kind == ("sparse" if synapses == "auto" else "dense")
    equal_to_float(model, network)


def test_lists_that_feed_back(tmp_path: Path) -> None:
    """A recurrent network of a few hundred neurons with two percent of its synapses, saved and loaded."""
    rng = np.random.default_rng(0)
    weight = rng.integers(-7, 8, (300, 300)) * (rng.random((300, 300)) < 0.02)
    nodes = {"input": port("Input", 300), "a": fires((300,), 3.0), "rec": affine(weight), "output": port("Output", 300)}
    model = model_of(nodes, [("input", "a"), ("a", "rec"), ("rec", "a"), ("a", "output")])
    network, _ = built(model, weight_bits=4)
    assert [(p.synapses.kind, p.delay) for p in network.projections] == [("one-to-one", 0), ("sparse", 1)]
    assert np.array_equal(to_dense(network.projections[1].synapses)[0], weight.T)
    network.save(tmp_path / "a.loom")
    equal_to_float(model, Network.load(tmp_path / "a.loom"))


def test_one_to_one_keeps_one_weight() -> None:
    nodes = {"input": port("Input", 6), "a": fires((6,)), "output": port("Output", 6)}
    (plain,) = built(model_of(nodes))[0].projections
    assert (plain.synapses.kind, plain.synapses.weights.shape, plain.synapses.bits) == ("one-to-one", (), 2)
    nodes = {"input": nodes["input"], "n": {"type": "Scale", "scale": np.arange(1.0, 7)}, **nodes}
    model = model_of(nodes, [("input", "n"), ("n", "a"), ("a", "output")])
    (each,) = built(model, weight_bits=4)[0].projections
    assert (each.synapses.kind, each.synapses.weights.tolist()) == ("one-to-one", [1, 2, 4, 5, 6, 7])


def test_analogue_samples_reach_a_kernel() -> None:
    """Samples in multiples of 1/127, weights in those of 1/128: every sum is whole."""
    rng = np.random.default_rng(0)
    weight, x = rng.integers(-60, 128, (2, 1, 3, 3)) / 128, rng.integers(-60, 128, (4, 9, 1, 5, 5)) / 127
    weight[0, 0, 0, 0] = 127 / 128
    x[0, 0, 0, 0, 0] = 1
    model = model_of(
        {
            "input": port("Input", 1, 5, 5),
            "conv": conv(weight),
            "if": fires((2, 3, 3), 1.2345),
            "output": port("Output", 2, 3, 3),
        }
    )
    network, _ = convert(model, Data(x=x), EULER)
    assert (network.projections[0].synapses.kind, network.input.scale) == ("convolution", 1 / 127)
    wanted = plain_nir.run(model, x, EULER)["if"]
    assert 0.1 < wanted.mean() < 0.9
    assert np.array_equal(simulate.run(network, x).spikes.reshape(wanted.shape), wanted)


# snnTorch -------------------------------------------------------------------------------------------------------------


def recorded() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """``docs/examples/record_convolutions.py`` made it: spikes of every layer, and the network as a graph."""
    with np.load(ROOT / "tests" / "data" / "convolutions-snntorch.npz", allow_pickle=False) as file:
        r = dict(file)

    def neurons(name: str) -> dict[str, Any]:
        shape = tuple(r[f"{name}.shape"].tolist())
        return {k: v if isinstance(v, str) else v.reshape(shape) for k, v in lif(int(np.prod(shape))).items()}

    def weights(name: str, **fields: Any) -> dict[str, Any]:
        return conv(r[f"{name}.weight"], r[f"{name}.bias"], **fields)

    one = {"stride": np.array([2, 1]), "padding": np.array([1, 0]), "dilation": np.array([1, 2])}
    return r, {
        "input": port("Input", *r["x"].shape[2:]),
        "conv1": weights("conv1", **one),
        "lif1": neurons("lif1"),
        "pool": pool("AvgPool2d", 2),
        "conv2": weights("conv2", padding="same", groups=2),
        "lif2": neurons("lif2"),
        "depthwise": weights("depthwise", groups=6),
        "lif3": neurons("lif3"),
        "flat": FLAT,
        "fc": affine(r["fc.weight"], r["fc.bias"]),
        "lif4": neurons("lif4"),
        "output": port("Output", *r["lif4.shape"].tolist()),
    }


def test_reproduces_snntorch() -> None:
    """Convolution with stride, padding and dilation, pooling, groups, depthwise, flattened: no spike differs."""
    r, nodes = recorded()
    knobs = resolve("snntorch")
    model = model_of(nodes, knobs=knobs)
    run = float_model.run(model, r["x"], knobs)
    assert [layer.name for layer in model.layers] == ["lif1", "lif2", "lif3", "lif4"]
    plain = plain_nir.run(model, r["x"], knobs, np.float32)
    for name, events in run.events.items():
        wanted = np.unpackbits(r[name], axis=-1, count=events.shape[2])
        assert 0.02 < wanted.mean() < 0.9
        assert np.array_equal(events, wanted)
        assert np.array_equal(plain[name], wanted)
    swapped = {**nodes, "conv1": nodes["conv1"] | {"weight": nodes["conv1"]["weight"][..., ::-1]}}  # convolved
    wrong = float_model.run(model_of(swapped, knobs=knobs), r["x"], knobs)
    assert (wrong.events["lif1"] != run.events["lif1"]).sum() > 100
    network, report = convert(model, Data(x=r["x"]), knobs)
    assert [p.synapses.kind for p in network.projections] == ["convolution"] * 3 + ["dense"]
    assert all(layer.agreement > 0.95 for layer in report.layers)

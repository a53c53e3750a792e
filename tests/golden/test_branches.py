"""Branches and delays of synapses from .nir files: what is built, and that nothing differs."""

import numpy as np
import pytest

from kernels import built, conv, equal_to_float, fires, model_of, spikes
from nir_files import affine, port
from spikeloom.golden import simulate
from spikeloom.golden.conventions import resolve
from spikeloom.golden.data import Data
from spikeloom.golden.quantise import convert
from spikeloom.golden.synapses import to_dense


def branches(weights: np.ndarray, delays: np.ndarray, threshold: float = 3.0) -> tuple[dict, list]:
    """Parallel branches of a delay and a layer each, as exporters of learned delays write them."""
    out, into = weights.shape
    nodes = {"input": port("Input", into), "a": fires((out,), threshold), "output": port("Output", out)}
    edges = [("a", "output")]
    for d in np.unique(delays):
        late, fc = f"late{d}", f"fc{d}"
        nodes |= {late: {"type": "Delay", "delay": np.full(into, float(d))}, fc: affine(weights * (delays == d))}
        edges += [("input", late), (late, fc), (fc, "a")]
    return nodes, edges


@pytest.mark.parametrize("share", [1.0, 0.2])
def test_branches_that_do_not_overlap_become_one_projection(share: float) -> None:
    rng = np.random.default_rng(1)
    weights = rng.integers(-3, 8, (20, 15)) * (rng.random((20, 15)) < share)
    weights[0, 0] = 7
    delays = rng.integers(2, 9, weights.shape)
    model = model_of(*branches(weights, delays))
    network, _ = built(model, weight_bits=4)
    (projection,) = network.projections
    assert projection.synapses.kind == ("dense" if share == 1 else "sparse")
    assert (projection.delay, projection.most_delay) == (2, 8)
    found, late = to_dense(projection.synapses)
    assert np.array_equal(found, weights.T)
    assert np.array_equal((late + 2)[weights.T != 0], delays.T[weights.T != 0])
    equal_to_float(model, network)
    dense, _ = built(model, weight_bits=4, synapses="dense")
    assert [p.delay for p in dense.projections] == list(range(2, 9))
    x = spikes(3, 20, 15)
    assert np.array_equal(simulate.run(dense, x).spikes, simulate.run(network, x).spikes)


def test_branches_that_overlap_stay_apart() -> None:
    weights, delays = np.full((3, 4), 2.0), np.zeros((3, 4), int)
    nodes, edges = branches(weights, delays)
    nodes |= {"late": {"type": "Delay", "delay": np.full(4, 3.0)}, "fc": affine(weights)}
    edges += [("input", "late"), ("late", "fc"), ("fc", "a")]
    network, _ = built(model_of(nodes, edges))
    assert [(p.delay, p.synapses.delays) for p in network.projections] == [(0, None), (3, None)]


def test_kernels_of_different_delays_become_one() -> None:
    """A kernel whose taps are late: one branch per delay, each with the taps that have it."""
    rng = np.random.default_rng(0)
    weight, delays = rng.integers(1, 8, (2, 1, 3)), rng.integers(0, 4, (2, 1, 3))
    weight[0, 0, 0], delays[0, 0, 0] = 7, 0
    nodes = {"input": port("Input", 1, 10), "a": fires((2, 8), 6.0), "output": port("Output", 2, 8)}
    edges = [("a", "output")]
    for d in np.unique(delays):
        late = {"type": "Delay", "delay": np.full((1, 10), float(d))}
        nodes |= {f"late{d}": late, f"conv{d}": conv(weight * (delays == d))}
        edges += [("input", f"late{d}"), (f"late{d}", f"conv{d}"), (f"conv{d}", "a")]
    model = model_of(nodes, edges)
    network, _ = built(model, weight_bits=4)
    (projection,) = network.projections
    assert projection.synapses.kind == "convolution"
    assert np.array_equal(projection.synapses.weights, weight)
    assert np.array_equal(projection.synapses.delays, delays)
    equal_to_float(model, network)


def test_a_delay_per_input_is_a_delay_per_synapse() -> None:
    nodes = {"input": port("Input", 30), "late": {"type": "Delay", "delay": np.arange(30.0)}, "a": fires((30,), 0.5),
             "output": port("Output", 30)}  # fmt: skip
    zero = resolve("euler", {"dt": 1.0})
    network, _ = convert(model_of(nodes, knobs=zero), Data(x=spikes(2, 40, 30)), zero)
    (projection,) = network.projections
    assert (projection.synapses.kind, projection.synapses.delays.tolist()) == ("one-to-one", list(range(30)))
    x = spikes(2, 40, 30)
    got = simulate.run(network, x).spikes
    assert all(np.array_equal(got[:, k:, k], x[:, : 40 - k, k]) for k in range(30))

"""Synapses of every kind: the same matrix gives the same bits, and a convolution is what plain loops say."""

import itertools
import math
import time
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plain_contract
import small
from spikeloom.golden import simulate, sums
from spikeloom.golden.network import (
    Convolution,
    Dense,
    Network,
    OneToOne,
    Population,
    Projection,
    Refusal,
    Sparse,
    Window,
)
from spikeloom.golden.synapses import convolution, places, product, sparse, to_dense, totals
from spikeloom.sim.drawn.synapses import KINDS, synapses_of, window_of

right = convolution._padded
quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def window(source=(2, 5, 6), kernel=(4, 2, 3, 2), stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    return Window(source=source, kernel=kernel, stride=stride, padding=padding, dilation=dilation, groups=groups)


def by_loops(w: Window, kernel: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Cross-correlation as its definition has it, one product at a time. Nothing of it comes from the package."""
    spatial = [
        (n + before + after - d * (k - 1) - 1) // s + 1
        for n, k, s, (before, after), d in zip(w.source[1:], w.kernel[2:], w.stride, w.padding, w.dilation, strict=True)
    ]
    found = np.zeros((w.kernel[0], *spatial), image.dtype)
    per_group = w.kernel[0] // w.groups
    for out in range(w.kernel[0]):
        for place in itertools.product(*map(range, spatial)):
            for channel in range(w.kernel[1]):
                for tap in itertools.product(*map(range, w.kernel[2:])):
                    at = [
                        p * s - before + t * d
                        for p, s, (before, _), t, d in zip(place, w.stride, w.padding, tap, w.dilation, strict=True)
                    ]
                    if all(0 <= a < n for a, n in zip(at, w.source[1:], strict=True)):
                        source = out // per_group * w.kernel[1] + channel
                        found[(out, *place)] += kernel[(out, channel, *tap)] * image[(source, *at)]
    return found


@quick
@given(seed=st.integers(0, 1 << 32), size=st.sampled_from([1, 6, 12, 18, 24, 36]), crop=st.booleans())
def test_convolutions_are_what_loops_say(seed: int, size: int, crop: bool) -> None:
    rng = np.random.default_rng(seed)
    w = window_of(rng, size, crop)
    kernel, values = rng.integers(-128, 128, w.kernel), rng.integers(-3, 4, (2, 3, size))
    synapses = Convolution(weights=kernel, bits=8, window=w)
    expected = np.array([[by_loops(w, kernel, v.reshape(w.source)).ravel() for v in row] for row in values])
    assert synapses.shape == (size, expected.shape[-1]) and w.target[0] == w.kernel[0]
    assert np.array_equal(values @ to_dense(synapses)[0], expected)
    assert np.array_equal(product(synapses, kernel.astype(np.float32))(values), expected)
    out = np.empty((3, 2, expected.shape[-1])).swapaxes(0, 1)  # not in one piece
    assert np.array_equal(product(synapses, kernel.astype(float))(values, out), expected)


def networks_of(rng: np.random.Generator, convolution: Convolution, shift: int, delay: int) -> list[Network]:
    """The same network with the same synapses as each kind that they can be."""
    weights, delays = to_dense(convolution)
    source, target, index = places(convolution)
    bits = convolution.bits
    late = None if convolution.delays is None else convolution.delays.ravel()[index]
    kinds = [
        convolution,
        Dense(weights=weights, bits=bits, delays=delays),
        Sparse.of(source, target, convolution.weights.ravel()[index], shape=convolution.shape, bits=bits, delays=late),
    ]
    size = convolution.shape[1]
    neuron = small.neuron(threshold=rng.integers(1, 60, size), keep=rng.integers(100, 257, size), guard=0)
    back = OneToOne(weights=rng.integers(-8, 8, size), bits=4, neurons=size, delays=rng.integers(0, 3, size))
    same = [back, Dense(weights=to_dense(back)[0], bits=4, delays=to_dense(back)[1] + 0)]
    populations = (
        Population(name="in", shape=convolution.window.source, value_bits=3),
        Population(name="out", shape=convolution.window.target, neuron=neuron),
    )
    return [
        Network(
            populations=populations,
            projections=(
                Projection(source="in", target="out", synapses=kind, shift=shift, delay=delay),
                Projection(source="out", target="out", synapses=loop, delay=1),
            ),
            output="out",
        )
        for kind, loop in itertools.product(kinds, same)
    ]


@quick
@given(seed=st.integers(0, 1 << 32), most=st.integers(0, 3), written_out=st.booleans())
def test_the_same_matrix_gives_the_same_bits(seed: int, most: int, written_out: bool) -> None:
    rng = np.random.default_rng(seed)
    w = window_of(rng, int(rng.choice([6, 8, 12, 18])), crop=rng.random() < 0.5)
    made = synapses_of("convolution", rng, lambda shape: rng.integers(-8, 8, shape), 4, (0, 0), w, most)
    networks = networks_of(rng, made, int(rng.integers(0, 3)), int(rng.integers(0, 2)))
    x = rng.integers(-4, 4, (2, 7, *w.source)) * (rng.random((2, 7, *w.source)) < 0.6)
    with pytest.MonkeyPatch.context() as patch:
        if not written_out:
            patch.setattr(sparse, "WRITTEN_OUT", 0)
        results = [simulate.run(network, x, record="all") for network in networks]
    assert len(networks) == 6
    for network, result in zip(networks, results, strict=True):
        assert all(
            np.array_equal(a, b)
            for k in (0, 1)
            for a, b in zip(
                to_dense(network.projections[k].synapses), to_dense(networks[0].projections[k].synapses), strict=True
            )
        )
        assert simulate.check_network(network) == simulate.check_network(networks[0])
        assert np.array_equal(result.events["out"], results[0].events["out"])
        assert np.array_equal(result.potentials["out"], results[0].potentials["out"])


@pytest.mark.parametrize("fault", ["padding", "groups", "delays"])
def test_a_fault_in_one_kind_is_found(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Windows that begin a place late, groups in another order, delays that are forgotten."""
    if fault == "padding":
        monkeypatch.setattr(
            convolution, "_padded", lambda w, images, dtype: np.roll(right(w, images, dtype), 1, axis=3)
        )
    elif fault == "groups":
        monkeypatch.setattr(convolution, "_padded", lambda w, images, dtype: right(w, images, dtype)[:, ::-1].copy())
    else:
        make = sums.Sums.__init__

        def forgets(self: sums.Sums, *given: object) -> None:
            make(self, *given)
            self.parts = [(0, times) for _, times in self.parts]

        monkeypatch.setattr(sums.Sums, "__init__", forgets)
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        w = window_of(rng, 36)
        made = synapses_of("convolution", rng, partial(rng.integers, -8, 8), 4, (0, 0), w, 2)
        network = networks_of(rng, made, 0, 0)[0]
        x = rng.integers(-4, 4, (1, 6, *w.source))
        try:
            events = simulate.run(network, x, record="all").events["out"][0].tolist()
        except AssertionError:  # a sum beyond its bound
            found += 1
            continue
        found += events != simulate.step_by_step(network, x[0])[0]["out"]
    assert found >= 5


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("most", [10, 60])
@pytest.mark.parametrize(("size", "active"), [(20, 30), (sums.MIN_TARGETS, 6)])
def test_many_delays(kind: str, most: int, size: int, active: int) -> None:
    """As matrices and as lists of each delay; where few inputs are ever active, without the silent ones."""
    rng = np.random.default_rng(most)
    made = synapses_of(kind, rng, partial(rng.integers, -4, 8), 4, (30, size), most=most)
    assert (len(np.unique(made.delays)) > sums.MANY_DELAYS) == (most == 60)
    network = Network(
        populations=(
            Population(name="in", shape=(30,)),
            Population(name="out", shape=(size,), neuron=small.neuron(threshold=2 * active, guard=0)),
        ),
        projections=(Projection(source="in", target="out", synapses=made, shift=1),),
        output="out",
    )
    x = rng.integers(0, 2, (3, 50, 30)) * (rng.permuted(np.tile(np.arange(30), (3, 1)), axis=1) < active)[:, None]
    result = simulate.run(network, x, record="all")
    assert 0.05 < result.spikes.mean() < 0.95
    for sample in range(3):
        events, states = plain_contract.run(network, x[sample])
        assert result.events["out"][sample].tolist() == events["out"]
        assert result.potentials["out"][sample].tolist() == [[n["v"] for n in step] for step in states["out"]]


def test_totals_are_those_of_the_matrix() -> None:
    rng = np.random.default_rng(0)
    for kind in KINDS:
        w = window(padding=((1, 0), (2, 1)), stride=(2, 1))
        shape = (60, 60) if kind == "one-to-one" else (60, math.prod(w.target))
        made = synapses_of(kind, rng, lambda s: rng.integers(-8, 8, s), 4, shape, w, 2)
        weights = to_dense(made)[0]
        above, below = totals(made)
        assert np.array_equal(above, np.maximum(weights, 0).sum(0))
        assert np.array_equal(below, np.minimum(weights, 0).sum(0))


def test_a_kernel_fits_the_memory_of_its_window_alone() -> None:
    synapses = Convolution(weights=np.ones((4, 2, 3, 2), int), bits=2, window=window())
    assert synapses.weights.size == 48
    assert synapses.shape == (60, 60)


def test_sparse_in_any_order() -> None:
    a = Sparse.of([1, 0, 1], [0, 2, 1], [5, 6, 7], shape=(2, 3), bits=8, delays=[1, 2, 3])
    assert (a.rows.tolist(), a.targets.tolist(), a.weights.tolist(), a.delays.tolist()) == (
        [0, 1, 3], [2, 0, 1], [6, 5, 7], [2, 1, 3],
    )  # fmt: skip
    assert to_dense(a)[0].tolist() == [[0, 0, 6], [5, 7, 0]]
    assert to_dense(a)[1].tolist() == [[0, 0, 2], [1, 3, 0]]


def back(delays, delay=0):
    synapses = Dense(weights=np.ones((2, 2), int), bits=2, delays=delays)
    return Network(
        populations=(Population(name="in", shape=(2,)), Population(name="out", shape=(2,), neuron=small.neuron())),
        projections=(Projection(source="out", target="out", synapses=synapses, delay=delay),),
        output="out",
    )


def test_a_loop_whose_every_synapse_is_late_has_a_delay() -> None:
    assert back([[1, 2], [3, 4]]).order() == ("in", "out")
    assert back([[0, 2], [3, 4]], delay=1).order() == ("in", "out")
    with pytest.raises(Refusal, match="^A cycle of projections has no delay; it goes through 'out'$"):
        back([[0, 2], [3, 4]])


def test_delays_of_zero_are_none() -> None:
    assert Dense(weights=np.ones((2, 2), int), bits=2, delays=np.zeros((2, 2), int)).delays is None


SPARSE = {"shape": (2, 3), "bits": 4}
REFUSED = [
    (lambda: Sparse.of([0, 0], [1, 1], [1, 2], **SPARSE),
     "Sparse synapses: the one from 0 to 1 is there twice; add their weights"),
    (lambda: Sparse.of([0, 2], [1, 1], [1, 2], **SPARSE),
     "Sparse synapses: the one from 2 to 1 dangles: there is no source 2, only 0..1; leave it out"),
    (lambda: Sparse.of([0, 1], [1, 3], [1, 2], **SPARSE),
     "Sparse synapses: the one from 1 to 3 dangles: there is no target 3, only 0..2; leave it out"),
    (lambda: Sparse.of([0, 1], [1, -1], [1, 2], **SPARSE),
     "Sparse synapses: the one from 1 to -1 dangles: there is no target -1, only 0..2; leave it out"),
    (lambda: Sparse.of([0, 1], [1], [1, 2], **SPARSE),
     "Sparse synapses need a source, a target and a weight each, not the shapes (2,), (1,) and (2,)"),
    (lambda: Sparse.of([0, 1], [1, 0], [1, 2], delays=[1], **SPARSE),
     "Delays of synapses must have the shape of the weights (2,), not (1,)"),
    (lambda: Sparse.of([0, 1], [1, 0], [1, 2], delays=[1, 2, 3], **SPARSE),
     "Delays of synapses must have the shape of the weights (2,), not (3,)"),
    (lambda: Sparse.of([0, 1], [1, 0], [1, 2], delays=1, **SPARSE),
     "Delays of synapses must have the shape of the weights (2,), not ()"),
    (lambda: Sparse(rows=[0, 2, 2], targets=[1, 0], weights=[1, 2], bits=4, neurons=3),
     "Sparse synapses: the targets of source 0 must rise; use Sparse.of"),
    (lambda: Sparse(rows=[0, 3, 2], targets=[1, 0], weights=[1, 2], bits=4, neurons=3),
     "Rows of sparse synapses must rise from 0 to the 2 synapses"),
    (lambda: Sparse(rows=[0, 1], targets=[0], weights=[1], bits=4, neurons=1 << 30),
     "Sparse synapses: neurons must be 1 integer in 1..33554432, not 1073741824"),
    (lambda: Sparse(rows=[0, 1], targets=[0, 1], weights=[1], bits=4, neurons=3),
     "Sparse synapses need a target and a weight each, not the shapes (2,) and (1,)"),
    (lambda: OneToOne(weights=[1, 2], bits=4, neurons=3),
     "One-to-one synapses need one weight or 3, not the shape (2,)"),
    (lambda: Dense(weights=np.ones((2, 2), int), bits=4, delays=[[1]]),
     "Delays of synapses must have the shape of the weights (2, 2), not (1, 1)"),
    (lambda: Dense(weights=np.ones((1, 2), int), bits=4, delays=[[1, 256]]),
     "Delays of synapses must be in 0..255 steps, not 1..256"),
    (lambda: back([[250, 1], [1, 1]], delay=6),
     "Projection 'out' to 'out': delay 6 and its synapses' up to 250 are 256 steps, and 255 are the most"),
    (lambda: window(source=(2, 3)), "Convolution: kernel must be 3 integers in 1..33554432, not 4, 2, 3, 2"),
    (lambda: window(source=(2, 2, 2, 2)),
     "Convolution: the source must have the shape (C, N) or (C, H, W), not (2, 2, 2, 2)"),
    (lambda: window(source=5), "Convolution: the source must have the shape (C, N) or (C, H, W), not 5"),
    (lambda: window(groups=np.array(3)),
     "Convolution: 3 groups do not divide 2 input channels and 4 output channels"),
    (lambda: window(source=(2, 2, 6)), "Convolution: the kernel reaches over 3 x 2, and the padded source has 2 x 6"),
    (lambda: window(dilation=(3, 1)), "Convolution: the kernel reaches over 7 x 2, and the padded source has 5 x 6"),
    (lambda: window(stride=(0, 1)), "Convolution: stride must be 2 integers in 1..33554432, not 0, 1"),
    (lambda: window(stride=(True, 1)), "Convolution: stride must be 2 integers in 1..33554432, not True, 1"),
    (lambda: window(padding=((0, -5), (0, 0))), "Convolution: padding must be 2 integers in -4..33554432, not 0, -5"),
    (lambda: window(padding=((-2, -1), (0, 0))),
     "Convolution: the kernel reaches over 3 x 2, and the padded source has 2 x 6"),
    (lambda: window(padding=(1, 1)), "Convolution: padding must be 2 integers in -4..33554432, not 1"),
    (lambda: window(padding=((1 << 24, 0), (1 << 24, 0))),
     "Convolution: a target of 4 x 16777219 x 16777221 is more than 33554432 neurons"),
    (lambda: window(padding=((1 << 24, 0), (0, 0)), stride=(1 << 24, 1)),
     "Convolution: a padded source of 2 x 16777221 x 6 is more than 33554432 neurons"),
    (lambda: window(groups=3), "Convolution: 3 groups do not divide 2 input channels and 4 output channels"),
    (lambda: window(groups=2),
     "Convolution: the kernel takes 2 channels per group, and 2 in 2 groups are 1"),
    (lambda: Convolution(weights=np.ones((1, 1, 1, 1), int), bits=2, window=window()),
     "Convolution: the weights must have the shape (4, 2, 3, 2), not (1, 1, 1, 1)"),
    (lambda: to_dense(OneToOne(weights=1, bits=2, neurons=6000)),
     "6000 x 6000 weights are more than the 33554432 that are written out"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_refused(make, message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        make()
    assert str(refusal.value) == message


def mnist_cnn() -> Network:
    """1 x 28 x 28, 16 kernels of 5 x 5, pooling, 32 of 3 x 3, pooling, 10."""
    rng = np.random.default_rng(0)

    def layer(source, out, taps, pad, stride=1, groups=1):
        w = Window(
            source=source,
            kernel=(out, source[0] // groups, taps, taps),
            stride=(stride, stride),
            padding=((pad, pad), (pad, pad)),
            dilation=(1, 1),
            groups=groups,
        )
        pool = groups > 1
        weights = np.ones(w.kernel, int) if pool else rng.integers(-60, 128, w.kernel)
        return Convolution(weights=weights, bits=2 if pool else 8, window=w)

    kinds = [
        layer((1, 28, 28), 16, 5, 2),
        layer((16, 28, 28), 16, 2, 0, 2, 16),
        layer((16, 14, 14), 32, 3, 1),
        layer((32, 14, 14), 32, 2, 0, 2, 32),
        Dense(weights=rng.integers(-60, 128, (1568, 10)), bits=8),
    ]
    names = ["in", "conv1", "pool1", "conv2", "pool2", "out"]
    shapes = [kind.window.source for kind in kinds[:4]] + [(32, 7, 7), (10,)]
    thresholds = [0, 400, 2, 1500, 2, 3000]
    populations = [
        Population(
            name=name,
            shape=shape,
            neuron=None if name == "in" else small.neuron(bits=20, guard=0, threshold=t, subtract=t),
        )
        for name, shape, t in zip(names, shapes, thresholds, strict=True)
    ]
    projections = [Projection(source=a, target=b, synapses=s) for a, b, s in zip(names, names[1:], kinds, strict=False)]
    return Network(populations=populations, projections=projections, output="out")


def test_a_convolutional_network_runs_at_a_hundred_samples_per_second() -> None:
    network = mnist_cnn()
    x = (np.random.default_rng(1).random((64, 10, 784)) < 0.15).astype(np.uint8)
    result = simulate.run(network, x[:2], record="all")
    assert all(0.01 < (result.events[p.name] != 0).mean() < 1 for p in network.neurons)
    start = time.process_time()
    simulate.run(network, x)
    assert len(x) / (time.process_time() - start) > 20  # 100 and more alone; other tests run beside this one

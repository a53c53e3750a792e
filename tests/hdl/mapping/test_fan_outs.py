"""What the memories of the event-stationary order say, read by a small interpreter of their layouts, is the matrix."""

from collections import Counter
from functools import reduce
from math import prod

import numpy as np
import pytest

from small import neuron
from spikeloom.golden.network import Convolution, Dense, Network, OneToOne, Population, Projection, Sparse, Window
from spikeloom.golden.synapses import to_dense
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.layouts import Tables
from spikeloom.hdl.mapping import fan_outs, map_network
from spikeloom.hdl.parameters import covering
from spikeloom.sim.drawn.synapses import padding_of, synapses_of

BITS = 5


def window(rng, source):
    """Any window over a source (C, H, W), groups, depthwise and pooling included."""
    channels = source[0]
    groups = int(rng.choice([k for k in range(1, channels + 1) if channels % k == 0]))
    groups = int(rng.choice([1, groups, channels]))
    padding, dilation = padding_of(rng, source, crop=rng.random() < 0.3), rng.integers(1, 4, 2)
    reach = np.array(source[1:]) + padding.sum(1)
    taps = [int(rng.integers(1, 1 + min(4, 1 + (r - 1) // d))) for r, d in zip(reach, dilation, strict=True)]
    out = groups * int(rng.choice([1, 1, 2, 4, 8] if groups < 8 else [1, 1, 2]))
    return Window(
        source=source,
        kernel=(out, channels // groups, *taps),
        stride=tuple(rng.integers(1, 5, 2).tolist()),
        padding=tuple(map(tuple, padding.tolist())),
        dilation=tuple(dilation.tolist()),
        groups=groups,
    )


def convolution(rng, source, late=False):
    made = window(rng, source)
    weights = rng.integers(-1 << BITS - 1, 1 << BITS - 1, made.kernel)
    if rng.random() < 0.4:  # neighbours alike, as after pooling
        fold = rng.integers(1, 5, 2)
        weights = weights[:, :, np.arange(made.kernel[2])[:, None] // fold[0], np.arange(made.kernel[3]) // fold[1]]
    delays = rng.integers(0, 4, made.kernel) if late else None
    return Convolution(window=made, weights=weights, bits=BITS, delays=delays)


def draw(seed):
    """Input to middle to output; the middle is the target of a convolution, whose channels lie side by side."""
    rng = np.random.default_rng(seed)

    def weights(shape):
        return rng.integers(-1 << BITS - 1, 1 << BITS - 1, shape)

    def any_kind(shape, source):
        kinds = ["dense", "sparse", "convolution", "convolution", "convolution"]
        name = str(rng.choice(kinds + (["one-to-one"] if shape[0] == shape[1] else [])))
        if name == "convolution":
            return convolution(rng, source, late=rng.random() < 0.15)
        return synapses_of(name, rng, weights, BITS, shape, most=int(rng.choice([0, 0, 3])))

    source = (int(rng.choice([1, 2, 3, 4, 6, 8, 16])), *rng.integers(1, 7, 2).tolist())
    while True:
        first = convolution(rng, source)
        middle = first.window.target
        if prod(middle) <= 600:
            break
    if rng.random() < 0.2:  # the same neurons, seen as other channels
        middle = (prod(middle), 1, 1) if rng.random() < 0.5 else (1, *sorted((middle[0], middle[1] * middle[2])))
    while True:
        second = any_kind((prod(middle), int(rng.integers(1, 40))), middle)
        if second.shape[1] <= 600:
            break
    out = second.shape[1]
    projections = [
        Projection(source="in", target="middle", synapses=first),
        Projection(
            source="middle", target="out", synapses=second, delay=int(rng.integers(2)), shift=int(rng.integers(3))
        ),
    ]
    if rng.random() < 0.5:
        kind = "one-to-one" if rng.random() < 0.5 else "sparse"
        again = synapses_of(kind, rng, weights, BITS, (out, out), most=int(rng.choice([0, 2])))
        projections.append(Projection(source="out", target="out", synapses=again, delay=1))
    if rng.random() < 0.3:
        skip = synapses_of("dense", rng, weights, BITS, (prod(source), out))
        projections.append(Projection(source="in", target="out", synapses=skip))
    sizes = {"in": prod(source), "middle": first.shape[1], "out": out}
    network = Network(
        populations=[
            Population(name=name, shape=(size,), neuron=neuron() if name != "in" else None)
            for name, size in sizes.items()
        ],
        projections=projections,
        output="out",
    )
    order = {f"{j.source} -> {j.target}": "event" for j in projections}
    return network, Configuration.create(lanes=int(rng.choice([1, 2, 4, 8, 16])), order=order)


class Interpreter:
    """Reads a core's images as ``hdl.layouts`` describes them."""

    def __init__(self, mapping, parameters):
        self.mapping, self.p = mapping, parameters.cores[0]
        self.tables, self.s = Tables(self.p), self.p.scatter
        self.images = {k.removeprefix("core0_"): v for k, v in mapping.images(parameters).items()}

    def read(self, name, layout, address):
        word = self.images[name][address]
        found = {}
        for key, field in layout:
            value = word >> field.offset & (1 << field.width) - 1
            signed = getattr(field.shape, "signed", False)
            found[key] = value - (value >> field.width - 1 << field.width) if signed else value
        return found

    def weights(self, row):
        bits, found = self.s.weight_bits, []
        column = 0
        while len(found) < self.p.lanes:
            word = self.images[f"kernels{column}"][row]
            found += [word >> k * bits & (1 << bits) - 1 for k in range(min(self.p.kernel_lanes, self.p.lanes))]
            column += 1
        return [w - (w >> bits - 1 << bits) for w in found[: self.p.lanes]]

    def synapses(self, number, neurons):
        """(neuron's number, row of sums, lane, weight, delay) of the neurons with these numbers in a projection."""
        d, lanes = self.read("fan_outs", self.tables.fan_out, number), self.p.lanes
        wrap = 1 << self.tables.fan_out["row_down"].width
        for n in neurons:
            at = d["places"] + (n // lanes if d["shared"] else n)
            place = self.read("places", self.tables.place, at)
            if not place["valid"]:
                continue
            first = place["weights"]
            if d["listed"]:
                for k in range(place["row"] + 1):
                    s = self.read("synapses", self.tables.synapse, first + k)
                    yield n, s["row"], s.get("lane", 0), s["weight"], s.get("delay", 0)
                continue
            own = n % lanes
            if d["shared"] and not d["single"]:
                first += own
            for y in range(place["down"] + 1):
                for x in range(place["across"] + 1):
                    for group in range(d["groups"] + 1):
                        row = place["row"] + y * d["row_down"] + x * d["row_across"] + group
                        weights = first + y * d["weights_down"] + x * d["weights_across"] + group * d["weights_group"]
                        for lane, weight in enumerate(self.weights(weights)):
                            if not d["single"] or lane == own:
                                yield n, row % wrap, lane, weight, 0


def check(network, configuration, parameters=None):
    """Every projection of the mapping against its matrix; how each is stored."""
    mapping = map_network(network, configuration)
    reader = Interpreter(mapping, parameters or mapping.parameters)
    events = [r for r in mapping.readers if r.event]
    assert len([r for r in events if r.projection]) == len(network.projections)
    stored = []
    for number, r in enumerate(events):
        if not r.projection:
            continue
        source, target = mapping.by_name[r.source], mapping.by_name[r.target]
        weights, delays = to_dense(r.projection.synapses)
        numbers = np.ix_(source.to_hardware(np.arange(source.size)), target.to_hardware(np.arange(target.size)))
        shape = (source.numbers, target.groups(reader.p.lanes) * reader.p.lanes)
        found, late, times = (np.zeros(shape, int) for _ in range(3))
        neurons = sorted(source.to_hardware(np.arange(source.size)).tolist())
        for n, row, lane, weight, delay in reader.synapses(number, neurons):
            if not weight:
                continue
            at = n, row * reader.p.lanes + lane
            found[at] += weight
            late[at] = delay
            times[at] += 1
        expected = np.zeros(shape, int)
        expected[numbers] = weights << r.projection.shift
        assert (found == expected).all(), f"{r.projection} as {mapping.fan_outs[r]}"
        assert times.max() <= 1, "a synapse twice"
        assert (late[numbers] + r.delay == delays + r.projection.delay)[weights != 0].all()
        made = mapping.fan_outs[r]
        kind = "list" if made.listed else "shared" if made.shared else "each"
        stored.append((r.projection.synapses.kind, kind, made.single))
        folded = getattr(r.projection.synapses, "window", None) and not made.listed
        if folded and made.weights.size < np.count_nonzero(r.projection.synapses.weights):
            stored.append(("convolution", "folded", False))
    return stored


def test_the_memories_hold_the_matrices():
    stored, delayed, cropped, lanes = Counter(), 0, 0, set()
    for seed in range(250):
        network, configuration = draw(seed)
        stored.update(check(network, configuration))
        delayed += sum(j.synapses.delays is not None for j in network.projections)
        windows = [j.synapses.window for j in network.projections if isinstance(j.synapses, Convolution)]
        cropped += sum(np.min(w.padding) < 0 for w in windows)
        lanes.add(configuration.lanes)
    assert lanes == {1, 2, 4, 8, 16} and delayed > 40 and cropped > 60
    for kind, count in {
        ("convolution", "each", False): 100,
        ("convolution", "shared", False): 15,
        ("convolution", "shared", True): 5,
        ("convolution", "folded", False): 5,
        ("convolution", "list", False): 5,
        ("dense", "shared", False): 10,
        ("dense", "list", False): 5,
        ("sparse", "list", False): 40,
        ("one-to-one", "shared", True): 10,
        ("one-to-one", "list", False): 10,
    }.items():
        assert stored[kind] >= count, (kind, stored)


def test_in_hardware_that_covers_several_networks():
    drawn = [draw(seed) for seed in range(400, 440)]
    for lanes in (1, 4, 16):
        mine = [(n, c.model_copy(update={"lanes": lanes})) for n, c in drawn[lanes % 3 :: 3]]
        common = reduce(covering, (map_network(*pair).parameters for pair in mine))
        for pair in mine:
            check(*pair, parameters=common)


FAULTS = {
    "the first tap": lambda axis: {"first": axis.first + 1},
    "the first target": lambda axis: {"target": axis.target + 1},
    "the step between taps": lambda axis: {"step": axis.step + 1},
    "the step between targets": lambda axis: {"back": axis.back + 1},
    "the number of taps": lambda axis: {"count": np.maximum(axis.count - 1, 0)},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_loop_is_noticed(fault, monkeypatch):
    of = fan_outs._Axis.of

    def wrong(*arguments):
        axis = of(*arguments)
        changed = {name: getattr(axis, name) for name in ("first", "count", "target", "step", "back", "fold")}
        return fan_outs._Axis(**changed | FAULTS[fault](axis))

    monkeypatch.setattr(fan_outs._Axis, "of", wrong)
    with pytest.raises((AssertionError, IndexError, ValueError)):
        for seed in range(10):
            check(*draw(seed))


def test_by_hand():
    """A kernel of three over four places, two lanes: where each source neuron's taps begin, and how many there are."""
    made = Window(source=(1, 4), kernel=(2, 1, 3), stride=(1,), padding=((1, 1),), dilation=(1,))
    synapses = Convolution(window=made, weights=np.arange(1, 7).reshape(2, 1, 3), bits=BITS)
    j = Projection(source="in", target="out", synapses=synapses)
    network = Network(
        populations=[Population(name="in", shape=(4,)), Population(name="out", shape=(8,), neuron=neuron())],
        projections=[j],
        output="out",
    )
    mapping = map_network(network, Configuration.create(lanes=2))
    (found,) = mapping.fan_outs.values()
    assert found.weights.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert {name: found.places[name].tolist() for name in ("weights", "row", "across", "down")} == {
        "weights": [0, 0, 0, 1],
        "row": [1, 2, 3, 3],
        "across": [1, 2, 2, 1],
        "down": [0, 0, 0, 0],
    }
    assert (found.steps["weights_across"], found.steps["row_across"], found.groups) == (1, -1, 1)


def test_kinds_of_the_same_matrix_have_the_same_sums_in_the_worst_case():
    """One neuron's fan-in is what is counted, not what happens to be stored."""
    made = Window(source=(2, 6), kernel=(4, 2, 3), stride=(2,), padding=((1, 1),), dilation=(1,))
    synapses = Convolution(window=made, weights=np.ones(made.kernel, int), bits=BITS)
    matrix, _ = to_dense(synapses)
    sources, targets = matrix.nonzero()
    assert fan_outs.fan_in(Projection(source="a", target="b", synapses=synapses)) == matrix.astype(bool).sum(0).max()
    listed = Sparse.of(sources, targets, matrix[sources, targets], shape=matrix.shape, bits=BITS)
    assert fan_outs.fan_in(Projection(source="a", target="b", synapses=listed)) == 6
    one = OneToOne(neurons=4, weights=np.array(1), bits=2)
    assert fan_outs.fan_in(Projection(source="a", target="b", synapses=one)) == 1
    dense = Dense(weights=matrix, bits=BITS)
    assert fan_outs.fan_in(Projection(source="a", target="b", synapses=dense)) == 12

"""What each engine did: useful synaptic operations as a plain count finds them, and names that fit."""

import json
from pathlib import Path

import numpy as np
import pytest

import small
import spikeloom
from spikeloom.golden import simulate
from spikeloom.golden.network import (
    Convolution,
    Dense,
    Network,
    OneToOne,
    Population,
    Projection,
    Sparse,
    Window,
)
from spikeloom.golden.synapses import places
from spikeloom.hdl.design import Design
from spikeloom.sim import equivalence
from spikeloom.sim.useful import Useful, fan_outs

STEPS = 9


def window(channels: int, out: int, groups: int, stride: int = 1, kernel: int = 3, size: int = 5) -> Window:
    return Window(
        source=(channels, size, size),
        kernel=(out, channels // groups, kernel, kernel),
        stride=(stride, stride),
        padding=((1, 0), (1, 1)),
        dilation=(1, 1),
        groups=groups,
    )


def kinds() -> dict[str, object]:
    rng = np.random.default_rng(4)

    def convolution(w: Window, **others: object) -> Convolution:
        return Convolution(weights=rng.integers(-3, 7, w.kernel), bits=5, window=w, **others)

    apart = window(4, 4, 4)
    row = Window(source=(2, 9), kernel=(3, 2, 2), stride=(2,), padding=((0, 1),), dilation=(3,), groups=1)
    ends = rng.permutation(20 * 7)[:40]
    lists = {"shape": (20, 7), "bits": 5}
    return {
        "dense": Dense(weights=rng.integers(0, 3, (6, 4)), bits=5),
        "dense late": Dense(weights=np.ones((6, 4), int), bits=5, delays=rng.integers(0, 4, (6, 4))),
        "sparse": Sparse.of(ends // 7, ends % 7, np.ones(40, int), **lists),
        "sparse late": Sparse.of(ends // 7, ends % 7, np.ones(40, int), delays=np.arange(40) % 6, **lists),
        "one": OneToOne(weights=np.array(3), bits=5, neurons=8),
        "one each": OneToOne(weights=np.arange(8), bits=5, neurons=8),
        "convolution": convolution(window(2, 6, 1)),
        "strides": convolution(window(2, 6, 2, stride=3)),
        "depthwise": convolution(apart),
        "depthwise late": convolution(apart, delays=rng.integers(0, 3, apart.kernel)),
        "along a row": convolution(row),
        "source between the strides": convolution(window(1, 1, 1, stride=5, kernel=2)),
    }


@pytest.mark.parametrize("name", kinds())
def test_fan_outs_are_the_synapses_there_are(name):
    synapses = kinds()[name]
    source, _, index = places(synapses)
    late = np.zeros(len(source), int) if synapses.delays is None else synapses.delays.ravel()[index]
    found = fan_outs(synapses)
    assert set(found) == set(late)
    for delay, counts in found.items():
        assert counts.tolist() == np.bincount(source[late == delay], minlength=synapses.shape[0]).tolist()
    assert sum(int(counts.sum()) for counts in found.values()) == len(source) > 0


def depthwise() -> Network:
    """A depthwise convolution with a channel per lane, a convolution of two groups, a list with delays, a matrix."""
    rng = np.random.default_rng(2)
    neuron = small.neuron(threshold=9, subtract=9)
    ends = rng.permutation(120 * 6)[:200]
    wide = Window(
        source=(4, 4, 5),
        kernel=(6, 2, 3, 3),
        stride=(1, 1),
        padding=((1, 1), (1, 1)),
        dilation=(1, 1),
        groups=2,
    )
    late = Sparse.of(ends // 6, ends % 6, rng.integers(1, 9, 200), shape=(120, 6), bits=5, delays=np.arange(200) % 5)
    synapses = {
        ("in", "a", 0): Convolution(weights=rng.integers(0, 7, (4, 1, 3, 3)), bits=5, window=window(4, 4, 4)),
        ("a", "b", 0): Convolution(weights=rng.integers(-1, 7, wide.kernel), bits=5, window=wide),
        ("b", "c", 1): late,
        ("c", "d", 0): Dense(weights=rng.integers(1, 9, (6, 5)), bits=5),
    }
    sizes = {"in": (4, 5, 5), "a": (4, 4, 5), "b": (6, 4, 5), "c": (6,), "d": (5,)}
    return Network(
        populations=[
            Population(name=name, shape=shape, neuron=None if name == "in" else neuron) for name, shape in sizes.items()
        ],
        projections=[Projection(source=a, target=b, delay=d, synapses=s) for (a, b, d), s in synapses.items()],
        output="d",
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A comparison with its folder and its data."""
    place = tmp_path_factory.mktemp("engines")
    x = np.random.default_rng(5).random((2, STEPS, 100)) < 0.3
    spikeloom.generate(depthwise(), output=place / "rtl", config={"lanes": 4})
    np.savez(place / "x.npz", x=x.reshape(2, STEPS, 4, 5, 5))
    return spikeloom.verify(place / "rtl", data=x, output=place / "mismatch"), place, x


def counted(network: Network, x: np.ndarray) -> dict[str, int]:
    """Event by event, synapse by synapse."""
    sent = {**simulate.run(network, x, record="all").events, "in": x}
    found = {"core0": 0, "core0.scatter": 0}
    for j in network.projections:
        source, _, index = places(j.synapses)
        late = np.zeros(len(source), int) if j.synapses.delays is None else j.synapses.delays.ravel()[index]
        engine = "core0" if j.synapses.kind == "dense" else "core0.scatter"
        for step in range(x.shape[1]):
            for one in sent[j.source][:, step]:
                found[engine] += int((one.ravel()[source].astype(bool) & (step + j.delay + late < x.shape[1])).sum())
    return found


def test_useful_operations_are_counted_synapse_by_synapse(report):
    verdict, place, x = report
    assert verdict.ok
    assert verdict.operations == counted(depthwise(), x)
    assert all(verdict.operations.values())
    rows = {name: engine.clocks["rows"] for name, engine in verdict.engines.items()}
    assert verdict.operations["core0.scatter"] < 4 * rows["core0.scatter"], "depthwise rows have one useful lane"
    # A checker that counts every event, also those that arrive too late, sees more.
    design = Design(place / "rtl")
    useful = Useful(design)
    events = simulate.run(design.network, x, record="all").events
    assert useful.count(x, events) == verdict.operations
    longer = {name: np.pad(e, ((0, 0), (0, 6), (0, 0))) for name, e in {**events, "in": x}.items()}
    assert useful.count(longer["in"], longer)["core0.scatter"] > verdict.operations["core0.scatter"]


def test_each_engine_has_names_that_fit(report):
    verdict, *_ = report
    lanes, scatter = verdict.engines.values()
    assert (lanes.order, scatter.order) == ("neuron", "event")
    assert "hand over" in lanes.clocks
    assert "sums taken" in scatter.clocks
    for name, engine in verdict.engines.items():
        raw = {cause: n for cause, n in verdict.activity[name].items() if cause != "span"}
        assert sum(engine.clocks.values()) == sum(raw.values()), "no cause is left out"
        assert engine.rows_per_clock == pytest.approx(raw["rows"] / verdict.activity[name]["span"], abs=1e-4)
        per_lane = engine.operations / verdict.activity[name]["span"] / 4
        assert engine.per_lane == pytest.approx(per_lane, abs=1e-4)
    assert verdict.rows_per_clock == pytest.approx(scatter.rows_per_clock, abs=1e-4), "of the busier"
    document = json.loads(json.dumps(verdict.to_dict(), default=str))
    assert document["engines"]["core0.scatter"]["clocks"]["sums taken"] == scatter.clocks["sums taken"]


def test_commands_print_both_engines_and_what_is_stored(run, report):
    _, place, _ = report
    words = ("verify", place / "rtl", "--data", place / "x.npz", "--samples", "1")
    text = run(*words).stdout
    (line,) = [line for line in text.splitlines() if line.startswith("core0.scatter: ")]
    assert "rows per clock within a step" in line
    assert line.endswith(" useful synaptic operations per lane and clock")
    assert [line for line in text.splitlines() if line.startswith("core0: ")]
    document = run.json(*words)
    assert document["operations"]["core0.scatter"] == document["engines"]["core0.scatter"]["operations"] > 0
    depthwise().save(Path("n.loom"))
    Path("c.yaml").write_text("lanes: 4\n")
    text = run("generate", "n.loom", "-o", "rtl", "--config", "c.yaml").stdout
    assert "in -> a" in text
    assert "kernel" in text
    assert "list" in text
    assert "Logical bits: " in text
    page = spikeloom.report("rtl", data=place / "x.npz", samples=1).output.read_text()
    assert 'data-figure="core0.scatter.per_lane"' in page
    assert "core0.scatter: sums taken" in page
    assert '<table id="stored">' in page
    assert "b -&gt; c" in page


def test_a_network_of_matrices_has_one_engine(loom, tmp_path):
    spikeloom.generate(loom, output=tmp_path / "rtl")
    x = np.random.default_rng(1).random((1, 4, 64)) < 0.2
    verdict = spikeloom.verify(tmp_path / "rtl", data=x)
    (engine,) = verdict.engines.values()
    assert engine.order == "neuron"
    events = simulate.run(Design(tmp_path / "rtl").network, x, record="all").events
    assert engine.operations == 128 * np.count_nonzero(x) + 10 * np.count_nonzero(events["lif1"])
    assert equivalence.CAUSES["neuron"].keys() >= {name for name in verdict.activity["core0"] if name != "span"}

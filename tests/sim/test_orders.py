"""One matrix in every form and in both orders gives the same events; faults in the event-stationary half are found."""

import functools
import json

import numpy as np
import pytest
from amaranth.hdl import Mux

from folders import seal
from planted import plant
from small import neuron
from spikeloom.golden import simulate as golden
from spikeloom.golden.network import Convolution, Dense, Network, OneToOne, Population, Projection, Sparse, Window
from spikeloom.golden.synapses import places, to_dense
from spikeloom.hdl import ring, scatter
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.parameters import covering
from spikeloom.sim.equivalence import simulate, verify

FORMS = ("as it is", "sparse", "dense, by events", "dense, by neurons")
BITS = 5


def window(source, kernel, **options):
    axes = len(source) - 1
    given = {"stride": (1,) * axes, "padding": ((0, 0),) * axes, "dilation": (1,) * axes} | options
    return Window(source=source, kernel=kernel, **given)


#: name -> the windows of a convolution into the first population and of one out of it, or None: one to one.
CASES = {
    "stride and padding": (
        window((2, 5, 4), (4, 2, 3, 3), stride=(2, 1), padding=((1, 1), (1, 0))),
        window((4, 3, 3), (8, 4, 2, 2)),
    ),
    "dilation, and pooling after it": (
        window((2, 6, 4), (4, 2, 2, 3), dilation=(2, 1)),
        window((4, 4, 2), (4, 1, 2, 2), stride=(2, 2), groups=4),
    ),
    "one axis, groups": (
        window((4, 8), (8, 2, 3), padding=((1, 1),), groups=2),
        window((8, 8), (4, 8, 2), stride=(2,)),
    ),
    "one to one": (window((4, 3, 3), (4, 4, 1, 1)), None),
}
DELAYED = {"late": CASES["stride and padding"]}


def drawn(case):
    """Synapses from the input to the middle, and from there to the output."""
    rng = np.random.default_rng(len(case))
    made = []
    for w in (CASES | DELAYED)[case]:
        shape = w.kernel if w else (made[0].shape[1],)
        weights = np.maximum(rng.integers(-12, 16, shape), rng.integers(-12, 16, shape))
        delays = rng.integers(0, 3, shape) if case in DELAYED else None
        options = {"weights": weights, "bits": BITS, "delays": delays}
        made.append(Convolution(window=w, **options) if w else OneToOne(neurons=shape[0], **options))
    return made


def written(synapses, form):
    if form == "as it is":
        return synapses
    weights, delays = to_dense(synapses)
    given = {"bits": synapses.bits}
    if form == "sparse":
        source, target, _ = places(synapses)
        late = {} if synapses.delays is None else {"delays": delays[source, target]}
        return Sparse.of(source, target, weights[source, target], shape=weights.shape, **given, **late)
    return Dense(weights=weights, delays=None if synapses.delays is None else delays, **given)


def network_of(case, form):
    first, second = (written(s, form) for s in drawn(case))
    made = neuron(bits=10, guard=1, threshold=40, subtract=40)
    sizes = {"in": first.shape[0], "middle": first.shape[1], "out": second.shape[1]}
    return Network(
        populations=[
            Population(name=name, shape=(size,), neuron=None if name == "in" else made) for name, size in sizes.items()
        ],
        projections=[
            Projection(source="in", target="middle", synapses=first),
            Projection(source="middle", target="out", synapses=second),
        ],
        output="out",
    )


def configuration_of(form):
    order = {"dense, by events": "event", "dense, by neurons": "neuron"}.get(form, "auto")
    return Configuration.create(lanes=4, units=2, order=order)


def pairs():
    for case in (*CASES, *DELAYED):
        for form in FORMS:
            if not (case in DELAYED and form == "dense, by neurons"):
                yield case, form


@functools.cache
def common():
    """Hardware for all of them."""
    made = (map_network(network_of(*pair), configuration_of(pair[1])).parameters for pair in pairs())
    late = map_network(late_network(), configuration_of("late")).parameters
    return functools.reduce(covering, made, late)


def stimulus(network, samples=3, steps=7):
    return (np.random.default_rng(5).random((samples, steps, network.input.size)) < 0.35).astype(np.int64)


@pytest.mark.parametrize("case", (CASES | DELAYED))
def test_every_form_of_a_matrix_gives_the_same(case, tmp_path):
    events, rows = [], {}
    for form in (form for name, form in pairs() if name == case):
        network = network_of(case, form)
        x = stimulus(network)
        events.append(golden.run(network, x, record="all").events)
        folder = tmp_path / form
        generate(network, configuration_of(form), folder, parameters=common())
        report = verify(folder, x, bulk=True, stalls=form == "sparse", output=tmp_path / "mismatch")
        assert report.ok, f"{form}: {report.verdict}"
        rows[form] = (report.activity["core0"]["rows"], report.activity["core0.scatter"]["rows"])
        assert all(share > 0.2 for share in report.fired.values())
    for other in events[1:]:
        assert all((other[name] == events[0][name]).all() for name in events[0])
    by_events = {form: scattered for form, (_, scattered) in rows.items()}
    assert by_events.pop("dense, by neurons", 0) == 0 < min(by_events.values())
    if case in CASES:
        assert by_events["as it is"] < by_events["sparse"], "a row holds several synapses"
        assert rows["dense, by neurons"][0] > rows["dense, by events"][0], "of the ring, a row per group alone"


@pytest.mark.parametrize("late", [False, True])
def test_a_list_may_be_empty(late, tmp_path):
    """Synapses that all have the weight 0, and a population that its bias alone makes fire."""
    nothing = Dense(weights=np.zeros((3, 5), int), delays=np.full((3, 5), 2) if late else None, bits=2)
    given = nothing if late else written(nothing, "sparse")
    network = Network(
        populations=[Population(name="in", shape=(3,)), Population(name="out", shape=(5,), neuron=neuron(bias=30))],
        projections=[Projection(source="in", target="out", synapses=given)],
        output="out",
    )
    generate(network, Configuration(lanes=4), tmp_path / "design")
    report = verify(tmp_path / "design", stimulus(network), simulator="amaranth", output=tmp_path / "mismatch")
    assert report.ok, report.verdict


# Faults --------------------------------------------------------------------------------------------------------------


def late_network():
    """A convolution, a list without delays, and one with delays, into two populations that share a ring."""
    rng = np.random.default_rng(4)
    made = window((2, 4), (4, 2, 3), padding=((1, 1),))
    convolved = Convolution(window=made, weights=rng.integers(-4, 12, made.kernel), bits=BITS)
    size, out = convolved.shape[1], 6
    matrix = rng.integers(-6, 14, (size, size)) * (rng.random((size, size)) < 0.3)
    loop = Dense(weights=matrix, delays=rng.integers(0, 4, matrix.shape), bits=BITS)
    spikes = neuron(bits=10, guard=1, threshold=30, subtract=30)
    return Network(
        populations=[
            Population(name="in", shape=(8,)),
            Population(name="middle", shape=(size,), neuron=spikes),
            Population(name="out", shape=(out,), neuron=spikes),
        ],
        projections=[
            Projection(source="in", target="middle", synapses=convolved),
            Projection(source="middle", target="middle", synapses=loop, delay=1),
            Projection(
                source="in",
                target="out",
                synapses=written(Dense(weights=rng.integers(-4, 12, (8, out)), bits=BITS), "sparse"),
            ),
        ],
        output="out",
    )


@pytest.fixture
def late(tmp_path):
    """On the smallest hardware for it, and on that which all tests here share."""
    network = late_network()
    generate(network, configuration_of("late"), tmp_path / "own")
    generate(network, configuration_of("late"), tmp_path / "shared", parameters=common())
    return network, stimulus(network, samples=2, steps=5)


def right(network, x, folder):
    """One run on Amaranth's simulator, compared with golden."""
    found, expected = simulate(folder, x, simulator="amaranth"), golden.run(network, x, record="all")
    return all((found.events[name] == expected.events[name]).all() for name in expected.events)


def test_without_a_fault_it_is_right(late, tmp_path):
    network, x = late
    assert right(network, x, tmp_path / "own")
    report = verify(tmp_path / "shared", x, bulk=True, output=tmp_path / "mismatch")
    assert report.ok, report.verdict
    assert report.activity["core0.scatter"]["rows"] > 300 and report.activity["core0.scatter"]["hand_over"] > 3
    assert min(report.fired.values()) > 0.4


def no_forwarding(distance):
    def fault(m, dut, signals):
        m.d.sync += signals[f"same{distance - 1}"].eq(0)

    return ring, "Ring", fault


def never_around(m, dut, signals):
    m.d.sync += signals["around"].eq(0)


def a_step_too_late(m, dut, signals):
    """The end of a sample, for what has a delay."""
    limit = dut.scheduler.o.payload.group.delay_limit
    with m.If(dut.scheduler.o.valid & dut.scheduler.o.ready):
        m.d.sync += signals["job"].group.delay_limit.eq(Mux(limit.all(), limit, limit + 1))


def what_is_taken_is_not_held(m, dut, signals):
    m.d.comb += dut.fan_out.hold.eq(0)


FAULTS = {
    "not forwarded": no_forwarding(1),
    "never around the ring": (scatter, "Scatter", never_around),
    "the sample's end": (scatter, "Scatter", a_step_too_late),
    "rows come while sums are taken": (scatter, "Scatter", what_is_taken_is_not_held),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_component_is_found(fault, late, tmp_path, monkeypatch):
    plant(monkeypatch, *FAULTS[fault])
    assert not right(*late, tmp_path / "own")


IMAGES = {
    ("scatter_rings", "end"): -1,
    ("scatter_rings", "size"): 1,
    ("scatter_rings", "last"): -1,
    ("places", "weights"): 1,
    ("places", "row"): 1,
    ("places", "across"): -1,
    ("fan_outs", "row_across"): 1,
    ("fan_outs", "weights_across"): 1,
    ("synapses", "delay"): 1,
    ("synapses", "lane"): 1,
    ("synapses", "row"): 1,
    ("kernels0", "0"): 1,
}


@pytest.mark.parametrize(("memory", "field"), IMAGES)
def test_a_wrong_word_is_found(memory, field, late, tmp_path):
    """Each field of the tables counts: another value in all words that have one is a difference."""
    folder, (_, x) = tmp_path / "shared", late
    design = Design(folder)
    about = design.memories[f"core0.{memory}"]
    low, bits = about["fields"][field]
    name, start = next((name, start) for name, start, width in about["images"] if start <= low < start + width)
    low, mask, image = low - start, (1 << bits) - 1, folder / name
    before = image.read_text()

    def changed(word):
        value = word >> low & mask
        return word & ~(mask << low) | (value + IMAGES[memory, field] & mask) << low if word else word

    text = "\n".join(f"{changed(int(word, 16)):x}" for word in before.split()) + "\n"
    assert text != before
    image.write_text(text)
    seal(folder, json.loads((folder / "manifest.json").read_text()))
    assert not verify(folder, x, bulk=True, output=tmp_path / "mismatch").ok

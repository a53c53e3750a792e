"""The integer network as data: what it refuses, and that a file gives back what was saved."""

import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from spikeloom.golden.network import (
    Convolution,
    Dense,
    Network,
    Neuron,
    OneToOne,
    Population,
    Projection,
    Refusal,
    Sparse,
    Window,
    loom,
)
from spikeloom.sim.drawn import strategies
from spikeloom.sim.drawn.synapses import KINDS

NEURON = Neuron(model="lif", states={"v": 8}, parameters={"threshold": 3}, options={})
IN, OUT = Population(name="in", shape=(2,)), Population(name="out", shape=(3,), neuron=NEURON)
EDGE = Projection(source="in", target="out", synapses=Dense(weights=np.ones((2, 3), int), bits=2))


def back(delay: int) -> Projection:
    return Projection(source="out", target="out", synapses=Dense(weights=np.ones((3, 3), int), bits=2), delay=delay)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(network=strategies.networks(kinds=KINDS, synapse_delays=2))
def test_saved_and_loaded_is_equal(network: Network, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("loom")
    network.save(folder / "a.loom")
    loaded = Network.load(folder / "a.loom")
    assert loaded.hash == network.hash
    assert [p.name for p in loaded.neurons] == [p.name for p in network.neurons]
    loaded.save(folder / "b.loom")
    assert (folder / "a.loom").read_bytes() == (folder / "b.loom").read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["a.loom", "b.loom"]


def test_hash_is_of_behaviour() -> None:
    base = Network(populations=(IN, OUT), projections=(EDGE,), output="out")
    assert base.hash == Network(populations=(IN, OUT), projections=(EDGE,), output="out", origin={"a": 1}).hash
    other = Dense(weights=[[1, 1, 1], [1, 1, 0]], bits=2)
    changed = [
        Network(populations=(IN, OUT), projections=(EDGE,), output="out", output_delay=1),
        Network(populations=(IN, OUT), projections=(EDGE, back(1)), output="out"),
        Network(
            populations=(IN, OUT), projections=(Projection(source="in", target="out", synapses=other),), output="out"
        ),
    ]
    assert len({base.hash, *(network.hash for network in changed)}) == 4


def test_is_immutable() -> None:
    with pytest.raises(ValueError, match="read-only"):
        EDGE.synapses.weights[0, 0] = 0
    with pytest.raises(TypeError):
        NEURON.parameters["threshold"] = np.array(1)


REFUSED = [
    (
        lambda: Population(name="a\x1b[2J", shape=(1,)),
        r"A population's name must not have control characters, as 'a\x1b[2J' has; rename it",
    ),
    (lambda: Population(name="", shape=(1,)), "A population's name must have 1..200 characters, not 0"),
    (lambda: Population(name="a", shape=()), "Population 'a': shape must have positive sizes, not ()"),
    (lambda: Population(name="a", shape=(0,)), "Population 'a': shape must have positive sizes, not (0,)"),
    (lambda: Population(name="a", shape=5), "Population 'a': shape must have positive sizes, not 5"),
    (lambda: Population(name="a", shape=(2.5,)), "Population 'a': shape must have positive sizes, not (2.5,)"),
    (lambda: Population(name="a", shape=(1,), value_bits=17), "Population 'a': value_bits must be in 1..16, not 17"),
    (lambda: Population(name="a", shape=(1,), value_bits=8.0), "Population 'a': value_bits must be in 1..16, not 8.0"),
    (lambda: replace(EDGE, delay=1.0), "Projection 'in' to 'out': delay must be in 0..255 steps, not 1.0"),
    (lambda: replace(EDGE, shift=True), "Projection 'in' to 'out': shift must be in 0..15, not True"),
    (lambda: replace(EDGE.synapses, bits=4.0), "Weights must have 2..16 bits, not 4.0"),
    (lambda: Neuron(model="lif", states={"v": 49}, parameters={}, options={}),
     "State 'v' must have 1..48 bits, not 49"),
    (lambda: Neuron(model="lif", states={}, parameters={"k": 0.5}, options={}),
     "Parameter 'k' must be integers, not float64"),
    (lambda: Population(name="a", shape=(2,),
                        neuron=Neuron(model="m", states={}, parameters={"k": [1, 2, 3]}, options={})),
     "Population 'a': parameter 'k' must be one integer or 2, not shape (3,)"),
    (lambda: Dense(weights=[1], bits=8), "Dense weights must have shape (source, target), not (1,)"),
    (lambda: Dense(weights=[[1.0]], bits=8), "Weights must be integers, not float64"),
    (lambda: Dense(weights=[[1, 2], [1]], bits=8), "Weights must be integers in rows of one length"),
    (lambda: Dense(weights=np.array([[1 << 63]], np.uint64), bits=8),
     "Weights must be integers of 64 bits, not 9223372036854775808"),
    (lambda: Dense(weights=[[1]], bits=1), "Weights must have 2..16 bits, not 1"),
    (lambda: Dense(weights=[[8]], bits=4), "Weights of 4 bits must be in -8..7, not 8..8"),
    (lambda: back(256), "Projection 'out' to 'out': delay must be in 0..255 steps, not 256"),
    (lambda: Projection(source="in", target="out", synapses=EDGE.synapses, shift=16),
     "Projection 'in' to 'out': shift must be in 0..15, not 16"),
    (lambda: Network(populations=(IN, OUT, OUT), projections=(), output="out"),
     "Population names must differ; more than one is called 'out'"),
    (lambda: Network(populations=(OUT,), projections=(), output="out"),
     "A network must have exactly one input population, not 0"),
    (lambda: Network(populations=(IN, OUT), projections=(), output="in"),
     "The output 'in' is not a population of neurons"),
    (lambda: Network(populations=(IN, OUT), projections=(), output="out", output_delay=-1),
     "output_delay must be in 0..255 steps, not -1"),
    (lambda: Network(populations=(IN, OUT), output="out",
                     projections=(Projection(source="no", target="out", synapses=EDGE.synapses),)),
     "Projection 'no' to 'out': there is no population 'no'"),
    (lambda: Network(populations=(IN, OUT), output="out",
                     projections=(Projection(source="out", target="in", synapses=EDGE.synapses),)),
     "Projection 'out' to 'in': the input receives no projections"),
    (lambda: Network(populations=(IN, OUT), output="out",
                     projections=(Projection(source="out", target="out", synapses=EDGE.synapses),)),
     "Projection 'out' to 'out': synapses must have shape (3, 3), not (2, 3)"),
    (lambda: Network(populations=(IN, OUT), projections=(EDGE, back(0)), output="out"),
     "A cycle of projections has no delay; it goes through 'out'"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_refused(make, message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        make()
    assert str(refusal.value) == message


def change(path: Path, name: str, content: bytes | None) -> None:
    """Replace a member of a saved network, or leave it out."""
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for n, old in members.items():
            if n != name or content is not None:
                archive.writestr(n, content if n == name else old)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def kinds() -> Network:
    """A network with every kind of synapses, all with delays."""
    populations = [IN] + [Population(name=n, shape=(3,), neuron=NEURON) for n in ("a", "b", "c", "out")]
    window = Window(source=(1, 2), kernel=(1, 1, 2), stride=(1,), padding=((1, 1),), dilation=(1,))
    made = [
        Convolution(weights=[[[1, -2]]], bits=3, window=window, delays=[[[0, 1]]]),
        OneToOne(weights=[1, 2, 3], bits=4, neurons=3, delays=[3, 2, 1]),
        Sparse.of([0, 2], [1, 0], [1, -1], shape=(3, 3), bits=2, delays=[1, 0]),
        Dense(weights=np.ones((3, 3), int), bits=2, delays=np.eye(3, dtype=int)),
    ]
    names = [p.name for p in populations]
    return Network(
        populations=populations,
        projections=[
            Projection(source=a, target=b, synapses=s) for a, b, s in zip(names, names[1:], made, strict=False)
        ],
        output="out",
    )


def test_the_format_rises_only_where_it_must(tmp_path: Path) -> None:
    """A network of matrices is written as before, and has the name that it had."""
    plain, every = Network(populations=(IN, OUT), projections=(EDGE,), output="out"), kinds()
    assert plain.hash == "86be192a13e6041e8c7584366d60143b8a9e5b50ccda8ad889a0d3967af0ee8f"
    for network, form in ((plain, 1), (every, 2)):
        network.save(tmp_path / "a.loom")
        with zipfile.ZipFile(tmp_path / "a.loom") as archive:
            assert json.loads(archive.read("network.json"))["format"] == form
        assert Network.load(tmp_path / "a.loom").hash == network.hash
    assert [p.synapses.kind for p in every.projections] == ["convolution", "one-to-one", "sparse", "dense"]


def said(change) -> bytes:
    """The document of :func:`kinds`, changed."""
    document = loom.document(kinds())[0]
    change([projection["synapses"] for projection in document["projections"]])
    return json.dumps(document).encode()


HOSTILE = [
    ("network.json", said(lambda s: s[0].update(kind="magic")),
     "Projection 'in' to 'a': unknown synapse kind 'magic'; a newer version may read it"),
    ("network.json", said(lambda s: s[0].update(padding=[[1 << 60, 0]])),
     "Projection 'in' to 'a': Convolution: padding must be 2 integers in -1..33554432, not 1152921504606846976, 0"),
    ("network.json", said(lambda s: s[0].update(stride=[0])),
     "Projection 'in' to 'a': Convolution: stride must be 1 integer in 1..33554432, not 0"),
    ("network.json", said(lambda s: s[0].update(stride=["1"])),
     "Projection 'in' to 'a': Convolution: stride must be 1 integer in 1..33554432, not 1"),
    ("network.json", said(lambda s: s[0].update(source=[1, 1 << 24])),
     "Projection 'in' to 'a': synapses must have shape (2, 3), not (16777216, 16777217)"),
    ("network.json", said(lambda s: s[0].update(groups=2)),
     "Projection 'in' to 'a': Convolution: 2 groups do not divide 1 input channels and 1 output channels"),
    ("network.json", said(lambda s: s[0].pop("dilation")), "damaged .loom file; convert the network again"),
    ("network.json", said(lambda s: s[1].update(neurons=1 << 40)),
     "Projection 'a' to 'b': One-to-one synapses: neurons must be 1 integer in 1..33554432, not 1099511627776"),
    ("network.json", said(lambda s: s[2].update(neurons=1)),
     "Projection 'b' to 'c': Sparse synapses: the one from 0 to 1 dangles: there is no target 1, only 0..0; leave it "
     "out"),
    ("projection2.targets.npy", np.array([1, 7]),
     "Projection 'b' to 'c': Sparse synapses: the one from 2 to 7 dangles: there is no target 7, only 0..2; leave it "
     "out"),
    ("projection2.rows.npy", np.array([0, 2, 2, 2]),
     "Projection 'b' to 'c': Sparse synapses: the targets of source 0 must rise; use Sparse.of"),
    ("projection2.rows.npy", np.array([0, 9, 9, 2]),
     "Projection 'b' to 'c': Rows of sparse synapses must rise from 0 to the 2 synapses"),
    ("projection2.rows.npy", np.array([0.0, 1, 1, 2]), "Projection 'b' to 'c': Rows must be integers, not float64"),
    ("projection0.delays.npy", np.array([[[0, 256]]]),
     "Projection 'in' to 'a': Delays of synapses must be in 0..255 steps, not 0..256"),
    ("projection1.delays.npy", np.array([1, 2]),
     "Projection 'a' to 'b': Delays of synapses must have the shape of the weights (3,), not (2,)"),
    ("projection3.delays.npy", np.zeros((3, 3), int),
     "damaged .loom file (its content does not match its hash); convert the network again"),
]  # fmt: skip


@pytest.mark.parametrize(("member", "content", "message"), HOSTILE)
def test_hostile_synapses(tmp_path: Path, member: str, content: bytes | np.ndarray, message: str) -> None:
    path = tmp_path / "a.loom"
    kinds().save(path)
    change(path, member, content if isinstance(content, bytes) else npy(content))
    with pytest.raises(Refusal) as refusal:
        Network.load(path)
    assert str(refusal.value) == f"{path}: {message}"


DAMAGED = "damaged .loom file; convert the network again"
FILES = [
    ("network.json", None, "not a .loom file that 'spikeloom convert' wrote"),
    ("network.json", b"{", DAMAGED),
    ("network.json", b"[]", "not a .loom file that 'spikeloom convert' wrote"),
    ("network.json", b'{"format": 1, "populations": [[]]}', DAMAGED),
    ("network.json", json.dumps({"format": 99}).encode(), "format 99 is not 1 or 2; convert the network again"),
    ("projection0.weights.npy", None, DAMAGED),
    ("projection0.weights.npy", npy(np.zeros((2, 3), int)),
     "damaged .loom file (its content does not match its hash); convert the network again"),
    ("projection0.weights.npy", npy(np.zeros((2, 2), int)),
     "Projection 'in' to 'out': synapses must have shape (2, 3), not (2, 2)"),
    ("projection0.weights.npy", npy(np.array([[None] * 3] * 2)), DAMAGED),
    ("projection0.weights.npy", pickle.dumps([1]), DAMAGED),
]  # fmt: skip


@pytest.mark.parametrize(("member", "content", "message"), FILES)
def test_broken_files(tmp_path: Path, member: str, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.loom"
    Network(populations=(IN, OUT), projections=(EDGE,), output="out").save(path)
    assert Network.load(path).output == "out"
    change(path, member, content)
    with pytest.raises(Refusal) as refusal:
        Network.load(path)
    assert str(refusal.value) == f"{path}: {message}"


def test_not_a_loom_file(tmp_path: Path) -> None:
    path = tmp_path / "a.loom"
    with pytest.raises(Refusal, match="there is no such file$"):
        Network.load(path)
    with pytest.raises(Refusal, match=r": cannot be read \(Is a directory\)$"):
        Network.load(tmp_path)
    path.write_text("no")
    with pytest.raises(Refusal, match=r": not a \.loom file that 'spikeloom convert' wrote$"):
        Network.load(path)
    np.savez(tmp_path / "a.npz", x=np.zeros((1, 1, 1)))
    with pytest.raises(Refusal, match=r": not a \.loom file that 'spikeloom convert' wrote$"):
        Network.load(tmp_path / "a.npz")
    Network(populations=(IN, OUT), projections=(EDGE,), output="out").save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Refusal, match=r"not a \.loom file"):
        Network.load(path)
    rng, refused = np.random.default_rng(0), 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            Network.load(path)
        except Refusal:
            refused += 1
    assert refused > 100


def test_an_unwritable_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Network(populations=(IN, OUT), projections=(EDGE,), output="out").save(tmp_path / "no" / "a.loom")
    assert list(tmp_path.iterdir()) == []


def test_a_file_from_before_there_were_other_kinds(tmp_path: Path) -> None:
    """The packaged network ``delays``, written when all synapses were matrices."""
    old = Path(__file__).parents[1] / "data" / "delays-format1.loom"
    network = Network.load(old)
    assert network.hash == "44dc43c369d784acf8dc0889864622e3fa8f452393e285cfbc185124ba3b9c66"
    network.save(tmp_path / "a.loom")
    with zipfile.ZipFile(old) as before, zipfile.ZipFile(tmp_path / "a.loom") as after:
        assert before.namelist() == after.namelist()
        assert all(before.read(name) == after.read(name) for name in before.namelist())

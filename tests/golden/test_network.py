"""The integer network as data: what it refuses, and that a file gives back what was saved."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import strategies
from spikeloom.golden.network import Dense, Network, Neuron, Population, Projection, Refusal

NEURON = Neuron(model="lif", states={"v": 8}, parameters={"threshold": 3}, options={})
IN, OUT = Population(name="in", shape=(2,)), Population(name="out", shape=(3,), neuron=NEURON)
EDGE = Projection(source="in", target="out", synapses=Dense(weights=np.ones((2, 3), int), bits=2))


def back(delay: int) -> Projection:
    return Projection(source="out", target="out", synapses=Dense(weights=np.ones((3, 3), int), bits=2), delay=delay)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(network=strategies.networks())
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
    (lambda: Population(name="a", shape=(1,), value_bits=17), "Population 'a': value_bits must be in 1..16, not 17"),
    (lambda: Neuron(model="lif", states={"v": 49}, parameters={}, options={}),
     "State 'v' must have 1..48 bits, not 49"),
    (lambda: Neuron(model="lif", states={}, parameters={"k": 0.5}, options={}),
     "Parameter 'k' must be integers, not float64"),
    (lambda: Population(name="a", shape=(2,),
                        neuron=Neuron(model="m", states={}, parameters={"k": [1, 2, 3]}, options={})),
     "Population 'a': parameter 'k' must be one integer or 2, not shape (3,)"),
    (lambda: Dense(weights=[1], bits=8), "Dense weights must have shape (source, target), not (1,)"),
    (lambda: Dense(weights=[[1.0]], bits=8), "Weights must be integers, not float64"),
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


DAMAGED = "damaged .loom file; convert the network again"
FILES = [
    ("network.json", None, "not a .loom file that 'spikeloom convert' wrote"),
    ("network.json", b"{", DAMAGED),
    ("network.json", b"[]", "not a .loom file that 'spikeloom convert' wrote"),
    ("network.json", b'{"format": 1, "populations": [[]]}', DAMAGED),
    ("network.json", json.dumps({"format": 99}).encode(), "format 99 is not 1; convert the network again"),
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

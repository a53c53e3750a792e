"""A generated folder as something to drive: where the states of neurons are, whatever numbers they have there."""

import json
import os
import shutil

import numpy as np
import pytest

from folders import seal
from small import network
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network

CONFIGURATION = Configuration.create(lanes=4, units=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """With room in its memories for more neurons than it has."""
    path = tmp_path_factory.mktemp("design") / "rtl"
    room = map_network(network((8, 16, 9)), CONFIGURATION).parameters
    generate(network((6, 12, 9)), CONFIGURATION, path, parameters=room)
    return path


@pytest.fixture
def folder(made, tmp_path):
    """One to change."""
    return shutil.copytree(made, tmp_path / "rtl")


def numbered(folder, **changes):
    """The design after changes to sources of its manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, change in changes.items():
        next(source for source in manifest["sources"] if source["name"] == name).update(change)
    seal(folder, manifest)
    return Design(folder)


def same(size):
    return {"channels": size, "padded": size}


@pytest.mark.parametrize(
    ("size", "channels", "padded"), [(12, 12, 12), (12, 12, 16), (12, 3, 4), (12, 4, 4), (10, 5, 6), (9, 3, 5)]
)
def test_states_are_in_the_order_of_the_integer_model(folder, size, channels, padded):
    positions, second = size // channels, 8
    layer1 = {"size": size, "channels": channels, "padded": padded, "unit_base": 0}
    design = numbered(folder, layer1=layer1, layer2=same(9) | {"unit_base": second})
    rng = np.random.default_rng(channels)
    chip, expected = {}, {"layer1": np.zeros(size, int), "layer2": np.zeros(9, int)}
    for memory in (design.memories[f"core0.state{unit}"] for unit in range(2)):
        for entry in range(memory["entries"]):
            chip[memory["base"] + entry * memory["stride"]] = int(rng.integers(1 << 12))

    def store(name, neuron, number, base):
        memory = design.memories[f"core0.state{number % 2}"]
        assert base + number // 2 < memory["entries"]
        word = chip[memory["base"] + (base + number // 2) * memory["stride"]]
        expected[name][neuron] = word - (word >> 11 << 12)

    for neuron in range(size):
        channel, position = divmod(neuron, positions)
        store("layer1", neuron, position * padded + channel, 0)
    for neuron in range(9):
        store("layer2", neuron, neuron, second)
    addresses = design.state_addresses()
    assert len(addresses) == len(set(addresses)) == positions * padded + 9
    states = design.states(np.array([chip[address] for address in addresses], np.uint32))
    assert states.keys() == expected.keys()
    for name, values in expected.items():
        assert states[name].keys() == {"v"} and len(set(values)) > 5
        assert (states[name]["v"] == values).all(), name


@pytest.mark.parametrize(
    ("change", "kind"),
    [({"channels": 5}, "ValueError"), ({"padded": 11}, "ValueError"), ({"channels": "12"}, "TypeError")],
)
def test_numbers_that_cannot_be_are_damage(folder, change, kind):
    with pytest.raises(Refusal, match=rf"manifest.json: damaged \({kind}\); generate the folder again"):
        numbered(folder, layer1={"size": 12} | same(12) | change)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda memory: memory.update(words=1 << 40), r"damaged \(ValueError\)"),
        (lambda memory: memory.update(entries=1 << 40), r"damaged \(ValueError\)"),
        (lambda memory: memory["images"][0].__setitem__(0, "../x"), r"damaged \(ValueError\)"),
        (lambda memory: memory.update(entries=9999), r"is not 9999 numbers of \d+ bits; generate the folder again"),
    ],
)
def test_memories_that_cannot_be_are_damage(folder, change, text):
    manifest = json.loads((folder / "manifest.json").read_text())
    memory = next(m for m in manifest["map"]["memories"] if m["images"])
    change(memory)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Refusal, match=text):
        Design(folder).contents(memory["name"])


@pytest.mark.parametrize("content", [b"xyz\n", b"\xff\n", b"-1\n", b"fffffffff\n"])
def test_an_image_that_is_none_is_refused(folder, content):
    manifest = json.loads((folder / "manifest.json").read_text())
    memory = next(m for m in manifest["map"]["memories"] if m["images"])
    image = folder / memory["images"][0][0]
    image.write_bytes(content * memory["entries"])
    seal(folder, manifest)
    with pytest.raises(Refusal, match=rf"{image.name}: is not \d+ numbers of \d+ bits; generate the folder again"):
        Design(folder).contents(memory["name"])


def test_a_manifest_that_is_a_pipe_is_not_waited_for(folder):
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")
    with pytest.raises(Refusal, match=r"manifest.json: too large to be a manifest, or no file$"):
        Design(folder)

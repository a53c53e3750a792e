"""Mapping files: made, drawn, taken by other commands, and refused with one message."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml

import small
import spikeloom
from spikeloom.hdl.configuration import Configuration

HOSTILE = '<script>alert("1")</script>'


@pytest.fixture
def loom(run):
    network = small.network(sizes=(20, 48, 32, 6))
    network.save(Path("net.loom"))
    return network


def test_a_mapping_is_written_shown_and_used(run, loom):
    document = run.json("map", "net.loom", "--cores", "3", "-o", "m.yaml", "--page", "m.html")
    assert len(document["cores"]) == 3
    assert max(core["load"] for core in document["cores"]) == 1
    assert sum(core["neurons"] for core in document["cores"]) == 48 + 32 + 6
    written = yaml.safe_load(Path("m.yaml").read_text())
    assert written["cores"] == document["configuration"]["cores"]
    assert set(written["cores"]) == {"layer1", "layer2", "layer3"}
    text = run("map", "net.loom", "--config", "m.yaml").stdout
    assert f"{document['clocks_per_step']:,} clocks per step" in text
    assert "crossbar -> node 1" in text
    manifest = run.json("generate", "net.loom", "--config", "m.yaml", "-o", "rtl")
    assert len(manifest["parameters"]["cores"]) == 3


def _renamed(network, names):
    return replace(
        network,
        populations=[replace(p, name=names.get(p.name, p.name)) for p in network.populations],
        projections=[
            replace(j, source=names.get(j.source, j.source), target=names.get(j.target, j.target))
            for j in network.projections
        ],
    )


@pytest.mark.parametrize("topology", ["crossbar", "ring", "mesh"])
def test_the_page_shows_every_core_and_link(tmp_path, topology):
    network = small.network(sizes=(20, 48, 32, 6))
    network = _renamed(network, {"layer1": HOSTILE})
    config = Configuration.create(lanes=4, cores=4, topology=topology)
    report = spikeloom.map(network, config=config, page=tmp_path / "m.html")
    page = (tmp_path / "m.html").read_text("utf-8")
    assert HOSTILE not in page
    assert not re.search(r"(src|href)\s*=|url\(|@import", page)  # nothing from elsewhere
    picture = ElementTree.fromstring(re.search(r"<svg.*</svg>", page, re.DOTALL)[0])  # noqa: S314  our own
    titles = [title.text for title in picture.iter("title")]
    assert sum(title.startswith("core ") for title in titles) == 4
    assert sum(" packets per step" in title for title in titles) == len(report.links) > 8
    assert any(HOSTILE in title for title in titles)
    shown = Counter(re.findall(r"<td>(.*?)</td>", page))
    assert all(shown[f"{packets:,.1f}"] for packets in report.links.values())
    assert all(shown[link.replace(">", "&gt;")] == 1 for link in report.links)
    assert all(shown[f"{core.load:.0%}"] for core in report.cores)


def test_names_cannot_disturb_the_terminal(tmp_path, run):
    names = {"layer1": "\u202eeman"}  # would turn what follows around
    _renamed(small.network(sizes=(20, 48, 32, 6)), names).save(tmp_path / "named.loom")
    said = run("map", str(tmp_path / "named.loom"), "--cores", "2")
    assert "\u202e" not in said.stdout
    assert "⟨U+202E⟩eman" in said.stdout


def test_data_says_how_often_neurons_fire(run):
    digits = spikeloom.packaged.find("digits")
    converted = spikeloom.convert(digits.model, data=digits.calibration, knobs=digits.resolved)
    assumed = spikeloom.map(converted.network, cores=2)
    measured = spikeloom.map(converted.network, cores=2, data=digits.test)
    assert measured.measured
    assert measured.rates != assumed.rates


def test_what_cannot_be_is_refused_with_one_message(run, loom):
    Path("other.yaml").write_text("cores: {layer1: 0, layer2: 1, layer9: 0}\n")
    assert "no population of neurons 'layer9'" in run.refused("map", "net.loom", "--config", "other.yaml")
    Path("some.yaml").write_text("cores: {layer1: 0, layer2: 1}\n")
    assert "'layer3'" in run.refused("map", "net.loom", "--config", "some.yaml")
    Path("full.yaml").write_text("cores: {layer1: 0, layer2: 0, layer3: 1}\n")
    message = run.refused("map", "net.loom", "--config", "full.yaml", "--memory-bits", "9000")
    assert re.search(r"Core 0 stores [\d,]+ bits, more than 9,000; its memory 'weights' alone", message)
    assert "use more cores than 2" in message
    assert "No placement on 2 cores fits" in run.refused("map", "net.loom", "--cores", "2", "--memory-bits", "500")
    assert "cores" in run.refused("map", "net.loom", "--cores", "64")
    message = run.refused("generate", "net.loom", "--cores", "20", "-o", "rtl")
    assert re.search(r"cores: with 16 lanes the network has at most 6 parts, too few for 20 cores", message)


MAPPINGS = {
    "cores: {layer1: 0, layer2: 1, layer9: 0}": "no population of neurons 'layer9'; there are layer1, layer2, layer3",
    "cores: {layer1: 0, layer2: 1}": "it is not said on which core 'layer3' is",
    "cores: {layer1: [0, 1, 2, 3], layer2: 1, layer3: 0}": "'layer1' has 3 groups of 16 neurons: it can be",
    "cores: {layer1: 0, layer2: 2, layer3: 0}": "no population is on core 1; number cores from 0 without a gap",
    "cores: {layer1: 0, layer2: 99, layer3: 0}": "must be 'shared', 'per-population', a number of cores in 1..64",
    "cores: 2\ntopology: torus": "topology: Input should be 'crossbar', 'ring' or 'mesh' (given: 'torus')",
}


@pytest.mark.parametrize("text", MAPPINGS)
@pytest.mark.parametrize("command", [("map",), ("generate", "-o", "rtl"), ("build", "--board", "ulx3s-85f", "-o", "b")])
def test_a_mapping_file_that_is_wrong_is_refused_by_all(run, loom, command, text):
    Path("bad.yaml").write_text(text)
    assert MAPPINGS[text] in run.refused(command[0], "net.loom", *command[1:], "--config", "bad.yaml")


def test_cores_are_asked_for_alike(run, loom):
    """By a number, whatever a mapping file says, or by the file that `map` makes of it, the Verilog is the same."""
    run("map", "net.loom", "--cores", "3", "--topology", "ring", "--board", "tang-nano-9k", "-o", "m.yaml")
    number = ("--cores", "3", "--topology", "ring")
    other = {"cores": {"layer1": [0, 1], "layer2": 0, "layer3": 1}, "cuts": {"layer1": [8]}, "slots": {"layer1": 3}}
    Path("other.yaml").write_text(yaml.safe_dump(yaml.safe_load(Path("m.yaml").read_text()) | other))
    words = {"number": number, "file": ("--config", "m.yaml"), "instead": ("--config", "other.yaml", *number)}
    made = {
        how: run.json("generate", "net.loom", "--board", "tang-nano-9k", *own, "-o", how) for how, own in words.items()
    }
    assert made["number"] == made["file"] == made["instead"]
    Path("other.yaml").write_text("slots: 3")
    assert run.json("map", "net.loom", "--config", "other.yaml", *number)["configuration"]["slots"] == 3
    assert made["file"]["configuration"]["topology"] == "ring" and made["file"]["configuration"]["lanes"] == 8
    assert isinstance(made["file"]["configuration"]["cores"], dict), "a folder says where everything is"
    np.savez("x.npz", x=(np.random.default_rng(1).random((1, 2, 20)) < 0.3).astype(int))
    verified = run.json("verify", "net.loom", "--data", "x.npz", "--simulator", "amaranth", *words["number"])
    assert verified["differences"] == 0 and "stop 0 -> stop 1" in verified["links"]


@pytest.mark.parametrize("places", [("-o", "net.loom"), ("-o", "same", "--page", "./same")])
def test_files_are_not_written_over_each_other(run, loom, places):
    before = Path("net.loom").read_bytes()
    assert run.refused("map", "net.loom", "--cores", "2", *places).endswith("give every file a name of its own")
    assert Path("net.loom").read_bytes() == before and not Path("same").exists()


def test_a_folder_has_its_cores_already(run, loom):
    run("generate", "net.loom", "-o", "rtl")
    np.savez("x.npz", x=np.zeros((1, 3, 20), int))
    for words in (("verify", "rtl", "--data", "x.npz"), ("build", "rtl", "--board", "ulx3s-85f", "-o", "b")):
        message = run.refused(*words, "--cores", "2", "--topology", "ring")
        assert message == "rtl: was generated with a configuration of its own; leave out --cores and --topology"


def test_a_boards_memory_is_shared(run, loom):
    document = run.json("map", "net.loom", "--cores", "2", "--board", "ulx3s-85f")
    used, available = document["block_rams"]
    assert used == 2 + sum(sum(core["block_rams"].values()) for core in document["cores"]) and available == 208
    for core in document["cores"]:
        assert core["full"] == pytest.approx(sum(core["block_rams"].values()) / 103, abs=1e-4)
    text = run("map", "net.loom", "--cores", "2", "--board", "ulx3s-85f", "--page", "m.html").stdout
    core = document["cores"][0]
    assert f"{core['bits']:,} bits, {core['full']:.0%}<" in Path("m.html").read_text("utf-8")
    assert f"Memory: {used} of the 208 block RAMs of ulx3s-85f, those of the host link too" in text
    assert run.json("map", "net.loom", "--cores", "2", "--memory-bits", "40000")["cores"][0]["full"] < 1
    small.network(sizes=(20, 96, 64, 6)).save(Path("large.loom"))
    for command in (("map",), ("generate", "-o", "rtl")):
        message = run.refused(command[0], "large.loom", *command[1:], "--cores", "4", "--board", "ice40-hx8k")
        assert re.search(
            r"block RAM \d+ of 32 \(\d+ too many\)\. Core \d takes most: \d+ block RAMs, \d+ for its", message
        )
        assert "it serves 'layer" in message and "a larger board (" in message

"""Mapping files: made, drawn, taken by other commands, and refused with one message."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

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


@pytest.mark.parametrize("topology", ["crossbar", "ring", "mesh"])
def test_the_page_shows_every_core_and_link(tmp_path, topology):
    network = small.network(sizes=(20, 48, 32, 6))
    names = {"layer1": HOSTILE}
    network = replace(
        network,
        populations=[replace(p, name=names.get(p.name, p.name)) for p in network.populations],
        projections=[
            replace(j, source=names.get(j.source, j.source), target=names.get(j.target, j.target))
            for j in network.projections
        ],
    )
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

"""What lies beyond the designs that were compared is said, where it is made."""

import json

from small import network
from spikeloom.hdl import supported
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import load_manifest
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.supported import beyond, joined, of_hardware, of_network


def test_ranges_of_a_network_and_its_hardware():
    small = network(sizes=(5, 7, 3), weight_bits=4, delay=2)
    found = of_network(small)
    assert found["weight bits"] == (4, 4) and found["neurons in a population"] == (3, 7)
    assert found["delay in steps"] == (2, 2) and found["populations"] == (3, 3)
    found = of_hardware(map_network(small, Configuration.create(lanes=4, cores="per-population")).parameters)
    assert found["lanes"] == (4, 4) and found["cores"] == (2, 2) and found["neuron units"] == (1, 1)
    assert joined([{"lanes": (1, 4)}, {"lanes": (8, 8), "cores": (1, 1)}]) == {"lanes": (1, 8), "cores": (1, 1)}


def test_what_is_beyond_them_is_said_once_each():
    within = {"lanes": (1, 32), "cores": (1, 4)}
    assert beyond({"lanes": (1, 32), "others": (7, 7)}, within) == ()
    assert beyond({"lanes": (64, 64), "cores": (2, 5)}, within) == (
        "64 lanes: designs were compared with 1 to 32; `spikeloom verify` compares this one",
        "5 cores: designs were compared with 1 to 4; `spikeloom verify` compares this one",
    )
    assert beyond({"lanes": (2, 2)}, {"lanes": (4, 8)})[0].startswith("2 lanes: ")


def test_generate_says_it_in_the_manifest(monkeypatch, tmp_path):
    configuration = Configuration.create(lanes=4)
    for limit, notes in ((4, 0), (2, 1)):
        monkeypatch.setattr(supported, "supported", lambda limit=limit: {"lanes": (1, limit)})
        generate(network(), configuration, tmp_path / str(limit))
        assert len(load_manifest(tmp_path / str(limit)).get("notes", ())) == notes


def test_the_shipped_ranges_are_written_as_they_are_read(monkeypatch, tmp_path):
    monkeypatch.setattr(supported, "PATH", tmp_path / "supported.json")
    supported.write_supported({"lanes": (1, 128), "cores": (1, 8)})
    assert json.loads((tmp_path / "supported.json").read_text()) == {"cores": [1, 8], "lanes": [1, 128]}
    assert supported.supported.__wrapped__() == {"cores": (1, 8), "lanes": (1, 128)}

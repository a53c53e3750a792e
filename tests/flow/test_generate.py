"""What `generate` writes beside the accelerator, for those who build it in."""

import json
from dataclasses import replace

import numpy as np
import pytest

import small
from spikeloom import Refusal, api

ALWAYS = {"accelerator.v", "manifest.json", "network.loom", "registers.json", "spikeloom.h", "files.f"}
MODULES = {None: "accelerator", "axi": "accelerator_axi", "uart": "chip", "spi": "chip", "bytes": "chip"}


@pytest.mark.parametrize("host", MODULES)
def test_the_module_of_each_host(tmp_path, host):
    manifest = api.generate(small.network(), output=tmp_path / "rtl", host=host)
    names = {path.name for path in (tmp_path / "rtl").iterdir() if path.suffix != ".mem"}
    about = json.loads((tmp_path / "rtl" / "registers.json").read_text())
    assert about["top"] == MODULES[host] and names == {*ALWAYS, f"{MODULES[host]}.v", ".spikeloom"}
    assert (tmp_path / "rtl" / "files.f").read_text().split() == about["files"]
    text = (tmp_path / "rtl" / f"{about['top']}.v").read_text()
    clock, reset = about["clock"]["port"], about["reset"]["port"]
    assert f"input {clock};" in text and f"input {reset};" in text
    assert about["interrupt"] is None or f"output {about['interrupt']['port']};" in text
    accelerator = (tmp_path / "rtl" / "accelerator.v").read_text()
    again = api.generate(small.network(), output=tmp_path / "rtl")  # an earlier result is replaced
    assert again["verilog"] == manifest["verilog"]
    assert (tmp_path / "rtl" / "accelerator.v").read_text() == accelerator, "the same whatever is around it"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "foo"}, "Population 'layer1': unknown neuron model 'foo'"),
        ({"parameters": {"keep": np.array(300)}}, "Population 'layer1': LIF: keep must be in 0..256"),
        ({"options": {"spikes": "some"}}, "Population 'layer1': LIF "),
        ({"states": {"v": 12, "w": 3}}, "Population 'layer1': LIF "),
    ],
)
@pytest.mark.parametrize("what", [api.generate, api.map])
def test_neurons_that_there_are_not_are_refused_before_anything_is_made(tmp_path, what, wrong, message):
    right = small.neuron()
    made = {name: {**getattr(right, name), **new} if isinstance(new, dict) else new for name, new in wrong.items()}
    network = small.network(neurons=[replace(right, **made), right])
    with pytest.raises(Refusal, match=message):
        what(network, output=tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "pci"}, "There is no host 'pci'; use one of None, axi, uart, spi, bytes"),
        ({"host": "spi", "baud": 9600}, "A clock is of a chip with a link, and a baud rate of its UART"),
        ({"clock_hz": 1_000_000}, "A clock is of a chip with a link, and a baud rate of its UART"),
        ({"host": "uart", "clock_hz": 500_000}, "A clock of 0.5 MHz cannot make 115200 baud; .*: take another clock"),
        ({"host": "uart", "clock_hz": 12_000_000, "baud": 3_000_000}, "A clock of 12 MHz .*: try 115200"),
    ],
)
def test_what_is_refused_leaves_nothing(tmp_path, options, message):
    with pytest.raises(Refusal, match=message):
        api.generate(small.network(), output=tmp_path / "rtl", **options)
    assert not list(tmp_path.iterdir())

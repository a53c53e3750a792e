"""One interface to golden, to the simulated chip and to boards, in Python and on the command line."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import spikeloom
from spikeloom import Refusal, api
from spikeloom.bench import hardware
from spikeloom.boards.driver.chip import Chip
from spikeloom.boards.driver.link import Link
from spikeloom.boards.driver.pipe import BAUD
from spikeloom.boards.link.protocol import REGISTERS
from spikeloom.device import _restored
from spikeloom.golden import simulate
from spikeloom.golden.network import Network
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate, manifest
from spikeloom.hdl.mapping import map_network
from stand_in import MemoryPipe, PseudoTerminal, StandIn
from stand_in_designs import design, folders, golden, two, x

__all__ = ["design", "folders", "golden", "two", "x"]


@pytest.fixture(params=["golden", "port", "pipe"])
def device(request, folders, design, two):
    if request.param == "golden":
        with spikeloom.Device.open(f"golden:{folders['one']}.loom") as device:
            yield device
    elif request.param == "pipe":
        with spikeloom.Device.open(MemoryPipe(StandIn(design, two)), design=design) as device:
            yield device
    else:
        with (
            PseudoTerminal(StandIn(design, two)) as terminal,
            spikeloom.Device.open(terminal.port, design=folders["one"]) as device,
        ):
            yield device


def test_a_run(device, design, x, golden):
    done = []
    run = device.run(x, golden.prediction, progress=lambda *counts: done.append(counts))
    assert (run.spikes == golden.spikes).all()
    assert (run.counts == golden.counts).all()
    assert (run.prediction == golden.prediction).all()
    assert run.accuracy == 1
    assert list(run.events) == ["layer2"]
    assert (run.clocks is None) == (device.identity.name == "golden")
    assert done[-1] == (len(x), len(x))
    everything = device.run(x, record="all")
    assert everything.accuracy is None
    for name in ("layer1", "layer2"):
        assert (everything.events[name] == golden.events[name]).all()
    hidden = device.run(x, record="layer1")
    assert list(hidden.events) == ["layer1"]
    assert (hidden.prediction == golden.prediction).all()
    assert device.identity.network == design.network_id
    counted = device.counters()  # an end that is late is no fault: data is sent again, and what came twice dropped
    assert counted.get("answers_damaged", 0) == 0 and counted.get("dropped", 0) <= 10 * counted.get("resent", 0)


def test_memories_that_are_empty_at_power_up_are_loaded_when_opened(tmp_path, x, golden, design):
    generate(design.network, Configuration(lanes=4, weights="single-port"), tmp_path / "rtl")
    there = StandIn(Design(tmp_path / "rtl"))
    with (
        closing(Chip(Link(MemoryPipe(there)), tmp_path / "rtl")) as chip,
        pytest.raises(Refusal, match="another network"),
    ):
        chip.run(x)
    with spikeloom.Device.open(MemoryPipe(there), design=tmp_path / "rtl") as device:
        assert (device.run(x).spikes == golden.spikes).all()


def test_a_closed_loop(device, design):
    def inputs():
        for _ in range(20):
            yield (np.arange(5) % 2 == last % 2).astype(np.int64)

    last, sent, got = 0, [], []
    for events in device.live((sent.append(row) or row for row in inputs()), record=("layer2",)):
        assert list(events) == ["layer2"]
        got.append(events["layer2"])
        last = int(events["layer2"].sum())
    expected = simulate.run(design.network, np.array(sent)[None]).events["layer2"][0]
    assert len(got) == 20
    assert (np.array(got) == expected).all()
    assert expected.any()


@pytest.mark.parametrize("wrong", ["column", "one_hot", "few", "large"])
def test_classes_that_are_not_one_per_sample(device, x, wrong):
    y = {
        "column": np.zeros((len(x), 1), int),
        "one_hot": np.eye(3, dtype=int)[np.zeros(len(x), int)],
        "few": np.zeros(len(x) - 1, int),
        "large": np.full(len(x), 99),
    }
    with pytest.raises(Refusal, match="y must have one class|y has classes in"):
        device.run(x, y[wrong])


def test_whole_numbers_as_floats_and_a_list_of_names(device, x, golden):
    name = device.network.output
    run = device.run(x.astype(float), record=[name])
    assert (run.spikes == golden.spikes).all() and list(run.events) == [name]


def test_another_network_is_loaded(device, folders, two, x):
    device.load(f"{folders['two']}.loom")
    assert device.network.hash == two.network.hash
    assert device.identity.network == two.network_id
    assert (device.run(x).counts == simulate.run(two.network, x).counts).all()
    device.hold(Network.load(f"{folders['one']}.loom"))
    assert device.network.hash != two.network.hash


def test_a_folder_is_loaded(folders, design, two, x):
    with spikeloom.Device.open(MemoryPipe(StandIn(design, two)), design=design) as device:
        device.load(folders["two"])
        assert (device.run(x).counts == simulate.run(two.network, x).counts).all()
        assert device.memory("core0.weights0")["0"].any()
        assert device.states().keys() == {"layer1", "layer2"}


@pytest.mark.parametrize("name", ["connectome", "vowels", "motion"])
def test_parameters_survive_the_manifest(name):
    """Lists and delays, currents, potentials: what a chip can hold is computed from what its manifest says."""
    network, configuration = hardware.network(name, 8), Configuration(lanes=4, cores="per-population")
    mapping = map_network(network, configuration)
    document = json.loads(json.dumps(manifest(mapping, mapping.parameters, configuration)))
    assert _restored(document["parameters"]) == mapping.parameters


def refused(work, *words, **options):
    with pytest.raises(Refusal) as caught:
        work(*words, **options)
    return str(caught.value)


def test_what_is_refused_everywhere(device, x):
    assert refused(device.run, x * 2).startswith("x has values in 0..2; the input 'in' takes 0..1 (1 value bits)")
    assert refused(device.run, x[:, :, :3]).startswith("x has shape (12, 6, 3); the input 'in' needs")
    assert refused(device.run, x, record="layer9") == (
        "There is no population 'layer9' to record; there are layer1, layer2"
    )
    assert refused(device.live, x[0], record="layer9").startswith("There is no population 'layer9'")


def test_networks_that_do_not_fit(design, folders):
    with spikeloom.Device.open(MemoryPipe(StandIn(design)), design=design) as device:
        message = refused(device.load, f"{folders['larger']}.loom")
        assert message.startswith(
            "The network does not fit the chip on the pipe: it needs accumulator_bits 10 (the chip"
        )
        assert "(the chip has 7), rows 90 (the chip has 17), " in message
        assert message.endswith("; build a chip for it")
        assert refused(device.load, folders["larger"]).startswith(f"{folders['larger']}: was made for other hardware")
        cells = Network.load(f"{folders['one']}.loom")
        other = cells.populations[1].neuron.options | {"reset": "zero"}
        populations = tuple(
            p
            if p.neuron is None
            else type(p)(
                name=p.name,
                shape=p.shape,
                neuron=type(p.neuron)(
                    model="lif", states=p.neuron.states, parameters=p.neuron.parameters, options=other
                ),
            )
            for p in cells.populations
        )
        network = Network(populations=populations, projections=cells.projections, output=cells.output)
        message = refused(device.load, network)
        assert message.startswith("The network does not fit the chip on the pipe: ")
        assert "reset" in message
        assert device.identity.network == design.network_id


def test_a_small_host_cannot_map(design, folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "spikeloom.hdl.generate", None)
    with spikeloom.Device.open(MemoryPipe(StandIn(design)), design=design) as device:
        assert refused(device.load, f"{folders['two']}.loom") == (
            "Mapping a network onto the chip needs spikeloom.hdl.generate, which is not installed here; run "
            "`spikeloom generate` elsewhere and load its folder"
        )


def test_the_integer_model_has_no_memories(folders, x):
    with spikeloom.Device.open(f"golden:{folders['one']}.loom") as device:
        assert refused(device.memory, "core0.weights0") == "The integer model has no memories; open a chip"
        assert refused(device.activity) == "The integer model has no engines; open a chip"
        final = device.run(x) and device.states()
        assert final["layer1"]["v"].shape == (7,)
    assert refused(spikeloom.Device.open, "golden:none.loom") == "none.loom: there is no such file"


def test_a_folder_of_build_says_the_baud_rate(tmp_path, folders, design):
    (tmp_path / "rtl").symlink_to(folders["one"])
    report = tmp_path / "build.json"
    report.write_text(json.dumps({"baud": 57600}))
    with PseudoTerminal(StandIn(design)) as terminal:
        for baud, expected in ((None, 57600), (9600, 9600)):
            with spikeloom.Device.open(terminal.port, design=tmp_path, baud=baud) as device:
                assert device._chip.link.pipe.baud == expected
        with spikeloom.Device.open(terminal.port) as device:
            assert device._chip.link.pipe.baud == BAUD
            assert device.identity.network == design.network_id
    report.write_text("{}")
    assert refused(spikeloom.Device.open, "x", design=tmp_path) == (
        f"{report}: damaged; build again, or give the folder {tmp_path}/rtl and the baud rate"
    )


# The simulated chip -----------------------------------------------------------------------------------------------


def test_the_simulated_chip(run, folders, two, x, golden):
    with spikeloom.Device.open(f"sim:{folders['one']}") as device:
        everything = device.run(x, record="all")
        for name in ("layer1", "layer2"):
            assert (everything.events[name] == golden.events[name]).all()
            assert (device.states()[name]["v"] == golden.final[name]["v"][-1]).all()
        for step, events in enumerate(device.live(iter(x[0]), record="all")):
            assert all((values == golden.events[name][0, step]).all() for name, values in events.items())
        device.load(f"{folders['two']}.loom")
        assert device.identity.network == two.network_id
        assert (device.run(x).spikes == simulate.run(two.network, x).spikes).all()
        assert set(device.counters().values()) == {0}
    np.savez("x.npz", x=x, y=golden.prediction)
    words = ("run", f"{folders['one']}.loom", "--data", "x.npz", "--on", "sim", "--design", folders["two"])
    assert run.json(*words)["accuracy"] == 1


# The same, in one call and on the command line --------------------------------------------------------------------


def test_run_on_a_port(run, folders, design, two, x, golden):
    np.savez("x.npz", x=x, y=golden.prediction)
    with PseudoTerminal(StandIn(design, two)) as terminal:
        report = api.run(f"{folders['one']}.loom", data=x, on=terminal.port, design=folders["one"], record="all")
        assert (report.events["layer1"] == golden.events["layer1"]).all()
        assert not report.potentials
        words = ("run", f"{folders['one']}.loom", "--data", "x.npz", "--on", terminal.port, "--design", folders["one"])
        assert run.json(*words, "-o", "o.npz")["accuracy"] == 1
        with np.load("o.npz") as saved:
            assert (saved["spikes"] == golden.spikes).all()
        # What the chip holds is another network: this one is loaded.
        other = api.run(f"{folders['two']}.loom", data=x, on=terminal.port, design=folders["one"])
        assert (other.counts == simulate.run(two.network, x).counts).all()
        assert terminal.chip.page[REGISTERS["network"].address] == two.network_id


def test_run_says_what_is_missing(run, folders, x):
    np.savez("x.npz", x=x)
    words = ("run", f"{folders['one']}.loom", "--data", "x.npz", "--on")
    assert run.refused(*words, "goldn") == (
        "on is 'golden', 'rtl', 'sim' or a port, not 'goldn'; a port also needs the folder that the board was built "
        "from: give --design"
    )
    assert run.refused(*words, "/dev/ttyNONE", "--design", folders["one"]).startswith(
        "/dev/ttyNONE: there is no such port; "
    )
    assert run.refused(*words, "rtl", "--design", folders["one"]) == (
        f"On 'rtl' there is no chip that was built from {folders['one']}; leave out --design"
    )
    assert run.refused(*words, "COM1", "--design", ".").startswith(".: not a folder that 'spikeloom generate' wrote")


# A small host -----------------------------------------------------------------------------------------------------

SMALL_HOST = """
import importlib.abc, sys

ALLOWED = {"spikeloom", "numpy", "serial", "cobs"} | set(sys.stdlib_module_names)

class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in ALLOWED:
            raise ModuleNotFoundError(f"{name} is more than a small host has", name=name)

sys.meta_path.insert(0, Guard())
try:
    import amaranth
    raise SystemExit("the guard sleeps")
except ModuleNotFoundError:
    pass

import numpy
import spikeloom

port, folder, one, two, data = sys.argv[1:]
with numpy.load(data) as file:
    x, counts, others = file["x"], file["counts"], file["others"]
with spikeloom.Device.open(port, design=folder) as device:
    assert (device.run(x).counts == counts).all()
    device.load(two)
    assert (device.run(x).counts == others).all()
    for _, events in zip(range(3), device.live(iter(x[0]))):
        assert set(events) == {device.network.output}
with spikeloom.Device.open(f"golden:{one}") as device:
    assert (device.run(x).counts == counts).all()
"""


def test_a_board_needs_numpy_pyserial_and_cobs_alone(tmp_path, folders, design, two, x, golden):
    others = simulate.run(two.network, x).counts
    np.savez(tmp_path / "x.npz", x=x, counts=golden.counts, others=others)
    with PseudoTerminal(StandIn(design, two)) as terminal:
        words = [terminal.port, folders["one"], f"{folders['one']}.loom", folders["two"], tmp_path / "x.npz"]
        done = subprocess.run(
            [sys.executable, "-c", SMALL_HOST, *map(str, words)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert Path(f"{folders['one']}.loom").is_file()
    assert isinstance(two, Design)

"""Designs to run: a small hand-written one whose faults are known, in a folder like a generated one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from folders import seal
from spikeloom.golden.network import Dense, Network, Neuron, Population, Projection

ECHO = Path(__file__).parent / "echo" / "accelerator.v"
FAULTS = [
    "none",
    "spike",
    "state",
    "count",
    "surplus",
    "hang",
    "unstable",
    "sequence",
    "index",
    "busy",
    "port",
    "flood",
]


def echo_network() -> Network:
    """Neuron k hears input k well and the others a little."""
    one = np.int64(1)
    neuron = Neuron(
        model="lif",
        states={"v": 16},
        parameters={
            "keep": one,
            "threshold": one * 20,
            "subtract": one * 20,
            "v_reset": one * 0,
            "v_min": one * -32768,
            "v_init": one * 0,
            "bias": one * 0,
        },
        options={"reset": "subtract", "reset_when": "same-step", "spikes": "one", "decay_bits": 0, "guard": 0},
    )
    return Network(
        populations=(Population(name="in", shape=(2, 4)), Population(name="out", shape=(8,), neuron=neuron)),
        projections=(
            Projection(source="in", target="out", synapses=Dense(weights=1 + 8 * np.eye(8, dtype=np.int64), bits=8)),
        ),
        output="out",
    )


@pytest.fixture
def echo(tmp_path: Path) -> Callable[..., Path]:
    """A folder with the hand-written design and the named fault."""

    def make(fault: str = "none", text: Callable[[str], str] = lambda text: text) -> Path:
        folder = tmp_path / f"echo-{fault}"
        folder.mkdir()
        network = echo_network()
        network.save(folder / "network.loom")
        shutil.copyfile(ECHO, folder / "accelerator.v")
        (folder / "accelerator.v").write_text(text(ECHO.read_text()))
        weights = network.projections[0].synapses.weights
        (folder / "weights.mem").write_text("".join(f"{w & 255:02x}\n" for w in weights.ravel().tolist()))
        (folder / "fault.mem").write_text(f"{FAULTS.index(fault):02x}\n")
        fields = {"source": [0, 1], "tick": [1, 1], "sequence": [2, 2], "index": [4, 4], "value": [8, 1]}
        size = {"size": 8, "channels": 8, "padded": 8}
        memories = [
            {"name": f"core0.state{unit}", "base": 32 + 16 * unit, "entries": 4, "words": 2, "stride": 2, "width": 64}
            | {"fields": {"v": [24, 16]}, "images": []}
            for unit in range(2)
        ]
        registers = {
            name: {"address": address, "bits": 32, "access": "rw", "about": ""}
            for address, name in enumerate(("status", "control", "steps", "observe"))
        }
        manifest = {
            "format": 4,
            "spikeloom": "0",
            "network": network.hash,
            "configuration": {"lanes": 8},
            "parameters": {},
            "verilog": {"file": "accelerator.v", "top": "accelerator"},
            "images": ["weights.mem", "fault.mem"],
            "loom": {"file": "network.loom"},
            "flit": {"width": 12, "fields": fields},
            "sources": [
                size | {"name": "in", "id": 0, "observed": 0, "value_bits": 1, "role": "input"},
                size
                | {"name": "out", "id": 1, "observed": 1, "value_bits": 1, "role": "neurons"}
                | {"core": 0, "unit_base": 0, "units": 2, "state": {"v": [24, 16]}},
            ],
            "engines": ["core0"],
            "links": [],
            "map": {"address_bits": 8, "registers": registers, "memories": memories},
            "tools": {},
        }
        seal(folder, manifest)
        return folder

    return make


@pytest.fixture
def spikes() -> np.ndarray:
    """Six samples of four steps for the hand-written design; some neurons fire in each, never all."""
    return (np.random.default_rng(7).random((6, 4, 2, 4)) < 0.45).astype(np.int64)

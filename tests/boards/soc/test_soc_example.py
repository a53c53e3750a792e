"""The example of a system on chip: its C driver on the simulated bus, against the integer model."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SIMULATE = Path(__file__).parents[3] / "docs" / "examples" / "soc" / "simulate.py"


@pytest.fixture
def example():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("simulate_soc", SIMULATE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_one_command():
    done = subprocess.run([sys.executable, SIMULATE, "--samples", "8"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 10 and lines[-1] == "8 samples, 0 differences"
    assert len({line.split()[2] for line in lines[1:-1]}) > 2, "several classes are told apart"


def other_weights(design, image):
    memory = design.memories["core0.weights0"]
    header = np.array([memory[key] for key in ("base", "entries", "words", "stride")], "<u4").tobytes()
    start = image.index(header) + len(header)
    end = start + 4 * memory["entries"] * memory["words"]
    return image[:start] + bytes(255 - byte for byte in image[start:end]) + image[end:]


def cut(design, image):
    return image[:-4]


@pytest.mark.parametrize(
    "damage, said",
    [
        (other_weights, r"^[1-3] of 3 samples differ from the integer model, 3 were to run$"),
        (cut, r"^The simulated system failed: spikeloom_load: error 6 of driver\.h\n$"),
    ],
)
def test_a_damaged_network_is_noticed(example, monkeypatch, damage, said):
    whole = example.image
    monkeypatch.setattr(example, "image", lambda design: damage(design, whole(design)))
    monkeypatch.setattr(sys, "argv", ["simulate.py", "--samples", "3"])
    with pytest.raises(SystemExit, match=said):
        example.main()

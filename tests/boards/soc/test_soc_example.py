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


def test_the_first_digit_compiles_for_a_processor(example, tmp_path):
    """Its accesses are a load and a store, so that it runs on hardware alone; on what it calls see above."""
    chosen = example.packaged.find("digits")
    network = example.api.convert(chosen.model, data=chosen.calibration, knobs=chosen.resolved).network
    manifest = example.generate(network, example.Configuration(lanes=16), tmp_path / "rtl")
    example.write_handover(tmp_path / "rtl", manifest, "axi")
    subprocess.run([sys.executable, SIMULATE.with_name("sample.py"), chosen.test], cwd=tmp_path, check=True)
    x = np.fromstring((tmp_path / "sample.h").read_text().split("{")[1].split("}")[0], int, sep=",")
    assert x.tolist() == example.load(chosen.test).x[0].ravel().tolist()
    sources = [SIMULATE.with_name(name) for name in ("first_digit.c", "driver.c")]
    include = [f"-I{folder}" for folder in (tmp_path, tmp_path / "rtl", SIMULATE.parent)]
    subprocess.run(["gcc", *example.C_FLAGS, *include, *sources, "-o", tmp_path / "program"], check=True)


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

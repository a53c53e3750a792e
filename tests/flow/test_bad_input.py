"""Each thing that can be wrong with what a user gives: one message that names it and the remedy, and nothing left."""

import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from spikeloom import packaged

DIGITS = packaged.find("digits")

CONVERT = ("--data", DIGITS.calibration, "-o", "n.loom", "--convention", "snntorch")


def edited(path: Path, edit) -> Path:
    shutil.copyfile(DIGITS.model, path)
    with h5py.File(path, "r+") as file:
        edit(file["node/nodes"])
    return path


def put(nodes, name: str, value) -> None:
    del nodes[name]
    nodes[name] = value


MODELS = {
    "truncated": (lambda p: p.write_bytes(DIGITS.model.read_bytes()[:20_000]), "damaged or truncated"),
    "not HDF5": (lambda p: p.write_text("weights"), "not an HDF5 file"),
    "not NIR": (lambda p: h5py.File(p, "w").close(), "not a .nir file"),
    "unknown node": (lambda p: edited(p, lambda n: put(n, "lif1/type", "Magic")), "'lif1' (Magic)"),
    "unsupported node": (lambda p: edited(p, lambda n: put(n, "lif1/type", "AvgPool2d")), "not supported yet"),
    "shapes": (lambda p: edited(p, lambda n: put(n, "fc2/weight", np.zeros((10, 64)))), "'fc2' (Affine)"),
    "NaN": (lambda p: edited(p, lambda n: put(n, "fc1/weight", np.full((128, 64), np.nan))), "NaN"),
    "tau": (lambda p: edited(p, lambda n: put(n, "lif1/tau", np.full(128, -1.0))), "tau must be positive"),
    "dt": (lambda p: edited(p, lambda n: put(n, "lif1/tau", np.full(128, 1e-6))), "longer than the time constant"),
}


@pytest.mark.parametrize("case", MODELS)
def test_models(run, case):
    make, says = MODELS[case]
    make(Path("bad.nir"))
    message = run.refused("convert", "bad.nir", *CONVERT)
    assert says in message
    assert "bad.nir" in message


def test_missing_files(run, loom):
    assert "none.nir: there is no such file" in run.refused("check", "none.nir")
    assert "none.npz: there is no such file" in run.refused("run", loom, "--data", "none.npz")
    assert "none.loom: there is no such file" in run.refused("run", "none.loom", "--data", DIGITS.test)
    assert "none.yaml: cannot be read" in run.refused("generate", loom, "-o", "d", "--config", "none.yaml")


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.int8)


DATA = {
    "text": ({"x": np.array([["a"]])}, "x must hold numbers"),
    "no x": ({"z": ones(1)}, "has no array x"),
    "shape": ({"x": ones(2, 3, 63)}, "(2, 3, 63)"),
    "axes": ({"x": ones(2, 64)}, "(samples, steps, *input shape)"),
    "real": ({"x": ones(2, 3, 64) / 2}, "not integers"),
    "range": ({"x": ones(2, 3, 64) * 2}, "takes 0..1"),
    "labels": ({"x": ones(2, 3, 64), "y": ones(3)}, "2 samples"),
    "objects": ({"x": np.array([None, {}])}, "never unpickled"),
}


@pytest.mark.parametrize("case", DATA)
def test_data(run, loom, case):
    arrays, says = DATA[case]
    np.savez("bad.npz", **arrays)
    assert says in run.refused("run", loom, "--data", "bad.npz", "-o", "o.npz")


def test_damaged_data_and_network(run, loom):
    Path("bad.npz").write_bytes(DIGITS.test.read_bytes()[:1000])
    assert "bad.npz" in run.refused("run", loom, "--data", "bad.npz")
    Path("bad.loom").write_bytes(loom.read_bytes()[:1000])
    assert "bad.loom: not a .loom file" in run.refused("run", "bad.loom", "--data", DIGITS.test)


CONFIGURATIONS = {
    "lanes: 5": "lanes: must be a power of two",
    "lanes: 1024": "less than or equal to 128",
    "lanse: 8": "lanse",
    "[1, 2": "not YAML",
    "- 1": "a configuration is a mapping",
    "!!python/object/apply:os.system ['true']": "not YAML",
}


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_configurations(run, loom, text):
    Path("bad.yaml").write_text(text)
    message = run.refused("generate", loom, "-o", "d", "--config", "bad.yaml")
    assert message.startswith("bad.yaml: ")
    assert CONFIGURATIONS[text] in message


def test_boards(run, loom):
    assert "did you mean icebreaker?" in run.refused("build", loom, "--board", "icebraker", "-o", "d")
    assert "did you mean ulx3s-85f?" in run.refused("generate", loom, "--board", "ulx3s", "-o", "d")


PLACES = {
    "file/x": "file is not a folder; choose another place with -o",
    "none/x": "there is no folder none; make it, or choose another place with -o",
    "folder": "it is a folder; name a file with -o",
}


@pytest.mark.parametrize("where", PLACES)
def test_places_that_cannot_be_written(run, loom, where):
    Path("file").touch()
    Path("folder").mkdir()
    Path("folder/kept").touch()
    message = run.refused("run", loom, "--data", DIGITS.test, "-o", where)
    assert message == f"{where}: cannot be written: {PLACES[where]}"
    message = run.refused(
        "convert", DIGITS.model, "--data", DIGITS.calibration, "-o", where, "--convention", "snntorch"
    )
    assert message == f"{where}: cannot be written: {PLACES[where]}"


def test_a_full_disk(run, loom):
    limited = ["bash", "-c", 'ulimit -f 1 && exec "$@"', "bash"]
    command = [sys.executable, "-m", "spikeloom", "run", str(loom), "--data", str(DIGITS.test), "-o", "o.npz"]
    done = subprocess.run([*limited, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "o.npz: cannot be written: File too large" in " ".join(done.stderr.split())
    assert not list(run.folder.iterdir())

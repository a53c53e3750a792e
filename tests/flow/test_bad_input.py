"""Each thing that can be wrong with what a user gives: one message that names it and the remedy, and nothing left."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import small
from nir_files import affine, lif, port, write
from spikeloom import packaged
from spikeloom.golden.network import Dense, Network, Population, Projection, Refusal, Sparse

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
    "node of a later nir": (lambda p: edited(p, lambda n: put(n, "lif1/type", "Conv3d")), "no node of nir 1.0.8 has"),
    "fields": (lambda p: edited(p, lambda n: put(n, "lif1/type", "AvgPool2d")), "has no kernel_size; export it with"),
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


def convolution(path: Path, kernel: int = 3, channels: int = 1, **changes) -> None:
    """One layer on images of 4 x 4."""
    axes = {"stride": 1, "padding": 0, "dilation": 1} | {n: v for n, v in changes.items() if n != "groups"}
    node = {
        "type": "Conv2d",
        "input_shape": np.array((4, 4)),
        "weight": np.ones((4, 1, kernel, kernel), np.float32),
        "bias": np.zeros(4, np.float32),
        "groups": changes.get("groups", 1),
        **{name: np.array((value, value)) for name, value in axes.items()},
    }
    neurons = {
        name: np.broadcast_to(v, (4, 2, 2)) if isinstance(v, np.ndarray) else v
        for name, v in ((name, v[:1] if isinstance(v, np.ndarray) else v) for name, v in lif(1).items())
    }
    write(
        path,
        {"input": port("Input", channels, 4, 4), "conv": node, "lif": neurons, "output": port("Output", 4, 2, 2)},
    )


STRUCTURES = {
    "kernel": (
        lambda p: convolution(p, kernel=7),
        "'conv' (Conv2d): its kernel reaches over 7 x 7, and its input with padding has 4 x 4, which leaves nothing; "
        "use a smaller kernel or dilation, or more padding",
    ),
    "stride": (lambda p: convolution(p, stride=0), "'conv' (Conv2d): stride must be in 1..32768, not 0, 0"),
    "groups": (
        lambda p: convolution(p, channels=3, groups=2),
        "'conv' (Conv2d): groups 2 does not divide its 3 input channels; export the layer again",
    ),
    "delay": (
        lambda p: write(
            p,
            {
                "input": port("Input", 2),
                "late": {"type": "Delay", "delay": np.full(2, 0.5)},
                "fc": affine(np.ones((3, 2))),
                "lif": lif(3),
                "output": port("Output", 3),
            },
        ),
        "'input' to 'lif': a delay of 0.5 is 5000 steps of dt = 0.0001, and 254 are the most; give the dt of the "
        "training (--dt) in the file's unit",
    ),
}


@pytest.mark.parametrize("case", STRUCTURES)
def test_structures(run, case):
    make, says = STRUCTURES[case]
    make(Path("bad.nir"))
    assert run.refused("convert", "bad.nir", *CONVERT).splitlines() == ["bad.nir cannot be built:", f"  {says}"]


def listed(path: Path, fault: str) -> None:
    """A network with a list of synapses in a file, and a fault that no program of ours writes."""
    synapses = Sparse.of(np.array([0, 0, 1]), np.array([1, 2, 0]), np.ones(3, int), shape=(2, 3), bits=4)
    network = Network(
        populations=[Population(name="in", shape=(2,)), Population(name="a", shape=(3,), neuron=small.neuron())],
        projections=[Projection(source="in", target="a", synapses=synapses)],
        output="a",
    )
    network.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (name,) = [name for name in members if "targets" in name]
    targets = np.load(io.BytesIO(members[name]))
    targets[{"none": slice(0), "duplicate": 1, "dangling": 2}[fault]] = {"none": 0, "duplicate": 1, "dangling": 7}[
        fault
    ]
    file = io.BytesIO()
    np.save(file, targets)
    members[name] = file.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


LISTS = {
    "duplicate": "the one from 0 to 1 is there twice; add their weights",
    "dangling": "the one from 1 to 7 dangles: there is no target 7, only 0..2; leave it out",
}


@pytest.mark.parametrize("fault", LISTS)
def test_synapses_that_cannot_be(run, fault):
    listed(Path("bad.loom"), fault)
    message = run.refused("generate", "bad.loom", "-o", "d")
    assert message == f"bad.loom: Projection 'in' to 'a': Sparse synapses: {LISTS[fault]}"
    listed(Path("good.loom"), "none")
    run("generate", "good.loom", "-o", "d")


def test_a_network_that_fits_no_memory_says_what_takes_most(run):
    sizes = {"in": 900, "wide": 400, "out": 10}
    rng = np.random.default_rng(1)
    ends = [("in", "wide"), ("wide", "out")]
    Network(
        populations=[
            Population(name=name, shape=(size,), neuron=None if name == "in" else small.neuron())
            for name, size in sizes.items()
        ],
        projections=[
            Projection(source=a, target=b, synapses=Dense(weights=rng.integers(-3, 4, (sizes[a], sizes[b])), bits=8))
            for a, b in ends
        ],
        output="out",
    ).save(Path("large.loom"))
    message = run.refused("build", "large.loom", "--board", "icebreaker", "-o", "d")
    assert "bits of single-port memory " in message
    most = "Most of its single-port memory takes the matrix of 'in -> wide', 2880000 bits, then the matrix of"
    assert f" too many). {most}" in message
    assert "What would help: fewer weight bits (2 instead of 8 when converting), or a larger board (" in message


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
    assert "did you mean icebreaker" in run.refused("build", loom, "--board", "icebraker", "-o", "d")
    assert "did you mean ulx3s-85f or ulx3s-25f?" in run.refused("generate", loom, "--board", "ulx3s", "-o", "d")


PLACES = {
    "file/x": "file is not a folder; choose another place",
    "none/x": "there is no folder none; make it, or choose another place",
    "folder": "it is a folder; name a file",
    "pipe": "it is a device or a pipe; name a file",
    "link": "it is a device or a pipe; name a file",
}


@pytest.mark.parametrize("where", PLACES)
def test_places_that_cannot_be_written(run, loom, where):
    Path("file").touch()
    Path("folder").mkdir()
    Path("folder/kept").touch()
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    message = run.refused("run", loom, "--data", DIGITS.test, "-o", where)
    assert message == f"{where}: cannot be written: {PLACES[where]}"
    message = run.refused(
        "convert", DIGITS.model, "--data", DIGITS.calibration, "-o", where, "--convention", "snntorch"
    )
    assert message == f"{where}: cannot be written: {PLACES[where]}"
    assert message == run.refused("map", loom, "--page", where)
    assert Path("pipe").is_fifo()


def test_what_a_link_leads_to_is_written(run, loom):
    """And the link stays, one to nothing too."""
    for name in ("there", "new"):
        Path(f"{name}-link").symlink_to(name)
    Path("there").touch()
    for name in ("there", "new"):
        run("run", loom, "--data", DIGITS.test, "-o", f"{name}-link")
        with np.load(name) as written:
            assert "spikes" in written
    Network.load(loom).save("there-link")
    assert Path("there").read_bytes() == loom.read_bytes()
    Path("rtl-link").symlink_to("rtl")
    for _ in range(2):
        run("generate", loom, "-o", "rtl-link")
    assert Path("rtl/manifest.json").is_file()
    assert all(Path(f"{name}-link").is_symlink() for name in ("there", "new", "rtl"))
    os.mkfifo("pipe.fst")
    with pytest.raises(Refusal, match="pipe.fst: cannot be written: it is no file"):
        Network.load(loom).save("pipe.fst")
    assert "written as a file" in run.refused("verify", loom, "--data", DIGITS.test, "--waveform", "pipe.fst")


def test_a_full_disk(run, loom):
    limited = ["bash", "-c", 'ulimit -f 1 && exec "$@"', "bash"]
    command = [sys.executable, "-m", "spikeloom", "run", str(loom), "--data", str(DIGITS.test), "-o", "o.npz"]
    done = subprocess.run([*limited, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "o.npz: cannot be written: File too large" in " ".join(done.stderr.split())
    assert not list(run.folder.iterdir())

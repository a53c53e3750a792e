"""The same network gives the same Verilog everywhere; a folder is whole or refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

from small import network
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import load_manifest
from spikeloom.hdl.generate import generate

CONFIGURATION = Configuration.create(lanes=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("generate") / "design"
    generate(network(), CONFIGURATION, path)
    return path


def test_folder_describes_itself(folder):
    manifest = load_manifest(folder)
    assert {p.name for p in folder.iterdir()} == {
        ".spikeloom",
        "accelerator.v",
        "network.loom",
        "manifest.json",
        *manifest["images"],
    }
    assert manifest["network"] == network().hash
    assert [s["name"] for s in manifest["sources"]] == ["in", "layer1", "layer2"]
    memories = manifest["map"]["memories"]
    taken = [(m["base"], m["base"] + m["entries"] * m["stride"]) for m in memories]
    assert all(a[1] <= b[0] for a, b in zip(sorted(taken), sorted(taken)[1:], strict=False)), "memories do not overlap"
    assert max(end for _, end in taken) <= 1 << manifest["map"]["address_bits"]
    verilog = (folder / "accelerator.v").read_text()
    for name in manifest["images"]:
        assert f'$readmemh("{name}", ' in verilog


def test_verilog_does_not_depend_on_hash_seed_folder_or_weights(folder, tmp_path):
    script = (
        "import sys; from small import network; from spikeloom.hdl.configuration import Configuration\n"
        "from spikeloom.hdl.generate import generate; generate(network(), Configuration.create(lanes=4), sys.argv[1])"
    )
    paths = {"PYTHONPATH": ":".join(p for p in sys.path if p)}
    for seed in "12":
        command = [sys.executable, "-c", script, str(tmp_path / seed)]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": seed} | paths)
        for file in folder.iterdir():
            assert (tmp_path / seed / file.name).read_bytes() == file.read_bytes(), file.name


def test_other_weights_make_other_images_only(folder, tmp_path):
    from dataclasses import replace

    net = network()
    synapses = replace(net.projections[0].synapses, weights=np.zeros((5, 7), int))
    other = replace(net, projections=(replace(net.projections[0], synapses=synapses), *net.projections[1:]))
    generate(other, CONFIGURATION, tmp_path / "other")
    changed = {p.name for p in folder.iterdir() if p.read_bytes() != (tmp_path / "other" / p.name).read_bytes()}
    assert changed == {"core0_weights0.mem", "network.loom", "manifest.json"}


@pytest.mark.parametrize("victim", ["accelerator.v", "core0_weights0.mem", "network.loom"])
def test_a_changed_or_missing_file_is_named(tmp_path, victim):
    generate(network(), CONFIGURATION, tmp_path / "d")
    path = tmp_path / "d" / victim
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(Refusal, match=f"{victim}: missing, or not what the manifest says; generate the folder again"):
        load_manifest(tmp_path / "d")
    path.unlink()
    with pytest.raises(Refusal, match=f"{victim}: missing, or not"):
        load_manifest(tmp_path / "d")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, r"written by another version \(format 99\); generate it again"),
        ({"images": {"../../etc/passwd": "0"}}, "names files outside its folder"),
        ({"verilog": None}, r"damaged \(TypeError\)"),
    ],
)
def test_a_strange_manifest_is_refused(folder, tmp_path, change, message):
    document = json.loads((folder / "manifest.json").read_text()) | change
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(Refusal, match=message):
        load_manifest(tmp_path)


def test_no_folder_of_somebody_else_is_overwritten(tmp_path):
    (tmp_path / "thesis.tex").write_text("irreplaceable")
    with pytest.raises(Refusal, match="holds 'thesis.tex', which is not of an earlier result"):
        generate(network(), CONFIGURATION, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(Refusal, match="there is a file of this name"):
        generate(network(), CONFIGURATION, tmp_path / "thesis.tex")
    with pytest.raises(Refusal, match="cannot be written"):
        generate(network(), CONFIGURATION, tmp_path / "thesis.tex" / "below")


def test_an_earlier_result_is_replaced_unless_something_was_added(tmp_path):
    folder = tmp_path / "design"
    for _ in range(2):
        generate(network(), CONFIGURATION, folder)
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("irreplaceable")
    with pytest.raises(Refusal, match=r"holds 'notes/mine\.txt', which is not of an earlier result"):
        generate(network(), CONFIGURATION, folder)
    assert (folder / "notes" / "mine.txt").read_text() == "irreplaceable"
    other = tmp_path / "webapp"
    other.mkdir()
    (other / "manifest.json").write_text("{}")
    with pytest.raises(Refusal, match="holds 'manifest.json'"):
        generate(network(), CONFIGURATION, other)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["design", "webapp"]


def test_nothing_half_written_stays(tmp_path, monkeypatch):
    from spikeloom.golden.network import Network

    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Network, "save", full)
    with pytest.raises(Refusal, match=r"cannot be written \(No space left on device\); free space"):
        generate(network(), CONFIGURATION, tmp_path / "design")
    assert list(tmp_path.iterdir()) == []

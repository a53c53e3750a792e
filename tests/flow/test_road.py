"""From a network to checked Verilog, by commands; the place and route of a board is tested where boards are."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from spikeloom import packaged

DIGITS = packaged.find("digits")


@pytest.fixture(scope="session")
def rtl(loom, tmp_path_factory) -> Path:
    from spikeloom import generate

    folder = tmp_path_factory.mktemp("flow") / "rtl"
    generate(loom, output=folder)
    return folder


def test_generate_writes_a_folder_that_says_what_it_is(run, loom, rtl):
    assert "Wrote again: accelerator.v" in run("generate", loom, "-o", "again").stdout
    assert {p.name: p.read_bytes() for p in Path("again").iterdir()} == {p.name: p.read_bytes() for p in rtl.iterdir()}
    Path("c.yaml").write_text("lanes: 8\n")
    manifest = run.json("generate", loom, "-o", "again", "--config", "c.yaml", "--board", "icebreaker")
    assert manifest["configuration"]["lanes"] == 8
    assert manifest == json.loads(Path("again/manifest.json").read_text())


def test_verify_compares_everything(run, rtl):
    report = run.json("verify", rtl, "--data", DIGITS.test, "--samples", "3")
    assert report["ok"]
    assert report["cells"] == 3 * 25 * (128 + 10)
    assert report["differences"] == 0 < report["events"]
    assert not Path("mismatch").exists()


def test_verify_names_a_difference_and_leaves_a_reproducer(run, rtl):
    shutil.copytree(rtl, "wrong")
    image, manifest = Path("wrong/core0_weights0.mem"), Path("wrong/manifest.json")
    words = image.read_text().split()
    words[3] = f"{int(words[3], 16) ^ 0x10:0{len(words[3])}x}"
    image.write_text("\n".join(words) + "\n")
    assert "core0_weights0.mem: missing, or not what the manifest says" in run.refused(
        "verify", "wrong", "--data", DIGITS.test
    )
    document = json.loads(manifest.read_text())
    document["images"][image.name] = hashlib.sha256(image.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(document))
    text = run("verify", "wrong", "--data", DIGITS.test, "--samples", "3", "-o", "found", status=1).stdout
    assert re.search(
        r"RTL differs from golden: sample \d, step \d+, population 'lif\d', neuron \d+: expected \d, got", text
    )
    assert run.json("verify", "found", "--data", "found/sample.npz", status=1)["mismatch"]


def test_the_hardware_answers_like_the_model(run, loom):
    with np.load(DIGITS.test) as test:
        np.savez("few.npz", x=test["x"][:3], y=test["y"][:3])
    answers = []
    for on in ("golden", "rtl"):
        run("run", loom, "--data", "few.npz", "--on", on, "-o", f"{on}.npz")
        with np.load(f"{on}.npz") as saved:
            answers.append({name: saved[name].tolist() for name in saved.files})
    assert answers[0] == answers[1]


def test_a_missing_tool_is_named(run, rtl, monkeypatch):
    monkeypatch.setenv("NEXTPNR_ECP5", "/nowhere/nextpnr-ecp5")
    assert "nextpnr-ecp5 is not at '/nowhere/nextpnr-ecp5'" in run.refused(
        "build", rtl, "--board", "ulx3s-85f", "-o", "out"
    )


def test_a_network_too_large_for_its_board_is_refused_before_any_tool_runs(run, tmp_path_factory):
    mnist = packaged.find("mnist")
    loom = tmp_path_factory.mktemp("mnist") / "mnist.loom"
    run("convert", mnist.model, "--data", mnist.calibration, "-o", loom, "--convention", "snntorch")
    message = run.refused("build", loom, "--board", "icebreaker", "-o", "out")
    assert "does not fit iCEBreaker" in message
    assert "too many" in message
    assert "What would help" in message

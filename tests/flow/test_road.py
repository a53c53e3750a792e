"""From a network to checked Verilog, by commands; the place and route of a board is tested where boards are."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
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
    manifest = run.json("generate", loom, "-o", "again", "--config", "c.yaml", "--board", "ice40-hx8k")
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
    assert "The comparison ended there, with 3 of 360 samples compared." in text
    assert run.json("verify", "found", "--data", "found/sample.npz", status=1)["mismatch"]


def test_the_hardware_answers_like_the_model(run, loom):
    with np.load(DIGITS.test) as test:
        np.savez("few.npz", x=test["x"][:3], y=test["y"][:3])
    answers = []
    for on in ("golden", "rtl"):
        text = run("run", loom, "--data", "few.npz", "--on", on, "--record", "all", "-o", f"{on}.npz").stdout
        assert ("Without potentials" in text) is (on == "rtl")
        with np.load(f"{on}.npz") as saved:
            names = [name for name in saved.files if not name.startswith("potentials")]
            answers.append({name: saved[name].tolist() for name in names})
    assert answers[0] == answers[1]


def test_a_missing_tool_is_named(run, rtl, monkeypatch):
    monkeypatch.setenv("NEXTPNR_ECP5", "/nowhere/nextpnr-ecp5")
    assert "nextpnr-ecp5 is not at '/nowhere/nextpnr-ecp5'" in run.refused(
        "build", rtl, "--board", "ulx3s-85f", "-o", "out"
    )


def test_the_folder_around_the_verilog_is_told_from_it(run, rtl):
    shutil.copytree(rtl, "demo/rtl")
    assert "(it has no manifest.json); did you mean demo/rtl?" in run.refused("verify", "demo", "--data", DIGITS.test)
    assert run.refused("build", ".", "--board", "icebreaker", "-o", "out").endswith("(it has no manifest.json)")


def test_a_network_too_large_for_its_board_is_refused_before_any_tool_runs(run, tmp_path_factory):
    mnist = packaged.find("mnist")
    loom = tmp_path_factory.mktemp("mnist") / "mnist.loom"
    run("convert", mnist.model, "--data", mnist.calibration, "-o", loom, "--convention", "snntorch")
    for words in (
        ("build", loom, "-o", "out"),
        ("generate", loom, "-o", "out"),
        ("verify", loom, "--data", mnist.test),
    ):
        message = run.refused(*words, "--board", "ice40-hx8k")
        assert "does not fit iCE40-HX8K" in message
        assert "too many" in message
        assert "What would help: a larger board (" in message


def test_a_folder_takes_neither_board_nor_configuration(run, rtl):
    assert "leave out --board" in run.refused("verify", rtl, "--data", DIGITS.test, "--board", "icebreaker")
    assert "leave out --config" in run.refused("verify", rtl, "--data", DIGITS.test, "--config", "c.yaml")


@pytest.mark.parametrize(
    "words, message",
    [
        ("--family ice40", "--family is of a netlist; add --level netlist, or leave it out"),
        ("--output-registers", "--output-registers is of a netlist; add --level netlist, or leave it out"),
        ("--level netlist", "Add --family, one of ecp5, ice40, gowin"),
        ("--level netlist --family ice4", "There are no models of cells for the family 'ice4'; did you mean ice40?"),
        ("--level netlist --family vax", "'vax'; there are models for ecp5, ice40, gowin"),
        (
            "--level netlist --family ecp5 --simulator amaranth",
            "simulated in Verilator; leave out --simulator amaranth",
        ),
        ("--level netlist --family ice40 --output-registers", "its block RAM has no output registers"),
    ],
)
def test_what_no_netlist_can_be_is_refused(run, rtl, words, message):
    assert message in run.refused("verify", rtl, "--data", DIGITS.test, *words.split())


def test_a_board_has_one_family(run, loom):
    words = ("verify", loom, "--data", DIGITS.test, "--level", "netlist")
    message = run.refused(*words, "--board", "icebreaker", "--family", "ecp5")
    assert message.endswith("is of the family ice40, not ecp5; leave out --family")
    assert "no models of cells for the family 'xilinx7'" in run.refused(*words, "--board", "arty-a7")


def test_a_demo_spares_what_it_did_not_make(run):
    Path("mine/rtl").mkdir(parents=True)
    Path("mine/rtl/thesis.txt").touch()
    assert "thesis.txt" in run.refused("demo", "-o", "mine")


def test_functions_take_plain_values(loom, tmp_path):
    import spikeloom

    assert spikeloom.generate(loom, output=tmp_path / "out", config={"lanes": 8})["configuration"]["lanes"] == 8
    with np.load(DIGITS.test) as test:
        x, y = test["x"][:9], test["y"][:9]
    assert spikeloom.run(loom, data=x).accuracy is None
    assert spikeloom.run(loom, data=spikeloom.Data(x=x, y=y)).accuracy > 0.8
    with pytest.raises(spikeloom.Refusal, match="the fields are lanes, units"):
        spikeloom.generate(loom, output=tmp_path / "out", config={"bananas": 8})
    with pytest.raises(spikeloom.Refusal, match="config is a path.*not int"):
        spikeloom.generate(loom, output=tmp_path / "out", config=8)
    with pytest.raises(spikeloom.Refusal, match="data is a path.*not list"):
        spikeloom.run(loom, data=[1])


def test_ended_by_the_system_it_leaves_nothing(run, rtl, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(run.folder))
    command = [sys.executable, "-m", "spikeloom", "verify", str(rtl), "--data", str(DIGITS.test)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(run.folder.glob("spikeloom-*/*")):
        time.sleep(0.05)
    time.sleep(1)  # the simulation starts
    process.terminate()
    text = "".join(process.communicate(timeout=20))
    assert process.returncode == 143, text
    assert "Traceback" not in text
    assert not list(run.folder.iterdir())

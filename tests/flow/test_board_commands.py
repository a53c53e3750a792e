"""The commands around a board on the desk, doctor for one board and flash, with stand-ins for the tools."""

import json
from pathlib import Path

import pytest

from spikeloom import api, health
from spikeloom.boards import blinky, loader
from spikeloom.boards.reports import Clock
from spikeloom.golden.network import Refusal


def works(folder):
    return Path("/somewhere"), "1.0"


@pytest.fixture
def probed(monkeypatch):
    """Which tools were looked for; all of them work."""
    names = []

    def probe(name):
        return lambda folder: names.append(name) or works(folder)

    entries = tuple((name, use, required, probe(name), fix) for name, use, required, _, fix in health._TOOLS)
    monkeypatch.setattr(health, "_TOOLS", entries)
    return names


@pytest.fixture
def built(monkeypatch):
    """Stands for the road to a bitstream; whether its clock is met can be set."""
    report = {"met": True}

    def build(board, directory, *, progress):
        directory.mkdir()
        (directory / "blinky.bin").write_bytes(b"")
        return blinky.BlinkyReport(
            board=board,
            device="iCE40UP5K",
            lamps=2,
            core_mhz=42.0,
            bitstream="blinky.bin",
            sha256="0",
            clocks={"clk": Clock(achieved_mhz=65.0 if report["met"] else 20.0, constraint_mhz=42.0)},
            timing_met=report["met"],
            tools={},
            seconds={},
        )

    monkeypatch.setattr(blinky, "blinky", build)
    return report


@pytest.mark.parametrize(
    "board, own",
    [("ulx3s-85f", ["nextpnr-ecp5", "ecppack"]), ("icebreaker", ["nextpnr-ice40", "icepack"])],
)
def test_doctor_looks_only_for_what_a_board_needs(run, probed, board, own):
    document = run.json("doctor", "--board", board)
    assert probed == ["python", "amaranth", "yosys", *own, "openFPGALoader"]
    assert [tool["name"] for tool in document["tools"]] == probed
    assert document["ok"] and document["blinky"] is None
    assert [tool["required"] for tool in document["tools"]] == [True] * 5 + [False]
    probed.clear()
    run("doctor")
    assert len(probed) == len(health._TOOLS) == 16


def test_doctor_looks_for_the_loader_where_flash_does(run, monkeypatch, tmp_path):
    monkeypatch.setattr(health, "_TOOLS", tuple(entry for entry in health._TOOLS if entry[0] == loader.NAME))
    tool = tmp_path / "mine"
    tool.write_text("#!/bin/sh\necho openFPGALoader v0.12.1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("OPENFPGALOADER", str(tool))
    (found,) = run.json("doctor")["tools"]
    assert (found["path"], found["version"], found["problem"]) == (str(tool), "0.12.1", None)
    monkeypatch.setenv("OPENFPGALOADER", "/nowhere/x")
    assert "is not at '/nowhere/x'" in run("doctor").stdout
    monkeypatch.delenv("OPENFPGALOADER")
    monkeypatch.setenv("PATH", "")
    assert "was not found. Remedy: install the package openfpgaloader" in run("doctor").stdout


def test_doctor_names_the_variable_that_chose_a_broken_tool(run, monkeypatch, tmp_path):
    every, broken = health._TOOLS, tmp_path / "garbage"
    broken.write_text("garbage")
    broken.chmod(0o755)
    for name, variable in (("yosys", "YOSYS"), ("icepack", "ICEPACK"), (loader.NAME, "OPENFPGALOADER")):
        monkeypatch.setenv(variable, str(broken))
        entry = next(entry for entry in every if entry[0] == name)
        monkeypatch.setattr(health, "_TOOLS", ((*entry[:2], True, *entry[3:]),))
        text = run("doctor", status=1).stdout.replace("\n", " ")
        assert "cannot be started: Exec format error. Remedy: correct or unset the environment variable" in text
        assert f"variable {variable}, which says '{broken}'" in text


def test_blinky_says_what_to_do_next(run, probed, built):
    text = run("doctor", "--board", "icebreaker", "--blinky").stdout
    assert "clock clk: 65.0 MHz possible, 42.0 asked: met" in text
    assert "Wrote spikeloom-blinky/blinky.bin; flash it with: spikeloom flash spikeloom-blinky\n" in text
    assert "the 2 lamps of icebreaker blink once a second" in text
    document = run.json("doctor", "--board", "icebreaker", "--blinky", "-o", "there")
    assert (document["output"], document["blinky"]["bitstream"]) == ("there", "blinky.bin")
    built["met"] = False
    document = run.json("doctor", "--board", "icebreaker", "--blinky", "-o", "missed", status=1)
    assert not document["ok"] and not document["blinky"]["timing_met"]


def test_blinky_is_not_built_without_its_tools(run, monkeypatch, built):
    def missing(folder):
        raise FileNotFoundError

    monkeypatch.setattr(health, "_TOOLS", (("yosys", "synthesises", True, missing, "install it"),))
    assert "MISSING" in run("doctor", "--board", "icebreaker", "--blinky", status=1).stdout
    assert not Path("spikeloom-blinky").exists()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--blinky"], "A bitstream that blinks is for one board: give --board too"),
        (["--board", "icebreaker", "-o", "x"], "Only the bitstream of --blinky is written anywhere: give --blinky too"),
        (["--board", "icebraker"], "There is no board 'icebraker'; did you mean icebreaker"),
    ],
)
def test_doctor_refuses_what_it_cannot_do(run, probed, words, message):
    assert run.refused("doctor", *words).startswith(message)
    assert probed == []


def test_flash_in_words_and_json(run, monkeypatch, tmp_path):
    Path("x.bit").write_bytes(b"\xff\x00Part: LFE5U-85F-6CABGA381\x00\xff\xff\xff\xbd\xb3")
    calls = []
    monkeypatch.setattr(loader, "load", lambda *given: calls.append(given[2:4]))
    text = run("flash", "x.bit", "--board", "ulx3s-85f", "--to", "flash", "--cable", "ft232").stdout
    assert "note: which clocks and pins it expects is not known" in text
    assert "Loaded x.bit into the flash of ulx3s-85f, also after its power was off." in text
    document = run.json("flash", "x.bit", "--board", "ulx3s-85f")
    assert (document["board"], document["to"], document["bitstream"]) == ("ulx3s-85f", "sram", "x.bit")
    assert calls == [("flash", "ft232"), ("sram", None)]

    def fail(*_):
        raise Refusal("No ULX3S was found: plug it in; the last that openFPGALoader said:\n  [red]really")

    monkeypatch.setattr(loader, "load", fail)
    assert run.refused("flash", "x.bit", "--board", "ulx3s-85f").endswith("said:\n  [red]really")
    error = json.loads(run("flash", "x.bit", "--board", "ulx3s-85f", "--json", status=1).stdout)["error"]
    assert error.startswith("No ULX3S was found")
    assert "--to" in run("flash", "x.bit", "--to", "moon", status=2).stderr
    with pytest.raises(Refusal, match="^A bitstream goes to 'sram' or 'flash', not 'moon'$"):
        api.flash("x.bit", to="moon")

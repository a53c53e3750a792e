"""The project for Vivado: whole, of the network's own Verilog, and with no word about a clock that nobody measured."""

import dataclasses
import json
import re

import pytest

import small
import spikeloom
from spikeloom.boards import implementation, tools, vivado
from spikeloom.boards.build import build
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.flash import flash
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.folder import CONTENTS

BRACES = {"{": "}", "[": "]"}


def balanced(script):
    """Braces and brackets of a Tcl script close in their order, outside of strings and comments."""
    open_, text = [], re.sub(r'(?m)^\s*#.*$|"(\\.|[^"\\])*"', "", script)
    for letter in text:
        if letter in BRACES:
            open_.append(BRACES[letter])
        elif letter in BRACES.values() and (not open_ or open_.pop() != letter):
            return False
    return not open_


def test_the_check_of_scripts_sees_what_is_open():
    assert balanced('set a [list {b c}]\n# {\nputs "{"') and not balanced("set a [list {b c]}")


@pytest.fixture
def no_tools(monkeypatch):
    monkeypatch.setattr(tools, "find", lambda name: pytest.fail(f"{name} was called"))


@pytest.mark.parametrize("name, top", [("arty-a7", "chip"), ("arty-z7", "accelerator_axi")])
def test_generate_writes_all_that_the_scripts_name(tmp_path, no_tools, name, top):
    folder, board = tmp_path / "out", BOARDS[name]
    manifest = spikeloom.generate(small.network(), output=folder, board=name)
    there = {path.name for path in folder.iterdir()}
    assert there - {CONTENTS} == set((folder / CONTENTS).read_text().split()) - {CONTENTS}
    package, make = ((folder / script).read_text() for script in (vivado.PACKAGE, vivado.BUILD))
    for script in (package, make):
        assert balanced(script) and "@" not in script and board.option in script
    assert f"module {top}(" in (folder / f"{top}.v").read_text() and f"set_property top {top} " in package
    assert set(re.search(r"foreach name \{(.*?)\}", package)[1].split()) == {f"{top}.v", "accelerator.v"} <= there
    assert set(re.findall(r"[\w./]*?(\w+\.(?:v|xdc))\b", make)) <= there
    assert any(image.endswith(".mem") for image in manifest["images"]) and "*.mem" in package


def test_the_pins_are_the_boards(tmp_path, no_tools):
    spikeloom.generate(small.network(), output=tmp_path / "out", board="arty-a7")
    constraints = (tmp_path / "out" / "top.xdc").read_text()
    ports = re.findall(r"get_ports \"(\w+)\"", constraints)
    top = (tmp_path / "out" / "top.v").read_text()
    assert {"uart_0__rx__io", "uart_0__tx__io", "clk100_0__io"} <= set(ports)
    assert all(f" {port};" in top for port in ports) and "accelerator " in top and "PLLE2_BASE" in top


def test_a_build_counts_resources_and_claims_nothing_else(tmp_path, monkeypatch):
    cells = {"LUT4": 100, "LUT6": 20, "RAM32M": 2, "CARRY4": 30, "FDRE": 90, "RAMB18E1": 3, "RAMB36E1": 1, "DSP48E1": 1}
    scripts = []

    def run(tool, arguments, *, folder, log, **_):
        scripts.append((folder / arguments[0]).read_text())
        return 1.0

    monkeypatch.setattr(tools, "run", run)
    monkeypatch.setattr(implementation, "cell_counts", lambda path, top: cells)
    report = build(small.network(), Configuration(lanes=2), "arty-z7", tmp_path / "out")
    assert "synth_xilinx" in scripts[0] and "read_verilog accelerator.v accelerator_axi.v" in scripts[0]
    assert dataclasses.asdict(report.used) == {"lut": 128, "ff": 90, "block_ram": 5, "dsp": 1}
    assert "place and route has not run" in report.remarks[0]
    written = json.loads((tmp_path / "out" / vivado.REPORT).read_text())
    assert written == json.loads(report.to_json())
    assert not {"clocks", "fmax_mhz", "timing_met", "bitstream"} & set(written)
    assert (tmp_path / "out" / "rtl" / vivado.BUILD).is_file()
    with pytest.raises(Refusal, match="holds a project; its vendor's tools make the bitstream"):
        flash(tmp_path / "out")
    with pytest.raises(Refusal, match="only the vendor's tools make one for arty-z7"):
        spikeloom.demo("digits", board="arty-z7", output=tmp_path / "demo")

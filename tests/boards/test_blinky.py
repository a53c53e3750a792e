"""The bitstream without a network: really built for one board, synthesised for the other, its blinking simulated."""

import hashlib
import json

import pytest
from amaranth.sim import Simulator

from spikeloom.boards import loader, tools
from spikeloom.boards.blinky import REPORT, Blink, Blinky, blinky
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.flash import flash
from spikeloom.boards.implementation import Implementation
from spikeloom.golden.network import Refusal


@pytest.mark.parametrize("half", [1, 2, 5])
def test_half_a_period(half):
    blink, seen = Blink(half), []

    async def watch(ctx):
        for _ in range(4 * half):
            seen.append(ctx.get(blink.o))
            await ctx.tick()

    simulator = Simulator(blink)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    assert seen == ([0] * half + [1] * half) * 2


def test_no_period_is_refused():
    with pytest.raises(ValueError, match=r"^Half a period must be at least 1 clock, not 0$"):
        Blink(0)


@pytest.mark.parametrize("name, pll, lamps", [("ulx3s-85f", "EHXPLLL", 8), ("icebreaker", "SB_PLL40_PAD", 2)])
def test_clock_and_lamps_are_those_of_real_designs(tmp_path, name, pll, lamps):
    board = BOARDS[name]
    design = Blinky(board)
    Implementation(board, tmp_path, tmp_path).synthesise_top(design)
    module = json.loads((tmp_path / "top.json").read_text("utf-8"))["modules"]["top"]
    assert sum(cell["type"] == pll for cell in module["cells"].values()) == 1
    assert design.lamps == lamps == sum(port.startswith("led") for port in module["ports"])
    constraints = (tmp_path / f"top.{FAMILIES[board.family].constraints}").read_text()
    assert constraints.count("led_") >= lamps and board.crystal in constraints


def test_a_bitstream_that_flash_takes(tmp_path, monkeypatch):
    stages = []
    report = blinky("icebreaker", tmp_path / "out", progress=stages.append)
    assert stages == ["synthesise", "place and route", "pack"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [".spikeloom", "blinky.bin", REPORT, "build"]
    content = (tmp_path / "out" / report.bitstream).read_bytes()
    assert len(content) > 100_000 and hashlib.sha256(content).hexdigest() == report.sha256
    assert report.timing_met and report.clocks and report.core_mhz == 42 and report.lamps == 2

    loaded = []
    monkeypatch.setattr(loader, "load", lambda board, path, *_: loaded.append((board.name, path)))
    assert flash(tmp_path / "out").to == "flash"
    assert loaded == [("icebreaker", tmp_path / "out" / "blinky.bin")]
    with pytest.raises(Refusal, match="was built for icebreaker"):
        flash(tmp_path / "out", board="ulx3s-85f")


def test_a_failing_tool_leaves_nothing(tmp_path, monkeypatch):
    broken = tmp_path / "yosys"
    broken.write_text("#!/bin/sh\necho it broke\nexit 3\n", "utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("YOSYS", str(broken))
    with pytest.raises(tools.ToolFailure, match=r"^yosys ended with status 3; the last it said:\n  it broke$"):
        blinky("icebreaker", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["yosys"]

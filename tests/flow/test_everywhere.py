"""One network on every open board: what is said of each, and how it ends, with a stand-in for the builds."""

import re
from dataclasses import replace

import pytest

from spikeloom import api
from spikeloom.boards.board import Resources
from spikeloom.boards.build_report import BuildReport
from spikeloom.boards.fit import DoesNotFit
from spikeloom.boards.reports import Clock
from spikeloom.everywhere import OPEN
from spikeloom.golden.network import Refusal

USED, OF = Resources(lut=1000, ff=500, block_ram=8, dsp=0), Resources(lut=4000, ff=4000, block_ram=32, dsp=0)
SMALL, SLOW, BROKEN = "icebreaker", "tang-nano-9k", "gatemate-evb"
GOOD = BuildReport(
    board="",
    device="d",
    speed="",
    seed=1,
    output_registers=False,
    core_mhz=50.0,
    baud=1_000_000,
    bitstream="spikeloom.bin",
    sha256="0",
    network="n",
    verilog_sha256="v",
    configuration={},
    used=USED,
    available=OF,
    clocks={"clk": Clock(achieved_mhz=61.25, constraint_mhz=50.0)},
    timing_met=True,
    paths=(),
    tools={},
    clocks_per_inference=2500.0,
    remarks=("clocks are optimistic",),
)


@pytest.fixture
def builds(monkeypatch):
    """Which boards were built with which options; ``wrong``: what happens on a board instead."""
    made, wrong = {}, {}

    def build(source, *, board, output, progress, **options):
        progress("synthesise")
        made[board] = options
        if board in wrong:
            raise wrong[board]
        slow = {"clocks": {"clk": Clock(achieved_mhz=40.0, constraint_mhz=50.0)}, "timing_met": False}
        return replace(GOOD, board=board, **(slow if board == SLOW and "slow" in wrong else {}))

    monkeypatch.setattr(api, "build", build)
    return made, wrong


def test_every_open_board_is_built_and_one_that_is_too_small_is_no_failure(run, loom, builds):
    made, wrong = builds
    wrong[SMALL] = DoesNotFit("The network does not fit iCEBreaker: block RAM 40 of 30 (10 too many)")
    text = run("build", loom, "--board", "all-open", "-o", "all", "--seed", "7", "--no-cache").stdout
    assert tuple(made) == OPEN and len(OPEN) >= 10 and "arty-a7" not in OPEN
    assert all(options["seed"] == 7 and options["cache"] is False for options in made.values())
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    columns, cells = (re.split(r"  +", lines[name].strip()) for name in ("board", "ulx3s-85f"))
    assert columns == ["board", "fits", "logic", "flip-flops", "block RAM", "MHz of asked", "latency", "bitstream"]
    assert cells[1:] == ["yes", "25.00 %", "12.50 %", "25.00 %", "61.2 of 50", "50.0 µs", "ulx3s-85f/spikeloom.bin"]
    assert " no " in next(line for line in text.splitlines() if line.startswith(f"{SMALL} "))
    assert f"{SMALL}: The network does not fit iCEBreaker: block RAM 40 of 30 (10 too many)" in text
    assert "note: ulx3s-85f, ulx3s-25f, " in text and ": clocks are optimistic" in text
    assert "did you mean all-open?" in run.refused("build", loom, "--board", "all-opn", "-o", "all")


def test_a_failure_and_missed_timing_do_not_stop_the_others(run, loom, builds):
    made, wrong = builds
    wrong |= {BROKEN: Refusal("nextpnr ended with status 1\nThe whole log is x.log"), "slow": True}
    document = run.json("build", loom, "--board", "all-open", "-o", "all", status=1)
    found = {one["board"]: one for one in document["boards"]}
    assert tuple(made) == OPEN == tuple(found)
    assert document["ok"] is False
    assert {name for name, one in found.items() if not one["ok"]} == {SLOW, BROKEN}
    assert (found[BROKEN]["fits"], found[BROKEN]["report"]) == (None, None)
    assert found[BROKEN]["about"].endswith("x.log")
    assert found[SLOW]["report"]["timing_met"] is False
    assert found["ulx3s-85f"]["report"]["latency_us"] == 50
    text = run("build", loom, "--board", "all-open", "-o", "all", status=1).stdout
    assert f"{SLOW}: its timing is missed" in text and "The whole log is x.log" in text


def test_a_place_that_cannot_be_written_is_refused_once(run, loom, builds):
    made, _ = builds
    run.folder.joinpath("file").write_text("mine")
    assert "cannot be written" in run.refused("build", loom, "--board", "all-open", "-o", "file/all")
    said = run.refused("build", loom, "--board", "all-open", "-o", "file")
    assert said.endswith("/file: there is a file of this name; choose another folder")
    assert not made


def test_nothing_is_left_where_nothing_was_made(run, loom, builds):
    _, wrong = builds
    wrong |= dict.fromkeys(OPEN, Refusal("no"))
    run.folder.joinpath("mine").mkdir()
    run("build", loom, "--board", "all-open", "-o", "mine/new/all", status=1)
    run("build", loom, "--board", "all-open", "-o", "mine", status=1)
    assert [path.name for path in run.folder.rglob("*")] == ["mine"]


@pytest.mark.parametrize(
    "source, options, said",
    [
        ("no.loom", (), "no.loom"),
        ("loom", ("--config", "no.yaml"), "no.yaml"),
        ("loom", ("--cores", "65"), "Configuration refused. cores: "),
        ("loom", ("--data", "no.npz"), "no.npz"),
        ("folder", (), "folder"),
        ("loom", ("--baud", "5"), "No board can be built; for ulx3s-85f: A clock of 100 MHz cannot make 5 baud; "),
        ("generated", ("--cores", "2"), "generated: was generated with a configuration of its own; leave out --cores"),
        ("garbage", (), "The tool yosys at './garbage', where the environment variable YOSYS says, cannot be started"),
    ],
)
def test_what_is_wrong_for_every_board_is_refused_once(run, loom, builds, monkeypatch, source, options, said):
    made, _ = builds
    run.folder.joinpath("folder").mkdir()
    if source == "generated":
        api.generate(loom, output=source)
    if source == "garbage":
        run.folder.joinpath(source).write_text("garbage")
        run.folder.joinpath(source).chmod(0o755)
        monkeypatch.setenv("YOSYS", "./garbage")
    source = loom if source in ("loom", "garbage") else source
    assert said in run.refused("build", source, *options, "--board", "all-open", "-o", "all")
    assert not made

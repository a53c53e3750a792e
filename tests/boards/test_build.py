"""Real builds of something tiny, and every way in which a build is refused. A build costs seconds: few are made."""

import json
import re
import stat

import numpy as np
import pytest

from spikeloom.boards import implementation, tools
from spikeloom.boards.build import build
from spikeloom.golden.network import Dense, Network, Neuron, Population, Projection, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate

PARAMETERS = {"keep": 30, "threshold": 40, "subtract": 40, "v_min": -2048, "v_reset": 0, "v_init": 0, "bias": 0}
OPTIONS = {"reset": "subtract", "reset_when": "same-step", "spikes": "one", "decay_bits": 5, "guard": 2}
STAGES = ["generate", "prepare", "synthesise", "place and route", "pack"]


def network(inputs, neurons, bits=4):
    limit = 1 << bits - 1
    weights = np.random.default_rng(1).integers(-limit, limit, (inputs, neurons))
    neuron = Neuron(model="lif", states={"v": 12}, parameters=PARAMETERS, options=OPTIONS)
    return Network(
        populations=(Population(name="in", shape=(inputs,)), Population(name="out", shape=(neurons,), neuron=neuron)),
        projections=(Projection(source="in", target="out", synapses=Dense(weights=weights, bits=bits)),),
        output="out",
    )


TINY = Configuration(lanes=1)


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A tiny network on the iCEBreaker: where its build is, its report, and the stages that were announced."""
    folder = tmp_path_factory.mktemp("tiny")
    stages = []
    rtl = folder / "generated"
    generate(network(3, 4), TINY, rtl)
    report = build(rtl, None, "icebreaker", folder / "first", progress=stages.append)
    return folder, report, stages


def test_a_bitstream_and_its_report(tiny):
    folder, report, stages = tiny
    assert stages == STAGES
    assert left_behind(folder) == ["first", "generated"]
    assert left_behind(folder / "first") == [".spikeloom", "build", "build.json", "rtl", "spikeloom.bin"]
    bitstream = (folder / "first" / report.bitstream).read_bytes()
    assert len(bitstream) > 100_000 and b"\x7e\xaa\x99\x7e" in bitstream[:64], "an iCE40 image with its preamble"
    for name in ("accelerator.v", "manifest.json"):
        assert (folder / "first" / "rtl" / name).read_bytes() == (folder / "generated" / name).read_bytes()

    assert (report.board, report.device, report.core_mhz, report.baud) == ("icebreaker", "iCE40UP5K", 42.0, 1_000_000)
    assert 0 < report.used.ff < report.used.lut < report.available.lut == 5280
    assert 0 < report.used.block_ram <= report.available.block_ram == 30
    assert report.timing_met is (report.fmax_mhz >= 42) and report.paths
    assert set(report.tools) == {"yosys", "nextpnr-ice40", "icepack"}
    assert set(report.seconds) == set(STAGES[2:])
    written = json.loads((folder / "first" / "build.json").read_text("utf-8"))
    assert written == json.loads(report.to_json()) and written["memory_map"]
    assert written["sha256"] == report.sha256 and written["latency_us"] is None

    timed = report.with_clocks(4200)
    assert timed.latency_us == 100 and timed.inferences_per_second == 10_000


def test_the_same_inputs_give_the_same_bytes(tiny):
    folder, report, _ = tiny

    def content():
        files = [path for path in (folder / "first").rglob("*") if path.is_file() and path.suffix != ".log"]
        return {path.relative_to(folder): path.read_bytes() for path in files}

    before = content()
    again = build(network(3, 4), TINY, "icebreaker", folder / "first")  # over the earlier result
    assert again.sha256 == report.sha256
    assert content() == before and len(before) > 10
    assert left_behind(folder) == ["first", "generated"]


def test_too_much_memory_is_refused_before_any_tool(tmp_path):
    stages = []
    with pytest.raises(Refusal) as refusal:
        build(network(200, 100, bits=8), Configuration(lanes=8), "icebreaker", tmp_path / "out", progress=stages.append)
    assert re.fullmatch(
        r"The network does not fit iCEBreaker with iCE40UP5K: memory bits \d+ of 122880 \(\d+ too many\)\. "
        r"Most of its memory takes the matrix of 'in -> [^']+', \d+ bits, then the events of 'in', 3200\. "
        r"What would help: the board's usual configuration \(leave out --config\), or 'weights: single-port', "
        r"or fewer weight bits \(2 instead of 8 when converting\), or a larger board \(tang-nano-9k, .*\)",
        str(refusal.value),
    )
    assert stages == ["generate"]
    assert left_behind(tmp_path) == []


def test_too_much_logic_is_refused_after_synthesis(tmp_path, monkeypatch):
    cells = {"SB_LUT4": 6000, "SB_DFF": 100, "SB_MAC16": 9}
    monkeypatch.setattr(implementation, "cell_counts", lambda path, top: cells)
    monkeypatch.setattr(tools, "run", lambda name, *_, log, **__: log.write_text(name) and 1.0)
    with pytest.raises(Refusal) as refusal:
        build(network(3, 4), Configuration(lanes=8), "icebreaker", tmp_path / "out")
    log = tmp_path / "out.failed" / "build" / "synthesise.log"
    assert str(refusal.value) == (
        "The network does not fit iCEBreaker with iCE40UP5K: logic cells 6000 of 5280 (720 too many), "
        "multipliers 9 of 8 (1 too many). What may help: fewer lanes than 8, "
        f"or a larger board (ice40-hx8k, tang-nano-9k, tang-primer-20k)\nThe whole log is {log}"
    )
    assert log.read_text("utf-8") == "yosys"


def test_what_only_placing_finds_too_large_says_by_how_much(tmp_path, monkeypatch):
    table = "Info: Device utilisation:\nInfo: \t   ICESTORM_LC:    5300/   5280   100%\n"

    def run(name, *_, log, **__):
        log.write_text(table, "utf-8")
        if name == "nextpnr-ice40":
            raise tools.ToolFailure(
                "nextpnr-ice40 ended with status 255; the last it said:\n  ERROR: no BELs remaining"
            )
        return 1.0

    monkeypatch.setattr(implementation, "cell_counts", lambda path, top: {"SB_LUT4": 5000})
    monkeypatch.setattr(tools, "run", run)
    with pytest.raises(Refusal, match=r"logic cells 5300 of 5280 \(20 too many\)(?s:.*)place-and-route\.log$"):
        build(network(3, 4), TINY, "icebreaker", tmp_path / "out")
    table = "Info: Device utilisation:\nInfo: \t   ICESTORM_LC:    5200/   5280    98%\n"
    with pytest.raises(tools.ToolFailure, match=r"^nextpnr-ice40 ended with status 255(?s:.*)place-and-route\.log$"):
        build(network(3, 4), TINY, "icebreaker", tmp_path / "out")
    assert left_behind(tmp_path) == ["out.failed"]


def test_a_failing_tool_leaves_its_log_alone(tmp_path, monkeypatch):
    broken = tmp_path / "yosys"
    broken.write_text("#!/bin/sh\necho it broke\nexit 3\n", "utf-8")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("YOSYS", str(broken))
    log = tmp_path / "out.failed" / "build" / "synthesise.log"
    with pytest.raises(Refusal) as refusal:
        build(network(3, 4), TINY, "ulx3s-85f", tmp_path / "out")
    assert str(refusal.value) == (f"yosys ended with status 3; the last it said:\n  it broke\nThe whole log is {log}")
    assert log.read_text("utf-8") == "it broke\n"
    assert left_behind(tmp_path) == ["out.failed", "yosys"]


@pytest.mark.parametrize(
    "idle, log, missing",
    [
        ("yosys", "synthesise", "top.json and cells.json"),
        ("nextpnr-ice40", "place-and-route", "top.placed and report.json"),
        ("icepack", "pack", "top.bin"),
    ],
)
def test_a_tool_that_writes_nothing_has_failed(tmp_path, monkeypatch, idle, log, missing):
    cells = {"modules": {"\\top": {"num_cells_by_type": {"SB_LUT4": 10}}}}
    report = {"utilization": {}, "fmax": {}, "critical_paths": []}
    files = {
        "yosys": {"top.json": "{}", "cells.json": json.dumps(cells)},
        "nextpnr-ice40": {"top.placed": "placed", "report.json": json.dumps(report)},
        "icepack": {},
    }
    for name, written in files.items():
        here = '"$(dirname "$1")"/' if name == "yosys" else ""
        lines = [f"cat > {here}{file} <<'END'\n{text}\nEND" for file, text in written.items()]
        tool = tmp_path / name
        tool.write_text(
            "\n".join(["#!/bin/sh", '[ "$1" != --version ] || exit 0', *(lines if name != idle else [])]), "utf-8"
        )
        tool.chmod(0o755)
        monkeypatch.setenv(tools.TOOLS[name].variable, str(tool))
    with pytest.raises(tools.ToolFailure) as failure:
        build(network(3, 4), TINY, "icebreaker", tmp_path / "out")
    kept = tmp_path / "out.failed" / "build" / f"{log}.log"
    assert str(failure.value) == f"{idle} ended without {missing}; it said nothing\nThe whole log is {kept}"
    assert kept.is_file()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"board": "icebraker"}, "There is no board 'icebraker'; did you mean icebreaker or ice40-hx8k."),
        ({"core_hz": 1_000_000_000}, "The PLL cannot make 1000 MHz from 12 MHz; .*"),
        ({"baud": 5_000_000}, "A clock of 42 MHz cannot make 5000000 baud; .*"),
        ({"directory": "full"}, r".*/full: holds 'thesis\.txt', which is not of an earlier result.*"),
        ({"directory": "file"}, r".*/file: there is a file of this name.*"),
        ({"directory": "file/out"}, r".*/file/out: cannot be written, since a part of its path is a file; .*"),
        ({"source": "nothing"}, r".*/nothing: not a folder that 'spikeloom generate' wrote.*"),
        ({"source": "full", "configuration": TINY}, ".*/full: this Verilog is generated already; leave out the .*"),
    ],
)
def test_refusals_leave_nothing(tmp_path, arguments, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious", "utf-8")
    (tmp_path / "file").write_text("precious", "utf-8")
    given = {"source": network(3, 4), "configuration": None, "board": "icebreaker", "directory": "out"} | arguments
    given["directory"] = tmp_path / given["directory"]
    if isinstance(given["source"], str):
        given["source"] = tmp_path / given["source"]
    with pytest.raises(Refusal, match=f"^{message}$"):
        build(**given)
    assert left_behind(tmp_path) == ["file", "full"] and left_behind(tmp_path / "full") == ["thesis.txt"]


def test_a_missing_tool_is_said_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setenv("ICEPACK", "/nowhere/icepack")
    stages = []
    with pytest.raises(
        Refusal, match=r"^The tool icepack is not at '/nowhere/icepack', where the environment variable"
    ):
        build(network(3, 4), TINY, "icebreaker", tmp_path / "out", progress=stages.append)
    assert stages == [] and left_behind(tmp_path) == []

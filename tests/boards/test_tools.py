import re
import resource
import stat
import sys

import pytest

from spikeloom.boards import tools
from spikeloom.boards.families import FAMILIES
from spikeloom.golden.network import Refusal


@pytest.fixture
def no_tools(monkeypatch, tmp_path):
    """An environment in which nothing is installed."""
    for tool in tools.TOOLS.values():
        monkeypatch.delenv(tool.variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(tools, "_installed", lambda wheel: None)
    return tmp_path


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize("name", tools.TOOLS)
def test_a_missing_tool_says_how_to_get_it(no_tools, name):
    with pytest.raises(Refusal) as refusal:
        tools.find(name)
    assert str(refusal.value) == (f"The tool {name} is missing; install it with: pip install {tools.TOOLS[name].wheel}")


def test_the_users_choice_goes_first(no_tools, monkeypatch):
    wheel = script(no_tools / "yowasp-icepack", "")
    assert tools.find("icepack") == [str(wheel)]
    own = script(no_tools / "mine", "echo my own icepack 7; echo more")
    monkeypatch.setenv("ICEPACK", str(own))
    assert tools.find("icepack") == [str(own)]
    assert tools.version("icepack") == "icepack: my own icepack 7"


def test_a_wrong_choice_is_not_passed_over(no_tools, monkeypatch):
    script(no_tools / "yowasp-icepack", "")
    monkeypatch.setenv("ICEPACK", "/nowhere/icepack")
    with pytest.raises(Refusal) as refusal:
        tools.find("icepack")
    assert str(refusal.value) == (
        "The tool icepack is not at '/nowhere/icepack', where the environment variable ICEPACK says; "
        "correct or unset it"
    )


def test_a_native_tool_on_the_path_serves(no_tools):
    native = script(no_tools / "nextpnr-ecp5", "echo nextpnr-ecp5 -- version 0.9 >&2")
    assert tools.find("nextpnr-ecp5") == [str(native)]
    assert tools.version("nextpnr-ecp5") == "nextpnr-ecp5: nextpnr-ecp5 -- version 0.9"


def test_a_run_keeps_everything_said(no_tools):
    script(no_tools / "icepack", 'echo "got $1 in ${PWD##*/}"; echo also >&2')
    folder = no_tools / "work"
    folder.mkdir()
    log = no_tools / "log"
    assert tools.run("icepack", ["a b"], folder=folder, log=log, timeout=60) >= 0
    assert log.read_text("utf-8") == "got a b in work\nalso\n"


def test_a_failure_quotes_the_end_of_the_log(no_tools):
    script(no_tools / "icepack", "for k in 1 2 3 4 5 6 7 8 9 10; do echo line $k; done; exit 3")
    log = no_tools / "log"
    with pytest.raises(tools.ToolFailure) as failure:
        tools.run("icepack", [], folder=no_tools, log=log, timeout=60)
    lines = str(failure.value).split("\n")
    assert lines[0] == "icepack ended with status 3; the last it said:"
    assert lines[1:] == [f"  line {k}" for k in range(3, 11)]
    assert len(log.read_text("utf-8").splitlines()) == 10


@pytest.mark.parametrize(
    "text, problem",
    [
        ("kill -9 $$", "was killed (signal 9), perhaps for want of memory; it said nothing"),
        ("kill -15 $$", "was killed (signal 15); it said nothing"),
        ("echo done; echo made > made; : > empty", "ended without empty and missing; the last it said:\n  done"),
    ],
)
def test_how_a_tool_failed_is_said(no_tools, text, problem):
    script(no_tools / "icepack", text)
    writes = [no_tools / name for name in ("made", "empty", "missing")]
    with pytest.raises(tools.ToolFailure) as failure:
        tools.run("icepack", [], folder=no_tools, log=no_tools / "log", timeout=60, writes=writes)
    assert str(failure.value) == f"icepack {problem}"


@pytest.mark.parametrize(
    "text, problem",
    [
        ("garbage", r"cannot be started \(Exec format error\)"),
        ("#!/bin/sh\n/bin/sleep 60", "did not say its version in 0.2 s"),
    ],
)
def test_a_tool_that_is_none_is_told_by_what_chose_it(no_tools, monkeypatch, text, problem):
    monkeypatch.setattr(tools, "VERSION_SECONDS", 0.2)
    monkeypatch.chdir(no_tools)
    script(no_tools / "icepack", "").write_text(text, "utf-8")
    with pytest.raises(Refusal, match=f"^The tool icepack {problem}; install it again with: pip install --force-reins"):
        tools.version("icepack")
    monkeypatch.setenv("ICEPACK", "./icepack")
    chosen = rf"^The tool icepack at '\./icepack', where the environment variable ICEPACK says, {problem}; correct or"
    with pytest.raises(Refusal, match=chosen):
        tools.version("icepack")
    if text == "garbage":
        with pytest.raises(tools.ToolFailure, match=chosen):
            tools.run("icepack", [], folder=no_tools, log=no_tools / "log", timeout=60)


def test_a_choice_is_found_from_every_folder(no_tools, monkeypatch):
    script(no_tools / "mine", "echo hello")
    monkeypatch.chdir(no_tools)
    monkeypatch.setenv("ICEPACK", "./mine")
    (no_tools / "work").mkdir()
    tools.run("icepack", [], folder=no_tools / "work", log=no_tools / "log", timeout=60)
    assert (no_tools / "log").read_text("utf-8") == "hello\n"


@pytest.mark.parametrize("status", [0, 3])
def test_a_full_disk_is_said_whatever_the_tool_says(no_tools, status):
    script(no_tools / "yosys", f"echo it wrote what it could; exit {status}")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (tools.ROOM_BYTES // 2, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            tools.run("yosys", [], folder=no_tools, log=no_tools / "log", timeout=60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(path.name for path in no_tools.iterdir()) == ["log", "yosys"]


def test_an_endless_run_is_stopped(no_tools):
    script(no_tools / "icepack", "exec /bin/sleep 60")
    with pytest.raises(tools.ToolFailure, match=r"^icepack was stopped after 0\.2 s"):
        tools.run("icepack", [], folder=no_tools, log=no_tools / "log", timeout=0.2)


def test_yosys_runs_in_a_child_process(tmp_path):
    assert re.fullmatch(r"pyosys [0-9.]+", tools.version("yosys"))
    assert tools.find("yosys")[0] == sys.executable
    (tmp_path / "a.ys").write_text("read_verilog a.v\nhierarchy -check -top a\n", "utf-8")
    (tmp_path / "a.v").write_text("module a; b c(); endmodule\n", "utf-8")
    with pytest.raises(
        tools.ToolFailure, match=r"(?s)^yosys ended with status 1; the last it said:.*ERROR: Module `\\b'"
    ):
        tools.run("yosys", ["a.ys"], folder=tmp_path, log=tmp_path / "log", timeout=60)


def test_a_tool_that_finds_no_end_is_stopped(tmp_path, monkeypatch):
    """nextpnr's analytic placer on some designs; the default placer takes over."""
    script = (
        "import sys, time\nprint('Info: iter=3001 steplen=1.9', flush=True)\ntime.sleep(60 * ('static' in sys.argv))"
    )
    tool = tmp_path / "nextpnr"
    tool.write_text(f"#!{sys.executable}\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("NEXTPNR_ECP5", str(tool))
    monkeypatch.setattr(tools, "WATCH_SECONDS", 0.2)
    family, log = FAMILIES["ecp5"], tmp_path / "log"
    with pytest.raises(tools.ToolEndless, match="finds no end; the last it said:\n  Info: iter=3001"):
        tools.run("nextpnr-ecp5", family.placer, folder=tmp_path, log=log, timeout=60, endless=family.endless)
    assert tools.run("nextpnr-ecp5", [], folder=tmp_path, log=log, timeout=60, endless=family.endless) < 30
    assert not family.endless("Info: iter=454 steplen=1.2\nInfo: done\n")
    assert not family.endless("")

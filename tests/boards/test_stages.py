"""What is kept of a build's stages, with stand-ins for the tools: they write what the real ones would, and count."""

import errno
import hashlib
import json
import os

import pytest

from small import network
from spikeloom.boards import tools
from spikeloom.boards.build import build
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.kept import Kept

STAGES = ["synthesise", "place and route", "pack"]
TOOLS = ["yosys", "nextpnr-ice40", "icepack"]
CELLS = {"modules": {"\\top": {"num_cells_by_type": {"SB_LUT4": 10}}}}
REPORT = {
    "utilization": {"ICESTORM_LC": {"used": 10, "available": 5280}},
    "fmax": {"clk": {"achieved": 60.0, "constraint": 24.0}},
    "critical_paths": [],
}
TINY = Configuration(lanes=1)
KEPT = Kept(kind="boards", most_bytes=10_000_000)


class Bench:
    """Builds, and knows which tools ran. wrong: what happens to a tool that is named here."""

    def __init__(self, folder):
        self.folder, self.ran, self.wrong, self.versions = folder, [], {}, {}

    def run(self, name, arguments, *, folder, log, **_):
        self.ran.append(name)
        log.write_text(f"this is {name}")
        if name in self.wrong:
            raise self.wrong[name]
        read = [*sorted(folder.iterdir()), log.parent / "top.il"] if name == "yosys" else []
        netlist = [hashlib.sha256(path.read_bytes()).hexdigest() for path in read]
        placed = (folder / "top.json").read_text() if name == "nextpnr-ice40" else ""
        outputs = {
            "yosys": {"top.json": repr(netlist), "cells.json": json.dumps(CELLS)},
            "nextpnr-ice40": {"top.placed": f"{placed}{arguments}", "report.json": json.dumps(REPORT)},
            "icepack": {"top.bin": "bits"},
        }[name]
        for file, text in outputs.items():
            (log.parent / file).write_text(text)
        return 1.0

    def build(self, where="out", source=None, **options):
        self.ran.clear()
        options = {"kept": KEPT} | options
        return build(source or network(), TINY, "icebreaker", self.folder / where, **options)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Bench(tmp_path)
    monkeypatch.setattr(tools, "run", made.run)
    monkeypatch.setattr(tools, "version", lambda name: made.versions.get(name, "1.0"))
    return made


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir())


def content(folder):
    """Every file of a result but the tools' logs."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".log")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_was_made_before_is_not_made_again(bench, tmp_path):
    first = bench.build("first")
    assert bench.ran == TOOLS and first.cached == ()
    said = []
    second = bench.build("deep/er/second", progress=said.append)
    assert bench.ran == [] and second.cached == tuple(STAGES)
    assert said[2:] == [f"{stage}: from the cache" for stage in STAGES]
    assert second.sha256 == first.sha256
    assert len(content(tmp_path / "first")) > 8
    assert content(tmp_path / "first") == content(tmp_path / "deep/er/second"), "the same bytes, wherever"
    assert (tmp_path / "deep/er/second/build/pack.log").read_text() == "this is icepack"


@pytest.mark.parametrize(
    "change, ran",
    [
        (lambda bench: bench.build(seed=2), TOOLS[1:]),
        (lambda bench: bench.build(source=network(weight_bits=3)), TOOLS),
        (lambda bench: bench.versions.update(icepack="1.1") or bench.build(), TOOLS[2:]),
        (lambda bench: bench.build(core_hz=12_000_000), TOOLS),
        (lambda bench: bench.build(again=True), TOOLS),
        (lambda bench: bench.build(kept=None), TOOLS),
    ],
)
def test_what_differs_is_made_again_and_what_follows_from_it(bench, change, ran):
    bench.build()
    change(bench)
    assert bench.ran == ran


@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "no entry", "nonsense"])
def test_a_damaged_entry_is_made_anew(bench, tmp_path, damage):
    whole = bench.build()
    (entry,) = (path.parent for path in (tmp_path / "cache").rglob("top.bin"))
    if damage in ("changed", "cut"):
        (entry / "top.bin").write_text("bitz" if damage == "changed" else "")
    elif damage == "nonsense":
        (entry / "entry.json").write_text("[1]")
    else:
        (entry / ("top.bin" if damage == "missing" else "entry.json")).unlink()
    assert bench.build().sha256 == whole.sha256
    assert bench.ran == ["icepack"]
    bench.build()
    assert bench.ran == []


def test_a_failure_is_not_kept(bench):
    bench.wrong["nextpnr-ice40"] = tools.ToolFailure("no")
    for ran in (TOOLS[:2], TOOLS[1:2]):
        with pytest.raises(Refusal):
            bench.build()
        assert bench.ran == ran
    bench.wrong.clear()
    assert bench.build().cached == ("synthesise",)


def test_a_tool_of_the_users_own_is_known_by_its_bytes(bench, tmp_path, monkeypatch):
    own = tmp_path / "mine"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("ICEPACK", str(own))
    bench.build()
    own.write_text("#!/bin/sh\n# of the same version\n")
    bench.build()
    assert bench.ran == ["icepack"]


@pytest.mark.parametrize("broken", ["unwritable", "full"])
def test_without_a_cache_everything_is_built(bench, monkeypatch, broken):
    if broken == "unwritable":
        monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    else:

        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("spikeloom.hdl.kept.shutil.copy2", full)
    for _ in range(2):
        bench.build()
        assert bench.ran == TOOLS


def test_the_least_recently_used_goes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = Kept(kind="x", most_bytes=3000)
    file = tmp_path / "file"
    file.write_bytes(bytes(1000))
    for age, key in enumerate("abc"):
        with kept.locked(key):
            kept.keep(key, [file], {})
        os.utime(kept.folder / key, (age, age))
    assert [key for key in "abc" if kept.find(key)] == ["b", "c"]
    file.write_bytes(bytes(9000))
    with kept.locked("d"):
        kept.keep("d", [file], {})
    assert [key for key in "abcd" if kept.find(key)] == ["d"], "the newest stays, however large"
    assert left_behind(kept.folder) == ["d", "d.lock"]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_full_disk_is_one_message_and_nothing_is_left(bench, tmp_path, tool):
    bench.wrong[tool] = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(Refusal) as refusal:
        bench.build()
    assert str(refusal.value) == (
        f"{tmp_path / 'out'}: cannot be written (No space left on device); free space, or choose another folder"
    )
    assert left_behind(tmp_path) == ["cache"]


def test_a_disk_too_full_for_the_log_does_not_hide_what_failed(bench, tmp_path, monkeypatch):
    bench.wrong["yosys"] = tools.ToolFailure("yosys ended with status 1")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("spikeloom.boards.build.shutil.copytree", full)
    with pytest.raises(Refusal, match="^yosys ended with status 1\nThere was no room to keep the whole log$"):
        bench.build()
    assert left_behind(tmp_path) == ["cache"]

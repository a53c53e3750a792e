"""The check of hostile files: what it must see, what it must let pass, and every case that failed once."""

import ctypes
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from spikeloom.golden.network import Refusal
from spikeloom.trust.check import Job
from spikeloom.trust.hostile import (
    AGAIN,
    CHECK,
    FAILED,
    FILES,
    KEPT,
    SOUND,
    archives,
    attempt_all,
    kinds,
    replay,
    server,
)
from spikeloom.trust.hostile.material import Case, Link, Pipe, load, write
from spikeloom.trust.hostile.nasty import MARK
from spikeloom.trust.hostile.roads import ROADS

KEPT_CASES = sorted((Path(__file__).parents[2] / "hostile").glob("*.json"))


def refuse(folder):
    raise Refusal("no")


def crash(folder):
    ctypes.string_at(0)


def hang(folder):
    time.sleep(60)


def spin(folder):
    while True:
        pass


def swallow(folder):
    np.ones(1 << 40, np.uint8)


def fail(folder):
    raise KeyError("x")


def leave(folder):
    Path("half").write_text("half")
    raise Refusal("no")


def litter(folder):
    Path(os.environ["TMPDIR"], "half").write_text("half")


def overwrite(folder):
    Path(MARK).write_text("mine")


def overwrite_with_a_program(folder):
    subprocess.run([sys.executable, "-S", "-c", f"open({MARK!r}, 'w')"], check=True)


def follow(folder):
    Path("link").symlink_to(MARK)
    Path("link").write_text("mine")


def remove(folder):
    Path(MARK).unlink()


def unpickle(folder):
    np.load("x.npy", allow_pickle=True)


def babble(folder):
    raise Refusal("x" * 100_000)


def mumble(folder):
    raise Refusal("\ud800")


FAILURES = {
    crash: "SIGSEGV",
    hang: "no end within",
    spin: "SIG(XCPU|KILL)",
    swallow: "MemoryError",
    fail: "KeyError: .* at test_hostile.py",
    leave: r"was refused and left case/half \(no\)",
    litter: "changed tmp/half",
    overwrite: "wrote outside its folder: .*precious.txt",
    overwrite_with_a_program: "changed outside/precious.txt",
    follow: "wrote outside its folder: .*precious.txt",
    remove: "wrote outside its folder: .*precious.txt",
    unpickle: "pickle.find_class was called",
    babble: "a message of 100000 characters",
    mumble: "a message that cannot be printed",
}


@pytest.mark.parametrize("road", FAILURES, ids=lambda road: road.__name__)
def test_every_kind_of_failure_is_seen(road, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "CPU_SECONDS", 1)
    monkeypatch.setattr(server, "WALL_SECONDS", 3 if road is hang else 60)
    poison = archives._npy("|O", False, (1,), archives.POISON)
    outcome = server.attempt(Case(kind="", road="", files={"x.npy": poison}), road, tmp_path / "tried")
    assert outcome.verdict == "failed"
    assert re.search(FAILURES[road], outcome.message), outcome.message
    assert not list((tmp_path / "tried").iterdir()), "nothing is left for the next case"


def test_what_is_right_passes(tmp_path):
    def accept(folder):
        assert Path.cwd() == folder
        Path("result").write_text("whole")

    case = Case(kind="", road="", files={"a/b": b"1", "link": Link("a/b"), "pipe": Pipe()})
    assert server.attempt(case, accept, tmp_path / "tried").verdict == "accepted"
    refused = server.attempt(case, refuse, tmp_path / "tried")
    assert (refused.verdict, refused.message) == ("refused", "no")


def test_a_failure_is_kept_and_tried_again(tmp_path, monkeypatch):
    """A reader that stumbles over short files: the smallest of them is kept, and fails until that is mended."""
    monkeypatch.chdir(tmp_path)
    Path("tests").mkdir()
    kind = kinds.KINDS["measured results"]

    def road(folder):
        if len(Path("figure.json").read_bytes()) < 400:
            raise ZeroDivisionError("short")

    monkeypatch.setitem(ROADS, "results", road)
    rows = attempt_all(kind, kind.seeds(tmp_path), 30, Job(full=False, folder=tmp_path))
    assert rows[FAILED] and {row["what"].partition(" at ")[0] for row in rows[FAILED]} == {"ZeroDivisionError: 'short'"}
    assert sum(row["failed"] for row in rows[FILES]) == len(rows[FAILED])
    (kept,) = KEPT.glob("*.json")
    assert replay(kept, tmp_path / "again").verdict == "failed"
    figures = {f.what: f.ok for f in CHECK.figures({**rows, SOUND: [], AGAIN: []}, False)}
    assert not figures["crashes, hangs, tracebacks, writes elsewhere"]
    monkeypatch.setitem(ROADS, "results", refuse)
    assert replay(kept, tmp_path / "again").verdict == "refused"


@pytest.mark.parametrize("name", ["measured results", "frames of a chip", "generated folder"])
def test_cases_are_the_same_whenever_they_are_made(name, tmp_path):
    kind = kinds.KINDS[name]
    seeds = {"a": {f"rtl/{file}": b"{}" for file in ("manifest.json", "x")}}
    if kind.roads[0] != "folder":
        seeds = kind.seeds(tmp_path)
    for number in range(2 * len(kind.changes)):
        one, other = kinds.case(kind, seeds, number), kinds.case(kind, seeds, number)
        assert one == other and one.change == list(kind.changes)[number % len(kind.changes)]


def test_a_case_is_written_and_read(tmp_path):
    files = {"a": b"text", "b": b"\xff" * 5000, "c/d": Link("../a"), "e": Pipe()}
    case = Case(kind="data", road="data", files=files, change="bytes")
    case.save(tmp_path / "case.json", "why")
    assert load(tmp_path / "case.json") == case
    write(files, tmp_path / "there")
    assert (tmp_path / "there" / "c" / "d").read_bytes() == b"text"


@pytest.mark.parametrize("path", KEPT_CASES, ids=lambda path: path.stem)
def test_what_failed_once(path, tmp_path):
    assert "/tmp/" not in json.loads(path.read_text())["why"], "of one machine"  # noqa: S108  looked for, not written
    outcome = replay(path, tmp_path / "tried")
    assert outcome.verdict != "failed", outcome.message

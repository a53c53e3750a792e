"""Which branches of the Python the tests take, counted by coverage.py."""

import json
import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import spikeloom.golden
from spikeloom.trust.check import Job, Row, Rows, Unable

__all__ = ["branches"]

ROOT = Path(spikeloom.golden.__path__[0]).parent
ROOMS = ("golden", "hdl")
#: Given whether the run is a full one. What runs in processes of its own is not counted.
TESTS = {False: ("tests/golden", "tests/hdl"), True: ("tests",)}
#: Without these, which take half of the time and few branches that others do not.
SLOW = (
    "tests/hdl/test_accelerator.py",
    "tests/hdl/mapping/test_placement.py::test_all_cores_are_used_by_neurons_that_may_share_them",
    "tests/hdl/mapping/test_placement.py::test_a_large_network_is_placed",
)


def branches(job: Job, by_file: str, missed: str) -> Rows:
    """The tests of the rooms, or in a full run all, under coverage.py; by_file, missed: what the lists are called."""
    if util.find_spec("coverage") is None:
        raise Unable("coverage.py is missing; install it with `pip install spikeloom[dev]`")
    tests = [ROOT / name for name in TESTS[job.full]]
    if not all(path.is_dir() for path in (*tests, *(ROOT / room for room in ROOMS))):
        raise Unable(f"{ROOT}: the tests are not here; branches are counted in a clone of the sources")
    settings = job.folder / "coverage.ini"
    settings.write_text(
        f"[run]\nbranch = true\ndata_file = {job.folder / 'data'}\nsource =\n"
        + "".join(f"    {ROOT / room}\n" for room in ROOMS)
    )
    measured = [sys.executable, "-m", "coverage"]
    command = [
        *measured,
        "run",
        f"--rcfile={settings}",
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        *(f"--deselect={name}" for name in SLOW if not job.full),
    ]
    with (job.folder / "tests.log").open("w") as log:
        done = subprocess.run([*command, *tests], cwd=ROOT, stdout=log, stderr=log, env=os.environ)
    if done.returncode:
        raise RuntimeError("\n".join((job.folder / "tests.log").read_text(errors="replace").splitlines()[-20:]))
    report = job.folder / "report.json"
    subprocess.run([*measured, "json", "-q", f"--rcfile={settings}", "-o", report], check=True, cwd=ROOT)
    files = json.loads(report.read_text())["files"]
    return {by_file: _by_file(files), missed: _missed(files)}


def _by_file(files: dict) -> list[Row]:
    return [
        {
            "file": name,
            "branches": found["summary"]["num_branches"],
            "taken": found["summary"]["covered_branches"],
            "lines": found["summary"]["num_statements"],
            "lines run": found["summary"]["covered_lines"],
        }
        for name, found in sorted(files.items())
        if found["summary"]["num_statements"]
    ]


def _missed(files: dict) -> list[Row]:
    """From a line to a line; to 0: the end of a function."""
    return [
        {"file": name, "from line": start, "to line": max(0, end)}
        for name, found in sorted(files.items())
        for start, end in found["missing_branches"]
    ]

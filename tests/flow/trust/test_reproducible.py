"""The check of reproducible designs and clean sources sees what is neither."""

import pytest

from spikeloom.trust.reproducible import CHECK, LOCK, SAME, compared, lacking, misused, packages

HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("found", "differ"),
    [
        ({"a": {"x.v": "1", "y.mem": "2"}}, ""),
        ({"a": {"x.v": "1", "y.mem": "3"}}, "y.mem"),
        ({"a": {"x.v": "1"}}, "y.mem"),
        ({"a": {"x.v": "1", "y.mem": "2", "z": "3"}}, "z"),
        ({}, "x.v, y.mem"),
    ],
)
def test_a_file_that_differs_is_named(found, differ):
    (row,) = compared("elsewhere", {"a": {"x.v": "1", "y.mem": "2"}}, found)
    assert row["differ"] == differ
    figure = next(f for f in CHECK.figures({SAME: [row]}, False) if "came out otherwise" in f.what)
    assert figure.ok == (not differ)


def test_nothing_made_is_no_success():
    (row,) = compared("elsewhere", {"a": {}}, {"a": {}})
    assert not all(f.ok for f in CHECK.figures({SAME: [row]}, False))


def test_what_the_lock_lacks_is_named():
    lock = f"# a comment\nnumpy==2.0.1 \\\n    {HASH} \\\n    {HASH}\nh5py==3.9\ncobs>=1.2 \\\n    {HASH}\n"
    rows = packages(lock)
    assert {row["package"]: row["problem"] for row in rows} == {
        "numpy": "",
        "h5py": "has no hash",
        "cobs>=1.2": "is no exact version",
    }
    asked = {"dependencies": ["numpy>=2", "H5PY>=3.10"], "optional-dependencies": {"dev": ["pytest"], "docs": []}}
    missing = lacking({"project": asked}, rows)
    assert [(row["package"], row["problem"]) for row in missing] == [
        ("H5PY", "is 3.9, not >=3.10"),
        ("pytest", "is not in the lock"),
    ]
    assert not all(f.ok for f in CHECK.figures({LOCK: [*rows, *missing]}, False))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import pickle", "imports pickle"),
        ("from pickle import loads", "imports pickle"),
        ("x = eval('1')", "calls eval"),
        ("import os\nos.system('x')", "calls os.system"),
        ("run('x', shell=True)", "run with shell"),
        ("np.load('x', allow_pickle=flag)", "np.load with allow_pickle"),
        ("# ruff" + ": noqa\nx = 1", "a whole file is excepted"),
    ],
)
def test_what_makes_code_of_data_is_named(source, problem):
    assert any(problem in found for found in misused(source))


def test_what_is_harmless_is_not_named():
    assert not list(misused("import json\nnp.load('x', allow_pickle=False)\nmodel.eval()\nrun(['x'], shell=False)\n"))

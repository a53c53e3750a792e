"""The list of planted faults: every test of it is there, and what is not caught is told."""

from pathlib import Path

from spikeloom.trust.checks import NAMES
from spikeloom.trust.planted import CHECK, FAULTS, PLANTED, Planted, verdicts

TESTS = """
import pytest
def test_good(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_some(n): assert n == 1
def test_skipped(): pytest.skip("no tool")
"""


def test_what_is_not_caught_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tests").mkdir()
    Path("tests/test_a.py").write_text(TESTS)
    names = ("test_good", "test_some", "test_some[1]", "test_skipped", "test_gone")
    listed = [Planted(checker=name, fault="f", test=f"tests/test_a.py::{name}") for name in names]
    listed.append(Planted(checker="no file", fault="f", test="tests/test_b.py::test_good"))
    rows = verdicts(listed, tmp_path)
    assert {row["checker"]: (row["caught"], row["cases"], row["otherwise"]) for row in rows} == {
        "test_good": (1, 1, ""),
        "test_some": (1, 2, "failure"),
        "test_some[1]": (1, 1, ""),
        "test_skipped": (0, 1, "skipped"),
        "test_gone": (0, 0, "there is no such test"),
        "no file": (0, 0, "there is no such test"),
    }
    figures = {f.what: f for f in CHECK.figures({FAULTS: rows}, False)}
    assert figures["planted faults that were not caught"].value == 4
    assert not figures["of these, with a planted fault that was caught"].ok


def test_every_check_of_the_page_has_one():
    assert {p.of for p in PLANTED} >= set(NAMES)

"""What a run of ``make trust`` makes of its parts: a check that cannot fail, or that tried nothing, does not hold."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from spikeloom.bench.cache import reached
from spikeloom.golden.network import Refusal
from spikeloom.trust import __main__ as command
from spikeloom.trust import page, part, runner, stages
from spikeloom.trust.check import Check, Figure, Unable
from spikeloom.trust.checks import NAMES, check_of
from spikeloom.trust.runner import Part, outcome

ROWS = {"tries": [{"try": 1, "faults": 0}, {"try": 2, "faults": 0}]}


def figures(rows, full):
    tries = rows["tries"]
    return [
        Figure(what="tries", value=len(tries), least=2, of="tries"),
        Figure(what="faults", value=sum(row["faults"] for row in tries), most=0, of="tries"),
    ]


def check(**changes):
    made = Check(
        name="trying",
        title="Trying",
        about="It tries.",
        parts=lambda full: ["one", "two"],
        run=lambda part, job: ROWS,
        cases=lambda rows: len(rows["tries"]),
        figures=figures,
        needs=lambda: None,
    )
    return replace(made, **changes)


def state(*parts, names=("one",), **changes):
    return outcome(check(**changes), parts, names, False)


def test_what_holds_and_what_does_not(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    good = Part(check="trying", name="one", rows=ROWS, seconds=2.5)
    assert state(good).state == "held" and state(good).cases == 2 and state(good).seconds == 2.5
    assert state(replace(good, check="another")).state == "open"
    assert state(good, names=("one", "two")).state == "open"
    assert state(good, names=("one", "two")).missing == ("two",)
    bad = state(replace(good, rows={"tries": [*ROWS["tries"], {"try": 3, "faults": 1}]}))
    assert bad.state == "failed" and [figure.ok for figure in bad.figures] == [True, False]
    broken = state(replace(good, error="it broke"))
    assert broken.state == "failed" and broken.problems == ("one: it broke",)
    assert state(replace(good, rows={"tries": []})).problems == ("no case was tried",)
    assert state(replace(good, rows={})).problems == ("no case was tried",)
    assert "cannot be counted (KeyError: 'tries')" in state(replace(good, rows={"others": [{}]})).problems[0]
    stray = state(good, figures=lambda rows, full: [Figure(what="tries", value=1, of="elsewhere")])
    assert stray.problems == ("there is no list 'elsewhere' that a figure is counted from",)
    unable = replace(good, rows={}, unable="there is no tool")
    assert state(unable).state == "unable" and not state(unable).problems
    monkeypatch.setenv("CI", "true")
    assert state(unable).state == "failed" and state(unable).problems == ("one: there is no tool",)


def test_where_parts_did_not_run_only_faults_count(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    few = Part(check="trying", name="one", rows={"tries": [{"try": 1, "faults": 0}]})
    assert state(few).state == "failed" and state(few, names=("one", "two")).state == "open"
    wrong = replace(few, rows={"tries": [{"try": 1, "faults": 1}]})
    assert state(wrong, names=("one", "two")).state == "failed"
    unable = Part(check="trying", name="two", unable="there is no tool")
    assert state(few, unable, names=("one", "two")).state == "unable"
    elsewhere = {"figures": lambda rows, full: [Figure(what="others", value=0, least=1, of="others")]}
    assert state(few, names=("one", "two"), **elsewhere).state == "open"


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (None, {"rows": ROWS}),
        (Unable("there is\nno tool"), {"unable": "there is no tool"}),
        (Refusal("no"), {"error": "no"}),
        (ZeroDivisionError("by 0"), {"error": "ZeroDivisionError: by 0"}),
    ],
)
def test_a_part_says_how_it_ended(ends, said, monkeypatch, tmp_path, capsys):
    def run(name, job):
        job.progress(1, 2)
        assert (name, job.full, job.folder) == ("one", True, tmp_path)
        if ends:
            raise ends
        return ROWS

    monkeypatch.setattr(part, "check_of", lambda name: check(run=run))
    part.main("trying", "one", str(tmp_path), str(tmp_path / "answer"), "", "full")
    document = json.loads((tmp_path / "answer").read_text())
    trace = document.pop("trace", "")
    assert document == said and ("ZeroDivisionError" in trace) == isinstance(ends, ZeroDivisionError)
    assert capsys.readouterr().out == "1 2\n"


def test_a_check_without_what_it_needs_cannot_run(monkeypatch, tmp_path):
    def missing():
        raise Refusal("there is no compiler")

    monkeypatch.setattr(part, "check_of", lambda name: check(needs=missing))
    part.main("trying", "one", str(tmp_path), str(tmp_path / "answer"), "")
    assert json.loads((tmp_path / "answer").read_text()) == {"unable": "there is no compiler"}


@pytest.mark.parametrize(
    ("kept", "earlier"),
    [
        (json.dumps({"part": {"rows": ROWS}, "digest": "of other code"}), ROWS),
        *((text, {}) for text in ("", "[]", "{}", '{"part": {"rows": [1]}}', '{"part": {"rows": {"tries": [1]}}}')),
    ],
)
def test_a_part_knows_what_it_brought_home_last(kept, earlier, monkeypatch, tmp_path):
    (tmp_path / "kept").write_text(kept)
    monkeypatch.setattr(part, "check_of", lambda name: check(run=lambda name, job: {"earlier": [job.earlier]}))
    part.main("trying", "one", str(tmp_path), str(tmp_path / "answer"), str(tmp_path / "kept"))
    assert json.loads((tmp_path / "answer").read_text()) == {"rows": {"earlier": [earlier]}}


def test_a_process_that_dies_or_hangs_is_a_failure(monkeypatch):
    lost = runner.work(Part(check="nowhere", name="one"), False, lambda *said: None)
    assert lost.error == "ModuleNotFoundError: No module named 'spikeloom.trust.nowhere'"
    hung = runner.work(Part(check="nowhere", name="one"), False, lambda *said: None, limit=0.05)
    assert "it did not end in 0 s" in hung.error
    monkeypatch.setattr(runner.sys, "executable", shutil.which("false"))
    died = runner.work(Part(check="nowhere", name="one"), False, lambda *said: None)
    assert died.error == "its process ended with status 1 and no answer"


def test_what_is_known_is_not_run_again_until_the_code_changes(monkeypatch, tmp_path):
    ran, files = [], []

    def work(part, full, said, *, earlier):
        ran.append(part.name)
        files.append(earlier)
        return replace(part, rows=ROWS, **({bad: "so"} if part.name == "two" else {}))

    def again(**options):
        ran.clear()
        asked = [Part(check="trying", name=name) for name in ("one", "two")]
        options = {"full": False, "workers": 1, "again": False, "said": lambda *said: None} | options
        found = list(runner.run(asked, tmp_path, **options))
        assert sorted(part.name for part in found) == ["one", "two"]
        return sorted(ran)

    bad = "error"
    monkeypatch.setattr(runner, "work", work)
    monkeypatch.setattr(runner, "code", lambda check: f"code of {check}")
    monkeypatch.setattr(runner, "check_of", lambda name: check())
    (tmp_path / "parts").mkdir()
    assert again() == ["one", "two"]
    assert again() == ["two"]  # what failed is tried again
    bad = "unable"
    assert again() == again() == ["two"]  # and what could not run
    assert all(json.loads(file.read_text())["part"]["name"] == "two" for file in files[2:])
    assert again(again=True) == ["one", "two"] and files[-2:] == [None, None]
    monkeypatch.setattr(runner, "code", lambda check: f"other code of {check}")
    assert again() == ["one", "two"]
    for damaged in (
        lambda text: "{",
        lambda text: "[" * 100_000,
        lambda text: text.replace('"faults": 0', '"faults": 1'),
    ):
        for path in (tmp_path / "parts").iterdir():
            path.write_text(damaged(path.read_text()))
        assert again() == ["one", "two"]


@pytest.mark.parametrize("name", ["hostile", "soak"])
def test_a_check_rests_on_all_that_it_imports_and_names(name):
    found = reached(f"spikeloom.trust.{name}")
    code = f"import sys, spikeloom.trust.{name}; print(*(m for m in sys.modules if m.startswith('spikeloom.')))"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert len(imported) > 30 and set(imported) <= set(found)
    assert "spikeloom.sim/bulk.cpp" in found
    assert ("spikeloom.golden.nir_child" in found) == ("spikeloom.cli.program" in found) == (name == "hostile")
    assert ("spikeloom.trust.soak" in found) == (name == "soak")


def test_the_page_shows_every_figure_and_the_list_behind_it(tmp_path):
    rows = {"tries": [{"try": 1, "faults": 0, "what": "<b>\u202e"}, {"try": 2, "faults": 1, "seen": [1, 2]}]}
    failed = state(Part(check="trying", name="one", rows=rows), names=("one", "two"))
    text = page.write(
        [failed], stages.standings([failed]), tmp_path, full=False, command="it", versions={"python": "3"}
    ).read_text()
    assert '<a href="#trying-tries">1</a>' in text and 'id="trying-tries"' in text
    assert "&lt;b&gt;⟨U+202E⟩" in text and "<b>\u202e" not in text
    assert ">missed<" in text and ">held<" in text and "Not run: two" in text
    assert "0 of 1 checks held, 1 failed" in text


def test_what_survived_is_listed_first():
    verdicts = ("killed", "changes nothing", "killed", "alive", "changes nothing", "killed")
    rows = page.seldom_first([{"verdict": verdict, "number": k} for k, verdict in enumerate(verdicts)])
    assert [row["number"] for row in rows] == [3, 1, 4, 0, 2, 5]
    assert page.seldom_first([{"number": 2}, {"number": 1}]) == [{"number": 2}, {"number": 1}]


@pytest.mark.parametrize("full", [False, True])
def test_every_check_there_is_has_parts(full):
    for name in NAMES:
        assert check_of(name).name == name
        assert runner.parts_of(name, full)


def test_the_command_refuses_what_it_does_not_know(capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["nonsense"])
    assert "there is no check 'nonsense'; there are designs, networks, mutants" in capsys.readouterr().err
    assert command.main(["designs", "--part", "nonsense", "-o", "/dev/null/x"]) == 1


def test_a_page_that_cannot_be_written_is_one_message(monkeypatch, tmp_path, capsys):
    (tmp_path / page.PAGE).mkdir()
    monkeypatch.setattr(runner, "run", lambda wanted, folder, **options: [replace(wanted[0], rows=ROWS)])
    assert command.main(["soak", "-o", str(tmp_path)]) == 1
    assert f"error: {tmp_path / page.PAGE}: cannot be written: it is a folder" in capsys.readouterr().err


def test_of_a_full_run_each_check_counts_until_its_code_changes(monkeypatch):
    monkeypatch.setattr(runner, "code", lambda name: "as it is")
    run, open_ = state(Part(check="trying", name="one", rows=ROWS)), state(title="Open", names=("one", "two"))
    found = command._rows([run, open_], None, full=True)
    assert [(row["check"], row["what"], row["found"]) for row in found] == [
        ("Trying", "tries", "2"),
        ("Trying", "faults", "0"),
    ]
    assert command._rows([run, open_], None, full=False) == []
    assert command._rows([state(names=("one", "two"))], {"rows": found}, full=True) == found
    assert command._rows([state(names=("one", "two"))], {"rows": found}, full=False) == found
    monkeypatch.setattr(runner, "code", lambda name: "changed")
    assert command._rows([state(names=("one", "two"))], {"rows": found}, full=True) == []

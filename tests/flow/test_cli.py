"""Commands: they say what the functions say, in words or JSON, and end with the right status."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikeloom import Network, __version__, api, cli, health, packaged
from spikeloom.golden.conventions import CONVENTIONS, KNOBS

ROOT = Path(__file__).parents[2]
DIGITS = packaged.find("digits")
COMMANDS = (
    "doctor",
    "check",
    "convert",
    "run",
    "generate",
    "map",
    "verify",
    "boards",
    "build",
    "tune",
    "flash",
    "report",
    "demo",
)
#: Where a package has the command's name.
FUNCTIONS = {"boards": "offers"}


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_the_functions_parameters(name):
    (command,) = [c.callback for c in cli.app.registered_commands if c.name == name]
    options = {p.name: p.default for p in inspect.signature(command).parameters.values()}
    function = {
        p.name: p.default for p in inspect.signature(getattr(api, FUNCTIONS.get(name, name))).parameters.values()
    }
    for word in ("as_json", "list_networks"):
        options.pop(word, None)
    for word in ("progress", "stage"):
        function.pop(word, None)
    if "knobs" in function:
        del function["knobs"]
        function |= dict.fromkeys(["convention", *KNOBS])
    assert options.keys() == function.keys()
    # The command line may ask for what the function leaves to its caller: a result need not be written.
    # Widths are a text, which can name layers.
    options |= {"weight_bits": int(options["weight_bits"])} if "weight_bits" in options else {}
    given = {name for name, default in options.items() if default is not inspect.Parameter.empty}
    assert {name: options[name] for name in given} == {name: function[name] for name in given}


def test_every_command_is_there_and_helps(run):
    assert {c.name for c in cli.app.registered_commands} == set(COMMANDS)
    for name in COMMANDS:
        assert f"{name} [OPTIONS]" in run(name, "--help").stdout
    assert run("--version").stdout.strip() == __version__
    assert "No such command" in run("nothing", status=2).stderr
    assert "--data" in run("convert", DIGITS.model, status=2).stderr


def test_check_tells_what_is_open_and_what_to_give(run):
    text = run("check", DIGITS.model).stdout
    assert "--reset-when same-step|next-step" in text
    assert "likely --convention snntorch" in text
    assert run("check", DIGITS.model, "--convention", "snntorch").stdout.endswith("can be built.\n")
    document = run.json("check", DIGITS.model, "--convention", "snntorch", "--no-lag", "--v-min", "none")
    assert document["buildable"]
    assert document["questions"] == []
    assert len(document["nodes"]) == 6


def test_an_interruption_is_one_message(run, monkeypatch):
    def stop(*given, **also):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "check", stop)
    assert run("check", DIGITS.model, status=130).stderr == "error: interrupted\n"


def test_convert_asks_instead_of_guessing(run):
    message = run.refused("convert", DIGITS.model, "--data", DIGITS.calibration, "-o", "n.loom", "--dt", "1e-4")
    assert "nothing is guessed" in message
    assert "--reset zero|subtract" in message


def test_convert_reports_and_writes(run):
    words = ("convert", DIGITS.model, "--data", DIGITS.calibration, "-o", "n.loom", "--convention", "snntorch")
    text = run(*words).stdout
    assert "lif1" in text
    assert "Wrote n.loom" in text
    first = Network.load("n.loom")
    report = run.json(*words, "--weight-bits", "4")
    assert report["network"] == Network.load("n.loom").hash != first.hash
    assert {layer["weight_bits"] for layer in report["report"]["layers"]} == {4}
    assert report["report"]["accuracy_integer"] > 0.9


def test_run_writes_what_it_says(run, loom):
    document = run.json("run", loom, "--data", DIGITS.test, "-o", "o.npz", "--record", "all")
    assert document["accuracy"] > 0.95
    with np.load("o.npz") as saved, np.load(DIGITS.test) as test:
        assert saved["spikes"].shape == (*test["x"].shape[:2], 10)
        assert (saved["spikes"].sum(1) == saved["counts"]).all()
        assert (saved["counts"].argmax(1) == saved["prediction"]).all()
        assert document["accuracy"] == (saved["prediction"] == test["y"]).mean()
        assert (saved["events_lif2"] == saved["spikes"]).all()
        assert saved["potentials_lif1"].shape == saved["events_lif1"].shape == (*test["x"].shape[:2], 128)
    assert "accuracy 9" in run("run", loom, "--data", DIGITS.test).stdout


def test_names_from_a_file_stay_inside_the_results(tmp_path):
    report = api.RunReport(
        on="golden",
        spikes=np.zeros((1, 1, 1)),
        counts=np.zeros((1, 1)),
        prediction=np.zeros(1),
        accuracy=None,
        events={"../../a": np.ones(1), "..\\..\\a": np.zeros(1)},
        potentials={},
    )
    report.save(tmp_path / "o.npz")
    with np.load(tmp_path / "o.npz") as saved:
        assert {"events_.._.._a", "events_.._.._a_2"} < set(saved.files)


def test_doctor_finds_faults(run, monkeypatch):
    def missing(folder):
        raise FileNotFoundError

    monkeypatch.setattr(health, "_TOOLS", (health._TOOLS[0], ("anvil", "forges", False, missing, "buy one")))
    assert "anvil, which forges, was not found. Remedy: buy one." in run("doctor").stdout
    monkeypatch.setattr(health, "_TOOLS", (health._TOOLS[0], ("anvil", "forges", True, missing, "buy one")))
    document = run.json("doctor", status=1)
    assert not document["ok"]
    assert document["tools"][1]["problem"] == "was not found"


def test_doctor_runs_what_it_finds(tmp_path):
    broken = tmp_path / "tool"
    broken.write_text("#!/bin/sh\necho it is broken\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(health._Broken, match="failed with status 3: it is broken"):
        health._call(tmp_path, broken)


def test_demo_lists_networks(run):
    assert "784-128-10" in run("demo", "--list").stdout
    assert set(run.json("demo", "--list")) == set(packaged.PACKAGED)
    assert "there are digits, mnist" in run.refused("demo", "nothing")


def test_a_bug_is_called_a_bug(run, loom, monkeypatch):
    monkeypatch.setattr(api, "run", lambda *_, **__: 1 / 0)
    result = run("run", loom, "--data", DIGITS.test, status=1)
    assert result.stderr.startswith("error: ZeroDivisionError")
    assert "this is a bug in Spikeloom" in result.stderr
    assert json.loads(run("run", loom, "--data", DIGITS.test, "--json", status=1).stdout)["error"]


def test_debug_shows_where(loom):
    command = [sys.executable, "-m", "spikeloom", "--debug", "run", "nowhere.loom", "--data", str(DIGITS.test)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_the_page_about_conventions_says_what_they_are():
    page = (ROOT / "docs" / "conventions.md").read_text()
    words = {True: "yes", False: "no", None: ""}
    for knob in KNOBS:
        values = [getattr(convention, knob) for convention in CONVENTIONS.values()]
        cells = [words[v] if v is None or isinstance(v, bool) else str(v).removesuffix(".0") for v in values]
        assert f"| `--{knob.replace('_', '-')}` | {' | '.join(cells)} |" in page
        assert f"**`--{knob.replace('_', '-')}" in page

"""Searches from beginning to end by the model: what they find, keep, go on with, and refuse."""

import errno
import json
import os
import re
import socket
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import yaml

import spikeloom
from spikeloom import Refusal, packaged
from spikeloom.golden.conventions import resolve
from spikeloom.hdl.configuration import Configuration
from spikeloom.tuning import space as spaces
from spikeloom.tuning import training
from spikeloom.tuning import tune as module
from spikeloom.tuning.cost import estimate
from spikeloom.tuning.front import front
from spikeloom.tuning.result import Commands, variant
from spikeloom.tuning.source import Source, typical


def test_a_whole_small_space_gives_its_exact_front(given):
    report = spikeloom.tune(**given)
    assert report.trials == sum(report.workers.values()) == 16, "no point twice"
    source = Source(
        name=given["model"].name, model=given["model"].read_bytes(), data=given["data"], knobs=resolve("snntorch")
    )
    network = spikeloom.convert(given["model"], data=given["data"], knobs="snntorch").network
    points = list(spaces.read(given["space"], network).points())
    figures = [estimate(source, given["board"], point).figures for point in points]
    figures = [one for one in figures if report.goals.kept(one)]
    assert 4 < len(figures) < 16, "some miss the board's clock"
    costs = [report.goals.costs(one) for one in figures]
    kept = front(np.array(costs))
    assert sorted(report.goals.costs(design.figures) for design in report.front) == sorted(costs[k] for k in kept)
    assert 1 < len(kept) < 16
    fastest, smallest = report.chosen["fastest"], report.chosen["smallest"]
    assert fastest.figures["latency"] == min(one["latency"] for one in figures)
    assert smallest.figures["lut"] == min(one["lut"] for one in figures)
    assert all(design.depth == 1 for design in report.front), "nothing was built"


def test_the_folder_has_what_makes_it_again(given, data_file, run):
    words = ("tune", given["model"], "--data", data_file, "--board", "ulx3s-85f", "--convention", "snntorch")
    space = data_file.with_name("space.yaml")
    space.write_text(yaml.safe_dump(given["space"] | {"steps": [10, 25], "weight_bits": {"lif2": 4, "lif1": [8]}}))
    words += ("--space", space, "--trials", "8", "--settle", "0", "--workers", "1", "-o", "found")
    document = run.json(*words, "--minimise", "latency,bram", "--require", "accuracy>=0.5")
    assert document["ok"] and {one["by"] for one in document["front"]} == {"model"}
    assert "accuracy>=0.5" in document["limits"]
    found = run.folder / "found"
    assert json.loads((found / "front.json").read_text())["front"] == document["front"]
    commands = (found / "commands.txt").read_text()
    assert commands.count("spikeloom build found/") == 3
    for name in ("fastest", "smallest", "balanced"):
        network = spikeloom.Network.load(found / f"{name}.loom")
        report = spikeloom.map(network, config=found / f"{name}.yaml")
        number = document["chosen"][name]
        point = next(one["point"] for one in document["front"] if one["number"] == number)
        assert report.configuration.lanes == point["lanes"]
    # The command of a point makes the very network that was chosen.
    steps = point["steps"]
    commands = Commands(
        model=given["model"], data=data_file, knobs=resolve("snntorch"), read_out="sum", board="ulx3s-85f"
    )
    line = commands.convert({"state_bits.lif1": 20, "state_bits.lif2": 22, "guard_bits": 4}, "again.loom")
    assert "--state-bits lif1=20,lif2=22 " in line and "--guard-bits 4 " in line
    line = commands.convert(point, "again.loom", data=found / "points" / f"steps-{steps}.npz")
    assert "--weight-bits lif2=4,lif1=8" in line or "--weight-bits lif1=8,lif2=4" in line
    run(*line.split()[1:])
    assert spikeloom.Network.load("again.loom").hash == network.hash


def test_a_number_of_cores_is_placed_once(given, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(given["output"].parent))
    asked = given["output"].with_name("asked")

    def place(network, configuration):  # in the worker's process
        several = len({p.neuron.states["v"] for p in network.neurons}) > 1
        with asked.open("a") as file:
            file.write(f"{configuration.lanes} {several}\n")
        return configuration.model_copy(update={"cores": {"lif1": 0 if several else [0, 1], "lif2": 1}})

    monkeypatch.setattr("spikeloom.tuning.source.place", place)
    space = {
        "lanes": [8, 16],
        "cores": 2,
        "slots": 2,
        "clock_mhz": 50,
        "weight_bits": [8, 4],
        "pipeline": ["long", "short"],
    }
    report = spikeloom.tune(**given | {"space": space, "trials": 8})
    assert report.trials == 8 and report.refused == 0
    assert sorted(asked.read_text().splitlines()) == ["16 False", "8 False"], "for all widths, pipelines and clocks"
    configuration = Configuration.read(given["output"] / "fastest.yaml")
    assert isinstance(configuration.cores, dict), "what is built is what was judged"
    # States of several widths need cores of their own, and their own placement.
    asked.unlink()
    space = space | {"lanes": 8, "weight_bits": 8, "state_bits": {"lif1": [24, 25]}}
    other = given | {"output": given["output"].with_name("two")}
    report = spikeloom.tune(**other | {"space": space, "trials": 4, "minimise": "latency"})
    assert report.refused == 0 and asked.read_text().splitlines() == ["8 True"] * 2


def test_the_best_so_far_are_told(given):
    told = []
    report = spikeloom.tune(**given, progress=lambda *said: told.append(said))
    (best,) = [said[0] for said in told if hasattr(said[0], "rows")]
    assert best.heads == ("trial", "accuracy", "latency (µs)", "lut", "")
    named = {role: int(row[0]) for row in best.rows for role in row[-1].split(", ") if role}
    assert named == {role: design.number for role, design in report.chosen.items()}


def test_a_search_that_is_interrupted_loses_nothing_and_goes_on(given):
    def stop(*said):
        if said[1:] == (7, 16):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="--resume goes on after 7 trials"):
        spikeloom.tune(**given, progress=stop)
    with pytest.raises(Refusal, match="has this search already; go on with --resume"):
        spikeloom.tune(**given)
    report = spikeloom.tune(**given, resume=True)
    # Seven were finished and are not evaluated again.
    assert report.trials == sum(report.workers.values()) == 16
    assert report.evaluated == 9
    journal = (given["output"] / "journal.log").read_text()
    assert journal.count('"worker"') == 16
    again = spikeloom.tune(**{**given, "output": given["output"].parent / "at-once"})
    assert {spaces.key_of(d.point) for d in again.front} == {spaces.key_of(d.point) for d in report.front}


def test_building_that_is_interrupted_goes_on_too(given, monkeypatch):
    def stop(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "settle", stop)
    with pytest.raises(KeyboardInterrupt, match="--resume goes on after 2 trials"):
        spikeloom.tune(**given | {"trials": 2, "settle": 1})


def test_a_storage_of_something_else_is_refused(given):
    spikeloom.tune(**given | {"trials": 2})
    other = given | {"resume": True, "trials": 4}
    changes = {
        "set of aims": [{"minimise": "latency"}, {"require": ["lut<=5000"]}],
        "space": [{"space": {"lanes": [2, 4]}}],
        "convention, another board": [{"read_out": "last", "board": "ice40-hx8k"}],
    }
    for what, each in changes.items():
        for change in each:
            with pytest.raises(Refusal, match=f"has a search with another {what}; choose"):
                spikeloom.tune(**other | change)
    with pytest.raises(Refusal, match="not a storage for a search"):
        spikeloom.tune(**given | {"storage": "nothing://here"})
    with pytest.raises(Refusal) as refused:
        spikeloom.tune(**given | {"storage": "nothing://me:secret@here/there"})
    assert "nothing://me:***@here/there" in str(refused.value) and "secret" not in str(refused.value)
    database = f"sqlite:///{given['output']}/study.db"
    assert spikeloom.tune(**given | {"trials": 2, "storage": database}).trials == 2
    assert spikeloom.tune(**other | {"storage": database}).trials == 4


def test_limits_that_nothing_keeps_say_how_close_it_came(given):
    with pytest.raises(Refusal) as refused:
        spikeloom.tune(**given, require=["latency<=1us", "lut<=100%"])
    assert re.search(r"No trial of 16 keeps latency<=1us \(at best [\d.]+ µs; the limit is 1 µs\)", str(refused.value))
    assert (given["output"] / "tune.html").exists(), "what was tried can be seen"
    assert json.loads((given["output"] / "front.json").read_text())["trials"] == 16


def test_limits_that_only_contradict_in_this_space_name_the_nearest(given):
    found = [design.figures for design in spikeloom.tune(**given).front]
    fast, small = (min(one[name] for one in found) for name in ("latency", "lut"))
    with pytest.raises(
        Refusal, match="Each limit is kept by some trial, and all together by none; the nearest misses .* \\(it has "
    ):
        spikeloom.tune(
            **given | {"output": given["output"].with_name("two")}, require=[f"latency<={fast + 0.01}", f"lut<={small}"]
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"board": "ulx3s"}, "ulx3s"),
        ({"executor": "slurm"}, "executor is local or dask://HOST:PORT, not 'slurm'"),
        ({"train": "no_such_module:train"}, "train 'no_such_module:train': cannot be imported"),
        ({"space": {"lanes": 4}}, "The space has a single point"),
        ({"space": {"lanes": [1, 2], "train": {"hidden": [1]}}}, "A training callback and its parameters go together"),
        ({"sampler": "best"}, "sampler is one of front, nsga2, nsga3, tpe, random, not 'best'"),
        ({"trials": 0}, "trials is a whole number in 1..1000000000, not 0"),
        ({"output": "a\0b"}, r"output has a NUL in it"),
        ({"settle": "1"}, "settle is a whole number in 0..1000000000, not '1'"),
        ({"calibrate": 10**6}, "calibrate is a whole number in 0..1000, not 1000000"),
        ({"seed": -1}, "seed is a whole number in 0..4294967295, not -1"),
        ({"workers": 10**6}, "workers is a whole number in 1..1000, not 1000000"),
        ({"model": None}, "model is a path, not None"),
        ({"output": 5}, "output is a path, not 5"),
        ({"board": ["ulx3s-85f"]}, "board is a board's name, not ['ulx3s-85f']"),
        ({"space": [1, 2]}, "space is a path or a dictionary, not [1, 2]"),
        ({"train": len}, "train is a text like my_training:train, not <built-in function len>"),
        ({"storage": 5}, "storage is the URL of a database, not 5"),
        ({"executor": None}, "executor is local, dask://HOST:PORT or an executor of concurrent.futures, not None"),
        ({"maximise": None}, "maximise is a text or a list of texts, not None"),
        ({"require": ["lut<=1", 5]}, "require is a text or a list of texts, not ['lut<=1', 5]"),
        ({"progress": True}, "progress is a function, not True"),
        ({"require": ["lut>=200%"]}, "require: lut>=200% and lut<=100% contradict each other"),
        ({"require": ["latency<=1e999"]}, "there is no unit 'e999'"),
        (
            {"workers": None, "executor": "dask://127.0.0.1"},
            "executor is local or dask://HOST:PORT, not 'dask://127.0.0.1'",
        ),
        ({"workers": None, "executor": "dask://127.0.0.1:port"}, "executor is local or dask://HOST:PORT"),
        ({"model": "none.nir"}, "none.nir: cannot be read"),
    ],
)
def test_what_cannot_be_searched_is_refused(given, change, message):
    with pytest.raises(Refusal, match=re.escape(message)):
        spikeloom.tune(**given | change)


def test_a_cluster_that_is_not_there_is_one_message(given):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"dask://127.0.0.1:{free.getsockname()[1]}"
    given = given | {"executor": address, "workers": None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spikeloom.tuning.executors.SECONDS", 1)
        with pytest.raises(Refusal, match="there is no Dask scheduler"):
            spikeloom.tune(**given)


def test_data_without_labels_has_no_accuracy(given, few):
    given["data"] = spikeloom.Data(x=few.x)
    with pytest.raises(Refusal, match="accuracy: the data has no labels y; give some, or take agreement"):
        spikeloom.tune(**given)
    given |= {"maximise": "agreement"}  # nothing was made that is in the way
    assert spikeloom.tune(**given).front


def test_any_executor_will_do(given):
    with ProcessPoolExecutor(2) as executor:
        report = spikeloom.tune(**given | {"workers": 2, "executor": executor, "trials": 8})
    assert report.trials == sum(report.workers.values()) == 8
    assert not any("MainProcess" in worker for worker in report.workers)


TRAINING = """
import shutil
def train(hidden, dropout=0):
    if hidden == 13:
        raise ArithmeticError("no luck")
    return {path!r}
"""


def test_a_training_callback_makes_models(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_training.py").write_text(TRAINING.format(path=str(given["model"])))
    given |= {"train": "own_training:train", "space": {"lanes": [4, 8], "train": {"hidden": [64, 128]}}, "trials": 4}
    report = spikeloom.tune(**given)
    assert {path.name for path in (given["output"] / "models").glob("*.nir")} == {"hidden-64.nir", "hidden-128.nir"}
    assert report.trials == 4
    given |= {"output": given["output"].with_name("two")}
    with pytest.raises(Refusal, match=re.escape("train own_training:train(hidden=13) raised ArithmeticError: no luck")):
        spikeloom.tune(**given | {"space": {"lanes": [4, 8], "train": {"hidden": [64, 13]}}})
    assert (given["output"] / "models" / "hidden-64.nir").exists(), "what was trained is kept"


def test_models_of_an_earlier_callback_are_not_taken(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = tmp_path / "changing_training.py"
    module.write_text(TRAINING.format(path=str(given["model"])))
    given |= {"train": "changing_training:train", "space": {"lanes": [4, 8], "train": {"hidden": [64]}}, "trials": 2}
    spikeloom.tune(**given)
    assert spikeloom.tune(**given, resume=True).trials == 2
    module.write_text(module.read_text() + "# another way\n")
    with pytest.raises(Refusal, match="models of another training callback, or of an earlier text of it; choose"):
        spikeloom.tune(**given | {"storage": f"sqlite:///{tmp_path}/other.db"})
    (given["output"] / "models" / "callback.txt").unlink()
    (given["output"] / "models" / "callback.txt").mkdir()
    with pytest.raises(Refusal, match="callback.txt: cannot be read"):
        spikeloom.tune(**given)


def test_models_of_any_choices_have_names_of_their_own():
    choices = [64, True, "True", None, 0.5, "a/b", "../b", "a b", "9" * 300, [1, 2], {"a": 1}]
    names = [variant({"lanes": 4, "train.of": choice}) for choice in choices]
    assert names[:5] == ["of-64", "of-true", "of-True", "of-null", "of-0.5"]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[\w.-]{1,100}", name) for name in names)


def test_few_samples_stand_for_all():
    rng = np.random.default_rng(0)
    fires = [rng.random((60, 25, n)) < rng.random((60, 1, 1)) for n in (20, 40)]
    counted = typical(fires, 50)
    assert len(counted) == 2
    for one in fires:
        events = one.sum(axis=(1, 2))
        assert events[counted].mean() == pytest.approx(events.mean(), rel=0.05)
        assert events.std() > 0.2 * events.mean(), "any two would not do"
    assert module.BATCH == 16


def test_a_line_that_was_being_written_is_no_loss(given):
    spikeloom.tune(**given | {"trials": 8})
    journal = given["output"] / "journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-40])
    assert spikeloom.tune(**given, resume=True).trials == 16
    lines = journal.read_bytes().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert lines[: whole.count(b"\n") - 1] == whole.splitlines()[:-1]


def test_a_file_of_the_journals_name_stays_as_it_is(given):
    given["output"].mkdir()
    journal = given["output"] / "journal.log"
    journal.write_text("notes\nof mine")
    with pytest.raises(Refusal, match=r"journal.log: not a storage for a search \(it is a file of something else\)"):
        spikeloom.tune(**given)
    assert journal.read_text() == "notes\nof mine"
    journal.write_text('{"op_code":0,"wor')  # killed at its first line
    assert spikeloom.tune(**given | {"trials": 2}).trials == 2


def test_a_lock_of_a_search_that_was_killed_is_waited_for_and_taken(given, monkeypatch):
    monkeypatch.chdir(given["output"].parent)
    given |= {"output": "found", "trials": 2}
    targets = []
    with pytest.MonkeyPatch.context() as patch:
        real = os.symlink
        patch.setattr(os, "symlink", lambda target, link: (targets.append(target), real(target, link)))
        spikeloom.tune(**given)
    Path("found/journal.log.lock").symlink_to(targets[0])
    monkeypatch.setattr("spikeloom.tuning.study.SECONDS", 0.1)
    assert spikeloom.tune(**given | {"trials": 4, "resume": True}).trials == 4


def test_a_storage_that_fails_later_is_one_message(given, monkeypatch):
    def full(*given, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    def fill(*said):
        if said[1:] == (3, 16):
            monkeypatch.setattr("optuna.storages.journal.JournalFileBackend.append_logs", full)

    with pytest.raises(Refusal, match=r"journal.log: cannot be used any longer \(.*No space left on device\). What is"):
        spikeloom.tune(**given, progress=fill)
    monkeypatch.undo()
    assert sum(spikeloom.tune(**given, resume=True).workers.values()) == 16


def test_data_from_an_array_do_not_replace_a_file(given):
    given["output"].mkdir()
    (given["output"] / "data.npz").write_text("mine")
    spikeloom.tune(**given | {"trials": 2})
    assert (given["output"] / "data.npz").read_text() == "mine"
    path = given["output"] / "points" / "data.npz"
    assert str(path) in (given["output"] / "commands.txt").read_text()
    assert np.array_equal(np.load(path)["x"], given["data"].x)


def test_a_space_without_any_design_says_why(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vowels = str(packaged.find("vowels").model)
    (tmp_path / "other_models.py").write_text(f"def train(hidden):\n    return {vowels!r}\n")
    given |= {"train": "other_models:train", "space": {"train": {"hidden": [1, 2]}}}
    with pytest.raises(Refusal, match="No point of the space is a design; the first: x has shape"):
        spikeloom.tune(**given)
    assert "No point of the space is a design" in (given["output"] / "tune.html").read_text("utf-8")


def test_points_without_a_design_say_why(given):
    report = spikeloom.tune(**given | {"space": {"lanes": [4, 8], "state_bits": {"lif1": [24, None]}}})
    assert 0 < report.refused < report.trials
    assert report.why.startswith("LIF populations that share a core must have the same state_bits")
    assert "most often: LIF populations" in (given["output"] / "tune.html").read_text("utf-8")


@pytest.mark.parametrize("text", ["raise RuntimeError('at import')", "train(", "import sys; sys.exit(3)", "x = 1"])
def test_a_module_that_does_not_load_is_one_message(text, tmp_path, monkeypatch, given):
    monkeypatch.syspath_prepend(tmp_path)
    name = f"bad_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    with pytest.raises(Refusal, match=f"train '{name}:train': cannot be imported"):
        spikeloom.tune(**given | {"train": f"{name}:train"})


def exits(hidden):
    sys.exit(3)


def goes_away(hidden):
    model = packaged.find("digits").model
    os.chdir(model.parent)
    return model.name


def says(hidden):
    print("by Python")
    subprocess.run(["echo", "by a child"], check=True)
    return packaged.find("digits").model


def returns_no_model(hidden):
    return __file__


def test_what_is_no_model_is_not_kept(given):
    given |= {"train": f"{__name__}:returns_no_model", "space": {"train": {"hidden": [1, 2]}}}
    with pytest.raises(Refusal, match=r"returns_no_model\(hidden=[12]\): .*not an HDF5 file"):
        spikeloom.tune(**given)
    assert not (given["output"] / "models").exists()


def test_a_callback_that_exits_is_one_message():
    with pytest.raises(Refusal, match="raised SystemExit: 3"):
        training.trained(f"{__name__}:exits", {"hidden": 1})


def test_a_callback_may_go_to_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert training.trained(f"{__name__}:goes_away", {"hidden": 1}) == packaged.find("digits").model.read_bytes()
    assert Path.cwd() == tmp_path


def test_what_a_callback_and_its_children_say_is_no_result(capfd):
    assert training.trained(f"{__name__}:says", {"hidden": 1})
    out, err = capfd.readouterr()
    assert out == "" and "by Python" in err and "by a child" in err


def test_a_file_that_is_no_model_is_named_as_it_was_given(given):
    with pytest.raises(Refusal, match="^test_tune.py: not an HDF5 file"):
        spikeloom.tune(**given | {"model": __file__})

"""The model refitted to a user's own tools, which here find designs larger and slower than the shipped runs."""

import json
import re
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

import small
import spikeloom
from spikeloom import Refusal
from spikeloom.boards import calibration, catalogue, fmax, tools
from spikeloom.boards.board import Resources
from spikeloom.boards.fit import predicted
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import manifest
from spikeloom.hdl.mapping import map_network
from spikeloom.tuning import own_runs
from spikeloom.tuning.own_runs import Run

BOARD = catalogue.find("ice40-hx8k")
LARGER, SLOWER = 1.5, 0.8


def run_of(network, configuration, board=BOARD, versions=None):
    """What such tools make of a design."""
    mapping = map_network(network, configuration)
    p = mapping.parameters
    said = predicted(p, board)
    used = {name: round(LARGER * said[name]) for name in ("lut", "ff")}
    return Run(
        board=board.name,
        network=network.hash,
        configuration=configuration.model_dump(exclude_defaults=True),
        parameters=json.loads(json.dumps(manifest(mapping, p, configuration)["parameters"])),
        used=used | {"block_ram": said["block_ram"], "dsp": 0},
        fmax_mhz=SLOWER * fmax.predict(p, board, used["lut"]),
        tools=versions or {"yosys": "1"},
    )


@pytest.fixture
def measured(monkeypatch):
    """Designs that the tools were run on. stop: after so many runs somebody interrupts."""
    found = SimpleNamespace(designs=[], stop=None, refused=(), versions="1")

    def measure(network, configuration, board, versions):
        if len(found.designs) == found.stop:
            raise KeyboardInterrupt
        if configuration.lanes in found.refused:
            raise Refusal("pack failed")
        found.designs.append(own_runs.design(board, network, configuration))
        return run_of(network, configuration, board, versions)

    few = [run for run in calibration.load() if run.board == BOARD.name]
    assert len(few) > 5
    monkeypatch.setattr(calibration, "load", lambda: few)  # of all of them a fit takes seconds
    monkeypatch.setattr(own_runs, "measure", measure)
    monkeypatch.setattr(tools, "find", lambda name: [name])
    monkeypatch.setattr(tools, "version", lambda name: found.versions)
    return found


@pytest.fixture
def asked(given):
    return given | {"board": BOARD.name, "space": {"lanes": [1, 2, 4, 8], "slots": [1, 2]}, "trials": 8}


def test_the_model_learns_what_the_tools_here_do(asked, measured):
    plain = spikeloom.tune(**asked)
    output = asked["output"].with_name("calibrated")
    report = spikeloom.tune(**asked | {"output": output}, calibrate=5)
    assert len(set(measured.designs)) == len(report.model.runs) == report.model.family == 5
    shipped = {json.dumps(dict(d.point)): d.figures for d in plain.front}
    both = [(shipped[key], d.figures) for d in report.front if (key := json.dumps(dict(d.point))) in shipped]
    assert both
    for before, after in both:
        # They weigh as much as all shipped ones together, which say otherwise.
        assert 1.1 < after["lut"] / before["lut"] < LARGER
        assert after["fmax"] < before["fmax"] and after["bram"] == before["bram"]
    for name in ("lut", "ff", "fmax"):
        off = report.model.off[name]
        assert off["before"][0] > 0.15 and off["after"][0] < 0.75 * off["before"][0], name
    document = json.loads((output / "front.json").read_text())
    assert document["model"]["runs"] == 5 and document["model"]["file"] == str(output / "costs.json")
    assert {one["by"] for one in document["front"]} == {"calibrated model"}
    page = (output / "tune.html").read_text("utf-8")
    assert "fitted to runs of the tools that come with Spikeloom and to 5 of" in page and "calibrated model" in page
    # The file serves other searches, and belongs to what a search is known by.
    costs = output / "costs.json"
    again = spikeloom.tune(**asked | {"output": output.with_name("again")}, costs=costs)
    assert [d.figures for d in again.front] == [d.figures for d in report.front]
    with pytest.raises(Refusal, match="has a search with another model of costs; choose"):
        spikeloom.tune(**asked, costs=costs, resume=True)
    with pytest.raises(Refusal, match="has a search already, by another model; calibrate for another folder"):
        spikeloom.tune(**asked, calibrate=1)


def test_runs_that_were_interrupted_go_on(asked, measured):
    measured.stop = 2
    with pytest.raises(KeyboardInterrupt):
        spikeloom.tune(**asked, calibrate=4)
    costs = asked["output"] / "costs.json"
    assert len(own_runs.load(costs)) == 2
    measured.stop = None
    spikeloom.tune(**asked, calibrate=4)
    assert len(measured.designs) == len(set(measured.designs)) == len(own_runs.load(costs)) == 4
    measured.versions = "2"
    spikeloom.tune(**asked | {"output": asked["output"].with_name("new")}, costs=costs, calibrate=3)
    assert len(measured.designs) == 7, "other versions of the tools are other tools"
    runs = own_runs.load(costs)
    assert sorted(run.tools["yosys"] for run in runs) == ["1", "2", "2", "2"], "in the place of what they said before"


@pytest.mark.parametrize("placed", [True, False])
def test_a_design_is_synthesised_and_placed(placed, monkeypatch):
    network, configuration = small.network(), Configuration(lanes=2)
    mapping = map_network(network, configuration)
    plain = manifest(mapping, mapping.parameters, configuration)
    monkeypatch.setattr(
        "spikeloom.boards.calibration.measure",
        lambda *given, **options: (plain, {"lut": 900, "ff": 400, "block_ram": 3, "dsp": 0}),
    )

    def build(network, configuration, board, folder, **options):
        if not placed:
            raise Refusal("place and route failed")
        return report

    class Report(own_runs.BuildReport):
        fmax_mhz = 71.5

    report = object.__new__(Report)
    object.__setattr__(report, "used", Resources(lut=950, ff=410, block_ram=3, dsp=0))
    monkeypatch.setattr(own_runs, "build", build)
    run = own_runs.measure(network, configuration, BOARD, {"yosys": "1"})
    assert (run.used["lut"], run.fmax_mhz) == ((950, 71.5) if placed else (900, 0))
    assert run.accelerator == mapping.parameters
    assert run.design == own_runs.design(BOARD, network, configuration)


def test_a_board_of_vendors_tools_is_refused(asked):
    with pytest.raises(Refusal, match="calibrate: arty-z7 is placed by its vendor's tools"):
        spikeloom.tune(**asked | {"board": "arty-z7"}, calibrate=3)
    assert not asked["output"].exists()
    with pytest.raises(Refusal, match="calibrate is a whole number in 0..1000, not -1"):
        spikeloom.tune(**asked, calibrate=-1)


def test_a_space_of_which_the_board_holds_nothing_is_refused(asked, measured):
    space = {"lanes": [128], "slots": [1, 2], "units": 16}
    with pytest.raises(Refusal, match="calibrate: by the model ice40-hx8k holds none of the space's designs"):
        spikeloom.tune(**asked | {"space": space}, calibrate=2)
    assert not measured.designs


def test_designs_that_the_tools_refuse_are_left_out(asked, measured):
    measured.refused = (8,)
    spikeloom.tune(**asked, calibrate=3)
    assert len(own_runs.load(asked["output"] / "costs.json")) == 3
    measured.refused = (1, 2, 4, 8)
    with pytest.raises(Refusal, match="pack failed"):
        spikeloom.tune(**asked | {"output": asked["output"].with_name("other")}, calibrate=1)


def test_files_that_have_no_runs_are_refused(asked, tmp_path):
    path = tmp_path / "costs.json"
    good = run_of(small.network(), Configuration(lanes=2))
    own_runs.save([good], path)
    assert own_runs.load(path) == (good,)
    document = {"format": own_runs.FORMAT, "runs": [asdict(good)]}

    def changed(**values):
        return json.dumps(document | {"runs": [asdict(replace(good, **values))]})

    core = good.parameters["cores"][0]
    for text in (
        "",
        "[]",
        "\x00",
        "[" * 100_000,
        json.dumps({"runs": []}),
        json.dumps(document | {"format": "another"}),
        json.dumps(document | {"runs": [{"board": "x"}]}),
        changed(board="no-such-board"),
        changed(configuration={"lanes": 3}),
        changed(used={"lut": 0, "ff": 1}),
        changed(used={"lut": "many", "ff": 1}),
        changed(fmax_mhz=-1),
        changed(parameters={}),
        changed(parameters={**good.parameters, "cores": [{**core, "model": "izhikevich"}]}),
        changed(tools=3),
        changed(tools={"yosys": 3}),
    ):
        path.write_text(text)
        with pytest.raises(Refusal, match=f"^{re.escape(str(path))}: not a file of costs") as refused:
            spikeloom.tune(**asked, costs=path)
        assert "\n" not in str(refused.value)
    with pytest.raises(Refusal, match=r"none.json: cannot be read \(No such file"):
        spikeloom.tune(**asked, costs=tmp_path / "none.json")

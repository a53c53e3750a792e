"""What is built of a front, and what becomes of designs of which the tools say other than the model."""

from types import SimpleNamespace

import pytest

from spikeloom import api
from spikeloom.boards import calibration, catalogue
from spikeloom.boards.board import Resources
from spikeloom.boards.build_report import BuildReport
from spikeloom.boards.reports import Clock
from spikeloom.golden.network import Refusal
from spikeloom.tuning.goals import goals
from spikeloom.tuning.result import chosen
from spikeloom.tuning.settle import order, settle
from spikeloom.tuning.study import Trial

BOARD = catalogue.find("ice40-hx8k")
GOALS = goals(["accuracy"], ["latency", "lut"], ["lut<=3000"], BOARD)


def trial(number, latency, lut):
    figures = {"accuracy": 0.9, "latency": latency, "lut": lut, "spram": 0.0, "clock": 48.0, "fmax": 60.0}
    return Trial(number=number, point={"lanes": number}, figures=figures)


FRONT = [trial(1, 10.0, 3000.0), trial(2, 20.0, 2000.0), trial(3, 40.0, 1500.0), trial(4, 100.0, 1000.0)]


@pytest.fixture
def tools(monkeypatch):
    """Tools that say what a test wants of a design of so many logic cells; the designs that they placed."""
    placed, said = [], {}

    def measure(network, configuration, board, **options):
        return {}, {"lut": said.get(configuration, 900), "ff": 100, "block_ram": 3, "dsp": 0}

    def build(network, *, output, config, **options):
        placed.append(config)
        output.mkdir()
        fmax = 40.0 if said.get(f"slow {config}") else 70.0
        return BuildReport(
            **dict.fromkeys(("device", "speed", "bitstream", "sha256", "network", "verilog_sha256"), ""),
            board=options["board"],
            seed=1,
            output_registers=False,
            core_mhz=48.0,
            baud=1,
            configuration={},
            used=Resources(lut=950, ff=100, block_ram=3, dsp=0),
            available=BOARD.resources,
            clocks={"clk": Clock(achieved_mhz=fmax, constraint_mhz=48.0)},
            timing_met=fmax > 48,
            paths=(),
            tools={},
            clocks_per_inference=480.0,
        )

    monkeypatch.setattr(calibration, "measure", measure)
    monkeypatch.setattr(api, "build", build)
    return SimpleNamespace(placed=placed, said=said)


def settled(wanted, folder, board=BOARD):
    integers = SimpleNamespace(network=None, accuracy=0.9, agreement=0.95)
    made = lambda point: (integers, point["lanes"], None, None)  # noqa: E731
    return settle(FRONT, GOALS, board, wanted, made, folder, lambda *said: None)


def test_the_balanced_the_fastest_and_the_smallest_come_first():
    assert [one.number for one in order(FRONT, GOALS)][:3] == [2, 1, 4]
    assert order([], GOALS) == []


def test_what_is_built_is_measured(tools, tmp_path):
    designs = settled(2, tmp_path)
    assert [design.number for design in designs] == tools.placed == [2, 1]
    assert all(design.depth == 3 and not design.problem for design in designs)
    assert designs[0].figures["latency"] == 10.0, "480 clocks at 48 MHz, and not the model's"
    assert designs[0].figures["lut"] == 950 and designs[0].modelled["lut"] == 2000
    assert designs[0].folder == tmp_path / "2" and designs[0].folder.is_dir()
    assert chosen(designs, GOALS)["balanced"].depth == 3


def test_what_the_tools_do_not_hold_is_said_and_the_next_is_tried(tools, tmp_path):
    tools.said.update({2: 3500, "slow 1": True})
    designs = settled(2, tmp_path)
    assert tools.placed == [1, 4, 3], "what synthesis finds too large is not placed"
    assert [design.problem for design in designs[:2]] == [
        "after synthesis it is beyond lut<=3000",
        "timing is missed: 40.0 of 48 MHz",
    ]
    assert [design.depth for design in designs] == [2, 3, 3, 3]
    assert {design.number for design in chosen(designs, GOALS).values()} <= {3, 4}


@pytest.mark.parametrize("name", ["arty-a7", "arty-z7"])
def test_a_project_for_a_vendors_tools_stays_the_models(name, monkeypatch, tmp_path):
    monkeypatch.setattr(api, "build", lambda network, *, output, **options: output.mkdir())
    (design,) = settled(1, tmp_path, catalogue.find(name))
    assert (design.depth, design.problem, design.figures) == (1, "", FRONT[1].figures)
    assert design.folder.is_dir()


@pytest.mark.usefixtures("tools")
def test_a_failure_of_the_tools_is_one_line(tmp_path):
    def refuse(*given, **options):
        raise Refusal("place and route failed\nlong log")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "build", refuse)
        designs = settled(1, tmp_path)
    assert [design.problem for design in designs] == ["place and route failed"] * 2, "two tries for one design"
    assert chosen(designs, GOALS) == {}

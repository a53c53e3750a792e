"""The model of area against runs of the tools that it was not fitted to; block RAM and multipliers are exact."""

import numpy as np
import pytest

import small
from spikeloom.boards import area, calibration, catalogue, parts
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.fit import block_rams, margins, predicted
from spikeloom.boards.tables import Table, in_blocks, tables
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network

OPEN = [name for name, family in FAMILIES.items() if family.flow == "open"]
#: Shares by which half of the runs, and all of them, may be off: logic cells, and flip-flops.
MEDIAN, WORST = {"lut": 0.08, "ff": 0.06}, {"lut": 0.3, "ff": 0.2}


@pytest.fixture(scope="module")
def runs():
    return calibration.load()


@pytest.fixture(scope="module")
def measured(runs):
    return calibration.measured(runs)


def test_block_ram_and_multipliers_are_exact(measured):
    for run in measured:
        found = predicted(run.parameters, run.board)
        assert found["block_ram"] == run.used["block_ram"] and found["dsp"] == run.used["dsp"], run
    made = [sum(in_blocks(t, FAMILIES[r.board.family]) for t in tables(r.parameters.cores[0])) for r in measured]
    assert max(made) > 1 and min(made) == 0, "queues of results are block RAM here and logic there"


def test_runs_are_of_many_kinds(runs, measured):
    """Each third holds every family, so that a model of the others can be judged."""
    for fold in range(calibration.FOLDS):
        assert {run.board.family for run in measured[fold :: calibration.FOLDS]} == set(OPEN)
    assert len({run.network for run in runs}) >= 10 and len({repr(run) for run in runs}) == len(runs)
    cores = [run.parameters.cores for run in measured]
    assert {len(c) for c in cores} >= {1, 2, 3} and {c[0].short for c in cores} == {True, False}
    assert {c[0].scatter is None for c in cores} == {c[0].value_bits > 1 for c in cores} == {True, False}


def test_runs_that_the_model_was_not_fitted_to(runs):
    off = calibration.off(runs)
    assert set(off) == {(resource, family) for resource in area.FITTED for family in OPEN}
    for (resource, family), errors in off.items():
        assert np.median(np.abs(errors)) <= MEDIAN[resource], (resource, family)
        assert np.abs(errors).max() <= WORST[resource], (resource, family)
        board = next(b for b in catalogue.BOARDS.values() if b.family == family)
        assert margins(board)[resource] == pytest.approx(np.abs(errors).max(), abs=1e-4), "what is said is what is"


def test_the_model_is_what_fits_the_runs(measured, runs, tmp_path):
    """Written and read again; parts whose costs are another's would be seen."""
    calibration.save(runs, tmp_path / "area.json")
    assert calibration.load(tmp_path / "area.json") == runs
    model, again = calibration.area(), calibration.area(tmp_path / "area.json")
    assert model.costs.keys() == again.costs.keys()
    assert all(again.costs[key] == pytest.approx(costs, rel=1e-3, abs=1e-3) for key, costs in model.costs.items())
    swapped = area.Area({key: np.roll(costs, 1) for key, costs in model.costs.items()})

    def worst(candidate):
        return max(abs(candidate.predict(r.parameters, r.board)["lut"] / r.used["lut"] - 1) for r in measured)

    assert worst(model) < WORST["lut"] < worst(swapped)


def test_least_squares_of_what_is_known():
    """Costs that are none below 0; what no run has costs what it commonly does."""
    rng = np.random.default_rng(1)
    rows, costs = rng.uniform(1, 9, (30, 5)), np.array([3.0, 0.0, 1.0, 0.5, 2.0])
    rows /= (rows @ costs)[:, None]
    assert area._least_squares(rows) == pytest.approx(costs, abs=1e-6)
    assert area._non_negative(np.eye(2), np.array([1.0, -1.0])) == pytest.approx([1, 0])
    rows[:, 2], common = 0, np.full(5, 7.0)
    assert area._least_squares(rows, common)[2] == pytest.approx(7)


def test_a_family_without_runs_is_not_estimated(measured):
    board = catalogue.find("arty-a7")
    assert predicted(measured[0].parameters, board) == {
        "lut": None,
        "ff": None,
        "dsp": None,
        "block_ram": block_rams(measured[0].parameters, board),
    }
    assert margins(board) == {}


@pytest.mark.parametrize(
    ("family", "entries", "bits", "points", "blocks"),
    [
        ("ice40", 28, 6, 1, 1),  # 168 bits of flip-flops, or 70
        ("ice40", 10, 6, 1, 0),
        ("ice40", 28, 6, None, 0),
        ("gatemate", 28, 6, 1, 1),
        ("gatemate", 20, 6, 1, 0),
        ("ecp5", 28, 6, 1, 0),  # LUT RAM
        ("ecp5", 40, 142, 1, 4),
    ],
)
def test_a_table_is_block_ram_where_that_is_cheaper(family, entries, bits, points, blocks):
    assert in_blocks(Table(name="t", entries=entries, bits=bits, points=points), FAMILIES[family]) == blocks


def test_damaged_runs_are_refused(tmp_path):
    (tmp_path / "area.json").write_text("{")
    with pytest.raises(Refusal, match="not runs of the tools"):
        calibration.load(tmp_path / "area.json")


def test_a_neuron_unit_is_made_once_on_a_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    core = map_network(small.network(), Configuration.create(lanes=2)).parameters.cores[0]
    asked = core.model, core.neuron, core.accumulator_bits
    parts._unit.cache_clear()
    cells, products = parts._unit(*asked)
    assert cells["dff"] and (dict(cells), list(products)) == parts._made(*asked)
    with monkeypatch.context() as planted:
        planted.setattr(parts, "_made", None)
        parts._unit.cache_clear()
        assert parts._unit(*asked) == (cells, products)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none" / "file"))
    (tmp_path / "none").write_text("")
    parts._unit.cache_clear()
    assert parts._unit(*asked) == (cells, products)

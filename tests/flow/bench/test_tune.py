"""What the figures of searches are counted from."""

import inspect
from itertools import islice

import numpy as np
import pytest

import spikeloom
from spikeloom.bench import tables, tune_fronts, tune_joint, tune_model
from spikeloom.bench.cache import Cache
from spikeloom.bench.figure import Bench, Figure
from spikeloom.boards import catalogue
from spikeloom.hdl.configuration import Configuration
from spikeloom.tuning.goals import goals
from spikeloom.tuning.space import Space, key_of

SPACE = Space({"lanes": (1, 2, 4), "units": (1, 2, 4), "slots": (1, 2)})
DESIGN = {
    "point": {"lanes": 4, "order.input -> lif1": "event"},
    "modelled": {"clocks": 990, "bram": 5, "lut": 2000, "ff": 1100, "fmax": 90.0},
    "measured": {"clocks": 1000, "bram": 5, "lut": 1900, "ff": 1000, "fmax": 100.0},
}


def test_ranks_are_correlated_as_spearman_does():
    assert tune_model.rank_correlation([1, 2, 3], [10, 30, 1000]) == pytest.approx(1)
    assert tune_model.rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    # Of equals: ranks 1.5, 1.5, 3, 4 and 1, 3, 2, 4.
    assert tune_model.rank_correlation([1, 1, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.6324555)


def test_a_design_that_was_fitted_to_is_known_however_it_is_written():
    known = tune_model.fitted("ulx3s-85f", "digits")
    default, said = Configuration.create(lanes=16), Configuration.create(lanes=16, units=2, slots=2, order="neuron")
    for configuration in (default, said):
        assert tune_model.design_of("digits", [8, 8], configuration) in known
        assert tune_model.design_of("digits", [8, 3], configuration) not in known
    assert tune_model.design_of("digits", [8], Configuration.create(lanes=16, slots=3)) not in known
    assert not tune_model.fitted("ulx3s-85f", "no such network")


def test_points_are_drawn_once_each():
    points = list(islice(tune_model.drawn(SPACE, 1), 12))
    assert len({key_of(point) for point in points}) == 12
    assert points == list(islice(tune_model.drawn(SPACE, 1), 12))
    assert points != list(islice(tune_model.drawn(SPACE, 2), 12))


def test_errors_are_shares_of_what_was_measured():
    assert tune_model.errors([DESIGN, DESIGN], "lut") == pytest.approx([100 / 1900] * 2)
    assert np.count_nonzero(tune_model.errors([DESIGN], "bram")) == 0


def test_every_design_of_a_network_that_figures_measure_is_found_once():
    (small,) = tune_fronts.measured_elsewhere("mnist", "upduino-v3")
    assert small["figures"] == ["single_port"]
    assert small["configuration"] == {"lanes": 16, "units": 1, "weights": "single-port", "pipeline": "short"}
    large = tune_fronts.measured_elsewhere("mnist", "ulx3s-85f")
    by = {(one["weight_bits"], *sorted(one["configuration"].items())): one["figures"] for one in large}
    assert len(by) == len(large)
    assert by[4, ("lanes", 16)] == ["performance", "density"]
    assert by[8, ("lanes", 16)] == ["bulk"]
    assert by[4, ("lanes", 16), ("units", 1)] == ["peer"]


def test_what_is_as_good_and_better_in_one_beats():
    aims = goals(["accuracy"], ["latency", "lut"], [], catalogue.find("ulx3s-85f"))
    one = {"accuracy": 0.9, "latency": 10.0, "lut": 1000.0}
    assert tune_fronts.beats(one, one, aims) == (True, False)
    assert tune_fronts.beats(one | {"lut": 999.0}, one, aims) == (True, True)
    assert tune_fronts.beats(one | {"lut": 999.0, "accuracy": 0.899}, one, aims) == (False, False)


@pytest.mark.parametrize("module", [tune_fronts, tune_joint])
def test_a_figure_asks_for_searches_that_there_are(module, tmp_path, monkeypatch):
    class Asked(Exception):
        pass

    def search(*given, **named):
        inspect.signature(tune).bind(*given, **named)
        raise Asked

    tune = spikeloom.tune
    monkeypatch.setattr(spikeloom, "tune", search)
    monkeypatch.setattr(tune_joint, "_models", lambda bench: {})
    (chosen,) = [one for one in vars(module).values() if isinstance(one, Figure)]
    bench = Bench(cache=Cache(tmp_path), progress=lambda *said: None, folder=tmp_path)
    with pytest.raises(Asked):
        next(chosen.measure(bench, **chosen.rows[0]))


def test_a_table_has_a_row_for_each_design():
    row = {"network": "digits", "board": "ice40-hx8k", "designs": [DESIGN, DESIGN]}
    table = tables.TABLES["tune_model-designs"]
    merged = table.merge([row])
    assert len(merged) == 2
    assert tables.cells(table, merged[0])[1:4] == ["lanes 4, input -> lif1 event", "990", "1,000"]
    figures = {"accuracy": 0.9, "latency": 10.0, "lut": 1000.0}
    key = {"figures": ["peer"], "weight_bits": 4, "configuration": {"lanes": 4}, "modelled": figures, "kept": True}
    front = {"by": {"point": {"lanes": 8}, "figures": figures}, "strictly": False}
    compared = [{**key, **front}, {**key, **front, "by": None}, {**key, **front, "by": None, "kept": False}]
    table = tables.TABLES["tune_fronts"]
    merged = table.merge([{"network": "mnist", "board": "upduino-v3", "limit": "fits", "compared": compared}])
    assert [tables.cells(table, one)[8] for one in merged] == ["lanes 8", "nothing", "beyond the limit"]

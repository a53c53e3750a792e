"""Limits are read by a grammar, and whatever is not one is refused with what would be."""

import re

import pytest

from spikeloom import Refusal
from spikeloom.boards import catalogue
from spikeloom.tuning import expressions
from spikeloom.tuning.goals import goals

BOARD = catalogue.find("icebreaker")


@pytest.mark.parametrize(
    ("text", "name", "least", "bound"),
    [
        ("accuracy>=0.95", "accuracy", True, 0.95),
        (" accuracy >= 95 % ", "accuracy", True, 0.95),
        ("bram<=50%", "bram", False, 15),
        ("bram<=7", "bram", False, 7),
        ("spram<=100%", "spram", False, 4 << 18),
        ("latency<=100us", "latency", False, 100),
        ("latency<=0.1ms", "latency", False, 100),
        ("latency<=1e2µs", "latency", False, 100),
        ("fmax>=48MHz", "fmax", True, 48),
        ("clock<=12000000Hz", "clock", False, 12),
        ("rate>=1000/s", "rate", True, 1000),
    ],
)
def test_limits_are_read(text, name, least, bound):
    limit = expressions.parse(text, BOARD)
    assert (limit.name, limit.least) == (name, least)
    assert limit.bound == pytest.approx(bound)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acuracy>=0.9", "there is no figure 'acuracy'; is accuracy meant? There are accuracy, agreement, latency"),
        ("energy<=3", "there is no figure 'energy'; there are accuracy"),
        ("accuracy>0.9", "a limit has <= or >=, not >"),
        ("latency<=3parsecs", "there is no unit 'parsecs' of time of an inference; there are ns, us, µs, ms, s"),
        ("latency<=50%", "there is no unit '%' of time of an inference"),
        ("clocks<=50%", "there is no unit '%' of clocks of an inference; it has none"),
        ("accuracy>=95", "share of right predictions on the data is at most 1"),
        ("accuracy", "A limit is like accuracy>=0.95, bram<=50% or latency<=100us, not 'accuracy'"),
        ("__import__('os').system('true')>=1", "A limit is like"),
        ("lut<=1+1", "there is no unit '+1' of logic cells; there are % of the board"),
        ("lut<=-5", "A limit is like"),
        ("lut<=" + "9" * 1000, "A limit is like"),
        ("", "A limit is like"),
    ],
)
def test_what_is_no_limit_is_refused(text, message):
    with pytest.raises(Refusal, match=re.escape(message)):
        expressions.parse(text, BOARD)


def test_contradictions_are_refused():
    with pytest.raises(Refusal, match=re.escape("lut>=2000 and lut<=1000 contradict each other")):
        goals([], ["lut"], ["lut>=2000", "lut<=1000"], BOARD)
    goals([], ["lut"], ["lut>=1000", "lut<=1000"], BOARD)


def test_aims_are_checked():
    with pytest.raises(Refusal, match="minimise: there is no figure 'lutt'; is lut meant"):
        goals([], ["lutt"], [], BOARD)
    with pytest.raises(Refusal, match="lut is named twice"):
        goals(["lut"], ["lut"], [], BOARD)
    with pytest.raises(Refusal, match="name at least one figure"):
        goals([], [], [], BOARD)


def test_the_board_is_a_limit_too():
    aims = goals(["accuracy"], ["latency"], ["bram<=50%"], BOARD)
    design = {"accuracy": 0.9, "latency": 10.0, "lut": 5000.0, "bram": 20.0, "fmax": 50.0, "clock": 42.0}
    assert {text: round(by, 3) for text, by in aims.excesses(design).items() if by} == {"bram<=50%": 0.333}
    assert not aims.kept(design)
    assert aims.kept(design | {"bram": 15.0})
    assert aims.excesses(design | {"lut": 2 * 5280.0})["lut<=100%"] == 1
    assert aims.excesses(design | {"clock": 100.0})["clock<=fmax"] == 1

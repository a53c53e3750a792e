"""Trained networks: what a row that is wrong does to the figures."""

import pytest

from spikeloom.trust.networks import CHECK, SHAPES

GOOD = {"samples": 3, "events": 5, "states": 7, "differ": 0}


def missed(rows):
    return [figure.what for figure in CHECK.figures({"networks": rows}, False) if not figure.ok]


def test_every_packaged_network_is_compared():
    assert not missed([GOOD for _ in SHAPES]) and CHECK.cases({"networks": [GOOD for _ in SHAPES]}) == 3 * len(SHAPES)
    assert set(CHECK.parts(False)) == set(SHAPES)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"differ": 1}, "events and states that differ"),
        ({"events": 0}, "of these, without an event"),
        (None, "packaged networks and shapes compared"),
    ],
)
def test_one_row_that_is_wrong_is_in_the_figures(change, what):
    rows = [GOOD for _ in SHAPES]
    rows[3:4] = [GOOD | change] if change else []
    assert missed(rows) == [what]

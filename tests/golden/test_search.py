"""The search for narrow weights keeps to the loss that was allowed."""

from dataclasses import replace

import pytest

from spikeloom import api, packaged
from spikeloom.golden.network import Refusal

DIGITS = packaged.find("digits")


def converted(**options):
    return api.convert(DIGITS.model, data=DIGITS.calibration, knobs=DIGITS.resolved, **options).report


def loss(report):
    return 100 * (report.accuracy_float - report.accuracy_integer)


def test_no_layer_can_be_narrower():
    found = converted(search_bits=1.0)
    bits = {layer.name: layer.weight_bits for layer in found.layers}
    assert loss(found) <= 1.0
    assert max(bits.values()) < 8
    for name, width in bits.items():
        if width > 2:
            assert loss(converted(weight_bits=bits | {name: width - 1})) > 1.0


def test_without_labels_predictions_are_compared():
    from spikeloom.golden import data as files

    data = replace(files.load(DIGITS.calibration), y=None)
    report = api.convert(DIGITS.model, data=data, knobs=DIGITS.resolved, search_bits=5.0).report
    assert 1 - report.prediction_agreement <= 0.05
    assert max(layer.weight_bits for layer in report.layers) < 8


def test_refused(monkeypatch):
    with pytest.raises(Refusal, match=r"^search_bits takes percentage points in 0\.\.100, not -1$"):
        converted(search_bits=-1)
    from spikeloom.golden import search

    monkeypatch.setattr(search, "WIDEST", 2)
    with pytest.raises(
        Refusal, match=r"^weights of 2 bits already lose [\d.]+ points .* and 0 are allowed; allow more"
    ):
        converted(search_bits=0)

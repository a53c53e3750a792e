"""How fast the integer model is beside snnTorch."""

import numpy as np
import pytest

from spikeloom.bench import results, speed, tables
from spikeloom.golden.network import Refusal


def test_golden_speed_without_snntorch_says_what_to_do(bench, monkeypatch, measured):
    keys = speed.golden_speed.rows[0]
    counts = np.zeros((1000, 10), int).tolist()
    monkeypatch.setattr(
        speed, "_run", lambda *words: {"seconds": [1, 2, 9], "counts": counts, "versions": {"torch": "2"}}
    )
    monkeypatch.setenv("SNNTORCH_PYTHON", "/nowhere/python")
    found = {}
    with pytest.raises(
        Refusal, match="no Python with snnTorch at '/nowhere/python'; make it with `make bench-snntorch`"
    ):
        for part in speed.golden_speed.measure(bench, **keys):
            found |= part
    assert found["golden_samples_per_second"] == 500
    monkeypatch.setattr(speed, "installed", lambda python: "2")
    row = measured(speed.golden_speed, **keys)
    assert row["ratio"] == row["same_samples"] == 1
    results.save("golden_speed", "About.", [row])
    assert "torch 2;" in tables.markdown("golden_speed").replace("\n", " ")

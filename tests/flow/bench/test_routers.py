"""Figures of the routers and of the packets through them."""

from dataclasses import fields
from types import SimpleNamespace

import pytest

from spikeloom.bench import results, routers, tables
from spikeloom.boards.catalogue import Resources
from spikeloom.golden.network import Refusal
from spikeloom.sim.soak import Soaked


def test_each_part_of_the_routers_is_measured(monkeypatch, measured):
    made = []

    def measure(component, board, *, seeds, progress):
        made.append(type(component).__name__)
        used = Resources(lut=1234, ff=2, block_ram=0, dsp=0)
        fmax = {1: 90.0, 2: 100.0, 3: 110.0}
        return SimpleNamespace(used=used, fmax_mhz=fmax, median_mhz=100.0, paths=(), tools={"yosys": "pyosys 0"})

    monkeypatch.setattr(routers, "measure_component", measure)
    rows = [measured(routers.routers, **keys) for keys in routers.routers.rows]
    assert set(made) == {"Router", "Stop", "Crossbar"} and len(made) == len(rows)
    results.save("routers", "About.", rows)
    assert "| mesh router | 16 | 20 | one | 1,234 | 2 | 100.0 (90.0, 100.0, 110.0) |" in tables.markdown("routers")


def test_a_soak_with_faults_is_no_figure(monkeypatch, measured):
    counted = {field.name: 5 for field in fields(Soaked)}
    faults = dict.fromkeys(("lost", "doubled", "disordered", "unstable", "miscounted"), 0)
    found = Soaked(**(counted | faults))
    monkeypatch.setattr(routers, "simulate", lambda *words, **options: found)
    row = measured(routers.soak, kind="ring", nodes=8)
    results.save("soak", "About.", [row, measured(routers.soak, kind="crossbar", nodes=5)])
    assert "| ring, 8 nodes | 5 | 5 | 5 | 0 | 0 | 0 | 5 (≤ 371) | 0 |" in tables.markdown("soak")
    found = Soaked(**(counted | faults | {"lost": 2}))
    with pytest.raises(Refusal, match="^crossbar of 4 nodes: {'lost': 2}$"):
        measured(routers.soak, kind="crossbar", nodes=4)

"""Hardware of populations in parts against the integer model of the whole."""

import json

import numpy as np
import pytest

import small
from folders import seal
from spikeloom.golden import simulate as model
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.sim.equivalence import simulate, verify

pytestmark = pytest.mark.usefixtures("quick_compiler")
X = (np.random.default_rng(1).random((4, 9, 2, 6, 2)) < 0.4).astype(int)


@pytest.fixture
def folder(tmp_path):
    cores = {"a": [0, 0], "b": [0, 0], "c": [0, 0], "out": 0}
    generate(small.images(), Configuration.create(lanes=4, cores=cores), tmp_path / "rtl")
    return tmp_path / "rtl"


@pytest.mark.parametrize("stalls", [False, True])
def test_it_equals_the_integer_model(folder, tmp_path, stalls):
    """Kernels of which rows are left out, and a part that nothing reaches."""
    assert [s.name for s in Design(folder).observed] == ["a[0]", "a[1]", "b[0]", "b[1]", "c[0]", "c[1]", "out"]
    report = verify(folder, X, bulk=True, stalls=stalls, output=tmp_path / "mismatch")
    assert report.ok, report.verdict
    assert report.populations == {"a": 36, "b": 9, "c": 8, "out": 2} and report.states == 55
    assert all(fired > 0.4 for fired in report.fired.values()) and report.events < report.cells / 2


def changed(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text())
    change({source["name"]: source for source in manifest["sources"]})
    seal(folder, manifest)


def test_a_part_in_anothers_place_is_noticed(folder, tmp_path):
    def swap(sources):
        a, b = sources["c[0]"], sources["c[1]"]
        a["share"], b["share"] = b["share"], a["share"]

    changed(folder, swap)
    report = verify(folder, X, bulk=True, output=tmp_path / "mismatch")
    assert not report.ok and report.mismatch.population == "c"


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["a[1]"]["share"].update(first=2),
        lambda s: s["a[1]"]["share"].update(population="b"),
        lambda s: s["a[1]"]["share"].update(population="d"),
        lambda s: s["c[1]"]["share"].update(size=16, stride=16),
        lambda s: s["c[1]"]["share"].pop("first"),
    ],
)
def test_parts_that_are_not_the_whole_are_damage(folder, change):
    changed(folder, change)
    with pytest.raises(Refusal, match=r"manifest.json: damaged \(.*\); generate the folder again"):
        Design(folder)


def test_links_are_counted(tmp_path):
    """The same packets in Verilog and in Amaranth's simulator: each event goes once to every core that reads it."""
    cores = {"a": [0, 1], "b": 0, "c": [1, 0], "out": 1}
    generate(small.images(), Configuration.create(lanes=4, cores=cores, topology="ring"), tmp_path / "rtl")
    reports = [
        verify(tmp_path / "rtl", X[:1], output=tmp_path / "m", **options)
        for options in ({"bulk": True}, {"simulator": "amaranth"})
    ]
    assert all(report.ok for report in reports)
    few = X[1:2, :4]
    run, golden = simulate(tmp_path / "rtl", few, simulator="amaranth"), model.run(small.images(), few, record="all")
    assert all((run.events[name] == events).all() and events.any() for name, events in golden.events.items())
    moved = [{name: link["moved"] for name, link in report.links.items()} for report in reports]
    assert moved[0] == moved[1]
    steps, x = X.shape[1], int(X[:1].sum())
    assert moved[0]["node 0 -> stop 0"] == x + steps
    assert moved[0]["stop 0 -> node 0"] == reports[0].events + 6 * steps, "the host observes all six parts"
    for report in reports:
        kept = np.array(report.traffic)
        assert kept.shape[1] == len(report.links) and len(kept) > 10
        assert 0 < kept.sum() <= sum(moved[0].values()) and kept.max() <= 64

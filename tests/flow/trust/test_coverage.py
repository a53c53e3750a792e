"""What the coverage check counts, and that it fails where it must."""

from collections import Counter

import pytest

from spikeloom.hdl.routers.topology import Topology
from spikeloom.sim.coverage.bins import Bin
from spikeloom.sim.coverage.play import Verdict
from spikeloom.sim.coverage.points import Point
from spikeloom.sim.coverage.router_bins import router_bins
from spikeloom.trust import coverage
from spikeloom.trust.coverage.waivers import WAIVERS, Waiver

BIN = Bin(of="", name="full", about="no room", when="{full}")
POINTS = Counter(
    {
        Point("bin", "design: core0", "full"): 3,
        Point("line", "core", "design, line 1, if: if (a) begin"): 1,
        Point("toggle", "core", "a:0->1"): 1,
        Point("toggle", "core", "clocks[31]:0->1"): 0,
    }
)
CLOCKS = Waiver(kind="toggle", of="core", what=r"clocks\[31\]:.*", reason="It takes too long.")


@pytest.fixture
def figures(monkeypatch):
    def figures(points=POINTS, waivers=(CLOCKS,), problems=()):
        monkeypatch.setattr(coverage, "WAIVERS", waivers)
        run = coverage._row("design", 0, Verdict(events=5, problems=list(problems)))
        rows = coverage._rows("design", [BIN], points, [run])
        rows[coverage.ROOMS] = [{"file": "a.py", "branches": 100, "taken": 100}]
        return {figure.what: figure for figure in coverage.CHECK.figures(rows, False)}

    return figures


def test_all_is_well(figures):
    assert all(figure.ok for figure in figures().values())


@pytest.mark.parametrize(
    ("planted", "what"),
    [
        ({"points": POINTS | {Point("bin", "design: core0", "full"): 0}}, "functional bins that were hit"),
        ({"points": {p: n for p, n in POINTS.items() if p.kind != "bin"}}, "functional bins that were hit"),
        ({"points": POINTS | {Point("line", "core", "other"): 0}}, "lines of the Verilog that were reached"),
        ({"waivers": ()}, "toggles of the Verilog that were reached"),
        ({"problems": ["an event differs"]}, "covered runs that differ from what is right"),
        (
            {"waivers": (CLOCKS, Waiver(kind="line", of="core", what="nothing", reason="-"))},
            "waivers that match something, and nothing that was reached",
        ),
        (
            {"waivers": (CLOCKS, Waiver(kind="toggle", of="core", what="a:.*", reason="-"))},
            "waivers that match something, and nothing that was reached",
        ),
    ],
)
def test_planted_faults(figures, planted, what):
    found = figures(**planted)
    assert [figure.what for figure in found.values() if not figure.ok] == [what]


def test_no_rows_are_no_coverage():
    assert not any(f.ok for f in coverage.CHECK.figures({}, False) if f.unit == "%")
    assert coverage.CHECK.cases({}) == 0


def test_each_waiver_has_a_reason():
    assert all(waiver.reason.endswith(".") for waiver in WAIVERS)
    assert len({waiver.title for waiver in WAIVERS}) == len(WAIVERS)


@pytest.mark.parametrize(("kind", "nodes"), [("crossbar", 3), ("ring", 3), ("mesh", 4)])
def test_every_turn_has_a_bin(kind, nodes):
    topology = Topology(kind=kind, nodes=nodes)
    named = {bin_.name for bin_ in router_bins(topology, "") if " to " in bin_.name}
    assert len(named) == sum(len(following) for following in topology.after.values())

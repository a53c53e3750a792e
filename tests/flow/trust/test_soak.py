"""The check of soaks counts what was wrong, and soaks for as long as it says."""

import numpy as np
import pytest

from spikeloom.golden import simulate as golden
from spikeloom.sim.soak import Soaked
from spikeloom.trust import soak
from spikeloom.trust.check import Job


def soaked(clocks, **faults):
    none = dict.fromkeys(("lost", "doubled", "disordered", "unstable", "miscounted"), 0)
    return Soaked(
        clocks=clocks, packets=clocks // 3, copies=clocks // 2, moved=clocks, stalled=clocks, longest_wait=9,
        when=0, resets=1,
        **none | faults,
    )  # fmt: skip


@pytest.fixture
def rows(monkeypatch, tmp_path):
    """Of the quick run, with this wrong in each interconnect and in each chip."""

    def made(problems=(), differences=0, **faults):
        monkeypatch.setattr(soak, "soak", lambda dut, clocks, **_: soaked(clocks, **faults))
        monkeypatch.setattr(soak, "generate", lambda *_: None)
        monkeypatch.setattr(soak, "Design", lambda _: type("Design", (), {"network": soak.network()}))
        report = type("Report", (), {"samples": 9, "clocks": 1 << 20, "events": 10**6, "states": 50,
                                     "differences": differences, "problems": problems,
                                     "ok": not (problems or differences),
                                     "stalls": {"i_gaps": 1, "o_waits": 1}})  # fmt: skip
        monkeypatch.setattr(soak, "verify", lambda *_, **__: report)
        found = {soak.ROUTERS: [], soak.CHIPS: []}
        for part in soak.parts(False):
            for title, some in soak.run(part, Job(full=False, folder=tmp_path)).items():
                found[title] += some
        return found

    return made


def test_it_is_long_enough(rows):
    found = rows()
    assert all(figure.ok for figure in soak.figures(found, False)) and soak.CHECK.cases(found) > 10**7
    full = list(soak.PARTS.values())
    assert sum(p.full for p in full if isinstance(p, soak.Routers)) >= 10**10
    assert sum(p.full for p in full if isinstance(p, soak.Chip)) >= 10**9
    assert not all(figure.ok for figure in soak.figures(found, True))


@pytest.mark.parametrize("kind", soak.WRONG)
def test_a_fault_of_an_interconnect_is_counted(rows, kind):
    wrong = [figure for figure in soak.figures(rows(**{kind: 1}), False) if not figure.ok]
    assert [figure.of for figure in wrong] == [soak.ROUTERS] and wrong[0].value == 5


@pytest.mark.parametrize("fault", [{"differences": 1}, {"problems": ("the design hangs",)}])
def test_a_fault_of_a_chip_is_counted_and_ends_its_soak(rows, fault):
    found = rows(**fault)
    wrong = [figure.what for figure in soak.figures(found, False) if not figure.ok]
    assert any("differ" in what for what in wrong)
    assert all(row["samples"] == 9 for row in found[soak.CHIPS])


def test_every_population_of_the_chip_has_events():
    network = soak.network()
    rng = np.random.default_rng(1)
    x = (rng.random((20, soak.STEPS, network.input.size)) < 0.3).astype(np.int16)
    events = golden.run(network, x, record="all").events
    assert all(0.01 < np.mean(of != 0) < 0.9 for of in events.values())

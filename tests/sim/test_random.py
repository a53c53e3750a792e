"""Random networks against golden, with random stalls: many on few binaries. ``make trust`` runs many more.

A failing case is kept in ``tests/regressions`` (the last one written is the smallest) and replayed here for ever.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from folders import seal
from spikeloom.sim.drawn import cases
from spikeloom.sim.drawn.cases import of_any, of_family, replay, run
from spikeloom.sim.drawn.choices import family

REGRESSIONS = Path(__file__).parents[1] / "regressions"
KEPT = sorted(path.parent for path in REGRESSIONS.glob("*/case.json"))


@pytest.mark.parametrize("case", KEPT, ids=[path.name for path in KEPT])
def test_regressions(case):
    report = replay(case)
    assert report.events and not report.differences and not report.problems, report.verdict


def test_a_regression_that_is_back_is_found(tmp_path, monkeypatch):
    """The check above, with one of its cases and a generator that writes wrong parameters."""
    written = cases.generate

    def wrong(network, configuration, folder, **options):
        written(network, configuration, folder, **options)
        image = next(path for path in sorted(folder.glob("*.mem")) if "parameters" in path.name)
        image.write_text("\n".join(f"{int(word, 16) ^ 1:x}" for word in image.read_text().split()) + "\n")
        seal(folder, json.loads((folder / "manifest.json").read_text()))

    case = tmp_path / "input-delayed-one-lane"
    shutil.copytree(REGRESSIONS / case.name, case)
    document = json.loads((case / "case.json").read_text())
    (case / "case.json").write_text(json.dumps(document | {"family": None}))  # small hardware, on Amaranth's simulator
    test_regressions(case)
    monkeypatch.setattr(cases, "generate", wrong)
    with pytest.raises(AssertionError, match="RTL differs from golden"):
        test_regressions(case)


@pytest.mark.parametrize("number", [1, 8, 10, 20])
def test_networks_of_a_family_on_one_binary(number):
    """Parts on two cores, a core each, one lane, eight lanes; among them all kinds of synapses and spikes."""
    examples = 12
    done, differs = run(of_family(family(number)), examples, number, REGRESSIONS / f"random-{number}")
    assert differs is None, f"{differs}: {differs.kept}"
    reports = [report for _, report in done]
    assert len(reports) >= examples
    assert len({report.verilog for report in reports}) == 1
    assert len({report.network for report in reports}) >= 0.6 * examples
    assert sum(report.events for report in reports) > 100
    assert sum(report.ok for report in reports) > 0.48 * examples  # the others were silent
    assert 0.1 < np.mean([share for report in reports for share in report.fired.values()]) < 0.9
    assert {case.stalls for case, _ in done} == {False, True}


def test_any_network_on_amaranths_simulator():
    """The third witness, on the smallest hardware for each network: every kind of neuron, whatever was drawn."""
    done, differs = run(of_any(), 8, 1, REGRESSIONS / "random-any", "amaranth")
    assert differs is None, f"{differs}: {differs.kept}"
    assert len(done) >= 8 and sum(report.events for _, report in done) > 50
    assert len({j.synapses.kind for case, _ in done for j in case.network.projections}) >= 3
    assert len({p.neuron.options["spikes"] for case, _ in done for p in case.network.neurons}) >= 2
    scattered = [clocks for _, report in done for name, clocks in report.activity.items() if name.endswith(".scatter")]
    assert sum(clocks["rows"] for clocks in scattered) > 100

"""Mutants of golden: what is changed, that it reaches every caller, and that comparisons tell right from wrong."""

import importlib
import sys

import pytest

from spikeloom.trust import python_mutants, specification
from spikeloom.trust.check import Job
from spikeloom.trust.python_waivers import WAIVERS, Waiver
from spikeloom.trust.specification import BY_HAND, CHECK, PARTS, Part

SOURCE = '''
LIMIT = 3 + 4

def clip(value: int, low: int = 1 + 1) -> int:
    """At most LIMIT."""
    if value is None:
        raise ValueError(f"{value + 1}")
    assert low < LIMIT
    found = min(value + 1, LIMIT)
    block = 5 * 7
    return found if found > low else low

class Counter:
    @property
    def next(self):
        self.count -= 1
        self.last: int | None = None
        return -self.count

def told(value):
    return value * 2
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "mutated_here.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("mutated_here")
    sys.modules.pop("mutated_here")


def test_what_is_changed(module):
    skipped = frozenset({"clip.block", "told"})
    made = python_mutants.mutants("mutated_here", skipped)
    assert [(m.function, m.what) for m in made] == [
        ("clip", "found = max(value + 1, LIMIT)"),
        ("clip", "found = min(value - 1, LIMIT)"),
        ("clip", "found = min(value + 2, LIMIT)"),
        ("clip", "found = min(value + 0, LIMIT)"),
        ("clip", "return found if found >= low else low"),
        ("clip", "return found if found <= low else low"),
        ("Counter.next", "left out"),
        ("Counter.next", "self.count += 1"),
        ("Counter.next", "self.count -= 2"),
        ("Counter.next", "self.count -= 0"),
        ("Counter.next", "return self.count"),
    ]
    assert [m.line for m in made[:6]] == [9, 9, 9, 9, 11, 11]
    assert len(python_mutants.mutants("mutated_here")) > len(made)


def test_a_change_reaches_whoever_holds_the_function(module):
    clip, counter = module.clip, module.Counter()
    counter.count = 5
    made = {(m.function, m.what): m for m in python_mutants.mutants("mutated_here")}
    functions = python_mutants.loaded("mutated_here")
    assert clip(3) == 4
    python_mutants.plant(made["clip", "found = min(value - 1, LIMIT)"], functions)
    assert clip(3) == 2
    python_mutants.plant(made["Counter.next", "return self.count"], functions)
    assert (clip(3), counter.next) == (4, 4)


def test_golden_passes_and_a_fault_is_caught(tmp_path):
    """Golden itself, a fault, and one in what these examples do not reach: potentials as events."""
    part = Part(modules={"neurons.lif": ["check"]}, comparisons=BY_HAND[:2])
    made = {(m.function, m.what): m for m in specification.every(part)}
    fault = made["step", """if x <= p['threshold'] or o["spikes"] == "potential":"""]
    beyond = made["step", "n = saturated(new['v'] << o[CUT], value_bits)"]
    done = []
    job = Job(full=False, folder=tmp_path, progress=lambda *numbers: done.append(numbers))
    caught, alive = specification.answers(part, [fault, beyond], job)
    assert caught["by"].startswith("neurons/test_lif.py::test_by_hand[") and "assert" in caught["how"]
    assert alive == {"by": "", "how": ""} and done[-1] == (2, 2)


def test_figures_are_counted_from_the_rows(monkeypatch):
    mutants = specification.chosen("rule", full=False)
    assert 20 < len(mutants) < 40
    waiver = Waiver(function=mutants[0].function, line=row(mutants[0])["line"], became=mutants[0].what, reason="so")
    monkeypatch.setattr(specification, "WAIVERS", (waiver,))
    rows = [row(m, by="" if k < 2 else "a test") for k, m in enumerate(mutants)]
    assert [each["computes the same"] for each in rows[:3]] == ["so", "", ""]
    raw, meant = CHECK.figures({specification.TITLE: rows}, False)
    total = len(mutants)
    assert raw.value == pytest.approx(100 * (total - 2) / total) and (raw.least, meant.least) == (92, 100)
    assert meant.value == pytest.approx(100 * (total - 2) / (total - 1)) and not meant.ok
    assert CHECK.cases({specification.TITLE: rows}) == total


def row(mutant, by=""):
    return specification.row(mutant, {"by": by, "how": ""})


def test_every_comparison_is_there():
    for name in {name for part in PARTS.values() for name in part.comparisons}:
        path, _, function = name.partition("::")
        assert f"def {function}(" in (specification.ROOT / specification.TESTS / path).read_text("utf-8")


def test_every_waiver_is_of_a_mutant():
    made = [row(m) for part in PARTS.values() for m in specification.every(part)]
    places = {(each["function"], each["line"], each["became"]) for each in made}
    assert {(w.function, w.line, w.became) for w in WAIVERS} <= places
    assert sum(bool(each["computes the same"]) for each in made) == len(WAIVERS)

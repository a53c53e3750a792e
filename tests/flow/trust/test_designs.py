"""Faults that random designs must find, and what their figures count."""

import pytest
from hypothesis import Phase, settings

from folders import seal
from planted import plant
from spikeloom.hdl import neuron_units
from spikeloom.sim.drawn import cases, choices
from spikeloom.sim.drawn.cases import of_any, replay, run
from spikeloom.sim.drawn.seen import EXPECTED
from spikeloom.trust.designs import BINARIES, CHECK, KEPT, VALUES, WITNESSES, Tally, binary, on_amaranth

#: With which a binary is in the cache of the tests of random networks.
NUMBER = 10


def figures(rows, full=False):
    return {figure.what: figure for figure in CHECK.figures(rows, full)}


def test_a_fault_in_the_hardware_is_found_and_kept(monkeypatch, tmp_path):
    done, differs = run(of_any(), 3, 5, tmp_path / "kept", "amaranth")
    assert differs is None
    done = [min((pair for pair in done if pair[1].events), key=lambda pair: pair[1].clocks)]  # one is enough
    family = choices.family(NUMBER)
    (row,) = on_amaranth(family, done, tmp_path)
    assert row["differences"] == 0 and row["events"] > 0 and not any(tmp_path.glob("*/case.json"))

    def fault(m, component, signals):  # the sums of the first lane are even
        m.d.sync += signals["buffer"][0].eq(0)

    with monkeypatch.context() as planted:
        plant(planted, neuron_units, "NeuronUnits", fault)
        (row,) = on_amaranth(family, done, tmp_path)
        (case,) = tmp_path.glob("*/case.json")
        assert replay(case.parent).differences
    assert row["differences"] > 0 and "differs from golden" in row["said"]
    assert not figures({WITNESSES: [row]})["differences from golden"].ok
    assert not replay(case.parent).differences


def test_a_fault_in_a_design_of_a_binary_is_found_and_kept(monkeypatch, tmp_path):
    """Here in what fills the memories, so that the binary is one of the tests' others."""
    generate = cases.generate

    def faulty(network, configuration, folder, *, parameters):
        found = generate(network, configuration, folder, parameters=parameters)
        path = folder / "core0_kernels0.mem"
        path.write_text("".join(f"{int(line, 16) ^ 1:0{len(line)}x}\n" for line in path.read_text().split()))
        seal(folder, found)
        return found

    monkeypatch.setattr(cases, "DRAWN", settings(cases.DRAWN, phases=[Phase.generate]))
    tally = Tally()
    with monkeypatch.context() as planted:
        planted.setattr(cases, "generate", faulty)
        row, _ = binary(choices.family(NUMBER), 12, tally, tmp_path)
    assert row["differences"] > 0 and "differs from golden" in row["said"]
    assert not figures({BINARIES: [row]})["differences from golden"].ok
    (case,) = tmp_path.glob("*/case.json")
    assert str(case.parent) == row["kept as"] and not replay(case.parent).differences


ROW = {"designs": 10, "runs": 10, "runs with stalls": 5, "silent runs": 1, "events": 300, "neurons that fired": 0.5}


def all_rows(binaries=22):
    """Such as a quick run brings home."""
    made = [ROW | {"verilog": f"{k:012x}", "differences": 0} for k in range(binaries)]
    names = ["Amaranth's simulator"] * 8 + [f"the {cells} netlist" for cells in ("ecp5", "ice40", "gowin")]
    others = [{"witness": name, "events": 5, "differences": 0} for name in names]
    values = [{"what": name, "value": value} for name, them in EXPECTED.items() for value in them]
    return {BINARIES: made, WITNESSES: others, VALUES: values, KEPT: [{"differences": 0}]}


def test_figures_are_counted_from_rows():
    rows = all_rows()
    assert CHECK.cases(rows) == 220 and CHECK.cases({}) == 0
    assert all(figure.ok for figure in figures(rows).values())
    assert {name for name, figure in figures({}).items() if not figure.ok} >= {
        "random designs",
        "values that a design had",
    }
    full = {name for name, figure in figures(rows, full=True).items() if not figure.ok}
    assert {"random designs", "distinct Verilog texts among them"} <= full


@pytest.mark.parametrize(
    "title, change, what",
    [
        (BINARIES, {"differences": 1}, "differences from golden"),
        (WITNESSES, {"differences": 1}, "differences from golden"),
        (KEPT, {"differences": 1}, "kept cases that differ again"),
        (WITNESSES, {"events": 0}, "designs also seen by Amaranth's simulator"),
        (VALUES, {"value": "other"}, "values that a design had"),
    ],
)
def test_one_row_that_is_wrong_is_in_the_figures(title, change, what):
    rows = all_rows()
    rows[title][0] |= change
    assert what in {name for name, figure in figures(rows).items() if not figure.ok}


@pytest.mark.parametrize(
    "change, what",
    [
        ({"verilog": "0"}, "distinct Verilog texts among them"),
        ({"events": 3}, "events compared"),
        ({"neurons that fired": 0.1}, "neurons that fired"),
        ({"neurons that fired": 0.9}, "neurons that fired"),
        ({"silent runs": 5}, "runs in which nothing fired"),
        ({"runs with stalls": 0}, "runs with stalled streams"),
        ({"designs": 9}, "random designs"),
    ],
)
def test_a_stimulus_that_does_little_is_in_the_figures(change, what):
    rows = all_rows()
    rows[BINARIES] = [row | change for row in rows[BINARIES]]
    assert what in {name for name, figure in figures(rows).items() if not figure.ok}


def test_parts_are_all_binaries_once():
    for full, count in ((False, 22), (True, 418)):
        numbers = [part.split() for part in CHECK.parts(full) if part.startswith("binaries")]
        assert [n for _, first, _, last in numbers for n in range(int(first), int(last) + 1)] == list(range(count))
    assert choices.family(3) == choices.family(3) and choices.family(3) != choices.family(25)

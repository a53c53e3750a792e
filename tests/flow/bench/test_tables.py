"""The tables of the documents are what was measured, and nothing else of a document is written."""

from pathlib import Path

import pytest

from spikeloom.bench import figure as bench_figure
from spikeloom.bench import hardware, results, tables
from spikeloom.bench.__main__ import FIGURES
from spikeloom.bench.columns import TABLES
from spikeloom.golden.network import Refusal

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"figure": 1}', "[" * 100_000, '{"figure":"","command":"","about":"","rows":[1]}']
)
def test_a_damaged_file_gives_one_message(repository, text, capsys):
    results.save("bulk", "About.", [])
    Path("docs/results/bulk.json").write_text(text)
    Path("README.md").write_text("<!-- table: bulk -->\n<!-- end -->\n")
    assert tables.main([]) == 1
    said = capsys.readouterr().err
    assert said == (
        "error: docs/results/bulk.json: damaged; delete it and measure it again: python -m spikeloom.bench bulk\n"
    )


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_row_without_its_numbers_gives_one_message(repository, name):
    results.save(TABLES[name].figure, "About.", [{"network": "digits"}])
    with pytest.raises(
        Refusal, match=rf"{TABLES[name].figure}.json: a row lacks .*; measure it again: (python -m|make trust)"
    ):
        tables.markdown(name)


@pytest.mark.parametrize("around", ["", "other"])
def test_boards_of_another_design_around_and_those_too_small_say_so(repository, around):
    built = {"lanes": 8, "verilog_sha256": "v", "around": hardware.around() + around, "latency_us": 115.44}
    small = built | {"board": "small", "fits": False, "about": "It does not fit: 31 of 30. What may help: nothing"}
    used, of = {"lut": 10, "ff": 5, "block_ram": 4, "dsp": 0}, {"lut": 100, "ff": 100, "block_ram": 8, "dsp": 0}
    large = built | {"board": "large", "fits": True, "used": used, "available": of, "fmax_mhz": 61.23, "core_mhz": 48.0}
    large |= {
        "timing_met": True,
        "sha256": "abc" * 10,
        "critical_path": "a -> b",
        "tools": {"yosys": "1", "placer": "2"},
    }
    results.save("boards", "About.", [small, large])
    said = tables.markdown("boards", hash_of=lambda row: "v")
    mark = tables.STALE_BOARD if around else ""
    assert f"| large{mark} | 8 | 10.0 % | 5.0 % | 50.0 % | 61.2 | 48 | yes | 115.4 | abcabcabcabc |\n" in said
    assert f"| small{mark} | 8 | {' | '.join(['too large'] * 8)} |\n" in said
    said = tables.markdown("boards-paths")
    assert "| small | It does not fit: 31 of 30 | too large |\n" in said and "| large | a -> b | 2 |\n" in said


def test_only_what_is_between_the_marks_is_written(counting, capsys):
    assert counting() == 0
    Path("docs/other.md").write_text("no marks | here\n")
    before = "# T\n\n<!-- table: bulk -->old\nold<!-- end --> tail\n<!-- table: peer -->\n<!-- end -->\n"
    Path("README.md").write_text(before)
    assert tables.main(["--check"]) == 1
    assert Path("README.md").read_text() == before
    assert tables.main([]) == 0
    after = Path("README.md").read_text()
    assert after.startswith("# T\n\n<!-- table: bulk -->\n| network | lanes | images |")
    assert "| 10 | 8,000 | 5 | 0 | 1.0 | 3 |\n" in after
    assert "<!-- end --> tail\n<!-- table: peer -->\nNot measured yet: `python -m spikeloom.bench peer`" in after
    assert "`python -m spikeloom.bench bulk`" in after.replace("\n", " ")
    assert Path("docs/other.md").read_text() == "no marks | here\n"
    assert tables.main(["--check"]) == 0
    assert "Every table is what docs/results says." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- table: nothing -->\n<!-- end -->", "README.md: there is no table 'nothing'; there are accuracy, eq"),
        ("<!-- table: bulk -->\n", "README.md: a line '<!-- table: NAME -->' has no '<!-- end -->' after it"),
        ("<!-- table: bulk -->\n<!-- table: peer -->\n<!-- end -->", "README.md: a line .* has no"),
    ],
)
def test_wrong_marks_are_refused(repository, text, message):
    Path("README.md").write_text(text)
    with pytest.raises(Refusal, match=message):
        tables.update()
    assert Path("README.md").read_text() == text


def test_the_documents_show_what_was_measured():
    assert tables.outdated(ROOT) == {}
    shown = "".join(path.read_text("utf-8") for path in tables.documents(ROOT))
    assert {name for name in ("accuracy", "equivalence") if f"<!-- table: {name} -->" in shown}


def test_every_figure_is_described_and_drawn():
    assert {table.figure for table in TABLES.values()} == {*FIGURES, *results.COMMANDS}
    for figure in FIGURES.values():
        assert figure.about.endswith(".")
        labels = [bench_figure.label(keys) for keys in figure.rows]
        assert len(set(labels)) == len(labels) > 0

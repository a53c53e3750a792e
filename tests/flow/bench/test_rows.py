"""Rows are measured once and kept, and one that fails says why."""

from pathlib import Path

import pytest

from spikeloom.bench import cache, hardware, large, results, tables
from spikeloom.boards.catalogue import BOARDS
from spikeloom.golden.network import Refusal

BULK = {"network": "digits", "weight_bits": 8, "lanes": 4}


def test_an_interrupted_bench_goes_on_where_it_stopped(counting, capsys):
    counting.fails[8] = KeyboardInterrupt()
    assert counting() == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert [row["lanes"] for row in counting.rows()] == [4], "written after every row"
    counting.fails.clear()
    assert counting() == 0
    assert counting.made == [4, 8, 16]
    assert [row["cells"] for row in counting.rows()] == [4000, 8000, 16000]
    assert counting("--again", "bulk") == 0
    assert counting.made == [4, 8, 16] * 2
    (known, *_) = Path("cache").glob("counted-*.json")
    known.write_text(known.read_text()[:-20])
    assert counting() == 0
    assert len(counting.made) == 7, "what is damaged is measured again"


def test_a_row_that_fails_says_why_and_the_others_are_measured(counting, capsys):
    counting.fails |= {4: Refusal("nextpnr-ecp5 is missing;\n  install it | now"), 16: ZeroDivisionError("oh")}
    Path("README.md").write_text("<!-- table: bulk -->\n<!-- end -->\n")
    assert counting() == 1
    first, second, third = counting.rows()
    assert first == {**BULK, "error": "nextpnr-ecp5 is missing; install it | now"}
    assert "error" not in second
    assert third["error"].startswith("ZeroDivisionError: oh; ")
    said = capsys.readouterr()
    assert "error: bulk: nextpnr-ecp5 is missing" in said.err
    assert "Traceback" in said.out
    assert "| digits, 8 bit | 4 | nextpnr-ecp5 is missing; install it \\| now |  |  |" in Path("README.md").read_text()
    counting.fails.clear()
    assert counting() == 0, "a failure is not kept"
    assert counting.made == [8, 4, 16]


def test_what_was_measured_outlives_a_missing_tool(counting):
    assert counting() == 0
    before = counting.rows()
    counting.fails[8] = Refusal("nextpnr-ecp5 is missing; install it")
    assert counting("--again") == 1
    assert counting.rows() == before


def test_some_rows_leave_the_others_as_they_were(counting, monkeypatch, capsys):
    assert counting() == 0
    before = results.machine()
    monkeypatch.setattr(results, "versions", lambda: {"python": "4.0"})
    monkeypatch.setattr(results, "machine", lambda: "another")
    assert f"; {before}; " in " ".join(tables.markdown("bulk").split())
    assert counting("--again", "--only", "lanes 8") == 0
    assert counting.made == [4, 8, 16, 8]
    assert ["versions" in row for row in counting.rows()] == [True, False, True]
    assert [row.get("machine") for row in counting.rows()] == [before, None, before]
    assert "several versions of the tools; several machines;" in " ".join(tables.markdown("bulk").split())
    assert counting("--only", "lanes 7") == 1
    assert "no row has the text 'lanes 7'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        counting("nothing")
    assert "there is no figure 'nothing'; there are bulk" in capsys.readouterr().err


def test_a_file_is_written_whole_or_not_at_all(repository):
    path = results.save("bulk", "About.", [BULK])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        results.save("bulk", "About.", [{**BULK, "seconds": float("nan")}])
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["bulk.json"]


def test_a_row_of_other_verilog_is_stale(counting):
    counting()
    fresh = tables.markdown("bulk", hash_of=lambda row: "f" * 64)
    assert fresh == tables.markdown("bulk")
    assert "stale" not in fresh
    assert "Verilog ffffffff." in fresh.replace("\n", " ")
    marked = tables.markdown("bulk", hash_of=lambda row: "e" * 64 if row["lanes"] == 8 else "f" * 64)
    assert [line for line in marked.splitlines() if "stale" in line] == [
        "| digits, 8 bit (**stale**: the Verilog has changed) | 8 | 10 | 8,000 | 5 | 0 | 1.0 | 3 |"
    ]


def test_a_row_of_another_catalogue_is_stale(repository, monkeypatch):
    row = dict.fromkeys(("neurons", "synapses", "seconds", "parts", "least_bits", "most_bits", "block_rams"), 1)
    row |= {"clocks_per_step": 1, "us_per_step": 1, "boards": [], "catalogue": large.catalogue()}
    results.save("large", "About.", [{**large.large.rows[0], **row}])
    fresh = tables.markdown("large", hash_of=lambda row: "")
    assert "| connectome, 8 bit | 1 |" in fresh
    monkeypatch.delitem(BOARDS, "ulx3s-85f")
    assert "| connectome, 8 bit (**stale**: the catalogue" in tables.markdown("large", hash_of=lambda row: "")
    assert tables.markdown("large") == fresh, "not asked for"


def test_the_present_hash_is_that_of_the_generated_verilog(repository):
    hash_of = tables.present_hash(cache.Cache())
    with hardware.generated("digits", 8, lanes=4) as made:
        assert hash_of(BULK) == made.verilog_sha256
    assert hash_of({**BULK, "lanes": 3}) == hash_of({"lanes": 4}) == "there is no such hardware any more"

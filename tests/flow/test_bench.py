"""The bench with small figures and faked tools: what it keeps, what it writes, and what it says when a row fails."""

import json
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from spikeloom.bench import cache, faults, figures, hardware, link, picture, results, routers, speed, tables
from spikeloom.bench import figure as bench_figure
from spikeloom.bench.__main__ import FIGURES, main
from spikeloom.bench.columns import TABLES
from spikeloom.boards.catalogue import Resources
from spikeloom.boards.driver import frames
from spikeloom.boards.link.protocol import Kind
from spikeloom.golden.network import Refusal
from spikeloom.sim.equivalence import CAUSES, Engine
from spikeloom.sim.soak import Soaked

ROOT = Path(__file__).parents[2]
BULK = {"network": "digits", "weight_bits": 8, "lanes": 4}


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """An empty repository to work in, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Nothing measured\n")
    return tmp_path


class Counting:
    """A figure of three rows whose measurements are counted; ``fails`` maps a row's number to what it raises."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.fails: dict[int, BaseException] = {}
        self.figures = {"bulk": bench_figure.Figure(name="bulk", about="Counted.", rows=ROWS, measure=self.measure)}

    def measure(self, bench, network, weight_bits, lanes):
        def counted():
            if lanes in self.fails:
                raise self.fails[lanes]
            self.made.append(lanes)
            return {"samples": 10, "cells": 1000 * lanes, "spikes": 5, "differences": 0, "verilog_sha256": "f" * 64}

        yield bench.cache.remember(counted, lanes=lanes)
        yield {"seconds": 1.0, "clocks_per_second": 3}

    def __call__(self, *words: str) -> int:
        return main(list(words), self.figures)

    def rows(self) -> list[dict]:
        return json.loads(Path("docs/results/bulk.json").read_text())["rows"]


ROWS = tuple({**BULK, "lanes": lanes} for lanes in (4, 8, 16))


@pytest.fixture
def counting(repository, monkeypatch) -> Counting:
    monkeypatch.setattr(tables, "present_hash", lambda cache: lambda row: "f" * 64)
    return Counting()


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
    assert first == {**ROWS[0], "error": "nextpnr-ecp5 is missing; install it | now"}
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
    monkeypatch.setattr(results, "versions", lambda: {"python": "4.0"})
    assert counting("--again", "--only", "lanes 8") == 0
    assert counting.made == [4, 8, 16, 8]
    assert ["versions" in row for row in counting.rows()] == [True, False, True]
    assert "several versions of the tools" in tables.markdown("bulk")
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
    with pytest.raises(Refusal, match=rf"{TABLES[name].figure}.json: a row lacks .*; measure it again: python -m"):
        tables.markdown(name)


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


def test_the_present_hash_is_that_of_the_generated_verilog(repository):
    hash_of = tables.present_hash(cache.Cache())
    with hardware.generated("digits", 8, lanes=4) as made:
        assert hash_of(BULK) == made.verilog_sha256
    assert hash_of({**BULK, "lanes": 3}) == hash_of({"lanes": 4}) == "there is no such hardware any more"


def test_the_documents_show_what_was_measured():
    assert tables.outdated(ROOT) == {}
    shown = "".join(path.read_text("utf-8") for path in tables.documents(ROOT))
    assert {name for name in ("accuracy", "equivalence") if f"<!-- table: {name} -->" in shown}


def test_every_figure_is_described_and_drawn():
    assert {table.figure for table in TABLES.values()} == set(FIGURES)
    for figure in FIGURES.values():
        assert figure.about.endswith(".")
        labels = [bench_figure.label(keys) for keys in figure.rows]
        assert len(set(labels)) == len(labels) > 0


@pytest.fixture
def bench(repository) -> bench_figure.Bench:
    return bench_figure.Bench(cache=cache.Cache(), progress=lambda *said: None)


class Tools:
    """Verify and measure, faked."""

    def __init__(self, monkeypatch) -> None:
        self.measured, self.differences, self.fits, self.scatters = [], 0, True, False
        monkeypatch.setattr(hardware.api, "verify", self.verify)
        monkeypatch.setattr(hardware.measure, "measure", self.measure)

    def verify(self, directory, *, data, stalls, bulk, progress):
        samples, steps = data.shape[:2]
        return SimpleNamespace(
            differences=self.differences,
            problems=(),
            verdict="RTL differs from golden: there",
            reproducer=None,
            activity={
                "core0": {**dict.fromkeys(hardware.CAUSES, 10), "rows": 35, "step_end": 5, "span": 60},
                **({"core0.scatter": {"rows": 9000, "span": 9100}} if self.scatters else {}),
            },
            rows_per_clock=2 / 3,
            engines={
                "core0": Engine(order="neuron", clocks={"rows": 35}, rows_per_clock=0.5, operations=9, per_lane=0.1),
                **(
                    {
                        "core0.scatter": Engine(
                            order="event",
                            clocks={title: 10 for title, _ in CAUSES["event"].values()},
                            rows_per_clock=0.95,
                            operations=1234,
                            per_lane=0.25,
                        )
                    }
                    if self.scatters
                    else {}
                ),
            },
            samples=samples,
            steps=steps,
            cells=9,
            events=8,
            states=7,
            clocks=100_000,
            clocks_per_inference=float(steps * (100 + np.count_nonzero(data[0, 0]))),
            latency=5000,
            seconds=3.0,
            build_seconds=1.0,
        )

    def measure(self, directory, board, *, design, seeds, output_registers, progress):
        if not self.fits and design == "board":
            raise Refusal("The network does not fit")
        self.measured.append(design)
        return SimpleNamespace(
            used=Resources(lut=1234, ff=2, block_ram=3, dsp=4),
            fmax_mhz={1: 90.0, 2: 100.0, 3: 110.0},
            median_mhz=100.0,
            paths=(),
            tools={"yosys": "pyosys 0"},
        )


@pytest.fixture
def tools(monkeypatch) -> Tools:
    return Tools(monkeypatch)


def measured(figure: bench_figure.Figure, bench: bench_figure.Bench, **keys) -> dict:
    row = dict(keys)
    for part in figure.measure(bench, **keys):
        row |= part
    return row


def test_performance_keeps_what_was_found_before_an_error(bench, tools):
    tools.fits, found = False, dict(BULK)
    with pytest.raises(Refusal, match="does not fit"):
        for part in figures.performance.measure(bench, **BULK):
            found |= part
    assert found["rows_per_clock"] == 0.6667
    assert found["shares"]["rows"] == 0.35
    assert found["core"]["fmax_mhz"] == {"1": 90.0, "2": 100.0, "3": 110.0}
    tools.fits = True
    found = measured(figures.performance, bench, **BULK)
    assert tools.measured == ["core", "board"], "the core was kept"
    assert found["interval_us"] == pytest.approx(found["clocks_per_inference"] / 100)
    assert found["latency_us"] == 50
    results.save("performance", "About.", [found])
    assert "| digits, 8 bit | 4 | 1,234 | 2 | 3 | 4 | 100.0 | 1,234 |" in tables.markdown("performance-area")
    assert "| 35.0 % | 10.0 % |" in (clocks := tables.markdown("performance-clocks"))
    assert "| 10.0 % | 5.0 % |\n" in clocks, "step_end is among the others"


MOTION = {"network": "motion", "weight_bits": 8, "lanes": 16, "slots": 2, "output_registers": False}


def test_the_event_order_keeps_what_is_simulated(bench, tools):
    """Without place and route a row has all the rest, and its tables say what is missing."""
    tools.scatters = True
    bench.cache.without = {"measurement": "not placed and routed yet"}
    found = dict(MOTION)
    with pytest.raises(Refusal, match="not placed and routed yet"):
        for part in figures.event_order.measure(bench, **MOTION):
            found |= part
    assert tools.measured == []
    assert found["engines"]["core0.scatter"]["per_lane"] == 0.25
    assert found["shares"]["rows"] == 0.35, "the lanes' alone"
    results.save("event_order", "About.", [found | {"error": "not placed and routed yet"}])
    start = "| motion, 8 bit | 16 | 2 | "
    clocks = round(found["clocks_per_inference"])
    assert f"{start}300 | 8 | 0 | 0.950 | 0.250 | {clocks:,} | not placed" in tables.markdown("event_order")
    assert f"{start}no | not placed and routed yet |" in tables.markdown("event_order-area")
    assert f"{start}{' | '.join(['16.7 %'] * 6)} |\n" in tables.markdown("event_order-clocks")
    stored = tables.markdown("event_order-storage")
    assert "| input -> lif1 | list | 384 | 18 | 6,912 | 336 | 1.049 |" in stored
    assert stored.count("| motion, 8 bit | 16 | ") == 2, "a row for each projection"

    bench.cache.without = {}
    found = measured(figures.event_order, bench, **MOTION)
    assert tools.measured == ["core", "board"]
    assert found["inferences_per_second"] == pytest.approx(1e8 / found["clocks_per_inference"], abs=0.1)
    bits = sum(found["stored"].values())
    results.save("event_order", "About.", [found, found | {"slots": 1}])
    assert f" | {bits:,} | 3 | " in tables.markdown("event_order-memory")
    assert tables.markdown("event_order-storage").count("| input -> lif1 |") == 1, "slots change nothing of it"
    bench.cache.without = {"measurement": "not placed and routed yet"}
    assert measured(figures.event_order, bench, **MOTION) == found, "what is known is used"


def test_a_large_network_is_compared_without_cocotb(bench, tools, monkeypatch):
    asked = []
    verify = tools.verify
    monkeypatch.setattr(hardware.api, "verify", lambda *a, bulk, **o: asked.append(bulk) or verify(*a, bulk=bulk, **o))
    monkeypatch.setattr(figures, "LARGE", ("digits",))
    for name in ("digits", "delays"):
        keys = {"network": name, "weight_bits": 8, "lanes": 16, "cores": "shared", "stalls": False}
        measured(figures.equivalence, bench, **keys)
    assert asked == [True, False]
    assert {"network": "cnn", "weight_bits": 8, "lanes": 16, "cores": "shared", "stalls": True} in (
        figures.equivalence.rows
    )


def test_a_difference_is_an_error(bench, tools):
    tools.differences = 1
    with pytest.raises(Refusal, match="RTL differs from golden: there; mismatch shows it again"):
        measured(figures.bulk, bench, **BULK)


def test_a_common_size_in_milliseconds(bench, tools):
    row = measured(figures.peer, bench, network="digits", weight_bits=8, lanes=4, units=1, output_registers=True)
    assert row["sample_ms"] == pytest.approx(row["clocks_per_inference"] / 100_000, abs=1e-4)
    assert 0 < row["hidden_rate"] < 1
    results.save("peer", "About.", [row])
    assert "| 4 | yes | 1,234 | 2 | 3 | 100.0 (90.0, 100.0, 110.0) |" in tables.markdown("peer")


def test_the_formula_counts_groups_times_events(bench, tools):
    row = measured(figures.density, bench, network="digits", weight_bits=8, lanes=4, density=0.3)
    x = hardware.bernoulli(figures.DENSITY_SAMPLES, figures.DENSITY_STEPS, 64, 0.3, figures.SEED)
    hidden = row["hidden_rate"] * 128
    # 32 groups read the input's events, 3 the hidden population's.
    assert row["formula_rows"] == pytest.approx(32 * x.sum() / x[..., 0].size + 3 * hidden, abs=0.1)
    middle = hardware.bernoulli(*x.shape, 0.1, figures.SEED)
    sent = hardware.events(hardware.network("digits", 8), middle)
    clocks = 100 + np.count_nonzero(middle[0, 0])
    assert row["formula_constant"] == pytest.approx(clocks - 32 * sent["input"] - 3 * sent["lif1"], abs=0.01)
    assert row["ratio"] == pytest.approx(row["clocks_per_step"] / (row["formula_rows"] + row["formula_constant"]), 1e-3)


def test_each_part_of_the_routers_is_measured(bench, monkeypatch):
    made = []

    def measure(component, board, *, seeds, progress):
        made.append(type(component).__name__)
        used = Resources(lut=1234, ff=2, block_ram=0, dsp=0)
        fmax = {1: 90.0, 2: 100.0, 3: 110.0}
        return SimpleNamespace(used=used, fmax_mhz=fmax, median_mhz=100.0, paths=(), tools={"yosys": "pyosys 0"})

    monkeypatch.setattr(routers, "measure_component", measure)
    rows = [measured(routers.routers, bench, **keys) for keys in routers.routers.rows]
    assert set(made) == {"Router", "Stop", "Crossbar"} and len(made) == len(rows)
    results.save("routers", "About.", rows)
    assert "| mesh router | 16 | 20 | one | 1,234 | 2 | 100.0 (90.0, 100.0, 110.0) |" in tables.markdown("routers")


def test_a_soak_with_faults_is_no_figure(bench, monkeypatch):
    counted = {field.name: 5 for field in fields(Soaked)}
    faults = dict.fromkeys(("lost", "doubled", "disordered", "unstable", "miscounted"), 0)
    found = Soaked(**(counted | faults))
    monkeypatch.setattr(routers, "simulate", lambda *words, **options: found)
    row = measured(routers.soak, bench, kind="ring", nodes=8)
    results.save("soak", "About.", [row, measured(routers.soak, bench, kind="crossbar", nodes=5)])
    assert "| ring, 8 nodes | 5 | 5 | 5 | 0 | 0 | 0 | 5 (≤ 371) | 0 |" in tables.markdown("soak")
    found = Soaked(**(counted | faults | {"lost": 2}))
    with pytest.raises(Refusal, match="^crossbar of 4 nodes: {'lost': 2}$"):
        measured(routers.soak, bench, kind="crossbar", nodes=4)


def test_golden_speed_without_snntorch_says_what_to_do(bench, monkeypatch):
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
    monkeypatch.setattr(speed, "_installed", lambda python: "2")
    row = measured(speed.golden_speed, bench, **keys)
    assert row["ratio"] == row["same_samples"] == 1
    results.save("golden_speed", "About.", [row])
    assert "torch 2;" in tables.markdown("golden_speed").replace("\n", " ")


LINK = {"network": "digits", "weight_bits": 8, "lanes": 16}


def test_the_noise_is_what_was_asked_for():
    pieces = list(faults.noise_pieces(np.random.default_rng(2), 20_000))
    assert sum(len(piece) for _, piece in pieces) == 20_000
    assert len({kind for kind, _ in pieces}) == 4
    assert all(b"\0" not in piece for kind, piece in pieces if kind == "random without zeros")
    assert any(frames.decode(part) for kind, piece in pieces if kind == "frames doubled" for part in piece.split(b"\0"))


def test_no_spoilt_frame_is_a_frame():
    """And unspoilt they are writes to what is known, of what is not there."""
    targets = {0x40: 7, 0x8000_0006: 8}
    sent = list(faults.spoilt_frames(np.random.default_rng(2), targets, 1000))
    assert len(sent) == 1000 == sum(data.endswith(b"\0") for data in sent)
    parts = [part for data in sent for part in faults.frames_in(data)]
    assert len(parts) > 1000, "a zero cuts some in two"
    assert not any(map(frames.decode, parts))
    good = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faults, "spoilt", lambda rng, frame: good.append(frame) or b"\1\1")
        list(faults.spoilt_frames(np.random.default_rng(2), targets, 100))
    bodies = [frames.decode(frame) for frame in good]
    written = {(body[0] >> 4, int.from_bytes(body[1:5], "little")) for body in bodies}
    assert written == {(Kind.WRITE, address) for address in targets}
    assert all(int.from_bytes(body[5:], "little") != targets[int.from_bytes(body[1:5], "little")] for body in bodies)


def test_what_was_asked_is_beside_what_was_found(repository):
    said = [
        link.found("wrong", 0, most=0),
        link.found("wrong, too", 3, most=0),
        link.found("use", 0.81234, least=0.8),
        link.found("ratio", 1.25, most=1.2),
        link.found("bytes", 1_000_000),
    ]
    failed = {**LINK, "item": "Fmax", "error": "run another | first"}
    results.save("link", "About.", [{**LINK, "item": "run", "found": said, "verilog_sha256": "f" * 64}, failed])
    lines = tables.markdown("link", hash_of=lambda row: "e" * 64).splitlines()
    row = "| digits, 8 bit (**stale**: the Verilog has changed) | 16 | "
    assert lines[2:8] == [
        f"{row}wrong | 0 | 0 |",
        f"{row}wrong, too | 0 | 3 (missed) |",
        f"{row}use | ≥ 0.8 | 0.8123 |",
        f"{row}ratio | ≤ 1.2 | 1.25 (missed) |",
        f"{row}bytes |  | 1,000,000 |",
        "| digits, 8 bit | 16 | Fmax |  | run another \\| first |",
    ]


def test_the_fmax_of_another_link_is_not_taken(bench, monkeypatch):
    """The Verilog's hash is the core's alone; what the whole board takes tells one link from another."""

    def synthesise(work, manifest, **options):
        cells = {str(number): {"type": "TRELLIS_FF"} for number in range(20)} | {"ram": {"type": "DP16KD"}}
        (work.build / "top.json").write_text(json.dumps({"modules": {"top": {"cells": cells}}}))

    monkeypatch.setattr(link.Implementation, "synthesise_board", synthesise)
    keys = {**LINK, "item": "Fmax"}
    with pytest.raises(Refusal, match="There is no figure of the present Verilog on ulx3s-85f: python -m spikeloom"):
        measured(link.link, bench, **keys)
    with hardware.generated("digits", 8, lanes=16) as made:
        core = {"fmax_mhz": {"1": 101.0, "2": 99.0, "3": 100.0}}
        paths = {"1": {"end": "accelerator.core0.x"}, "2": {"end": "link.y"}, "3": {"end": "accelerator.core0.x"}}
        board = {"ff": 20, "block_ram": 2, "paths": paths, "fmax_mhz": {"1": 98.0, "2": 99.5, "3": 100.0}}
        row = {**LINK, "verilog_sha256": made.verilog_sha256, "core": core, "board": board}
    results.save("performance", "About.", [row])
    with pytest.raises(Refusal, match="Fmax was measured with another link: python -m spikeloom.bench performance"):
        measured(link.link, bench, **keys)
    board["block_ram"] = 1
    results.save("performance", "About.", [row])
    said = {one["what"]: one for one in measured(link.link, bench, **keys)["found"]}
    assert [one["found"] for one in said.values()] == [100.0, 99.5, 1]
    assert [one.get("least", one.get("most")) for one in said.values()] == [None, 99.0, 0]


def test_the_picture_shows_what_differs():
    rng = np.random.default_rng(1)
    stimulus, hidden, output = (rng.random((25, n)) < 0.2 for n in (784, 128, 10))
    wrong = output.copy()
    wrong[3, 2] ^= True

    def paths(text: str) -> dict[str, str]:
        elements = ElementTree.fromstring(text).iter()  # noqa: S314  our own
        return {e.get("class"): e.get("d") for e in elements if e.tag.endswith("path")}

    text = picture.draw("<5 & 0 differ", {"input": stimulus}, {"hidden": (hidden, hidden), "output": (output, output)})
    assert len(text) < 150_000
    assert paths(text)["only-golden"] == paths(text)["only-rtl"] == ""
    assert paths(text)["golden"].count("M") == paths(text)["rtl"].count("M") == output.sum()
    text = picture.draw("1 differs", {}, {"output": (output, wrong)}, good=False)
    drawn = paths(text)
    assert (drawn["only-golden"] + drawn["only-rtl"]).count("M") == 1
    assert 'class="title bad"' in text

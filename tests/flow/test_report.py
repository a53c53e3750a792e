"""The page: it shows what was measured, nothing in it is code from a file, and a browser opens it without a word."""

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import small
import spikeloom
from browser import browser
from folders import seal
from spikeloom import packaged
from spikeloom.boards.catalogue import BOARDS
from spikeloom.golden import simulate
from spikeloom.golden.network import Dense, Network, Population, Projection
from spikeloom.hdl.configuration import Configuration
from spikeloom.page import drawings
from spikeloom.page import folder as folders

DIGITS = packaged.find("digits")
SCRIPT, QUOTES = "<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>"
NAMES = [SCRIPT, QUOTES, "abc\u202egnp.exe", "{{ 7 * 7 }}", "long" * 50]
SIZES = [6, 9, 7, 8, 5]
STEPS = 12


class Page(HTMLParser):
    """What a page is made of. ``figures``: the exact values that it shows, by name."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text, self.tags, self.attributes = "", [], []
        self.figures: dict[str, float] = {}
        self.written = path.read_text("utf-8")
        self.feed(self.written)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        given = dict(attrs)
        if "data-figure" in given:
            self.figures[given["data-figure"]] = float(given["value"])

    def handle_data(self, data):
        if self.tags[-1:] != ["style"]:
            self.text += data


def hostile_network() -> Network:
    """A chain with a skip, a way back and a population that hears itself, and names that are not nice."""
    rng = np.random.default_rng(3)
    neuron = small.neuron(threshold=20, subtract=20)

    def projection(a: int, b: int, delay: int = 0) -> Projection:
        weights = rng.integers(-5, 8, (SIZES[a], SIZES[b]))
        return Projection(source=NAMES[a], target=NAMES[b], delay=delay, synapses=Dense(weights=weights, bits=4))

    return Network(
        populations=[
            Population(name=name, shape=(size,), neuron=neuron if k else None)
            for k, (name, size) in enumerate(zip(NAMES, SIZES, strict=True))
        ],
        projections=[
            *(projection(k, k + 1) for k in range(4)),
            projection(2, 2, 1),
            projection(1, 4, 2),
            projection(4, 1, 1),
        ],
        output=NAMES[-1],
        origin={
            "file": {"name": f"</title>{SCRIPT}.nir", "sha256": "0"},
            "knobs": {SCRIPT: "</dd>", "lag": False},
            "layers": "none",
        },
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """The folder of the hostile network, with data, and its page."""
    place = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    np.savez(place / "x.npz", x=rng.random((3, STEPS, SIZES[0])) < 0.5, y=[0, 1, 2])
    spikeloom.generate(hostile_network(), output=place / "rtl", config=Configuration(lanes=4))
    report = spikeloom.report(place / "rtl", data=place / "x.npz", simulator="amaranth")
    assert report.ok
    assert all(report.verify.fired.values()), "every population fires"
    return place


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """The report of the hostile network on two cores."""
    rtl = tmp_path_factory.mktemp("several") / "rtl"
    cores = {NAMES[1]: [0, 1], NAMES[2]: 1, NAMES[3]: 0, NAMES[4]: 1}
    config = Configuration(lanes=4, cores=cores, topology="ring")
    spikeloom.generate(hostile_network(), output=rtl, config=config)
    x = np.random.default_rng(0).random((2, STEPS, SIZES[0])) < 0.5
    return spikeloom.report(rtl, data=spikeloom.Data(x=x), simulator="amaranth")


def test_packets_between_cores_are_watched(several):
    verify = several.verify
    assert several.ok and len(verify.links) == 9
    page = Page(several.output)
    assert page.tags.count("animate") == 9 and page.written.count('href="#cores"') == 1
    for name, link in verify.links.items():
        assert page.figures[f"{name}.moved"] == link["moved"]
    assert 'aria-label="packets of each link over time"' in page.written
    intervals = -(-verify.latency // 64)
    widths = dict(page.attributes)["values"].split(";")
    assert len(widths) == intervals and f'max="{intervals - 1}"' in page.written
    assert f"{max(map(max, verify.traffic[:intervals]))} packets in 64 clocks" in page.text
    # Steps end one after the other, the last of all with the sample.
    assert [len(clocks) for clocks in verify.ticks.values()] == [STEPS] * 4
    assert all(clocks == tuple(sorted(set(clocks))) and clocks[0] > 0 for clocks in verify.ticks.values())
    assert max(clocks[-1] for clocks in verify.ticks.values()) == verify.latency
    # The one script is the program's own, and no other may run.
    (script,) = re.findall("<script>(.*?)</script>", page.written, re.DOTALL)
    hash_ = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{hash_}'" in page.written
    assert page.tags.count("script") == 1 and not [name for name, _ in page.attributes if name.startswith("on")]


@pytest.fixture
def again(hostile, tmp_path) -> Path:
    """A copy of that folder, to be damaged."""
    shutil.copytree(hostile, tmp_path / "again")
    (tmp_path / "again/rtl/report.html").unlink()
    return tmp_path / "again"


@pytest.fixture(scope="module")
def digits(loom, tmp_path_factory) -> Path:
    """The page of the packaged digits, of whose data and model it knows by itself."""
    rtl = tmp_path_factory.mktemp("digits") / "rtl"
    spikeloom.generate(loom, output=rtl)
    spikeloom.report(rtl, samples=6)
    return rtl / "report.html"


def build_report(rtl: Path, board: str = "ulx3s-85f", **changes) -> dict:
    """What a build would write, beside a bitstream."""
    manifest = json.loads((rtl / "manifest.json").read_text())
    report = {
        "format": 2,
        "output_registers": False,
        "board": board,
        "device": "LFE5U-85F",
        "speed": "6",
        "seed": 1,
        "core_mhz": 100.0,
        "baud": 1000000,
        "bitstream": "spikeloom.bit",
        "sha256": hashlib.sha256(b"bits").hexdigest(),
        "network": manifest["network"],
        "verilog_sha256": manifest["verilog"]["sha256"],
        "configuration": manifest["configuration"],
        "used": {"lut": 4321, "ff": 3210, "block_ram": 21, "dsp": 2},
        "available": {"lut": 83640, "ff": 83640, "block_ram": 208, "dsp": 156},
        "clocks": {SCRIPT: {"achieved_mhz": 123.4, "constraint_mhz": 100}},
        "timing_met": True,
        "paths": [{"clock": SCRIPT, "start": QUOTES, "end": "b", "logic_ns": 3.5, "routing_ns": 2.5}],
        "tools": {"yosys": SCRIPT},
        "seconds": {"synthesise": 1.0},
    }
    return report | changes


def put_build(folder: Path, report: dict) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "build.json").write_text(json.dumps(report))
    (folder / "spikeloom.bit").write_bytes(b"bits")


# Content ----------------------------------------------------------------------------------------------------------


def test_figures_are_those_of_their_sources(digits, loom):
    page, network = Page(digits), Network.load(loom)
    verdict = spikeloom.verify(digits.parent, data=DIGITS.test, samples=6)
    with np.load(DIGITS.test) as data:
        x, y = data["x"][:6], data["y"][:6]
    golden = simulate.run(network, x, record="all")
    spikes = sum(np.count_nonzero(events) for events in golden.events.values())
    accuracy = (golden.prediction == y).mean()
    assert page.figures == {
        "events": spikes,
        "differences": 0,
        "accuracy": accuracy,
        "accuracy_float": page.figures["accuracy_float"],
        "accuracy_integer": accuracy,
        "accuracy_rtl": accuracy,
        "clocks_per_inference": verdict.clocks_per_inference,
        "first_answer": verdict.latency,
        "core0.rows_per_clock": verdict.engines["core0"].rows_per_clock,
        "core0.per_lane": verdict.engines["core0"].per_lane,
    }
    assert f"{spikes:,} spikes compared, 0 differ" in page.text
    assert "These are the first 6 of 360 samples" in page.text
    # Both marks of every spike of the drawn sample, and none of a difference.
    drawn = sum(np.count_nonzero(events[0]) for events in golden.events.values())
    for kind, marks in (("golden", drawn), ("rtl", drawn), ("stimulus", np.count_nonzero(x[0]))):
        paths = re.findall(rf'<path d="([^"]*)" class="{kind}">', page.written)
        assert sum(path.count("M") for path in paths) == marks > 0
    assert not "".join(re.findall(r'<path d="([^"]*)" class="only', page.written))
    # Every hash and version that decides.
    manifest = json.loads((digits.parent / "manifest.json").read_text())
    for told in (network.hash, manifest["verilog"]["sha256"], manifest["tools"]["amaranth"], DIGITS.test.name):
        assert told in page.text
    for memory in manifest["map"]["memories"]:
        assert f"0x{memory['base']:04x}" in page.text


def test_every_section_is_there_and_every_figure_labelled(digits):
    page = Page(digits)
    ids = [value for name, value in page.attributes if name == "id"]
    assert [i for i in ids if i != "head" and f'href="#{i}"' in page.written] == [
        "verdict",
        "network",
        "accuracy",
        "integers",
        "board",
        "speed",
        "memory",
        "origin",
    ]
    assert page.written.count("data-confusion=") == 3
    # input and two layers; weights and potentials of each layer; clocks; the diagram.
    assert page.written.count('class="raster"') == 3
    assert page.written.count('class="histogram"') == 5
    assert page.written.count('class="diagram"') == 1
    for kind in ("measured", "simulated", "estimated"):
        assert page.written.count(f'class="tag {kind}"') > 1
    assert str(digits.parent.parent) not in page.written, "no place on this machine"


def test_a_difference_is_the_first_thing_one_sees(again, run):
    image = next(again.glob("rtl/*weights0*.mem"))
    words = image.read_text().split()
    image.write_text("".join(f"{int(word, 16) ^ 4:0{len(word)}x}\n" for word in words))
    seal(again / "rtl", json.loads((again / "rtl/manifest.json").read_text()))
    words = ("report", again / "rtl", "--data", again / "x.npz", "--simulator", "amaranth")
    document = run.json(*words, status=1)
    assert not document["ok"]
    page = Page(again / "rtl/report.html")
    assert 'class="verdict bad"' in page.written
    assert page.figures["differences"] > 0
    assert "First: sample" in page.text
    assert "".join(re.findall(r'<path d="([^"]*)" class="only', page.written))
    assert document["verify"]["differences"] == page.figures["differences"]


def test_without_data_it_says_so(again, run):
    text = run("report", again / "rtl", "-o", "r.html").stdout
    assert "Nothing was compared; give --data." in text
    assert "Wrote r.html" in text
    page = Page(Path("r.html"))
    assert "Not compared: no data were given" in page.text
    assert 'class="raster"' not in page.written
    assert page.figures == {}


def test_a_build_is_shown_as_shares_of_its_board(again):
    (again / "ulx3s-85f").mkdir()
    report = build_report(again / "rtl")
    put_build(again / "ulx3s-85f", report)
    put_build(again / "icebreaker", build_report(again / "rtl", "icebreaker", verilog_sha256="0" * 64))
    result = spikeloom.report(again, output=again / "r.html")
    assert set(result.boards) == set(BOARDS)
    assert {result.boards.pop("ulx3s-85f"), *result.boards.values()} == {"built", "possible"}
    page = Page(again / "r.html")
    assert {key: page.figures[f"ulx3s-85f.{key}"] for key in report["used"]} == report["used"]
    assert "icebreaker was built from other Verilog" in page.text
    assert "4,321 of 83,640, 5.2 %" in page.text
    assert SCRIPT in page.text
    assert QUOTES in page.text
    put_build(again / "ulx3s-85f", build_report(again / "rtl", timing_met=False))
    result = spikeloom.report(again, output=again / "r.html")
    assert result.boards["ulx3s-85f"] == "missed"
    assert not result.ok


def test_what_older_builds_do_not_say_is_shown_of_new_ones(again):
    energy = {"nanojoules": {"memory": 40.0, SCRIPT: 2.5}, "additions": 1.0, "neuron_steps": 1.0, "reads": {}}
    energy |= {"read_bits": {}, "clocks": 9.0, "basis": "an estimate"}
    path = {"clock": SCRIPT, "start": "chip.accelerator.core0.lanes.weights0.core0_weights0_2.0.0", "end": "chip.x$1"}
    path |= {"logic_ns": 3.5, "routing_ns": 2.5}
    report = build_report(again / "rtl", format=3, energy=energy, paths=[path], remarks=[f"too good {SCRIPT}"])
    del report["seconds"]
    put_build(again / "ulx3s-85f", report)
    spikeloom.report(again, output=again / "r.html")
    page = Page(again / "r.html")
    assert "of the order of 42.5 nJ; memory 40.0" in page.text and "(an estimate)" in page.text
    assert "core0.lanes.weights0 to x: 3.5 ns in logic" in page.text
    assert page.text.count(f"Note: too good {SCRIPT}.") == 1, "at the board; without data there are no figures before"
    assert "script" not in page.tags


def test_block_ram_is_counted_as_place_and_route_counts_it(digits):
    from spikeloom.page import fit

    read = folders.read(digits.parent)
    assert fit.blocks(read, "ecp5") in (16, 17), "18 with the link's queue, when it is built"
    assert next(f for f in fit.fits(read) if f.board.name == "icebreaker").verdict == "too small"


# Names ------------------------------------------------------------------------------------------------------------


def test_names_stay_text(hostile):
    page = Page(hostile / "rtl/report.html")
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    for name in (SCRIPT, QUOTES, "{{ 7 * 7 }}", "long" * 50, "abc⟨U+202E⟩gnp.exe", f"</title>{SCRIPT}.nir"):
        assert name in page.text
    assert "\u202e" not in page.written


def test_nothing_is_asked_from_elsewhere(hostile, digits):
    for path in (hostile / "rtl/report.html", digits):
        page = Page(path)
        links = [value for name, value in page.attributes if name in ("href", "src", "srcset", "data", "action")]
        assert links
        assert all(link.startswith("#") for link in links)
        assert not re.search(r"@import|url\((?!#)", page.written)
        assert "default-src 'none'" in page.written


def test_hidden_characters_are_told():
    assert drawings.visible("a\u202eb\u200bc\x00\ud800é") == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+0000⟩⟨U+D800⟩é"
    assert (
        drawings.element("a", "<", drawings.element("b", "&"), title="\"'")
        == '<a title="&#34;&#39;">&lt;<b>&amp;</b></a>'
    )


# Bad input --------------------------------------------------------------------------------------------------------


def test_folders_that_are_not_ours(run, tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "some.partial").mkdir()
    (tmp_path / "file").touch()
    assert "none: there is no such folder" in run.refused("report", "none")
    assert "file: is a file" in run.refused("report", "file")
    assert "theirs: not a folder that 'spikeloom generate', 'build' or 'demo' wrote" in run.refused("report", "theirs")
    assert "some.partial: half-written" in run.refused("report", "some.partial")
    (tmp_path / "theirs/build.json").write_text("{}")
    assert "theirs: half-written" in run.refused("report", "theirs")


MANIFESTS = {
    "version": (lambda d: d | {"format": 99}, "written by another version (format 99); generate it again"),
    "fields": (lambda d: {k: v for k, v in d.items() if k != "parameters"}, "damaged (parameters: Field required)"),
    "types": (lambda d: d | {"map": d["map"] | {"memories": [{"name": 1}]}}, "damaged (map.memories.0.name"),
    "cores": (lambda d: d | {"parameters": {"cores": []}}, "damaged (parameters.cores"),
    "network": (lambda d: d | {"network": "0"}, "the network is not the one of the manifest"),
    "sources": (lambda d: d | {"sources": d["sources"][1:]}, "the manifest's sources are not the network's"),
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_manifests(run, again, case):
    change, says = MANIFESTS[case]
    path = again / "rtl/manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    assert says in run.refused("report", again / "rtl")


def test_files_that_were_changed(run, again):
    next(again.glob("rtl/*.mem")).unlink()
    assert "missing, or not what the manifest says; generate the folder again" in run.refused("report", again / "rtl")


BUILDS = {
    "version": ({"format": 99}, "build.json: written by another version (format 99); build it again"),
    "types": ({"used": {"lut": "many"}}, "build.json: damaged (used.lut"),
    "clock": ({"core_mhz": 0.0}, "build.json: damaged (core_mhz 0.0)"),
    "bitstream": ({"sha256": "0"}, "spikeloom.bit: missing, or not what build.json says"),
    "elsewhere": ({"bitstream": "../../x.npz"}, "x.npz: missing, or not what build.json says"),
    "Verilog": ({"verilog_sha256": "0"}, "the bitstream is not of the Verilog in rtl"),
}


@pytest.mark.parametrize("case", BUILDS)
def test_builds(run, again, case):
    changes, says = BUILDS[case]
    put_build(again, build_report(again / "rtl", **changes))
    assert says in run.refused("report", again)


def test_data_and_model(run, again):
    words = ("report", again / "rtl", "--data", again / "x.npz", "--simulator", "amaranth")
    assert "samples must be in 1..3, not 4" in run.refused(*words, "--samples", "4")
    assert "not the model that this network was converted from" in run.refused(*words, "--model", DIGITS.model)
    assert "none.nir: cannot be read" in run.refused(*words, "--model", "none.nir")
    assert "none.npz: there is no such file" in run.refused("report", again / "rtl", "--data", "none.npz")
    assert "x has shape" in run.refused("report", again / "rtl", "--data", DIGITS.test)
    assert "no/r.html: cannot be written" in run.refused("report", again / "rtl", "-o", "no/r.html")


def test_only_a_report_is_replaced(run, again):
    manifest = again / "rtl" / "manifest.json"
    before = manifest.read_bytes()
    assert "there is a file that is no report" in run.refused("report", again / "rtl", "-o", manifest)
    assert manifest.read_bytes() == before


# In a browser -----------------------------------------------------------------------------------------------------

PICTURES = """[...document.querySelectorAll("svg:not(svg svg)")].map(svg => {
    const box = svg.getBoundingClientRect();
    return [svg.getAttribute("class"), box.width, box.height, svg.querySelectorAll("path, rect").length];
})"""


def test_it_opens_in_a_browser(hostile, digits):
    with browser() as tab:
        for path in (digits, hostile / "rtl/report.html"):
            for width, dark in ((390, False), (1280, False), (1280, True)):
                tab.open(path, width=width, dark=dark)
                assert tab.complaints == []
                assert tab.requests == [path.absolute().as_uri()]
                pictures = tab.value(PICTURES)
                assert len(pictures) >= 10
                for kind, wide, high, marks in pictures:
                    assert (wide > 15 and high > 10 and marks) or kind is None, (kind, wide, high, marks)
                assert tab.value("document.documentElement.scrollWidth") <= width, "nothing sticks out"
                assert tab.value("document.scripts.length") == 0
                light = tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
                assert light != dark
        assert SCRIPT in tab.value("document.querySelector('.rasters').textContent")
        assert tab.value("document.title").startswith(f"</title>{SCRIPT}.nir")


def test_a_sample_is_stopped_and_watched_in_a_browser(several):
    def shown(tab):
        ended = tab.value("[...document.querySelectorAll('[data-ticks]')].map(one => Number(one.textContent))")
        return tab.value("document.querySelector('output').value"), ended

    with browser() as tab:
        for width, dark in ((390, False), (1280, True)):
            tab.open(several.output, width=width, dark=dark)
            assert tab.complaints == [] and tab.requests == [several.output.absolute().as_uri()]
            assert tab.value("document.documentElement.scrollWidth") <= width
            assert tab.value("document.querySelector('.controls').offsetHeight") > 0
            press = "document.querySelector('button').click(), document.querySelector('.flow').animationsPaused()"
            assert tab.value(press) is True
            for frame in (2, int(tab.value("document.querySelector('input').max"))):
                tab.value(
                    f"{{const at = document.querySelector('input'); at.value = {frame};"
                    "at.dispatchEvent(new Event('input'))}"
                )
                end = 64 * (frame + 1)
                ended = [sum(clock < end for clock in clocks) for clocks in several.verify.ticks.values()]
                assert shown(tab) == (f"clocks {end - 64} to {end - 1}", ended)
                time = tab.value("document.querySelector('.flow').getCurrentTime()")
                assert time == pytest.approx((frame + 0.5) / 8)
            assert ended == [STEPS] * 4
            assert tab.value(press) is False, "it moves again"


def test_the_browser_check_sees_faults(tmp_path):
    path = tmp_path / "bad.html"
    path.write_text("<img src=gone.png><div style='width: 2000px'>.</div><svg></svg><script>nothing()</script>")
    with browser() as tab:
        tab.open(path, width=390)
        assert len(tab.complaints) == 2
        assert len(tab.requests) == 2
        assert tab.value("document.documentElement.scrollWidth") > 390
        assert tab.value("document.scripts.length") == 1

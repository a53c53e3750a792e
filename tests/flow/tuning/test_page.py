"""The page in a real browser: it draws, needs nothing from outside, and a click on a design gives its command."""

import json
import re
from dataclasses import replace

import pytest

import spikeloom
from browser import browser
from spikeloom.boards import catalogue
from spikeloom.tuning.goals import goals
from spikeloom.tuning.page import importance
from spikeloom.tuning.space import Space
from spikeloom.tuning.study import Trial


@pytest.fixture
def page(given):
    spikeloom.tune(**given)
    return given["output"] / "tune.html"


def test_a_click_on_a_design_gives_its_command(page):
    with browser() as tab:
        tab.open(page, width=1200)
        assert tab.complaints == []
        assert [one for one in tab.requests if not one.startswith(("file:", "data:", "blob:"))] == []
        for name in ("front", "parallel", "importance"):
            assert tab.value(f"document.querySelectorAll('#{name} .plot-container').length") == 1, name
        assert "Nothing was built" in tab.value("document.body.innerText")
        marks = "[...document.querySelectorAll('#front .scatterlayer .trace')].at(-1).querySelectorAll('path.point')"
        designs = tab.value("data.designs.map((one) => one.command)")
        assert tab.value(f"{marks}.length") == len(designs) > 1
        tab.value(f"{marks}[0].scrollIntoView({{block: 'center'}})")
        middle = "(({x, y, width, height}) => [x + width / 2, y + height / 2])"
        place = tab.value(f"{middle}({marks}[0].getBoundingClientRect())")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            at = {"x": place[0], "y": place[1], "button": "none" if kind == "mouseMoved" else "left", "clickCount": 1}
            tab("Input.dispatchMouseEvent", type=kind, **at)
        hover = tab.value("document.querySelector('#front .hoverlayer').textContent")
        assert re.search(r"trial \d+, by model", hover) and "lanes:" in hover
        command = tab.value("document.getElementById('command').textContent")
        assert command in designs and command.startswith("spikeloom convert ") and " && spikeloom build " in command
        tab.value("document.querySelector('button[data-number]').click()")
        number = tab.value("document.querySelector('button[data-number]').dataset.number")
        assert f"Trial {number}" in tab.value("document.getElementById('copied').textContent")
        assert tab.value("document.documentElement.scrollWidth") <= 1200
        assert tab.complaints == []


def test_what_is_nought_has_its_place_in_the_picture(given):
    spikeloom.tune(**given | {"board": "ice40-hx8k", "maximise": "", "minimise": "latency,dsp", "trials": 4})
    text = (given["output"] / "tune.html").read_text("utf-8")
    document = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert [(one["name"], one["log"]) for one in document["objectives"]] == [("latency", True), ("dsp", False)]


def test_names_from_files_stay_text(given, page):
    text = page.read_text("utf-8")
    document = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1]
    assert json.loads(document)["designs"]
    hostile = "</script><script>alert(1)</script>"
    from spikeloom.tuning.page import _plain

    assert "<" not in _plain(hostile)


def test_what_mattered_is_found():
    space = Space({"lanes": (1, 2, 4), "slots": (1, 2)})
    aims = goals([], ["lut"], [], catalogue.find("ulx3s-85f"))
    trials = [
        Trial(number=k, point=point, figures={"lut": 100.0 * 2 ** point["lanes"]})
        for k, point in enumerate(space.points())
    ]
    shares = importance(space, [*trials, replace(trials[0], refused="too small")], aims)
    assert shares == {"lut": {"lanes": pytest.approx(1), "slots": pytest.approx(0)}}

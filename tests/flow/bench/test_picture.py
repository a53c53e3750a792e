"""The picture of the two models' events."""

from xml.etree import ElementTree

import numpy as np

from spikeloom.bench import picture


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

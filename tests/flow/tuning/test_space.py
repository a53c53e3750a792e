"""What is searched: read, refused, and told apart."""

import re
from pathlib import Path

import pytest

import small
from spikeloom import Refusal
from spikeloom.boards import catalogue
from spikeloom.tuning import space as spaces

NETWORK = small.network()


def test_a_space_is_read_from_a_file(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text("lanes: [2, 4]\nunits: [1, 4]\norder: {in -> layer1: [neuron, event]}\nweight_bits: {layer1: 4}\n")
    found = spaces.read(path, NETWORK)
    assert found.free == ("lanes", "units", "order.in -> layer1")
    assert found.size == 8
    points = list(found.points())
    # Four units need four lanes: with two there is one unit all the same.
    assert len(points) == 6
    assert spaces.hardware_of(points[-1]).model_dump()["order"] == {"in -> layer1": "event"}
    assert spaces.quantisation_of(points[0]) == {"weight_bits": {"layer1": 4}}


def test_single_layers_and_populations_have_their_own_choices():
    given = {
        "state_bits": {"layer1": [None, 20], "layer2": 18},
        "guard_bits": {"layer2": [4, 6]},
        "slots": {"in": [1, 2]},
    }
    found = spaces.read(given, NETWORK)
    assert found.free == ("state_bits.layer1", "guard_bits.layer2", "slots.in")
    first, *_, last = found.points()
    assert spaces.quantisation_of(first) == {"state_bits": {"layer2": 18}, "guard_bits": {"layer2": 4}}
    assert spaces.quantisation_of(last) == {"state_bits": {"layer1": 20, "layer2": 18}, "guard_bits": {"layer2": 6}}
    assert spaces.hardware_of(last).slots_of("in") == 2 and spaces.hardware_of(first).slots_of("in") == 1


def test_the_default_space_has_both_orders_and_every_layers_width():
    found = spaces.default(NETWORK, catalogue.find("icebreaker"))
    assert set(found.free) >= {"lanes", "units", "weights", "order.in -> layer1", "weight_bits.layer2", "per_channel"}
    for point in (found.point([0] * len(found.free)), found.point([len(found.axes[n]) - 1 for n in found.free])):
        spaces.hardware_of(point)
        assert found.numbers(point) == found.like(found.numbers(point))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lane": [1]}, "there is nothing to search called 'lane'; there are lanes, units"),
        ({"lanes": [3]}, "lanes: must be a power of two, not 3"),
        ({"lanes": [4, 4]}, "lanes has the choice 4 twice"),
        ({"lanes": []}, "lanes has 1 to 64 choices, not 0"),
        ({"order": {"a -> b": ["event"]}}, "there is no projection 'a -> b'; there are 'in -> layer1'"),
        ({"weight_bits": {"layer9": [8]}}, "there is no layer 'layer9'; there are 'layer1', 'layer2'"),
        ({"slots": {"layer9": [1]}}, "slots: there is no population 'layer9'; there are 'in', 'layer1', 'layer2'"),
        ({"slots": {"in": [9]}}, "slots: must be in 1..8"),
        ({"guard_bits": {"layer9": [8]}}, "guard_bits: there is no layer 'layer9'"),
        ({"weight_bits": [9]}, "weight_bits is in 2..8, not 9"),
        ({"weight_bits": [True]}, "weight_bits is in 2..8, not true"),
        ({"per_channel": [1]}, "per_channel is true or false, not 1"),
        ({"steps": [0]}, "steps is a number of steps, not 0"),
        ({"clock_mhz": ["fast"]}, "clock_mhz is a number of MHz in 1..1000, not fast"),
        ({"clock_mhz": [float("inf"), 12]}, "clock_mhz is a number of MHz in 1..1000, not Infinity"),
        ({"clock_mhz": [1e-9, 12]}, "clock_mhz is a number of MHz in 1..1000, not 1e-09"),
        ({"input_bits": [8, 77]}, "input_bits is in 2..16, not 77"),
        ({"state_bits": {"layer1": [18, "wide"]}}, "state_bits.layer1 is in "),
        ({"synapses": ["auto", "some"]}, "synapses is one of auto, dense, not some"),
        ({"train": [1]}, "train names the callback's parameters"),
    ],
)
def test_what_cannot_be_searched_is_refused(given, message):
    with pytest.raises(Refusal, match=re.escape(message)):
        spaces.read(given, NETWORK)


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        "lanes: [",
        "lanes: [1, 2]\nunits: [1]\nlanes: [4, 8]",
        "lanes: !!timestamp 8",
        "\x00",
        "cores: &x [*x, shared]",
        f"steps: [{'9' * 5000}]",
        "a: !!python/object/apply:os.system ['true']",
    ],
)
def test_files_that_are_no_space_are_refused(tmp_path, text):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(Refusal, match=re.escape(str(path))):
        spaces.read(path, NETWORK)
    with pytest.raises(Refusal, match="cannot be read"):
        spaces.read(Path(tmp_path / "none.yaml"), NETWORK)


def test_lanes_may_be_left_to_the_default():
    space = spaces.read({"lanes": [None, 4], "units": [1, 8]}, NETWORK)
    assert [space.point(numbers)["units"] for numbers in ((0, 1), (1, 1))] == [8, 1]

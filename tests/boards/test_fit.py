"""A network that cannot fit is refused at once, and only remedies that make it fit are named."""

import re

import pytest

from small import network as small
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.fit import check_fit, memory_bits, too_large
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate

BOARD = BOARDS["icebreaker"]


def network(inputs, neurons, bits=4):
    return small((inputs, neurons), weight_bits=bits)


def refused(inputs, neurons, bits, **configuration):
    with pytest.raises(Refusal) as refusal:
        check_fit(network(inputs, neurons, bits), Configuration(**configuration), "icebreaker")
    return str(refusal.value).split("What would help: ")[1]


def test_what_is_counted_is_what_is_generated(tmp_path):
    for configuration in (Configuration(lanes=8), Configuration(lanes=32, units=2)):
        manifest = generate(network(20, 40), configuration, tmp_path / "out")
        bits = sum(memory["entries"] * memory["width"] for memory in manifest["map"]["memories"])
        assert memory_bits(network(20, 40), configuration) == bits


def test_a_network_that_fits_is_left_alone():
    check_fit(network(60, 100, bits=8), Configuration(lanes=8), "icebreaker")


def test_remedies_would_work():
    remedies = refused(200, 100, 8, lanes=8)
    bits = int(re.search(r"fewer weight bits \((\d) instead of 8", remedies)[1])
    check_fit(network(200, 100, bits), Configuration(lanes=8), "icebreaker")
    assert memory_bits(network(200, 100, 8), Configuration(lanes=8), bits + 1) > BOARD.memory_bits

    remedies = refused(160, 65, 8, lanes=128)
    lanes = int(re.search(r"fewer lanes \((\d+) instead of 128\)", remedies)[1])
    check_fit(network(160, 65, 8), Configuration(lanes=lanes), "icebreaker")
    assert memory_bits(network(160, 65, 8), Configuration(lanes=2 * lanes)) > BOARD.memory_bits


def test_remedies_that_would_not_work_are_not_named():
    assert refused(784, 128, 4, lanes=8) == "a larger board (ulx3s-85f)"
    assert refused(784, 128, 8, lanes=1) == "a larger board (ulx3s-85f)"
    assert refused(3000, 2000, 8, lanes=8) == "a smaller network"


def test_block_ram_that_the_tools_count_is_weighed_too():
    """40 of 30 blocks: a quarter must go, though the bits alone would fit."""
    message = str(too_large(network(60, 100, bits=8), Configuration(lanes=8), BOARD, {"block_ram": (40, 30)}))
    assert message.endswith(
        "block RAM 40 of 30 (10 too many). "
        "What would help: fewer weight bits (5 instead of 8 when converting), or a larger board (ulx3s-85f)"
    )

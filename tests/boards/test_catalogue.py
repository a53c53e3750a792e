import ast
from pathlib import Path

import pytest

from spikeloom.boards import families
from spikeloom.boards.blinky import Blinky
from spikeloom.boards.catalogue import BOARDS, find
from spikeloom.boards.families import FAMILIES
from spikeloom.golden.network import Refusal


def test_the_boards():
    assert len(BOARDS) == 15 and {board.family for board in BOARDS.values()} == set(FAMILIES)
    for name, board in BOARDS.items():
        assert find(name) is board and board.name == name


def test_a_family_is_told_apart_in_its_own_module_alone():
    room = Path(families.__file__).parent.parent
    for path in room.rglob("*.py"):
        if path.parent.name != "families" and path.name != "catalogue.py":
            words = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
            assert not words & set(FAMILIES), path


@pytest.mark.parametrize("name", BOARDS)
def test_the_platform_agrees(name):
    board = find(name)
    platform = board.new_platform()
    assert getattr(platform, "device", getattr(platform, "family", None)) == board.device
    assert getattr(platform, "speed", "") == board.speed
    assert platform.default_clk == board.crystal
    assert platform.lookup(board.crystal).clock.frequency == board.crystal_hz


@pytest.mark.parametrize("name", BOARDS)
def test_the_pins_are_there(name):
    """Clock, PLL, serial line and lamps go through the platform, and each pin is used once."""
    board = find(name)
    family = FAMILIES[board.family]
    top = Blinky(board)
    plan = board.new_platform().prepare(top, "top", emit_src=False)
    constraints = plan.files[f"top.{family.constraints}"]
    text = constraints if isinstance(constraints, str) else constraints.decode()
    assert top.lamps >= 1 and text.count("led_") >= top.lamps and board.crystal in text
    resources = board.new_platform().resources
    assert (("uart", 0) in resources) is (board.transport == "uart")


@pytest.mark.parametrize(
    "name, message",
    [
        ("ulx3s-85", "There is no board 'ulx3s-85'; did you mean ulx3s-85f or ulx3s-25f"),
        ("tangnano9k", "There is no board 'tangnano9k'; did you mean tang-nano-9k"),
        ("iceBraker", "There is no board 'iceBraker'; did you mean icebreaker"),
        ("zynq", "There is no board 'zynq'; choose one of ulx3s-85f, ulx3s-25f, orangecrab-25f"),
    ],
)
def test_an_unknown_name_offers_the_nearest(name, message):
    with pytest.raises(Refusal) as refusal:
        find(name)
    assert str(refusal.value).startswith(message)


def test_other_names_are_offered_where_they_may_stand():
    with pytest.raises(Refusal, match=r"^There is no board 'all-opn'; did you mean all-open\?$"):
        find("all-opn", also=["all-open"])
    with pytest.raises(Refusal, match=r"choose one of .*, arty-z7, all-open$"):
        find("zynq", also=["all-open"])


def test_needs_are_counted_from_cells():
    cells = {"LUT4": 100, "CCU2C": 10, "TRELLIS_DPR16X4": 3, "TRELLIS_FF": 50, "DP16KD": 2, "MULT18X18D": 1, "PFUMX": 9}
    needs = FAMILIES["ecp5"].needs(cells)
    assert (needs.lut, needs.ff, needs.block_ram, needs.dsp) == (132, 50, 2, 1)
    cells = {"SB_LUT4": 100, "SB_CARRY": 10, "SB_DFF": 1, "SB_DFFESR": 20, "SB_RAM40_4K": 2, "SB_RAM40_4KNR": 1}
    needs = FAMILIES["ice40"].needs(cells)
    assert (needs.lut, needs.ff, needs.block_ram, needs.dsp) == (100, 21, 3, 0)

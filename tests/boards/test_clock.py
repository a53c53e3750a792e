import re

import pytest

from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.families import FAMILIES
from spikeloom.golden.network import Refusal


@pytest.mark.parametrize(
    "output_mhz, dividers, vco_mhz",
    # What the vendor-neutral calculators ecppll and icepll answer.
    [(100, (1, 4, 6), 600), (80, (5, 16, 7), 560), (125, (1, 5, 5), 625)],
)
def test_ecp5_dividers(output_mhz, dividers, vco_mhz):
    pll = FAMILIES["ecp5"].pll(25_000_000, output_mhz * 1_000_000)
    assert (pll.reference, pll.feedback, pll.output_hz) == (*dividers[:2], output_mhz * 1e6)
    assert abs(pll.vco_hz - 600e6) <= abs(vco_mhz * 1e6 - 600e6)


@pytest.mark.parametrize(
    "output_mhz, feedback, post, vco_mhz",
    [(24, 64, 32, 768), (30, 80, 32, 960), (36, 48, 16, 576), (48, 64, 16, 768)],
)
def test_ice40_dividers(output_mhz, feedback, post, vco_mhz):
    pll = FAMILIES["ice40"].pll(12_000_000, output_mhz * 1_000_000)
    assert (pll.reference, pll.output_hz) == (1, output_mhz * 1e6)
    assert pll.vco_hz == 12e6 * pll.feedback and pll.output_hz == pll.vco_hz / pll.post
    assert (pll.feedback, pll.post, pll.vco_hz) == (feedback, post, vco_mhz * 1e6)


# What gowin_pll answers for 27 MHz to 54 and 81 MHz, and what the clocking wizard does for 100 MHz to 100 MHz.
@pytest.mark.parametrize(
    "family, input_mhz, output_mhz, ratio", [("gowin", 27, 54, 2), ("gowin", 27, 81, 3), ("xilinx7", 100, 100, 1)]
)
def test_ratios(family, input_mhz, output_mhz, ratio):
    pll = FAMILIES[family].pll(input_mhz * 1_000_000, output_mhz * 1_000_000)
    assert pll.output_hz == output_mhz * 1e6 == pll.vco_hz / pll.post
    made = pll.feedback / pll.reference
    assert made == (ratio if family == "gowin" else ratio * pll.post)


@pytest.mark.parametrize("name", BOARDS)
def test_every_boards_clock_is_made(name):
    board = BOARDS[name]
    pll = FAMILIES[board.family].pll(board.crystal_hz, board.core_hz)
    assert pll.output_hz == board.core_hz and pll.vco_hz == pll.output_hz * pll.post


@pytest.mark.parametrize("family", FAMILIES)
def test_a_clock_out_of_reach_is_refused(family):
    text = "The PLL cannot make 3000 MHz from 12 MHz"
    with pytest.raises(Refusal, match=f"^{re.escape(text)}(; the nearest it can make is [0-9.]+ MHz)?$"):
        FAMILIES[family].pll(12_000_000, 3_000_000_000)

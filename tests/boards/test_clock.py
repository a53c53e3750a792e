import re

import pytest

from spikeloom.boards.clock import ecp5_pll, ice40_pll
from spikeloom.golden.network import Refusal


@pytest.mark.parametrize(
    "output_mhz, dividers, vco_mhz",
    # What the vendor-neutral calculators ecppll and icepll answer.
    [(100, (1, 4, 6), 600), (80, (5, 16, 7), 560), (125, (1, 5, 5), 625)],
)
def test_ecp5_dividers(output_mhz, dividers, vco_mhz):
    pll = ecp5_pll(25_000_000, output_mhz * 1_000_000)
    assert (pll.reference, pll.feedback, pll.output_hz) == (*dividers[:2], output_mhz * 1e6)
    assert abs(pll.vco_hz - 600e6) <= abs(vco_mhz * 1e6 - 600e6)


@pytest.mark.parametrize(
    "output_mhz, feedback, post, vco_mhz",
    [(24, 64, 32, 768), (30, 80, 32, 960), (36, 48, 16, 576), (48, 64, 16, 768)],
)
def test_ice40_dividers(output_mhz, feedback, post, vco_mhz):
    pll = ice40_pll(12_000_000, output_mhz * 1_000_000)
    assert (pll.reference, pll.output_hz) == (1, output_mhz * 1e6)
    assert pll.vco_hz == 12e6 * pll.feedback and pll.output_hz == pll.vco_hz / pll.post
    assert (pll.feedback, pll.post, pll.vco_hz) == (feedback, post, vco_mhz * 1e6)


@pytest.mark.parametrize("pll, source", [(ecp5_pll, 25_000_000), (ice40_pll, 12_000_000)])
def test_a_clock_out_of_reach_is_refused(pll, source):
    text = f"The PLL cannot make 900 MHz from {source / 1e6:g} MHz"
    with pytest.raises(Refusal, match=f"^{re.escape(text)}(; the nearest it can make is [0-9.]+ MHz)?$"):
        pll(source, 900_000_000)

"""The packaged digits network as a real bitstream."""

from spikeloom import packaged
from spikeloom.boards.build import build
from spikeloom.golden.conventions import resolve
from spikeloom.golden.data import load
from spikeloom.golden.quantise import convert


def test_digits_on_the_ulx3s(tmp_path):
    digits = packaged.find("digits")
    network, _ = convert(digits.model, load(digits.calibration), resolve(digits.convention), state_bits=24)
    report = build(network, None, "ulx3s-85f", tmp_path / "out")
    assert report.timing_met and report.core_mhz == 100 and report.speed == "6"
    # 16 lanes of 8 bits, 1280 rows: 8 block RAMs of weights; states, parameters, event lists and two of the link.
    assert report.used.block_ram <= 19
    assert report.used.lut <= 3750 and report.used.dsp <= 4
    header = (tmp_path / "out" / report.bitstream).read_bytes()[:200]
    assert b"LFE5U-85F" in header

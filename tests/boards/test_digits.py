"""The packaged digits network as a real bitstream."""

from spikeloom import packaged
from spikeloom.boards.build import build
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.fit import block_rams
from spikeloom.golden.conventions import resolve
from spikeloom.golden.data import load
from spikeloom.golden.quantise import convert
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network


def test_digits_on_the_ulx3s(tmp_path):
    digits = packaged.find("digits")
    network, _ = convert(digits.model, load(digits.calibration), resolve(digits.convention), state_bits=24)
    report = build(network, None, "ulx3s-85f", tmp_path / "out")
    assert report.timing_met and report.core_mhz == 100 and report.speed == "6"
    # 16 lanes of 8 bits, 1280 rows: 8 block RAMs of weights; states, parameters, event lists and two of the link.
    counted = block_rams(map_network(network, Configuration()).parameters, BOARDS["ulx3s-85f"])
    assert report.used.block_ram == counted <= 19
    assert report.used.lut <= 3750 and report.used.dsp <= 4
    header = (tmp_path / "out" / report.bitstream).read_bytes()[:200]
    assert b"LFE5U-85F" in header

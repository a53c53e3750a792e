"""Networks of other frameworks in Verilog: loops, currents, potentials, many spikes, on one core."""

import numpy as np
import pytest

from spikeloom import api, packaged
from spikeloom.golden import data as files


@pytest.mark.parametrize("name", ["vowels", "readout", "converted"])
def test_an_example_equals_golden(name):
    chosen = packaged.find(name)
    network = api.convert(
        chosen.model, data=chosen.calibration, knobs=chosen.resolved, read_out=chosen.read_out
    ).network
    data = files.load(chosen.test)
    report = api.verify(network, data=data, samples=24, bulk=True)
    assert report.ok
    assert report.differences == 0
    assert report.events > 2000
    assert report.samples == 24
    golden, rtl = (api.run(network, data=files.Data(x=data.x[:4]), on=on) for on in ("golden", "rtl"))
    assert np.array_equal(golden.spikes, rtl.spikes)
    assert np.array_equal(golden.prediction, rtl.prediction)
    if name == "readout":
        assert golden.read_out.dtype == np.float32
        assert np.array_equal(golden.read_out, rtl.read_out)
        assert golden.read_out.shape == (4, 25, 10)
        assert golden.summary()["spikes"] is None

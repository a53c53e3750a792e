"""Networks of other frameworks in Verilog: loops, currents, potentials, many spikes, on one core."""

import numpy as np
import pytest

from spikeloom import api, packaged
from spikeloom.golden import data as files

SAMPLES = {"vowels": 24, "readout": 24, "converted": 24, "cnn": 6, "converted-cnn": 6, "connectome": 12, "motion": 60}


@pytest.mark.parametrize(("name", "samples"), SAMPLES.items())
def test_an_example_equals_golden(name, samples):
    chosen = packaged.find(name)
    network = api.convert(
        chosen.model, data=chosen.calibration, knobs=chosen.resolved, read_out=chosen.read_out
    ).network
    data = files.load(chosen.test)
    report = api.verify(network, data=data, samples=samples, bulk=True)
    assert report.ok
    assert report.differences == 0
    assert report.events > 2000
    assert report.samples == samples
    if "core0.scatter" in report.activity:
        scatter = report.activity["core0.scatter"]
        assert scatter["rows"] > 0.9 * scatter["span"], "the busy engine adds a row in nearly every clock"
    if name not in ("vowels", "readout", "converted"):
        return
    golden, rtl = (api.run(network, data=files.Data(x=data.x[:4]), on=on) for on in ("golden", "rtl"))
    assert np.array_equal(golden.spikes, rtl.spikes)
    assert np.array_equal(golden.prediction, rtl.prediction)
    if name == "readout":
        assert golden.read_out.dtype == np.float32
        assert np.array_equal(golden.read_out, rtl.read_out)
        assert golden.read_out.shape == (4, 25, 10)
        assert golden.summary()["spikes"] is None

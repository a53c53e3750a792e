"""A search that is small enough to look at every point."""

import numpy as np
import pytest

from spikeloom import Data, packaged
from spikeloom.golden import data as files

DIGITS = packaged.find("digits")
SPACE = {"lanes": [4, 16], "units": [1, 2], "slots": [1, 2], "pipeline": ["long", "short"]}


@pytest.fixture(scope="session")
def few() -> Data:
    """A few of the digits."""
    data = files.load(DIGITS.calibration)
    return Data(x=data.x[:16], y=data.y[:16])


@pytest.fixture
def given(few, tmp_path) -> dict:
    """What every search here has in common."""
    return {
        "model": DIGITS.model,
        "data": few,
        "knobs": "snntorch",
        "board": "ulx3s-85f",
        "output": tmp_path / "found",
        "space": SPACE,
        "trials": 16,
        "settle": 0,
        "workers": 1,
    }


@pytest.fixture(scope="session")
def data_file(few, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "few.npz"
    np.savez(path, x=few.x, y=few.y)
    return path

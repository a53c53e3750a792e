"""Samples and their classes."""

from collections.abc import Callable
from typing import Any

import numpy as np

import small
from messages.cases import converted, refused
from nir_files import chain
from spikeloom.golden import simulate
from spikeloom.golden.data import Data


def given(x: Any, y: Any = None) -> Callable[[], None]:
    return lambda: converted(chain(), x=Data(x=np.asarray(x), y=y))


refused(
    "data",
    "samples of another shape",
    "x has shape (2, 3, 5); the input 'input' needs (samples, steps, 4): save x in that shape",
    given(np.zeros((2, 3, 5))),
    "Save one axis for samples and one for steps, then the input's",
)
refused(
    "data",
    "samples without steps",
    "x must have the shape (samples, steps, *input shape) and not be empty, not (2, 4)",
    given(np.zeros((2, 4))),
    "Give each sample its steps",
)
refused(
    "data",
    "text or objects",
    "x must hold numbers, not <U1; save spikes (0 and 1) or small integers",
    given(np.full((2, 3, 4), "a")),
)
refused(
    "data",
    "NaN or infinite samples",
    "x has NaN or infinite values; save spikes (0 and 1), small integers, or analogue samples (floats)",
    given(np.full((2, 3, 4), np.nan)),
)
refused(
    "data",
    "integers that are too large",
    "x has values in 40000..40000, and an event holds 16 bits at most; scale x down",
    given(np.full((2, 3, 4), 40000)),
)
refused(
    "data",
    "real numbers for a network that was converted with spikes",
    "x has values that are not integers; convert the network with such data, encode them as spikes (0 and 1), or scale "
    "them to small integers",
    lambda: simulate.run(small.network(), np.full((1, 3, 5), 0.5)),
)
refused(
    "data",
    "integers for a network that was converted with spikes",
    "x has values in 0..2; the input 'in' takes 0..1 (1 value bits): scale x, or convert the network with such data",
    lambda: simulate.run(small.network(), np.array([[[0, 1, 2, 0, 1]]])),
    "Convert the network with data like those that it will see",
)
refused(
    "data",
    "nothing but zeros",
    "no spikes in x: nothing to calibrate on; give samples in which the input is active",
    given(np.zeros((2, 3, 4))),
)
refused(
    "data",
    "classes that the output does not have",
    "y has classes in 0..3; the 3 neurons of the output 'lif2' stand for 0..2: number them so",
    given(np.ones((2, 3, 4), int), np.array([0, 3])),
    "Number the classes from 0",
)
refused(
    "data",
    "classes that are not numbers",
    "y must hold class numbers (integers), not float64",
    given(np.ones((2, 3, 4), int), np.array([0.0, 1.0])),
    "Save integers",
)
refused(
    "data",
    "too few or too many classes",
    "y must have one class for each of the 2 samples, not the shape (3,)",
    given(np.ones((2, 3, 4), int), np.array([0, 1, 2])),
    "Save one class per sample",
)

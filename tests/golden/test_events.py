"""Events made into steps: equal to counting them one by one, whatever their order, and one message for the rest."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloom.golden.events import shape_of, to_frames
from spikeloom.golden.network import Refusal

SIZES = {"p": 2, "y": 3, "x": 4}
FIELDS = [("p", "y", "x"), ("y", "x"), ("p", "x"), ("x",)]


def events(*rows: tuple[int, ...], fields: str = "xytp", kind: Any = np.int64) -> np.ndarray:
    return np.array(list(rows), [(name, kind) for name in fields])


@st.composite
def samples(draw: st.DrawFn, axes: tuple[str, ...]) -> list[np.ndarray]:
    """One to three samples, fields in any order and of any type of integers."""
    names = draw(st.permutations([*axes, "t"]))
    kinds = [(name, draw(st.sampled_from(["i1", "u1", ">i2", "i4", "u8", "i8"]))) for name in names]
    event = st.tuples(*(st.integers(0, SIZES.get(name, 100) - 1) for name in names))
    return [np.array(rows, kinds) for rows in draw(st.lists(st.lists(event, max_size=30), min_size=1, max_size=3))]


@pytest.mark.parametrize("axes", FIELDS, ids="".join)
@settings(deadline=None)
@given(data=st.data(), step=st.integers(1, 300), steps=st.none() | st.integers(1, 30), merged=st.booleans())
def test_equals_counting_one_by_one(
    axes: tuple[str, ...], data: st.DataObject, step: int, steps: int | None, merged: bool
) -> None:
    given = data.draw(samples(axes))
    shape = tuple(SIZES[axis] for axis in axes[merged and "p" in axes :])
    if steps is None and not any(map(len, given)):
        with pytest.raises(Refusal, match="^no sample has an event; give the number of steps$"):
            to_frames(given, step=step, shape=shape)
        return
    length = steps or max(int(event["t"]) // step for sample in given for event in sample) + 1
    expected = np.zeros((len(given), length, *shape), int)
    for number, sample in enumerate(given):
        for event in sample:
            if int(event["t"]) // step < length:
                where = [event[axis] for axis in axes]
                expected[number, int(event["t"]) // step, *where[len(axes) - len(shape) :]] += 1
    counts = to_frames(given, step=step, steps=steps, shape=shape, values="counts")
    spikes = to_frames([sample[::-1] for sample in given], step=step, steps=steps, shape=shape)
    assert counts.dtype == spikes.dtype == np.uint8
    assert np.array_equal(counts, expected)
    assert np.array_equal(spikes, expected > 0)


def test_one_polarity_is_ignored_as_in_tonic() -> None:
    shd = events((5, 699, 1), (5, 0, 1), fields="txp")
    x = to_frames([shd], step=3, shape=shape_of((700, 1, 1), shd.dtype.names))
    assert x.shape == (1, 2, 1, 700)
    assert np.flatnonzero(x).tolist() == [700, 1399]


@pytest.mark.parametrize(
    ("fields", "sensor_size", "shape"),
    [("xytp", (4, 3, 2), (2, 3, 4)), ("xyt", (4, 3, 1), (3, 4)), ("txp", (4, 1, 2), (2, 4)), ("xt", (4, 1, 1), (4,))],
)
def test_shape_of(fields: str, sensor_size: tuple[int, ...], shape: tuple[int, ...]) -> None:
    assert shape_of(sensor_size, tuple(fields)) == shape


E = events((3, 2, 10, 1), (0, 0, 0, 0))
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"step": 0}, "step must be whole and positive, not 0"),
    ({"step": 0.5}, "step must be whole and positive, not 0.5"),
    ({"step": 1 << 70}, f"step must be whole and positive, not {1 << 70}"),
    ({"steps": -1}, "steps must be whole and positive, not -1"),
    ({"shape": (2, 0, 4)}, "shape must be whole and positive, not 0"),
    ({"values": "rates"}, "values is 'spikes' or 'counts', not 'rates'"),
    ({"events": []}, "there are no samples; save at least one"),
    ({"events": [E[:0]]}, "no sample has an event; give the number of steps"),
    (
        {"shape": (4,)},
        "sample 0 has events of the shape (P, H, W); the shape (4,) was given",
    ),
    (
        {"events": [events((3, 10), fields="xt")]},
        "sample 0 has events of the shape (W,); the shape (2, 3, 4) was given",
    ),
    (
        {"shape": (2, 3, 3)},
        "sample 0: x is in 0..3; the shape (2, 3, 3) takes 0..2: give the shape of the sensor, or leave such events "
        "out",
    ),
    (
        {"events": [E, events((0, -1, 0, 0))]},
        "sample 1: y is in -1..-1; the shape (2, 3, 4) takes 0..2: give the shape of the sensor, or leave such events "
        "out",
    ),
    (
        {"events": [events((0, 0, -7, 0))]},
        "sample 0: t begins at -7; times count from 0, the start of the sample: subtract the first",
    ),
    (
        {"events": [events((0, 0, 1 << 50, 0))]},
        f"1 samples of {(1 << 50) + 1} steps of 24 inputs take {24 * ((1 << 50) + 1)} bytes, and 4294967296 are the "
        "most; let times start at 0 in each sample, or give a longer step, fewer steps or fewer samples",
    ),
    (
        {"events": [np.repeat(E, 256)], "values": "counts"},
        "sample 0: 256 events of one input in one step, and 255 are the most; give a shorter step, or take them as "
        "spikes",
    ),
    (
        {"events": [E.astype([(n, float) for n in "xytp"])]},
        "sample 0: t must be an integer of each event, not float64; convert it",
    ),
    (
        {"events": [np.zeros(1, [("x", "i4", 2), ("t", "i4")])]},
        "sample 0: x must be an integer of each event, not ('<i4', (2,)); convert it",
    ),
    *(
        (
            {"events": [sample]},
            "sample 0 must be a row of events with the fields x and t, and y and p where there are any, "
            f"not {what}; save a structured array",
        )
        for sample, what in [
            (E[["x", "y", "p"]], "the fields x, y, p"),
            (np.array([{}]), "the type object"),
            (E[:, None], "the shape (2, 1)"),
        ]
    ),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refused(change: dict[str, Any], message: str) -> None:
    arguments = {"events": [E], "step": 1, "shape": (2, 3, 4), **change}
    with pytest.raises(Refusal) as refusal:
        to_frames(arguments.pop("events"), **arguments)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("sensor_size", "message"),
    [
        ((4, 3), "sensor_size must be (W, H, P), not (4, 3)"),
        ((4, 3, 2), "sensor_size (4, 3, 2) has 3 for y, which is no field of the events; use 1"),
    ],
)
def test_refused_sensor_size(sensor_size: tuple[int, ...], message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        shape_of(sensor_size, ("x", "t", "p"))
    assert str(refusal.value) == message

"""Data files: what is read, and one clear message for everything else."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spikeloom.golden import data as files
from spikeloom.golden.data import Data, load
from spikeloom.golden.network import Population, Refusal


@pytest.mark.parametrize("y", [None, np.array([1, 0])])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_round_trip(tmp_path: Path, save, y: np.ndarray | None) -> None:
    x = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    save(tmp_path / "a.npz", x=x, other=np.array("text"), **({} if y is None else {"y": y}))
    data = load(tmp_path / "a.npz")
    assert np.array_equal(data.x, x)
    assert (data.y is None) == (y is None)


X = np.zeros((2, 3, 4), np.uint8)
REFUSED = [
    ({"y": X}, "has no array x (it has y.npy); save it with np.savez(..., x=x)"),
    ({}, "has no array x (it has nothing); save it with np.savez(..., x=x)"),
    ({"x": X[0]}, "x must have the shape (samples, steps, *input shape) and not be empty, not (3, 4)"),
    ({"x": X[:0]}, "x must have the shape (samples, steps, *input shape) and not be empty, not (0, 3, 4)"),
    ({"x": X.astype(complex)}, "x must hold numbers, not complex128; save spikes (0 and 1) or small integers"),
    ({"x": X.astype("U1")}, "x must hold numbers, not <U1; save spikes (0 and 1) or small integers"),
    ({"x": X, "y": np.zeros(3, int)}, "y must have one class for each of the 2 samples, not the shape (3,)"),
    ({"x": X, "y": np.zeros((2, 1), int)}, "y must have one class for each of the 2 samples, not the shape (2, 1)"),
    ({"x": X, "y": np.zeros(2)}, "y must hold class numbers (integers), not float64"),
    ({"x": X.astype(object)}, "x holds Python objects, which are never unpickled; save it as an array of numbers"),
]


@pytest.mark.parametrize(("arrays", "message"), REFUSED)
def test_refused(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(Refusal) as refusal:
        load(path)
    assert str(refusal.value) == f"{path}: {message}"


E = np.array([(3, 2, 10, 1), (0, 0, 0, 0), (1, 1, 25, 0)], [(name, "i4") for name in "xytp"])
SIZE = {"sensor_size": (4, 3, 2)}
ROW = {"events": E, "offsets": [0, 2, 2, 3], "step": 10} | SIZE
EACH = {"events_0": E[:2], "events_1": E[:0], "events_2": E[2:], "step": 10} | SIZE


@pytest.mark.parametrize(
    ("arrays", "options", "shape"),
    [
        (ROW, {}, (3, 2, 3, 4)),
        (EACH, {}, (3, 2, 3, 4)),
        (ROW | {"shape": (24,)}, {}, (3, 24)),
        (ROW | {"steps": 5}, {}, (5, 2, 3, 4)),
        (ROW | {"steps": 5, "step": 1}, {"steps": 3, "step": 10, "shape": (2, 12)}, (3, 2, 12)),
        ({"events": E, "offsets": [0, 2, 2, 3]}, {"step": 10, "shape": (2, 3, 4)}, (3, 2, 3, 4)),
    ],
)
@pytest.mark.parametrize("y", [None, np.array([1, 0, 2])])
def test_events(tmp_path: Path, arrays, options, shape: tuple[int, ...], y: np.ndarray | None) -> None:
    np.savez(tmp_path / "a.npz", **arrays, **({} if y is None else {"y": y}))
    data = load(tmp_path / "a.npz", **options)
    assert data.x.shape == (3, *shape)
    assert [tuple(where) for where in np.argwhere(data.x.reshape(3, shape[0], 2, 3, 4))] == [
        (0, 0, 0, 0, 0),
        (0, 1, 1, 2, 3),
        (2, 2, 0, 1, 1),
    ]
    assert (data.y is None) == (y is None)


def test_x_goes_before_events(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, **ROW)
    assert np.array_equal(load(tmp_path / "a.npz").x, X)
    with pytest.raises(Refusal, match="a.npz: has x, which is made of steps already; leave out step, shape$"):
        load(tmp_path / "a.npz", step=1, shape=(4,))


def without(name: str) -> dict:
    return {key: value for key, value in ROW.items() if key != name}


EVENTS_REFUSED = [
    (
        without("step"),
        "has events, but not how much time a step is; save it in the units of t with np.savez(..., step=1000)",
    ),
    (
        without("sensor_size"),
        "has events, but not their shape; save it with np.savez(..., sensor_size=(W, H, P))",
    ),
    (
        without("offsets"),
        "has events, but not where each sample begins; save it with np.savez(..., offsets=[0, ..., len(events)])",
    ),
    *(
        (
            ROW | {"offsets": offsets},
            "offsets must be integers that rise from 0 to the number of events, 3, one more than there are samples; "
            "events must be one row",
        )
        for offsets in ([0, 2], [0, 3, 2, 3], [1, 3], [3], 3, [0.0, 3.0], [[0, 3]], [-1, 3])
    ),
    (
        {"events_1": E, "events_2": E, "step": 10} | SIZE,
        "has 2 samples of events, but not events_0; number them from 0",
    ),
    (ROW | {"step": 0}, "step must be whole and positive, not 0"),
    (ROW | {"step": 1.5}, "step must be an integer, not float64 of the shape ()"),
    (ROW | {"sensor_size": 4}, "sensor_size must be a few integers, not int64 of the shape ()"),
    (ROW | {"shape": (-4, -6)}, "shape must be whole and positive, not -4"),
    (ROW | {"shape": (25,)}, "shape (25,) and the (2, 3, 4) of sensor_size differ in inputs; leave out one of them"),
    (
        ROW | {"events": E.astype(object)},
        "events holds Python objects, which are never unpickled; save it as an array of numbers",
    ),
    (
        ROW | {"events": np.zeros(3)},
        "sensor_size (4, 3, 2) has 3 for y, which is no field of the events; use 1",
    ),
    (
        ROW | {"sensor_size": (2, 3, 2)},
        "sample 0: x is in 0..3; the shape (2, 3, 2) takes 0..1: give the shape of the sensor, or leave such events "
        "out",
    ),
    (ROW | {"y": [1, 2]}, "y must have one class for each of the 3 samples, not the shape (2,)"),
]


@pytest.mark.parametrize(("arrays", "message"), EVENTS_REFUSED, ids=range(len(EVENTS_REFUSED)))
def test_events_refused(tmp_path: Path, arrays: dict, message: str) -> None:
    test_refused(tmp_path, arrays, message)


def test_all_samples_together_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "a.npz", **EACH)
    monkeypatch.setattr(files, "MAX_BYTES", 2 * E.itemsize)
    with pytest.raises(
        Refusal, match="events_2 declares 16 bytes, and 0 are the most that is read; save fewer samples"
    ):
        load(tmp_path / "a.npz")


def header(shape: tuple[int, ...], version: bytes = b"\x01\x00") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return stream.getvalue()[:6] + version + stream.getvalue()[8:]


BROKEN = [
    (
        header((1 << 20, 1 << 20, 64)),
        "x declares 562949953421312 bytes, and 4294967296 are the most that is read; save fewer samples",
    ),
    (header((1, 2, 3), b"\x03\x00"), "x has the .npy format (3, 0), which is not read; save it with np.savez"),
    (header((9, 9, 9)), "damaged .npz file; save the data again with np.savez"),
    (b"", "damaged .npz file; save the data again with np.savez"),
    (b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((", "damaged .npz file; save the data again with np.savez"),
]


@pytest.mark.parametrize(("member", "message"), BROKEN)
def test_broken_members(tmp_path: Path, member: bytes, message: str) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", member)
    with pytest.raises(Refusal) as refusal:
        load(path)
    assert str(refusal.value) == f"{path}: {message}"


def test_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="missing.npz: there is no such file$"):
        load(tmp_path / "missing.npz")
    with pytest.raises(Refusal, match=r": cannot be read \(Is a directory\)$"):
        load(tmp_path)
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(Refusal, match=r"x.npy: not an .npz file; save the data with np.savez$"):
        load(tmp_path / "x.npy")


IN, OUT = Population(name="in", shape=(4,)), Population(name="out", shape=(3,))
UNFIT = [
    (X, np.array([0, 2]), None),
    (X, np.array([0, 3]), "y has classes in 0..3; the 3 neurons of the output 'out' stand for 0..2: number them so"),
    (X, np.array([-1, 1]), "y has classes in -1..1; the 3 neurons of the output 'out' stand for 0..2: number them so"),
    (X[..., :3], None, "x has shape (2, 3, 3); the input 'in' needs (samples, steps, 4): save x in that shape"),
    (X + np.nan, None, "x has NaN or infinite values; save spikes (0 and 1) or small integers"),
]


@pytest.mark.parametrize(("x", "y", "message"), UNFIT)
def test_what_does_not_fit_a_network_names_the_file(
    tmp_path: Path, x: np.ndarray, y: np.ndarray | None, message: str | None
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=x, **({} if y is None else {"y": y}))
    if message is None:
        load(path).check(IN, OUT)
        return
    for data, start in ((load(path), f"{path}: "), (Data(x=x, y=y), "")):
        with pytest.raises(Refusal) as refusal:
            data.check(IN, OUT)
        assert str(refusal.value) == f"{start}{message}"


def test_every_truncation_and_many_damages_are_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).integers(0, 2, (4, 5, 6)), y=np.arange(4))
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for trial in range(300):
        damaged = bytearray(whole[: rng.integers(len(whole))] if trial % 2 else whole)
        for _ in range(3):
            damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8) if damaged else 0
        path.write_bytes(damaged)
        try:
            assert isinstance(load(path), Data)
        except Refusal:
            refused += 1
    assert refused > 200
    assert files.MAX_BYTES == 1 << 32

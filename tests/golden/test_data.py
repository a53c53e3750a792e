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

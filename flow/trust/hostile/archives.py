"""Zip archives of arrays (``.npz``, ``.loom``) with something wrong in them."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spikeloom.golden.network import loom
from spikeloom.trust.hostile.nasty import MARK, NAMES, NUMBERS, Rng, chance, json_text, pick, tree

__all__ = ["ARRAYS", "LOOM", "npz"]

BOMB_BYTES = 1 << 26
TYPES = (
    *("<i8", ">i8", "<u8", "|u1", "|i1", ">i2", "<f2", "<f4", ">f8", "<c16", "|b1", "|S3", "<U2", "<M8[s]", "|V5"),
    *("|O", "<f16", [("t", "<i8"), ("x", "<i8")], [("t", "<f4"), ("x", "|O")], [("t", "<i8", (3,)), ("x", "<u2")]),
)
Members = list[tuple[str, bytes]]


def npz(arrays: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def _unpacked(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def _packed(members: Members) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name.encode("utf-8", "replace").decode(), (1980, 1, 1, 0, 0, 0))
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _archive(change: Callable[[Rng, Members], Members]) -> Callable[[Rng, bytes], bytes]:
    """A change of the members as one of the file; what another change has left unreadable is damaged further."""

    def changed(rng: Rng, data: bytes) -> bytes:
        with warnings.catch_warnings():  # names that are there twice, numbers that are lost: all meant
            warnings.simplefilter("ignore")
            try:
                members = _unpacked(data)
                return _packed(change(rng, members) if members else members)
            except Exception:  # an earlier change has left something that cannot be read
                return data + b"PK"

    return changed


def _names(rng: Rng, members: Members) -> Members:
    at = int(rng.integers(len(members)))
    name = pick(rng, NAMES)[:60_000]
    members[at] = (name + pick(rng, ("", ".npy")), members[at][1])
    return members


def _members(rng: Rng, members: Members) -> Members:
    at = int(rng.integers(len(members)))
    what = int(rng.integers(5))
    if what == 0:
        del members[at]
    elif what == 1:  # twice, and differently
        members.append((members[at][0], pick(rng, members)[1]))
    elif what == 2:
        members += [(f"{pick(rng, NAMES)[:1000]}{n}.npy", rng.bytes(20)) for n in range(int(rng.integers(1, 2000)))]
    elif what == 3:
        members = []
    else:
        members.append((f"{MARK}", b"overwritten"))
    return members


def _directory(rng: Rng, data: bytes) -> bytes:
    """One field of the archive's directory, or of a member's own header: sizes, checksums, places, methods."""
    central = chance(rng, 0.7)
    sign = b"PK\x01\x02" if central else b"PK\x03\x04"
    starts = [at for at in range(len(data)) if data.startswith(sign, at)] or [0]
    fields = {6: 2, 8: 2, 10: 2, 16: 4, 20: 4, 24: 4, 28: 2, 30: 2, 38: 4, 42: 4}
    if not central:
        fields = {4: 2, 6: 2, 8: 2, 14: 4, 18: 4, 22: 4, 26: 2, 28: 2}
    offset, width = pick(rng, list(fields.items()))
    number = pick(rng, (0, 1, 8, 12, 14, 99, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 2, 2**32 - 1))
    changed = bytearray(data)
    at = pick(rng, starts) + offset
    changed[at : at + width] = (number % 2 ** (8 * width)).to_bytes(width, "little")
    return bytes(changed)


def _npy(descr: Any, fortran: Any, shape: Any, payload: bytes, version: tuple[int, int] = (1, 0)) -> bytes:
    header = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode("utf-8", "replace") + b"\n"
    length = len(header).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + length + header + payload


def _of_arrays(members: Members) -> list[int]:
    return [n for n, (name, _) in enumerate(members) if name.endswith(".npy")] or [0]


def _headers(rng: Rng, members: Members) -> Members:
    """What an array declares of itself."""
    at = pick(rng, _of_arrays(members))
    shapes = (
        *((2**40,), (2**62, 2**62), (-1,), (0,), (0, 2**60), (2**27,), (2**26, 8), (1,) * 33, (1,) * 70, ((1,),)),
        *((1.5,), "x", None, (10**400,), (True,), (2, 3, 4), (1 << 20, 1 << 12)),
    )
    payload = members[at][1][128:]
    what = int(rng.integers(5))
    descr, fortran, version = pick(rng, TYPES), pick(rng, (False, True, 2, None)), (1, 0)
    if what == 0:
        content = _npy("<i8", False, pick(rng, shapes), payload)
    elif what == 1:
        content = _npy(descr, fortran, (max(1, len(payload) // 8),), payload)
    elif what == 2:
        version = pick(rng, ((0, 0), (2, 0), (3, 0), (9, 9), (1, 7)))
        content = _npy("<i8", False, (1,), payload, version)
    elif what == 3:
        text = pick(rng, (b"{" * 5000, b"(" * 900, b"1" * 9000, b"__import__('os').mkdir('x')", b"\xff" * 50, b"{}"))
        content = b"\x93NUMPY\x01\x00" + min(len(text), 65535).to_bytes(2, "little") + text
    else:
        content = _npy(pick(rng, (["x"] * 3, {"names": 1}, "<i" * 100, "i8,i8", None, 5, ("<i8", 2**30))), 0, (1,), b"")
    members[at] = (members[at][0], content)
    return members


def _array(members: Members, at: int) -> np.ndarray:
    try:
        return np.load(io.BytesIO(members[at][1]), allow_pickle=False)
    except Exception:  # an earlier change may have left anything
        return np.arange(4)


def _saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    return stream.getvalue()


def _shapes(rng: Rng, members: Members) -> Members:
    at = pick(rng, _of_arrays(members))
    array = _array(members, at)
    changed = (
        lambda: array.ravel(),
        lambda: array[None],
        lambda: array[:0],
        lambda: array.T,
        lambda: np.asfortranarray(array),
        lambda: np.repeat(np.atleast_1d(array), 3, axis=-1),
        lambda: np.atleast_1d(array)[..., :-1],
        lambda: np.array(5),
        lambda: np.zeros((1, 1, 2000, 50), np.int8),
    )
    members[at] = (members[at][0], _saved(pick(rng, changed)()))
    return members


def _numbers(rng: Rng, members: Members) -> Members:
    """One number, or all of them, as numbers of any type."""
    at = pick(rng, _of_arrays(members))
    array = _array(members, at)
    number = pick(rng, NUMBERS)
    kinds = (np.float64, np.float32, np.int64, np.uint64, np.int8, np.bool_, np.complex128, np.float16, array.dtype)
    with np.errstate(all="ignore"):
        try:
            changed = array.astype(pick(rng, kinds))
            if chance(rng, 0.3):
                changed = np.full_like(changed, number)
            elif changed.size:
                changed.reshape(-1)[int(rng.integers(changed.size))] = number
        except (OverflowError, ValueError, TypeError):  # the number is none of this type
            changed = array.astype(">f8") if array.dtype.kind in "biuf" else array
    members[at] = (members[at][0], _saved(changed))
    return members


#: Unpickled, it makes a folder.
POISON = f"cos\nmkdir\n(S'{MARK}.unpickled'\ntR.".encode()


def _pickles(rng: Rng, members: Members) -> Members:
    at = int(rng.integers(len(members)))
    content = POISON if chance(rng, 0.3) else _npy("|O", False, (1,), POISON)
    members[at] = (members[at][0], content)
    return members


def _bombs(rng: Rng, members: Members) -> Members:
    """A few kilobytes that unpack to very many."""
    at = int(rng.integers(len(members)))
    head = b"" if chance(rng, 0.3) else _npy("|i1", False, (BOMB_BYTES >> 10, 1 << 10), b"")
    members[at] = (members[at][0], head + pick(rng, (bytes(BOMB_BYTES), b"[" * BOMB_BYTES)))
    return members


def _document(rng: Rng, members: Members) -> Members:
    """A network's document with one change, under a hash that is right again if the rest is."""
    found = dict(members)
    said = json.loads(found["network.json"]) if "network.json" in found else {}
    if not isinstance(said, dict):
        return members
    return _sealed(found, tree(rng, said))


def _weights(rng: Rng, members: Members) -> Members:
    """A network's arrays with one change, and the right hash."""
    found = dict(pick(rng, (_numbers, _shapes))(rng, members))
    return _sealed(found, json.loads(found["network.json"])) if "network.json" in found else members


def _sealed(found: dict[str, bytes], said: Any) -> Members:
    if isinstance(said, dict):
        try:
            arrays = {name: np.load(io.BytesIO(c), allow_pickle=False) for name, c in found.items() if name[-1] == "y"}
            said = said | {"hash": loom.digest({k: v for k, v in said.items() if k not in ("hash", "origin")}, arrays)}
        except Exception:  # then it is refused for more than its hash
            said = dict(said)
    return list((found | {"network.json": json.dumps(said).encode()}).items())


def _text(rng: Rng, members: Members) -> Members:
    found = dict(members)
    said = json.loads(found["network.json"]) if "network.json" in found else {}
    return list((found | {"network.json": json_text(rng, said)}).items())


ARRAYS = {
    "names of members": _archive(_names),
    "members": _archive(_members),
    "directory": _directory,
    "headers of arrays": _archive(_headers),
    "shapes": _archive(_shapes),
    "numbers": _archive(_numbers),
    "pickles": _archive(_pickles),
    "bombs": _archive(_bombs),
}
LOOM = ARRAYS | {
    "document": _archive(_document),
    "weights": _archive(_weights),
    "text of the document": _archive(_text),
}

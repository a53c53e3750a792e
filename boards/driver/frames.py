"""Bodies and frames as bytes: the declaration in ``boards.link.protocol``, COBS and CRC-32 by their libraries."""

import zlib
from dataclasses import dataclass

import numpy as np
from cobs import cobs

from spikeloom.boards.link.protocol import BODIES, CHIP_FIELDS, CRC_BYTES, HEADER_BYTES, LONGEST, SEQUENCES, Kind

__all__ = ["FromChip", "body", "decode", "encode", "flit_bytes", "flits", "parse", "words"]


@dataclass(frozen=True, kw_only=True)
class FromChip:
    """A frame from the chip; ``rest`` is the field of its kind."""

    kind: Kind
    sequence: int
    expected: int
    rest: bytes


def encode(body: bytes) -> bytes:
    """A whole frame, with the zero that ends it."""
    return cobs.encode(body + zlib.crc32(body).to_bytes(CRC_BYTES, "little")) + b"\0"


def decode(frame: bytes) -> bytes | None:
    """The body of what came between two zeros; None if it is damaged."""
    try:
        whole = cobs.decode(frame)
    except cobs.DecodeError:
        return None
    body, crc = whole[:-CRC_BYTES], whole[-CRC_BYTES:]
    sound = HEADER_BYTES + CRC_BYTES <= len(whole) <= LONGEST
    return body if sound and zlib.crc32(body).to_bytes(CRC_BYTES, "little") == crc else None


def body(kind: Kind, sequence: int, **values: int | bytes) -> bytes:
    """A body to the chip; what fills its rest is given as bytes."""
    fields = BODIES[kind].fields
    assert values.keys() == {field.name for field in fields}
    parts = [bytes((kind << 4 | sequence % SEQUENCES,))]
    for field in fields:
        value = values[field.name]
        parts.append(value if isinstance(value, bytes) else value.to_bytes(field.bytes or 0, "little"))
    return b"".join(parts)


def parse(body: bytes) -> FromChip | None:
    """A body from the chip; None if this end knows nothing like it."""
    start = HEADER_BYTES + len(CHIP_FIELDS)
    if len(body) < start or body[0] >> 4 not in (Kind.VALUES, Kind.DONE, Kind.SENT):
        return None
    kind, sequence = divmod(body[0], SEQUENCES)
    return FromChip(kind=Kind(kind), sequence=sequence, expected=body[1], rest=body[start:])


def words(data: bytes) -> np.ndarray:
    """32-bit words, of whole ones."""
    return np.frombuffer(data[: len(data) & ~3], "<u4")


def flit_bytes(flits: np.ndarray, width: int) -> bytes:
    """Flits, each in ``width`` bytes."""
    return flits.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width].tobytes()


def flits(data: bytes, width: int) -> np.ndarray:
    """Flits as uint64, of whole ones."""
    whole = np.frombuffer(data[: len(data) // width * width], np.uint8).reshape(-1, width)
    return np.pad(whole, ((0, 0), (0, 8 - width))).view("<u8").ravel()

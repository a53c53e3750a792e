"""Frames: what goes in comes out, as the declaration says, and nothing damaged does."""

import random
import zlib

import numpy as np
import pytest
from cobs import cobs

from spikeloom.boards.driver import frames
from spikeloom.boards.link.protocol import BODIES, CHIP_FIELDS, HEADER_BYTES, SEQUENCES, Kind

EXAMPLES = [bytes((Kind.READ << 4,)), bytes((Kind.SENT << 4, 0, 0)) + bytes(range(1, 40)), bytes(250), b"\x81" * 250]


@pytest.mark.parametrize("body", EXAMPLES, ids=len)
def test_frames_come_back(body):
    frame = frames.encode(body)
    assert frame.endswith(b"\0")
    assert 0 not in frame[:-1]
    assert len(frame) == len(body) + 6
    assert frames.decode(frame[:-1]) == body


def test_frames_that_are_too_short_or_too_long():
    for body in (b"", bytes(251)):
        assert frames.decode(frames.encode(body)[:-1]) is None


def damaged(frame: bytes, random: random.Random) -> bytes:
    """A frame with one kind of damage, never itself."""
    at, kind = random.randrange(len(frame)), random.randrange(5)
    if kind == 0:
        return frame[:at] + bytes((random.choice([b for b in range(1, 256) if b != frame[at]]),)) + frame[at + 1 :]
    if kind == 1:
        return frame[:at]
    if kind == 2:
        return frame[:at] + frame[at : at + 1] + frame[at:]
    if kind == 3:
        return frame[:at] + frame[at + 1 :]
    return bytes(random.randrange(1, 256) for _ in range(random.randint(1, 250)))


def test_of_ten_thousand_corrupted_frames_none_is_accepted():
    source, accepted = random.Random(1), 0
    for number in range(10_000):
        frame = frames.encode(EXAMPLES[number % len(EXAMPLES)])[:-1]
        spoilt = damaged(frame, source)
        # Two equal neighbours: one of them lost or doubled elsewhere may give the frame that was sent.
        accepted += spoilt != frame and frames.decode(spoilt) is not None
    assert accepted == 0


def test_the_check_would_see_one_accepted():
    body = EXAMPLES[1]
    assert frames.decode(cobs.encode(body + zlib.crc32(body).to_bytes(4, "little"))) == body


def test_bodies_are_as_declared():
    assert frames.body(Kind.READ, 18, address=0x80000001, marks=b"xyz") == b"\x12\x01\0\0\x80xyz"
    assert frames.body(Kind.WRITE, 1, address=2, words=b"abcd") == b"\x21\x02\0\0\0abcd"
    assert frames.body(Kind.EVENTS, 9, flits=b"xyz") == b"\x59xyz"
    with pytest.raises(AssertionError):
        frames.body(Kind.EVENTS, 9)


def test_bodies_from_the_chip():
    answer = frames.parse(bytes((Kind.VALUES << 4 | 5, 6)) + b"abcd")
    assert (answer.kind, answer.sequence, answer.expected) == (Kind.VALUES, 5, 6)
    assert frames.words(answer.rest).tolist() == [0x64636261]
    assert [field.name for field in CHIP_FIELDS] == ["expected"]
    assert (HEADER_BYTES, SEQUENCES) == (1, 16)
    assert frames.parse(b"\x90") is None
    assert frames.parse(b"\x10\0\0\0") is None
    assert all(frames.parse(bytes((kind << 4, 0))) for kind in BODIES if kind & 8)


@pytest.mark.parametrize("width", range(1, 9))
def test_flits_in_as_few_bytes_as_they_need(width):
    flits = np.array([0, 1, (1 << 8 * width) - 1, 0x8070605040302010 & (1 << 8 * width) - 1], np.uint64)
    data = frames.flit_bytes(flits, width)
    assert len(data) == 4 * width
    assert data[width] == 1
    assert (frames.flits(data, width) == flits).all()
    assert len(frames.flits(data[:-1], width)) == 3 + (width == 0)

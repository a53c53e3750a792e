"""The host link, declared once: the gateware, the driver and the documentation are made from this module.

A pipe carries bytes both ways. A frame is a body and its CRC-32 (as of Ethernet, zlib and PNG; little endian), encoded
with COBS and ended by a byte 0. An empty frame means nothing, so a sender may put a 0 in front of a frame, and an idle
pipe may carry zeros. All numbers are little endian.

A body's first byte is its kind (bits 7:4) and its sequence (bits 3:0). Then come the fields of its kind, and in a body
from the chip, ``expected`` before them. Body and CRC together have at most ``slot_bytes`` (to the chip) or 254 bytes
(from it). A frame that is damaged, too long, or not complete when the pipe has been silent for :data:`TIMEOUT_SECONDS`
is dropped and counted.

What fills a body's rest is a whole number of its elements; what is left over may do anything there.

**Control** (``READ``, ``WRITE``). The host has one such frame on its way at a time; the answer repeats its sequence. A
request or an answer that is lost is asked for again. Control is carried out between two flits, and never waits for
the network or for data; its answer waits for at most two frames that are already made.

**Data** (``LOAD``, ``EVENTS``) are carried out in the order of their sequence numbers, which count modulo 16. Every
frame from the chip says which number it expects next; those before are carried out. The host may be ``window`` frames
ahead: it sends while ``sequence - expected < window``. A data frame out of turn is dropped and counted, and the chip
says again what it expects: the host sends again from there. So nothing is lost, doubled or reordered.

**Events from the chip** come in ``SENT`` frames, whose sequence counts modulo 16, also those without any flit, which
only bring news of ``expected``. A gap in these numbers says that events were lost on the way. An answer comes after all
events that were sent before it was carried out.
"""

from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "BODIES",
    "CHIP_FIELDS",
    "CRC_BYTES",
    "HEADER_BYTES",
    "IDENTITY",
    "LONGEST",
    "PAGE",
    "REGISTERS",
    "SEQUENCES",
    "TIMEOUT_SECONDS",
    "VERSION",
    "Body",
    "Field",
    "Kind",
    "Register",
]

VERSION = 1
CRC_BYTES = 4
#: Kind and sequence share a byte.
HEADER_BYTES = 1
#: Sequences are numbers modulo this.
SEQUENCES = 16
#: Body and CRC. Up to here COBS adds one byte, and its code 255 is nothing special: only a frame's last can be that.
LONGEST = 254
#: Longer than a USB adapter holds back the rest of a frame.
TIMEOUT_SECONDS = 0.05


class Kind(IntEnum):
    """Bits 1:0: read or events (1), write (2). Bit 2: data, not control. Bit 3: from the chip."""

    READ = 0b0001
    WRITE = 0b0010
    LOAD = 0b0110
    EVENTS = 0b0101
    VALUES = 0b1001
    DONE = 0b1010
    SENT = 0b1101


@dataclass(frozen=True, kw_only=True)
class Field:
    """bytes: its width, or that of each of its elements where it fills the rest of the body; None: flit_bytes."""

    name: str
    bytes: int | None
    about: str
    rest: bool = False


@dataclass(frozen=True, kw_only=True)
class Body:
    kind: Kind
    about: str
    fields: tuple[Field, ...]


_ADDRESS = Field(
    name="address", bytes=4, about="of a word: of the accelerator's map, or, in control, with bit 31 of the link's page"
)
_WORDS = Field(name="words", bytes=4, about="what is written from the address on", rest=True)
_FLITS = "flits, each in as few bytes as its bits need"

#: After these, a body from the chip has the fields of its kind.
CHIP_FIELDS = (Field(name="expected", bytes=1, about="sequence that the next data frame must have"),)

BODIES = {
    body.kind: body
    for body in (
        Body(
            kind=Kind.READ,
            about="read words",
            fields=(
                _ADDRESS,
                Field(name="marks", bytes=1, about="a byte of any value for each word to read, at most 62", rest=True),
            ),
        ),
        Body(kind=Kind.WRITE, about="write words", fields=(_ADDRESS, _WORDS)),
        Body(kind=Kind.LOAD, about="write words, as data", fields=(_ADDRESS, _WORDS)),
        Body(
            kind=Kind.EVENTS,
            about="put flits into the accelerator",
            fields=(Field(name="flits", bytes=None, about=_FLITS, rest=True),),
        ),
        Body(
            kind=Kind.VALUES,
            about="answer to READ",
            fields=(Field(name="words", bytes=4, about="what was read", rest=True),),
        ),
        Body(kind=Kind.DONE, about="answer to WRITE", fields=()),
        Body(
            kind=Kind.SENT,
            about="flits that the accelerator sent",
            fields=(Field(name="flits", bytes=None, about=_FLITS, rest=True),),
        ),
    )
}

#: Bit of an address that asks for the link's page.
PAGE = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Register:
    """A word of the link's page."""

    name: str
    address: int
    access: str
    about: str


REGISTERS = {
    r.name: r
    for r in (
        Register(
            name="identity",
            address=0,
            access="rw",
            about="read: 0x4D4F4F4C, 'LOOM'. Write bit 0: forget the data frames that are not carried out, and expect "
            "sequence 0 next; bit 1: clear the counters",
        ),
        Register(
            name="protocol",
            address=1,
            access="r",
            about="bits 7:0 version, 15:8 window, 23:16 slot_bytes, 31:24 flit_bytes",
        ),
        Register(name="hardware", address=2, access="r", about="hash of the accelerator's parameters"),
        Register(name="built", address=3, access="r", about="hash of the network that the bitstream was built with"),
        Register(name="clock_hz", address=4, access="r", about="the accelerator's clock"),
        Register(
            name="network",
            address=6,
            access="rw",
            about="hash of the network that the host has loaded; 0: none since power-up, 1: not all of it",
        ),
        Register(
            name="dropped",
            address=7,
            access="r",
            about="frames dropped: damaged, cut off, too long, out of turn, or without room; modulo 2**16",
        ),
    )
}
#: 'LOOM', its first letter in the lowest byte.
IDENTITY = 0x4D4F4F4C

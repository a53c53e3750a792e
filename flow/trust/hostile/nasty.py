"""Values that programs stumble over, and documents (of JSON, of YAML) with one of their parts changed."""

import copy
import json
from collections.abc import Sequence
from tempfile import gettempdir
from typing import Any, TypeVar

import numpy as np

__all__ = ["MARK", "NAMES", "NUMBERS", "Rng", "chance", "json_text", "octets", "pick", "tree"]

Rng = np.random.Generator
T = TypeVar("T")

#: A file beside the case's folder that nobody may touch or make.
MARK = "../outside/precious.txt"
NUMBERS: tuple[float, ...] = (
    *(0, 1, -1, 2, 3, 7, 8, 16, 17, 64, 100, 127, 128, 255, 256, 1000, 4096, 65535, 65536),
    *(2**25, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 10**400),
    *(0.5, -0.5, 1e-30, 5e-324, 1e30, 1e308, float("nan"), float("inf"), float("-inf"), -0.0),
)
NAMES = (
    *("", " ", ".", "..", "/", "a/b", MARK, f"{gettempdir()}/spikeloom-outside", "C:\\x", "x" * 300, "x" * 70_000),
    *("\0", "a\0b", "\x1b[31mred", "a\nb", "\r", "\t", "\x7f", "\u202eabc", "\ufeff", "\ud800", "é", "名", "🧵"),
    *("[bold]x[/bold]", "<script>alert(1)</script>", "{{7*7}}", "%s%n", "$(id)", "`id`", "'; --", "a -> b", "core0"),
    *("input", "output", "__class__", "constructor", "NaN", "null", "-o", "--help"),
)
SHAPES: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    [{}],
    [1, 2],
    ["a"],
    {"a": 1},
    {"": None},
    [None],
    [[1], [2]],
)


def pick(rng: Rng, values: Sequence[T]) -> T:
    return values[int(rng.integers(len(values)))]


def chance(rng: Rng, share: float) -> bool:
    return bool(rng.random() < share)


def value(rng: Rng) -> Any:
    return copy.deepcopy(pick(rng, pick(rng, (NUMBERS, NAMES, SHAPES))))


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) within."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        here = waiting.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
        found += [(here, key) for key in keys]
        waiting += [here[key] for key in keys]
    return found


def tree(rng: Rng, document: Any) -> Any:
    """The document with one change: of a value, of its kind, of a name, of what is there."""
    document = copy.deepcopy(document)
    places = _places(document)
    if not places:
        return value(rng)
    # First any depth, so that the many entries of a long list do not hide the few fields above.
    names = list(dict.fromkeys(str(key) if isinstance(key, str) else "" for _, key in places))
    name = pick(rng, names)
    where, key = pick(rng, [p for p in places if (str(p[1]) if isinstance(p[1], str) else "") == name])
    old = where[key]
    what = int(rng.integers(8))
    if what == 0:
        del where[key]
    elif what == 1 and isinstance(where, dict):
        where[pick(rng, NAMES)] = where.pop(key)
    elif what == 2 and isinstance(where, list):
        where.insert(key, copy.deepcopy(old))
    elif what == 3:
        other, place = pick(rng, places)
        where[key] = copy.deepcopy(other[place]) if place in _keys(other) else value(rng)
    elif what in (4, 5) and isinstance(old, int | float) and not isinstance(old, bool):
        where[key] = pick(rng, (old + 1, old - 1, -old, old * 2, old * 1000, old // 2, str(old), float(old), [old]))
    elif what == 6 and isinstance(where, dict):
        where[pick(rng, NAMES)] = value(rng)
    else:
        where[key] = value(rng)
    return document


def _keys(container: Any) -> Any:
    return container if isinstance(container, dict) else range(len(container))


def json_text(rng: Rng, document: Any) -> bytes:
    """A document as JSON that is a little wrong as text."""
    text = json.dumps(document)
    return pick(
        rng,
        (
            lambda: b"\xef\xbb\xbf" + text.encode(),
            lambda: text.encode("utf-16"),
            lambda: b"[" * 100_000,
            lambda: b'{"a":' * 20_000,
            lambda: text.replace("1", "1" * 5000, 1).encode(),
            lambda: text.replace(":", ': NaN, "x":', 1).encode(),
            lambda: (text[:-1] + ", " + text[1:]).encode(),
            lambda: text.replace('"', '"\\ud800', 1).encode(),
            lambda: text.encode() + b"\xff\xfe",
            lambda: text.encode() * 2,
            lambda: text.replace("0", "1e999", 1).encode(),
            lambda: b"",
            lambda: b"null",
            lambda: b"[]",
            lambda: b"{}",
            lambda: b'"' + b"a" * 100_000 + b'"',
        ),
    )()


def octets(rng: Rng, data: bytes) -> bytes:
    """Bytes flipped, overwritten with telling numbers, cut off, taken out, put in, or moved."""
    changed = bytearray(data)
    size = len(changed)
    if not size:
        return rng.bytes(16)
    at, length = int(rng.integers(size)), int(rng.integers(1, 1 + min(size, 2 ** int(rng.integers(1, 12)))))
    what = int(rng.integers(7))
    if what == 0:
        for _ in range(int(rng.integers(1, 9))):
            changed[int(rng.integers(size))] ^= 1 << int(rng.integers(8))
    elif what == 1:
        number = pick(rng, (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1))
        width = pick(rng, (1, 2, 4, 8))
        changed[at : at + width] = (number % 2 ** (8 * width)).to_bytes(width, "little")
    elif what == 2:
        del changed[at:]
    elif what == 3:
        del changed[at : at + length]
    elif what == 4:
        changed[at:at] = rng.bytes(length)
    elif what == 5:
        start = int(rng.integers(size))
        changed[at : at + length] = changed[start : start + length]
    else:
        changed[at : at + length] = bytes(length)
    return bytes(changed)

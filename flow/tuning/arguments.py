"""What a search may be told: of which kind it is, and within which bounds."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from numbers import Integral
from pathlib import Path
from types import NoneType
from typing import Any

from spikeloom.golden.network import Refusal

__all__ = ["check", "words"]

PATH, NUMBERED = (str, Path), 10**9
KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "model": (PATH, "a path"),
    "board": ((str,), "a board's name"),
    "output": (PATH, "a path"),
    "space": ((*PATH, Mapping, NoneType), "a path or a dictionary"),
    "train": ((str, NoneType), "a text like my_training:train"),
    "storage": ((*PATH, NoneType), "the URL of a database"),
    "executor": ((str, Executor), "local, dask://HOST:PORT or an executor of concurrent.futures"),
    "costs": ((*PATH, NoneType), "a path"),
    "progress": ((Callable, NoneType), "a function"),  # type: ignore[dict-item]
}
#: Designs take minutes each to build, and worker processes memory.
BOUNDS = {
    "trials": (1, NUMBERED),
    "settle": (0, NUMBERED),
    "calibrate": (0, 1000),
    "seed": (0, (1 << 32) - 1),
    "workers": (1, 1000),
}


def check(**given: Any) -> None:
    """Refuse arguments of another kind, and numbers beyond their bounds."""
    for name, value in given.items():
        if name in KINDS:
            kinds, what = KINDS[name]
            if not isinstance(value, kinds):
                raise Refusal(f"{name} is {what}, not {value!r}")
            if isinstance(value, PATH) and "\0" in str(value):
                raise Refusal(f"{name} has a NUL in it: {value!r}")
        else:
            low, high = BOUNDS[name]
            if not (isinstance(value, Integral) and low <= value <= high):
                raise Refusal(f"{name} is a whole number in {low}..{high}, not {value!r}")


def words(name: str, given: Any) -> Sequence[str]:
    """A text, or several."""
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list | tuple) or not all(isinstance(word, str) for word in found):
        raise Refusal(f"{name} is a text or a list of texts, not {given!r}")
    return found

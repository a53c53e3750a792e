"""Reading the YAML files that people write: a mapping of names, whatever else the file may be."""

import reprlib
from collections import Counter
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from spikeloom.golden.network import Refusal

__all__ = ["read", "shown"]

MAX_FILE_BYTES = 1 << 20


class _Loader(yaml.SafeLoader):
    """YAML itself forbids a key twice; PyYAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = [key for key, count in Counter(keys).items() if count > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read(path: Path, what: str, example: str) -> dict[str, Any]:
    """The fields of a file, none of them empty; :class:`Refusal` for any other file.

    what: as in "a configuration", and an ``example`` of a line of it.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
        if len(text) > MAX_FILE_BYTES:
            raise Refusal(f"{path}: {what} has at most {MAX_FILE_BYTES} bytes")
        values = yaml.load(text, _Loader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Refusal(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    # PyYAML's own for numbers, dates and tags that are not what they say.
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
        raise Refusal(f"{path}: not YAML (a value that cannot be read: {error})") from None
    if not isinstance(values, dict | None):
        raise Refusal(f"{path}: {what} is a mapping like '{example}', not {shown(values)}")
    values = values or {}
    if odd := [key for key in values if not isinstance(key, str)]:
        raise Refusal(f"{path}: fields have names, as in '{example}'; {shown(odd[0])} is not one")
    if empty := [key for key, value in values.items() if value is None]:
        raise Refusal(f"{path}: {empty[0]} has no value; give one, or leave it out")
    return values


def shown(value: object) -> str:
    """A value in a few words, however large it is: aliases of YAML make very much of a few lines."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxother = 2, 80, 80
    try:
        return short.repr(value)
    except ValueError:  # Python does not write numbers of thousands of digits
        return "a number of very many digits"

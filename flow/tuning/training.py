"""A user's own training: a function that makes other models of the same task, such as smaller or pruned ones."""

import contextlib
import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spikeloom.golden.network import Refusal
from spikeloom.tuning.space import label

__all__ = ["find", "trained"]


def find(name: str) -> Callable[..., Any]:
    """``module:function``, where the module may be in the present folder."""
    module, _, function = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise Refusal(f"train {name!r}: cannot be imported ({error}); it is like my_training:train") from None


def trained(name: str, choices: Mapping[str, Any]) -> bytes:
    """The .nir file that the function returns the path of, given the choices by name."""
    said = ", ".join(f"{key}={label(value)}" for key, value in choices.items())
    try:
        with contextlib.redirect_stdout(sys.stderr):  # results alone go to standard output
            path = Path(find(name)(**choices))
        return path.read_bytes()
    except Refusal:
        raise
    except Exception as error:  # whatever a user's function raises
        text = " ".join(str(error).split())[:300]
        raise Refusal(f"train {name}({said}) raised {type(error).__name__}: {text}") from None

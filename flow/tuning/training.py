"""A user's own training: a function that makes other models of the same task, such as smaller or pruned ones."""

import contextlib
import hashlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spikeloom.golden import nir_file
from spikeloom.golden.network import Refusal
from spikeloom.tuning.space import label

__all__ = ["code", "find", "trained"]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What is said meanwhile, by child processes too, goes to standard error: on standard output are results alone."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def find(name: str) -> Callable[..., Any]:
    """``module:function``, where the module may be in the present folder."""
    module, _, function = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        with _quiet():
            return getattr(importlib.import_module(module), function)
    except (Exception, SystemExit) as error:  # whatever a user's module does
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise Refusal(f"train {name!r}: cannot be imported ({text}); it is like my_training:train") from None


def code(name: str) -> str:
    """Hash of the file that the function is in, not of what it imports."""
    module = sys.modules[getattr(find(name), "__module__", None) or name.partition(":")[0]]
    path = getattr(module, "__file__", None)
    try:
        content = Path(path).read_bytes() if path else b""
    except OSError:
        content = b""
    return hashlib.sha256(content).hexdigest()


def trained(name: str, choices: Mapping[str, Any]) -> bytes:
    """The .nir file that the function returns the path of, given the choices by name."""
    said = ", ".join(f"{key}={label(value)}" for key, value in choices.items())
    try:
        with contextlib.chdir("."):  # back from wherever the function goes
            with _quiet():
                path = Path(find(name)(**choices))
            nir_file.read(path)
            return path.read_bytes()
    except Refusal as refusal:
        raise Refusal(f"train {name}({said}): {refusal}") from None
    except (Exception, SystemExit) as error:  # whatever a user's function raises
        text = " ".join(str(error).split())[:300]
        raise Refusal(f"train {name}({said}) raised {type(error).__name__}: {text}") from None

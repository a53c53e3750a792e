"""What was measured once is kept, so that an interrupted ``make bench`` goes on where it stopped."""

import ast
import hashlib
import importlib
import inspect
import json
import os
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from spikeloom.bench.results import versions
from spikeloom.files import new_file
from spikeloom.golden.network import Refusal

__all__ = ["Cache", "digest", "reached", "sources"]

CODE = {".py", ".sv", ".cpp"}
BESIDE = {".sv", ".cpp", ".h", ".v"}
PROJECT = __name__.partition(".")[0]


def digest(value: Any) -> str:
    """SHA-256 (hex) of an array, or of anything that JSON can hold."""
    if isinstance(value, np.ndarray):
        return hashlib.sha256(f"{value.dtype.str}{value.shape}".encode() + value.tobytes()).hexdigest()
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _meaning(text: str) -> str:
    """A source text without comments and layout."""
    return ast.dump(ast.parse(textwrap.dedent(text)))


@cache
def sources(name: str) -> str:
    """Hash of the code of a package or module."""
    module: ModuleType = importlib.import_module(name)
    if not hasattr(module, "__path__"):
        return digest(_meaning(Path(str(module.__file__)).read_text("utf-8")))
    texts = {}
    for folder in map(Path, module.__path__):
        for path in folder.rglob("*"):
            if path.suffix in CODE:
                text = path.read_text("utf-8")
                texts[str(path.relative_to(folder))] = _meaning(text) if path.suffix == ".py" else text
    return digest(texts)


def reached(name: str) -> dict[str, str]:
    """Hashes of a module and of all of the project's code that it reaches: modules that it imports, or names in a text
    as what another process runs, and what is not Python in the rooms of these."""
    todo, found = [name], dict[str, str]()
    while todo:
        module = todo.pop()
        if module not in found and (path := _python(module)):
            found[module], names = _read(path)
            todo += names
            todo += [module.rpartition(".")[0]]
    for room in {".".join(module.split(".")[:2]) for module in found}:
        for folder in map(Path, getattr(importlib.import_module(room), "__path__", ())):
            others = (path for path in folder.rglob("*") if path.suffix in BESIDE)
            found |= {f"{room}/{path.relative_to(folder)}": digest(path.read_text("utf-8")) for path in others}
    return found


@cache
def _python(module: str) -> Path | None:
    """A module's file; None for what is no module of the project, and for the project as a whole, which names all."""
    if not module.startswith(f"{PROJECT}.") or not all(word.isidentifier() for word in module.split(".")):
        return None
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # such as a class in a module
        return None
    return Path(spec.origin) if spec and str(spec.origin).endswith(".py") else None


@cache
def _read(path: Path) -> tuple[str, list[str]]:
    """A file's hash, and what it imports or may name as a module."""
    tree, names = ast.parse(path.read_text("utf-8")), set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=several):
                names |= {one.name for one in several}
            case ast.ImportFrom(module=str(module), names=several):
                names |= {module, *(f"{module}.{one.name}" for one in several)}
            case ast.Constant(value=str(text)):
                names.add(text)
    return digest(ast.dump(tree)), sorted(names)


def cache_folder() -> Path:
    """Where measurements are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spikeloom" / "bench"


class Cache:
    """Values under the hash of all that they depend on.

    again: measure even what is known, once in this cache's life. without: name of a measurement that is not to be made
    now -> what to say where it is not known.
    """

    def __init__(
        self, folder: Path | None = None, *, again: bool = False, without: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder or cache_folder()
        self.again = again
        self.without = without or {}
        self.made: set[Path] = set()

    def remember(self, make: Callable[[], Any], **depends: Any) -> Any:
        """``make()`` as JSON holds it. depends: what the result depends on beside ``make``'s own code and the versions
        of the tools, as values or as hashes."""
        source = digest(_meaning(inspect.getsource(make)))
        what = {"make": make.__name__, "source": source, "versions": versions(), **depends}
        what = json.loads(json.dumps(what))  # as it will be read back
        path = self.folder / f"{make.__name__}-{digest(what)[:32]}.json"
        if not self.again or path in self.made or make.__name__ in self.without:
            try:
                known = json.loads(path.read_text("utf-8"))
                if known["what"] == what:
                    return known["value"]
            except (OSError, ValueError, KeyError, TypeError):
                pass  # not there, or not whole: measured again
        if make.__name__ in self.without:
            raise Refusal(self.without[make.__name__])
        known = {"what": what, "value": make()}
        text = json.dumps(known, indent=1)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with new_file(path) as partial:
                partial.write_text(text, "utf-8")
        except OSError as error:
            raise Refusal(
                f"{self.folder}: cannot be written ({error.strerror}); name another in XDG_CACHE_HOME"
            ) from None
        self.made.add(path)
        return json.loads(text)["value"]

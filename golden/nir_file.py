"""A .nir file as plain records. The file is hostile until checked.

What is refused, and why, is in ``nir_child``. It opens the file in a process of its own, since libhdf5 itself crashes
and hangs on some damaged files; how much time and memory that may take is decided here. The answer comes back as
plain data (JSON and arrays in a zip archive), believed no more than the file was. What the nodes mean is not decided
here.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from spikeloom.golden import npz
from spikeloom.golden.network import Refusal

__all__ = ["Graph", "Limits", "Node", "read"]

MAX_BYTES = 1 << 30
MAX_DEPTH = 16
MAX_OBJECTS = 100_000
#: Names and texts of a file together, as JSON.
MAX_TEXT_BYTES = 1 << 26
MAX_SECONDS = 20
MAX_MEMORY_BYTES = 1 << 32
SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: What the interpreter runs, and the exit code by which that says that it could not write its answer.
READER = ("-m", "spikeloom.golden.nir_child")
UNWRITTEN = 74


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one file may cost. ``memory_bytes`` and ``seconds`` (of the processor) are of the process that reads it."""

    bytes: int
    depth: int
    objects: int
    text_bytes: int
    memory_bytes: int
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node: its type's name and its fields, numbers as arrays and text as str. A sub-graph has a ``graph``."""

    name: str
    type: str
    fields: Mapping[str, np.ndarray | str] = field(default_factory=dict)
    graph: "Graph | None" = None


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Nodes by name and edges by the names of their ends. ``version`` is the nir that wrote the file, if it says so."""

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]
    version: str = ""


def read(path: str | Path) -> Graph:
    """Read a .nir file; :class:`Refusal` for anything else."""
    path = Path(path)
    try:
        _check(path)
        return _read(path)
    except Refusal as refusal:
        raise Refusal(f"{path}: {refusal}") from None


def _check(path: Path) -> None:
    """Refuse what needs no process to be refused."""
    if not path.exists():
        raise Refusal("there is no such file")
    if not path.is_file():
        raise Refusal("not a file")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Refusal(f"{path.stat().st_size} bytes are more than the {MAX_BYTES} that are read")
        with path.open("rb") as file:
            if file.read(len(SIGNATURE)) != SIGNATURE:
                raise Refusal("not an HDF5 file, so not a .nir file; export the model with nir.write")
    except OSError as error:
        raise Refusal(f"cannot be read ({error.strerror or error})") from None


def _read(path: Path) -> Graph:
    limits = Limits(
        bytes=MAX_BYTES,
        depth=MAX_DEPTH,
        objects=MAX_OBJECTS,
        text_bytes=MAX_TEXT_BYTES,
        memory_bytes=MAX_MEMORY_BYTES,
        seconds=MAX_SECONDS,
    )
    # Finds what this process found, but for the working directory, where anybody's `json.py` may lie.
    python = [sys.executable, "-I" if sys.flags.isolated else "-P"]
    # No plugins, and one thread: each one more costs time to start and memory to reserve.
    surroundings = {**os.environ, "HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                [*python, *READER, json.dumps(asdict(limits)), path],
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=errors,
                env=surroundings,
            )
        except OSError as error:
            raise Refusal(f"{python[0]}, which is to read it, does not start ({error.strerror or error})") from None
        try:
            code = process.wait(MAX_SECONDS)
        except subprocess.TimeoutExpired:
            raise _damaged(f"reading it takes more than {MAX_SECONDS} s") from None
        finally:  # also after KeyboardInterrupt
            process.kill()
            process.wait()
        if code:
            raise _end(code, errors)
        return _unpack(answer)


def _unpack(answer: IO[bytes]) -> Graph:
    try:
        with zipfile.ZipFile(answer) as archive:
            return _Answer(archive).graph()
    except Refusal:
        raise
    except MemoryError:
        raise _damaged("reading it takes more memory than there is") from None
    except (zipfile.BadZipFile, struct.error, OSError, RecursionError, *npz.DAMAGE):
        raise _damaged("reading it gives nonsense") from None


def _damaged(text: str) -> Refusal:
    return Refusal(f"damaged or truncated HDF5 file ({text}); export the model again")


def _end(code: int, errors: IO[bytes]) -> Refusal:
    """What it means that the process ended with ``code`` instead of an answer."""
    if code == -getattr(signal, "SIGXCPU", 0):
        return _damaged(f"reading it takes more than {MAX_SECONDS} s")
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return _damaged(f"reading it crashed with {name}")
    if code == UNWRITTEN:
        return Refusal(f"{tempfile.gettempdir()} has no room for its numbers; make room or set TMPDIR")
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - 500))
    last = _printable(errors.read().decode(errors="replace").strip().rpartition("\n")[2])
    return Refusal(
        f"the process that reads it ended with {code} ({last or 'and said nothing'}); if that is not about "
        "this file, install Spikeloom again"
    )


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:5000])


class _Answer:
    """The archive that ``nir_child`` writes. Anything unexpected is one of the errors that :func:`_unpack` expects."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.bytes = MAX_BYTES

    def graph(self) -> Graph:
        if self.archive.getinfo("answer.json").file_size > MAX_TEXT_BYTES:
            raise ValueError
        match json.loads(self.archive.read("answer.json")):
            case {"refusal": str(text)}:
                raise Refusal(_printable(text))
            case {"graph": dict(graph)}:
                return self._graph(graph)
        raise ValueError

    def _graph(self, given: dict[str, Any]) -> Graph:
        match given:
            case {"version": str(version), "nodes": dict(nodes), "edges": list(edges)}:
                return Graph(
                    nodes={name: self._node(name, node) for name, node in nodes.items()},
                    edges=tuple(self._edge(edge) for edge in edges),
                    version=version,
                )
        raise ValueError

    def _edge(self, given: Any) -> tuple[str, str]:
        match given:
            case [str(source), str(target)]:
                return source, target
        raise ValueError

    def _node(self, name: str, given: Any) -> Node:
        match given:
            case {"type": str(kind), "graph": dict(graph)}:
                return Node(name=name, type=kind, graph=self._graph(graph))
            case {"type": str(kind), "fields": dict(fields)}:
                return Node(name=name, type=kind, fields={key: self._field(value) for key, value in fields.items()})
        raise ValueError

    def _field(self, value: Any) -> np.ndarray | str:
        """Text, or the number of an array."""
        if isinstance(value, str):
            return value
        array = npz.read_array(self.archive, f"{value}.npy", self.bytes)
        if array.dtype.kind not in "biuf":
            raise ValueError
        self.bytes -= array.nbytes
        return array

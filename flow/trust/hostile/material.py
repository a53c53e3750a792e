"""The files of a case: what they hold, how they get into a folder, and how a case that failed is kept."""

import base64
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Case", "Content", "Link", "Pipe", "load", "write"]


@dataclass(frozen=True)
class Link:
    """A symbolic link, and where it leads."""

    to: str


@dataclass(frozen=True)
class Pipe:
    """A named pipe, into which nobody ever writes."""


Content = bytes | Link | Pipe


@dataclass(frozen=True, kw_only=True)
class Case:
    """Files by their names in a folder, and the road that they go. change: what was done to them; times: how often."""

    kind: str
    road: str
    files: Mapping[str, Content]
    change: str = ""
    times: int = 1
    number: int = 0

    @property
    def bytes(self) -> int:
        return sum(len(content) for content in self.files.values() if isinstance(content, bytes))

    def save(self, path: Path, why: str) -> None:
        """As one JSON document, with what came of it."""
        document = {
            "kind": self.kind,
            "road": self.road,
            "change": self.change,
            "why": why,
            "files": {name: _packed(content) for name, content in self.files.items()},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def load(path: Path) -> Case:
    """What :meth:`Case.save` wrote."""
    document = json.loads(path.read_text("utf-8"))
    files = {name: _unpacked(content) for name, content in document["files"].items()}
    return Case(kind=document["kind"], road=document["road"], change=document["change"], files=files)


def _packed(content: Content) -> dict[str, Any]:
    if isinstance(content, Link):
        return {"link": content.to}
    if isinstance(content, Pipe):
        return {"pipe": True}
    try:
        text = content.decode("ascii")
        return {"text": text} if len(text) < 4096 else {"packed": _pack(content)}
    except UnicodeDecodeError:
        return {"packed": _pack(content)}


def _pack(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _unpacked(given: Mapping[str, Any]) -> Content:
    match given:
        case {"link": to}:
            return Link(to)
        case {"pipe": _}:
            return Pipe()
        case {"text": text}:
            return text.encode("ascii")
    return zlib.decompress(base64.b64decode(given["packed"]))


def write(files: Mapping[str, Content], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.to)
        elif isinstance(content, Pipe):
            os.mkfifo(path)
        else:
            path.write_bytes(content)

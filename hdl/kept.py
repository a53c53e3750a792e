"""What takes long to make is kept in the user's cache, under a hash of all that it is made of."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["ENTRY", "Kept", "Made", "cache_folder", "file_hash", "key_of"]

T = TypeVar("T")
#: Files, and facts about them.
Made = tuple[list[Path], dict[str, Any]]

ENTRY = "entry.json"


def cache_folder() -> Path:
    """The user's, for all that is kept of Spikeloom."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spikeloom"


def file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def key_of(made_of: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Folders of one kind, each a key and the files that were made under it.

    What is damaged counts as not there. Beyond ``most_bytes`` the least recently used go. What cannot be read or
    written raises :class:`OSError`.
    """

    kind: str
    most_bytes: int

    @property
    def folder(self) -> Path:
        return cache_folder() / self.kind

    @contextlib.contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Whoever else wants this key waits."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{key}.lock"
        while True:
            with path.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _still(file.fileno(), path):
                    yield
                    return

    def find(self, key: str) -> Path | None:
        """The whole entry, used now; None if there is none."""
        entry = self.folder / key
        try:
            files = json.loads((entry / ENTRY).read_text("utf-8"))["files"]
            if not files or any(file_hash(entry / Path(name).name) != sha256 for name, sha256 in files.items()):
                return None
            os.utime(entry)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return entry

    def keep(self, key: str, files: list[Path], about: Mapping[str, Any]) -> Path:
        """Copies of ``files``, in the place of what was there. about: what they were made of, for people."""
        entry = self.folder / key
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=f"{key}.") as temporary:
            done = Path(temporary) / "entry"
            done.mkdir()
            for file in files:
                shutil.copy2(file, done / file.name)
            document = {"files": {file.name: file_hash(done / file.name) for file in files}, **about}
            (done / ENTRY).write_text(json.dumps(document, indent=1), "utf-8")
            shutil.rmtree(entry, ignore_errors=True)
            done.rename(entry)
        self._prune(key)
        return entry

    def once(self, key: str, make: Callable[[Path], Made], read: Callable[[Path], T]) -> T:
        """What is read of a folder that is made once on a machine: of files that ``make`` leaves there, and facts."""
        try:
            with self.locked(key):
                entry = self.find(key)
                if entry is None:
                    with tempfile.TemporaryDirectory(prefix="spikeloom-") as folder:
                        entry = self.keep(key, *make(Path(folder)))
                return read(entry)
        except OSError:  # without a cache that can be written it is made each time
            with tempfile.TemporaryDirectory(prefix="spikeloom-") as folder:
                _, about = make(Path(folder))
                (Path(folder) / ENTRY).write_text(json.dumps(about), "utf-8")
                return read(Path(folder))

    def _prune(self, newest: str) -> None:
        entries = []
        for path in self.folder.glob(f"*/{ENTRY}"):
            with contextlib.suppress(OSError):
                size = sum(file.stat().st_size for file in path.parent.iterdir())
                entries.append((path.parent.name == newest, path.parent.stat().st_mtime, size, path.parent))
        total = 0
        for _, _, size, entry in sorted(entries, reverse=True):
            total += size
            if total > self.most_bytes and entry.name != newest:
                self._drop(entry)

    def _drop(self, entry: Path) -> None:
        lock = entry.with_name(f"{entry.name}.lock")
        with contextlib.suppress(OSError), lock.open("w") as file:  # in use: it stays
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(entry, ignore_errors=True)
            lock.unlink()


def _still(descriptor: int, path: Path) -> bool:
    """Whether the file is the one of that name: it may have been dropped while we waited."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False

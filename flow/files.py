"""Writing results: all of a file, or nothing of it. Folders are written so by the rooms that make them."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikeloom.golden.network import Refusal

__all__ = ["check_place", "new_file", "output_errors"]


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing ``path`` into one :class:`Refusal`."""
    try:
        yield
    except OSError as error:
        culprit = error.filename if error.filename and Path(error.filename) != path else None
        where = f" (at {culprit})" if culprit else ""
        room = "make room or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise Refusal(
            f"{path}: cannot be written: {error.strerror or error}{where}; {room}choose another place"
        ) from error


def check_place(path: Path) -> None:
    """Refuse what cannot become a file, before any work is done for it."""
    parent = _target(path).parent
    problem = None
    if path.is_dir():
        problem = "it is a folder; name a file"
    elif path.exists() and not path.is_file():
        problem = "it is a device or a pipe; name a file"
    elif parent.exists() and not parent.is_dir():
        problem = f"{path.parent} is not a folder; choose another place"
    elif not parent.exists():
        problem = f"there is no folder {path.parent}; make it, or choose another place"
    if problem:
        raise Refusal(f"{path}: cannot be written: {problem}")


def _target(path: Path) -> Path:
    """What a link leads to: the link itself stays."""
    return Path(os.path.realpath(path))


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A sibling to write; it takes the name ``path`` when the block ends well, and is gone when it does not."""
    check_place(path)
    target = _target(path)
    with output_errors(path), tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
        partial = Path(temporary) / path.name
        yield partial
        partial.replace(target)

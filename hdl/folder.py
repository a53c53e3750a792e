"""A result folder: all of it or nothing, and never over anybody else's files."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikeloom.golden.network import Refusal

__all__ = ["CONTENTS", "add_file", "check_folder", "free_folder", "new_folder"]

#: Lists the files of a result folder, so that a later run knows that it may replace them.
CONTENTS = ".spikeloom"


def _files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


def _listed(directory: Path) -> set[str]:
    """The files of an earlier result. What is no list of ours names none; a link may lead to anybody's file."""
    index = directory / CONTENTS
    if index.is_symlink() or not index.is_file():
        return set()
    try:
        return set(index.read_text("utf-8").splitlines())
    except UnicodeDecodeError:
        return set()


def check_folder(directory: str | Path) -> Path:
    """The absolute path, if it is free, empty, or holds what an earlier run wrote and nothing else.

    Of a link it is the path of what the link leads to: the link itself stays.
    """
    directory = Path(os.path.realpath(directory))
    if directory.exists() and not directory.is_dir():
        raise Refusal(f"{directory}: there is a file of this name; choose another folder")
    found = _files(directory) if directory.is_dir() else set()
    ours = {CONTENTS, *_listed(directory)}
    if foreign := sorted(found - ours):
        raise Refusal(f"{directory}: holds {foreign[0]!r}, which is not of an earlier result; choose another folder")
    return directory


def add_file(path: Path) -> None:
    """A later command wrote ``path`` into a result folder; it is part of the result from now on."""
    if names := _listed(path.parent):
        (path.parent / CONTENTS).write_text("\n".join(sorted({*names, path.name})) + "\n", "utf-8")


def free_folder(directory: str | Path) -> Path:
    """``directory``, or the first numbered sibling that :func:`check_folder` accepts."""
    directory = Path(directory).absolute()
    number = 1
    while True:
        try:
            return check_folder(directory if number == 1 else directory.with_name(f"{directory.name}-{number}"))
        except Refusal:
            number += 1


@contextmanager
def new_folder(directory: str | Path) -> Iterator[Path]:
    """A temporary sibling to fill, which becomes ``directory`` when the block ends well."""
    try:
        directory = check_folder(directory)
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}.") as temporary:
            partial = Path(temporary) / "new"
            partial.mkdir()
            yield partial
            (partial / CONTENTS).write_text("\n".join(sorted(_files(partial))) + "\n", "utf-8")
            if directory.exists():
                directory.rename(Path(temporary) / "old")
            partial.rename(directory)
    except (FileExistsError, NotADirectoryError):
        raise Refusal(
            f"{directory}: cannot be written, since a part of its path is a file; choose another folder"
        ) from None
    except OSError as error:
        raise Refusal(
            f"{directory}: cannot be written ({error.strerror or error}); free space, or choose another folder"
        ) from None

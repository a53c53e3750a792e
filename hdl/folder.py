"""A result folder: all of it or nothing, and never over anybody else's files."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikeloom.golden.network import Refusal

__all__ = ["new_folder"]


@contextmanager
def new_folder(directory: str | Path, marker: str) -> Iterator[Path]:
    """A sibling to fill, which becomes ``directory`` when the block ends well.

    An existing folder is replaced if it is empty or holds the file ``marker``, that is, if an earlier run made it.
    """
    directory = Path(directory).absolute()
    if directory.exists() and not directory.is_dir():
        raise Refusal(f"{directory}: there is a file of this name; choose another folder")
    partial = directory.with_name(directory.name + ".partial")
    try:
        if directory.is_dir() and any(directory.iterdir()) and not (directory / marker).is_file():
            raise Refusal(
                f"{directory}: not empty, and without {marker}, so not an earlier result; choose another folder"
            )
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        old = directory.with_name(directory.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        if directory.exists():
            directory.rename(old)
        partial.rename(directory)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise Refusal(
            f"{directory}: cannot be written ({error.strerror or error}); free space, or choose another folder"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)

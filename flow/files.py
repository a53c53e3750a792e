"""Writing results: all of a file, or nothing of it. Folders are written so by the rooms that make them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikeloom.golden.network import Refusal

__all__ = ["new_file", "output_errors"]


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing ``path`` into one :class:`Refusal`."""
    try:
        yield
    except OSError as error:
        culprit = error.filename if error.filename and Path(error.filename) != path else None
        where = f" (at {culprit})" if culprit else ""
        raise Refusal(
            f"{path}: cannot be written: {error.strerror or error}{where}; make room or choose another place with -o"
        ) from error


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A sibling to write; it takes the name ``path`` when the block ends well, and is gone when it does not."""
    partial = path.with_name(f"{path.name}.partial")
    with output_errors(path):
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

"""Arrays out of zip archives from anywhere: nothing is unpickled, and no size is believed before it is checked."""

import tokenize
import zipfile
import zlib

import numpy as np

__all__ = ["DAMAGE", "Unsafe", "read_array"]

#: What zipfile and numpy raise for damaged members, whatever the broken byte leads to.
DAMAGE = (
    EOFError,
    KeyError,
    MemoryError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
    zlib.error,
)


class Unsafe(ValueError):
    """An array that will not be read. The text goes on after its name."""


def read_array(archive: zipfile.ZipFile, member: str, max_bytes: int) -> np.ndarray:
    """One ``.npy`` member, after its header has said how much memory it wants."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if read is None:
            raise Unsafe(f"has the .npy format {version}, which is not read; save it with np.savez")
        shape, _, dtype = read(file)
    if dtype.hasobject:
        raise Unsafe("holds Python objects, which are never unpickled; save it as an array of numbers")
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size > max_bytes:
        raise Unsafe(f"declares {size} bytes, and {max_bytes} are the most that is read; save fewer samples")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)

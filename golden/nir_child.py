"""The process in which ``nir_file`` has a .nir file opened: nothing is read before the whole tree was walked.

HDF5 can point outside the file (external links and storage, virtual datasets), at itself (loops of links), at
compressed terabytes (declared sizes) and at code (filter plugins). All of this is legal HDF5, none of it is NIR, and
each is refused by name. What libhdf5 does to its process with a damaged file, it does to this one.

``python -m spikeloom.golden.nir_child LIMITS FILE`` writes a zip archive to its standard output: ``answer.json`` with
the graph or the refusal, and beside a graph its arrays, which it refers to by number: ``0.npy``, ``1.npy``, ...
"""

import contextlib
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from spikeloom.golden.network import MAX_NAME, Refusal
from spikeloom.golden.nir_file import UNWRITTEN, Limits

__all__ = ["answer", "main", "restrain"]

#: gzip, shuffle, checksum, lzf: filters that h5py brings along. Any other would make HDF5 look for a plugin to load.
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}


def main() -> None:
    limits = Limits(**json.loads(sys.argv[1]))
    restrain(limits)
    arrays: list[np.ndarray] = []
    text = json.dumps(answer(sys.argv[2], limits, arrays))
    if len(text) > limits.text_bytes:
        arrays, text = [], json.dumps({"refusal": f"names and texts take more than {limits.text_bytes} bytes"})
    try:
        with zipfile.ZipFile(sys.stdout.buffer, "w") as archive:
            archive.writestr("answer.json", text)
            for number, array in enumerate(arrays):
                with archive.open(f"{number}.npy", "w") as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
        sys.stdout.flush()
    except OSError:
        os._exit(UNWRITTEN)  # no second attempt to write at the end


def restrain(limits: Limits) -> None:
    """Let the system end this process when it takes too much, and leave no core file then."""
    try:
        import resource
    except ImportError:  # not on Windows, where only the parent's patience is limited
        return
    for what, most in (
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_AS, limits.memory_bytes),
        # The answer: arrays, their headers and directory entries, texts.
        (resource.RLIMIT_FSIZE, limits.bytes + limits.text_bytes + 1024 * limits.objects),
        (resource.RLIMIT_CORE, 0),
    ):
        given = [limit for limit in resource.getrlimit(what) if limit != resource.RLIM_INFINITY]
        last = most + (what == resource.RLIMIT_CPU)  # a second later it is killed, and nobody knows for what
        with contextlib.suppress(ValueError, OSError):  # systems that know a limit and do not let it be set
            resource.setrlimit(what, (min([most, *given]), min([last, *given])))


def answer(path: str, limits: Limits, arrays: list[np.ndarray]) -> dict[str, Any]:
    """The graph or the refusal of a file as JSON has it; the numbers go to ``arrays``."""
    try:
        with h5py.File(path, "r") as file:
            _Walk(limits).group(file)
            return {"graph": _Reader(limits, arrays).file(file)}
    except Refusal as refusal:
        text = str(refusal)
    except RecursionError:
        text = "nested too deeply; it is damaged or not a .nir file"
    except MemoryError:
        memory = f"{limits.memory_bytes / (1 << 30):g} GiB of memory"
        text = f"damaged or truncated HDF5 file (reading it takes more than {memory}); export the model again"
    # h5py reports damage with whatever the broken byte leads to.
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, OverflowError) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        text = f"damaged or truncated HDF5 file ({what}); export the model again"
    return {"refusal": text}


class _Walk:
    """Looks at every link and every dataset's declaration, and reads no data."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.seen: set[tuple[int, int]] = set()
        self.bytes = 0

    def group(self, group: h5py.Group, depth: int = 0) -> None:
        if depth > self.limits.depth:
            raise Refusal(f"{_quoted(group.name)}: groups nested deeper than {self.limits.depth}")
        self._once(group)
        for name in group:
            where = _quoted(f"{group.name.rstrip('/')}/{name}")
            if not isinstance(name, str):
                raise Refusal(f"{where} has a name that is not text (UTF-8)")
            if len(name) > MAX_NAME:
                raise Refusal(f"{where} has a name of {len(name)} characters, and {MAX_NAME} are the most")
            if isinstance(group.get(name, getlink=True), h5py.SoftLink | h5py.ExternalLink):
                raise Refusal(f"{where} is a link; .nir files have none, and links are not followed")
            child = group[name]
            if isinstance(child, h5py.Group):
                self.group(child, depth + 1)
            elif isinstance(child, h5py.Dataset):
                self._once(child)
                self._dataset(child, where)
            else:
                raise Refusal(f"{where} is neither a group nor a dataset; export the model with nir.write")

    def _once(self, item: h5py.Group | h5py.Dataset) -> None:
        info = h5py.h5o.get_info(item.id)
        if (info.fileno, info.addr) in self.seen:
            raise Refusal(f"{_quoted(item.name)} is linked a second time; .nir files are trees")
        self.seen.add((info.fileno, info.addr))
        if len(self.seen) > self.limits.objects:
            raise Refusal(f"more than {self.limits.objects} groups and datasets")

    def _dataset(self, dataset: h5py.Dataset, where: str) -> None:
        created = dataset.id.get_create_plist()
        if created.get_external_count():
            raise Refusal(
                f"{where} keeps its data in another file, which is not opened; export the model with nir.write"
            )
        if dataset.is_virtual:
            raise Refusal(f"{where} is a virtual dataset; other files are not opened: export the model with nir.write")
        filters = {created.get_filter(i)[0] for i in range(created.get_nfilters())}
        if filters - FILTERS:
            raise Refusal(f"{where} is packed with a filter other than gzip, shuffle, checksum or lzf")
        if dataset.shape is None:
            raise Refusal(f"{where} is empty; export the model with nir.write")
        dtype = dataset.dtype
        if not h5py.check_string_dtype(dtype) and (dtype.kind not in "biuf" or dtype.subdtype):
            raise Refusal(f"{where} holds {_kind(dtype)}; numbers and text are read")
        chunk = int(np.prod(dataset.chunks, dtype=object)) if dataset.chunks else 0
        declared = max(int(np.prod(dataset.shape, dtype=object)), chunk) * dtype.itemsize
        self.bytes += declared
        if self.bytes > self.limits.bytes:
            raise Refusal(
                f"{where} declares {declared} bytes; {self.limits.bytes} are the most that a file may unpack to"
            )


def _kind(dtype: np.dtype) -> str:
    if h5py.check_ref_dtype(dtype):
        return "references"
    return {"V": "records or opaque bytes", "O": "lists of varying length", "c": "complex numbers"}.get(
        dtype.kind, f"the type {dtype}"
    )


def _quoted(name: str | None) -> str:
    text = repr(name)
    return text if len(text) <= MAX_NAME else f"{text[:MAX_NAME]}..."


def _text(dataset: h5py.Dataset) -> str:
    """A dataset that should be one string."""
    value = dataset[()]
    return value.decode() if isinstance(value, bytes) else str(value)


def _type(group: h5py.Group) -> str:
    if not isinstance(group.get("type"), h5py.Dataset):
        raise Refusal(f"{_quoted(group.name)} has no type, so it is not a NIR node; export the model with nir.write")
    kind = _text(group["type"])
    if len(kind) > MAX_NAME:
        raise Refusal(f"{_quoted(group.name)} has a type of {len(kind)} characters, and {MAX_NAME} are the most")
    return kind


class _Reader:
    """Turns groups that were walked into what JSON can say, with the arrays aside."""

    def __init__(self, limits: Limits, arrays: list[np.ndarray]) -> None:
        self.limits = limits
        self.arrays = arrays

    def file(self, file: h5py.File) -> dict[str, Any]:
        if not isinstance(file.get("node"), h5py.Group):
            raise Refusal(
                "an HDF5 file, but not a .nir file (it has no group '/node'); export the model with nir.write"
            )
        kind = _type(file["node"])
        if kind != "NIRGraph":
            raise Refusal(f"holds {_quoted(kind)}, not a network (NIRGraph); write the model itself with nir.write")
        version = file.get("version")
        return self._graph(file["node"], _text(version) if isinstance(version, h5py.Dataset) else "")

    def _graph(self, group: h5py.Group, version: str = "") -> dict[str, Any]:
        if not isinstance(group.get("nodes"), h5py.Group) or not isinstance(group.get("edges"), h5py.Dataset):
            raise Refusal(f"{_quoted(group.name)} is a graph without nodes or edges; export the model with nir.write")
        nodes = {name: self._node(child) for name, child in group["nodes"].items()}
        return {"version": version, "nodes": nodes, "edges": list(self._edges(group["edges"]))}

    def _edges(self, dataset: h5py.Dataset) -> Iterator[tuple[str, str]]:
        if dataset.size == 0:
            return
        if dataset.ndim != 2 or dataset.shape[1] != 2 or not h5py.check_string_dtype(dataset.dtype):
            raise Refusal(
                f"{_quoted(dataset.name)} must be pairs of names, not {dataset.dtype} of shape {dataset.shape}"
            )
        if dataset.size > self.limits.objects:
            raise Refusal(f"{_quoted(dataset.name)}: more than {self.limits.objects // 2} edges")
        for source, target in dataset.asstr()[()]:
            if max(len(source), len(target)) > MAX_NAME:
                raise Refusal(f"{_quoted(dataset.name)}: has a name of more than {MAX_NAME} characters")
            yield str(source), str(target)

    def _node(self, group: h5py.Group | h5py.Dataset) -> dict[str, Any]:
        if not isinstance(group, h5py.Group):
            raise Refusal(f"{_quoted(group.name)} is data where a node should be; export the model with nir.write")
        kind = _type(group)
        if kind == "NIRGraph":
            return {"type": kind, "graph": self._graph(group)}
        # Metadata is a group, and means nothing by its standard.
        fields = {k: v for k, v in group.items() if k != "type" and not isinstance(v, h5py.Group)}
        return {"type": kind, "fields": {key: self._field(child) for key, child in fields.items()}}

    def _field(self, dataset: h5py.Dataset) -> str | int:
        """Text, or the number of an array."""
        if h5py.check_string_dtype(dataset.dtype):
            return _text(dataset)
        array = np.asarray(dataset[()])
        self.arrays.append(array.view(array.dtype.str))  # a plain type: HDF5's enumerations come with their names
        return len(self.arrays) - 1


if __name__ == "__main__":
    main()

"""A .nir file as plain records. The file is hostile until checked: nothing is read before the whole tree was walked.

HDF5 can point outside the file (external links and storage, virtual datasets), at itself (loops of links), at
compressed terabytes (declared sizes) and at code (filter plugins). All of this is legal HDF5, none of it is NIR, and
each is refused by name. What the nodes mean is not decided here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from spikeloom.golden.network import MAX_NAME, Refusal

__all__ = ["Graph", "Node", "read"]

MAX_BYTES = 1 << 30
MAX_DEPTH = 16
MAX_OBJECTS = 100_000
SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: gzip, shuffle, checksum, lzf: filters that h5py brings along. Any other would make HDF5 look for a plugin to load.
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}


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
        if not path.exists():
            raise Refusal("there is no such file")
        if not path.is_file():
            raise Refusal("not a file")
        if path.stat().st_size > MAX_BYTES:
            raise Refusal(f"{path.stat().st_size} bytes are more than the {MAX_BYTES} that are read")
        with path.open("rb") as file:
            if file.read(len(SIGNATURE)) != SIGNATURE:
                raise Refusal("not an HDF5 file, so not a .nir file; export the model with nir.write")
        with h5py.File(path, "r") as file:
            for check in (_Walk().group, _check_root):
                check(file)
            version = file.get("version")
            return _graph(file["node"], _text(version) if isinstance(version, h5py.Dataset) else "")
    except Refusal as refusal:
        raise Refusal(f"{path}: {refusal}") from None
    except RecursionError:
        raise Refusal(f"{path}: nested too deeply; it is damaged or not a .nir file") from None
    # h5py reports damage with whatever the broken byte leads to.
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, OverflowError, MemoryError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise Refusal(f"{path}: damaged or truncated HDF5 file ({text}); export the model again") from None


class _Walk:
    """Looks at every link and every dataset's declaration, and reads no data."""

    def __init__(self) -> None:
        self.seen: set[tuple[int, int]] = set()
        self.bytes = 0

    def group(self, group: h5py.Group, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise Refusal(f"{_quoted(group.name)}: groups nested deeper than {MAX_DEPTH}")
        self._once(group)
        for name in group:
            where = _quoted(f"{group.name.rstrip('/')}/{name}")
            if not isinstance(name, str):
                raise Refusal(f"{where} has a name that is not text (UTF-8)")
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
        if len(self.seen) > MAX_OBJECTS:
            raise Refusal(f"more than {MAX_OBJECTS} groups and datasets")

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
        if self.bytes > MAX_BYTES:
            raise Refusal(f"{where} declares {declared} bytes; {MAX_BYTES} are the most that a file may unpack to")


def _kind(dtype: np.dtype) -> str:
    if h5py.check_ref_dtype(dtype):
        return "references"
    return {"V": "records or opaque bytes", "O": "lists of varying length", "c": "complex numbers"}.get(
        dtype.kind, f"the type {dtype}"
    )


def _quoted(name: str | None) -> str:
    text = repr(name)
    return text if len(text) <= MAX_NAME else f"{text[:MAX_NAME]}..."


def _check_root(file: h5py.File) -> None:
    if not isinstance(file.get("node"), h5py.Group):
        raise Refusal("an HDF5 file, but not a .nir file (it has no group '/node'); export the model with nir.write")
    kind = _type(file["node"])
    if kind != "NIRGraph":
        raise Refusal(f"holds {_quoted(kind)}, not a network (NIRGraph); write the model itself with nir.write")


def _text(dataset: h5py.Dataset) -> str:
    """A dataset that should be one string."""
    value = dataset[()]
    return value.decode() if isinstance(value, bytes) else str(value)


def _type(group: h5py.Group) -> str:
    if not isinstance(group.get("type"), h5py.Dataset):
        raise Refusal(f"{_quoted(group.name)} has no type, so it is not a NIR node; export the model with nir.write")
    return _text(group["type"])


def _graph(group: h5py.Group, version: str = "") -> Graph:
    if not isinstance(group.get("nodes"), h5py.Group) or not isinstance(group.get("edges"), h5py.Dataset):
        raise Refusal(f"{_quoted(group.name)} is a graph without nodes or edges; export the model with nir.write")
    return Graph(
        nodes={name: _node(name, child) for name, child in group["nodes"].items()},
        edges=tuple(_edges(group["edges"])),
        version=version,
    )


def _edges(dataset: h5py.Dataset) -> Iterator[tuple[str, str]]:
    if dataset.size == 0:
        return
    if dataset.ndim != 2 or dataset.shape[1] != 2 or not h5py.check_string_dtype(dataset.dtype):
        raise Refusal(f"{_quoted(dataset.name)} must be pairs of names, not {dataset.dtype} of shape {dataset.shape}")
    if dataset.size > MAX_OBJECTS:
        raise Refusal(f"{_quoted(dataset.name)}: more than {MAX_OBJECTS // 2} edges")
    for source, target in dataset.asstr()[()]:
        yield str(source), str(target)


def _node(name: str, group: h5py.Group | h5py.Dataset) -> Node:
    if not isinstance(group, h5py.Group):
        raise Refusal(f"{_quoted(group.name)} is data where a node should be; export the model with nir.write")
    kind = _type(group)
    if kind == "NIRGraph":
        return Node(name=name, type=kind, graph=_graph(group))
    fields = {}
    for key, child in group.items():
        if key == "type" or isinstance(child, h5py.Group):  # metadata is a group, and means nothing by its standard
            continue
        fields[key] = _text(child) if h5py.check_string_dtype(child.dtype) else np.asarray(child[()])
    return Node(name=name, type=kind, fields=fields)

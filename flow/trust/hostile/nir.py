"""``.nir`` files: small sound ones of every kind of node, and changes of what HDF5 files are made of."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from spikeloom.trust.hostile.nasty import MARK, NAMES, NUMBERS, Rng, chance, pick

__all__ = ["CHANGES", "models"]

KINDS = (
    *("Input", "Output", "Linear", "Affine", "Scale", "Flatten", "Delay", "NIRGraph", "IF", "LIF", "CubaLIF"),
    *("Threshold", "I", "LI", "CubaLI", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Conv3d", "Magic", "", "lif"),
)
Nodes = Mapping[str, Mapping[str, Any]]


# Sound ones ----------------------------------------------------------------------------------------------------------


def models() -> dict[str, tuple[bytes, tuple[int, ...]]]:
    """Files by name, and the shape of their inputs."""
    rng = np.random.default_rng(1)

    def linear(out: int, into: int) -> dict[str, Any]:
        return {"type": "Linear", "weight": rng.normal(0.3, 0.6, (out, into)).astype(np.float32)}

    def affine(out: int, into: int) -> dict[str, Any]:
        return linear(out, into) | {"type": "Affine", "bias": rng.normal(0, 0.1, out).astype(np.float32)}

    def neurons(*shape: int, kind: str = "LIF") -> dict[str, Any]:
        tau, membrane = np.full(shape, 2.0), {"tau": np.full(shape, 2.0), "v_leak": np.zeros(shape)}
        fires = {"v_threshold": np.ones(shape), "v_reset": np.zeros(shape)}
        synapse = {"tau_mem": tau, "tau_syn": tau, "v_leak": np.zeros(shape), "w_in": np.full(shape, 2.0)}
        fields = {
            "LIF": {**membrane, **fires},
            "IF": fires,
            "LI": membrane,
            "CubaLIF": {**synapse, **fires},
            "CubaLI": synapse,
        }[kind]
        return {"type": kind, "r": np.full(shape, 2.0), **fields}

    def port(kind: str, *shape: int) -> dict[str, Any]:
        return {"type": kind, "shape": np.array(shape)}

    window = {"padding": np.array([1, 1]), "dilation": np.array([1, 1]), "groups": 1, "bias": np.zeros(2)}
    image = rng.normal(0.2, 0.5, (2, 1, 3, 3)).astype(np.float32)
    conv = {"type": "Conv2d", "weight": image, "stride": np.array([1, 1]), "input_shape": np.array([4, 4]), **window}
    pool = {
        "type": "SumPool2d",
        "kernel_size": np.array([2, 2]),
        "stride": np.array([2, 2]),
        "padding": np.array([0, 0]),
    }
    flat = {"type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": np.array([2, 2, 2])}
    row = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "input_shape": 6, "bias": np.zeros(2)}
    conv1 = {"type": "Conv1d", "weight": rng.normal(0.2, 0.5, (2, 1, 3)).astype(np.float32), **row}
    loop = {"input": port("Input", 3), "n": neurons(3), "w": linear(3, 3), "output": port("Output", 3)}
    edges = [("input", "n"), ("n", "w"), ("w", "n"), ("n", "output")]
    delay = {"type": "Delay", "delay": np.array([0.0, 1.0, 2.0])}
    chains: dict[str, tuple[Nodes, tuple[int, ...]]] = {
        "layers": ({"fc1": affine(5, 4), "lif1": neurons(5), "fc2": linear(3, 5), "lif2": neurons(3)}, (4,)),
        "images": (
            {
                "conv": conv,
                "lif1": neurons(2, 4, 4),
                "pool": pool,
                "if2": neurons(2, 2, 2, kind="IF"),
                "flat": flat,
                "fc": linear(3, 8),
                "lif3": neurons(3),
            },
            (1, 4, 4),
        ),
        "loop": ({"fc": linear(3, 4), "sub": {"type": "NIRGraph", "nodes": loop, "edges": edges}}, (4,)),
        "delays": ({"late": delay, "fc": linear(4, 3), "cuba": neurons(4, kind="CubaLIF")}, (3,)),
        "rows": ({"conv": conv1, "lif": neurons(2, 4), "flat": flat | {"input_type": np.array([2, 4])}}, (1, 6)),
        "read-out": ({"fc": affine(4, 3), "lif": neurons(4), "fc2": linear(2, 4), "li": neurons(2, kind="LI")}, (3,)),
    }
    chains["rows"][0].update({"fc": linear(2, 8), "lif2": neurons(2)})  # type: ignore[attr-defined]
    ends = {"layers": 3, "images": 3, "loop": 3, "delays": 4, "rows": 2, "read-out": 2}
    return {
        name: (_file({"input": port("Input", *shape), **nodes, "output": port("Output", ends[name])}), shape)
        for name, (nodes, shape) in chains.items()
    }


def _file(nodes: Nodes) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["version"] = "1.0.8"
        _graph(file.create_group("node"), nodes, list(zip(nodes, list(nodes)[1:], strict=False)))
    return stream.getvalue()


def _graph(root: h5py.Group, nodes: Nodes, edges: Sequence[tuple[str, str]]) -> None:
    root["type"] = "NIRGraph"
    root["edges"] = np.array(edges, dtype=h5py.string_dtype()).reshape(-1, 2)
    group = root.create_group("nodes")
    for name, fields in nodes.items():
        node = group.create_group(name)
        if "nodes" in fields:
            _graph(node, fields["nodes"], fields["edges"])
            continue
        for key, value in fields.items():
            node[key] = value


# Changes -------------------------------------------------------------------------------------------------------------


def _hdf5(change: Callable[[Rng, h5py.File], None]) -> Callable[[Rng, bytes], bytes]:
    def changed(rng: Rng, data: bytes) -> bytes:
        stream = io.BytesIO(data)
        try:
            with h5py.File(stream, "r+") as file:
                change(rng, file)
        except (KeyError, ValueError, RuntimeError, OSError, TypeError):  # HDF5 does not let everything be wrong
            return data
        return stream.getvalue()

    return changed


def _items(file: h5py.File, kind: type = object) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, kind) else None)
    return found


def _put(file: h5py.File, name: str, value: Any, **options: Any) -> None:
    if name in file:
        del file[name]
    file.create_dataset(name, data=value, **options)


def _name(rng: Rng) -> str:
    return pick(rng, NAMES).replace("\0", "").replace("\ud800", "").replace("/", "")[:60_000] or "."


def _groups(rng: Rng, file: h5py.File) -> None:
    """Something taken away, renamed, copied, or of the other kind."""
    name = pick(rng, _items(file))
    what = int(rng.integers(4))
    if what == 0:
        del file[name]
    elif what == 1:
        file.move(name, f"{name.rpartition('/')[0]}/{_name(rng)}")
    elif what == 2:
        file.copy(pick(rng, _items(file)), file[name.rpartition("/")[0] or "/"], _name(rng))
    else:
        del file[name]
        file.create_group(name)


def _types(rng: Rng, file: h5py.File) -> None:
    """A number as text, as a record, as a list, as nothing, ..."""
    name = pick(rng, _items(file, h5py.Dataset))
    record = np.zeros(3, [("a", "<i4"), ("b", "<f8")])
    lists = np.array([np.arange(2), np.arange(3)], object)
    made = (
        lambda: _put(file, name, "text"),
        lambda: _put(file, name, b"bytes \xff"),
        lambda: _put(file, name, record),
        lambda: _put(file, name, lists, dtype=h5py.vlen_dtype(np.int32)),
        lambda: _put(file, name, h5py.Empty("f4")),
        lambda: _put(file, name, np.array([file.ref], h5py.ref_dtype)),
        lambda: _put(file, name, np.array([1, 0]), dtype=h5py.enum_dtype({"a": 0, "b": 1})),
        lambda: _put(file, name, np.ones(3, complex)),
        lambda: _put(file, name, np.ones(4, ">i2")),
        lambda: _put(file, name, np.array(["a", "b"], h5py.string_dtype())),
        lambda: _put(file, name, np.ones(4, np.float16)),
        lambda: _put(file, name, True),
        lambda: _put(file, name, np.void(b"opaque")),
    )
    pick(rng, made)()


def _shapes(rng: Rng, file: h5py.File) -> None:
    name = pick(rng, _items(file, h5py.Dataset))
    array = np.asarray(file[name][()])
    changed = (
        lambda: array.ravel(),
        lambda: array[None],
        lambda: np.zeros(0),
        lambda: np.zeros((0, 5)),
        lambda: array.T,
        lambda: np.float32(1),
        lambda: np.repeat(np.atleast_1d(array), 2, axis=0),
        lambda: np.atleast_1d(array)[..., :-1],
        lambda: np.zeros((1,) * 20),
    )
    _put(file, name, pick(rng, changed)())


def _numbers(rng: Rng, file: h5py.File) -> None:
    name = pick(rng, [n for n in _items(file, h5py.Dataset) if file[n].dtype.kind in "biuf"])
    array, number = np.atleast_1d(file[name][()]), pick(rng, NUMBERS)
    with np.errstate(all="ignore"):
        try:
            changed = array.astype(pick(rng, (array.dtype, np.float64, np.int64)))
            if chance(rng, 0.5):
                changed[:] = number
            else:
                changed.reshape(-1)[int(rng.integers(changed.size))] = number
        except (OverflowError, ValueError):
            changed = array * -1e30
    _put(file, name, changed.reshape(file[name].shape))


def _nodes(rng: Rng, file: h5py.File) -> None:
    """A node of another type."""
    _put(file, pick(rng, [n for n in _items(file) if n.rpartition("/")[2] == "type"]), pick(rng, KINDS))


def _edges(rng: Rng, file: h5py.File) -> None:
    path = pick(rng, [n for n in _items(file) if n.rpartition("/")[2] == "edges"])
    edges = [tuple(e) for e in file[path].asstr()[()]]
    names = [name for edge in edges for name in edge]
    what = int(rng.integers(8))
    if what == 0:
        edges.append((pick(rng, names), pick(rng, names)))  # loops, second ways
    elif what == 1:
        del edges[int(rng.integers(len(edges)))]
    elif what == 2:
        edges[int(rng.integers(len(edges)))] = (pick(rng, names), _name(rng))
    elif what == 3:
        edges += edges
    elif what == 4:
        edges = [(b, a) for a, b in edges]
    elif what == 5:
        edges = [(a, b) for a in dict.fromkeys(names) for b in dict.fromkeys(names)]
    elif what == 6:
        edges = []
    else:
        edges = edges * int(rng.integers(2, 3000))
    _put(file, path, np.array(edges, h5py.string_dtype()).reshape(-1, 2))


def _links(rng: Rng, file: h5py.File) -> None:
    """Other names for what is in the file, and for what is not."""
    name = pick(rng, _items(file))
    target = pick(rng, [*_items(file), "/"])
    where = pick(rng, (name, f"{name}-link"))
    if where in file:
        del file[where]
    made = (
        lambda: h5py.SoftLink(f"/{target.strip('/')}"),
        lambda: h5py.SoftLink("/nowhere"),
        lambda: h5py.SoftLink(f"/{where}"),
        lambda: h5py.ExternalLink(MARK, "/node"),
        lambda: h5py.ExternalLink("/etc/passwd", "/"),
        lambda: h5py.ExternalLink("model.nir", "/node"),
        lambda: file["/" if target in (where, "/") or target.startswith(f"{where}/") else target],
    )
    file[where] = pick(rng, made)()


def _depths(rng: Rng, file: h5py.File) -> None:
    """Groups in groups, graphs in graphs."""
    path = pick(rng, ("node", "node/nodes"))
    for _ in range(pick(rng, (5, 15, 16, 17, 40, 300))):
        path += pick(rng, ("/a", "/nodes", "/x/nodes"))
        file.require_group(path)
        if chance(rng, 0.5) and f"{path}/type" not in file:
            file[f"{path}/type"] = "NIRGraph"
            file[f"{path}/edges"] = np.zeros((0, 2))


def _declared(rng: Rng, file: h5py.File) -> None:
    """Sizes that the file does not have."""
    name = pick(rng, _items(file, h5py.Dataset))
    del file[name]
    shape = pick(rng, ((2**40,), (2**20, 2**20), (2**28,), (2**24, 7), (2**13, 2**13), (2**62,), (2**26,)))
    kind, packed = pick(rng, ("f4", "i8", "u1", "S1000000")), pick(rng, (None, "gzip", "lzf"))
    file.create_dataset(name, shape, kind, chunks=True if packed else None, compression=packed, fillvalue=None)


def _storage(rng: Rng, file: h5py.File) -> None:
    """Data that is packed, checked, elsewhere or made up."""
    name = pick(rng, [n for n in _items(file, h5py.Dataset) if file[n].dtype.kind in "iuf" and file[n].ndim])
    array = file[name][()]
    del file[name]
    what = int(rng.integers(5))
    if what == 0:
        file.create_dataset(name, array.shape, array.dtype, external=[(MARK, 0, h5py.h5f.UNLIMITED)])
    elif what == 1:
        layout = h5py.VirtualLayout(array.shape, array.dtype)
        layout[:] = h5py.VirtualSource(MARK, "/node", array.shape)
        file.create_virtual_dataset(name, layout)
    elif what == 2:
        file.create_dataset(name, data=array, chunks=True, scaleoffset=3)
    elif what == 3:
        options = {"compression": "gzip", "shuffle": True, "fletcher32": True}
        file.create_dataset(name, data=array, chunks=True, maxshape=(None,) * array.ndim, **options)
    else:
        file.create_dataset(name, array.shape, array.dtype, chunks=(2**20,) * array.ndim)


def _more(rng: Rng, file: h5py.File) -> None:
    """What nobody asked for: fields, nodes, attributes, named types, very many of them."""
    name = pick(rng, _items(file, h5py.Group))
    what = int(rng.integers(4))
    if what == 0:
        file[f"{name}/{_name(rng)}"] = pick(rng, (1.5, "text", np.arange(5)))
    elif what == 1:
        file[name].attrs["a"] = pick(rng, ("x" * 1000, np.arange(10), 1.5))
    elif what == 2:
        file[f"{name}/kind"] = np.dtype("f4")
    else:
        for n in range(int(rng.integers(1, 500))):
            file.create_group(f"{name}/{n}")["type"] = "LIF"


CHANGES = {
    "groups": _hdf5(_groups),
    "types": _hdf5(_types),
    "shapes": _hdf5(_shapes),
    "numbers": _hdf5(_numbers),
    "types of nodes": _hdf5(_nodes),
    "edges": _hdf5(_edges),
    "links": _hdf5(_links),
    "depths": _hdf5(_depths),
    "declared sizes": _hdf5(_declared),
    "storage": _hdf5(_storage),
    "additions": _hdf5(_more),
}

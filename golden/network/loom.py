"""Networks as files: JSON and ``.npy`` members in a zip archive, believed no more than anything from outside."""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeloom.golden import npz
from spikeloom.golden.network.base import Refusal
from spikeloom.golden.network.convolution import Convolution, Window
from spikeloom.golden.network.dense import Dense
from spikeloom.golden.network.one_to_one import OneToOne
from spikeloom.golden.network.population import Neuron, Population
from spikeloom.golden.network.projection import Projection, Synapses
from spikeloom.golden.network.sparse import Sparse

if TYPE_CHECKING:
    from spikeloom.golden.network.network import Network

__all__ = ["digest", "document", "load", "save"]

#: 1 has dense matrices without delays of synapses alone; a network that needs no more is still written so.
FORMATS = (1, 2)
MAX_MEMBER_BYTES = 1 << 30


def _needs(network: "Network") -> int:
    plain = all(p.synapses.kind == Dense.kind and p.synapses.delays is None for p in network.projections)
    return 1 if plain else 2


def document(network: "Network") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a file says, and the arrays that it names."""
    arrays: dict[str, np.ndarray] = {}

    def store(name: str, array: np.ndarray) -> str:
        arrays[f"{name}.npy"] = array
        return f"{name}.npy"

    def neuron(index: int, n: Neuron) -> dict[str, Any]:
        return {
            "model": n.model,
            "states": dict(n.states),
            "options": dict(n.options),
            "parameters": {
                k: int(v) if v.ndim == 0 else store(f"population{index}.{k}", v) for k, v in n.parameters.items()
            },
        }

    def synapses(index: int, s: Synapses) -> dict[str, Any]:
        fields, named = s.structure
        named = {"weights": s.weights, **named} | ({} if s.delays is None else {"delays": s.delays})
        return {
            "kind": s.kind,
            "bits": s.bits,
            **fields,
            **{name: store(f"projection{index}.{name}", array) for name, array in named.items()},
        }

    said = {
        "format": _needs(network),
        "populations": [
            {
                "name": p.name,
                "shape": list(p.shape),
                "value_bits": p.value_bits,
                "neuron": neuron(i, p.neuron) if p.neuron else None,
            }
            | ({} if p.scale == 1 else {"scale": p.scale})
            for i, p in enumerate(network.populations)
        ],
        "projections": [
            {
                "source": p.source,
                "target": p.target,
                "port": p.port,
                "delay": p.delay,
                "shift": p.shift,
                "synapses": synapses(i, p.synapses),
            }
            for i, p in enumerate(network.projections)
        ],
        "output": network.output,
        "output_delay": network.output_delay,
    }
    if network.read_out != "sum":
        said["read_out"] = network.read_out
    return said, arrays


def digest(said: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 (hex) of a document."""
    found = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name in sorted(arrays):
        found.update(f"{name}{arrays[name].shape}".encode() + arrays[name].astype("<i8").tobytes())
    return found.hexdigest()


def save(network: "Network", path: Path) -> None:
    said, arrays = document(network)
    said = said | {"hash": digest(said, arrays), "origin": dict(network.origin)}
    members = {"network.json": json.dumps(said, indent=1, sort_keys=True).encode()}
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, allow_pickle=False)
        members[name] = stream.getvalue()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name], zipfile.ZIP_DEFLATED)
    if path.exists() and not path.is_file():
        raise Refusal(f"{path}: cannot be written: it is no file; give another name")
    path = Path(os.path.realpath(path))  # a link stays
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as temporary:
        partial = Path(temporary) / "new"
        partial.write_bytes(buffer.getvalue())
        partial.replace(path)


def load(cls: "type[Network]", path: Path) -> "Network":
    foreign = f"{path}: not a .loom file that 'spikeloom convert' wrote"
    if path.suffix == ".nir":
        foreign += f"; make one first: spikeloom convert {path} --data X.npz -o {path.stem}.loom"
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            if sum(sizes.values()) > MAX_MEMBER_BYTES:
                raise Refusal(f"{path}: unpacked size {sum(sizes.values())} is over {MAX_MEMBER_BYTES} bytes")
            if "network.json" not in sizes:
                raise Refusal(foreign)
            said = json.loads(archive.read("network.json"))
            if not isinstance(said, dict):
                raise Refusal(foreign)
            if said.get("format") not in FORMATS:
                raise Refusal(
                    f"{path}: format {said.get('format')!r} is not {' or '.join(map(str, FORMATS))}; convert the "
                    "network again"
                )

            def array(name: str) -> np.ndarray:
                return npz.read_array(archive, name, MAX_MEMBER_BYTES)

            network = _read(cls, said, array)
    except FileNotFoundError:
        raise Refusal(f"{path}: there is no such file") from None
    except Refusal as refusal:
        raise refusal if str(path) in str(refusal) else Refusal(f"{path}: {refusal}") from None
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror or error})") from None
    except zipfile.BadZipFile:
        raise Refusal(foreign) from None
    except (*npz.DAMAGE, AttributeError):
        raise Refusal(f"{path}: damaged .loom file; convert the network again") from None
    if said.get("hash") != network.hash:
        raise Refusal(f"{path}: damaged .loom file (its content does not match its hash); convert the network again")
    return network


def _read(cls: "type[Network]", said: dict[str, Any], array: Callable[[str], np.ndarray]) -> "Network":
    def neuron(d: dict[str, Any]) -> Neuron:
        parameters = {k: array(v) if isinstance(v, str) else v for k, v in d["parameters"].items()}
        return Neuron(model=d["model"], states=d["states"], options=d["options"], parameters=parameters)

    def projection(d: dict[str, Any]) -> Projection:
        ends = {k: d[k] for k in ("source", "target", "port", "delay", "shift")}
        try:
            return Projection(**ends, synapses=_synapses(d["synapses"], array))
        except Refusal as refusal:
            about = f"Projection {d['source']!r} to {d['target']!r}"
            raise refusal if about in str(refusal) else Refusal(f"{about}: {refusal}") from None

    populations = [
        Population(
            name=d["name"],
            shape=tuple(d["shape"]),
            value_bits=d["value_bits"],
            scale=d.get("scale", 1.0),
            neuron=neuron(d["neuron"]) if d["neuron"] else None,
        )
        for d in said["populations"]
    ]
    return cls(
        populations=tuple(populations),
        projections=tuple(projection(d) for d in said["projections"]),
        output=said["output"],
        output_delay=said["output_delay"],
        read_out=said.get("read_out", "sum"),
        origin=said.get("origin", {}),
    )


def _synapses(d: dict[str, Any], array: Callable[[str], np.ndarray]) -> Synapses:
    """Synapses of any kind; each checks itself."""
    common = {
        "bits": d["bits"],
        "weights": array(d["weights"]),
        "delays": array(d["delays"]) if "delays" in d else None,
    }
    if d["kind"] == Dense.kind:
        return Dense(**common)
    if d["kind"] == Sparse.kind:
        return Sparse(rows=array(d["rows"]), targets=array(d["targets"]), neurons=d["neurons"], **common)
    if d["kind"] == OneToOne.kind:
        return OneToOne(neurons=d["neurons"], **common)
    if d["kind"] == Convolution.kind:
        window = Window(
            source=tuple(d["source"]),
            kernel=common["weights"].shape,
            stride=tuple(d["stride"]),
            padding=tuple(tuple(pair) for pair in d["padding"]),
            dilation=tuple(d["dilation"]),
            groups=d["groups"],
        )
        return Convolution(window=window, **common)
    raise Refusal(f"unknown synapse kind {d['kind']!r}; a newer version may read it")

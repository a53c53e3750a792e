"""Every kind of file that Spikeloom reads: sound ones, what is done to them, and the roads that they go then."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from spikeloom import api
from spikeloom.boards.driver import frames
from spikeloom.boards.link.protocol import IDENTITY, VERSION, Kind
from spikeloom.golden.conventions import resolve
from spikeloom.trust.hostile import archives, folders, nir, texts
from spikeloom.trust.hostile.archives import npz
from spikeloom.trust.hostile.material import Case, Content
from spikeloom.trust.hostile.nasty import Rng, chance, octets, pick

__all__ = ["KINDS", "FileKind", "Seeds", "case"]

Files = dict[str, Content]
#: Files that belong together, by a name.
Seeds = Mapping[str, Files]
Change = Callable[[Rng, Files], Files]


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """name: for people. files: how many in the quick run. seeds: made once, in a folder of their own.
    changes: by name. roads: the usual one, and beside it those that are slower and taken less often.
    """

    name: str
    files: int
    seeds: Callable[[Path], Seeds]
    changes: Mapping[str, Change]
    roads: tuple[str, ...]
    others: tuple[str, ...] = ()


#: Share of the cases that take another road than the usual ones.
OTHERS = 0.06
MOST_TIMES = 3


def case(kind: FileKind, seeds: Seeds, number: int) -> Case:
    """The case of a number: the same whenever it is made."""
    rng = np.random.default_rng([int.from_bytes(kind.name.encode(), "little") % 2**63, number])
    change = list(kind.changes)[number % len(kind.changes)]
    files = dict(seeds[pick(rng, list(seeds))])
    times = int(rng.integers(1, MOST_TIMES + 1))
    for _ in range(times):
        files = kind.changes[change](rng, files)
    roads = kind.others if kind.others and chance(rng, OTHERS) else kind.roads
    return Case(kind=kind.name, road=pick(rng, roads), files=files, change=change, times=times, number=number)


def _of(name: str, changes: Mapping[str, Callable[[Rng, bytes], bytes]]) -> dict[str, Change]:
    """Changes of one of the files."""

    def lifted(change: Callable[[Rng, bytes], bytes]) -> Change:
        def changed(rng: Rng, files: Files) -> Files:
            content = files[name]
            assert isinstance(content, bytes)
            return files | {name: change(rng, content)}

        return changed

    return {title: lifted(change) for title, change in changes.items()}


# Sound files ---------------------------------------------------------------------------------------------------------


def _samples(shape: Sequence[int], labels: int) -> bytes:
    rng = np.random.default_rng(2)
    return npz({"x": (rng.random((2, 5, *shape)) < 0.4).astype(np.uint8), "y": np.arange(2) % labels})


def _models(folder: Path) -> Seeds:
    return {name: {"model.nir": model, "x.npz": _samples(shape, 2)} for name, (model, shape) in nir.models().items()}


def _networks(folder: Path) -> Seeds:
    """Every model as a network."""
    found = {}
    for name, files in _models(folder).items():
        (folder / "model.nir").write_bytes(_content(files, "model.nir"))
        (folder / "x.npz").write_bytes(_content(files, "x.npz"))
        options: dict[str, Any] = {"per_channel": True} if name == "images" else {}
        made = api.convert(
            folder / "model.nir", data=folder / "x.npz", knobs=resolve("norse", {"dt": 1.0}), weight_bits=4, **options
        )
        made.network.save(folder / "network.loom")
        found[name] = {"network.loom": (folder / "network.loom").read_bytes(), "x.npz": files["x.npz"]}
    return found


def _content(files: Mapping[str, Content], name: str) -> bytes:
    content = files[name]
    assert isinstance(content, bytes)
    return content


def _network(folder: Path, name: str = "layers") -> bytes:
    return _content(_networks(folder)[name], "network.loom")


def _data(folder: Path) -> Seeds:
    """Frames, and events in all of their forms, for networks of as many inputs."""
    networks = _networks(folder)
    rng = np.random.default_rng(3)
    layers, images = networks["layers"], networks["images"]
    rows = np.zeros(30, [("t", "<i8"), ("x", "<i2")])
    rows["t"], rows["x"] = np.sort(rng.integers(0, 5000, 30)), rng.integers(0, 4, 30)
    dots = np.zeros(30, [("t", "<u4"), ("x", "<i2"), ("y", "<i2"), ("p", "|b1")])
    dots["t"], dots["x"], dots["y"] = np.sort(rng.integers(0, 5000, 30)), rng.integers(0, 4, 30), rng.integers(0, 4, 30)
    split = {"events_0": rows[:10], "events_1": rows[10:], "step": 1000, "shape": np.array([4]), "y": np.array([0, 1])}
    together = {"events": dots, "offsets": np.array([0, 12, 30]), "step": 1000, "sensor_size": np.array([4, 4, 1])}
    return {
        "frames": layers,
        "images": images,
        "samples of events": layers | {"x.npz": npz(split)},
        "events": images | {"x.npz": npz(together | {"shape": np.array([1, 4, 4]), "steps": 5})},
    }


def _configurations(folder: Path) -> Seeds:
    networks = _networks(folder)
    said = {
        "layers": {"lanes": 4, "units": 2, "cores": "per-population", "topology": "ring", "slots": 3, "counters": True},
        "images": {"lanes": 8, "order": {"input -> lif1": "event"}, "slots": {"lif1": 2}, "pipeline": "short"},
        "loop": {"lanes": 1, "order": "event", "cores": 2, "weights": "block"},
    }
    return {
        name: networks[name] | {"c.yaml": yaml.safe_dump(values, sort_keys=False).encode()}
        for name, values in said.items()
    }


def _mappings(folder: Path) -> Seeds:
    """What ``map`` writes."""
    found = {}
    for name, files in _networks(folder).items():
        (folder / "network.loom").write_bytes(_content(files, "network.loom"))
        for cores in (2, 3):
            path = folder / "placed.yaml"
            topology = "mesh" if cores == 3 else None
            api.map(folder / "network.loom", config={"lanes": 1}, cores=cores, topology=topology, output=path)
            found[f"{name} on {cores}"] = files | {"c.yaml": path.read_bytes()}
    return found


def _generated(folder: Path) -> Seeds:
    found = {}
    for name, cores in (("layers", None), ("loop", 2)):
        (folder / "network.loom").write_bytes(_network(folder, name))
        shutil.rmtree(folder / "rtl", ignore_errors=True)
        api.generate(folder / "network.loom", output=folder / "rtl", cores=cores, config={"lanes": 2})
        inner = (path for path in sorted((folder / "rtl").rglob("*")) if path.is_file())
        found[name] = {str(path.relative_to(folder)): path.read_bytes() for path in inner}
    return found


def _built(folder: Path) -> Seeds:
    """What ``build`` leaves, without the tools: their figures here mean nothing."""
    rtl = _generated(folder)["layers"]
    manifest = json.loads(_content(rtl, "rtl/manifest.json"))
    bitstream = b"a bitstream"
    used = {"lut": 100, "ff": 100, "block_ram": 2, "dsp": 0}
    report = {
        "format": 3,
        "board": "ulx3s-85f",
        "device": "LFE5U-85F",
        "speed": "6",
        "seed": 1,
        "core_mhz": 50.0,
        "output_registers": False,
        "baud": 1000000,
        "bitstream": "spikeloom.bit",
        "timing_met": True,
        "sha256": hashlib.sha256(bitstream).hexdigest(),
        "network": manifest["network"],
        "verilog_sha256": manifest["verilog"]["sha256"],
        "configuration": manifest["configuration"],
        "used": used,
        "available": {name: 10 * n for name, n in used.items()},
        "tools": {"yosys": "0.70"},
        "clocks": {"clk": {"achieved_mhz": 80.0, "constraint_mhz": 50.0}},
        "paths": [],
        "stored": {"weights": 100},
        "clocks_per_inference": 100.0,
    }
    files = {f"built/{name}": content for name, content in rtl.items()}
    index = b"\n".join(sorted(name.removeprefix("built/").encode() for name in files))
    files |= {"built/build.json": json.dumps(report).encode(), "built/spikeloom.bit": bitstream}
    return {"built": files | {"built/.spikeloom": index + b"\nbuild.json\nspikeloom.bit\n"}}


def _results(folder: Path) -> Seeds:
    row = {"network": "digits", "lanes": 16, "clocks": 812.5, "accuracy": 0.9778, "error": None, "nested": {"a": [1]}}
    said = {
        "figure": "figure",
        "command": "python -m spikeloom.bench figure",
        "about": "what it is",
        "versions": {"python": "3.11", "numpy": "2.0"},
        "machine": "a machine",
        "rows": [row, row | {"lanes": 8}],
    }
    return {"results": {"figure.json": json.dumps(said, indent=1).encode()}}


def _answers(folder: Path) -> Seeds:
    """What a chip says to the requests of the road, in their order."""

    def said(kind: Kind, expected: int, rest: bytes = b"", sequence: int = 0) -> bytes:
        return frames.encode(bytes((kind << 4 | sequence, expected)) + rest)

    def words(*values: int) -> bytes:
        return said(Kind.VALUES, 0, np.array(values, "<u4").tobytes())

    greeting = words(IDENTITY) + words(VERSION | 2 << 8 | 64 << 16 | 3 << 24) + said(Kind.DONE, 0)
    registers = b"".join(map(words, (IDENTITY, VERSION | 2 << 8 | 64 << 16 | 3 << 24, 5, 6, 10**6, 7, 0)))
    data = b"".join(said(Kind.SENT, n % 16, bytes(3 * (n % 4)), n % 16) for n in range(1, 9))
    return {"answers": {"answers.bin": greeting + registers + words(*range(7)) + said(Kind.DONE, 0) + data}}


def _stream(rng: Rng, data: bytes) -> bytes:
    """Whole frames changed, so that their checksums are right."""
    parts = [part for part in data.split(b"\0") if part]
    at = int(rng.integers(len(parts))) if parts else 0
    body = frames.decode(parts[at]) if parts else b""
    what = int(rng.integers(5))
    if what == 0 and parts:
        parts.insert(int(rng.integers(len(parts))), parts[at])
    elif what == 1 and parts:
        del parts[at]
    elif what == 2 and parts:
        parts.insert(at, frames.encode(rng.bytes(int(rng.integers(1, 250))))[:-1])
    elif parts:
        changed = octets(rng, body or b"\x90\0")[:250]
        parts[at] = frames.encode(changed)[:-1]
    return b"".join(part + b"\0" for part in parts)


KINDS = {
    kind.name: kind
    for kind in (
        FileKind(
            name=".nir",
            files=560,
            seeds=_models,
            changes=_of("model.nir", {"bytes": octets} | nir.CHANGES),
            roads=("functions",),
            others=("spikeloom check", "spikeloom convert"),
        ),
        FileKind(
            name=".loom",
            files=360,
            seeds=_networks,
            changes=_of("network.loom", {"bytes": octets} | archives.LOOM),
            roads=("network", "network", "spikeloom run", "spikeloom map of a network"),
            others=("spikeloom boards",),
        ),
        FileKind(
            name="data",
            files=300,
            seeds=_data,
            changes=_of("x.npz", {"bytes": octets} | archives.ARRAYS),
            roads=("data", "data", "spikeloom run"),
        ),
        FileKind(
            name="configuration",
            files=180,
            seeds=_configurations,
            changes=_of("c.yaml", {"bytes": octets} | texts.YAML),
            roads=("configuration", "configuration", "spikeloom map"),
        ),
        FileKind(
            name="mapping",
            files=180,
            seeds=_mappings,
            changes=_of("c.yaml", {"bytes": octets} | texts.YAML),
            roads=("configuration", "configuration", "spikeloom map"),
        ),
        FileKind(
            name="generated folder",
            files=180,
            seeds=_generated,
            changes=folders.changes("rtl/manifest.json"),
            roads=("folder", "folder", "written over", "spikeloom report"),
        ),
        FileKind(
            name="built folder",
            files=80,
            seeds=_built,
            changes=folders.changes("built/build.json"),
            roads=("built", "flash", "spikeloom flash"),
        ),
        FileKind(
            name="measured results",
            files=60,
            seeds=_results,
            changes=_of("figure.json", {"bytes": octets} | texts.JSON),
            roads=("results",),
        ),
        FileKind(
            name="frames of a chip",
            files=100,
            seeds=_answers,
            changes=_of("answers.bin", {"bytes": octets, "frames": _stream}),
            roads=("link",),
        ),
    )
}

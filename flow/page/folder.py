"""A folder that ``generate``, ``build`` or ``demo`` wrote, read as if a stranger had sent it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from spikeloom.boards.build_report import FORMATS, BuildReport
from spikeloom.golden.network import Network, Refusal
from spikeloom.golden.simulate import check_network
from spikeloom.hdl.design import load_manifest

__all__ = ["Folder", "Memory", "Register", "read"]

LARGEST_BUILD_FILE = 1 << 22
Count = Annotated[int, Field(ge=0, lt=1 << 40)]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One memory of the address map."""

    name: str
    base: Count
    entries: Count
    words: Count
    stride: Count
    width: Count
    loaded: bool = False

    @property
    def bits(self) -> int:
        return self.entries * self.width

    @property
    def kind(self) -> str:
        """What it holds, whichever core or lane it belongs to."""
        return self.name.rsplit(".", 1)[-1].rstrip("0123456789")


@dataclass(frozen=True, kw_only=True)
class Register:
    """One register of the address map."""

    address: Count
    access: str
    about: str


@dataclass(frozen=True, kw_only=True)
class _Scatter:
    ring_rows: Count
    accumulator_bits: Count


@dataclass(frozen=True, kw_only=True)
class _Core:
    lanes: Count
    units: Count
    list_entries: Count
    value_bits: Count
    rows: Count
    scatter: _Scatter | None = None


@dataclass(frozen=True, kw_only=True)
class _Flit:
    neurons: Count


@dataclass(frozen=True, kw_only=True)
class _Parameters:
    cores: Annotated[tuple[_Core, ...], Field(min_length=1)]
    flit: _Flit
    topology: str


@dataclass(frozen=True, kw_only=True)
class _Map:
    address_bits: Count
    registers: Mapping[str, Register]
    memories: tuple[Memory, ...]


@dataclass(frozen=True, kw_only=True)
class _Share:
    population: str


@dataclass(frozen=True, kw_only=True)
class _Source:
    name: str
    size: int
    core: int
    share: _Share | None = None

    @property
    def population(self) -> str:
        return self.share.population if self.share else self.name


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the page shows of a manifest."""

    spikeloom: str
    configuration: Mapping[str, Any]
    parameters: _Parameters
    sources: tuple[_Source, ...]
    map: _Map
    verilog: Mapping[str, str]
    loom: Mapping[str, str]
    images: Mapping[str, str]
    tools: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Folder:
    """All of it. ``builds`` are of this very Verilog; ``notes`` say what was left out, and why."""

    path: Path
    rtl: Path
    network: Network
    manifest: Manifest
    builds: tuple[BuildReport, ...]
    notes: tuple[str, ...]


def read(directory: str | Path) -> Folder:
    """Read and check a folder; :class:`Refusal` for one that is not ours, not whole, or of another version."""
    path = Path(directory)
    if not path.exists():
        raise Refusal(f"{path}: there is no such folder; make it with 'spikeloom generate', 'build' or 'demo'")
    if not path.is_dir():
        raise Refusal(f"{path}: is a file; give the folder that 'spikeloom generate', 'build' or 'demo' wrote")
    rtl = next((folder for folder in (path, path / "rtl") if (folder / "manifest.json").is_file()), None)
    if rtl is None:
        if path.suffix in (".partial", ".failed") or (path / "build.json").is_file():
            raise Refusal(f"{path}: half-written, since a run was interrupted or failed; run it again")
        raise Refusal(
            f"{path}: not a folder that 'spikeloom generate', 'build' or 'demo' wrote (there is no manifest.json)"
        )
    document = load_manifest(rtl)
    try:
        manifest = TypeAdapter(Manifest).validate_python(document)
    except ValidationError as error:
        raise Refusal(f"{rtl / 'manifest.json'}: damaged ({_first(error)}); generate the folder again") from None
    network = Network.load(rtl / manifest.loom["file"])
    check_network(network)
    if network.hash != document.get("network"):
        raise Refusal(f"{rtl}: the network is not the one of the manifest; generate the folder again")
    sizes: Counter[str] = Counter()
    for source in manifest.sources:
        sizes[source.population] += source.size
    if sizes != {p.name: p.size for p in network.populations}:
        raise Refusal(f"{rtl}: the manifest's sources are not the network's; generate the folder again")
    builds, notes = _builds(path, manifest.verilog["sha256"], network.hash)
    return Folder(path=path, rtl=rtl, network=network, manifest=manifest, builds=builds, notes=notes)


def _builds(path: Path, verilog: str, network: str) -> tuple[tuple[BuildReport, ...], tuple[str, ...]]:
    """The builds in a folder: its own, or those of a demo in folders beside the Verilog."""
    own = path / "build.json"
    try:
        files = [own] if own.is_file() else sorted(path.glob("*/build.json"))
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror})") from None
    builds, notes = [], []
    for file in files:
        build = _build(file)
        if (build.verilog_sha256, build.network) == (verilog, network):
            builds.append(build)
        elif file == own:
            raise Refusal(f"{path}: the bitstream is not of the Verilog in rtl; build it again")
        else:
            notes.append(f"{file.parent.name} was built from other Verilog or another network, and is left out")
    return tuple(builds), tuple(notes)


def _build(path: Path) -> BuildReport:
    try:
        if path.stat().st_size > LARGEST_BUILD_FILE:
            raise Refusal(f"{path}: too large to be a build's report")
        document = json.loads(path.read_text("utf-8"))
        if document["format"] not in FORMATS:
            raise Refusal(f"{path}: written by another version (format {document['format']}); build it again")
        build = TypeAdapter(BuildReport).validate_python(document)
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise Refusal(f"{path}: damaged ({_first(error)}); build it again") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal(f"{path}: damaged ({type(error).__name__}); build it again") from None
    bitstream = path.parent / Path(build.bitstream).name
    if not bitstream.is_file() or hashlib.sha256(bitstream.read_bytes()).hexdigest() != build.sha256:
        raise Refusal(f"{bitstream}: missing, or not what build.json says; build it again")
    if not 0 < build.core_mhz < 1e6:
        raise Refusal(f"{path}: damaged (core_mhz {build.core_mhz}); build it again")
    return build


def _first(error: ValidationError) -> str:
    """The first of a validator's complaints, without what was given."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"

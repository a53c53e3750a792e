"""A generated folder as something to drive: what its manifest says of streams, registers and memories. No Amaranth."""

import hashlib
import json
from collections.abc import Mapping as MappingType
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.flits import Flit, Share, Source

__all__ = ["FORMAT", "PARTLY", "Design", "built_id", "hardware_id", "load_manifest", "loaded", "network_id", "sha256"]

FORMAT = 4
LARGEST_FILE = 1 << 28
#: In the link's register ``network``: what is in the memories is no network as a whole.
PARTLY = 1


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_manifest(directory: str | Path) -> dict[str, Any]:
    """The manifest of a folder that :func:`generate` wrote, every file checked against its hash."""
    directory = Path(directory)
    path = directory / "manifest.json"
    try:
        if path.stat().st_size > LARGEST_FILE or not path.is_file():
            raise Refusal(f"{path}: too large to be a manifest, or no file")
        document = json.loads(path.read_text("utf-8"))
        if document["format"] != FORMAT:
            raise Refusal(f"{directory}: written by another version (format {document['format']}); generate it again")
        hashes: MappingType[str, str] = {
            document["verilog"]["file"]: document["verilog"]["sha256"],
            document["loom"]["file"]: document["loom"]["sha256"],
            **document["images"],
        }
        if any(Path(name).name != name for name in hashes):
            raise Refusal(f"{path}: names files outside its folder")
        for name, expected in hashes.items():
            file = directory / name
            if not file.is_file() or file.stat().st_size > LARGEST_FILE or sha256(file) != expected:
                raise Refusal(f"{file}: missing, or not what the manifest says; generate the folder again")
    except FileNotFoundError:
        hint = f"; did you mean {directory / 'rtl'}?" if (directory / "rtl" / path.name).is_file() else ""
        raise Refusal(
            f"{directory}: not a folder that 'spikeloom generate' wrote (it has no manifest.json){hint}"
        ) from None
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal(f"{path}: damaged ({type(error).__name__}); generate the folder again") from None
    return document


def hardware_id(manifest: MappingType[str, Any]) -> int:
    """32 bits that tell one hardware from another; networks that it can hold share it."""
    return int(hashlib.sha256(json.dumps(manifest["parameters"], sort_keys=True).encode()).hexdigest()[:8], 16)


def network_id(manifest: MappingType[str, Any]) -> int:
    """32 bits of the network's hash, by which a chip says what it holds; never 0 or 1."""
    return max(2, int(manifest["network"][:8], 16))


def built_id(manifest: MappingType[str, Any]) -> int:
    """What a chip holds at power-up: the network's number, or 1 where memories wait for the host."""
    return PARTLY if loaded(manifest) else network_id(manifest)


def loaded(manifest: MappingType[str, Any]) -> list[str]:
    """The memories that hold nothing until the host loads them."""
    return [memory["name"] for memory in manifest["map"]["memories"] if memory.get("loaded")]


class Design:
    """One generated folder, checked to be whole."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self.manifest: dict[str, Any] = load_manifest(self.directory)
        try:
            self._read()
        except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
            if isinstance(error, Refusal) and str(self.directory) in str(error):
                raise
            what = error if isinstance(error, Refusal) else type(error).__name__
            raise Refusal(f"{self.directory / 'manifest.json'}: damaged ({what}); generate the folder again") from None

    def _read(self) -> None:
        self.network = Network.load(self.directory / self.manifest["loom"]["file"])
        if self.network.hash != self.manifest["network"]:
            raise Refusal(f"{self.directory}: the network is not the one of the manifest; generate the folder again")
        flit = self.manifest["flit"]
        self.flit = Flit(width=flit["width"], fields={name: tuple(field) for name, field in flit["fields"].items()})
        self.observed = tuple(_source(s) for s in self.manifest["sources"] if s["role"] == "neurons")
        self.input = next(_source(s) for s in self.manifest["sources"] if s["role"] == "input")
        for name in dict.fromkeys(s.population for s in self.observed if s.share):
            self._check_parts(name)
        self.registers = {name: r["address"] for name, r in self.manifest["map"]["registers"].items()}
        for memory in self.manifest["map"]["memories"]:
            self._check_memory(memory)
        self.memories = {memory["name"]: memory for memory in self.manifest["map"]["memories"]}

    def _check_parts(self, name: str) -> None:
        parts, size = [s for s in self.observed if s.population == name], self.network[name].size
        neurons = np.sort(np.concatenate([s.neurons for s in parts if s.whole == size]))
        if not np.array_equal(neurons, np.arange(size)):
            raise ValueError(f"the parts of {name!r} are not the whole")

    def _check_memory(self, memory: MappingType[str, Any]) -> None:
        """Its words and images are those of its width: nothing larger is made of them than the files are."""
        width, images = memory["width"], memory["images"]
        whole = all(0 <= low < low + bits <= width and name in self.manifest["images"] for name, low, bits in images)
        if not (whole and memory["words"] == -(-width // 32) and 0 <= memory["entries"] < LARGEST_FILE):
            raise ValueError(f"{memory['name']} has no such words")

    def observed_of(self, population: str) -> tuple[Source, ...]:
        """The population's source, or those of its parts."""
        return tuple(source for source in self.observed if source.population == population)

    @property
    def verilog(self) -> Path:
        return self.directory / self.manifest["verilog"]["file"]

    @property
    def address_bits(self) -> int:
        return self.manifest["map"]["address_bits"]

    @property
    def engines(self) -> tuple[str, ...]:
        """What adds weights, in the order of the port ``activity``."""
        return tuple(self.manifest["engines"])

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """What joins several cores, in the order of the port ``traffic``: from where to where."""
        return tuple((start, end) for start, end in self.manifest["links"])

    def _state_entries(self) -> list[tuple[str, dict[str, Any], np.ndarray]]:
        """(memory, source, the numbers in hardware of its entries there), in the order in which they are read."""
        return [
            (f"core{s['core']}.state{unit}", s, np.arange(unit, _source(s).numbers, s["units"]))
            for s in self.manifest["sources"]
            if s["role"] == "neurons"
            for unit in range(s["units"])
        ]

    @property
    def hardware_id(self) -> int:
        return hardware_id(self.manifest)

    @property
    def network_id(self) -> int:
        return network_id(self.manifest)

    @property
    def most_steps(self) -> int:
        """Steps per sample that the hardware counts to."""
        return (1 << self.manifest["map"]["registers"]["steps"]["bits"]) - 1

    def contents(self, memory: str) -> np.ndarray:
        """What a memory starts with: uint32 (entries, words), from its images; none of a state, which needs none."""
        about = self.memories[memory]
        entries = about["entries"] if about["images"] else 0
        images = [(self._image(name, entries, bits), low, bits) for name, low, bits in about["images"]]
        words = np.zeros((entries, about["words"]), np.uint32)
        for numbers, low, bits in images:
            for word in range(low // 32, -(-(low + bits) // 32)):
                words[:, word] |= np.array([n << low >> 32 * word & 0xFFFFFFFF for n in numbers], np.uint32)
        return words

    @property
    def still(self) -> dict[str, np.ndarray]:
        """Tables with which nothing starts after a restart, whatever the others hold: no step waits to be read. Write
        them and restart before all memories are filled, lest some of one network and some of another start."""
        return {
            name: np.zeros((about["entries"], about["words"]), np.uint32)
            for name, about in self.memories.items()
            if name.endswith("projections")
        }

    def _image(self, name: str, entries: int, bits: int) -> list[int]:
        """The first entries of an image, each of so many bits."""
        path = self.directory / name
        try:
            numbers = [int(line, 16) for line in path.read_text("ascii").split()][:entries]
            sound = len(numbers) == entries and all(0 <= number < 1 << bits for number in numbers)
        except (OSError, ValueError):
            sound = False
        if not sound:
            raise Refusal(f"{path}: is not {entries} numbers of {bits} bits; generate the folder again")
        return numbers

    def state_addresses(self) -> list[int]:
        """Of the words that :meth:`states` takes, in its order."""
        addresses = []
        for name, source, numbers in self._state_entries():
            memory = self.memories[name]
            for entry in range(source["unit_base"], source["unit_base"] + len(numbers)):
                base = memory["base"] + entry * memory["stride"]
                addresses += range(base, base + memory["words"])
        return addresses

    def states(self, words: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """The states of every population, in the integer model's order, from the words at :meth:`state_addresses`."""
        states: dict[str, dict[str, np.ndarray]] = {}
        start = 0
        for name, source, numbers in self._state_entries():
            about = _source(source)
            neurons = about.to_golden(numbers)
            there = neurons >= 0
            per_entry = self.memories[name]["words"]
            entries = words[start : start + len(numbers) * per_entry].reshape(len(numbers), per_entry)
            start += len(numbers) * per_entry
            for state, (lsb, bits) in source["state"].items():
                array = states.setdefault(about.population, {}).setdefault(state, np.zeros(about.whole, np.int64))
                array[about.neurons[neurons[there]]] = _signed(entries[there], lsb, bits)
        return states


def _source(source: MappingType[str, Any]) -> Source:
    """A source of the manifest."""
    share = Share(**source["share"]) if "share" in source else None
    return Source(
        **{name: source[name] for name in ("name", "id", "observed", "size", "channels", "padded")}, share=share
    )


def _signed(entries: np.ndarray, lsb: int, bits: int) -> np.ndarray:
    """A field of ``bits`` bits (two's complement; one bit is 0 or 1) that may lie across 32-bit words."""
    value = np.zeros(len(entries), np.int64)
    for bit in range(bits):
        word, position = divmod(lsb + bit, 32)
        value |= (entries[:, word].astype(np.int64) >> position & 1) << bit
    return value - ((value >> bits - 1) << bits) if bits > 1 else value

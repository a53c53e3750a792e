"""The integer network: what is computed, as data. Nothing in this module computes a result.

A :class:`Network` is populations joined by projections, all integers, immutable once built. It is saved as one
``.loom`` file (JSON and ``.npy`` members in a zip archive; loading never unpickles) and named by a content hash.
The behaviour these objects stand for is stated in ``docs/contract.md``.
"""

import hashlib
import io
import json
import math
import tempfile
import unicodedata
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from spikeloom.golden import npz

__all__ = ["Dense", "Network", "Neuron", "Population", "Projection", "Refusal"]

FORMAT = 1
MAX_MEMBER_BYTES = 1 << 30
MAX_VALUE_BITS = 16
MAX_NAME = 200
READ_OUTS = ("sum", "last", "max")


class Refusal(ValueError):
    """What was given cannot be used. The text names the thing, what is wrong with it, and the remedy."""


def _frozen(values: Any, what: str) -> np.ndarray:
    array = np.array(values)
    if array.dtype.kind not in "iu":
        raise Refusal(f"{what} must be integers, not {array.dtype}")
    array = array.astype(np.int64)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """A neuron model by name, with its integers.

    model:      the name under which ``golden.neurons`` and ``hdl.neurons`` know the rule.
    states:     bits of each state, two's complement.
    parameters: one integer, or one per neuron (shape ``(neurons,)``).
    options:    the model's knobs, the same for the whole population (strings or small integers).
    """

    model: str
    states: Mapping[str, int]
    parameters: Mapping[str, np.ndarray]
    options: Mapping[str, str | int]

    def __post_init__(self) -> None:
        frozen = {name: _frozen(value, f"Parameter {name!r}") for name, value in self.parameters.items()}
        object.__setattr__(self, "states", MappingProxyType(dict(self.states)))
        object.__setattr__(self, "parameters", MappingProxyType(frozen))
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        for name, bits in self.states.items():
            if not 1 <= bits <= 48:
                raise Refusal(f"State {name!r} must have 1..48 bits, not {bits}")


@dataclass(frozen=True, kw_only=True)
class Population:
    """Neurons of one model, or (``neuron`` is None) the events that the host sends.

    value_bits: 1 for spikes (the value of every event is 1); 2..16 for graded events, which carry a signed
                integer of that many bits.
    scale:      what an event of value 1 stands for. The host divides analogue samples by it, and rounds them.
    """

    name: str
    shape: tuple[int, ...]
    neuron: Neuron | None = None
    value_bits: int = 1
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        if not self.name or len(self.name) > MAX_NAME:
            raise Refusal(f"A population's name must have 1..{MAX_NAME} characters, not {len(self.name)}")
        if any(unicodedata.category(character) == "Cc" for character in self.name):
            raise Refusal(f"A population's name must not have control characters, as {self.name!a} has; rename it")
        if not self.shape or min(self.shape) < 1:
            raise Refusal(f"Population {self.name!r}: shape must have positive sizes, not {self.shape}")
        if not 1 <= self.value_bits <= MAX_VALUE_BITS:
            raise Refusal(f"Population {self.name!r}: value_bits must be in 1..{MAX_VALUE_BITS}, not {self.value_bits}")
        if not (isinstance(self.scale, float) and math.isfinite(self.scale) and self.scale > 0):
            raise Refusal(f"Population {self.name!r}: scale must be a positive number, not {self.scale!r}")
        if self.scale != 1 and self.value_bits == 1:
            raise Refusal(f"Population {self.name!r}: spikes have no scale; give events 2 or more value bits")
        for name, value in (self.neuron.parameters if self.neuron else {}).items():
            if value.shape not in ((), (self.size,)):
                raise Refusal(
                    f"Population {self.name!r}: parameter {name!r} must be one integer or {self.size}, "
                    f"not shape {value.shape}"
                )

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def value_range(self) -> tuple[int, int]:
        """Smallest and largest value an event can carry."""
        return (1, 1) if self.value_bits == 1 else (-(1 << self.value_bits - 1), (1 << self.value_bits - 1) - 1)


@dataclass(frozen=True, kw_only=True)
class Dense:
    """Every source neuron to every target neuron: ``weights`` (source, target), signed integers of ``bits`` bits."""

    weights: np.ndarray
    bits: int

    kind = "dense"

    def __post_init__(self) -> None:
        weights = _frozen(self.weights, "Weights")
        if weights.ndim != 2:
            raise Refusal(f"Dense weights must have shape (source, target), not {weights.shape}")
        if not 2 <= self.bits <= 16:
            raise Refusal(f"Weights must have 2..16 bits, not {self.bits}")
        limit = 1 << self.bits - 1
        if weights.size and not (-limit <= weights.min() and weights.max() < limit):
            raise Refusal(
                f"Weights of {self.bits} bits must be in {-limit}..{limit - 1}, not {weights.min()}..{weights.max()}"
            )
        weights = weights.astype(np.int16)
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)

    @property
    def shape(self) -> tuple[int, int]:
        return self.weights.shape


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Synapses from one population to a port of another; events arrive ``delay`` steps later, times ``2**shift``."""

    source: str
    target: str
    synapses: Dense
    port: str = "input"
    delay: int = 0
    shift: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.delay <= 255:
            raise Refusal(f"{self}: delay must be in 0..255 steps, not {self.delay}")
        if not 0 <= self.shift <= 15:
            raise Refusal(f"{self}: shift must be in 0..15, not {self.shift}")

    def __str__(self) -> str:
        return f"Projection {self.source!r} to {self.target!r}"


@dataclass(frozen=True, kw_only=True)
class Network:
    """Populations and projections. The first population without a neuron model is the input.

    output:       name of the population whose events answer.
    output_delay: steps by which the answer is read late (a neuron that reports the step after it fired).
    read_out:     what of the answer decides: the "sum" of a neuron's values over the steps, the "last" or the "max".
    origin:       where it came from (file, convention, scales, messages): for people, outside the content hash.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    output: str
    output_delay: int = 0
    read_out: str = "sum"
    origin: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "populations", tuple(self.populations))
        object.__setattr__(self, "projections", tuple(self.projections))
        names = [p.name for p in self.populations]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise Refusal(f"Population names must differ; more than one is called {twice[0]!r}")
        inputs = [p.name for p in self.populations if p.neuron is None]
        if len(inputs) != 1:
            raise Refusal(f"A network must have exactly one input population, not {len(inputs)}")
        if self.output not in names or self.output == inputs[0]:
            raise Refusal(f"The output {self.output!r} is not a population of neurons")
        if not 0 <= self.output_delay <= 255:
            raise Refusal(f"output_delay must be in 0..255 steps, not {self.output_delay}")
        if self.read_out not in READ_OUTS:
            raise Refusal(f"read_out must be one of {', '.join(READ_OUTS)}, not {self.read_out!r}")
        for projection in self.projections:
            for end in (projection.source, projection.target):
                if end not in names:
                    raise Refusal(f"{projection}: there is no population {end!r}")
            if projection.target == inputs[0]:
                raise Refusal(f"{projection}: the input receives no projections")
            expected = (self[projection.source].size, self[projection.target].size)
            if projection.synapses.shape != expected:
                raise Refusal(f"{projection}: synapses must have shape {expected}, not {projection.synapses.shape}")
        self.order()

    def __getitem__(self, name: str) -> Population:
        for population in self.populations:
            if population.name == name:
                return population
        raise KeyError(name)

    @property
    def input(self) -> Population:
        return next(p for p in self.populations if p.neuron is None)

    @property
    def neurons(self) -> tuple[Population, ...]:
        """The populations that have neurons, in the order in which a step treats them."""
        return tuple(self[name] for name in self.order() if self[name].neuron is not None)

    def into(self, name: str) -> tuple[Projection, ...]:
        return tuple(p for p in self.projections if p.target == name)

    def order(self) -> tuple[str, ...]:
        """Names in topological order of the projections without delay; ties in the order of declaration."""
        waiting = [p.name for p in self.populations]
        done: list[str] = []
        while waiting:
            free = next(
                (n for n in waiting if all(p.source in done for p in self.into(n) if p.delay == 0)),
                None,
            )
            if free is None:
                raise Refusal(f"A cycle of projections has no delay; it goes through {', '.join(map(repr, waiting))}")
            waiting.remove(free)
            done.append(free)
        return tuple(done)

    # Saving and loading -----------------------------------------------------------------------------------------

    def _document(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
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

        document = {
            "format": FORMAT,
            "populations": [
                {
                    "name": p.name,
                    "shape": list(p.shape),
                    "value_bits": p.value_bits,
                    "neuron": neuron(i, p.neuron) if p.neuron else None,
                }
                | ({} if p.scale == 1 else {"scale": p.scale})
                for i, p in enumerate(self.populations)
            ],
            "projections": [
                {
                    "source": p.source,
                    "target": p.target,
                    "port": p.port,
                    "delay": p.delay,
                    "shift": p.shift,
                    "synapses": {
                        "kind": p.synapses.kind,
                        "bits": p.synapses.bits,
                        "weights": store(f"projection{i}.weights", p.synapses.weights),
                    },
                }
                for i, p in enumerate(self.projections)
            ],
            "output": self.output,
            "output_delay": self.output_delay,
        }
        if self.read_out != "sum":
            document["read_out"] = self.read_out
        return document, arrays

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of everything that decides behaviour."""
        document, arrays = self._document()
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode())
        for name in sorted(arrays):
            digest.update(f"{name}{arrays[name].shape}".encode() + arrays[name].astype("<i8").tobytes())
        return digest.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write a ``.loom`` file; the same network gives the same bytes."""
        document, arrays = self._document()
        document["hash"] = self.hash
        document["origin"] = dict(self.origin)
        members = {"network.json": json.dumps(document, indent=1, sort_keys=True).encode()}
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array, allow_pickle=False)
            members[name] = stream.getvalue()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(members):
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name], zipfile.ZIP_DEFLATED)
        path = Path(path)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as temporary:
            partial = Path(temporary) / "new"
            partial.write_bytes(buffer.getvalue())
            partial.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> "Network":
        """Read a ``.loom`` file. Raises :class:`Refusal` for anything that is not one."""
        path = Path(path)
        foreign = f"{path}: not a .loom file that 'spikeloom convert' wrote"
        try:
            with zipfile.ZipFile(path) as archive:
                sizes = {info.filename: info.file_size for info in archive.infolist()}
                if sum(sizes.values()) > MAX_MEMBER_BYTES:
                    raise Refusal(f"{path}: unpacked size {sum(sizes.values())} is over {MAX_MEMBER_BYTES} bytes")
                if "network.json" not in sizes:
                    raise Refusal(foreign)
                document = json.loads(archive.read("network.json"))
                if not isinstance(document, dict):
                    raise Refusal(foreign)
                if document.get("format") != FORMAT:
                    raise Refusal(
                        f"{path}: format {document.get('format')!r} is not {FORMAT}; convert the network again"
                    )

                def array(name: str) -> np.ndarray:
                    return npz.read_array(archive, name, MAX_MEMBER_BYTES)

                network = cls._read(document, array)
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
        if document.get("hash") != network.hash:
            raise Refusal(
                f"{path}: damaged .loom file (its content does not match its hash); convert the network again"
            )
        return network

    @classmethod
    def _read(cls, document: dict[str, Any], array: Any) -> "Network":
        def neuron(d: dict[str, Any]) -> Neuron:
            parameters = {k: array(v) if isinstance(v, str) else v for k, v in d["parameters"].items()}
            return Neuron(model=d["model"], states=d["states"], options=d["options"], parameters=parameters)

        def synapses(d: dict[str, Any]) -> Dense:
            if d["kind"] != Dense.kind:
                raise Refusal(f"unknown synapse kind {d['kind']!r}; a newer version may read it")
            return Dense(weights=array(d["weights"]), bits=d["bits"])

        populations = [
            Population(
                name=d["name"],
                shape=tuple(d["shape"]),
                value_bits=d["value_bits"],
                scale=d.get("scale", 1.0),
                neuron=neuron(d["neuron"]) if d["neuron"] else None,
            )
            for d in document["populations"]
        ]
        projections = [
            Projection(
                **{k: d[k] for k in ("source", "target", "port", "delay", "shift")}, synapses=synapses(d["synapses"])
            )
            for d in document["projections"]
        ]
        return cls(
            populations=tuple(populations),
            projections=tuple(projections),
            output=document["output"],
            output_delay=document["output_delay"],
            read_out=document.get("read_out", "sum"),
            origin=document.get("origin", {}),
        )

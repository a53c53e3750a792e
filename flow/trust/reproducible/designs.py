"""Makes a dozen designs and says the hash of every file, in a process whose surroundings somebody else has chosen.

``python -m spikeloom.trust.reproducible.designs FOLDER WAY`` prints one JSON document.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import spikeloom
from spikeloom import packaged
from spikeloom.golden.network import Network

__all__ = ["DESIGNS", "WAYS", "Made", "main", "make"]

#: How the same is said in another way.
WAYS = ("as usual", "backwards", "reordered", "stored")


@dataclass(frozen=True, kw_only=True)
class Made:
    """A packaged network as hardware. options: of its conversion."""

    name: str
    network: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


DESIGNS = (
    Made(name="digits", network="digits"),
    Made(
        name="digits, 4 bits, a ring",
        network="digits",
        options={"weight_bits": 4},
        configuration={
            "lanes": 4,
            "cores": {"lif1": 0, "lif2": 1},
            "topology": "ring",
            "slots": {"lif1": 3, "lif2": 1},
        },
    ),
    Made(name="digits, a mesh of parts", network="digits", configuration={"cores": 3, "topology": "mesh", "lanes": 4}),
    Made(
        name="digits, per channel",
        network="digits",
        options={"per_channel": True},
        configuration={
            "lanes": 8,
            "units": 4,
            "order": "event",
            "counters": True,
        },
    ),
    Made(
        name="digits, ternary",
        network="digits",
        options={"weight_bits": 2},
        configuration={
            "lanes": 2,
            "units": 1,
            "pipeline": "short",
        },
    ),
    Made(name="digits, one port", network="digits", configuration={"weights": "single-port", "lanes": 8, "slots": 1}),
    Made(name="vowels", network="vowels", configuration={"lanes": 8}),
    Made(name="vowels on two cores", network="vowels", configuration={"lanes": 8, "cores": 2}),
    Made(name="motion", network="motion", configuration={"lanes": 4}),
    Made(name="delays", network="delays", configuration={"lanes": 8, "slots": 3}),
    Made(name="readout", network="readout", configuration={"lanes": 4, "units": 2}),
    Made(name="hardreset", network="hardreset", configuration={"lanes": 16, "cores": "per-population"}),
)


def main() -> None:
    folder, way = Path(sys.argv[1]), sys.argv[2]
    found = dict(make(folder, way))
    print(json.dumps({"from": str(Path(spikeloom.__file__).parent), "files": found}))  # noqa: T201, the answer


def make(folder: Path, way: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each design by name: its files' hashes, and the network's own."""
    networks: dict[str, Network] = {}
    turn: Callable[[Any], Any] = _turned if way in ("backwards", "reordered") else lambda document: document
    for number, design in enumerate(DESIGNS[::-1] if way == "backwards" else DESIGNS):
        known = packaged.find(design.network)
        key = f"{design.network} {design.options}"
        if key not in networks:
            made = spikeloom.convert(known.model, data=known.calibration, knobs=known.resolved, **turn(design.options))
            networks[key] = made.network
        network = _reordered(networks[key]) if way == "reordered" else networks[key]
        source: Any = network
        if way == "stored":
            network.save(folder / "stored.loom")
            Network.load(folder / "stored.loom").save(folder / "again.loom")
            source = folder / "again.loom"
        place = folder / str(number)
        spikeloom.generate(source, output=place, config=turn(dict(design.configuration)))
        hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(place.iterdir())}
        yield design.name, hashes | {"the network itself": network.hash}


def _turned(document: Any) -> Any:
    """Dictionaries the other way round, which means the same."""
    if isinstance(document, dict):
        return {name: _turned(document[name]) for name in reversed(document)}
    return document


def _reordered(network: Network) -> Network:
    """States, parameters and options of neurons are named in another order."""
    populations = tuple(
        replace(
            p,
            neuron=p.neuron
            and replace(
                p.neuron,
                states=_turned(dict(p.neuron.states)),
                parameters=_turned(dict(p.neuron.parameters)),
                options=_turned(dict(p.neuron.options)),
            ),
        )
        for p in network.populations
    )
    return replace(network, populations=populations)


if __name__ == "__main__":
    main()

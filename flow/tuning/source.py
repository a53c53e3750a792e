"""The model and the data that a search is about, and the integer networks that can be made of them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.bench.cache import digest, sources
from spikeloom.golden import simulate
from spikeloom.golden.conventions import Knobs
from spikeloom.golden.data import Data
from spikeloom.golden.network import Network, Refusal
from spikeloom.golden.quantise import convert
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.kept import ENTRY, Kept, Made, key_of
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.placement import place

__all__ = ["Integers", "Source", "integers", "placed", "shortened"]

KEPT = Kept(kind="tune", most_bytes=1_000_000_000)
#: Steps that are followed one by one, and of the samples that these stand for; whole samples, so about as many. Of a
#: recurrent network, where no step begins before the last one ended and nothing evens them out, twice as many.
FOLLOWED, STEPS = 25, 100
#: Sets of samples that are looked at for one that is like all the data, and parts of its steps that are told apart.
LOOKS, QUANTILES = 10_000, (0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """name, model: a .nir file's name and content. It goes as it is to other processes and machines."""

    name: str
    model: bytes
    data: Data
    knobs: Knobs
    read_out: str = "sum"

    @cached_property
    def key(self) -> str:
        """Hash of all of it, and of the code that quantises."""
        return digest(
            {
                "model": hashlib.sha256(self.model).hexdigest(),
                "x": digest(self.data.x),
                "y": None if self.data.y is None else digest(self.data.y),
                "knobs": self.knobs.as_dict(),
                "read_out": self.read_out,
                "code": sources("spikeloom.golden"),
            }
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Integers:
    """A quantised network. events: which neurons of each population fire in the few samples that stand for the data:
    first those that are ``followed``, then more, which may have them once more.

    accuracy: None without labels. agreement: of its predictions with the float model's.
    """

    network: Network
    events: Mapping[str, np.ndarray]
    followed: int
    accuracy: float | None
    agreement: float
    steps: int


def shortened(data: Data, steps: int | None) -> Data:
    """Only the first steps of each sample."""
    if steps is None:
        return data
    if steps > data.x.shape[1]:
        raise Refusal(f"steps: the data has {data.x.shape[1]} steps per sample, not {steps}")
    return replace(data, x=data.x[:, :steps])


def integers(source: Source, quantisation: Mapping[str, Any]) -> Integers:
    """The network of a quantisation; made once on a machine."""
    return _integers(_Hashed(source), json.dumps(quantisation, sort_keys=True))


class _Hashed:
    """A source or a network as what a cache compares."""

    def __init__(self, of: Any) -> None:
        self.of = of
        self.key: str = of.hash if isinstance(of, Network) else of.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and self.key == other.key


@lru_cache(maxsize=256)
def _integers(hashed: _Hashed, text: str) -> Integers:
    source = hashed.of
    quantisation = json.loads(text)
    key = key_of({"source": source.key, "quantisation": quantisation, "few": [FOLLOWED, STEPS, LOOKS, "loops"]})
    return KEPT.once(key, lambda folder: _made(source, quantisation, folder), _read)


def placed(source: Source, network: Network, configuration: Configuration) -> Configuration:
    """A configuration that has a number of cores, with what is on each of them; any other as it is.

    Finding a placement takes seconds: it is found once, for weights of 8 bits, and serves all networks of the source
    that it fits.
    """
    if not isinstance(configuration.cores, int):
        return configuration
    # What changes neither the work of a core nor the ways between them.
    alike = configuration.model_copy(update={"pipeline": "long", "weights": "block", "counters": False})
    hashed = _Hashed(source)
    there = _placement(hashed, None, alike.model_dump_json())
    found = configuration.model_copy(update=there)
    try:
        map_network(network, found)
    except Refusal:  # such as states of other widths, which cannot share a core
        there = _placement(hashed, _Hashed(network), alike.model_dump_json())
    return configuration.model_copy(update=there)


@lru_cache(maxsize=4096)
def _placement(hashed: "_Hashed", own: "_Hashed | None", text: str) -> dict[str, Any]:
    """The fields that say what is where. own: a network that needs a placement for itself."""
    configuration = Configuration.model_validate_json(text)
    code = sources("spikeloom.hdl.mapping")
    key = key_of({"source": hashed.key, "network": own and own.key, "configuration": text, "code": code})

    def found(folder: Path) -> Made:
        network = own.of if own else integers(hashed.of, {}).network
        there = place(network, configuration).model_dump(include={"cores", "cuts", "slots"})
        (folder / "placement.json").write_text(json.dumps(there), "utf-8")
        return [folder / "placement.json"], {}

    return KEPT.once(key, found, lambda entry: json.loads((entry / "placement.json").read_text("utf-8")))


def _made(source: Source, quantisation: Mapping[str, Any], folder: Path) -> Made:
    options = {name: value for name, value in quantisation.items() if name != "steps"}
    data = shortened(source.data, quantisation.get("steps"))
    model = folder / Path(source.name).name
    model.write_bytes(source.model)
    try:
        network, report = convert(model, data, source.knobs, read_out=source.read_out, **options)
    except Refusal as refusal:  # of the user's file, not of this copy
        raise Refusal(str(refusal).replace(str(model), source.name)) from None
    network.save(folder / "network.loom")
    x = simulate.check_stimulus(network.input, data.x)
    events = {network.input.name: x, **simulate.run(network, x, record="all").events}
    fires = [(e != 0).reshape(*e.shape[:2], -1) for e in events.values()]
    followed = typical(fires, FOLLOWED * (1 + any(j.delay for j in network.projections)))
    chosen = [*followed, *typical(fires, STEPS)]
    np.savez_compressed(folder / "events.npz", **{str(k): e[chosen] for k, e in enumerate(fires)})
    about = {
        "populations": list(events),
        "followed": len(followed),
        "accuracy": report.accuracy_integer,
        "agreement": report.prediction_agreement,
        "steps": report.steps,
    }
    return [folder / "network.loom", folder / "events.npz"], about


def _read(entry: Path) -> Integers:
    about = json.loads((entry / ENTRY).read_text("utf-8"))
    with np.load(entry / "events.npz") as arrays:
        events = {name: arrays[str(k)] for k, name in enumerate(about["populations"])}
    return Integers(
        network=Network.load(entry / "network.loom"),
        events=events,
        followed=about["followed"],
        accuracy=about["accuracy"],
        agreement=about["agreement"],
        steps=about["steps"],
    )


def typical(fires: Sequence[np.ndarray], wanted: int) -> list[int]:
    """Samples, of so many steps together, that have, of each population, as many events in a step as all the data, and
    as often so many more than usual. fires: (samples, steps, neurons) of each population."""
    samples, steps = fires[0].shape[:2]
    features = []
    for one in fires:
        events = np.count_nonzero(one, axis=2)
        beyond = [np.maximum(0, events - q) for q in np.quantile(events, QUANTILES)]
        features += [each.mean(axis=1) / max(1.0, events.mean()) for each in (events, *beyond)]
    of_sample = np.stack(features, axis=1)
    off = of_sample - of_sample.mean(axis=0)
    many = min(samples, max(1, round(wanted / steps)))
    rng = np.random.default_rng(0)
    sets = rng.random((LOOKS, samples)).argpartition(many - 1, axis=1)[:, :many]
    return sets[(off[sets].mean(axis=1) ** 2).sum(axis=1).argmin()].tolist()

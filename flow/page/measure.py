"""Running what the page shows: the integer network, the float model it came from, and the simulated Verilog."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom import packaged
from spikeloom.golden import data as files
from spikeloom.golden import float_model, nir_graph, simulate
from spikeloom.golden.conventions import Knobs
from spikeloom.golden.network import Network, Refusal
from spikeloom.golden.nir_model import Model
from spikeloom.page.folder import Folder
from spikeloom.sim import equivalence

__all__ = ["Drawn", "Input", "Layer", "Measured", "Reference", "inputs", "measure"]

#: Samples are run in blocks of about this many cells (sample, step, neuron), which bounds memory.
BLOCK_CELLS = 1 << 22
BINS = 128
AMARANTH_SAMPLES = 2


@dataclass(frozen=True, kw_only=True)
class Input:
    """Data, and what to call them."""

    data: files.Data
    name: str
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The float model."""

    model: Model
    knobs: Knobs
    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What one population did on the data.

    histogram: potentials over the whole range of the state, in equal bins. saturations: as in a conversion's report.
    rates:     events' values per neuron and step. agreement: among the cells in which float or integer has an event.
               Both are None where the population sends its potential.
    """

    name: str
    histogram: np.ndarray
    potential: tuple[int, int]
    saturations: int
    rate: float | None
    rate_float: float | None
    agreement: float | None


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One sample's events by population, (steps, neurons): the stimulus, golden's, and the RTL's if it has any."""

    sample: int
    label: int | None
    stimulus: np.ndarray
    golden: dict[str, np.ndarray]
    rtl: dict[str, np.ndarray] | None
    prediction: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """predictions: "float", "integer" and "rtl", those that were run. ends: clocks at each sample's end."""

    samples: int
    given: int
    steps: int
    labels: np.ndarray | None
    layers: tuple[Layer, ...]
    predictions: dict[str, np.ndarray]
    drawn: Drawn
    verdict: equivalence.VerifyReport
    ends: np.ndarray | None

    def accuracy(self, which: str) -> float | None:
        if self.labels is None or which not in self.predictions:
            return None
        return float((self.predictions[which] == self.labels).mean())


def inputs(
    network: Network, data: "str | Path | files.Data | None", model: str | Path | None
) -> tuple[Input | None, Reference | None]:
    """The data and the float model: those given, else those of the packaged network that this one was made from."""
    origin: Any = network.origin
    file: Any = origin.get("file") if isinstance(origin.get("file"), dict) else {}
    ours = next((p for p in packaged.PACKAGED.values() if _sha256(p.model) == file.get("sha256")), None)
    if ours is not None:
        model = model or ours.model
        data = data if data is not None else ours.test
    given = None
    if isinstance(data, files.Data):
        given = Input(data=data, name="arrays", sha256=None)
    elif data is not None:
        given = Input(data=files.load(data), name=Path(data).name, sha256=_sha256(Path(data)))
    return given, _reference(network, file, Path(model)) if model else None


def _reference(network: Network, file: dict[str, Any], path: Path) -> Reference:
    try:
        sha256 = _sha256(path)
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror or error})") from None
    if sha256 != file.get("sha256"):
        raise Refusal(f"{path}: not the model that this network was converted from; give that one, or none")
    try:
        knobs = Knobs(**network.origin["knobs"])
    except (KeyError, TypeError) as error:
        raise Refusal(f"the network does not say how {path} runs in steps ({error}); convert it again") from None
    return Reference(model=nir_graph.load(path, knobs).model, knobs=knobs, name=path.name, sha256=sha256)


def measure(
    folder: Folder,
    given: Input,
    reference: Reference | None,
    *,
    samples: int | None,
    simulator: str,
    mismatch: Path,
    verdict: equivalence.VerifyReport | None = None,
    progress: Callable[..., None] | None = None,
) -> Measured:
    """Run the first ``samples`` on everything. ``verdict``: of a comparison of the same folder and data, if there was.

    mismatch: where a difference leaves its reproducer.
    """
    network = folder.network
    total = len(given.data.x)
    if samples is not None and not 1 <= samples <= total:
        raise Refusal(f"samples must be in 1..{total}, not {samples}: that is how many x has")
    count = samples or (min(total, AMARANTH_SAMPLES) if simulator == "amaranth" else total)
    raw = given.data.x[:count]
    # Data are in the unit of the model, also whole numbers where the input has a scale.
    x = simulate.check_stimulus(network.input, raw if network.input.scale == 1 else raw.astype(float))
    labels = None if given.data.y is None else given.data.y[:count]
    say = progress or (lambda *said: None)

    if verdict is None:
        say("verify")
        verdict = equivalence.verify(folder.rtl, x, simulator=simulator, output=mismatch, progress=progress)
    say("run the Verilog")
    # A run whose stream is broken has no events to draw; the verdict says what is wrong with it.
    rtl = None if verdict.problems else equivalence.simulate(folder.rtl, x, simulator=simulator, progress=progress)
    say("run the models")
    layers, predictions = _models(network, x, raw, reference, progress)
    if rtl is not None:
        predictions["rtl"] = rtl.prediction
    first = verdict.mismatch.sample if verdict.mismatch and verdict.mismatch.sample < count else 0
    golden = simulate.run(network, x[first : first + 1], record="all").events
    drawn = Drawn(
        sample=first,
        label=None if labels is None else int(labels[first]),
        stimulus=x[first],
        golden={name: events[0] for name, events in golden.items()},
        rtl=None if rtl is None else {name: events[first] for name, events in rtl.events.items()},
        prediction=int(predictions["integer"][first]),
    )
    return Measured(
        samples=count,
        given=total,
        steps=x.shape[1],
        labels=labels,
        layers=layers,
        predictions=predictions,
        drawn=drawn,
        verdict=verdict,
        ends=None if rtl is None else rtl.clocks,
    )


class _Tally:
    """One population's figures, added up block by block."""

    def __init__(self, network: Network, name: str, lag: int) -> None:
        self.population = network[name]
        self.spiking = self.population.neuron.options.get("spikes") != "potential"
        self.lag = lag if self.spiking else 0
        self.bits = self.population.neuron.states["v"]
        self.histogram = np.zeros(min(BINS, 1 << self.bits), np.int64)
        self.low, self.high = [], []
        self.cells = self.sum = self.saturations = 0
        self.cells_float = self.sum_float = self.either = self.same = 0

    def add(self, events: np.ndarray, v: np.ndarray, wanted: np.ndarray | None) -> None:
        least, most = -(1 << self.bits - 1), (1 << self.bits - 1) - 1
        step = (1 << self.bits) // len(self.histogram)
        self.histogram += np.bincount(((v - least) // step).ravel(), minlength=len(self.histogram))
        self.low.append(int(v.min()))
        self.high.append(int(v.max()))
        # At a lower bound of its own a state was clipped as the model wants, not cut off by its width.
        bound = self.population.neuron.parameters["v_min"] > least
        self.saturations += int(((v == most) | ((v == least) & ~bound)).sum())
        if not self.spiking:
            return
        self.cells += events.size
        self.sum += int(events.sum(dtype=np.int64))
        if wanted is not None:
            # Under lag the float model reports what the integers had one step before.
            wanted = wanted[:, self.lag :]
            events = events[:, : wanted.shape[1]]
            either = (wanted != 0) | (events != 0)
            self.cells_float += wanted.size
            self.sum_float += int(wanted.sum(dtype=np.int64))
            self.either += int(either.sum())
            self.same += int((wanted == events)[either].sum())

    def layer(self, compared: bool) -> Layer:
        return Layer(
            name=self.population.name,
            histogram=self.histogram,
            potential=(min(self.low), max(self.high)),
            saturations=self.saturations,
            rate=self.sum / self.cells if self.spiking else None,
            rate_float=self.sum_float / max(1, self.cells_float) if compared and self.spiking else None,
            agreement=(self.same / self.either if self.either else 1.0) if compared and self.spiking else None,
        )


def _models(
    network: Network,
    x: np.ndarray,
    raw: np.ndarray,
    reference: Reference | None,
    progress: Callable[..., None] | None,
) -> tuple[tuple[Layer, ...], dict[str, np.ndarray]]:
    """Integer network on ``x`` and float model on ``raw`` (samples, steps, neurons), a block of samples at a time."""
    lag = int(bool(reference and reference.knobs.lag))
    tallies = [_Tally(network, p.name, lag) for p in network.neurons]
    predictions: dict[str, list[np.ndarray]] = {"float": [], "integer": []}
    size = max(1, BLOCK_CELLS // (x.shape[1] * sum(p.size for p in network.populations)))
    for first in range(0, len(x), size):
        part = x[first : first + size]
        golden = simulate.run(network, part, record="all")
        predictions["integer"].append(golden.prediction)
        wanted = None
        if reference is not None:
            wanted = float_model.run(
                reference.model, raw[first : first + size], reference.knobs, read_out=network.read_out
            )
            predictions["float"].append(wanted.prediction)
        for tally in tallies:
            name = tally.population.name
            tally.add(golden.events[name], golden.potentials[name], wanted and wanted.events[name])
        if progress:
            progress(min(first + size, len(x)), len(x))
    layers = tuple(tally.layer(reference is not None) for tally in tallies)
    return layers, {name: np.concatenate(parts) for name, parts in predictions.items() if parts}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

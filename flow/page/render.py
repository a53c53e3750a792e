"""The page: what was read and measured, in the order in which a reader asks for it."""

import datetime
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib import resources
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spikeloom import __version__
from spikeloom.boards import storage
from spikeloom.boards.critical import named
from spikeloom.golden.network import Network, Population, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network
from spikeloom.page import cores, drawings
from spikeloom.page.fit import fits
from spikeloom.page.folder import Folder
from spikeloom.page.measure import Input, Layer, Measured, Reference
from spikeloom.sim import equivalence
from spikeloom.sim.job import INTERVAL
from spikeloom.text import visible

__all__ = ["render"]

#: More classes than this are drawn without numbers; more than the second not at all.
NUMBERED_CLASSES, MOST_CLASSES = 24, 256
#: Rows of a raster are named and counted up to this many neurons.
NAMED_NEURONS = 16
#: Of the first sample's traffic, as many are drawn, and of its steps so many are numbered.
MOST_INTERVALS, MOST_NUMBERS = 240, 12
#: How often the streams waited.
STREAMS = {
    "i_waits": ("input waits", "the accelerator is not ready for the next event: it is computing"),
    "i_gaps": ("gaps in the input", "the bench withholds events on purpose"),
    "o_waits": ("output waits", "the bench does not take an event on purpose"),
}


def render(
    folder: Folder, given: Input | None, reference: Reference | None, measured: Measured | None, command: str
) -> str:
    """The whole document. Names come from files: all of them are escaped, and none can hide characters."""
    environment = Environment(
        loader=PackageLoader("spikeloom.page", "."),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "percent": percent, "figure": figure, "rate": rate}
    network = folder.network
    boards = fits(folder)
    carried = _carried(folder, measured)
    script = (resources.files("spikeloom.page") / "flow.js").read_text("utf-8")
    return environment.get_template("page.html.j2").render(
        version=__version__,
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        command=command,
        folder=folder,
        manifest=folder.manifest,
        network=network,
        name=_name(network),
        sizes=" → ".join(str(network[name].size) for name in network.order()),
        given=given,
        reference=reference,
        measured=measured,
        verdict=measured and measured.verdict,
        unit="events" if any(p.value_bits > 1 for p in network.neurons) else "spikes",
        builds=folder.builds,
        boards=boards,
        titles={fit.board.name: fit.board.title for fit in boards},
        rasters=list(_rasters(network, measured)) if measured else [],
        diagram=drawings.diagram(network, _notes(network)),
        layers=[_layer(network, p, measured) for p in network.neurons],
        alone=_alone(measured),
        distributions=list(_distributions(network, measured)),
        confusions=list(_confusions(network, measured)) if measured else [],
        resources=[(b, list(_resources(b))) for b in folder.builds],
        place=named,
        intervals=_intervals(measured),
        spent=_clocks(measured),
        engines=_engines(measured),
        carried=carried,
        per_second=cores.PER_SECOND,
        interval=INTERVAL,
        script=Markup(script) if carried else None,  # noqa: S704  a constant
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        stored=_stored(folder),
        memory=_memory_kinds(folder),
        knobs=_plain_items(network.origin.get("knobs")),
        configuration=_plain_items(folder.manifest.configuration),
    )


def _finalize(value: object) -> object:
    return value if isinstance(value, Markup) else visible(value)


def count(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


def whole(value: int) -> str:
    """An integer with the sign that is as wide as its digits."""
    return f"{value:,}".replace("-", "−")


def percent(share: float | None, digits: int = 1) -> str:
    """A share; what is there and rounds to nothing, or is not whole and rounds to it, says so; None is a dash."""
    if share is None:
        return "–"
    if 0 < share * 100 < 0.5 * 10**-digits:
        return f"< {10**-digits:g} %"
    return f"{100 * share:.{digits}f} %"


def rate(events: float | None, counts: bool) -> str:
    """Events per neuron and step: a share of spikes, or how many are counted."""
    return percent(events, 2) if events is None or not counts else f"{events:.3f}"


def figure(shown: object, name: str, value: object = None) -> Markup:
    """A figure that machines can read too: its exact value beside what is shown."""
    return drawings.element("data", shown, value=shown if value is None else value, data_figure=name)


def _name(network: Network) -> str:
    file = network.origin.get("file")
    return str(file.get("name", "network")) if isinstance(file, dict) else f"network {network.hash[:12]}"


def _plain_items(values: object) -> list[tuple[str, str]]:
    """A mapping as words, if it is one."""
    words = {None: "by default", True: "yes", False: "no"}
    if not isinstance(values, Mapping):
        return []

    def word(value: Any) -> str:
        return words[value] if value is None or isinstance(value, bool) else str(value)

    return [(str(key).replace("_", " "), word(value)) for key, value in values.items()]


def _notes(network: Network) -> dict[str, str]:
    notes = {}
    for p in network.populations:
        shape = " × ".join(map(str, p.shape))
        kind = "input" if p.neuron is None else p.neuron.model.upper()
        what = "potentials" if p.neuron and _sends_potential(p) else "values"
        values = "spikes" if p.value_bits == 1 else f"{what} of {p.value_bits} bits"
        notes[p.name] = f"{shape} · {kind} · {values}"
    return notes


def _sends_potential(p: Population) -> bool:
    return p.neuron.options.get("spikes") == "potential"


# Verdict ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Raster:
    """One population's picture; rows are named where there are few, with how often each fired."""

    name: str
    about: list[str]
    picture: Markup
    height: int
    rows: list[tuple[int, int]]
    ticks: list[tuple[float, int]]


def _rasters(network: Network, measured: Measured) -> Iterator[_Raster]:
    drawn = measured.drawn
    names = [network.input.name, *(p.name for p in network.neurons)]
    for name in names:
        stimulus = name == network.input.name
        golden = drawn.stimulus if stimulus else drawn.golden[name]
        rtl = None if stimulus or drawn.rtl is None else drawn.rtl[name]
        steps, neurons = golden.shape
        cut = []
        if neurons > drawings.MOST_NEURONS:
            cut.append(f"the first {drawings.MOST_NEURONS} neurons")
        if steps > drawings.MOST_STEPS:
            cut.append(f"the first {drawings.MOST_STEPS} steps")
        spikes = int(np.count_nonzero(golden))
        label = f"{name}: {spikes} events of {neurons} neurons in {steps} steps"
        few = neurons <= NAMED_NEURONS
        shown = min(steps, drawings.MOST_STEPS)
        every = next(n for n in (1, 5, 10, 25, 50) if shown / n <= 8 or n == 50)
        yield _Raster(
            name=name,
            about=[f"{neurons:,} neurons", f"{spikes:,} events", *([f"shown: {' and '.join(cut)}"] if cut else [])],
            picture=drawings.raster(label, golden, rtl),
            height=17 * neurons if few else int(np.clip(2.4 * neurons, 130, 330)),
            rows=[(k, int(total)) for k, total in enumerate(golden.sum(0))] if few else [],
            ticks=[(100 * (t + 0.5) / shown, t) for t in range(0, shown, every)],
        )


def _alone(measured: Measured | None) -> tuple[int, int, int]:
    """Events of the drawn sample: of golden alone, of the RTL alone, of both and equal."""
    if measured is None or measured.drawn.rtl is None:
        return 0, 0, 0
    pairs = [(golden, measured.drawn.rtl[name]) for name, golden in measured.drawn.golden.items()]
    return (
        sum(int(((g != 0) & (g != r)).sum()) for g, r in pairs),
        sum(int(((r != 0) & (g != r)).sum()) for g, r in pairs),
        sum(int(((g != 0) & (g == r)).sum()) for g, r in pairs),
    )


# Network and its integers -----------------------------------------------------------------------------------------


def _span(values: np.ndarray) -> str:
    low, high = int(values.min()), int(values.max())
    return whole(low) if low == high else f"{whole(low)} … {whole(high)}"


def _origin_of(network: Network, name: str) -> dict[str, Any]:
    layers = network.origin.get("layers")
    found = layers.get(name) if isinstance(layers, dict) else None
    return found if isinstance(found, dict) else {}


def _measured_layer(measured: Measured | None, name: str) -> Layer | None:
    return next((layer for layer in measured.layers if layer.name == name), None) if measured else None


def _layer(network: Network, p: Population, measured: Measured | None) -> dict[str, Any]:
    """One row of the table of layers."""
    neuron, scale = p.neuron, _origin_of(network, p.name).get("scale")
    bits = sorted({j.synapses.bits for j in network.into(p.name)})
    keep, shift = neuron.parameters["keep"], neuron.options["decay_bits"]
    return {
        "name": p.name,
        "neurons": p.size,
        "synapses": sum(j.synapses.weights.size for j in network.into(p.name)),
        "weight_bits": "/".join(map(str, bits)),
        "scale": f"{scale:.4g}" if isinstance(scale, float) else "",
        "state_bits": neuron.states["v"],
        "guard": neuron.options["guard"],
        "keep": f"{_span(keep)} / {1 << int(shift):,}",
        "counts": p.value_bits > 1,
        "current": neuron.states.get("i"),
        "threshold": "–" if _sends_potential(p) else _span(neuron.parameters["threshold"]),
        "reset": "none: sends its potential"
        if _sends_potential(p)
        else f"{neuron.options['reset']}, {neuron.options['reset_when']}",
        "measured": _measured_layer(measured, p.name),
        "fired": measured.verdict.fired.get(p.name) if measured else None,
    }


@dataclass(frozen=True, kw_only=True)
class _Distribution:
    """A histogram, the ends of its axis, and places that are marked, as percent of its width."""

    what: str
    name: str
    about: str
    picture: Markup
    ends: tuple[str, str]
    marks: list[tuple[float, str]]
    measured: bool = False


def _distributions(network: Network, measured: Measured | None) -> Iterator[_Distribution]:
    """Layer by layer, so that a layer's pictures stand side by side."""
    for p in network.neurons:
        yield from _weights(network, p)
        layer = _measured_layer(measured, p.name)
        if layer is not None:
            yield _potential(p, layer)


def _weights(network: Network, p: Population) -> Iterator[_Distribution]:
    into = [j for j in network.into(p.name) if j.synapses.weights.size]
    for bits in sorted({j.synapses.bits for j in into}):
        matrices = [j.synapses.weights for j in into if j.synapses.bits == bits]
        low, high = min(int(w.min()) for w in matrices), max(int(w.max()) for w in matrices)
        total = sum(w.size for w in matrices)
        zeros = sum(int((w == 0).sum()) for w in matrices) / total
        limit = 1 << bits - 1
        counts = drawings.weight_counts(matrices, bits)
        yield _Distribution(
            what="Weights into",
            name=p.name,
            about=f"{total:,} weights in {whole(low)} … {whole(high)}, {percent(zeros)} of them 0",
            picture=drawings.histogram(f"weights into {p.name}", counts, logarithmic=False),
            ends=(whole(-limit), whole(limit - 1)),
            marks=[],
        )


def _potential(p: Population, layer: Layer) -> _Distribution:
    limit, threshold = 1 << p.neuron.states["v"] - 1, p.neuron.parameters["threshold"]
    ends = [] if _sends_potential(p) else sorted({int(threshold.min()), int(threshold.max())})
    places = [(limit + t) / (2 * limit) for t in ends]
    low, high = layer.potential
    used = max(-low, high + 1) / limit
    about = f"reached {whole(low)} … {whole(high)}, {percent(used, 0)} of the range; "
    about += f"{layer.saturations:,} saturated" if layer.saturations else "none saturated"
    return _Distribution(
        what="Potentials of",
        name=layer.name,
        about=about,
        picture=drawings.histogram(f"potentials of {layer.name}", layer.histogram, logarithmic=True, lines=places),
        ends=(whole(-limit), whole(limit - 1)),
        marks=[(100 * places[0], f"threshold {_span(threshold)}")] if places else [],
        measured=True,
    )


# Accuracy ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Confusion:
    """Rows are the classes that are right, columns those that were answered; cells: (count, share of its row)."""

    which: str
    title: str
    kind: str
    accuracy: float
    right: int
    cells: list[list[tuple[int, float]]] | None


def _confusions(network: Network, measured: Measured) -> Iterator[_Confusion]:
    if measured.labels is None:
        return
    labels = measured.labels
    classes = max(network[network.output].size, int(labels.max()) + 1) if labels.min() >= 0 else MOST_CLASSES + 1
    titles = {
        "float": ("Float model", "measured"),
        "integer": ("Integer network", "measured"),
        "rtl": ("Verilog", "simulated"),
    }
    for which, (title, kind) in titles.items():
        if which not in measured.predictions:
            continue
        predicted = measured.predictions[which]
        cells = None
        if classes <= MOST_CLASSES:
            table = np.zeros((classes, classes), np.int64)
            np.add.at(table, (labels, predicted), 1)
            shares = table / np.maximum(1, table.sum(1, keepdims=True))
            cells = [[(int(c), float(s)) for c, s in zip(*row, strict=True)] for row in zip(table, shares, strict=True)]
        right = int((predicted == labels).sum())
        yield _Confusion(which=which, title=title, kind=kind, accuracy=right / len(labels), right=right, cells=cells)


# Hardware ---------------------------------------------------------------------------------------------------------


def _resources(build: Any) -> Iterator[tuple[str, str, int, int]]:
    names = {"lut": "logic cells", "ff": "flip-flops", "block_ram": "block RAM", "dsp": "multipliers"}
    for key, name in names.items():
        available = getattr(build.available, key)
        if available > 0:
            yield key, name, getattr(build.used, key), available


def _intervals(measured: Measured | None) -> dict[str, Any] | None:
    """Clocks from one sample's end to the next's, over all samples but the first."""
    if measured is None or measured.ends is None or len(measured.ends) < 2:
        return None
    # Every run of the simulator counts from its own first event.
    clocks = np.diff(measured.ends)
    clocks = clocks[clocks > 0]
    if not len(clocks):
        return None
    counts, _ = np.histogram(clocks, bins=min(60, max(1, len(clocks) // 2)))
    return {
        "least": int(clocks.min()),
        "median": float(np.median(clocks)),
        "most": int(clocks.max()),
        "picture": drawings.histogram("clocks per inference", counts, logarithmic=False),
    }


def _clocks(measured: Measured | None) -> list[tuple[str, str, int, float]]:
    """What every engine's clocks went to, and how often the streams waited: (name, meaning, clocks, share)."""
    if measured is None:
        return []
    verdict = measured.verdict
    rows = []
    for name, engine in verdict.engines.items():
        total = max(1, sum(engine.clocks.values()))
        prefix = f"{name}: " if len(verdict.engines) > 1 else ""
        about = dict(equivalence.CAUSES[engine.order].values())
        rows += [(f"{prefix}{title}", about[title], n, n / total) for title, n in engine.clocks.items()]
    total = max(1, verdict.clocks)
    return rows + [
        (title, about, verdict.stalls[k], verdict.stalls[k] / total) for k, (title, about) in STREAMS.items()
    ]


def _engines(measured: Measured | None) -> list[tuple[str, str, float, int, float]]:
    """(name, order, rows per clock, useful operations, these per lane and clock) of what added rows."""
    orders = {"neuron": "for each group of neurons, the events", "event": "for each event, its rows"}
    return [
        (name, orders[e.order], e.rows_per_clock, e.operations, e.per_lane)
        for name, e in (measured.verdict.engines.items() if measured else ())
        if e.rows_per_clock
    ]


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What the links between several cores carried. rows: (link, packets, clocks in which one waited).

    ended: per population, the clocks at which its steps ended. axis: where the output's did, in percent of ``clocks``.
    """

    rows: list[tuple[str, int, int]]
    clocks: int
    intervals: int
    ended: list[tuple[str, str]]
    axis: list[tuple[float, int]]
    flow: Markup
    traffic: Markup


def _carried(folder: Folder, measured: Measured | None) -> Carried | None:
    """The packets of the first sample, interval by interval, and those of all."""
    if not measured or not measured.verdict.links or not measured.verdict.traffic:
        return None
    verdict = measured.verdict
    intervals = min(MOST_INTERVALS, -(-verdict.latency // INTERVAL))
    counts = np.array(verdict.traffic[:intervals])
    names = list(verdict.links)
    parameters = folder.manifest.parameters
    clocks = len(counts) * INTERVAL
    shown = [(step, clock) for step, clock in enumerate(verdict.ticks[folder.network.output]) if 0 < clock < clocks]
    return Carried(
        rows=[(name, link["moved"], link["stalled"]) for name, link in verdict.links.items()],
        clocks=clocks,
        intervals=len(counts),
        ended=[(name, " ".join(map(str, verdict.ticks[name]))) for name in verdict.ticks],
        axis=[(100 * clock / clocks, step) for step, clock in shown[:: -(-len(shown) // MOST_NUMBERS) or 1]],
        flow=cores.flow(names, 1 + len(parameters.cores), parameters.topology, counts),
        traffic=cores.traffic(counts),
    )


def _memory_kinds(folder: Folder) -> list[tuple[str, int, float]]:
    """(what, bits, share), the largest first."""
    totals: dict[str, int] = {}
    shapes = [(memory.kind, memory.bits) for memory in folder.manifest.map.memories]
    flit = asdict(folder.manifest.parameters.flit)
    for core in folder.manifest.parameters.cores:
        shapes += [(name, entries * bits) for name, entries, bits in storage.unmapped(asdict(core), flit)]
    for name, bits in shapes:
        kind = storage.BLOCKS.get(name, "tables")
        totals[kind] = totals.get(kind, 0) + bits
    everything = max(1, sum(totals.values()))
    return [(kind, bits, bits / everything) for kind, bits in sorted(totals.items(), key=lambda item: -item[1])]


def _stored(folder: Folder) -> list[storage.Stored]:
    """What each projection's numbers take; nothing of hardware that is not the network's own."""
    try:
        mapping = map_network(folder.network, Configuration.create(**folder.manifest.configuration))
    except Refusal:
        return []
    return [one for one in storage.stored(mapping) if one.numbers]

"""Verilog against golden: every event of every population at every step, and the state after the last one."""

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.golden.network import Refusal
from spikeloom.golden.simulate import answer
from spikeloom.hdl.design import Design
from spikeloom.sim.job import ACTIVITIES, stimulus
from spikeloom.sim.reproducer import write_reproducer
from spikeloom.sim.session import Block, Progress, Session
from spikeloom.sim.useful import Useful

__all__ = ["CAUSES", "Engine", "Mismatch", "Simulation", "VerifyReport", "compare", "simulate", "verify"]

#: Samples that Amaranth's simulator runs unless told: it is a hundred times slower.
AMARANTH_SAMPLES = 2
#: What the causes of ``VerifyReport.activity`` are called: of the lanes, and of an event-stationary half.
CAUSES = {
    "neuron": {
        "rows": ("rows", "a row of weights is added, one synapse per lane; or a row of sums"),
        "hand_over": ("hand over", "a group's sums go to the neuron units"),
        "tick": ("tick", "no population has all of its inputs for a step"),
        "credit": ("credit", "a population waits for room at a reader of its events"),
        "scheduler": ("scheduler", "a population is started, or its next group prepared"),
        "neuron_unit": ("neuron unit", "the neuron units still step the group before"),
        "output": ("output", "events of groups before are still being sent"),
    },
    "event": {
        "rows": ("rows", "an event's row of weights is added to a row of sums, or one synapse of a list"),
        "hand_over": ("sums taken", "the lanes took a row of sums"),
        "neuron_unit": ("no event", "a list of events is read, and the next event is not there yet"),
        "scheduler": ("between projections", "a projection is started or ended"),
        "credit": ("sums waiting", "the sums of a step before are not taken yet"),
        "tick": ("idle", "no projection has a step to do"),
    },
}


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What one engine did: the lanes of a core (``order`` "neuron"), or its event-stationary half ("event").

    clocks: by cause, as :data:`CAUSES` calls it. rows_per_clock: between each step's first row and its last.
    operations: synapses that golden's events reached in time. per_lane: these, per lane and clock of the same time;
    what rows hold beside them (padding, synapses that are not there, events beyond the last step) is not among them.
    Both are 0 without rows.
    """

    order: str
    clocks: dict[str, int]
    rows_per_clock: float
    operations: int
    per_lane: float


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """The first difference in the order of samples and steps; ``step`` and ``neuron`` are None where it has none."""

    sample: int
    step: int | None
    population: str | None
    neuron: int | None
    expected: int | None
    got: int | None
    text: str


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """What was compared and what came out.

    cells:  (sample, step, neuron) compared; ``events`` of them had an event in golden; ``states`` read back.
    fired:  per population, the share of its neurons that fired at least once.
    differences: cells and states that differ. problems: what is wrong with the stream or the run itself.
    clocks: all simulated ones. clocks_per_inference: between two samples' ends. latency: first flit to the first
            sample's end. stalls: clocks in which the bench held back input and output, and the design input.
    activity: per core, the clocks from the first event to the last tick by what its lanes did: added ``rows`` of
            weights, a ``hand_over`` of a group's sums, or waited for an input's ``tick``, for ``credit`` of a channel
            that it writes, for the ``scheduler`` to prepare a group, for a ``neuron_unit`` that steps the group before,
            or for the ``output`` of its events. ``span``: clocks from each step's first row to its last.
    level:  what was simulated, the "rtl" or the "netlist" that synthesis for ``family`` makes of it; ``verilog`` is the
            SHA-256 of its text.
    links:  between several cores, the packets that went over each and the clocks in which one waited (``moved``,
            ``stalled``); ``traffic``: packets of each link, in the same order, in each 64 clocks from the first event;
            ``ticks``: per population, the clocks from there to the end of each step of the first sample.
    """

    samples: int
    given: int
    steps: int
    populations: dict[str, int]
    cells: int
    events: int
    states: int
    fired: dict[str, float]
    differences: int
    problems: tuple[str, ...]
    mismatch: Mismatch | None
    reproducer: Path | None
    clocks: int
    clocks_per_inference: float
    latency: int
    stalls: dict[str, int]
    activity: dict[str, dict[str, int]]
    simulator: str
    versions: dict[str, str]
    verilog: str
    network: str
    seed: int
    build_seconds: float
    seconds: float
    level: str = "rtl"
    family: str | None = None
    lanes: int = 1
    operations: dict[str, int] = field(default_factory=dict)
    links: dict[str, dict[str, int]] = field(default_factory=dict)
    traffic: tuple[tuple[int, ...], ...] = ()
    ticks: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.events > 0 and self.differences == 0 and not self.problems

    @property
    def rows_per_clock(self) -> float:
        """Rows per clock between each step's first and last, over all engines of the busier kind; 0 without rows."""
        kinds: dict[str, list[dict[str, int]]] = {}
        for name, clocks in self.activity.items():
            kinds.setdefault(_order(name), []).append(clocks)
        rows, span = max(
            ((sum(c["rows"] for c in kind), sum(c["span"] for c in kind)) for kind in kinds.values()), default=(0, 0)
        )
        return rows / span if span else 0.0

    @property
    def engines(self) -> dict[str, Engine]:
        """What each engine did."""
        found = {}
        for name, clocks in self.activity.items():
            order, span, operations = _order(name), clocks["span"], self.operations.get(name, 0)
            found[name] = Engine(
                order=order,
                clocks={title: clocks.get(cause, 0) for cause, (title, _) in CAUSES[order].items()},
                rows_per_clock=round(clocks["rows"] / span, 4) if span else 0.0,
                operations=operations,
                per_lane=round(operations / span / self.lanes, 4) if span else 0.0,
            )
        return found

    @property
    def verdict(self) -> str:
        """One line for people."""
        if self.mismatch is not None:
            what = f"The {self.family} netlist" if self.level == "netlist" else "RTL"
            return f"{what} differs from golden: {self.mismatch.text}"
        if not self.events:
            return "Nothing was exercised: no neuron fired; give samples that make the network fire."
        part = f" (the first {self.samples} of {self.given} samples)" if self.samples < self.given else ""
        where = f" in the {self.family} netlist" if self.level == "netlist" else ""
        count = len(self.populations)
        return f"{self.events} events of {count} populations compared{where}, {self.differences} differ{part}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        derived = {
            "ok": self.ok,
            "rows_per_clock": round(self.rows_per_clock, 4),
            "engines": {name: asdict(engine) for name, engine in self.engines.items()},
        }
        return {**asdict(self), "reproducer": str(self.reproducer) if self.reproducer else None, **derived}


def _order(engine: str) -> str:
    return "event" if engine.endswith(".scatter") else "neuron"


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What the RTL computed; the same names as golden's result. clocks: at each sample's end, from the first flit."""

    events: dict[str, np.ndarray]
    final: dict[str, dict[str, np.ndarray]]
    spikes: np.ndarray
    counts: np.ndarray
    prediction: np.ndarray
    clocks: np.ndarray


def compare(block: Block, names: list[str], steps: int) -> tuple[int, int, int, int, Mismatch | None]:
    """(cells, events, states, differences, first) of a block; names in the order of a step."""
    cells = events = states = differences = 0
    firsts: list[tuple[tuple[int, int, int], Mismatch]] = []
    for rank, name in enumerate(names):
        complete = block.decoded.complete[name]
        expected, got = (
            e[name].reshape(-1, e[name].shape[-1])[:complete] for e in (block.expected.events, block.decoded.events)
        )
        wrong = expected != got
        cells += expected.size
        events += int(np.count_nonzero(expected))
        differences += int(wrong.sum())
        if wrong.any():
            row = int(wrong.any(1).argmax())
            k = int(wrong[row].argmax())
            firsts.append(((row, rank, k), _cell(block.first, row, steps, name, k, expected[row, k], got[row, k])))
        # States are read back unless the run failed, and then all of them.
        assert block.problems or set(block.states[name]) == set(block.expected.final[name])
        for state, array in block.states.get(name, {}).items():
            final = block.expected.final[name][state][-1]
            wrong = final != array
            states += final.size
            differences += int(wrong.sum())
            if wrong.any():
                k = int(wrong.argmax())
                text = (
                    f"after sample {block.last - 1}, population {name!r}, neuron {k}: "
                    f"state {state!r} is {array[k]}, expected {final[k]}"
                )
                position = ((block.last - block.first) * steps, rank, k)
                firsts.append((position, _mismatch(block.last - 1, None, name, k, final[k], array[k], text)))
    if block.problems:
        sample = min(min(block.decoded.complete.values()) // steps, block.last - block.first - 1)
        text = f"{block.problems[0]} (samples {block.first} to {block.last - 1})"
        position = ((block.last - block.first) * steps, len(names), 0)
        firsts.append((position, _mismatch(block.first + sample, None, None, None, None, None, text)))
    return cells, events, states, differences, min(firsts, key=lambda f: f[0])[1] if firsts else None


def _cell(first: int, row: int, steps: int, name: str, k: int, expected: int, got: int) -> Mismatch:
    sample, step = first + row // steps, row % steps
    text = f"sample {sample}, step {step}, population {name!r}, neuron {k}: expected {expected}, got {got}"
    return _mismatch(sample, step, name, k, expected, got, text)


def _mismatch(sample, step, population, neuron, expected, got, text) -> Mismatch:
    numbers = (None if n is None else int(n) for n in (sample, step, neuron, expected, got))
    sample, step, neuron, expected, got = numbers
    return Mismatch(
        sample=sample, step=step, population=population, neuron=neuron, expected=expected, got=got, text=text
    )


def verify(
    directory: str | Path,
    x: np.ndarray,
    *,
    samples: int | None = None,
    simulator: str = "verilator",
    stalls: bool = False,
    seed: int = 0,
    bulk: bool = False,
    waveform: str | Path | None = None,
    progress: Progress | None = None,
    output: str | Path = "mismatch",
) -> VerifyReport:
    """Run a generated folder's Verilog on ``x`` and compare it with golden.

    samples:  how many of ``x``; by default all, on Amaranth's simulator the first few.
    bulk:     run Verilator without cocotb, several times faster, and with the same clocks.
    stalls:   hold both streams back at random, and send each step's events in random order.
    waveform: a .fst or .vcd file to write. output: where a mismatch leaves its reproducer.
    """
    started = time.monotonic()
    design = Design(directory)
    given = stimulus(design, x)
    if samples is not None and not 1 <= samples <= len(given):
        raise Refusal(f"samples must be in 1..{len(given)}, not {samples}: that is how many x has")
    x = given[: samples or (AMARANTH_SAMPLES if simulator == "amaranth" else None)]
    steps = x.shape[1]
    names = [p.name for p in design.network.neurons]
    session = Session(
        design=design,
        simulator=simulator,
        stalls=stalls,
        seed=seed,
        bulk=bulk,
        waveform=Path(waveform) if waveform else None,
        progress=progress,
    )
    totals = np.zeros(4, np.int64)
    useful, operations = Useful(design), Counter[str]()
    activity: Counter[tuple[str, str]] = Counter()
    carried, traffic = np.zeros((len(design.links), 2), np.int64), ()
    ticks: dict[str, tuple[int, ...]] = {}
    fired = {name: np.zeros(design.network[name].size, bool) for name in names}
    clocks, ends, stalled, done = 0, [], {"i_gaps": 0, "i_waits": 0, "o_waits": 0}, 0
    problems: tuple[str, ...] = ()
    first = reproducer = None
    latency = 0
    for block in session.blocks(x, compare=True):
        *numbers, first = compare(block, names, steps)
        totals += numbers
        operations += useful.count(x[block.first : block.last], block.expected.events)
        problems += block.problems
        clocks += block.answer.clock
        done = block.last
        for name in names:
            fired[name] |= block.expected.events[name].any((0, 1))
        for run in block.answer.runs:
            ends.append(np.diff(block.ends) if len(block.ends) > 1 else block.ends - run.started)
            latency = latency or int(block.ends[0]) - run.started
            for key in stalled:
                stalled[key] += getattr(run, key)
            for engine, numbers in zip(design.engines, run.activity, strict=True):
                for name, number in zip((*ACTIVITIES, "span"), numbers, strict=True):
                    activity[engine, "hand_over" if name == "step_end" else name] += number
            carried += np.array(run.links, np.int64).reshape(carried.shape)
            if run.intervals and not traffic:
                traffic, clocks_of = run.intervals, block.decoded.clocks
                ticks = {name: tuple(map(int, clocks_of[name][:steps] - run.started)) for name in names}
        if first is not None:
            reproducer = _reproduce(session, block, x, names, first, Path(output))
            break
    cells, events, states, differences = map(int, totals)
    cores: dict[str, dict[str, int]] = {}
    for (core, name), number in activity.items():
        cores.setdefault(core, {})[name] = number
    return VerifyReport(
        samples=done,
        given=len(given),
        steps=steps,
        populations={name: design.network[name].size for name in names},
        cells=cells,
        events=events,
        states=states,
        fired={name: round(float(f.mean()), 4) for name, f in fired.items()},
        differences=differences,
        problems=problems,
        mismatch=first,
        reproducer=reproducer,
        clocks=clocks,
        clocks_per_inference=round(float(np.concatenate(ends).mean()), 1) if ends else 0.0,
        latency=latency,
        stalls=stalled,
        activity=cores,
        lanes=design.manifest["configuration"]["lanes"],
        operations={engine: operations[engine] for engine in design.engines},
        links={
            f"{start} -> {end}": {"moved": int(moved), "stalled": int(stalled)}
            for (start, end), (moved, stalled) in zip(design.links, carried, strict=True)
        },
        traffic=traffic,
        ticks=ticks,
        simulator=f"{simulator} (bulk)" if bulk else simulator,
        versions=session.versions,
        verilog=design.manifest["verilog"]["sha256"] if simulator != "amaranth" else "",
        network=design.manifest["network"],
        seed=seed,
        level="netlist" if "netlist" in design.manifest else "rtl",
        family=design.manifest.get("netlist", {}).get("family"),
        build_seconds=round(session.build_seconds, 2),
        seconds=round(time.monotonic() - started, 2),
    )


def _reproduce(session: Session, block: Block, x: np.ndarray, names: list[str], first: Mismatch, output: Path) -> Path:
    """Write the shortest stimulus that still differs: the one sample, or else all from the block's first to it."""
    session.progress = session.waveform = None
    seed = session.seed + block.first
    for start in (first.sample, block.first):
        part = x[start : first.sample + 1]
        session.seed = seed
        again = session.block(part, 0, len(part), compare=True)
        if compare(again, names, x.shape[1])[-1] is not None:
            break
    options = f"--simulator {session.simulator}{' --stalls' if session.stalls else ''} --seed {seed}"
    return write_reproducer(session.design, part, first.text, options, output)


def simulate(
    directory: str | Path,
    x: np.ndarray,
    *,
    simulator: str = "verilator",
    waveform: str | Path | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Run a generated folder's Verilog on ``x``, without comparing it with anything."""
    design = Design(directory)
    x = stimulus(design, x)
    session = Session(
        design=design,
        simulator=simulator,
        stalls=False,
        seed=0,
        waveform=Path(waveform) if waveform else None,
        progress=progress,
    )
    blocks = list(session.blocks(x, compare=False))
    for block in blocks:
        if block.problems:
            raise RuntimeError(f"The simulation failed: {block.problems[0]}; `spikeloom verify` says where")
    names = [p.name for p in design.network.neurons]
    events = {name: np.concatenate([b.decoded.events[name] for b in blocks]) for name in names}
    spikes, counts, prediction = answer(design.network, events[design.network.output])
    return Simulation(
        events=events,
        final=blocks[-1].states,
        spikes=spikes,
        counts=counts,
        prediction=prediction,
        clocks=np.concatenate([b.ends - b.answer.runs[0].started for b in blocks]),
    )

"""RTL against golden: every event of every population at every step, and the state after the last one."""

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.golden import simulate as golden
from spikeloom.golden.network import Refusal
from spikeloom.sim.design import Design
from spikeloom.sim.job import Answer
from spikeloom.sim.reproducer import write_reproducer
from spikeloom.sim.stimulus import Decoded, decode

__all__ = ["Mismatch", "Simulation", "VerifyReport", "simulate", "verify"]

#: Samples are run in blocks of about this many cells (sample, step, neuron), which bounds memory.
BLOCK_CELLS = 1 << 23
#: Samples that Amaranth's simulator runs unless told: it is a hundred times slower.
AMARANTH_SAMPLES = 2

Progress = Callable[[int, int], None]


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
    simulator: str
    versions: dict[str, str]
    verilog: str
    network: str
    seed: int
    build_seconds: float
    seconds: float

    @property
    def ok(self) -> bool:
        return self.events > 0 and self.differences == 0 and not self.problems

    @property
    def verdict(self) -> str:
        """One line for people."""
        if self.mismatch is not None:
            return f"RTL differs from golden: {self.mismatch.text}"
        if not self.events:
            return "Nothing was exercised: no neuron fired; give samples that make the network fire."
        part = f" (the first {self.samples} of {self.given} samples)" if self.samples < self.given else ""
        return f"{self.events} events of {len(self.populations)} populations compared, {self.differences} differ{part}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "reproducer": str(self.reproducer) if self.reproducer else None, "ok": self.ok}


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What the RTL computed; the same names as golden's result. clocks: at each sample's end, from the first flit."""

    events: dict[str, np.ndarray]
    final: dict[str, dict[str, np.ndarray]]
    spikes: np.ndarray
    counts: np.ndarray
    prediction: np.ndarray
    clocks: np.ndarray


@dataclass(frozen=True, kw_only=True)
class _Block:
    """One run of the simulator over the samples ``first:last``, and golden's answer where it was asked for."""

    first: int
    last: int
    answer: Answer
    decoded: Decoded
    states: dict[str, dict[str, np.ndarray]]
    problems: tuple[str, ...]
    ends: np.ndarray
    expected: golden.Result | None


@dataclass(kw_only=True)
class _Session:
    """One design on one simulator."""

    design: Design
    simulator: str
    stalls: bool
    seed: int
    waveform: Path | None = None
    progress: Progress | None = None
    versions: dict[str, str] = field(default_factory=dict)
    build_seconds: float = 0.0

    def __post_init__(self) -> None:
        started = time.monotonic()
        if self.simulator == "verilator":
            from spikeloom.sim import verilator

            kind = None
            if self.waveform:
                kind = self.waveform.suffix.removeprefix(".")
                if kind not in ("fst", "vcd"):
                    raise Refusal(f"{self.waveform}: waveforms are written as .fst or .vcd")
            parameters = {"WIDTH": self.design.flit.width, "ADDRESS_BITS": self.design.address_bits}
            executable = verilator.build(self.design.verilog, parameters, trace=kind)
            self.versions = {k: v for k, v in verilator.tools().items() if k != "root"}
            self._run = lambda job, folder, waveform: verilator.run(executable, job, folder, waveform=waveform)
        elif self.simulator == "amaranth":
            from spikeloom.sim import amaranth_runner

            self.versions = amaranth_runner.versions()
            self._run = lambda job, folder, waveform: amaranth_runner.run(self.design, job, waveform=waveform)
        else:
            raise Refusal(f"There is no simulator {self.simulator!r}; use 'verilator' or 'amaranth'")
        self.build_seconds = time.monotonic() - started

    def blocks(self, x: np.ndarray, *, compare: bool) -> Iterator[_Block]:
        samples, steps, _ = x.shape
        cells = steps * sum(source.size for source in self.design.observed)
        size = max(1, BLOCK_CELLS // cells)
        for first in range(0, samples, size):
            yield self.block(x[first : first + size], first, samples, compare=compare)

    def block(self, x: np.ndarray, first: int, total: int, *, compare: bool) -> _Block:
        samples, steps, _ = x.shape
        job = self.design.job(x, stalls=self.stalls, seed=self.seed + first)
        with tempfile.TemporaryDirectory(prefix="spikeloom-") as name, ThreadPoolExecutor(1) as pool:
            folder = Path(name)
            for image in self.design.manifest["images"]:
                (folder / image).symlink_to((self.design.directory / image).resolve())
            running = pool.submit(self._run, job, folder, self.waveform if first == 0 else None)
            expected = golden.run(self.design.network, x, record="all") if compare else None
            flits = samples * steps * len(self.design.observed)
            flits += sum(np.count_nonzero(e) for e in expected.events.values()) if expected else 0
            while self.progress and not running.done():
                time.sleep(0.1)
                record = folder / "record.bin"
                if compare and record.exists():
                    self.progress(first + min(samples, samples * record.stat().st_size // (16 * flits)), total)
            answer = running.result()
        if self.progress:
            self.progress(first + samples, total)
        decoded = decode(self.design.flit, answer.flits, answer.clocks, self.design.observed, samples, steps)
        finished = bool(answer.runs) and answer.runs[0].reason == "done" and answer.reason == "done"
        return _Block(
            first=first,
            last=first + samples,
            answer=answer,
            decoded=decoded,
            states=self.design.states(answer.reads[1:]) if finished else {},
            problems=_problems(answer, decoded, steps),
            ends=np.max([clocks.reshape(samples, steps)[:, -1] for clocks in decoded.clocks.values()], axis=0),
            expected=expected,
        )


def _problems(answer: Answer, decoded: Decoded, steps: int) -> tuple[str, ...]:
    """What is wrong with how the run went, the cause first."""
    problems = []
    run = answer.runs[0] if answer.runs else None
    if run is not None and run.reason == "hang":
        where = ", ".join(
            f"{name!r} in sample {done // steps}, step {done % steps}"
            for name, done in decoded.complete.items()
            if done < len(decoded.clocks[name])
        )
        status = f"status register {answer.reads[0]:#x}" if len(answer.reads) else "status register not readable"
        problems.append(
            f"the design hangs: {run.missing} ticks are missing and {run.unsent} flits were not taken; waiting: {where}; {status}"
        )
    if answer.reason != "done":
        texts = {
            "protocol": "an output flit was withdrawn or changed before it was accepted",
            "port-hang": "an operation on the port did not end",
            "port-done-without-request": "the port answered without being asked",
            "flood": "far more flits came than events and ticks can be",
        }
        problems.append(f"{texts.get(answer.reason, answer.reason)} (clock {answer.clock})")
    if run is not None and run.reason == "done":
        if run.unsent:
            problems.append(f"the run ended before {run.unsent} input flits were accepted")
        late = int((answer.clocks > run.ended).sum()) + run.first
        if late:
            problems.append(f"{late} surplus flits came outside the run")
        if answer.reason == "done" and answer.reads[0]:
            problems.append(f"the status register is {answer.reads[0]:#x} after the run, not 0")
    return (*problems, *decoded.problems)


def _compare(block: _Block, names: list[str], steps: int) -> tuple[int, int, int, int, Mismatch | None]:
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
    waveform: str | Path | None = None,
    progress: Progress | None = None,
    output: str | Path = "mismatch",
) -> VerifyReport:
    """Run a generated folder's Verilog on ``x`` and compare it with golden.

    samples:  how many of ``x``; by default all, on Amaranth's simulator the first few.
    stalls:   hold both streams back at random, and send each step's events in random order.
    waveform: a .fst or .vcd file to write. output: where a mismatch leaves its reproducer.
    """
    started = time.monotonic()
    design = Design(directory)
    given = design.samples(x)
    if samples is not None and not 1 <= samples <= len(given):
        raise Refusal(f"samples must be in 1..{len(given)}, not {samples}: that is how many x has")
    x = given[: samples or (AMARANTH_SAMPLES if simulator == "amaranth" else None)]
    steps = x.shape[1]
    names = [p.name for p in design.network.neurons]
    session = _Session(
        design=design,
        simulator=simulator,
        stalls=stalls,
        seed=seed,
        waveform=Path(waveform) if waveform else None,
        progress=progress,
    )
    totals = np.zeros(4, np.int64)
    fired = {name: np.zeros(design.network[name].size, bool) for name in names}
    clocks, ends, stalled, done = 0, [], {"i_gaps": 0, "i_waits": 0, "o_waits": 0}, 0
    problems: tuple[str, ...] = ()
    first = reproducer = None
    latency = 0
    for block in session.blocks(x, compare=True):
        *numbers, first = _compare(block, names, steps)
        totals += numbers
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
        if first is not None:
            reproducer = _reproduce(session, block, x, names, first, Path(output))
            break
    cells, events, states, differences = map(int, totals)
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
        simulator=simulator,
        versions=session.versions,
        verilog=design.manifest["verilog"]["sha256"],
        network=design.manifest["network"],
        seed=seed,
        build_seconds=round(session.build_seconds, 2),
        seconds=round(time.monotonic() - started, 2),
    )


def _reproduce(session: _Session, block: _Block, x: np.ndarray, names: list[str], first: Mismatch, output: Path) -> Path:
    """Write the shortest stimulus that still differs: the one sample, or else all from the block's first to it."""
    session.progress = session.waveform = None
    seed = session.seed + block.first
    for start in (first.sample, block.first):
        part = x[start : first.sample + 1]
        session.seed = seed
        again = session.block(part, 0, len(part), compare=True)
        if _compare(again, names, x.shape[1])[-1] is not None:
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
    x = design.samples(x)
    session = _Session(
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
    events = {s.name: np.concatenate([b.decoded.events[s.name] for b in blocks]) for s in design.observed}
    output, delay = design.network[design.network.output], design.network.output_delay
    spikes = np.zeros_like(events[output.name])
    spikes[:, delay:] = events[output.name][:, : max(0, x.shape[1] - delay)]
    counts = spikes.sum(1, dtype=np.int64)
    return Simulation(
        events=events,
        final=blocks[-1].states,
        spikes=spikes.reshape(*x.shape[:2], *output.shape),
        counts=counts.reshape(len(x), *output.shape),
        prediction=counts.argmax(1),
        clocks=np.concatenate([b.ends - b.answer.runs[0].started for b in blocks]),
    )

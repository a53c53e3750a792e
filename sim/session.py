"""One design on one simulator, run over blocks of samples."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from spikeloom.golden import simulate as golden
from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import Design
from spikeloom.hdl.flits import Decoded, decode
from spikeloom.sim.job import Answer, Stalls, job_of

__all__ = ["Block", "Progress", "Session", "executable"]

#: Samples are run in blocks of about this many cells (sample, step, neuron), which bounds memory.
BLOCK_CELLS = 1 << 23

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Block:
    """One run of the simulator over the samples ``first:last``, and golden's answer where it was asked for."""

    first: int
    last: int
    answer: Answer
    decoded: Decoded
    states: dict[str, dict[str, np.ndarray]]
    problems: tuple[str, ...]
    ends: np.ndarray
    expected: golden.Result | None


def executable(design: Design, *, trace: str | None = None, bulk: bool = False) -> Path:
    """Verilator's of the design and its bench."""
    from spikeloom.sim import verilator

    parameters = {
        "WIDTH": design.flit.width,
        "ADDRESS_BITS": design.address_bits,
        "CORES": len(design.engines),
        "LINKS": len(design.links),
    }
    return verilator.build(design.verilog, parameters, trace=trace, bulk=bulk)


@dataclass(kw_only=True)
class Session:
    """One design on one simulator. plusargs: what Verilator tells the design beside."""

    design: Design
    simulator: str
    stalls: bool | Stalls
    seed: int
    bulk: bool = False
    waveform: Path | None = None
    progress: Progress | None = None
    plusargs: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    build_seconds: float = 0.0

    def __post_init__(self) -> None:
        started = time.monotonic()
        if self.bulk and (self.simulator != "verilator" or self.waveform):
            raise Refusal("--bulk is for Verilator and writes no waveform; leave out --bulk, or the other option")
        netlist = self.design.manifest.get("netlist")
        if netlist and self.simulator == "amaranth":
            raise Refusal(f"A netlist is simulated in Verilator; leave out --simulator {self.simulator}")
        if self.waveform:
            _check_waveform(self.waveform)
        if self.simulator == "verilator":
            from spikeloom.sim import verilator

            kind = self.waveform.suffix.removeprefix(".") if self.waveform else None
            program = executable(self.design, trace=kind, bulk=self.bulk)
            unused = ("root", "cocotb") if self.bulk else ("root",)
            self.versions = {k: v for k, v in verilator.tools().items() if k not in unused}
            self._run = partial(verilator.run, program, bulk=self.bulk, plusargs=self.plusargs)
        elif self.simulator == "amaranth":
            from spikeloom.sim import amaranth_runner

            self.versions = amaranth_runner.versions()
            self._run = lambda job, folder, *, waveform: amaranth_runner.run(self.design, job, waveform=waveform)
        else:
            raise Refusal(f"There is no simulator {self.simulator!r}; use 'verilator' or 'amaranth'")
        if netlist:
            self.versions = self.versions | netlist["tools"]
        self.build_seconds = time.monotonic() - started

    def blocks(self, x: np.ndarray, *, compare: bool) -> Iterator[Block]:
        samples, steps, _ = x.shape
        cells = steps * sum(source.size for source in self.design.observed)
        size = max(1, BLOCK_CELLS // cells)
        for first in range(0, samples, size):
            yield self.block(x[first : first + size], first, samples, compare=compare)

    def block(self, x: np.ndarray, first: int, total: int, *, compare: bool) -> Block:
        samples, steps, _ = x.shape
        job = job_of(self.design, x, stalls=self.stalls, seed=self.seed + first)
        with tempfile.TemporaryDirectory(prefix="spikeloom-") as name, ThreadPoolExecutor(1) as pool:
            folder = Path(name)
            for image in self.design.manifest["images"]:
                (folder / image).symlink_to((self.design.directory / image).resolve())
            waveform = folder / self.waveform.name if self.waveform and first == 0 else None
            running = pool.submit(self._run, job, folder, waveform=waveform)
            expected = golden.run(self.design.network, x, record="all") if compare else None
            flits = samples * steps * len(self.design.observed)
            flits += sum(np.count_nonzero(e) for e in expected.events.values()) if expected else 0
            while self.progress and not running.done():
                time.sleep(0.1)
                record = folder / "record.bin"
                if compare and record.exists():
                    self.progress(first + min(samples, samples * record.stat().st_size // (16 * flits)), total)
            answer = running.result()
            if waveform:
                _keep(waveform, self.waveform)
        if self.progress:
            self.progress(first + samples, total)
        decoded = decode(self.design.flit, answer.flits, answer.clocks, self.design.observed, samples, steps)
        finished = bool(answer.runs) and answer.runs[0].reason == "done" and answer.reason == "done"
        return Block(
            first=first,
            last=first + samples,
            answer=answer,
            decoded=decoded,
            states=self.design.states(answer.reads[1:]) if finished else {},
            problems=_problems(answer, decoded, steps),
            ends=np.max([clocks.reshape(samples, steps)[:, -1] for clocks in decoded.clocks.values()], axis=0),
            expected=expected,
        )


def _check_waveform(path: Path) -> None:
    if path.suffix not in (".fst", ".vcd"):
        raise Refusal(f"{path}: waveforms are written as .fst or .vcd")
    if not path.absolute().parent.is_dir() or (path.exists() and not path.is_file()):
        raise Refusal(f"{path}: a waveform is written as a file in a folder that is there")


def _keep(waveform: Path, path: Path) -> None:
    """Move a finished waveform to where it was asked for; a link there stays."""
    target = Path(os.path.realpath(path))
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
            shutil.copyfile(waveform, Path(temporary) / path.name)
            (Path(temporary) / path.name).replace(target)
    except OSError as error:
        raise Refusal(f"{path}: the waveform cannot be written ({error.strerror}); choose another place") from None


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
            f"the design hangs: {run.missing} ticks are missing and {run.unsent} flits were not taken; "
            f"waiting: {where}; {status}"
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
        if answer.reason == "done" and (status := int(answer.reads[0]) & ~1 | int(answer.reads[-1])):
            problems.append(f"the status register is {status:#x} after the run, not 0")
    return (*problems, *decoded.problems)

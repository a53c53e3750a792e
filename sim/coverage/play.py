"""What a covered run does on a design, and what must come of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spikeloom.golden import simulate as golden
from spikeloom.hdl.design import Design
from spikeloom.hdl.flits import decode, encode
from spikeloom.hdl.memory_map import CONTROL_WORDS
from spikeloom.sim.job import Answer, Job, Operations, Stalls, stimulus

__all__ = ["FAULTS", "Play", "Verdict"]

#: What a host can do wrong, for the design to report.
FAULTS = ("wrong number", "wrong step", "one too many", "no neuron")
BUSY, FAULT = 1, 2


@dataclass(kw_only=True)
class Verdict:
    """events, states, words: compared with golden, and with what was written. problems: what differs."""

    events: int = 0
    states: int = 0
    words: int = 0
    problems: list[str] = field(default_factory=list)


class Play:
    """Operations on a design's port and flits, one after the other in one simulation; whole runs are compared.

    stalls: of both streams. A restart may withdraw what waits for the host, which counts as a fault of the design: no
    stalls of what it takes where a run is interrupted.
    """

    def __init__(self, design: Design, *, seed: int, stalls: Stalls | None = None, quiet: int = 64) -> None:
        self.design = design
        self.stalls = stalls or Stalls()
        self.seed = seed
        self.quiet = quiet
        self._random = np.random.default_rng([seed, 0xC0])
        self._operations = Operations()
        self._flits: list[np.ndarray] = []
        self._reads: list[tuple[str, int, int]] = []  # what is read; of it the bits that count, and what they are
        self._runs = 0
        self._ticks = 0
        self._wholes: list[tuple[np.ndarray, int, int]] = []  # stimulus, and its runs
        self._states: tuple[int, np.ndarray] | None = None  # the first of these reads, and the last stimulus
        self._operations.poll(design.registers["status"], BUSY)

    # On the port -------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Write all memories with noise and its opposite, and read it back; then what belongs there.

        Nothing runs meanwhile: the tables of populations keep their bits ``valid`` at 0.
        """
        for flip in (0, 0xFFFFFFFF):
            for name in self._memories:
                about = self.design.memories[name]
                widths = [min(32, about["width"] - 32 * word) for word in range(about["words"])]
                kept = [(1 << width) - 1 for width in widths]
                quiet = 1 if name.endswith("populations") else 0
                noise = np.random.default_rng([self.seed, about["base"]]).integers(
                    1 << 32, size=(about["entries"], about["words"])
                )
                noise ^= flip
                noise[:, 0] &= ~quiet
                for entry, words in enumerate(noise):
                    self._write_entry(name, entry, words)
                for entry, words in enumerate(noise):
                    for word, value in enumerate(words):
                        self._read(self._address(name, entry) + word, kept[word], int(value), f"{name}[{entry}]")
        for register, bits in (("steps", 16), ("observe", len({s.observed for s in self.design.observed}))):
            for value in (0xFFFFFFFF, 0):
                self._operations.write(self.design.registers[register], value)
                self._read(self.design.registers[register], (1 << bits) - 1, value, register)
        # No memory is there, no register, and a register that cannot be written.
        for address in (*self._holes, 6, 7):
            self._read(address, 0, 0, "nothing")
        self._operations.write(self.design.registers["identity"], 0)
        self.load()

    def load(self) -> None:
        """Fill the memories as the design's network wants them."""
        for name in self._memories:
            for entry, words in enumerate(self.design.contents(name)):
                self._write_entry(name, entry, words)

    @property
    def _memories(self) -> list[str]:
        return [name for name in self.design.memories if name != "host.counters"]

    @property
    def _holes(self) -> list[int]:
        """The first and the last address at which there is nothing."""
        there = np.zeros(1 << self.design.address_bits, bool)
        there[:CONTROL_WORDS] = True
        for about in self.design.memories.values():
            there[about["base"] : about["base"] + (about["stride"] << (max(2, about["entries"]) - 1).bit_length())] = (
                True
            )
        return np.flatnonzero(~there)[[0, -1]].tolist() if not there.all() else []

    def restart(self, steps: int, observe: int = -1) -> None:
        registers = self.design.registers
        everybody = sum(1 << bit for bit in {s.observed for s in self.design.observed})
        self._operations.write(registers["steps"], steps)
        self._operations.write(registers["observe"], everybody & observe)
        self._operations.write(registers["control"], 1)

    def wait(self) -> None:
        self._operations.poll(self.design.registers["status"], BUSY)

    # Runs ------------------------------------------------------------------------------------------------------------

    def whole(self, x: np.ndarray, *, parts: int = 1, endless: bool = False) -> None:
        """Run ``x`` (samples, steps, neurons) from a restart on; between its parts the host reads what it can."""
        x = stimulus(self.design, x)
        samples, steps, _ = x.shape
        self.restart(0 if endless else steps)
        self.wait()
        flits = self._encoded(x)
        ends = np.flatnonzero(self.design.flit.unpack(flits, "tick")) + 1
        first, sources = self._runs, len(self.design.observed)
        done = 0
        for last in np.linspace(0, samples * steps, parts + 1).astype(int)[1:]:
            start = ends[done - 1] if done else 0
            self._run(flits[start : ends[last - 1]], (last - done) * sources)
            done = last
            if last < samples * steps:
                self._meddle()
        self._wholes.append((x, first, self._runs))
        self._read(self.design.registers["status"], FAULT, 0, "status")
        self.wait()
        for name in self.design.memories:
            if name == "host.counters":
                for entry in range(self.design.memories[name]["entries"]):
                    self._read(self._address(name, entry), 0, 0, name)

    def finish(self) -> None:
        """Read the state after the run before."""
        x, *_ = self._wholes[-1]
        self._states = len(self._reads), x
        for address in self.design.state_addresses():
            self._read(address, 0, 0, "state")

    def interrupted(self, x: np.ndarray, *, ticks: int, meddle: bool = False, observe: int = -1) -> None:
        """Begin to run ``x``, and no more than that: what comes next restarts in the middle of it."""
        x = stimulus(self.design, x)
        self.restart(x.shape[1], observe)
        self._run(self._encoded(x), ticks if observe else 0)
        for _ in range(self._random.integers(4)):  # so that the restart comes at any time
            self._read(self.design.registers["status"], 0, 0, "status")
        if self._random.random() < 0.3:  # in the middle of a step, too
            self._run(self._encoded(x)[:-1], 0)
        if meddle:
            self._meddle(memories=True)

    def faulty(self, fault: str, x: np.ndarray) -> None:
        """Send what is wrong after a step of ``x`` (one sample), and see it reported."""
        design, flit, source = self.design, self.design.flit, self.design.input
        x = stimulus(design, x)
        flits = self._encoded(x)
        ends = np.flatnonzero(flit.unpack(flits, "tick")) + 1
        head, tail = flits[: ends[0]], flits[ends[0] : ends[1]]
        number, step = int(flit.unpack(tail, "index")[-1]), int(flit.unpack(tail, "sequence")[-1])
        event = {"source": source.id, "value": 1}
        everyone = flit.pack(**event, index=np.arange(source.numbers))
        beyond = (1 << flit.fields["index"][1]) - 1
        wrong = {
            "wrong number": [*tail[:-1], flit.pack(source=source.id, tick=1, sequence=step, index=number ^ 1)],
            "wrong step": [*tail[:-1], flit.pack(source=source.id, tick=1, sequence=step + 1, index=number)],
            "one too many": [*everyone, flit.pack(**event, index=0)],
            "no neuron": [flit.pack(**event, index=beyond)],
        }[fault]
        self.restart(x.shape[1])
        self.wait()
        self._run(np.array([*head, *wrong], np.uint64), 1 << 20)
        self._read(design.registers["status"], FAULT, FAULT, f"status after {fault}")

    def _encoded(self, x: np.ndarray) -> np.ndarray:
        """In any order, and with any source: it is the input's, whatever the host says."""
        flits = encode(self.design.flit, self.design.input, x, shuffle=self.seed)
        lsb, bits = self.design.flit.fields["source"]
        return flits ^ (self._random.integers(1 << bits, size=len(flits)).astype(np.uint64) << np.uint64(lsb))

    def _run(self, flits: np.ndarray, ticks: int) -> None:
        self._operations.run(len(flits), ticks)
        self._flits.append(np.asarray(flits, np.uint64))
        self._runs += 1

    def _meddle(self, memories: bool = False) -> None:
        """What a host may do at any time."""
        registers = self.design.registers
        for name in ("status", "clocks", "identity", "steps", "observe"):
            self._read(registers[name], 0, 0, name)
        if memories:
            name = self._random.choice(self._memories)
            self._read(self._address(name, 0), 0, 0, name)

    def _address(self, name: str, entry: int) -> int:
        about = self.design.memories[name]
        return about["base"] + entry * about["stride"]

    def _write_entry(self, name: str, entry: int, words: Sequence[int]) -> None:
        for word, value in enumerate(words):
            self._operations.write(self._address(name, entry) + word, int(value) & 0xFFFFFFFF)

    def _read(self, address: int, mask: int, value: int, what: str) -> None:
        self._operations.read(address)
        self._reads.append((what, mask, value & mask))

    # What comes of it --------------------------------------------------------------------------------------------

    def job(self) -> Job:
        work = sum(int(np.prod(p.synapses.shape)) for p in self.design.network.projections)
        return Job(
            operations=self._operations,
            flits=np.concatenate(self._flits) if self._flits else np.zeros(0, np.uint64),
            tick_lsb=self.design.flit.fields["tick"][0],
            patience=3_000 + 8 * work,
            most=1 << 30,
            quiet=self.quiet,
            seed=self.seed + 1,
            stalls=self.stalls,
        )

    def judge(self, answer: Answer) -> Verdict:
        """What the design did, beside golden."""
        verdict = Verdict()
        if answer.reason != "done":
            verdict.problems.append(f"the simulation ended early: {answer.reason} in clock {answer.clock}")
            return verdict
        for (what, mask, value), word in zip(self._reads, answer.reads, strict=True):
            verdict.words += mask != 0
            if int(word) & mask != value:
                verdict.problems.append(f"{what} is {int(word) & mask:#x}, not {value:#x}")
        for x, first, end in self._wholes:
            self._compare(verdict, answer, x, first, end)
        if self._states is not None:
            at, x = self._states
            final = golden.run(self.design.network, x[-1:]).final
            words = answer.reads[at : at + len(self.design.state_addresses())]
            for name, states in self.design.states(words).items():
                for state, array in states.items():
                    verdict.states += array.size
                    if wrong := int((final[name][state][-1] != array).sum()):
                        verdict.problems.append(f"{wrong} of the states {state!r} of {name!r} differ from golden's")
        return verdict

    def _compare(self, verdict: Verdict, answer: Answer, x: np.ndarray, first: int, end: int) -> None:
        samples, steps, _ = x.shape
        runs = answer.runs[first:end]
        if hung := [run for run in runs if run.reason != "done" or run.unsent]:
            verdict.problems.append(
                f"{len(hung)} of {len(runs)} parts of a run hang: {hung[0].missing} ticks are missing"
            )
            return
        part = slice(runs[0].first, runs[-1].last)
        got = decode(self.design.flit, answer.flits[part], answer.clocks[part], self.design.observed, samples, steps)
        verdict.problems += got.problems
        for name, events in golden.run(self.design.network, x, record="all").events.items():
            verdict.events += int(np.count_nonzero(events))
            if name in got.events and (wrong := int((events != got.events[name]).sum())):
                verdict.problems.append(f"{wrong} events of {name!r} differ from golden's")

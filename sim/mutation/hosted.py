"""Killers that do what a host can do to a design, and hold every answer to what it must be."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.golden import simulate as golden
from spikeloom.hdl.design import Design, loaded
from spikeloom.hdl.flits import decode, encode
from spikeloom.sim import verilator
from spikeloom.sim.job import ACTIVITIES, Answer, Job, Operations, Stalls, stimulus
from spikeloom.sim.mutation.netlist import FULL
from spikeloom.sim.mutation.trial import Killer, Seen
from spikeloom.sim.session import executable

__all__ = ["faulty", "full", "hosted", "interrupted", "lengths", "surplus", "tabled"]

#: What engines do only with events.
WORK = ("rows", "hand_over", "step_end", "neuron_unit", "output")
IDENTITY = 0x5350494B
BUSY, FAULT, REFUSED = 1, 2, 4
#: Clocks without progress that are a hang.
PATIENCE = 6000
#: Flits that are a flood: so many, and as many times those that are sent.
MOST, FLITS = 200_000, 64
STEPS = 0xA5C3
STALLS = Stalls(i_enter=40, i_leave=70, o_enter=64, o_leave=48)
#: The most steps, less one, after which an event too many comes, and how the host stops now and then.
SURPLUS = 40
HESITANT = Stalls(i_enter=8, i_leave=64)
#: Runs that are cut off, by a restart or a reset.
CUTS = 40
#: Runs that a fault stops in one of the first steps, in which few inputs have events; and how often the host looks.
FAULTS, EARLY, FEW, LOOKS = 400, 4, 0.05, 8
#: Of a long sample, the steps at its ends that are as they are given, and how many of the others have events.
ENDS, RARE = 6, 0.01

Check = Callable[[Answer], str | None]


class Script:
    """Operations in order, each with what its answer must be."""

    def __init__(self, design: Design):
        self.design = design
        self.operations = Operations()
        self.checks: list[Check] = []
        self.flits: list[np.ndarray] = []
        self.reads = self.runs = 0

    def register(self, name: str) -> int:
        return self.design.registers[name]

    def read(self, address: int, expected: int | None, what: str, mask: int = 0xFFFFFFFF) -> None:
        """expected: None where only that it is the same every time matters."""
        self.operations.read(address)
        number = self.reads
        self.reads += 1

        def check(answer: Answer) -> str | None:
            got = int(answer.reads[number]) & mask
            return None if expected is None or got == expected else f"{what} reads {got:#x}, not {expected:#x}"

        self.checks.append(check)

    def settle(self) -> None:
        self.operations.poll(self.register("status"), BUSY)

    def status(self, expected: int, what: str) -> None:
        self.read(self.register("status"), expected, f"status {what}")

    def write(self, contents: dict[str, np.ndarray]) -> None:
        for name, words in contents.items():
            about = self.design.memories[name]
            for entry, row in enumerate(words):
                for word, data in enumerate(row):
                    self.operations.write(about["base"] + entry * about["stride"] + word, int(data))

    def read_back(self, contents: dict[str, np.ndarray]) -> None:
        for name, words in contents.items():
            about = self.design.memories[name]
            for entry, row in enumerate(words):
                for word, data in enumerate(row):
                    address = about["base"] + entry * about["stride"] + word
                    self.read(address, int(data), f"{name}, entry {entry}, word {word}")

    def counters(self, still: int | None = None) -> None:
        """still: what those read that count no work."""
        for name, about in self.design.memories.items():
            if name.endswith("counters"):
                for entry in range(about["entries"]):
                    engine, what = divmod(entry, len(ACTIVITIES))
                    works = engine >= len(self.design.engines) or ACTIVITIES[what] in WORK
                    self.read(about["base"] + entry * about["stride"], still if works else None, "a counter")

    def restart(self, steps: int, observe: int, *, reset: bool = False) -> None:
        """reset: by the design's reset, which is one for all registers."""
        if reset:
            self.operations.reset()
        self.operations.write(self.register("steps"), steps)
        self.operations.write(self.register("observe"), observe)
        if not reset:
            self.operations.write(self.register("control"), 1)
        self.settle()

    def send(self, flits: np.ndarray, ticks: int) -> None:
        """Send what comes of it, and wait for so many ticks."""
        self.operations.run(len(flits), ticks)
        self.flits.append(flits)
        self.runs += 1

    def samples(
        self,
        x: np.ndarray,
        populations: Sequence[str],
        *,
        steps: int,
        shuffle: int | None = None,
        reset: bool = False,
    ) -> None:
        """A run from a restart or reset on, of which these populations are observed, and the states after it."""
        design, number = self.design, self.runs
        observed = [s for s in design.observed if s.population in populations]
        self.restart(steps, sum(1 << bit for bit in {s.observed for s in observed}), reset=reset)
        self.send(encode(design.flit, design.input, x, shuffle=shuffle), x.shape[0] * x.shape[1] * len(observed))
        result = golden.run(design.network, x, record="all")

        def check(answer: Answer) -> str | None:
            run = answer.runs[number]
            if run.reason != "done" or run.unsent:
                return f"run {number} hangs: {run.missing} ticks are missing, {run.unsent} flits were not taken"
            part = slice(run.first, run.last)
            clocks = answer.clocks[part]
            decoded = decode(design.flit, answer.flits[part], clocks, tuple(observed), *x.shape[:2])
            if decoded.problems:
                return f"run {number}: {decoded.problems[0]}"
            for name in populations:
                wrong = decoded.events[name] != result.events[name]
                if wrong.any():
                    sample, step, neuron = (int(k) for k in np.argwhere(wrong)[0])
                    return f"run {number}, sample {sample}, step {step}, population {name!r}, neuron {neuron} differs"
            if (clocks > run.ended).any():
                return f"run {number}: flits came after its end"
            return None

        self.checks.append(check)
        self.settle()
        self.status(0, f"after run {number}")
        self.counters()
        first, addresses = self.reads, design.state_addresses()
        for address in addresses:
            self.read(address, None, "a state")

        def check_states(answer: Answer) -> str | None:
            states = design.states(answer.reads[first : first + len(addresses)])
            for name, values in states.items():
                for state, array in values.items():
                    if (array != result.final[name][state][-1]).any():
                        return f"after run {number}: state {state!r} of {name!r} differs"
            return None

        self.checks.append(check_states)

    def cut_short(self, x: np.ndarray, more: np.ndarray) -> None:
        """A sample, and the first steps of another one; every tick and event of these."""
        design, number, (_, steps, _) = self.design, self.runs, x.shape
        self.restart(steps, sum(1 << bit for bit in {s.observed for s in design.observed}))
        both = np.concatenate([x, more], axis=1)
        self.send(encode(design.flit, design.input, both), both.shape[1] * len(design.observed))
        results = [golden.run(design.network, one, record="all").events for one in (x, more)]

        def check(answer: Answer) -> str | None:
            run = answer.runs[number]
            if run.reason != "done" or run.unsent:
                return f"run {number} hangs: {run.missing} ticks are missing, {run.unsent} flits were not taken"
            part = slice(run.first, run.last)
            decoded = decode(design.flit, answer.flits[part], answer.clocks[part], design.observed, 1, both.shape[1])
            if decoded.problems:
                return f"run {number}: {decoded.problems[0]}"
            for name, events in decoded.events.items():
                wrong = events != np.concatenate([result[name] for result in results], axis=1)
                if wrong.any():
                    return f"samples of {steps} steps: population {name!r} differs in step {np.argwhere(wrong)[0][1]}"
            return None

        self.checks.append(check)
        self.settle()
        self.counters()

    def too_many(self, x: np.ndarray) -> None:
        """A sample whose last step has an event of every neuron, and then one more in the place of its tick."""
        design, number, (_, steps, _) = self.design, self.runs, x.shape
        self.restart(steps, sum(1 << bit for bit in {s.observed for s in design.observed}))
        flits = encode(design.flit, design.input, x)
        flits[-1] = flits[-2]  # in the place of the tick
        self.send(flits, steps * len(design.observed) + 1)  # more ticks than come
        result = golden.run(design.network, x, record="all")

        def check(answer: Answer) -> str | None:
            part = slice(answer.runs[number].first, answer.runs[number].last)
            decoded = decode(design.flit, answer.flits[part], answer.clocks[part], design.observed, 1, steps)
            for name, events in decoded.events.items():
                there = (events != 0) | (np.arange(steps) < decoded.complete[name])[:, None]
                if (there & (events != result.events[name])).any():
                    return f"run {number}: an event of {name!r} differs after one that was too many"
            return None

        self.checks.append(check)
        self.read(self.register("status"), FAULT, "status after an event too many", FAULT)  # it still awaits the tick

    def job(self, seed: int, stalls: Stalls) -> Job:
        flits = np.concatenate(self.flits)
        return Job(
            operations=self.operations,
            flits=flits,
            tick_lsb=self.design.flit.fields["tick"][0],
            patience=PATIENCE,
            quiet=4,
            most=MOST + FLITS * len(flits),
            seed=seed,
            stalls=stalls,
        )


def _noise(design: Design, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random words for every memory but the counters, which cannot be written."""
    noise = {}
    for name, about in design.memories.items():
        if not name.endswith("counters"):
            shape, width = (about["entries"], about["words"]), about["width"]
            noise[name] = rng.integers(0, 1 << 32, shape, dtype=np.uint32)
            noise[name][:, -1] &= (1 << (width - 1) % 32 + 1) - 1
            if "reads" in about["fields"]:  # a population that waits for nothing would start
                word, bit = divmod(about["fields"]["reads"][0], 32)
                noise[name][:, word] |= np.uint32(1 << bit)
    return noise


def _script(design: Design, x: np.ndarray, seed: int, stalls: bool) -> Script:
    rng = np.random.default_rng(seed)
    script = Script(design)
    names = [p.name for p in design.network.neurons]
    noise = _noise(design, rng)
    contents = {name: design.contents(name) for name in noise}
    script.settle()
    script.read(script.register("identity"), IDENTITY, "identity")
    script.status(0, "at the beginning")
    script.write(design.still)
    script.restart(0, 0)
    script.write(noise)
    script.read_back(noise)
    script.write(contents)
    script.status(0, "after all was written")
    script.read_back({name: words for name, words in contents.items() if len(words)})
    populations = (1 << max(s.observed for s in design.observed) + 1) - 1
    for name, value in (("steps", STEPS), ("steps", ~STEPS & 0xFFFF), ("observe", 0), ("observe", populations)):
        script.operations.write(script.register(name), value)
        script.read(script.register(name), value, f"register {name}")
    script.read(1 << design.address_bits - 1 | 7, None, "no register")
    for address in _nowhere(design):
        script.read(address, 0, "no memory")
    steps = x.shape[1]
    script.samples(x, names, steps=steps)
    script.samples(x[:1], names[-1:], steps=0, shuffle=seed)  # one endless sample
    if not stalls:  # a restart may withdraw an event that waits to be taken
        _cut_off(script, x, steps, populations)
    script.samples(x, names[:1], steps=steps)
    script.read(script.register("clocks"), None, "clocks")
    # A tick that counts one event too few stops the cores, and is said.
    script.restart(steps, 0)
    wrong = encode(design.flit, design.input, np.ones((1, 1, x.shape[2]), np.int16))
    lsb = design.flit.fields["index"][0]
    wrong[-1] ^= np.uint64(1 << lsb)
    script.send(wrong, 1)  # never comes
    script.status(FAULT, "after a tick with a wrong count")
    return script


def _nowhere(design: Design) -> list[int]:
    """The last address before the registers that is in no memory, if there is one."""
    taken = [
        range(about["base"], about["base"] + (1 << (about["entries"] * about["stride"] - 1).bit_length()))
        for about in design.memories.values()
    ]
    last = next((a for a in range((1 << design.address_bits - 1) - 1, -1, -1) if not any(a in r for r in taken)), None)
    return [] if last is None else [last]


def _cut_off(script: Script, x: np.ndarray, steps: int, populations: int) -> None:
    """Of a run that was not waited for, nothing is left after a restart; what it must not touch stays."""
    design = script.design
    flits = encode(design.flit, design.input, x)
    script.restart(steps, populations)
    script.send(flits[: len(flits) // 2], 2)
    name = next(n for n in design.memories if "weights" in n or "places" in n)
    script.operations.write(design.memories[name]["base"], 0)
    script.read(script.register("status"), None, "status of a run")
    script.write({name: design.contents(name)[:1]})
    script.operations.write(script.register("control"), 1)
    script.settle()
    script.status(0, "after a restart")
    script.write({name: design.contents(name)[:1]})


def hosted(name: str, directory: Path, x: np.ndarray, *, stalls: bool, seed: int) -> Killer:
    """Memories filled with noise and again as they are to be, each read back; runs whole, endless and cut off, of which
    all or some populations are observed; registers, counters, and a fault in the events."""
    design = Design(directory)
    script = _script(design, stimulus(design, x), seed, stalls)
    return _killer(name, design, script, script.job(seed, STALLS if stalls else Stalls()))


def tabled(
    name: str, directory: Path, x: np.ndarray, tables: Mapping[str, list[int]], *, stalls: bool, seed: int
) -> Killer:
    """A run with these words in some memories, which are another way to say the same network."""
    design = Design(directory)
    contents = {memory: design.contents(memory) for memory in (*loaded(design.manifest), *design.still)}
    for memory, about in design.memories.items():
        if words := tables.get(memory.replace(".", "_")):
            contents[memory] = np.array([[w >> 32 * k & 0xFFFFFFFF for k in range(about["words"])] for w in words])
            if memory.endswith(".populations"):
                _placed(design, about, words)
    script, x = Script(design), stimulus(design, x)
    script.settle()
    script.write(design.still)
    script.restart(0, 0)
    script.write(contents)
    script.samples(x, [p.name for p in design.network.neurons], steps=x.shape[1])
    return _killer(name, design, script, script.job(seed, STALLS if stalls else Stalls()))


def _placed(design: Design, about: Mapping[str, Any], words: Sequence[int]) -> None:
    """The states are where the table of populations says."""
    for word in words:
        valid, source, unit_base = (
            word >> low & (1 << bits) - 1
            for low, bits in (about["fields"][n] for n in ("valid", "source", "unit_base"))
        )
        if valid:
            next(s for s in design.manifest["sources"] if s["id"] == source)["unit_base"] = unit_base


def faulty(name: str, directory: Path, x: np.ndarray, *, seed: int) -> Killer:
    """A tick with a wrong count while little is in work, and before and after it the host asks how that is."""
    design, rng = Design(directory), np.random.default_rng(seed)
    script, x = Script(design), stimulus(design, x)
    index = np.uint64(1 << design.flit.fields["index"][0])
    steps = x.reshape(-1, x.shape[2])
    script.settle()
    script.write({memory: design.contents(memory) for memory in loaded(design.manifest)})
    for _ in range(FAULTS):
        script.restart(x.shape[1], 0)
        drawn = steps[rng.integers(len(steps), size=rng.integers(1, EARLY, endpoint=True))]
        flits = encode(design.flit, design.input, np.where(rng.random(drawn.shape) < FEW, drawn, 0)[None])
        flits[-1] ^= index
        for flit in flits:
            script.send(np.array([flit]), 0)
            for _ in range(rng.choice([0, 1, 2], p=[0.8, 0.1, 0.1])):
                script.read(script.register("status"), None, "status of a run")
        for _ in range(LOOKS):
            script.read(script.register("status"), None, "status of a run that stops")
    return _killer(name, design, script, script.job(seed, Stalls()))


def full(name: str, directory: Path, x: np.ndarray, *, seed: int) -> Killer:
    """Counters that go round in a run: they begin with all bits."""
    design = Design(directory)
    script, x = Script(design), stimulus(design, x)
    script.settle()
    script.write({memory: design.contents(memory) for memory in loaded(design.manifest)})
    script.restart(0, 0)
    script.counters(still=0xFFFFFFFF)
    script.samples(x, [p.name for p in design.network.neurons], steps=x.shape[1])
    return _killer(name, design, script, script.job(seed, Stalls()), f"+{FULL}=1")


def lengths(name: str, directory: Path, x: np.ndarray, steps: Sequence[int], *, seed: int) -> Killer:
    """Samples of so many steps, each with the beginning of another after it; few of the steps between have events."""
    design, rng = Design(directory), np.random.default_rng(seed)
    script, x = Script(design), stimulus(design, x)
    given = x.reshape(-1, x.shape[2])
    script.settle()
    script.write({memory: design.contents(memory) for memory in loaded(design.manifest)})
    for count in steps:
        drawn = given[rng.integers(len(given), size=count + min(count, ENDS))]
        quiet = (np.arange(len(drawn)) >= ENDS) & (np.arange(len(drawn)) < count - ENDS)
        drawn[quiet[:, None] & (rng.random(drawn.shape) >= RARE)] = 0
        script.cut_short(drawn[None, :count], drawn[None, count:])
    return _killer(name, design, script, script.job(seed, Stalls()))


def surplus(name: str, directory: Path, *, seed: int) -> Killer:
    """Runs that end with an event too many, after more and more steps: it touches nothing of what is in work."""
    design = Design(directory)
    script = Script(design)
    script.settle()
    script.write({memory: design.contents(memory) for memory in loaded(design.manifest)})
    rng = np.random.default_rng(seed)
    for steps in range(1, SURPLUS):
        values = rng.integers(*design.network.input.value_range, (1, steps, design.input.size), endpoint=True)
        script.too_many(stimulus(design, np.where(values == 0, 1, values)))
    return _killer(name, design, script, script.job(seed, HESITANT))


def interrupted(name: str, directory: Path, x: np.ndarray, *, seed: int) -> Killer:
    """Runs that are cut off anywhere, by a restart or a reset, each with a whole one after it."""
    design, rng = Design(directory), np.random.default_rng(seed)
    script, x = Script(design), stimulus(design, x)
    names, steps = [p.name for p in design.network.neurons], x.shape[1]
    flits = encode(design.flit, design.input, x)
    script.settle()
    script.write({memory: design.contents(memory) for memory in loaded(design.manifest)})
    for number in range(CUTS):
        script.restart(steps, sum(1 << bit for bit in {s.observed for s in design.observed}))
        script.send(flits, int(rng.integers(1, steps * len(design.observed))))
        for _ in range(rng.integers(LOOKS)):
            script.read(script.register("status"), None, "status of a run")
        script.samples(x[rng.integers(len(x), size=1)], names, steps=steps, reset=number % 2 == 1)
    return _killer(name, design, script, script.job(seed, Stalls()))


def _killer(name: str, design: Design, script: Script, job: Job, *switches: str) -> Killer:
    program = executable(design, bulk=True)

    def look(plusargs: Sequence[str], folder: Path) -> Seen:
        for image in design.manifest["images"]:
            (folder / image).symlink_to((design.directory / image).resolve())
        try:
            answer = verilator.run(program, job, folder, bulk=True, plusargs=[*plusargs, *switches])
        except RuntimeError as error:
            return Seen(fault=str(error).splitlines()[0])
        if answer.reason != "done":
            return Seen(fault=f"{answer.reason} in clock {answer.clock}")
        fault = next((fault for check in script.checks if (fault := check(answer))), None)
        return Seen(fault=fault, clocks=(answer.runs, answer.clocks.tolist(), answer.reads.tolist()))

    return Killer(name=name, look=look)

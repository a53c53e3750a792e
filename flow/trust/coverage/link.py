"""The chip behind its UART line, by a script: every kind of frame, every fault, and a reset in each state."""

import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from spikeloom.boards.chip import chip_verilog
from spikeloom.boards.driver import frames
from spikeloom.boards.link.protocol import IDENTITY, PAGE, REGISTERS, Kind
from spikeloom.golden import simulate as golden
from spikeloom.hdl.design import Design
from spikeloom.hdl.flits import decode, encode
from spikeloom.sim.chip import BENCH
from spikeloom.sim.coverage.bins import Bin
from spikeloom.sim.coverage.measure import DATA, build_covered, with_bins
from spikeloom.sim.coverage.play import Verdict
from spikeloom.sim.coverage.points import Point, Tally
from spikeloom.sim.coverage.probes import probes

__all__ = ["CoveredLink", "below", "coincidences", "script"]

LINE = BENCH.with_name("line.cpp")
DIVIDER = 8
#: Clocks until the line is silent for too long are about this divided by 20.
CLOCK_HZ = 40_000
NETWORK = 0x5EED5EED
PAUSE = 400


@dataclass
class Host:
    """The script, and what must come back."""

    design: Design
    script: list[str] = field(default_factory=list)
    answers: list[tuple[Kind, bytes | None]] = field(default_factory=list)  # of control, in order; None: whatever
    control: int = 0
    data: int = 0
    samples: list[np.ndarray] = field(default_factory=list)  # run since the mark
    states: int = -1  # which of the answers begins to tell them

    @property
    def flit_bytes(self) -> int:
        return -(-self.design.flit.width // 8)

    def say(self, command: str, number: int) -> None:
        self.script.append(f"{command} {number}")

    def put(self, data: bytes) -> None:
        for byte in data:
            self.say("byte", byte)

    def quiet(self, clocks: int = PAUSE) -> None:
        self.say("quiet", clocks)

    def read(self, address: int, count: int = 1, expected: Sequence[int] | None = None) -> None:
        self.put(frames.encode(frames.body(Kind.READ, self.control, address=address, marks=bytes(count))))
        self.answers.append((Kind.VALUES, None if expected is None else np.array(expected, "<u4").tobytes()))
        self.control += 1
        self.quiet()

    def write(self, address: int, *words: int) -> None:
        data = np.array(words, "<u4").tobytes()
        self.put(frames.encode(frames.body(Kind.WRITE, self.control, address=address, words=data)))
        self.answers.append((Kind.DONE, b""))
        self.control += 1
        self.quiet()

    def frame(self, kind: Kind, sequence: int, **fields: int | bytes) -> bytes:
        return frames.encode(frames.body(kind, sequence, **fields))

    def page(self, name: str, *expected: int) -> None:
        self.read(PAGE | REGISTERS[name].address, 1, expected or None)

    def mark(self) -> None:
        """What comes from here on must be right, whatever was before: forget it all."""
        self.quiet(3 * PAUSE)
        self.put(bytes(2))  # the end of whatever frame was begun
        self.quiet(8 * PAUSE)
        self.write(PAGE | REGISTERS["identity"].address, 3)
        self.quiet(4 * PAUSE)
        self.say("mark", 0)
        self.answers.clear()
        self.samples.clear()
        self.data = 0

    def sample(self, x: np.ndarray, *, pause: int = 4 * PAUSE) -> None:
        """Run one (steps, neurons)."""
        design = self.design
        for name, value in (("steps", len(x)), ("observe", 0xFFFFFFFF), ("control", 1)):
            self.write(design.registers[name], value)
        flits = encode(design.flit, design.input, x[None])
        for first in range(0, len(flits), 20):
            self.events(flits[first : first + 20])
            self.quiet(pause)
        self.samples.append(x)

    def state(self) -> None:
        """Read it after the last sample."""
        self.states = len(self.answers)
        for address in self.design.state_addresses():
            self.read(address)

    def judge(self, said: bytes) -> Verdict:
        """What the chip said since the mark, beside golden."""
        verdict = Verdict()
        found = [frames.decode(frame) for frame in said.split(b"\0") if frame]
        whole = [frames.parse(body) for body in found if body]
        if None in found or None in whole:
            verdict.problems.append("the chip sent a frame that is damaged")
            return verdict
        flits = np.concatenate([frames.flits(f.rest, self.flit_bytes) for f in whole if f.kind == Kind.SENT])
        answers = [f for f in whole if f.kind != Kind.SENT]
        if len(answers) != len(self.answers):
            verdict.problems.append(f"{len(answers)} answers came, not {len(self.answers)}")
            return verdict
        for number, (answer, (kind, rest)) in enumerate(zip(answers, self.answers, strict=True)):
            verdict.words += rest is not None
            if answer.kind != kind or (rest is not None and answer.rest != rest):
                verdict.problems.append(f"answer {number} is {answer.kind.name} {answer.rest.hex()}")
        ends = np.cumsum([len(x) * len(self.design.observed) for x in self.samples])
        ticks = np.cumsum(self.design.flit.unpack(flits, "tick"))
        parts = np.split(flits, np.searchsorted(ticks, ends)[:-1] + 1)
        for x, part in zip(self.samples, parts, strict=True):
            self._compare(verdict, x, part)
        final = golden.run(self.design.network, self.samples[-1][None]).final
        if self.states >= 0:
            words = np.concatenate([frames.words(answer.rest) for answer in answers[self.states :]])
            for name, states in self.design.states(words).items():
                for state, array in states.items():
                    verdict.states += array.size
                    if (final[name][state][-1] != array).any():
                        verdict.problems.append(f"the states {state!r} of {name!r} differ from golden's")
        return verdict

    def _compare(self, verdict: Verdict, x: np.ndarray, flits: np.ndarray) -> None:
        """A sample from a restart on."""
        expected = golden.run(self.design.network, x[None], record="all").events
        clocks = np.zeros(len(flits), np.int64)
        got = decode(self.design.flit, flits, clocks, self.design.observed, 1, len(x))
        verdict.problems += got.problems
        for name, events in expected.items():
            verdict.events += int(np.count_nonzero(events))
            if (events != got.events[name]).any():
                verdict.problems.append(f"the events of {name!r} differ from golden's")

    def load(self, address: int, words: np.ndarray) -> None:
        self.put(self.frame(Kind.LOAD, self.data, address=address, words=words.astype("<u4").tobytes()))
        self.data += 1

    def events(self, flits: np.ndarray) -> None:
        self.put(self.frame(Kind.EVENTS, self.data, flits=frames.flit_bytes(flits, self.flit_bytes)))
        self.data += 1


def below(bins: Sequence[Bin], path: str) -> list[Bin]:
    """The same bins of a design that is an instance of another."""
    return [replace(b, of=rf"{path}(\.|(?=$))({b.of})") for b in bins]


class CoveredLink:
    """A chip with its UART. All runs begin with the same script, so that a clock of it can be named."""

    def __init__(self, design: Design, bins: Sequence[Bin], name: str) -> None:
        self.design, self.name = design, name
        self.chip = design.directory / "chip.v"
        self.chip.write_text(chip_verilog(design.manifest, clock_hz=CLOCK_HZ, divider=DIVIDER), "ascii")
        text = self.chip.read_text("ascii") + design.verilog.read_text("ascii")
        self.probes = probes(bins, text, design="chip", bench="chip_bench", watched=True)
        sources = [self.chip, design.verilog, BENCH]
        self._executable = build_covered(LINE, sources, self.probes, top="chip_bench")
        self._tally = Tally()
        #: The first clock in which each bin was hit in the last run.
        self.first: dict[str, int] = {}

    def run(self, host: Host, *, reset: int = 0, seed: int = 1) -> Verdict:
        """One more simulation. reset: a clock in which there is one; only what comes after the script's mark counts."""
        with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
            folder = Path(name)
            for image in self.design.manifest["images"]:
                (folder / image).symlink_to((self.design.directory / image).resolve())
            command = [self._executable, f"+divider={DIVIDER}", f"+network={NETWORK}", f"+reset={reset}"]
            command += ["+verilator+rand+reset+2", f"+verilator+seed+{seed}"]
            script = "\n".join(host.script) + "\n"
            done = subprocess.run(command, cwd=folder, input=script, capture_output=True, text=True, check=True)
            self._tally.add(folder / DATA)
        lines = done.stdout.splitlines()
        firsts = [line.split()[1:] for line in lines if line.startswith("first ")]
        self.first = {self.probes.places[label][0].name: int(clock) for label, clock in reversed(firsts)}
        said = lines[lines.index("mark") + 1 :] if "mark" in lines else lines
        return host.judge(bytes(int(line.split()[0]) for line in said if line[0].isdigit()))

    def points(self) -> Counter[Point]:
        """What all of them reached. Of the accelerator only bins count: it is measured without a link."""
        verilog = {"": self.chip, "accelerator": self.design.verilog}
        points = with_bins(self._tally.points(verilog, "TOP.chip_bench.dut", self.name), self.probes, self.name)
        return Counter(
            {p: n for p, n in points.items() if p.kind == "bin" or not p.component.startswith("accelerator")}
        )


def script(design: Design) -> Host:
    """All that a host may do and what it should not, then the mark, then what must be right whatever was before."""
    host = Host(design)
    rng = np.random.default_rng(5)
    memory = design.memories["core0.weights0"]
    noise = rng.integers(1 << 32, size=12)
    x = (rng.random((6, design.network.input.size)) < 0.5).astype(np.int16)
    # What is right.
    host.page("identity", IDENTITY)
    for value in (0xFFFFFFFF, 0, NETWORK):
        host.say("network", value)
        host.page("built", value)
    for name in ("protocol", "hardware", "clock_hz", "dropped"):
        host.page(name)
    for value in (0xFFFFFFFF, 0):
        host.write(PAGE | REGISTERS["network"].address, value)
    host.write(memory["base"], *noise[:4])
    host.load(memory["base"], noise)
    host.quiet()
    host.read(memory["base"], 4)
    host.sample(x)
    host.state()
    # What is not: unknown kinds, out of turn, damaged, too short, too long, cut off, without room.
    for kind in (3, 9):
        host.put(frames.encode(bytes((kind << 4, 1, 2, 3, 4))))
        host.quiet()
    host.put(host.frame(Kind.LOAD, host.data + 5, address=memory["base"], words=bytes(4)))
    host.quiet()
    damaged = bytearray(host.frame(Kind.READ, host.control, address=1, marks=b"1"))
    damaged[-2] = damaged[-2] % 255 + 1  # of its CRC
    host.put(bytes(damaged))
    host.quiet()
    host.put(b"\x03\x11\x11\x00")
    host.put(bytes([200] * 199) + b"\0")
    host.quiet()
    host.put(damaged[:5])
    host.say("wait", 3 * CLOCK_HZ // 20 + 4096)
    long = host.frame(Kind.WRITE, 0, address=memory["base"], words=bytes(4 * 28))
    host.put(long)
    host.put(host.frame(Kind.READ, 1, address=0, marks=b"1"))
    host.put(host.frame(Kind.READ, 2, address=0, marks=b"1"))
    host.quiet()
    for clocks in (2, 60 * DIVIDER):
        host.say("low", clocks)
        host.say("wait", 40 * DIVIDER)
    # The accelerator takes no more after a fault, so frames of events wait in the window; control goes before them.
    flits = encode(design.flit, design.input, np.ones((8, 6, design.network.input.size), np.int16))
    wrong = flits.copy()
    wrong[0] = flits[-1]
    for first in range(0, len(wrong), 16):
        host.events(wrong[first : first + 16])
    host.read(design.registers["status"])
    host.read(memory["base"])  # refused
    host.put(host.frame(Kind.READ, 5, address=0, marks=b"1"))
    host.write(PAGE | REGISTERS["identity"].address, 1)
    _verify(host, x)
    return host


def coincidences(design: Design) -> Host:
    """What happens when two things fall into one clock, or nearly so; then the mark, as in :func:`script`."""
    host = Host(design)
    x = np.ones((6, design.network.input.size), np.int16)
    # A frame that ends in the clock in which another is carried out, or dropped.
    damaged = bytearray(host.frame(Kind.READ, host.control, address=1, marks=bytes(6)))
    damaged[-2] = damaged[-2] % 255 + 1
    whole = host.frame(Kind.LOAD, 0, address=design.memories["core0.weights0"]["base"], words=bytes(4))
    for first in (bytes(damaged), whole):
        for clocks in range(70):
            host.put(first)
            host.say("wait", clocks)
            host.put(b"\x03\x00")
            host.quiet(100)
    # A request while events come, and a frame of them is open.
    host.write(PAGE | REGISTERS["identity"].address, 1)
    host.data = 0
    for clocks in range(0, 200, 20):
        host.sample(x, pause=0)
        host.say("wait", clocks)
        host.read(0)
    _verify(host, x)
    return host


def _verify(host: Host, x: np.ndarray) -> None:
    """Whatever was before: load the network, run two samples, read the state."""
    design = host.design
    host.mark()
    host.page("identity", IDENTITY)
    for name, about in design.memories.items():
        words = design.contents(name)
        flat = np.zeros((len(words), about["stride"]), np.uint32)
        flat[:, : about["words"]] = words
        for first in range(0, flat.size, 24):
            host.load(about["base"] + first, flat.ravel()[first : first + 24])
            host.quiet()
    for sample in (x, 1 - x):
        host.sample(sample)
    host.page("dropped", 0)
    host.state()

"""What a simulator is asked to do and what it answers, the same for every simulator."""

from dataclasses import dataclass, field

import numpy as np

from spikeloom.golden.network import Refusal
from spikeloom.golden.simulate import check_stimulus
from spikeloom.hdl.design import Design, loaded
from spikeloom.hdl.flits import encode

__all__ = ["ACTIVITIES", "Answer", "Job", "Operations", "Run", "Stalls", "job_of", "stimulus"]

END, WRITE, READ, POLL, RUN, RESET = range(6)
#: Clocks in which a link's packets are counted together, and how many such intervals of a run are kept.
INTERVAL, INTERVALS = 64, 1024

#: What the design's port ``activity`` says of a core, by number.
ACTIVITIES = ("tick", "credit", "scheduler", "rows", "hand_over", "step_end", "neuron_unit", "output")


class Operations:
    """What the bench does on the design's port, in order; a run streams flits in and waits for ticks."""

    def __init__(self) -> None:
        self.words: list[tuple[int, int, int]] = []

    def write(self, address: int, data: int) -> None:
        self.words.append((WRITE, address, data))

    def read(self, address: int) -> None:
        """The word read is the next one of :attr:`Answer.reads`."""
        self.words.append((READ, address, 0))

    def poll(self, address: int, mask: int) -> None:
        """Read until no bit of ``mask`` is set."""
        self.words.append((POLL, address, mask))

    def run(self, flits: int, ticks: int) -> None:
        """Send the next ``flits`` of the stimulus, wait for ``ticks`` ticks, then listen on for a while."""
        self.words.append((RUN, flits, ticks))

    def reset(self) -> None:
        """All registers are as at power-up, memories as they were. Not on Amaranth's simulator."""
        self.words.append((RESET, 0, 0))


@dataclass(frozen=True, kw_only=True)
class Stalls:
    """Random stalls of both streams: per clock, one begins with probability enter/256 and ends with leave/256."""

    i_enter: int = 0
    i_leave: int = 256
    o_enter: int = 0
    o_leave: int = 256

    @classmethod
    def draw(cls, seed: int) -> "Stalls":
        """Stalls of a kind that depends on the seed: rare and long, or frequent and short, on each side."""
        generator = np.random.default_rng([seed, 0x57A11])
        kinds = ((4, 16), (32, 64), (96, 96), (128, 256), (160, 256))
        (i_enter, i_leave), (o_enter, o_leave) = (kinds[k] for k in generator.integers(len(kinds), size=2))
        return cls(i_enter=i_enter, i_leave=i_leave, o_enter=o_enter, o_leave=o_leave)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One simulation.

    flits:    stimulus words, uint64. tick_lsb: the bit that marks a tick.
    patience: clocks without progress that count as a hang. most: observed flits that count as a flood.
    quiet:    clocks after each run in which nothing may come.
    seed:     of the stalls and of what memories and registers hold at power-up.
    """

    operations: Operations
    flits: np.ndarray
    tick_lsb: int
    patience: int
    most: int
    quiet: int = 64
    seed: int = 1
    stalls: Stalls = field(default_factory=Stalls)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: how it ended ("done" or "hang"), and its clocks.

    started: clock of the first accepted flit. first, last: its records are ``first:last``, late ones included.
    ended:   clock of the last tick that was awaited. missing: ticks that did not come.
    unsent:  flits that the design did not accept.
    i_gaps, o_waits: clocks in which the bench stalled the stream. i_waits: clocks in which the design did.
    activity: per core, clocks from the first accepted flit to the last tick by what its lanes did, as in
              :data:`ACTIVITIES`, and last the clocks from each step's first row of weights to its last.
    links:    per link between cores, the packets that went over it and the clocks in which one waited, meanwhile.
    intervals: packets of each link in each :data:`INTERVAL` clocks, the first :data:`INTERVALS` of them.
    """

    reason: str
    started: int
    ended: int
    first: int
    last: int
    missing: int
    unsent: int
    i_gaps: int
    i_waits: int
    o_waits: int
    activity: tuple[tuple[int, ...], ...] = ()
    links: tuple[tuple[int, ...], ...] = ()
    intervals: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a simulator recorded.

    reason: "done", or why the simulation ended early ("protocol", "port-hang", "flood", ...).
    flits, clocks: each observed flit and the clock at which it was accepted. reads: words read through the port.
    """

    reason: str
    clock: int
    runs: tuple[Run, ...]
    flits: np.ndarray
    clocks: np.ndarray
    reads: np.ndarray


def stimulus(design: Design, x: np.ndarray) -> np.ndarray:
    """``x`` as (samples, steps, neurons) of at most 16 bits, or a refusal."""
    if np.ndim(x) > 1 and np.shape(x)[1] > design.most_steps:
        raise Refusal(f"x has {np.shape(x)[1]} steps per sample; the hardware counts to {design.most_steps}")
    return check_stimulus(design.network.input, x).astype(np.int16, copy=False)


def job_of(design: Design, x: np.ndarray, *, stalls: bool | Stalls, seed: int) -> Job:
    """Restart, run ``x`` (samples, steps, neurons) back to back, read the status and the last sample's state.

    stalls: these, or whether any are drawn.
    """
    samples, steps, _ = x.shape
    flits = encode(design.flit, design.input, x, shuffle=seed if stalls else None)
    operations = Operations()
    operations.poll(design.registers["status"], 1)
    for name in loaded(design.manifest):
        about = design.memories[name]
        for entry, words in enumerate(design.contents(name)):
            for word, data in enumerate(words):
                operations.write(about["base"] + entry * about["stride"] + word, int(data))
    operations.write(design.registers["steps"], steps)
    operations.write(design.registers["observe"], sum(1 << bit for bit in {s.observed for s in design.observed}))
    operations.write(design.registers["control"], 1)
    operations.poll(design.registers["status"], 1)
    operations.run(len(flits), samples * steps * len(design.observed))
    operations.read(design.registers["status"])
    operations.poll(design.registers["status"], 1)  # credits may still be on their way back
    for address in design.state_addresses():
        operations.read(address)
    operations.read(design.registers["status"])  # a read that was refused shows here
    work = sum(int(np.prod(p.synapses.shape)) for p in design.network.projections)
    work += sum(memory["entries"] * memory["words"] for memory in design.memories.values())
    return Job(
        operations=operations,
        flits=flits,
        tick_lsb=design.flit.fields["tick"][0],
        # A step takes at most about as many clocks as there are synapses, and setting up as there are words.
        patience=10_000 + 8 * work,
        most=samples * steps * sum(s.size + 1 for s in design.observed) + 1000,
        seed=seed + 1,
        stalls=stalls if isinstance(stalls, Stalls) else Stalls.draw(seed) if stalls else Stalls(),
    )

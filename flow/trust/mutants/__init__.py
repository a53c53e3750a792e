"""Mutation: single faults, switched on one by one in the hardware, and what of the verification notices each."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.boards.chip import TOP
from spikeloom.hdl.routers import Crossbar, Interconnect, Mesh, Ring
from spikeloom.sim.job import Stalls
from spikeloom.sim.mutation.equal import unseen
from spikeloom.sim.mutation.events import events, put
from spikeloom.sim.mutation.hosted import faulty, full, hosted, interrupted, lengths, surplus, tabled
from spikeloom.sim.mutation.moment import Hint
from spikeloom.sim.mutation.netlist import Mutant, Mutants, memories, mutate
from spikeloom.sim.mutation.packets import packets
from spikeloom.sim.mutation.trial import CLOCKS, Killer, Outcome, trial
from spikeloom.sim.soak import PAYLOAD_BITS, soak_verilog
from spikeloom.trust.check import Check, Figure, Job, Row, Rows
from spikeloom.trust.mutants.designs import Rule, Subject, case
from spikeloom.trust.mutants.link_script import TALKS, talk
from spikeloom.trust.mutants.link_stand_in import Wire, link_verilog

__all__ = ["CHECK"]

SEED = 1
QUICK, FULL = 100, 1000
#: So many are in one build.
AT_ONCE = 250
#: Networks that a design was not made for, which find what seldom happens.
OTHERS = 24
#: And networks whose lists are long.
UNEVEN = 16
PROOF_SECONDS = 30
#: For a proof near a mutant that lives.
PATIENT_SECONDS = 120
#: Per cent, killed by tests alone.
LEAST_QUICK, LEAST_FULL = 92, 95
#: A host that takes nothing for long, so that all that is under way stops.
SLOW = Stalls(o_enter=2, o_leave=2)
HOSTS = {"": False, ", stalls": True, ", slow": SLOW}
#: Of so many networks a sample is that long, with all bits of its steps' number; and an input of so many has an event.
VERY_LONG, STEPS, RARE = 3, 34_000, 0.01
#: So many networks are cut off and reset in their runs.
CUT_OFF = 3
#: Samples whose last step but one, and whose last step, is the first that has another bit.
LENGTHS = [(1 << bit) + more for bit in range(16) for more in (0, 1)]
#: So often all samples follow each other in one, for counters of steps.
LONG = 8
EQUAL = "changes nothing"
STAND_IN = "accelerator"
OWN = ("core", "top", "gate", "exchange", "counters", "arriving", "leaving", "buffer")

ONE = Subject(
    configuration={"lanes": 4, "units": 2, "counters": True},
    rules=(Rule(spikes="many", value_bits=3, bits=13),),
    seeds=tuple(range(1, 9)),
    others=OTHERS,
    uneven=UNEVEN,
    lopsided=(3688, 4002),
)
MESH = Subject(
    configuration={"lanes": 2, "cores": 3, "topology": "mesh"},
    rules=(Rule(reset_when="next-step"),),
    seeds=tuple(range(1, 9)),
    others=OTHERS,
    lopsided=(3412, 4174),
    fanned=(8345, 8402, 8957, 10436, 14241),
)
SHORT = Subject(
    configuration={"lanes": 8, "units": 1, "pipeline": "short", "weights": "single-port", "slots": 1},
    rules=(Rule(reset="zero"),),
    seeds=tuple(range(1, 9)),
    sizes=(3, 20),
    others=OTHERS,
    uneven=UNEVEN,
)
CURRENTS = Subject(
    configuration={"lanes": 2, "units": 2},
    rules=(
        Rule(reset_when="next-step", current_bits=10),
        Rule(spikes="potential", value_bits=4),
        Rule(reset_when="next-step"),
    ),
    seeds=tuple(range(1, 7)),
    kinds=("dense",),
    synapse_delays=0,
    orders=False,
)
MANY = Subject(
    configuration={"lanes": 2, "units": 1},
    rules=(Rule(spikes="many", value_bits=3, bits=18),),
    seeds=tuple(range(1, 7)),
    kinds=("dense",),
    synapse_delays=0,
    orders=False,
)
ZERO = Subject(
    configuration={"lanes": 2, "units": 1, "pipeline": "short"},
    rules=(Rule(reset="zero", bits=10, decay_bits=6, guard=0),),
    seeds=tuple(range(1, 7)),
    kinds=("dense",),
    synapse_delays=0,
    orders=False,
)
WIDE = Wire(flit_bits=20, slots=4, slot_size=128)
SMALL = Wire(flit_bits=61, slots=2, slot_size=64)
#: A frame of control is known by its first byte, which is in the last slot.
LINK = {
    wire: Hint(
        places=("link.executor", "link.receiver", "link.receiver.slots"),
        beside=("link.executor", "link.sender"),
        memory="link.receiver.slots.link_slots",
        words=((wire.slots - 1) * wire.slot_size + 1,),
    )
    for wire in (WIDE, SMALL)
}

#: Of each block: the design of each part, and its share of the block's mutants.
DESIGNS: dict[str, dict[str, tuple[Subject | type[Interconnect] | Wire, float]]] = {
    "core": {"one core": (ONE, 0.4), "three cores on a mesh": (MESH, 0.4), "short pipeline": (SHORT, 0.2)},
    "memories": {"block memories": (ONE, 0.5), "a single port": (SHORT, 0.5)},
    "router": {"crossbar": (Crossbar, 0.3), "ring": (Ring, 0.35), "mesh": (Mesh, 0.35)},
    "neuron units": {
        "currents and potentials": (CURRENTS, 0.4),
        "many spikes": (MANY, 0.4),
        "reset to zero": (ZERO, 0.2),
    },
    "host link": {"three frames at once": (WIDE, 0.5), "one frame at once": (SMALL, 0.5)},
}
NODES = {Crossbar: 4, Ring: 5, Mesh: 6}


def parts(full: bool) -> list[str]:
    """A block's design, and in a full run one of several lots of its mutants."""
    total = FULL if full else QUICK
    return [
        f"{block}, {design}" + (f", lot {lot + 1}" if full else "")
        for block, designs in DESIGNS.items()
        for design, (_, share) in designs.items()
        for lot in range(-(-round(total * share) // AT_ONCE))
    ]


def run(part: str, job: Job) -> Rows:
    block, design, *lots = part.split(", ")
    subject, share = DESIGNS[block][design]
    total = round((FULL if job.full else QUICK) * share)
    lot = int(lots[0].removeprefix("lot ")) - 1 if lots else 0
    numbers = range(lot * AT_ONCE + 1, min((lot + 1) * AT_ONCE, total) + 1)
    made, killers, slow = _killers(block, subject, job.folder, total, numbers)
    hint = LINK.get(subject) if isinstance(subject, Wire) else None

    def proof(mutant: Mutant, **limits: float) -> str | None:
        limits = {"seconds": PROOF_SECONDS, **limits}
        return unseen(made.flat, made.top, mutant, without_memories=True, hint=hint, **limits)

    # What was found out last about the same mutant is tried first.
    last = {_key(row): row for row in job.earlier.get(_title(block), ()) if row.get("design") == design}
    rows = {m.number: _row(design, Outcome(mutant=m)) for m in made.mutants}
    known = {m.number: last.get(_key(rows[m.number]), {}) for m in made.mutants}
    for mutant in made.mutants:
        if known[mutant.number].get("verdict") == EQUAL:
            rows[mutant.number] = _row(design, Outcome(mutant=mutant), proof(mutant))
    left = [m for m in made.mutants if rows[m.number]["verdict"] != EQUAL]
    named = {killer.name: killer for killer in (*killers, *slow)}
    first = {number: named[row["killed by"]] for number, row in known.items() if row.get("killed by") in named}
    for done, outcome in enumerate(trial(left, killers, first), len(made.mutants) - len(left)):
        job.progress(done, len(numbers))
        mutant, proven = outcome.mutant, None
        if outcome.killer is None and (proven := proof(mutant)) is None:
            (outcome,) = trial([mutant], slow)
            if outcome.killer is None:
                proven = proof(mutant, near_seconds=PATIENT_SECONDS)
        rows[mutant.number] = _row(design, outcome, proven)
    return {_title(block): list(rows.values())}


def _killers(
    block: str, subject: Subject | type[Interconnect] | Wire, folder: Path, count: int, numbers: range
) -> tuple[Mutants, list[Killer], list[Killer]]:
    """The mutants, what is to kill them, and what takes longer than a proof, for those that have none."""
    drawn = partial(mutate, count=count, seed=SEED, first=numbers[0], last=numbers[-1])
    if isinstance(subject, Wire):
        made = drawn(link_verilog(subject), TOP, within=lambda place: not place.startswith(STAND_IN))
        return made, [talk(made.verilog, subject, name) for name in TALKS], []
    if not isinstance(subject, Subject):
        dut = subject(NODES[subject], PAYLOAD_BITS)
        made = drawn(soak_verilog(dut), "soak", within=lambda place: place.startswith("dut"))
        return made, [packets(made.verilog, dut, seed) for seed in range(1, 7)], []
    folders, tables = case(subject, folder)
    own, others = folders[: subject.own], folders[subject.own :]
    first, _ = own[0]
    text = (first / "accelerator.v").read_text()
    made = drawn(text, "accelerator", within=_within(block, memories(text, "accelerator")))
    for directory, _ in folders:
        put(made.verilog, directory)
    # The first ones are who kills most; the others are for what only happens together.
    runs = [
        events(
            f"network {k + 1}{', stalls' * stalls}{', again' * (turn > 1)}", *folder, stalls=stalls, seed=k + 100 * turn
        )
        for turn in range(3)
        for k, folder in enumerate(own)
        for stalls in [turn == 2 or (k + turn) % 2 == 1]
    ]
    further = [
        events(f"another network {k + 1}{how}", *folder, stalls=stalls, seed=k + 300)
        for k, folder in enumerate(others)
        for how, stalls in HOSTS.items()
    ]
    said = [
        tabled(f"network {k + 1}, {how}{', stalls' * (k % 2)}", *folder, words, stalls=k % 2 == 1, seed=k)
        for k, folder in enumerate(folders[: 2 * len(own) + len(subject.fanned) + subject.others])
        for how, words in tables[folder[0]].items()
        if words
    ]
    too_many = [surplus(f"network {k + 1}, an event too many", folder[0], seed=k) for k, folder in enumerate(own[:-2])]
    cut = [interrupted(f"network {k + 1}, cut off", *folder, seed=k) for k, folder in enumerate(own[:CUT_OFF])]
    wrong = [faulty(f"network {k + 1}, a wrong count", *folder, seed=k) for k, folder in enumerate(own)]
    host = [
        hosted(f"host, network {k + 1}{', stalls' * stalls}", *own[k], stalls=stalls, seed=3 + k)
        for k, stalls in enumerate((False, True))
    ]
    loud, x = own[-1]
    long = np.tile(x.reshape(1, -1, x.shape[2]), (1, LONG, 1))
    slow = events(f"network {len(own)}, long and slow", loud, long, stalls=SLOW, seed=0)
    endless = [
        events(f"network {k + 1}, a very long sample", directory, _rare(x), stalls=False, seed=k)
        for k, (directory, x) in reversed(list(enumerate(own[:VERY_LONG])))
    ]
    ends = [lengths("network 1, samples of many lengths", *own[0], LENGTHS, seed=0)]
    round_ = [full("network 1, full counters", *own[0], seed=0)] if subject.configuration.get("counters") else []
    return (
        made,
        [runs[0], host[0], *runs[1:], host[1], *cut, slow, *further, *too_many, *wrong, *round_, *said],
        [*ends, *endless],
    )


def _rare(x: np.ndarray) -> np.ndarray:
    """One sample with steps enough for all bits of their counters, in which events are rare."""
    rng = np.random.default_rng(0)
    steps = x.reshape(-1, *x.shape[2:])
    return np.where(rng.random((1, STEPS, *x.shape[2:])) < RARE, steps[rng.integers(len(steps), size=STEPS)], 0)


def _within(block: str, memories: set[str]) -> Callable[[str], bool]:
    def unit(place: str) -> bool:
        return ".neuron_units" in place

    return {
        "core": lambda place: place.startswith(OWN) and place not in memories and not unit(place),
        "memories": lambda place: place in memories,
        "neuron units": lambda place: unit(place) and place not in memories,
    }[block]


def _title(block: str) -> str:
    return f"Mutants: {block}"


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("number", "place", "what", "line"))


def _row(design: str, outcome: Outcome, proof: str | None = None) -> Row:
    mutant = outcome.mutant
    return {
        "design": design,
        "number": mutant.number,
        "place": mutant.place,
        "what": mutant.what,
        "line": mutant.line,
        "verdict": "killed" if outcome.killer else EQUAL if proof else "alive",
        "killed by": outcome.killer or "",
        "how": f"proven by {proof}: no output ever differs" if proof else outcome.fault or "",
    }


def _blocks(rows: Rows) -> Iterator[tuple[str, Sequence[Row]]]:
    return ((block, rows.get(_title(block), ())) for block in DESIGNS)


def cases(rows: Rows) -> int:
    return sum(len(of_block) for _, of_block in _blocks(rows))


def figures(rows: Rows, full: bool) -> list[Figure]:
    found = []
    for block, of_block in _blocks(rows):
        verdicts = Counter(row["verdict"] for row in of_block)
        late = sum(row["how"] == CLOCKS for row in of_block)
        title = _title(block)
        total = FULL if full else QUICK
        found += [
            Figure(what=f"mutants of the {block}", value=len(of_block), of=title, least=total),
            Figure(
                what=f"killed by tests, of the {block}",
                value=_percent(verdicts["killed"], len(of_block)),
                unit="%",
                of=title,
                least=LEAST_FULL if full else LEAST_QUICK,
                note=f"{late} of them only by taking other clocks than the design without a fault" if late else "",
            ),
            Figure(
                what=f"killed of those that matter, of the {block}",
                value=_percent(verdicts["killed"], verdicts["killed"] + verdicts["alive"]),
                unit="%",
                of=title,
                least=100,
                note="those count that no proof shows to change nothing",
            ),
        ]
    return found


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


CHECK = Check(
    name="mutants",
    title="Mutants of the hardware",
    about=(
        "Yosys changes one bit of one gate, register or memory port at a time: inverted, stuck, or inverted as another "
        "bit says. The usual comparisons with the integer model then run small networks on the changed design, with "
        "and without stalls, write and read all of its memories and registers as a host does, count packets, or send "
        "right and wrong frames on the host's line. A mutant that none of them notices shows a missing test, unless a "
        "proof shows that it changes nothing."
    ),
    parts=parts,
    run=run,
    cases=cases,
    figures=figures,
)

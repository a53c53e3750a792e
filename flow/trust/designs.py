"""Random designs: networks, configurations and stimuli drawn by hypothesis, and several witnesses of each."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spikeloom.boards import tools
from spikeloom.golden.network import Refusal
from spikeloom.hdl.supported import Range, joined
from spikeloom.netlist import netlist
from spikeloom.sim.netlist import MODELS
from spikeloom.trust.check import Check, Figure, Job, Row, Rows, Unable

if TYPE_CHECKING:  # hypothesis may be missing
    from spikeloom.sim.drawn.cases import Case
    from spikeloom.sim.drawn.families import Family, Kind
    from spikeloom.sim.equivalence import VerifyReport

    Done = list[tuple[Case, VerifyReport]]

__all__ = ["CHECK"]

#: Where a case that differed is kept, and replayed for ever.
REGRESSIONS = Path(__file__).parents[2] / "tests" / "regressions"
#: Binaries, designs on each, and binaries in a part: what varies has all its values in 22 binaries.
QUICK, FULL = (22, 10, 3), (418, 5, 22)
#: Designs that Amaranth's simulator sees too, and the netlists for each family of cells.
ON_AMARANTH, NETLISTS = {False: 11, True: 104}, {False: 1, True: 10}
#: Of a witness that is slow: clocks, times engines.
WORK = 12_000
KEPT, NETLIST = "kept cases", "netlist for"
BINARIES, WITNESSES, VALUES, RANGES = "binaries", "other witnesses", "values", "parameters"
AMARANTH = "Amaranth's simulator"


def parts(full: bool) -> Sequence[str]:
    count, _, each = FULL if full else QUICK
    numbers = (f"binaries {first} to {min(first + each, count) - 1}" for first in range(0, count, each))
    return [KEPT, *numbers, *(f"{NETLIST} {cells}" for cells in MODELS)]


def run(part: str, job: Job) -> Rows:
    if find_spec("hypothesis") is None:
        raise Unable("hypothesis is missing, which draws the designs; install it with: pip install hypothesis")
    try:
        tools.version("yosys")
    except Refusal as refusal:
        raise Unable(str(refusal)) from None
    from spikeloom.sim.drawn.choices import family

    if part == KEPT:
        return {KEPT: list(kept())}
    if part.startswith(NETLIST):
        return {WITNESSES: list(_netlists(part.removeprefix(NETLIST).strip(), job))}
    first, last = (int(word) for word in part.split() if word.isdigit())
    examples, also = (FULL if job.full else QUICK)[1], _small(job.full)[: ON_AMARANTH[job.full]]
    tally, found = Tally(), {BINARIES: [], WITNESSES: []}
    for number in range(first, last + 1):
        job.progress(number - first, last + 1 - first)
        drawn = family(number)
        row, done = binary(drawn, examples, tally)
        found[BINARIES].append(row)
        if number in also:
            found[WITNESSES] += on_amaranth(drawn, done)
    return found | tally.rows(part)


def kept() -> Iterator[Row]:
    """Cases that differed once."""
    from spikeloom.sim.drawn.cases import replay

    for path in sorted(REGRESSIONS.glob("*/case.json")):
        report = replay(path.parent)
        yield {
            "case": path.parent.name,
            "simulator": report.simulator,
            "values compared": report.cells + report.states,
            "events": report.events,
            "differences": _wrong(report),
            "seconds": report.seconds,
        }


def binary(family: "Family", examples: int, tally: "Tally", keep: Path = REGRESSIONS) -> "tuple[Row, Done]":
    """The row of a family's designs, and those of them that equal golden."""
    from spikeloom.sim.drawn.cases import of_family, run

    started = time.monotonic()
    done, differs = run(of_family(family), examples, family.seed, keep / _name(family))
    for case, _ in done:
        tally.add(case)
    reports = [report for _, report in done]
    fired = [share for report in reports for share in report.fired.values()]
    return {
        "binary": family.seed,
        "configuration": _words(family),
        "verilog": " ".join(sorted({report.verilog[:12] for report in reports})),
        "designs": len({report.network for report in reports}),
        "runs": len(reports),
        "runs with stalls": sum(case.stalls for case, _ in done),
        "silent runs": sum(not report.events for report in reports),
        "steps": sum(report.samples * report.steps for report in reports),
        "values compared": sum(report.cells + report.states for report in reports),
        "events": sum(report.events for report in reports),
        "neurons that fired": round(float(np.mean(fired)), 3) if fired else 0.0,
        "differences": _wrong(differs.report) if differs else 0,
        "seconds": round(time.monotonic() - started, 1),
    } | ({"said": differs.report.verdict, "kept as": str(differs.kept)} if differs else {}), done


def on_amaranth(family: "Family", done: "Done", keep: Path = REGRESSIONS) -> Iterator[Row]:
    """One of a family's designs, on the smallest hardware that it needs."""
    from spikeloom.sim.drawn.cases import Differs, compare

    for case in _telling(done):
        try:
            report = compare(case, keep / _name(family), "amaranth")
        except Differs as differs:
            report = differs.report
        yield _witness(AMARANTH, family, report)


def _netlists(cells: str, job: Job) -> Iterator[Row]:
    """One design of each of some families, on the smallest hardware that it needs."""
    from spikeloom.sim.drawn.cases import of_family, run
    from spikeloom.sim.drawn.choices import family

    drawn = (family(number) for number in _small(job.full))
    simple = [f for f in drawn if _cores(f) == 1 and f.configuration.weights == "block"]
    simple.sort(key=lambda f: f.configuration.lanes * sum(kind.states["v"] for kind in f.kinds))
    chosen = simple[list(MODELS).index(cells) :: len(MODELS)]
    for number, each in enumerate(chosen[: NETLISTS[job.full]]):
        job.progress(number, NETLISTS[job.full])
        done, _ = run(of_family(each), (FULL if job.full else QUICK)[1], each.seed, job.folder / _name(each))
        for case in _telling(done):
            rtl = case.generate(job.folder / f"{_name(each)}-rtl")
            with netlist(rtl, cells, None, False, None) as made:
                report = case.verify(made)
            if _wrong(report):
                case.keep(REGRESSIONS / f"{_name(each)}-{cells}", "verilator", report.verdict)
            yield _witness(f"the {cells} netlist", each, report)


def _small(full: bool) -> list[int]:
    """Binaries whose designs Amaranth's simulator runs in seconds."""
    from spikeloom.sim.drawn.choices import SMALL, family

    numbers = range((FULL if full else QUICK)[0])
    return [n for n in numbers if (f := family(n)).sizes == SMALL and f.configuration.lanes * _cores(f) <= 8]


def _telling(done: "Done") -> "list[Case]":
    """Of designs that are simulated soon, the one with most events, on hardware of its own; none if all were silent."""
    soon = [(report.events, n) for n, (_, report) in enumerate(done) if report.clocks * len(report.activity) <= WORK]
    events, best = max(soon, default=(0, 0))
    return [replace(done[best][0], family=None)] if events else []


def _cores(family: "Family") -> int:
    return family.parts or (1 if family.configuration.cores == "shared" else family.populations[1])


def _name(family: "Family") -> str:
    return f"random-{family.name.replace(' ', '-')}"


def _words(family: "Family") -> str:
    """A family's configuration, and the networks that are drawn for it."""
    c, cores = family.configuration, _cores(family)
    joined = f" in {'parts' if family.parts else 'populations'}, {c.topology}{' of slow links' if family.slow else ''}"
    rules = dict.fromkeys(_rule(kind) for kind in family.kinds)
    said = [
        f"{c.lanes} lanes, {c.neuron_units} units, {cores} core{'s' if cores > 1 else ''}",
        (joined if cores > 1 else ""),
        f", order {'mixed' if family.mixed else c.order}, {c.pipeline} pipeline, weights in {c.weights}",
        f"; {' or '.join(rules)}",
        f"; {' '.join(family.synapses)}, delays up to {family.delays[1]} + {family.synapse_delays}",
        f", {family.sizes[0]} to {family.sizes[1]} neurons",
    ]
    return "".join(said)


def _rule(kind: "Kind") -> str:
    options, current = kind.options, " and current" if "i" in kind.states else ""
    bits = f"{kind.states['v']}-bit state{current}, decay {options['decay_bits']}, guard {options['guard']}"
    if options["spikes"] == "potential":
        return f"{kind.value_bits}-bit potentials, {bits}"
    spikes = f"{kind.value_bits}-bit numbers of spikes" if options["spikes"] == "many" else "spikes"
    return f"{spikes}, reset {options['reset']} {options['reset_when']}, {bits}"


def _witness(witness: str, family: "Family", report: "VerifyReport") -> Row:
    return {
        "witness": witness,
        "binary": family.seed,
        "configuration": _words(family),
        "network": report.network[:12],
        "values compared": report.cells + report.states,
        "events": report.events,
        "differences": _wrong(report),
        "seconds": report.seconds,
    } | ({"said": report.verdict} if _wrong(report) else {})


def _wrong(report: "VerifyReport") -> int:
    return report.differences + len(report.problems)


class Tally:
    """Designs by each value that one has, and the smallest and largest of each parameter."""

    def __init__(self) -> None:
        self.values: dict[str, Counter[int | str]] = {}
        self.ranges: dict[str, Range] = {}

    def add(self, case: "Case") -> None:
        from spikeloom.sim.drawn.seen import ranges, values

        for name, found in values(case).items():
            self.values.setdefault(name, Counter()).update(found)
        self.ranges = joined([self.ranges, ranges(case)])

    def rows(self, part: str) -> Rows:
        return {
            VALUES: [
                {"what": name, "value": value, "designs": designs, "part": part}
                for name, counter in self.values.items()
                for value, designs in sorted(counter.items(), key=str)
            ],
            RANGES: [
                {"parameter": name, "smallest": low, "largest": high, "of": part}
                for name, (low, high) in self.ranges.items()
            ],
        }


def cases(rows: Rows) -> int:
    return sum(row["designs"] for row in rows.get(BINARIES, ()))


def figures(rows: Rows, full: bool) -> Sequence[Figure]:
    from spikeloom.sim.drawn.seen import EXPECTED

    made, others, again = (rows.get(title, ()) for title in (BINARIES, WITNESSES, KEPT))
    runs = sum(row["runs"] for row in made)
    seen = {(row["what"], row["value"]) for row in rows.get(VALUES, ())}
    never = [f"{name} {value}" for name, values in EXPECTED.items() for value in values if (name, value) not in seen]
    fired = float(np.mean([row["neurons that fired"] for row in made] or [0]))
    texts = {text for row in made for text in row["verilog"].split()}
    seen_by = Counter(row["witness"] for row in others if row["events"])
    expected = sum(map(len, EXPECTED.values()))
    wrong = sum(row["differences"] for row in (*made, *others, *again))
    return [
        Figure(what="random designs", value=cases(rows), of=BINARIES, least=2000 if full else 200),
        Figure(what="distinct Verilog texts among them", value=len(texts), of=BINARIES, least=400 if full else 20),
        Figure(what="differences from golden", value=wrong, of=BINARIES, most=0, note="by any witness"),
        Figure(what="events compared", value=sum(r["events"] for r in made), of=BINARIES, least=20 * cases(rows)),
        Figure(what="neurons that fired", value=round(100 * fired), of=BINARIES, unit="%", least=20, most=80),
        Figure(
            what="runs in which nothing fired",
            value=round(100 * sum(row["silent runs"] for row in made) / max(1, runs)),
            of=BINARIES,
            unit="%",
            most=33,
        ),
        Figure(
            what="runs with stalled streams",
            value=round(100 * sum(row["runs with stalls"] for row in made) / max(1, runs)),
            of=BINARIES,
            unit="%",
            least=20,
            most=80,
        ),
        Figure(
            what="values that a design had",
            value=expected - len(never),
            of=VALUES,
            least=expected,
            note=f"none had {', '.join(never)}" if never else "",
        ),
        *(
            Figure(what=f"designs also seen by {witness}", value=seen_by[witness], of=WITNESSES, least=least)
            for witness, least in (
                (AMARANTH, 100 if full else 8),
                *((f"the {cells} netlist", NETLISTS[full]) for cells in MODELS),
            )
        ),
        Figure(
            what="kept cases that differ again",
            value=sum(row["differences"] > 0 for row in again),
            of=KEPT,
            most=0,
            note=f"of {len(again)} that differed once",
        ),
    ]


CHECK = Check(
    name="designs",
    title="Random designs",
    about=(
        "Networks, configurations and stimuli are drawn at random and the hardware compared with the integer model: "
        "every event of every population at every step, and all states after the last one. Designs share a binary, "
        "whose memories are filled at run time. Some are also run on Amaranth's own simulator and as the netlist that "
        "synthesis makes of them. What differs is shrunk, kept, and run first from then on."
    ),
    parts=parts,
    run=run,
    cases=cases,
    figures=figures,
)

"""Coverage of the generated Verilog, and of the Python that makes it and says what is right."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict

from spikeloom.hdl.routers import Crossbar, Mesh, Ring
from spikeloom.hdl.routers.topology import Topology
from spikeloom.sim.coverage.bins import Bin
from spikeloom.sim.coverage.core_bins import CORE
from spikeloom.sim.coverage.measure import Covered
from spikeloom.sim.coverage.play import Verdict
from spikeloom.sim.coverage.points import Point
from spikeloom.sim.coverage.router_bins import router_bins
from spikeloom.sim.coverage.routers import CoveredRouters
from spikeloom.sim.soak import PAYLOAD_BITS
from spikeloom.trust.check import Check, Figure, Job, Row, Rows
from spikeloom.trust.coverage.branches import branches
from spikeloom.trust.coverage.designs import CHIP, DESIGNS
from spikeloom.trust.coverage.link import CoveredLink, below, coincidences, script
from spikeloom.trust.coverage.link_bins import LINK
from spikeloom.trust.coverage.waivers import WAIVERS, Waiver, waived

__all__ = ["CHECK"]

BINS = "Functional bins"
COMPONENTS = "Lines and toggles by component"
MISSED = "Lines and toggles that no run reached"
WAIVED = "Waivers of lines and toggles"
RUNS = "Runs that were covered"
ROOMS = "Branches of the Python, by file"
BRANCHES = "Branches of the Python that no test takes"

ROUTERS = {"crossbar": (Crossbar, 5), "ring": (Ring, 5), "mesh": (Mesh, 9)}
ROUTER_CLOCKS = {False: 20_000, True: 1_000_000}
SEED = 3
#: Machines that only a reset by the pin stops in every state: the host's own reset goes through some of them.
BY_PIN = ("executor", "sender", "host's port")
#: Where a reset comes in the middle of a byte.
IN_BYTES = {"UART: reset in a byte": "UART: byte begins", "UART: reset while a byte is sent": "UART: bytes follow"}
#: Reached in the quick run, rounded down.
PYTHON_PERCENT = 92


def _parts(full: bool) -> Sequence[str]:
    return (*DESIGNS, "chip", "routers", "python")


def _run(part: str, job: Job) -> Rows:
    if part in DESIGNS:
        return _cores(part, job)
    if part == "chip":
        return _chip(job)
    if part == "routers":
        return _routers(job)
    return branches(job, ROOMS, BRANCHES)


def _cores(name: str, job: Job) -> Rows:
    made = DESIGNS[name]
    design, bins = made.made(job.folder / "design"), made.bins()
    covered = Covered(design, bins, name)
    runs = [_row(name, k, covered.run(play)) for k, play in enumerate(made.plays(design, job.full))]
    return _rows(name, bins, covered.points(), runs)


def _chip(job: Job) -> Rows:
    design = CHIP.made(job.folder / "design")
    bins = [*LINK, *below(CORE, "accelerator")]
    covered = CoveredLink(design, bins, "chip")
    host = script(design)
    runs = [_row("chip", 0, covered.run(host))]
    first = dict(covered.first)
    runs.append(_row("chip", 1, covered.run(coincidences(design))))
    # With the first script again, what happened in a clock of that run happens there again, but for a reset.
    for bin_ in bins:
        machine, _, state = bin_.name.partition(": reset in ")
        clock = first.get(IN_BYTES.get(bin_.name, f"{machine}: {state}"))
        if (machine in BY_PIN or bin_.name in IN_BYTES) and clock is not None:
            runs.append(_row("chip", len(runs), covered.run(host, reset=clock - 1)))
    return _rows("chip", bins, covered.points(), runs)


def _routers(job: Job) -> Rows:
    rows: dict[str, list[Row]] = defaultdict(list)
    for kind, (component, nodes) in ROUTERS.items():
        bins = router_bins(Topology(kind=kind, nodes=nodes), "")
        name = f"{kind} of {nodes}"
        covered = CoveredRouters(component(nodes, PAYLOAD_BITS), bins, name, job.folder / kind)
        soaked = covered.run(ROUTER_CLOCKS[job.full], seed=SEED)
        run = {"design": name, "run": 0, "packets": soaked.packets, "differences": sum(soaked.faults.values())}
        run |= {"what differs": ", ".join(soaked.faults)}
        for title, more in _rows(name, bins, covered.points(), [run]).items():
            rows[title] += more
    return rows


def _row(design: str, number: int, verdict: Verdict) -> Row:
    """One simulation."""
    counted = {name: count for name, count in asdict(verdict).items() if name != "problems"}
    text = "; ".join(verdict.problems[:3])
    return {"design": design, "run": number, **counted, "differences": len(verdict.problems), "what differs": text}


def _rows(design: str, bins: Iterable[Bin], points: Mapping[Point, int], runs: list[Row]) -> Rows:
    hits, places = Counter[str](), defaultdict(set)
    for point, count in points.items():
        if point.kind == "bin":
            hits[point.what] += count
            places[point.what].add(point.component)
    about = {bin_.name: bin_.about for bin_ in bins}
    matched = waived(points, design, WAIVERS)
    left_out = {point for found in matched.values() for point in found if not points[point]}
    components: dict[str, Counter[str]] = defaultdict(Counter)
    missed = []
    for point, count in points.items():
        if point.kind != "bin":
            some = components[point.component]
            some[f"{point.kind}s"] += 1
            some[f"{point.kind}s reached"] += count > 0
            some[f"{point.kind}s waived"] += point in left_out
            if not count and point not in left_out:
                missed.append(point)
    columns = [f"{kind}s{how}" for kind in ("line", "toggle") for how in ("", " reached", " waived")]
    return {
        BINS: [
            {"bin": name, "meaning": text, "design": design, "components": len(places[name]), "hits": hits[name]}
            for name, text in about.items()
        ],
        COMPONENTS: [
            {"design": design, "component": name, **{column: some[column] for column in columns}}
            for name, some in components.items()
        ],
        MISSED: [
            {"design": design, "component": point.component, "kind": point.kind, "what": point.what} for point in missed
        ],
        WAIVED: [
            {
                "waiver": waiver.title,
                "design": design,
                "points": len(found),
                "reached": sum(points[point] > 0 for point in found),
                "reason": waiver.reason,
            }
            for waiver, found in matched.items()
            if found
        ],
        RUNS: runs,
    }


def _figures(rows: Rows, full: bool) -> Iterator[Figure]:
    differing = sum(row["differences"] for row in rows.get(RUNS, ()))
    yield Figure(what="covered runs that differ from what is right", value=differing, of=RUNS, most=0)
    hits: Counter[str] = Counter()
    for row in rows.get(BINS, ()):
        hits[row["bin"]] += row["hits"]
    yield Figure(
        what="functional bins that were hit",
        value=_percent(sum(count > 0 for count in hits.values()), len(hits)),
        unit="%",
        of=BINS,
        least=100,
        note=f"{len(hits)} bins; one counts if any design that has it hit it",
    )
    for kind, least in (("lines", 100), ("toggles", 98)):
        total = sum(row[kind] - row[f"{kind} waived"] for row in rows.get(COMPONENTS, ()))
        reached = sum(row[f"{kind} reached"] for row in rows.get(COMPONENTS, ()))
        away = sum(row[f"{kind} waived"] for row in rows.get(COMPONENTS, ()))
        yield Figure(
            what=f"{kind} of the Verilog that were reached",
            value=_percent(reached, total),
            unit="%",
            of=COMPONENTS,
            least=least,
            note=f"{reached} of {total}; {away} more are waived",
        )
    yield Figure(
        what="waivers that match something, and nothing that was reached",
        value=len(WAIVERS) - len(_stale(rows, WAIVERS)),
        of=WAIVED,
        least=len(WAIVERS),
    )
    branches_, taken = (sum(row[name] for row in rows.get(ROOMS, ())) for name in ("branches", "taken"))
    yield Figure(
        what="branches of golden and hdl that the tests take",
        value=_percent(taken, branches_),
        unit="%",
        of=ROOMS,
        least=PYTHON_PERCENT,
    )


def _stale(rows: Rows, waivers: Iterable[Waiver]) -> list[str]:
    found: dict[str, list[int]] = defaultdict(list)
    for row in rows.get(WAIVED, ()):
        found[row["waiver"]].append(row["reached"])
    return [waiver.title for waiver in waivers if not found[waiver.title] or any(found[waiver.title])]


def _percent(some: int, whole: int) -> float:
    """Rounded down, so that 100 is all."""
    return int(10_000 * some / whole) / 100 if whole else 0.0


CHECK = Check(
    name="coverage",
    title="Coverage",
    about=(
        "Small designs, which between them have all that a design can have, are run in Verilator with probes beside "
        "them. Each run is compared with the integer model, packet by packet where routers run alone, so that what "
        "was reached was also right. Functional bins are events that must happen: a full queue, a potential at its "
        "threshold, a reset in each state of each machine. Lines are blocks of the Verilog and each way of its "
        "conditions; toggles are bits of named signals and ports in both directions, in every kind of component."
    ),
    parts=_parts,
    run=_run,
    cases=lambda rows: len(rows.get(RUNS, ())),
    figures=lambda rows, full: list(_figures(rows, full)),
    whole=True,
)

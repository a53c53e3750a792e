"""The check "proofs": parts of the hardware for all inputs, and the bugs that each proof must find."""

import time
from collections.abc import Sequence

from spikeloom.sim.proofs.catalogue import PROOFS as HARDWARE
from spikeloom.sim.proofs.catalogue import Unproven, check
from spikeloom.sim.proofs.proof import Proof
from spikeloom.trust.check import Check, Figure, Job, Row, Rows
from spikeloom.trust.proofs import link, soc
from spikeloom.trust.proofs.inventory import components

__all__ = ["CHECK", "PROOFS"]

PROOFS: tuple[Proof, ...] = (*HARDWARE, *link.PROOFS, *soc.PROOFS)
PROVEN, COVERED = "Proofs", "Parts"
INVENTORY = "what there is to prove"
#: Groups of about a minute, by how parts are called; what fits none is among the last.
GROUPS = {
    "neuron units": ("neurons.", "neuron_units."),
    "lists, lanes and sums": ("event_lists.", "lanes.", "ring."),
    "address generators": ("fan_out.", "scatter.", "scheduler."),
    "rings of routers": ("routers.ring.",),
    "routers": ("routers.",),
    "link and bus": ("link.", "soc."),
    "all others": ("",),
}
#: Components without a proof of their own, and why.
NOTHING = {
    "core.Core": "joins parts that are proven by themselves; chooses the word that the host reads",
    "chip.Chip": "joins parts",
    "alone.Alone": "joins parts",
    "blinky.Blink": "shows that a board is alive, and is not on the way of any event",
    "blinky.Blinky": "joins parts",
    "top.Top": "joins parts",
    "clock.ClockAndReset": "counts in no clock that a proof has: the one that only begins when the PLL has locked",
    "soc.axi.AcceleratorAxi": "joins parts",
    "link.link.Link": "joins parts",
    "routers.interconnect.Interconnect": "joins routers, or stops; whole ones are soaked",
}


def group(proof: Proof) -> str:
    return next(name for name, starts in GROUPS.items() if proof.part.startswith(starts))


def parts(full: bool) -> Sequence[str]:
    return [INVENTORY, *(name for name in GROUPS if any(group(proof) == name for proof in PROOFS))]


def run(part: str, job: Job) -> Rows:
    if part == INVENTORY:
        return {COVERED: covered()}
    chosen = [proof for proof in PROOFS if group(proof) == part]
    rows: list[Row] = []
    for number, proof in enumerate(chosen):
        job.progress(number, len(chosen))
        rows.append(prove(proof))
    return {PROVEN: rows}


def prove(proof: Proof) -> Row:
    row: Row = {"part": proof.part, "claim": proof.claim, "size": proof.size, "planted bug": proof.bug.about}
    started = time.monotonic()
    try:
        verdict = check(proof)
    except Unproven as failure:
        return {**row, "result": str(failure), "seconds": round(time.monotonic() - started, 1)}
    return {
        **row,
        "result": "holds",
        "method": verdict.method,
        "seconds": verdict.seconds,
        "bug shows in clock": verdict.bug_clock,
    }


def covered() -> list[Row]:
    """Every component, what of it has to be right, and what is to be proven of it."""
    found = []
    for component in components():
        claims = [proof.claim for proof in PROOFS if proof.part == component.part]
        kinds: dict[str, list[str]] = {}
        for kind, name in component.things:
            kinds.setdefault(kind, []).append(name)
        found.append(
            {
                "part": component.part,
                "has": "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items()) or "logic",
                "proofs": len(claims),
                "claims": claims,
                "none, since": "" if claims else NOTHING.get(component.part, ""),
            }
        )
    return found


def figures(rows: Rows, full: bool) -> list[Figure]:
    proven = rows.get(PROVEN, ())
    return [
        Figure(
            what="proofs that hold",
            value=sum(row["result"] == "holds" for row in proven),
            of=PROVEN,
            least=len(PROOFS),
        ),
        Figure(what="unknown, or not so", value=sum(row["result"] != "holds" for row in proven), of=PROVEN, most=0),
        Figure(
            what="planted bugs found",
            value=sum("bug shows in clock" in row for row in proven),
            of=PROVEN,
            least=len(PROOFS),
        ),
        Figure(
            what="components without a proof, and without a reason",
            value=sum(not row["proofs"] and not row["none, since"] for row in rows.get(COVERED, ())),
            of=COVERED,
            most=0,
        ),
    ]


CHECK = Check(
    name="proofs",
    title="Proofs",
    about="What is claimed of a part of the hardware is shown for all inputs, with Yosys and ABC: for any time after a "
    "reset, or for the number of clocks that the row says. Memories and what has no reset begin with anything. In the "
    "source of each part a bug is planted that has to break the claim, and an example shows that the assumptions let "
    "something happen. The list of parts is read from the sources: every component, and what in it counts, queues, "
    "chooses or saturates.",
    parts=parts,
    run=run,
    cases=lambda rows: len(rows.get(PROVEN, ())),
    figures=figures,
    needs=lambda: None,
    whole=True,  # it reads all sources of the hardware
)

"""All proofs, and what comes of them."""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from spikeloom.golden.network import Refusal
from spikeloom.sim.proofs import (
    accelerator,
    counters,
    credit_exchange,
    destinations,
    event_lists,
    fan_out,
    host_gate,
    lanes,
    lif,
    memory,
    neuron_units,
    ring,
    routers,
    scatter,
    scheduler,
    solver,
    stops,
    streams,
    tokens,
)
from spikeloom.sim.proofs.proof import Proof
from spikeloom.sim.proofs.solver import Answer
from spikeloom.sim.proofs.statement import write

__all__ = ["PROOFS", "Unproven", "Verdict", "check"]

PROOFS: tuple[Proof, ...] = (
    *streams.PROOFS,
    *tokens.PROOFS,
    *memory.PROOFS,
    *counters.PROOFS,
    *ring.PROOFS,
    *event_lists.PROOFS,
    *lanes.PROOFS,
    *fan_out.PROOFS,
    *scatter.PROOFS,
    *scheduler.PROOFS,
    *host_gate.PROOFS,
    *accelerator.PROOFS,
    *credit_exchange.PROOFS,
    *destinations.PROOFS,
    *neuron_units.PROOFS,
    *lif.PROOFS,
    *routers.PROOFS,
    *stops.PROOFS,
)
#: Examples and bugs show within so many clocks.
CLOCKS = 120
SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """method: how it was proven, in ``seconds``. bug_clock: in which the bug shows; example_clock: the example."""

    method: str
    seconds: float
    bug_clock: int
    bug_seconds: float
    example_clock: int


class Unproven(Refusal):
    """trace: the signals of the counterexample, where there is one."""

    def __init__(self, text: str, trace: str = ""):
        super().__init__(text)
        self.trace = trace


def check(proof: Proof, *, seconds: float = SECONDS) -> Verdict:
    """Prove it and find its bug, both at once. Raises :class:`Unproven` where that fails."""
    right, wrong = proof.statement().text(), proof.statement(faulty=True).text()

    def prove(folder: Path) -> Answer:
        write(right, folder)
        return solver.never(folder / "broken.aig", bounded=proof.bounded, clocks=proof.clocks, seconds=seconds)

    def find(folder: Path) -> Answer:
        write(wrong, folder)
        return solver.sometime(folder / "broken.aig", clocks=CLOCKS, seconds=seconds)

    with tempfile.TemporaryDirectory(prefix="spikeloom-") as name, ThreadPoolExecutor(2) as pool:
        folders = [Path(name) / part for part in ("right", "wrong")]
        for folder in folders:
            folder.mkdir()
        proving, finding = pool.submit(_timed, prove, folders[0]), pool.submit(_timed, find, folders[1])
        (proven, proof_seconds), (found, bug_seconds) = proving.result(), finding.result()
        example = solver.sometime(folders[0] / "example.aig", clocks=CLOCKS, seconds=seconds)
    if proven.happens:
        raise Unproven(f"Not so: broken in clock {proven.clock}", proven.trace)
    if proven.happens is None:
        raise Unproven(f"Undecided after {proof_seconds:.0f} s ({proven.method})")
    if example.clock is None:
        raise Unproven(f"The example does not happen in {CLOCKS} clocks: the assumptions may contradict each other")
    if found.clock is None:
        raise Unproven(f"The bug is not found in {CLOCKS} clocks: {proof.bug.about}")
    if proof.clocks and found.clock >= proof.clocks:
        raise Unproven(f"The bug shows in clock {found.clock}, and {proof.clocks} are proven: {proof.bug.about}")
    return Verdict(
        method=proven.method,
        seconds=round(proof_seconds, 1),
        bug_clock=found.clock,
        bug_seconds=round(bug_seconds, 1),
        example_clock=example.clock,
    )


def _timed(work: Callable[[Path], Answer], folder: Path) -> tuple[Answer, float]:
    start = time.monotonic()
    return work(folder), time.monotonic() - start

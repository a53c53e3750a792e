"""What is proven of the hardware's parts."""

from dataclasses import asdict
from typing import Any

from spikeloom.bench.cache import sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.bench.figures import Parts
from spikeloom.golden.network import Refusal
from spikeloom.sim.proofs.catalogue import Unproven, check
from spikeloom.trust.proofs import PROOFS

__all__ = ["proofs"]


@figure(*({"part": proof.part, "claim": proof.claim} for proof in PROOFS))
def proofs(bench: Bench, part: str, claim: str) -> Parts:
    """Parts of the hardware, proven for all inputs in the size given; and how soon a planted bug breaks each proof."""
    chosen = next(proof for proof in PROOFS if (proof.part, proof.claim) == (part, claim))
    yield {"size": chosen.size, "bug": chosen.bug.about}

    def proven() -> dict[str, Any]:
        return asdict(check(chosen))

    rooms = ("hdl", "sim.proofs", "sim.yosys", "boards.link", "boards.soc", "trust.proofs.link", "trust.proofs.soc")
    code = {name: sources(f"spikeloom.{name}") for name in rooms}
    try:
        yield bench.cache.remember(proven, part=part, claim=claim, code=code)
    except Unproven as failure:
        if not failure.trace:
            raise
        path = bench.cache.folder / f"{part}.trace"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{part}: {claim}\n{failure.trace}\n", "utf-8")
        raise Refusal(f"{failure}; every signal of it is in {path}") from None

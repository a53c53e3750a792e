"""Proofs that a mutant changes nothing: the design beside itself with the mutant, for all inputs, for ever."""

import tempfile
from pathlib import Path

from spikeloom.golden.network import Refusal
from spikeloom.sim.mutation.netlist import Mutant
from spikeloom.sim.proofs import solver
from spikeloom.sim.yosys import run_yosys

__all__ = ["unseen"]

#: What has no initial value starts at 0 in both; memories do, and an input may write anything into them.
PASSES = (
    "memory_collect",
    "memory_map",
    "opt_clean",
    "miter -equiv -flatten gold gate miter",
    "hierarchy -top miter",
    "opt_clean",
    "setundef -undriven -zero",
    "setundef -init -zero",
    "dffunmap",
    "formalff -clk2ff",
    "opt -full",
    "techmap",
    "opt",
    "dffunmap",
    "abc -g AND",
    "opt_clean",
    "write_aiger -zinit -symbols miter.aig",
)


#: Memories become ports of the design: what they are asked must be the same, then what they answer is, whatever it be.
CUT = ("memory_collect", "expose -evert t:$mem_v2")


def unseen(flat: str, top: str, mutant: Mutant, *, seconds: float, cut: bool = False) -> str | None:
    """How it is known that no output of the design ever differs; None if it is not known. flat: its RTLIL.

    cut: memories are taken out, and may be of any size; a proof is not found where it rests on what they hold.
    """
    command = mutant.command.replace(f"-module {top} ", "-module gate ")
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        (folder / "right.il").write_text(flat)
        both = [step for twin in ("gold", "gate") for step in ("read_rtlil right.il", f"rename {top} {twin}")]
        try:
            run_yosys(folder, *both, command, *(CUT if cut else ()), *PASSES)
        except Refusal:
            return None
        answer = solver.never(folder / "miter.aig", seconds=seconds)
    return answer.method if answer.happens is False else None

"""Proofs that a mutant changes nothing: the design beside itself with the mutant, for all inputs, for ever."""

import tempfile
from pathlib import Path

from spikeloom.sim.mutation.cut import beside, cut, lane
from spikeloom.sim.mutation.netlist import Mutant
from spikeloom.sim.proofs import solver
from spikeloom.sim.yosys import run_yosys

__all__ = ["unseen"]

#: With all bits of the memories, which hold nothing in the beginning.
MAPPED = ("memory_collect", "memory_map", "opt_clean", "miter -equiv -flatten gold gate miter")
#: What has no initial value starts at 0 in both; where memories are cut out, they may hold anything.
PASSES = (
    "hierarchy -top miter",
    "flatten",
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


def unseen(flat: str, top: str, mutant: Mutant, *, without_memories: bool = False, seconds: float) -> str | None:
    """How it is known that no output of the design ever differs; None if it is not known. flat: its RTLIL.

    without_memories: what the design reads from them is anything, but the same for both, and what it writes is an
    output; so whatever they hold, which is more than is needed.
    """
    command = mutant.command.replace(f"-module {top} ", "-module gate ")
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        (folder / "right.il").write_text(flat)
        if without_memories:
            twins = (
                "delete t:$meminit*",
                f"rename {top} gold",
                "write_rtlil gold.il",
                "rename gold gate",
                command,
                "write_rtlil gate.il",
            )
            run_yosys(folder, "read_rtlil right.il", *twins)
            _cut(folder, command)
            run_yosys(folder, "read_rtlil gold.il", "read_rtlil gate.il", "read_verilog miter.v", *PASSES)
        else:
            run_yosys(folder, "read_rtlil right.il", f"rename {top} gold", "copy gold gate", command, *MAPPED, *PASSES)
        answer = solver.never(folder / "miter.aig", seconds=seconds)
    return answer.method if answer.happens is False else None


def _cut(folder: Path, command: str) -> None:
    gold, gate = (folder / "gold.il", folder / "gate.il")
    bits = lane(gold.read_text(), command)
    text, cells = cut(gold.read_text())
    gate.write_text(cut(gate.read_text(), cells)[0])
    gold.write_text(text)
    (folder / "miter.v").write_text(beside(text, [bits.get(cell, 0) for cell in cells]))

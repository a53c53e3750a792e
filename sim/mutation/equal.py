"""Proofs that a mutant changes nothing: the design beside itself with the mutant, for all inputs, for ever."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from spikeloom.sim.mutation.cut import (
    Stored,
    around,
    beside,
    beside_it,
    cut,
    driven,
    feeding,
    lane,
    reached,
    store,
    within,
)
from spikeloom.sim.mutation.moment import Hint, moment
from spikeloom.sim.mutation.netlist import Mutant
from spikeloom.sim.mutation.unread import unread
from spikeloom.sim.proofs import solver
from spikeloom.sim.yosys import run_yosys

__all__ = ["unseen"]

#: For what is proven without all registers, unless more is given.
NEAR_SECONDS = 10
#: For what is proven with a hint; it takes about 20 where nothing else runs.
HINTED_SECONDS = 180
#: Letters of RTLIL of a design that is not put beside itself as a whole: that takes minutes, and came to no end.
LARGE = 3_000_000
#: Of a memory that is kept for a fault in one of its ports.
STORED_BITS = 256
#: With all bits of the memories, which hold nothing in the beginning.
MAPPED = ("memory_collect", "memory_map", "opt_clean", "miter -equiv -flatten gold gate miter")
#: What has no initial value starts at 0 in both; where memories are cut out, they may hold anything.
PASSES = (
    "hierarchy -top miter",
    "proc",
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


def unseen(
    flat: str,
    top: str,
    mutant: Mutant,
    *,
    without_memories: bool = False,
    hint: Hint | None = None,
    seconds: float,
    near_seconds: float | None = None,
) -> str | None:
    """How it is known that no output of the design ever differs; None if it is not known. flat: its RTLIL.

    without_memories: what the design reads from them is anything, but the same for both, and what it writes is an
    output; so whatever they hold, which is more than is needed. Likewise it may be known within an instance, whatever
    all other registers do. hint: for an attempt that looks at one clock at a time. near_seconds: for each of these.
    """
    command = mutant.command.replace(f"-module {top} ", "-module gate ")
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        (folder / "right.il").write_text(flat)
        if not without_memories:
            run_yosys(folder, "read_rtlil right.il", f"rename {top} gold", "copy gold gate", command, *MAPPED, *PASSES)
            answer = solver.never(folder / "miter.aig", traced=False, seconds=seconds)
            return answer.method if answer.happens is False else None
        twins = (
            "delete t:$meminit*",
            f"rename {top} gold",
            "copy gold gate",
            command,
            "setundef -init -zero",
            "dffunmap",
            *(f"select -module {twin}\nwrite_rtlil -selected {twin}.il\nselect -clear" for twin in ("gold", "gate")),
        )
        run_yosys(folder, "read_rtlil right.il", *twins)
        right, wrong = ((folder / f"{twin}.il").read_text() for twin in ("gold", "gate"))
        gold, cells = cut(right)
        gate, _ = cut(wrong, cells)
        bits = lane(flat, command)
        unread_bits = [unread(*texts, tuple(cells)) for texts in ((right, gold), (wrong, gate))]
        idle = [of_gold & of_gate for of_gold, of_gate in zip(*unread_bits, strict=True)]
        begin = driven(flat, re.findall(r"-cell (\S+)", command)[0])
        memory = store(right, cells, command, STORED_BITS)
        memories = (
            [memory] if memory else list(beside_it(right, cells, mutant.place, reached(gold, begin), STORED_BITS))
        )
        for where, kept, stored, thorough in _attempts(mutant, gold, memories, hint, large=len(flat) > LARGE):
            text = around(gold, kept) if kept else gold
            start = [*begin, *(stored.read if stored else ())]
            compared = reached(text, start, [stored] if stored else []) if start else None
            masks = stored.masks(len(cells)) if stored else [bits.get(cell, 0) for cell in cells]
            _put(folder, text, around(gate, kept) if kept else gate, beside(text, masks, idle, compared, stored))
            limit = (near_seconds or min(NEAR_SECONDS, seconds)) if kept else seconds
            if (method := _never(folder, limit, thorough=thorough)) is not None:
                return f"{method}{where}"
            if hint and mutant.place in hint.places and where == f" within {mutant.place}":
                _put(folder, *moment(right, gold, gate, cells, hint))
                if (method := _never(folder, limit, thorough=True)) is not None:
                    return f"{method} in each clock"
    return None


def _put(folder: Path, gold: str, gate: str, miter: str) -> None:
    """As ``miter.aig``."""
    for name, text in (("gold.il", gold), ("gate.il", gate), ("miter.v", miter)):
        (folder / name).write_text(text)
    run_yosys(folder, "read_rtlil gold.il", "read_rtlil gate.il", "read_verilog miter.v", *PASSES)


def _never(folder: Path, seconds: float, *, thorough: bool) -> str | None:
    """How it is known that ``miter.aig`` never says so. thorough: by the way of generalising that finds long
    invariants, which others seldom do."""
    options, limit = ("-nc", HINTED_SECONDS) if thorough else ("", seconds)
    answer = solver.never(folder / "miter.aig", traced=False, options=options, seconds=limit)
    return answer.method if answer.happens is False else None


def _attempts(
    mutant: Mutant, gold: str, memories: Sequence[Stored], hint: Hint | None, *, large: bool
) -> Iterator[tuple[str, set[str] | None, Stored | None, bool]]:
    """Where to look, the registers that are kept there, all if None, the memory that is, and whether to look long.

    What is far from the fault seldom says whether it can be seen, and takes long.
    """
    place = mutant.place.split(".") if mutant.place != "top" else []
    for memory in memories:
        near = memory.name[1:].rpartition(".")[0].rpartition(".")[0]
        signals = [*memory.written, *(name.replace("DATA", "ADDR") for name in memory.read)]
        beside_fault = near == mutant.place
        mine = within(gold, near, alone=beside_fault)
        yield f" around {memory.name[1:]}", mine if beside_fault else feeding(gold, mine, signals), memory, False
    if not place:
        yield " within the top itself", within(gold, ""), None, False
    for depth in range(len(place), -1, -1):
        near = ".".join(place[:depth])
        if near or not large:
            yield f" within {near}" if near else "", within(gold, near) if near else None, None, False
    if hint and mutant.place in hint.beside:
        both = {state for one in hint.beside for state in within(gold, one, alone=True)}
        yield f" within {' and '.join(hint.beside)}", both, None, True

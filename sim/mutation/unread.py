"""Bits of the words of memories that nothing depends on, but other such bits: a counter that no one looks at."""

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from spikeloom.sim.mutation.cut import memory_of
from spikeloom.sim.proofs import graph
from spikeloom.sim.yosys import run_yosys

__all__ = ["unread"]

PORT = re.compile(r"(read|write)(\d+)_(DATA|EN)(?:\[(\d+)\])?$")
#: Designs that were asked for last: all mutants are compared with the same one.
LATEST = 4
PASSES = ("simplemap", "techmap", "dffunmap", "formalff -clk2ff", "aigmap", "opt_clean")


@lru_cache(LATEST)
def unread(rtlil: str, text: str, cells: tuple[str, ...]) -> list[int]:
    """Of each cell of a memory, a mask of them. text: what :func:`~spikeloom.sim.mutation.cut.cut` made of ``rtlil``,
    with these cells."""
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        (folder / "cut.il").write_text(text)
        undriven = ("setundef -undriven -zero", "setundef -init -zero")
        run_yosys(folder, "read_rtlil cut.il", *undriven, *PASSES, "write_aiger -zinit -symbols cut.aig")
        return _masks(memory_of(rtlil), folder / "cut.aig", cells)


def _masks(memories: Mapping[str, tuple[str, str]], path: Path, cells: Sequence[str]) -> list[int]:
    kinds = {cells.index(cell): found for cell, found in memories.items()}
    inputs, outputs = graph.names(path)
    written = defaultdict(list)
    for name in outputs:
        if found := PORT.match(name):
            written[kinds[int(found[2])][1], found[4] or "0"].append(name)

    def needed(name: str) -> Iterator[str]:
        if not name:
            yield from (output for output in outputs if not PORT.match(output))
        elif found := PORT.match(name):
            yield from written[kinds[int(found[2])][1], found[4] or "0"]

    bits: dict[str, int] = defaultdict(int)
    for name in inputs - graph.seen(path, needed):
        if found := PORT.match(name):
            bits[kinds[int(found[2])][1]] |= 1 << int(found[4] or 0)
    return [bits[kinds[number][1]] for number in range(len(cells))]

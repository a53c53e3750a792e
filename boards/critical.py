"""The slowest path, in the names of our own modules and signals."""

import re

from spikeloom.boards.reports import SlowPath

__all__ = ["named", "sentence"]

#: Around the accelerator's cores on every board.
AROUND = ("chip.accelerator.", "chip.", "accelerator.")


def named(cell: str) -> str:
    """A cell's instance and signal, without what the tools numbered: ``core0.lanes.weights0``."""
    for around in AROUND:
        cell = cell.removeprefix(around)
    parts = [re.sub(r"\$\d+", "", part) for part in cell.split(".")]
    blocks = [part for part in parts if part.isdigit()]
    if blocks:  # block RAMs of one memory: its own name, without the array's and their numbers
        parts = parts[: parts.index(blocks[0])]
        if len(parts) > 1 and parts[-2] in parts[-1]:
            parts.pop()
    parts = [part for part in parts if part and not part.startswith(("$", "_")) and part != "port"]
    return ".".join(parts) or "logic without a name"


def sentence(path: SlowPath) -> str:
    """``core0.lanes.weights0 -> core0.lanes.beside: 9.8 ns, 3.1 of them wires``."""
    total = path.logic_ns + path.routing_ns
    return f"{named(path.start)} -> {named(path.end)}: {total:.1f} ns, {path.routing_ns:.1f} of them wires"

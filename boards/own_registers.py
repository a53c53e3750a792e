"""Registers beside the block RAMs and multipliers of an ECP5 go into them: a pass over the synthesised netlist.

A block RAM of speed grade 6 answers 5.8 ns after its clock, its own output register in a tenth of that; a multiplier
takes 3.9 ns from one register in the fabric to the next. Yosys uses neither's registers. The design has flip-flops
behind every block RAM and around every multiplier: where they do nothing else they become that register. The netlist
does the same as before, clock for clock.
"""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

__all__ = ["absorb"]

Cell = dict[str, Any]


def absorb(netlist: str, top: str, *, memories: bool = True) -> tuple[str, dict[str, int]]:
    """Yosys' JSON after ``synth_ecp5`` with the registers moved, and how many cells of each type have some now.

    memories: into block RAMs too, not into multipliers alone.
    """
    document = json.loads(netlist)
    moved = _Netlist(document["modules"][top]).absorb({"DP16KD", "MULT18X18D"} if memories else {"MULT18X18D"})
    return json.dumps(document), moved


class _Netlist:
    """One module: who reads each net, and which flip-flop drives it."""

    def __init__(self, module: dict[str, Any]) -> None:
        self.cells: dict[str, Cell] = module["cells"]
        self.outside = {bit for port in module["ports"].values() for bit in port["bits"]}
        self.readers: Counter[Any] = Counter()
        self.catcher: dict[Any, str] = {}  # net -> a plain flip-flop that reads it
        self.source: dict[Any, str] = {}  # net -> the plain flip-flop that drives it
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] == "input":
                    self.readers.update(bits)
            if _plain(cell):
                self.catcher[cell["connections"]["DI"][0]] = name
                self.source[cell["connections"]["Q"][0]] = name

    def absorb(self, types: set[str]) -> dict[str, int]:
        absorb = {"DP16KD": self._memory, "MULT18X18D": self._multiplier}
        moved: Counter[str] = Counter()
        for cell in list(self.cells.values()):
            if cell["type"] in types:
                moved[cell["type"]] += absorb[cell["type"]](cell)
        return dict(moved)

    def _memory(self, cell: Cell) -> bool:
        outputs = self._read(cell, "DO")
        # The widest words come half on each side, and have both sides' registers even if one half is not read.
        sides = {"A", "B"} if int(cell["parameters"]["DATA_WIDTH_B"], 2) == 36 else {port[2] for port in outputs}
        if any(cell["parameters"][f"CLK{side}MUX"] != f"CLK{side}" for side in sides):
            return False
        if any(
            cell["connections"][f"{pin}{side}"] != [bit] for side in sides for pin, bit in (("CE", "1"), ("RST", "0"))
        ):
            return False  # either might reach the register as well, which a flip-flop behind it does not notice
        clocks = {cell["connections"][f"CLK{side}"][0] for side in sides}
        if clocks != self._clocks(self.catcher.get(net) for net in outputs.values()) or len(clocks) != 1:
            return False
        if not self._move_behind(cell, outputs):
            return False
        for side in sides:
            cell["parameters"][f"REGMODE_{side}"] = "OUTREG"
            cell["connections"][f"OCE{side}"] = ["1"]
        return True

    def _multiplier(self, cell: Cell) -> bool:
        connections = cell["connections"]
        operands = {
            p: b[0] for p, b in connections.items() if p[0] in "AB" and p[1:].isdigit() and isinstance(b[0], int)
        }
        outputs = self._read(cell, "P")
        before = {self.source.get(net) for net in operands.values()}
        behind = {self.catcher.get(net) for net in outputs.values()}
        clocks = self._clocks(before | behind)
        if len(clocks) != 1 or None in clocks or before & behind or not self._move_behind(cell, outputs):
            return False
        for port, net in operands.items():
            connections[port] = self.cells[self.source[net]]["connections"]["DI"]
            self.readers[connections[port][0]] += 1
            self._let_go(net)
        for port, bit in (("CLK0", clocks.pop()), ("CE0", "1"), ("RST0", "0")):
            connections[port] = [bit]
            cell["port_directions"][port] = "input"
        for register in ("INPUTA", "INPUTB", "OUTPUT"):
            cell["parameters"] |= {f"REG_{register}_{pin}": f"{pin}0" for pin in ("CLK", "CE", "RST")}
        return True

    def _read(self, cell: Cell, prefix: str) -> dict[str, Any]:
        """Output ports with their nets, those that are read."""
        nets = {port: bits[0] for port, bits in cell["connections"].items() if port.startswith(prefix) and bits}
        return {port: net for port, net in nets.items() if self.readers[net] or net in self.outside}

    def _clocks(self, names: Iterable[str | None]) -> set[Any]:
        return {name and self.cells[name]["connections"]["CLK"][0] for name in names}

    def _move_behind(self, cell: Cell, outputs: dict[str, Any]) -> bool:
        """The flip-flops that catch the outputs go; each must be its net's only reader."""
        if not outputs or any(
            net not in self.catcher or self.readers[net] != 1 or net in self.outside for net in outputs.values()
        ):
            return False
        for port, net in outputs.items():
            cell["connections"][port] = self.cells.pop(self.catcher[net])["connections"]["Q"]
            self.source.pop(cell["connections"][port][0])
        return True

    def _let_go(self, net: Any) -> None:
        """One reader less of a flip-flop's output; without any it goes."""
        self.readers[net] -= 1
        if not self.readers[net] and net not in self.outside:
            name = self.source.pop(net)
            caught = self.cells.pop(name)["connections"]["DI"][0]
            self.readers[caught] -= 1
            if self.catcher.get(caught) == name:
                del self.catcher[caught]


def _plain(cell: Cell) -> bool:
    """A flip-flop that catches its input in every clock, and nothing else."""
    if cell["type"] != "TRELLIS_FF":
        return False
    parameters = {name: str(value).strip() for name, value in cell["parameters"].items()}
    return (
        parameters.get("CEMUX") == "1"
        and parameters.get("CLKMUX") == "CLK"
        and parameters.get("REGSET") == "RESET"
        and cell["connections"].get("LSR") in (None, [], ["0"])
        and "DI" in cell["connections"]
    )

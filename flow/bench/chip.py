"""The simulated chip of a figure, and how what was found is put beside what was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from spikeloom.bench import hardware
from spikeloom.boards.chip import chip_verilog
from spikeloom.boards.driver.chip import Chip
from spikeloom.boards.driver.link import Link
from spikeloom.boards.driver.pipe import SerialPort
from spikeloom.golden import simulate
from spikeloom.hdl.design import Design
from spikeloom.sim.chip import SimulatedChip

__all__ = [
    "BYTE_CLOCKS",
    "CLOCK_HZ",
    "DIVIDER",
    "SEED",
    "Found",
    "Parts",
    "found",
    "opened",
    "simulated",
    "stimulus",
    "use",
]

CLOCK_HZ, DIVIDER = 25_000_000, 8
BYTE_CLOCKS, WORD_BYTES = 10 * DIVIDER, 4
#: Seconds of simulated chips are long.
WAIT, PATIENCE = 2.0, 120.0
SEED = 1

Parts = Iterator[dict[str, Any]]
Found = dict[str, Any]


def found(what: str, number: float, *, most: float | None = None, least: float | None = None) -> Found:
    """A number, and the bound that was asked for."""
    bounds = {"most": most, "least": least}
    return {"what": what, "found": number, **{name: bound for name, bound in bounds.items() if bound is not None}}


@contextmanager
def simulated(made: hardware.Hardware) -> Iterator[SimulatedChip]:
    """The chip of a generated folder."""
    design, top = Design(made.directory), made.directory.parent / "chip.v"
    top.write_text(chip_verilog(made.manifest, clock_hz=CLOCK_HZ, divider=DIVIDER), "ascii")
    files = [design.verilog, top]
    with SimulatedChip(files, made.directory.absolute(), divider=DIVIDER, network=design.network_id) as chip:
        yield chip


def opened(chip: SimulatedChip, made: hardware.Hardware) -> Chip:
    return Chip(Link(SerialPort(chip.port), wait=WAIT, patience=PATIENCE), Design(made.directory))


def stimulus(made: hardware.Hardware) -> np.ndarray:
    return simulate.check_stimulus(made.network.input, hardware.samples("digits").x)


def use(statistics: dict[str, int], side: str) -> float:
    """Of what the line towards the chip ("in") or from it can carry, from its first byte to its last."""
    return round(statistics[f"{side}_busy"] / (statistics[f"{side}_last"] - statistics[f"{side}_first"]), 4)

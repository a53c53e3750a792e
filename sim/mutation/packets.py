"""A killer of interconnects: every packet counted, under random traffic and back-pressure."""

from collections.abc import Sequence
from pathlib import Path

from spikeloom.hdl.routers import Interconnect
from spikeloom.sim.mutation.trial import Killer, Seen
from spikeloom.sim.soak import run_soak, soak_program

__all__ = ["packets"]

CLOCKS = 40_000


def packets(verilog: str, dut: Interconnect, seed: int) -> Killer:
    """verilog: of :func:`spikeloom.sim.soak.soak_verilog` for ``dut``, with mutants."""

    def look(plusargs: Sequence[str], folder: Path) -> Seen:
        try:
            found = run_soak(soak_program(verilog), dut, CLOCKS, seed=seed, plusargs=plusargs)
        except RuntimeError as error:
            return Seen(fault=str(error))
        faults = ", ".join(f"{name}: {count}" for name, count in found.faults.items())
        return Seen(fault=faults or None, clocks=found)

    return Killer(name=f"packets, seed {seed}", look=look)

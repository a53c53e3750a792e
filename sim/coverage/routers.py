"""An interconnect alone, soaked with packets, and what of it was reached."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from spikeloom.hdl.routers import Interconnect
from spikeloom.sim.coverage.bins import Bin
from spikeloom.sim.coverage.measure import DATA, build_covered, with_bins
from spikeloom.sim.coverage.points import Point, Tally
from spikeloom.sim.coverage.probes import probes
from spikeloom.sim.soak import HARNESS, TOP, Soaked, run_soak, soak_verilog

__all__ = ["CoveredRouters"]

#: Signals that are packets, or parts of them.
CARRIED = re.compile(r"(\w*payload|packet|spare|entry\d|to)\b")


class CoveredRouters:
    """folder: for its files."""

    def __init__(self, dut: Interconnect, bins: Sequence[Bin], name: str, folder: Path) -> None:
        self.dut, self.name, self.folder = dut, name, folder
        folder.mkdir()
        self.verilog = folder / "soak.v"
        self.verilog.write_text(soak_verilog(dut), "ascii")
        self.probes = probes(bins, self.verilog.read_text("ascii"), design=f"{TOP}.dut", bench=TOP)
        self._executable = build_covered(HARNESS, [self.verilog], self.probes, top=TOP)
        self._tally = Tally()

    def run(self, clocks: int, *, seed: int) -> Soaked:
        soaked = run_soak(self._executable, self.dut, clocks, seed=seed, folder=self.folder)
        self._tally.add(self.folder / DATA)
        return soaked

    def points(self) -> Counter[Point]:
        """What was reached; but no toggles of what packets carry, which routers copy, or mask by where a link leads."""
        made = self._tally.points({"": self.verilog}, f"TOP.{TOP}.dut", self.name)
        points = with_bins(made, self.probes, self.name)
        return Counter({p: n for p, n in points.items() if p.kind != "toggle" or not CARRIED.match(p.what)})

"""Build a design with probes beside it, run it, and bring home what was reached."""

import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from spikeloom.hdl.design import Design
from spikeloom.sim import verilator
from spikeloom.sim.coverage.bins import Bin
from spikeloom.sim.coverage.play import Play, Verdict
from spikeloom.sim.coverage.points import Point, Tally
from spikeloom.sim.coverage.probes import Probes, probes

__all__ = ["Covered", "build_covered", "with_bins"]

DATA = "coverage.dat"
#: What joins several cores.
BETWEEN = re.compile(r"(events|credits)\b")


def build_covered(
    main: Path, sources: Sequence[Path], made: Probes, *, top: str, parameters: Mapping[str, int] | None = None
) -> Path:
    """The executable of ``main`` around the module ``top``, with probes beside it."""
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as folder:
        file = Path(folder) / "probes.sv"
        file.write_text(made.verilog, "ascii")
        return verilator.build_program(main, sources, top=top, parameters=parameters, probes=file)


def with_bins(points: Counter[Point], made: Probes, design: str) -> Counter[Point]:
    """The same, bins by their names and where they are."""
    named: Counter[Point] = Counter()
    for point, count in points.items():
        if point.kind == "bin":
            bin_, place = made.places[point.what]
            point = Point("bin", f"{design}: {place}" if place else design, bin_.name)
        named[point] += count
    return named


class Covered:
    """A generated design in Verilator, and bins to look for in it. name: for the lists."""

    def __init__(self, design: Design, bins: Sequence[Bin], name: str) -> None:
        self.name = name
        self.verilog = design.verilog
        self.probes = probes(bins, design.verilog.read_text("ascii"), design="accelerator", bench="bench")
        parameters = {
            "WIDTH": design.flit.width,
            "ADDRESS_BITS": design.address_bits,
            "CORES": len(design.engines),
            "LINKS": len(design.links),
        }
        sources = [verilator.BENCH, design.verilog]
        self._executable = build_covered(verilator.BULK, sources, self.probes, top="bench", parameters=parameters)

        self._tally = Tally()

    def run(self, play: Play) -> Verdict:
        """One more simulation; what was reached says nothing unless the verdict is without problems."""
        with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
            folder = Path(name)
            for image in play.design.manifest["images"]:
                (folder / image).symlink_to((play.design.directory / image).resolve())
            answer = verilator.run(self._executable, play.job(), folder, bulk=True)
            self._tally.add(folder / DATA)
        return play.judge(answer)

    def points(self) -> Counter[Point]:
        """What all of them reached. Of what joins several cores only bins count: it is measured alone."""
        points = with_bins(self._tally.points({"": self.verilog}, "TOP.bench.dut", self.name), self.probes, self.name)
        return Counter({p: n for p, n in points.items() if p.kind == "bin" or not BETWEEN.match(p.component)})

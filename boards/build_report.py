"""What a build says of itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spikeloom.boards.board import Resources
from spikeloom.boards.critical import sentence
from spikeloom.boards.energy import Energy
from spikeloom.boards.reports import Clock, SlowPath

__all__ = ["FORMATS", "BuildReport"]

#: Those that can be read; the last is written.
FORMATS = (2, 3)


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What was built, and the tools' own figures of the complete board design, UART link included.

    core_mhz:   the clock that the board's PLL makes for the accelerator.
    clocks:     clock -> what static timing analysis allows, and what is asked. For the board's speed grade.
    output_registers: those of the block RAMs are used.
    timing_met: every clock reaches what is asked of it. If not, the bitstream must not be trusted.
    paths:      the slowest path of each clock.
    stored:     logical bits of the memories by kind; ``used.block_ram`` is what they take.
    memory_map: of each memory that the host sees: its first word, words from entry to entry, entries, bits of one.
    energy:     of an inference, if it was simulated: an estimate.
    remarks:    what must be said wherever these figures are shown.
    seconds, cached: how this run came by it, by stage; not in the file, which says the same whenever it is made.
    """

    format: int = FORMATS[-1]
    board: str
    device: str
    speed: str
    seed: int
    output_registers: bool
    core_mhz: float
    baud: int
    bitstream: str
    sha256: str
    network: str
    verilog_sha256: str
    configuration: Mapping[str, Any]
    used: Resources
    available: Resources
    clocks: Mapping[str, Clock]
    timing_met: bool
    paths: tuple[SlowPath, ...]
    tools: Mapping[str, str]
    clocks_per_inference: float | None = None
    stored: Mapping[str, int] = field(default_factory=dict)
    memory_map: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    energy: Energy | None = None
    remarks: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    cached: tuple[str, ...] = ()

    @property
    def fmax_mhz(self) -> float:
        """Of the accelerator's clock, the slowest if the tools name several."""
        return min((clock.achieved_mhz for clock in self.clocks.values()), default=0.0)

    @property
    def latency_us(self) -> float | None:
        """Of one inference at the core's clock, if its clocks are known."""
        return self.clocks_per_inference / self.core_mhz if self.clocks_per_inference else None

    @property
    def inferences_per_second(self) -> float | None:
        return 1e6 / self.latency_us if self.latency_us else None

    @property
    def critical_path(self) -> str | None:
        """The slowest, in the names of our own modules."""
        slowest = max(self.paths, key=lambda path: path.logic_ns + path.routing_ns, default=None)
        return slowest and sentence(slowest)

    def with_clocks(self, clocks_per_inference: float, energy: Energy | None = None) -> "BuildReport":
        return replace(self, clocks_per_inference=clocks_per_inference, energy=energy)

    def to_json(self, *, run: bool = False) -> str:
        """run: with what is of this run alone."""
        document = asdict(self)
        if not run:
            del document["seconds"], document["cached"]
        derived = {
            "fmax_mhz": self.fmax_mhz,
            "latency_us": self.latency_us,
            "inferences_per_second": self.inferences_per_second,
            "critical_path": self.critical_path,
        }
        return json.dumps({**document, **derived}, indent=1)

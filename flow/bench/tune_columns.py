"""The tables of the search for hardware."""

from collections.abc import Callable, Sequence
from typing import Any

from spikeloom.bench.column import PLACERS, Column, Table, count, fixed, key, percent
from spikeloom.bench.results import Row

__all__ = ["TABLES"]


def _said(configuration: dict[str, Any]) -> str:
    """``lanes 16, units 1``."""
    return ", ".join(f"{name.removeprefix('order.')} {value}" for name, value in configuration.items())


def _each(name: str) -> Callable[[Sequence[Row]], list[Row]]:
    """From rows to one for each of their designs; a row with an error stays what it is."""
    return lambda rows: [made for row in rows for made in ([row] if "error" in row else [row | r for r in row[name]])]


def _both(title: str, name: str, digits: int = 0) -> tuple[Column, ...]:
    """What the model says, and what was measured."""
    return (
        Column(f"{title} modelled", lambda row: f"{row['modelled'][name]:,.{digits}f}"),
        Column("measured", lambda row: f"{row['measured'][name]:,.{digits}f}"),
    )


def _off(title: str, name: str) -> tuple[Column, ...]:
    return percent(f"{title} off, median", f"{name}_median"), percent("worst", f"{name}_worst")


def _reached(row: Row) -> str:
    if not row["kept"]:
        return "beyond the limit"
    return "nothing" if row["by"] is None else _said(row["by"]["point"])


def _of_front(name: str, digits: int) -> Column:
    return Column(
        {"accuracy": "its accuracy", "latency": "its µs", "lut": "its LUT"}[name],
        lambda row: "" if row["by"] is None else f"{row['by']['figures'][name]:,.{digits}f}",
    )


def _of_joint(title: str, part: str) -> tuple[Column, ...]:
    return (
        Column(f"{title}: accuracy", lambda row: f"{row[part]['accuracy']:.4f}"),
        Column("µs", lambda row: f"{row[part]['latency']:,.1f}"),
        Column("LUT", lambda row: f"{row[part]['lut']:,.0f}"),
    )


TABLES = {
    "tune_speed": Table(
        figure="tune_speed",
        about="Measured: designs of the default space, all different, by the model of `tune` on some processes, with "
        "the quantised networks in memory; the processor's milliseconds for one are those of each process.",
        tools=("numpy", "amaranth"),
        timed=True,
        columns=(
            key("network", "network"),
            key("board", "board"),
            count("designs", "points"),
            count("of the space's", "space"),
            count("quantisations", "quantisations"),
            count("processes", "workers"),
            fixed("designs per second", "per_second", 1),
            fixed("processor ms of one", "processor_ms", 2),
        ),
    ),
    "tune_search": Table(
        figure="tune_search",
        about="Model, not measured: a space of which every design is known, and which share of the volume behind its "
        "front a tenth as many evaluations find, the median and the least over the seeds.",
        tools=("numpy", "optuna"),
        columns=(
            key("network", "network"),
            key("board", "board"),
            key("sampler", "sampler"),
            count("designs", "points"),
            count("within limits", "within_limits"),
            count("on the front", "on_the_front"),
            count("evaluations", "evaluations"),
            count("seeds", "seeds"),
            percent("volume, median", "median"),
            percent("least", "least"),
        ),
    ),
    "tune_share": Table(
        figure="tune_share",
        about="Measured: a Dask scheduler and its workers as processes on one machine with two cores, the quantised "
        "networks in the cache.",
        tools=("numpy", "amaranth"),
        timed=True,
        columns=(
            key("network", "network"),
            key("board", "board"),
            count("evaluations", "done"),
            count("workers", "workers"),
            percent("least share of one", "least_share"),
            percent("most", "most_share"),
            fixed("evaluations per second with one", "one_per_second", 1),
            fixed("with two", "two_per_second", 1),
            fixed("ratio", "ratio", 2),
        ),
    ),
    "tune_fronts": Table(
        figure="tune_fronts",
        about="By the model, accuracy on the first 400 test images. Each design of the network that another figure "
        "measures, and what the front of the search has that is as accurate, as fast and as small, or better.",
        tools=("numpy", "optuna"),
        merge=_each("compared"),
        columns=(
            key("board", "board"),
            key("limit", "limit"),
            Column("measured in", lambda row: ", ".join(row["figures"]), key=True),
            key("weight bits", "weight_bits"),
            Column("design", lambda row: _said(row["configuration"]), key=True),
            Column("accuracy", lambda row: f"{row['modelled']['accuracy']:.4f}"),
            Column("µs", lambda row: f"{row['modelled']['latency']:,.1f}"),
            Column("LUT", lambda row: f"{row['modelled']['lut']:,.0f}"),
            Column("on the front", _reached, key=True),
            _of_front("accuracy", 4),
            _of_front("latency", 1),
            _of_front("lut", 0),
            Column("better in one", lambda row: "yes" if row["strictly"] else "no"),
        ),
    ),
    "tune_joint": Table(
        figure="tune_joint",
        about="By the model, on the test images. First the most accurate network alone, on 4 lanes; then hardware for "
        "it by the other half of the evaluations; and both together by as many evaluations in all.",
        tools=("numpy", "optuna"),
        columns=(
            key("network", "network"),
            key("board", "board"),
            count("networks", "networks"),
            count("evaluations", "evaluations"),
            *_of_joint("network alone", "only"),
            *_of_joint("then hardware", "then"),
            *_of_joint("together", "joint"),
            fixed("points less", "points_less", 2),
            fixed("latency × LUT, together to then", "ratio", 3),
            fixed("to alone", "ratio_only", 3),
        ),
    ),
    "tune_model": Table(
        figure="tune_model",
        about="Clocks: simulated Verilog whose every event equalled the integer model's. LUT, FF, block RAM and Fmax: "
        "of the whole design after place and route with one seed, static timing. Ranks: Spearman's correlation of "
        "modelled and measured. None of the designs was fitted to.",
        tools=PLACERS,
        columns=(
            key("network", "network"),
            key("board", "board"),
            Column("designs", lambda row: str(len(row["designs"]))),
            *_off("clocks", "clocks"),
            count("block RAM wrong", "bram_wrong"),
            *_off("LUT", "lut"),
            *_off("FF", "ff"),
            *_off("Fmax", "fmax"),
            fixed("rank of latency", "clocks_rank", 3),
            fixed("of LUT", "lut_rank", 3),
        ),
    ),
    "tune_model-designs": Table(
        figure="tune_model",
        about="Every design of the table above.",
        tools=PLACERS,
        merge=_each("designs"),
        columns=(
            key("network", "network"),
            Column("design", lambda row: _said(row["point"]), key=True),
            *_both("clocks", "clocks"),
            *_both("block RAM", "bram"),
            *_both("LUT", "lut"),
            *_both("FF", "ff"),
            *_both("Fmax MHz", "fmax", 1),
        ),
    ),
}

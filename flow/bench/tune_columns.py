"""The tables of the search for hardware."""

from spikeloom.bench.column import Table, count, fixed, key, percent

__all__ = ["TABLES"]

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
}

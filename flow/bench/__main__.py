"""``python -m spikeloom.bench [NAME ...]``: measures figures, and writes them to ``docs/results`` and the documents."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from spikeloom.bench import (
    area,
    boards,
    cores,
    figures,
    large,
    link,
    partition,
    picture,
    proofs,
    results,
    routers,
    scaling,
    speed,
    tables,
    tune,
    tune_fronts,
    tune_joint,
    tune_model,
    tune_share,
)
from spikeloom.bench.cache import Cache
from spikeloom.bench.figure import Figure, measure
from spikeloom.bench.screen import Screen
from spikeloom.golden.network import Refusal

__all__ = ["FIGURES", "main"]

#: Those that take longest come last.
FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        proofs.proofs,
        figures.accuracy,
        speed.golden_speed,
        picture.raster,
        figures.bulk,
        figures.netlist,
        link.link,
        routers.routers,
        large.large,
        partition.placement,
        figures.equivalence,
        figures.density,
        figures.event_order,
        routers.soak,
        scaling.four_cores,
        scaling.strong_scaling,
        scaling.weak_scaling,
        cores.invariance,
        boards.boards,
        boards.single_port,
        area.area,
        tune.tune_speed,
        tune.tune_search,
        tune_share.tune_share,
        tune_fronts.tune_fronts,
        tune_joint.tune_joint,
        tune_model.tune_model,
        figures.peer,
        figures.model,
        figures.performance,
    )
}


def main(words: Sequence[str] | None = None, chosen: dict[str, Figure] = FIGURES) -> int:
    """Exit status: 0 if every row was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m spikeloom.bench",
        description="Measures the figures of the documentation. Started again, it goes on where it stopped.",
    )
    parser.add_argument("name", nargs="*", help=f"figures, all if none is named: {', '.join(chosen)}")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows with this text, e.g. 'lanes 16'")
    parser.add_argument("--again", action="store_true", help="measure again what is known already")
    parser.add_argument("--simulated", action="store_true", help="leave out place and route, but for what is known")
    options = parser.parse_args(words)
    if unknown := [name for name in options.name if name not in chosen]:
        parser.error(f"there is no figure {unknown[0]!r}; there are {', '.join(chosen)}")
    errors = Console(stderr=True, highlight=False, soft_wrap=True)

    def error(text: object) -> int:
        errors.print(f"[bold red]error:[/] {escape(str(text))}")
        return 1

    without = {"measurement": "not placed and routed yet"} if options.simulated else {}
    cache, measured = Cache(again=options.again, without=without), []
    names = options.name or list(chosen)
    try:
        if not Path("docs").is_dir():
            raise Refusal(f"{Path.cwd()}: has no folder docs; run this in the repository's folder")
        for name in names:
            results.load(name)  # a damaged file is refused before any work
        for name in names:
            with Screen(partial(tables.drawn, name)) as screen:
                rows = measure(chosen[name], cache=cache, screen=screen, only=options.only)
            measured += [(name, row) for row in rows]
        status = max([error(f"{name}: {row['error']}") for name, row in measured if "error" in row], default=0)
        if measured:
            tables.update(hash_of=tables.present_hash(cache), figures=names)
    except Refusal as refusal:
        return error(refusal)
    except KeyboardInterrupt:
        errors.print("Interrupted; the same command goes on from here.")
        return 130
    return status if measured else error(f"no row has the text {options.only!r}")


if __name__ == "__main__":
    sys.exit(main())

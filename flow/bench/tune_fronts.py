"""The search's front of MNIST under two limits, against every design of MNIST that other figures measure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import spikeloom
from spikeloom.bench import boards, figures, hardware
from spikeloom.bench.cache import sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.bench.tune import CODE, source_of
from spikeloom.boards import catalogue
from spikeloom.hdl.configuration import Configuration
from spikeloom.tuning.cost import modelled
from spikeloom.tuning.goals import Goals, goals
from spikeloom.tuning.source import Source, integers

__all__ = ["beats", "measured_elsewhere", "tune_fronts"]

#: Of the test images.
SAMPLES, SEED = 400, 1
AIMS = {"maximise": ("accuracy",), "minimise": ("latency", "lut")}
SPACE = {
    "lanes": [1, 2, 4, 8, 16, 32, 64, 128],
    "units": [1, 2, 4, 8],
    "slots": [1, 2],
    "pipeline": ["long", "short"],
    "weight_bits": {"lif1": [8, 6, 4, 3], "lif2": [8, 4]},
}
SINGLE_PORT = {"weights": ["block", "single-port"]}


def measured_elsewhere(network: str, board: str) -> list[dict[str, Any]]:
    """Keys of the rows of other figures that are of a network, on a board or on none; none twice."""
    found: dict[str, dict[str, Any]] = {}
    own = catalogue.find(board).configuration.model_dump(exclude_defaults=True)
    for one in (figures.performance, figures.bulk, figures.density, figures.peer, boards.single_port):
        for row in one.rows:
            if row["network"] != network or row.get("board", hardware.BOARD) != board:
                continue
            configuration = {name: value for name, value in row.items() if name in Configuration.model_fields}
            configuration = (own if "board" in row else {}) | configuration
            key = {"weight_bits": row["weight_bits"], "configuration": configuration}
            found.setdefault(repr(sorted(configuration.items())) + str(row["weight_bits"]), {**key, "figures": []})
            names = found[repr(sorted(configuration.items())) + str(row["weight_bits"])]["figures"]
            if one.name not in names:
                names.append(one.name)
    return list(found.values())


def _first(source: Source) -> Source:
    data = source.data
    return replace(source, data=replace(data, x=data.x[:SAMPLES], y=None if data.y is None else data.y[:SAMPLES]))


def beats(one: Mapping[str, float], other: Mapping[str, float], aims: Goals) -> tuple[bool, bool]:
    """Whether a design is as good in all, and better in one."""
    a, b = aims.costs(one), aims.costs(other)
    as_good = all(x <= y + 1e-12 for x, y in zip(a, b, strict=True))
    return as_good, as_good and any(x < y - 1e-12 for x, y in zip(a, b, strict=True))


@figure(
    {"network": "mnist", "board": "upduino-v3", "limit": "fits", "evaluations": 400},
    {"network": "mnist", "board": hardware.BOARD, "limit": "latency<=100us", "evaluations": 400},
)
def tune_fronts(bench: Bench, network: str, board: str, limit: str, evaluations: int) -> Iterator[dict[str, Any]]:
    """The front that a search finds for MNIST, by the model, on the smallest board and with at most 100 us on a large
    one: for every design of the network that other figures measure and that keeps the limit, a design of the front that
    is as accurate, as fast and as small, or better."""
    source, chosen = _first(source_of(network, test=True)), catalogue.find(board)
    require = [] if limit == "fits" else [limit]
    aims = goals(AIMS["maximise"], AIMS["minimise"], require, chosen)
    space = SPACE | (SINGLE_PORT if chosen.single_port_bits else {})

    def searched() -> list[dict[str, Any]]:
        with TemporaryDirectory(prefix="spikeloom-") as folder:
            report = spikeloom.tune(
                hardware.packaged.find(network).model,
                data=source.data,
                knobs=source.knobs,
                read_out=source.read_out,
                board=board,
                output=Path(folder) / "found",
                require=require,
                space=space,
                trials=evaluations,
                settle=0,
                seed=SEED,
                workers=1,
                progress=bench.progress,
                **AIMS,
            )
            return [{"point": dict(one.point), "figures": dict(one.figures)} for one in report.front]

    code = [sources(one) for one in (*CODE, "spikeloom.tuning")]
    front = bench.cache.remember(
        searched, space=space, source=source.key, board=repr(chosen), require=require, trials=evaluations, code=code
    )
    compared = []
    for one in measured_elsewhere(network, board):
        made = integers(source, {"weight_bits": one["weight_bits"]})
        figures_of = modelled(made, Configuration.create(**one["configuration"]), chosen)
        kept = aims.kept(figures_of)
        better = [(k, beats(found["figures"], figures_of, aims)) for k, found in enumerate(front)]
        strictly = [k for k, (_, best) in better if best]
        as_good = strictly or [k for k, (good, _) in better if good]
        by = min(as_good, key=lambda k: sum(aims.costs(front[k]["figures"])), default=None) if kept else None
        compared.append({**one, "modelled": figures_of, "kept": kept, "strictly": bool(strictly) and kept})
        compared[-1] |= {"by": None if by is None else front[by]}
    inside = [one for one in compared if one["kept"]]
    yield {
        "on_the_front": len(front),
        "compared": compared,
        "within_limits": len(inside),
        "reached": sum(one["by"] is not None for one in inside),
        "beaten": sum(one["strictly"] for one in inside),
    }

"""How fast the search's model is, and how soon its sampler finds the front."""

from collections.abc import Iterator, Sequence
from time import monotonic, process_time
from typing import Any

import numpy as np

from spikeloom import packaged
from spikeloom.bench import hardware
from spikeloom.bench.cache import sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.boards import catalogue
from spikeloom.golden import data as files
from spikeloom.tuning import space as spaces
from spikeloom.tuning.cost import estimates
from spikeloom.tuning.executors import one_thread, opened
from spikeloom.tuning.front import front, hypervolume
from spikeloom.tuning.goals import goals
from spikeloom.tuning.source import Source, integers
from spikeloom.tuning.space import Point, Space, quantisation_of

__all__ = ["source_of", "tune_search", "tune_speed"]

WORKERS, TIMED, SHARE, SEED = 2, 1200, 20, 1
SEEDS, PART, BATCH = 20, 0.1, 16
#: Tabulated for ``tune_search``: 4,320 designs, of which those beyond these limits do not count.
SPACE = {
    "lanes": [1, 2, 4, 8, 16, 32, 64],
    "units": [1, 2, 4],
    "cores": ["shared", "per-population"],
    "slots": [1, 2, 3],
    "pipeline": ["long", "short"],
    "order": {"input -> lif1": ["neuron", "event"]},
    "weight_bits": {"lif1": [8, 6, 4, 3, 2], "lif2": [8, 4]},
}
LIMITS = ("accuracy>=0.97", "bram<=16")
CODE = ("spikeloom.golden", "spikeloom.hdl.mapping", "spikeloom.boards.area", "spikeloom.boards.fmax")


def source_of(network: str, *, test: bool) -> Source:
    """A packaged network with its test data, or with that of its calibration."""
    chosen = packaged.find(network)
    return Source(
        name=chosen.model.name,
        model=chosen.model.read_bytes(),
        data=files.load(chosen.test if test else chosen.calibration),
        knobs=chosen.resolved,
        read_out=chosen.read_out,
    )


def _timed(source: Source, board: str, points: Sequence[Point]) -> float:
    """Processor seconds of some points."""
    begin = process_time()
    estimates(source, board, points)
    return process_time() - begin


@figure({"network": "digits", "board": hardware.BOARD, "workers": WORKERS})
def tune_speed(bench: Bench, network: str, board: str, workers: int) -> Iterator[dict[str, Any]]:
    """Points of the default space, drawn at random and all different, that the model of the search evaluates in a
    second; the quantised networks are in memory, and neuron units that were looked at before in the user's cache.
    Beside it the processor's milliseconds for one, which other work on the machine changes less."""
    source = source_of(network, test=False)
    space = spaces.default(hardware.network(network, 8), catalogue.find(board))
    rng = np.random.default_rng(SEED)
    drawn = {spaces.key_of(point := space.point(space.drawn(rng))): point for _ in range(2 * TIMED)}
    points = list(drawn.values())[:TIMED]
    known: dict[str, Point] = {}
    for count, point in enumerate(points):
        bench.progress("quantise", count, len(points))
        if (key := spaces.key_of(quantisation_of(point))) not in known:
            known[key] = point
            integers(source, quantisation_of(point))
    parts = [points[k : k + SHARE] for k in range(0, len(points), SHARE)]
    # Workers begin with the networks that this process has.
    with one_thread(), opened("local", workers) as pool:
        list(pool.results(_timed, [(source, board, points[:1])] * workers))
        begin = monotonic()
        used = [seconds for _, seconds in pool.results(_timed, [(source, board, part) for part in parts])]
        seconds = monotonic() - begin
    yield {
        "points": len(points),
        "space": space.size,
        "quantisations": len(known),
        "per_second": round(len(points) / seconds, 1),
        "processor_ms": round(1000 * sum(used) / len(points), 3),
    }


def _found(
    sampler: str, space: Space, costs: dict[str, list[float]], excess: dict[str, float], seed: int, most: int
) -> list[list[float]]:
    """Costs of the designs within limits among the first ``most`` that a sampler asks for."""
    import optuna

    from spikeloom.tuning.sampler import COSTS, EXCESS, distributions
    from spikeloom.tuning.study import chosen_sampler, corners, quiet

    with quiet():
        study = optuna.create_study(
            directions=["minimize"] * len(next(iter(costs.values()))),
            sampler=chosen_sampler(sampler, space, seed, list(corners(space))),
        )
        axes, seen = distributions(space), dict[str, None]()
        while len(seen) < most and len(study.trials) < 4 * most:  # a point that is asked for again is free
            for trial in [study.ask(axes) for _ in range(BATCH)]:
                key = spaces.key_of(space.point(space.named(trial.params)))
                if len(seen) < most:
                    seen[key] = None
                trial.set_user_attr(COSTS, costs[key])
                trial.set_user_attr(EXCESS, excess[key])
                trial.set_constraint("limits", excess[key])
                study.tell(trial, costs[key])
    return [costs[key] for key in seen if not excess[key]]


@figure(
    *({"network": "digits", "board": hardware.BOARD, "sampler": name} for name in ("front", "nsga2", "tpe", "random"))
)
def tune_search(bench: Bench, network: str, board: str, sampler: str) -> Iterator[dict[str, Any]]:
    """Of a space that is tabulated as a whole by the model: which share of the volume behind the true front (accuracy,
    logarithms of latency and logic cells, between their extremes within the limits) a tenth of the evaluations finds.
    The median and the least of 20 seeds."""
    source, aims = source_of(network, test=True), goals(["accuracy"], ["latency", "lut"], LIMITS, catalogue.find(board))
    space = spaces.read(SPACE, hardware.network(network, 8))
    points = list(space.points())

    def tabulated() -> list[dict[str, float]]:
        parts = [points[k : k + SHARE] for k in range(0, len(points), SHARE)]
        found: dict[int, list[dict[str, float]]] = {}
        with one_thread(), opened("local", WORKERS) as pool:
            for number, part in pool.results(estimates, [(source, board, part) for part in parts]):
                found[number] = [dict(one.figures) for one in part]
                bench.progress("tabulate", SHARE * len(found), len(points))
        return [one for number in range(len(parts)) for one in found[number]]

    table = bench.cache.remember(tabulated, space=SPACE, source=source.key, code=[sources(one) for one in CODE])
    keys = [spaces.key_of(point) for point in points]
    costs = {key: aims.costs(found) for key, found in zip(keys, table, strict=True)}
    excess = {key: sum(aims.excesses(found).values()) for key, found in zip(keys, table, strict=True)}
    good = np.array([costs[key] for key in keys if not excess[key]])
    low, high = good.min(axis=0), good.max(axis=0)
    whole = hypervolume((good - low) / (high - low), np.ones(good.shape[1]))
    most = int(PART * len(points))
    shares = []
    for seed in range(SEEDS):
        bench.progress(f"{sampler}", seed, SEEDS)
        found = np.array(_found(sampler, space, costs, excess, seed, most)).reshape(-1, good.shape[1])
        shares.append(hypervolume((found - low) / (high - low), np.ones(good.shape[1])) / whole)
    yield {
        "points": len(points),
        "within_limits": len(good),
        "on_the_front": len(front(good)),
        "evaluations": most,
        "seeds": SEEDS,
        "median": round(float(np.median(shares)), 4),
        "least": round(min(shares), 4),
    }

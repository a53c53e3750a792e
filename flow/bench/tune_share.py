"""A Dask cluster of two workers on this machine: how they share a search's evaluations."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from spikeloom.bench import hardware
from spikeloom.bench.figure import Bench, figure
from spikeloom.bench.tune import SEED, SHARE, source_of
from spikeloom.bench.tune_model import drawn
from spikeloom.golden.network import Refusal
from spikeloom.tuning import space as spaces
from spikeloom.tuning.cost import estimates
from spikeloom.tuning.executors import opened, worker
from spikeloom.tuning.source import Source, integers
from spikeloom.tuning.space import Point, quantisation_of

__all__ = ["cluster", "tune_share"]

EVALUATIONS, WAIT = 600, 60
SPACE = {
    "lanes": [1, 2, 4, 8, 16, 32, 64],
    "units": [1, 2, 4],
    "cores": ["shared", "per-population"],
    "slots": [1, 2, 3],
    "pipeline": ["long", "short"],
    "order": {"input -> lif1": ["neuron", "event"]},
    "weight_bits": [8, 4],
}


@contextmanager
def cluster(count: int) -> Iterator[tuple[str, list["subprocess.Popen[Any]"]]]:
    """A scheduler and workers as processes of their own, on this machine: its address, and the workers."""
    from distributed import Client

    environment = os.environ | {"DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "False"}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    scheduler = subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.PIPE, text=True, env=environment)
    processes: list[subprocess.Popen[Any]] = [scheduler]
    try:
        assert scheduler.stderr
        said = next((line for line in scheduler.stderr if "Scheduler at:" in line), None)
        if said is None:
            raise Refusal("Dask's scheduler did not start")
        address = said.split()[-1].removeprefix("tcp://")
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
        for _ in range(count):
            processes.append(subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.DEVNULL, env=environment))
        with Client(f"tcp://{address}", timeout=WAIT, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=WAIT)
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def evaluated(source: Source, board: str, points: Sequence[Point]) -> tuple[str, int]:
    """Who evaluated how many points."""
    return worker(), len(estimates(source, board, points))


@figure({"network": "digits", "board": hardware.BOARD, "evaluations": EVALUATIONS})
def tune_share(bench: Bench, network: str, board: str, evaluations: int) -> Iterator[dict[str, Any]]:
    """A Dask scheduler and its workers as processes on this machine: which share of the evaluations by the model each
    of two workers does, and how many times the evaluations per second of one worker both do."""
    source = source_of(network, test=False)
    space = spaces.read(SPACE, hardware.network(network, 8))
    points = [point for point, _ in zip(drawn(space, SEED), range(evaluations), strict=False)]
    different = {spaces.key_of(quantisation_of(point)): point for point in points}
    for point in different.values():
        integers(source, quantisation_of(point))  # from here on in the cache
    parts = [points[k : k + SHARE] for k in range(0, len(points), SHARE)]
    speed, shares = {}, list[float]()
    for count in (1, 2):
        bench.progress(f"{count} of 2 workers")
        with cluster(count) as (address, _), opened(f"dask://{address}", None) as pool:
            warm = [(source, board, list(different.values())[:1])] * (8 * count)
            ready = {who for _, (who, _) in pool.results(evaluated, warm)}
            begin = monotonic()
            done = Counter[str]()
            for _, (who, number) in pool.results(evaluated, [(source, board, part) for part in parts]):
                done[who] += number
            speed[count] = sum(done.values()) / (monotonic() - begin)
        if len(ready | done.keys()) < count:
            raise Refusal(f"Only {len(done)} of {count} workers evaluated anything; run it again")
        shares = sorted(number / len(points) for number in done.values())
    yield {
        "done": sum(done.values()),
        "workers": len(done),
        "least_share": round(shares[0], 4),
        "most_share": round(shares[-1], 4),
        "one_per_second": round(speed[1], 1),
        "two_per_second": round(speed[2], 1),
        "ratio": round(speed[2] / speed[1], 3),
    }

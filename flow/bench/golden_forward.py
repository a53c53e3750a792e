"""The integer model's run, timed: ``python -m spikeloom.bench.golden_forward NET.loom DATA.npz BATCH REPETITIONS``.

A process of its own, since the number of threads that numpy adds with is read from the environment when it starts.
"""

import json
import sys
import time

import numpy as np

from spikeloom.golden import data as files
from spikeloom.golden import simulate
from spikeloom.golden.network import Network


def main(path: str, data: str, batch: str, repetitions: str) -> None:
    network, x = Network.load(path), files.load(data).x
    parts = [x[first : first + int(batch)] for first in range(0, len(x), int(batch))]
    seconds = []
    simulate.run(network, parts[0])
    for _ in range(int(repetitions)):
        start = time.perf_counter()
        counts = [simulate.run(network, part).counts for part in parts]
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "counts": np.concatenate(counts).tolist(), "versions": {}}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Many cores: the same events for every placement and however slow the links are, and what more cores gain."""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikeloom import api
from spikeloom.bench import hardware
from spikeloom.bench.cache import digest, sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.split import most_parts
from spikeloom.hdl.parameters import covering
from spikeloom.sim.equivalence import VerifyReport
from spikeloom.sim.slow_links import slow_links

__all__ = ["invariance", "on_slow_links", "scattered"]

MAPPINGS = 20
#: Of the test data; the cnn's samples are large.
SAMPLES = {"digits": 20, "vowels": 20, "cnn": 2}
LANES = {"digits": 4, "vowels": 4, "cnn": 16}
JOINED = ((1, "crossbar"), (2, "crossbar"), (4, "ring"), (8, "mesh"), (16, "mesh"))


def scattered(network: Network, cores: int, lanes: int, seed: int) -> dict[str, list[int]]:
    """Populations in as many parts as drawn, on cores as drawn, of which none is idle."""
    rng = np.random.default_rng(seed)
    # One core has parts too, or all its placements would be the same.
    most = {p.name: min(max(2, cores), most_parts(network, p.name, lanes)) for p in network.neurons}
    counts = {name: int(rng.integers(1, 1 + least)) for name, least in most.items()}
    while sum(counts.values()) < cores:
        name = str(rng.choice([name for name in counts if counts[name] < most[name]]))
        counts[name] += 1
    there = [*range(cores), *rng.integers(0, cores, sum(counts.values()) - cores)]
    drawn = iter(rng.permutation(there).tolist())
    return {name: [next(drawn) for _ in range(count)] for name, count in counts.items()}


def on_slow_links(
    network: Network,
    x: np.ndarray,
    configurations: Sequence[Configuration],
    progress: Callable[..., None] = lambda *said: None,
) -> list[VerifyReport]:
    """Placements on so many cores each, compared on one hardware that holds them all; a difference is a refusal."""
    parameters = reduce(covering, (map_network(network, c).parameters for c in configurations))
    reports = []
    with TemporaryDirectory(prefix="spikeloom-") as name:
        for number, configuration in enumerate(configurations):
            progress(f"mapping {number + 1} of {len(configurations)}")
            folder = Path(name) / f"mapping{number}"
            generate(network, configuration, folder, parameters=parameters)
            if len(parameters.cores) > 1:
                folder = slow_links(folder, Path(name) / f"slow{number}", parameters, seed=1)
            report = api.verify(folder, data=x, stalls=True, bulk=True)
            if report.differences or report.problems:
                raise Refusal(f"mapping {number}, {configuration.cores}: {report.verdict}")
            reports.append(report)
    return reports


@figure(
    *(
        {"network": name, "weight_bits": 8, "lanes": LANES[name], "cores": cores, "topology": topology}
        for name in SAMPLES
        for cores, topology in JOINED
    )
)
def invariance(
    bench: Bench, network: str, weight_bits: int, lanes: int, cores: int, topology: str
) -> Iterator[dict[str, Any]]:
    """Random placements of parts on cores, whose links stall at random, on hardware that holds them all: every event
    of every population and the final states, against golden."""
    source, x = hardware.network(network, weight_bits), hardware.samples(network).x[: SAMPLES[network]]
    placements = [scattered(source, cores, lanes, seed) for seed in range(MAPPINGS)]
    configurations = [Configuration.create(lanes=lanes, cores=placement, topology=topology) for placement in placements]

    def compared() -> dict[str, Any]:
        reports = on_slow_links(source, x, configurations, bench.progress)
        clocks = [report.clocks for report in reports]
        return {
            "mappings": MAPPINGS,
            "parts": [min(map(_parts, placements)), max(map(_parts, placements))],
            "samples": len(x),
            "spikes": sum(report.events for report in reports),
            "states": sum(report.states for report in reports),
            "differences": sum(report.differences for report in reports),
            "least_clocks": min(clocks),
            "most_clocks": max(clocks),
        }

    code = [sources(f"spikeloom.{room}") for room in ("hdl", "sim", "golden")]
    yield bench.cache.remember(compared, network=source.hash, x=digest(x), placements=placements, code=code)


def _parts(placement: dict[str, list[int]]) -> int:
    return sum(map(len, placement.values()))

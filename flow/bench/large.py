"""Networks larger than any board here holds: how long mapping takes, and what the model says of them."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from time import process_time
from typing import Any

import numpy as np

from spikeloom.bench import hardware
from spikeloom.bench.cache import digest, sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.bench.results import machine
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.fit import block_rams
from spikeloom.golden.network import Network, Neuron, Population, Projection, Sparse
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network
from spikeloom.mapped import mapped

__all__ = ["MHZ", "catalogue", "large", "synthetic"]

#: What steps are timed at: the clock of the ULX3S's designs.
MHZ = 100
AREAS, NEURONS, SYNAPSES, SEED = 10, 1000, 50_000, 1


def catalogue() -> str:
    """Hash of what decides which boards hold a network's memories."""
    return digest({name: (board.family, board.transport, board.resources.block_ram) for name, board in BOARDS.items()})


@cache
def synthetic(weight_bits: int) -> Network:
    """10,000 neurons in ten populations, and 1,000,000 random synapses between them, a step late as in simulators of
    recurrent networks: each population reads the one before and one other."""
    rng = np.random.default_rng(SEED)
    names = [f"area{k}" for k in range(AREAS)]
    neuron = Neuron(
        model="lif",
        states={"v": 16},
        parameters={
            "keep": 230,
            "threshold": 500,
            "subtract": 500,
            "v_reset": 0,
            "v_min": -500,
            "v_init": 0,
            "bias": 0,
        },
        options={"decay_bits": 8, "guard": 0, "reset": "subtract", "reset_when": "same-step", "spikes": "one"},
    )

    def synapses() -> Sparse:
        ends = np.sort(rng.choice(NEURONS**2, SYNAPSES, replace=False))
        weights = rng.integers(1, 1 << weight_bits - 1, SYNAPSES) * rng.choice((-1, 1), SYNAPSES)
        shape = NEURONS, NEURONS
        return Sparse.of(*np.divmod(ends, NEURONS), weights, shape=shape, bits=weight_bits, delays=0 * weights)

    forward = [(a, b, int(a != "in")) for a, b in pairwise(["in", *names])]
    back = [(name, names[3 * k % AREAS], 1) for k, name in enumerate(names, 1)]
    return Network(
        populations=[
            Population(name="in", shape=(NEURONS,)),
            *(Population(name=name, shape=(NEURONS,), neuron=neuron) for name in names),
        ],
        projections=[Projection(source=a, target=b, synapses=synapses(), delay=d) for a, b, d in forward + back],
        output=names[-1],
    )


@figure(
    *(
        {"network": name, "weight_bits": 8, "lanes": 16, "cores": cores, "topology": topology}
        for name, cores, topology in (
            ("connectome", 4, "crossbar"),
            ("synthetic", 8, "mesh"),
            ("synthetic", 16, "mesh"),
            ("synthetic", 32, "mesh"),
        )
    )
)
def large(
    bench: Bench, network: str, weight_bits: int, lanes: int, cores: int, topology: str
) -> Iterator[dict[str, Any]]:
    """Seconds to map large networks, and what the model says of them: memory, clocks and time per step. Nothing of this
    is simulated."""
    source = synthetic(weight_bits) if network == "synthetic" else hardware.network(network, weight_bits)
    configuration = Configuration.create(lanes=lanes, cores=cores, topology=topology)

    def modelled() -> dict[str, Any]:
        bench.progress("map")
        begin = process_time()
        report = mapped(source, configuration)
        seconds = process_time() - begin
        bits = [core.bits for core in report.cores]
        parameters = map_network(source, report.configuration).parameters
        needed = {name: block_rams(parameters, board) for name, board in BOARDS.items()}
        return {
            "neurons": sum(p.size for p in source.neurons),
            "synapses": sum(int(np.count_nonzero(j.synapses.weights)) for j in source.projections),
            "seconds": round(seconds, 2),
            "parts": sum(len(core.parts) for core in report.cores),
            "least_bits": min(bits),
            "most_bits": max(bits),
            "block_rams": needed[hardware.BOARD],
            "clocks_per_step": report.clocks_per_step,
            "us_per_step": round(report.clocks_per_step / MHZ, 2),
            "boards": [name for name, count in needed.items() if count <= BOARDS[name].resources.block_ram],
        }

    code = [sources("spikeloom.hdl"), sources("spikeloom.boards"), sources("spikeloom.mapped")]
    depends = {"network": source.hash, "configuration": repr(configuration), "code": code, "machine": machine()}
    yield {**bench.cache.remember(modelled, **depends), "catalogue": catalogue()}

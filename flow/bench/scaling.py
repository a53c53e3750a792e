"""What more cores gain: one network on more of them, and networks that grow with them."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikeloom import api, mapped, packaged
from spikeloom.bench import hardware
from spikeloom.bench.cache import digest, sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.golden import data as files
from spikeloom.golden.network import Network, Neuron, Population, Projection, Refusal, Sparse
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.cost import predict

__all__ = ["four_cores", "strong_scaling", "weak_scaling"]

#: Of the test data.
SAMPLES = 10
#: Neurons of a block, and of the block after it and of itself that each of them reaches.
BLOCK, STEPS = 64, 20
RATE = 0.1


@figure(
    *(
        {"network": "cnn", "weight_bits": 8, "lanes": 16, "cores": cores, "topology": topology}
        for cores, topology in ((1, "crossbar"), (2, "crossbar"), (4, "mesh"), (8, "mesh"))
    )
)
def strong_scaling(
    bench: Bench, network: str, weight_bits: int, lanes: int, cores: int, topology: str
) -> Iterator[dict[str, Any]]:
    """A network on more cores, placed by `spikeloom map` on its calibration data, simulated on its test data against
    golden."""
    source, x = hardware.network(network, weight_bits), hardware.samples(network).x[:SAMPLES]
    configuration = Configuration.create(lanes=lanes, cores=cores, topology=topology)
    if cores > 1:
        seen = files.load(packaged.find(network).calibration)
        configuration = mapped.mapped(source, configuration, seen).configuration
    else:
        configuration = configuration.model_copy(update={"cores": "shared"})
    found = _run(bench, source, configuration, x)
    yield {**found, "configuration": configuration.model_dump(exclude_defaults=True)}


@figure(
    *({"network": "blocks", "lanes": 1, "cores": cores, "topology": "mesh"} for cores in (1, 4, 16, 64)),
)
def weak_scaling(bench: Bench, network: str, lanes: int, cores: int, topology: str) -> Iterator[dict[str, Any]]:
    """Blocks of 64 neurons, a core each, that all do the same: every neuron reaches its whole block a step later, and
    the next core's block after two."""
    source = blocks(cores)
    x = np.tile(hardware.bernoulli(2, STEPS, BLOCK, RATE, seed=1), (1, 1, cores))
    placed = list(range(cores)) if cores > 1 else 0
    found = _run(bench, source, Configuration.create(lanes=lanes, cores={"block": placed}, topology=topology), x)
    del found["verilog_sha256"]  # whose network is no packaged one, with which it could be compared
    yield found


@figure({"network": "digits", "weight_bits": 8, "lanes": 16, "cores": 4, "topology": "crossbar"})
def four_cores(
    bench: Bench, network: str, weight_bits: int, lanes: int, cores: int, topology: str
) -> Iterator[dict[str, Any]]:
    """A board's whole design with several cores, as `spikeloom build --cores` makes it: all test data simulated, area
    and Fmax."""
    with hardware.generated(network, weight_bits, lanes=lanes, cores=cores, topology=topology) as made:
        x = hardware.samples(network).x
        yield hardware.simulated(bench.cache, made, x, progress=bench.progress)
        yield {
            "board": hardware.placed(bench.cache, made, board=hardware.BOARD, design="board", progress=bench.progress)
        }


def _run(bench: Bench, network: Network, configuration: Configuration, x: np.ndarray) -> dict[str, Any]:
    """Clocks against golden, and what the mapper's token model makes of them."""

    def compared() -> dict[str, Any]:
        bench.progress("generate")
        with TemporaryDirectory(prefix="spikeloom-") as name:
            manifest = generate(network, configuration, Path(name) / "rtl")
            bench.progress("build the simulator, simulate")
            report = api.verify(Path(name) / "rtl", data=x, bulk=True)
        if report.differences or report.problems:
            raise Refusal(report.verdict)
        return {
            "verilog_sha256": manifest["verilog"]["sha256"],
            "samples": report.samples,
            "spikes": report.events,
            "states": report.states,
            "differences": report.differences,
            "clocks_per_step": round(report.clocks_per_inference / report.steps, 1),
        }

    code = [sources(f"spikeloom.{room}") for room in ("hdl", "sim", "golden")]
    found = bench.cache.remember(
        compared, network=network.hash, x=digest(x), configuration=configuration.model_dump(), code=code
    )
    modelled = predict(map_network(network, configuration), hardware.fires(network, x)).clocks_per_step
    return {**found, "ratio": round(modelled / found["clocks_per_step"], 4)}


def blocks(count: int) -> Network:
    """So many alike blocks in a circle; with alike stimuli all do the same, however many there are."""
    rng = np.random.default_rng(1)
    size = count * BLOCK

    def synapses(next_block: int, reached: int) -> Sparse:
        targets = np.stack([rng.permutation(BLOCK)[:reached] for _ in range(BLOCK)])
        weights = rng.integers(-24, 22, targets.shape)
        source = np.repeat(np.arange(size), reached)
        target = (source // BLOCK + next_block) % count * BLOCK + np.tile(targets, (count, 1)).ravel()
        order = np.lexsort((target, source))
        weights = np.tile(weights, (count, 1)).ravel()[order]
        return Sparse.of(source[order], target[order], weights, shape=(size, size), bits=8, delays=0 * weights)

    parameters = {"keep": 200, "threshold": 90, "subtract": 90, "v_reset": 0, "v_min": -2048, "v_init": 0, "bias": 0}
    neuron = Neuron(
        model="lif",
        states={"v": 12},
        parameters={name: np.array(value) for name, value in parameters.items()},
        options={"reset": "subtract", "reset_when": "same-step", "spikes": "one", "decay_bits": 8, "guard": 2},
    )
    return Network(
        populations=[Population(name="in", shape=(size,)), Population(name="block", shape=(size,), neuron=neuron)],
        projections=[
            Projection(source="in", target="block", synapses=synapses(0, BLOCK // 2)),
            Projection(source="block", target="block", synapses=synapses(0, BLOCK), delay=1),
            Projection(source="block", target="block", synapses=synapses(1, BLOCK), delay=2),
        ],
        output="block",
    )

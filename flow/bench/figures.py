"""The figures of networks and hardware. What is measured of a row comes in parts, as it is found."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from spikeloom import api, packaged
from spikeloom.bench import hardware
from spikeloom.bench.cache import digest, sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.boards import storage
from spikeloom.golden import float_model, nir_graph, simulate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.cost import predict

__all__ = ["accuracy", "bulk", "density", "equivalence", "event_order", "model", "netlist", "peer", "performance"]

LANES = (4, 8, 16, 32, 64, 128)
#: Too large for a simulation under cocotb: compared without it.
LARGE = ("cnn",)
#: Of MNIST, enough for the clocks of an inference; `bulk` compares them all.
PERFORMANCE_SAMPLES = 200
SEED = 1
DENSITY_SAMPLES, DENSITY_STEPS, MIDDLE_DENSITY = 20, 25, 0.1
#: Enough for the clocks of an inference: they are compared with a model's, not with a network's.
MODEL_SAMPLES = 40
NETLIST_SAMPLES = 40
PEER_SAMPLES, PEER_STEPS, PEER_DENSITY = 4, 100, 0.1

PER_POPULATION = (("per-population", 1), ("per-population", 2))
FOUR = {"lif1": [0, 1, 2, 3], "lif2": 0}

Parts = Iterator[dict[str, Any]]


@figure(*({"network": name, "weight_bits": bits} for name in packaged.PACKAGED for bits in (8, 6, 4)))
def accuracy(bench: Bench, network: str, weight_bits: int) -> Parts:
    """Float and integer accuracy of the packaged networks on data that the conversion never saw."""
    source, data = packaged.find(network), hardware.samples(network)
    loom = hardware.network(network, weight_bits)

    def compared() -> dict[str, Any]:
        reference = float_model.run(
            nir_graph.load(source.model, source.resolved).model, data.x, source.resolved, read_out=source.read_out
        ).prediction
        prediction = simulate.run(loom, data.x, progress=bench.progress).prediction
        return {
            "samples": len(data.x),
            "accuracy_float": api.accuracy(reference, data),
            "accuracy_integer": api.accuracy(prediction, data),
            "same_predictions": float((reference == prediction).mean()),
            "network_hash": loom.hash,
        }

    yield bench.cache.remember(compared, network=loom.hash, x=digest(data.x), code=sources("spikeloom.golden"))


@figure(
    *(
        {"network": "digits", "weight_bits": 8, "lanes": lanes, "cores": cores, "stalls": stalls}
        for cores, lanes in (*(("shared", n) for n in (1, 8, 16, 64)), ("per-population", 16))
        for stalls in (False, True)
    ),
    *(
        {"network": name, "weight_bits": 8, "lanes": 16, "cores": "shared", "stalls": stalls}
        for name in packaged.PACKAGED
        for stalls in (False, True)
        if name not in ("digits", "mnist")  # all of mnist is in `bulk`
    ),
)
def equivalence(bench: Bench, network: str, weight_bits: int, lanes: int, cores: str, stalls: bool) -> Parts:
    """Every event of every layer of all test data, and the final states: Verilog against golden. The cnn is simulated
    as `verify --bulk` does, without cocotb."""
    x, bulk = hardware.samples(network).x, network in LARGE
    with hardware.generated(network, weight_bits, lanes=lanes, cores=cores) as made:
        yield hardware.simulated(bench.cache, made, x, stalls=stalls, bulk=bulk, progress=bench.progress)


@figure(
    *(
        {"network": "digits", "weight_bits": 8, "lanes": 8, "family": family, "output_registers": registers}
        for family, registers in (("ecp5", False), ("ecp5", True), ("ice40", False), ("gowin", False))
    )
)
def netlist(bench: Bench, network: str, weight_bits: int, lanes: int, family: str, output_registers: bool) -> Parts:
    """Every event of every layer of the first test samples, and the final states: what synthesis for each family makes
    of the Verilog, with models of the family's cells, against golden."""
    x = hardware.samples(network).x[:NETLIST_SAMPLES]
    with hardware.generated(network, weight_bits, lanes=lanes) as made:
        yield hardware.netlist(
            bench.cache, made, x, family=family, output_registers=output_registers, progress=bench.progress
        )


@figure(
    *(
        {"network": name, "weight_bits": 8, "lanes": 16, "slots": slots, "output_registers": registers}
        for name, slots, registers in (
            ("cnn", 2, False),
            ("cnn", 1, True),
            ("converted-cnn", 2, False),
            ("connectome", 2, False),
            ("motion", 2, False),
        )
    )
)
def event_order(bench: Bench, network: str, weight_bits: int, lanes: int, slots: int, output_registers: bool) -> Parts:
    """Networks in the event-stationary order, all test data: what was compared, rows and useful synaptic operations per
    clock, what is stored, and area, Fmax and inferences per second."""
    with hardware.generated(network, weight_bits, lanes=lanes, slots=slots) as made:
        clocks = hardware.simulated(bench.cache, made, hardware.samples(network).x, progress=bench.progress)
        yield {**clocks, "stored": storage.of_manifest(made.manifest), "projections": _stored(made)}
        for design in ("core", "board"):
            placed = hardware.placed(
                bench.cache,
                made,
                board=hardware.BOARD,
                design=design,
                output_registers=output_registers,
                progress=bench.progress,
            )
            yield {design: placed}
        hertz = 1e6 * placed["median_mhz"]
        yield {"inferences_per_second": round(hertz / clocks["clocks_per_inference"], 1)}


def _stored(made: hardware.Hardware) -> list[dict[str, Any]]:
    """What each projection's numbers take."""
    found = storage.stored(map_network(made.network, made.configuration))
    return [asdict(one) for one in found if one.numbers]


@figure({"network": "mnist", "weight_bits": 8, "lanes": 16})
def bulk(bench: Bench, network: str, weight_bits: int, lanes: int) -> Parts:
    """Every event of every layer of all packaged MNIST images, and the final states: Verilog against golden."""
    with hardware.generated(network, weight_bits, lanes=lanes) as made:
        yield hardware.simulated(bench.cache, made, hardware.samples(network).x, progress=bench.progress)


@figure(
    *(
        {"network": name, "weight_bits": bits, "lanes": lanes}
        for name, bits in (("digits", 8), ("mnist", 4))
        for lanes in LANES
    )
)
def performance(bench: Bench, network: str, weight_bits: int, lanes: int) -> Parts:
    """Clocks of an inference and what they go to, on test data; area and Fmax of the core and of the board's design."""
    x = hardware.samples(network).x[:PERFORMANCE_SAMPLES] if network == "mnist" else hardware.samples(network).x
    with hardware.generated(network, weight_bits, lanes=lanes) as made:
        clocks = hardware.simulated(bench.cache, made, x, progress=bench.progress)
        yield clocks
        yield {"core": hardware.placed(bench.cache, made, board=hardware.BOARD, design="core", progress=bench.progress)}
        whole = hardware.placed(bench.cache, made, board=hardware.BOARD, design="board", progress=bench.progress)
        yield {
            "board": whole,
            "interval_us": round(clocks["clocks_per_inference"] / whole["median_mhz"], 2),
            "latency_us": round(clocks["latency_clocks"] / whole["median_mhz"], 2),
        }


@figure(
    *(
        {"network": "mnist", "weight_bits": 4, "lanes": lanes, "density": density}
        for lanes in (16, 128)
        for density in (0.02, MIDDLE_DENSITY, 0.3)
    )
)
def density(bench: Bench, network: str, weight_bits: int, lanes: int, density: float) -> Parts:
    """Clocks per step for random input, and the formula: the sum over populations of groups times events, and a
    constant, which is what a step takes beyond that sum at 10 % density."""
    shape = DENSITY_SAMPLES, DENSITY_STEPS, hardware.network(network, weight_bits).input.size
    with hardware.generated(network, weight_bits, lanes=lanes) as made:

        def run(x: np.ndarray) -> tuple[dict[str, Any], float]:
            found = hardware.simulated(bench.cache, made, x, progress=bench.progress)
            return found, _rows_per_step(made, x)

        middle, least = run(hardware.bernoulli(*shape, MIDDLE_DENSITY, SEED))
        found, rows = run(x := hardware.bernoulli(*shape, density, SEED))
        constant = middle["clocks_per_step"] - least
        yield {
            **found,
            "seed": SEED,
            "hidden_rate": _hidden_rate(made, x),
            "formula_rows": round(rows, 2),
            "beyond_rows": round(found["clocks_per_step"] - rows, 2),
            "formula_constant": round(constant, 2),
            "ratio": round(found["clocks_per_step"] / (rows + constant), 4),
        }


@figure(
    *(
        {"network": "mnist", "weight_bits": 4, "lanes": lanes, "units": units, "output_registers": registers}
        for lanes, units, registers in ((16, 1, False), (16, 1, True), (128, 8, False))
    )
)
def peer(bench: Bench, network: str, weight_bits: int, lanes: int, units: int, output_registers: bool) -> Parts:
    """A 784-128-10 network with 4-bit weights on random input, 10 % of 784 in each of 100 steps: clocks of a sample,
    and area and Fmax of the core alone on an LFE5U-85F of speed grade 6 (stream and host ports, no UART link)."""
    with hardware.generated(network, weight_bits, lanes=lanes, units=units) as made:
        x = hardware.bernoulli(PEER_SAMPLES, PEER_STEPS, made.network.input.size, PEER_DENSITY, SEED)
        clocks = hardware.simulated(bench.cache, made, x, progress=bench.progress)
        yield {**clocks, "seed": SEED, "density": PEER_DENSITY, "hidden_rate": _hidden_rate(made, x)}
        core = hardware.placed(
            bench.cache,
            made,
            board=hardware.BOARD,
            design="core",
            output_registers=output_registers,
            progress=bench.progress,
        )
        yield {"core": core, "sample_ms": round(clocks["clocks_per_inference"] / core["median_mhz"] / 1000, 4)}


@figure(
    *(
        {"network": name, "weight_bits": bits, "lanes": lanes, "cores": cores, "topology": topology, "slots": slots}
        for name, bits, lanes, cores, topology, slots in (
            *(("digits", 8, lanes, "shared", "crossbar", 2) for lanes in (1, 4, 16, 64)),
            *(("digits", 8, 16, cores, "crossbar", slots) for cores, slots in (("shared", 1), *PER_POPULATION)),
            *(("mnist", 4, lanes, "shared", "crossbar", 2) for lanes in (16, 128)),
            *(("mnist", 4, 16, cores, "crossbar", slots) for cores, slots in PER_POPULATION),
            *(("vowels", 8, 16, cores, "crossbar", slots) for cores, slots in (("shared", 2), *PER_POPULATION)),
            *(("delays", 8, 16, cores, "crossbar", slots) for cores, slots in (("shared", 1), *PER_POPULATION)),
            *(("connectome", 8, 16, cores, "crossbar", slots) for cores, slots in (("shared", 2), *PER_POPULATION)),
            *(("motion", 8, 16, *how) for how in (("shared", "crossbar", 1), ("per-population", "crossbar", 2))),
            *(("converted-cnn", 8, 16, cores, "crossbar", slots) for cores, slots in (("shared", 2), *PER_POPULATION)),
            ("cnn", 8, 16, "shared", "crossbar", 2),
            *(("digits", 8, lanes, FOUR, "crossbar", 2) for lanes in (8, 16)),
            ("cnn", 8, 8, {"lif1": [0, 1, 2, 3], "lif2": [0, 1, 2, 3], "lif3": 0}, "crossbar", 2),
            *(("digits", 8, 16, FOUR, topology, 4) for topology in ("crossbar", "ring", "mesh")),
            ("digits", 8, 16, {"lif1": [0, 1, 1, 2, 3], "lif2": 0}, "crossbar", 4),
            ("digits", 8, 16, {"lif1": [0, 1, 2, 3, 4, 5, 6, 7], "lif2": 0}, "mesh", 4),
            ("delays", 8, 16, {"lif1": [0, 1], "lif2": 2}, "mesh", 4),
            ("vowels", 8, 16, {"lif1.lif": [0, 1], "lif2": 2}, "ring", 4),
        )
    )
)
def model(
    bench: Bench,
    network: str,
    weight_bits: int,
    lanes: int,
    cores: str | dict[str, int | list[int]],
    topology: str,
    slots: int,
) -> Parts:
    """Clocks of an inference as the mapper's token model predicts them from the integer model's events, and as they are
    simulated, on the first samples of the test data."""
    x = hardware.samples(network).x[:MODEL_SAMPLES]
    with hardware.generated(network, weight_bits, lanes=lanes, cores=cores, topology=topology, slots=slots) as made:
        simulated = hardware.simulated(bench.cache, made, x, progress=bench.progress)
        kept = ("verilog_sha256", "samples", "steps", "clocks_per_inference", "latency_clocks", "shares")
        yield {name: simulated[name] for name in kept}
        predicted = predict(map_network(made.network, made.configuration), hardware.fires(made.network, x))
        yield {
            "modelled": round(predicted.clocks_per_sample, 1),
            "modelled_latency": round(float(predicted.ends[0]), 1),
            "ratio": round(predicted.clocks_per_sample / simulated["clocks_per_inference"], 4),
        }


def _rows_per_step(made: hardware.Hardware, x: np.ndarray) -> float:
    """Rows of weights that a step reads: for each population, its groups of lanes times the events sent to it."""
    sent = hardware.events(made.network, x)
    return sum(
        -(-p.size // made.configuration.lanes) * sum(sent[j.source] for j in made.network.into(p.name))
        for p in made.network.neurons
    )


def _hidden_rate(made: hardware.Hardware, x: np.ndarray) -> float:
    """Share of hidden neurons that fire in a step."""
    sent = hardware.events(made.network, x)
    hidden = [p for p in made.network.neurons if p.name != made.network.output]
    return round(sum(sent[p.name] for p in hidden) / sum(p.size for p in hidden), 4)

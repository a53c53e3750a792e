"""Ranges of parameters in which designs were compared with the golden model; beyond them one is on one's own.

``supported.json`` holds them; ``make trust`` writes it when the comparisons held.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from spikeloom.golden.network import Network
from spikeloom.hdl.parameters import AcceleratorParameters

__all__ = ["Range", "beyond", "joined", "of_hardware", "of_network", "supported", "write_supported"]

#: The smallest and the largest value.
Range = tuple[int, int]


PATH = Path(__file__).with_name("supported.json")


@cache
def supported() -> Mapping[str, Range]:
    document = json.loads(PATH.read_text("utf-8"))
    return {name: (low, high) for name, (low, high) in document.items()}


def write_supported(ranges: Mapping[str, Range]) -> Path:
    lines = (f" {json.dumps(name)}: {json.dumps(list(ranges[name]))}" for name in sorted(ranges))
    partial = PATH.with_suffix(".partial")
    partial.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    partial.replace(PATH)
    return PATH


def of_network(network: Network) -> dict[str, Range]:
    """What a network has of each parameter."""
    neurons = [population.neuron for population in network.neurons]
    values: dict[str, Iterable[int]] = {
        "weight bits": (projection.synapses.bits for projection in network.projections),
        "state bits": (bits for neuron in neurons for bits in neuron.states.values()),
        "event bits": (population.value_bits for population in network.populations),
        "decay bits": (int(neuron.options["decay_bits"]) for neuron in neurons if "decay_bits" in neuron.options),
        "guard bits": (int(neuron.options["guard"]) for neuron in neurons if "guard" in neuron.options),
        "delay in steps": (projection.most_delay for projection in network.projections),
        "left shift": (projection.shift for projection in network.projections),
        "neurons in a population": (population.size for population in network.populations),
        "populations": [len(network.populations)],
    }
    return _ranges(values)


def of_hardware(parameters: AcceleratorParameters) -> dict[str, Range]:
    """What a design has of each parameter."""
    cores = parameters.cores
    values: dict[str, Iterable[int]] = {
        "lanes": (core.lanes for core in cores),
        "neuron units": (core.units for core in cores),
        "cores": [len(cores)],
        "slots": (core.slots for core in cores),
        "accumulator bits": (
            bits
            for core in cores
            for bits in (core.accumulator_bits, core.scatter.accumulator_bits if core.scatter else 0)
            if bits
        ),
    }
    return _ranges(values)


def _ranges(values: Mapping[str, Iterable[int]]) -> dict[str, Range]:
    found = {name: list(some) for name, some in values.items()}
    return {name: (min(some), max(some)) for name, some in found.items() if some}


def joined(ranges: Iterable[Mapping[str, Range]]) -> dict[str, Range]:
    """The smallest ranges that hold all of these."""
    found: dict[str, Range] = {}
    for one in ranges:
        for name, (low, high) in one.items():
            least, most = found.get(name, (low, high))
            found[name] = min(low, least), max(high, most)
    return found


def beyond(ranges: Mapping[str, Range], within: Mapping[str, Range] | None = None) -> tuple[str, ...]:
    """A sentence for each parameter with values that no design had that was compared."""
    within = supported() if within is None else within
    notes = []
    for name, (low, high) in ranges.items():
        least, most = within.get(name, (low, high))
        if low < least or high > most:
            given = high if high > most else low
            notes.append(
                f"{given} {name}: designs were compared with {least} to {most}; `spikeloom verify` compares this one"
            )
    return tuple(notes)

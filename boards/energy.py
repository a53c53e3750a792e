"""What an inference takes of energy, as an estimate: what the simulated design did, times published figures.

The figures are of an ASIC in 45 nm at 0.9 V: M. Horowitz, "Computing's energy problem (and what we can do about it)",
ISSCC 2014, figure 1.1.9; an addition of 16 bits is put between the published ones of 8 and 32. An FPGA takes many
times more, for its wires and its configurable logic, and clock tree, leakage and pins are not among them. So this is an
order of magnitude to compare designs by, and no measurement.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["BASIS", "Energy", "estimate"]

BASIS = (
    "an estimate and no measurement: additions, neuron steps and memory reads as simulated, times Horowitz' figures "
    "for 45 nm (ISSCC 2014); an FPGA takes many times more; clock tree, leakage and pins are left out"
)
#: pJ of an integer addition and multiplication, up to so many bits.
ADDITION = ((8, 0.03), (16, 0.05), (32, 0.1))
MULTIPLICATION = ((8, 0.2), (32, 3.1))
#: pJ of 64 bits read from a memory of up to so many bytes.
READ, READ_BITS = ((8 << 10, 10.0), (32 << 10, 20.0), (1 << 20, 100.0)), 64
#: Of a neuron: a leak's multiplication, and to add the sum, the leak and the reset.
STEP_ADDITIONS = 3


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Of one inference.

    nanojoules: what each kind of work takes. additions: a row adds one synapse per lane, also where there is none.
    reads: by kind of memory, how often it is read or written; ``read_bits``: how many bits at once.
    clocks: for those who know what theirs takes; the estimate has nothing for them.
    """

    nanojoules: Mapping[str, float]
    additions: float
    neuron_steps: float
    reads: Mapping[str, float]
    read_bits: Mapping[str, int]
    clocks: float
    basis: str = BASIS

    @property
    def total_nanojoules(self) -> float:
        return sum(self.nanojoules.values())


def estimate(
    manifest: Mapping[str, Any],
    rows: Mapping[str, int],
    *,
    neurons: int,
    steps: int,
    samples: int,
    clocks: float,
) -> Energy:
    """rows: of the simulation, by engine. neurons: those stepped in each of ``steps``. clocks: an inference's."""
    memories = _memories(manifest)
    additions = spent = 0.0
    reads: dict[str, float] = {}
    widths: dict[str, int] = {}
    memory_picojoules = 0.0

    def read(core: str, kind: str, count: float, banks: int = 0) -> None:
        """``banks``: how many of a memory's are read at once, all if not given."""
        nonlocal memory_picojoules
        found = memories.get((core, kind), [])[: banks or None]
        if not found or not count:
            return
        reads[kind] = reads.get(kind, 0.0) + count
        widths[kind] = max(widths.get(kind, 0), sum(width for _, width in found))
        for entries, width in found:
            memory_picojoules += count * _up_to(READ, entries * width / 8) * width / READ_BITS

    for engine, count in rows.items():
        core, _, half = engine.partition(".")
        p = manifest["parameters"]["cores"][int(core.removeprefix("core"))]
        each = count / samples
        bits = p["scatter"]["accumulator_bits"] if half else p["accumulator_bits"]
        additions += each * p["lanes"]
        spent += each * p["lanes"] * _up_to(ADDITION, bits)
        if half:  # a row of weights or one synapse of a list, added to sums that are read and written
            read(core, "synapses" if (core, "synapses") in memories else "kernels", each)
            read(core, "sums", 2 * each)
        else:
            read(core, "weights", each)
    stepped = float(neurons * steps)
    for name, share in _shares(manifest).items():
        read(name, "parameters", stepped * share, banks=1)
        read(name, "state", 2 * stepped * share, banks=1)
    bits = max(core["neuron"].get("state_bits", 32) for core in manifest["parameters"]["cores"])
    neuron = stepped * (_up_to(MULTIPLICATION, bits) + STEP_ADDITIONS * _up_to(ADDITION, bits))
    picojoules = {"additions": spent, "neuron steps": neuron, "memory": memory_picojoules}
    return Energy(
        nanojoules={name: round(value / 1000, 4) for name, value in picojoules.items()},
        additions=round(additions, 1),
        neuron_steps=stepped,
        reads={kind: round(count, 1) for kind, count in reads.items()},
        read_bits=widths,
        clocks=clocks,
    )


def _up_to(figures: tuple[tuple[int, float], ...], size: float) -> float:
    """The figure of the first size that is enough; beyond the last one, in proportion to it."""
    for most, picojoules in figures:
        if size <= most:
            return picojoules
    most, picojoules = figures[-1]
    return picojoules * math.sqrt(size / most) if figures is READ else picojoules * size / most


def _memories(manifest: Mapping[str, Any]) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """(core, kind) -> entries and bits of each memory of it."""
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for memory in manifest["map"]["memories"]:
        core, name = memory["name"].split(".", 1)
        found.setdefault((core, name.rstrip("0123456789")), []).append((memory["entries"], memory["width"]))
    for k, core in enumerate(manifest["parameters"]["cores"]):
        if scatter := core.get("scatter"):
            width = scatter["accumulator_bits"] * core["lanes"]
            found[f"core{k}", "sums"] = [(scatter["ring_rows"], width)]
    return found


def _shares(manifest: Mapping[str, Any]) -> dict[str, float]:
    """Of all neurons, those that each core steps."""
    sizes: dict[str, int] = {}
    for source in manifest["sources"]:
        if source["core"] >= 0:
            name = f"core{source['core']}"
            sizes[name] = sizes.get(name, 0) + source["size"]
    total = sum(sizes.values())
    return {name: size / total for name, size in sizes.items()}

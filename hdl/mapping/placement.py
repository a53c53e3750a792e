"""Which cores serve which populations, whole or split, if only the number of cores is given."""

from collections.abc import Iterator
from collections.abc import Mapping as MappingType

import numpy as np

from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping.loads import Loads, Placed, assumed_rates, compact

Cores = MappingType[str, int | list[int]]

__all__ = ["candidates", "judged", "place"]

#: Parts of a population, as multiples of what would give every core the same work.
GRAINS = (0.5, 1.0, 2.0, 4.0)
#: Changes of a placement that are tried for each of them.
ROUNDS = 200
#: Steps over which the token model judges a placement; of two samples, of which the second counts.
STEPS = 16
#: Beyond so many channels between parts a placement is judged by its loads alone.
MOST_CHANNELS = 1000
#: How many of the search's placements are judged, and changes of the best one: fewer if there are many synapses.
FINALISTS, POLISH, POLISHED_SYNAPSES = 3, 60, 4_000_000


def place(
    network: Network,
    configuration: Configuration,
    *,
    rates: MappingType[str, float] | None = None,
    memory_bits: int | None = None,
) -> Cores:
    """The placement on ``configuration.cores`` cores with the fewest clocks per step that the token model predicts.

    rates: events of each population in a step; by default those of a tenth of its neurons. memory_bits: that a core may
    store. The same network and numbers give the same placement.
    """
    rates = rates or assumed_rates(network)
    loads, cores = Loads(network, configuration, rates), configuration.cores
    assert isinstance(cores, int)
    found: list[tuple[float, Cores]] = []
    problems: list[str] = []

    def judge(placed: Cores) -> None:
        if loads.channels(_lists(placed)) > MOST_CHANNELS:
            over, step, _ = _worth(loads, _lists(placed), cores, memory_bits)
            found.append((step if not over else np.inf, placed))
            return
        try:
            found.append((judged(network, configuration, placed, rates, memory_bits), placed))
        except Refusal as refusal:
            problems.append(str(refusal))

    for placed in candidates(network, configuration, rates, memory_bits).values():
        judge(placed)
    if not found:
        raise Refusal(f"No placement on {configuration.cores} cores fits. {problems[-1]}")
    left = min(POLISH, POLISHED_SYNAPSES // loads.synapses)
    while left > 0:
        clocks, best = min(found, key=lambda one: one[0])
        before = len(found)
        for changed in _changes(loads, _lists(best), cores):
            judge(compact(changed))
            left -= 1
            if left <= 0 or (len(found) > before and found[-1][0] < clocks):
                break
        else:
            break
    return min(found, key=lambda one: one[0])[1]


def candidates(
    network: Network, configuration: Configuration, rates: MappingType[str, float], memory_bits: int | None = None
) -> dict[str, Cores]:
    """Placements by how they were found: whole populations in turn, all split over all cores, and by search."""
    cores = configuration.cores
    assert isinstance(cores, int)
    loads = Loads(network, configuration, rates)
    whole = {name: (k % cores,) for k, name in enumerate(loads.names)}
    even = {name: tuple(range(min(cores, loads.most[name]))) for name in loads.names}
    found = sorted(_searched(loads, cores, memory_bits), key=lambda placed: _worth(loads, placed, cores, memory_bits))
    several: list[Cores] = []
    for placed in map(compact, found):
        if placed not in several:
            several.append(placed)
    named = {f"search {k + 1}": placed for k, placed in enumerate(several[:FINALISTS])}
    return {"whole": compact(whole), "even": compact(even)} | named


def judged(
    network: Network,
    configuration: Configuration,
    placed: Cores,
    rates: MappingType[str, float],
    memory_bits: int | None = None,
) -> float:
    """Clocks per step that the token model predicts; a refusal if a core would store too much."""
    # Mapping by a number of cores is placing.
    from spikeloom.hdl.mapping.capacity import check
    from spikeloom.hdl.mapping.cost import predict
    from spikeloom.hdl.mapping.plan import map_network

    mapping = map_network(network, configuration.model_copy(update={"cores": dict(placed)}))
    if memory_bits is not None:
        check(mapping, memory_bits)
    return predict(mapping, {name: np.full((2, STEPS), rate) for name, rate in rates.items()}).clocks_per_step


def _lists(placed: Cores) -> Placed:
    return {name: tuple(there) if isinstance(there, list) else (there,) for name, there in placed.items()}


def _worth(loads: Loads, placed: Placed, cores: int, memory_bits: int | None) -> tuple[float, float, float]:
    """Less is better: bits too many; clocks of a step; and then traffic, with what the other cores have to do."""
    clocks, bits = loads.of_cores(placed, cores)
    over = 0.0 if memory_bits is None else float(np.maximum(bits - memory_bits, 0).sum())
    packets = loads.packets(placed)
    return over, loads.step(placed, cores), packets + float((clocks**2).sum() / clocks.max())


def _searched(loads: Loads, cores: int, memory_bits: int | None) -> Iterator[Placed]:
    """For each grain, the longest work first to the idlest core, then whatever single change helps."""
    for grain in GRAINS:
        placed = _longest_first(loads, cores, grain, memory_bits)
        worth = _worth(loads, placed, cores, memory_bits)
        for _ in range(ROUNDS):
            tried = ((_worth(loads, other, cores, memory_bits), other) for other in _changes(loads, placed, cores))
            better = next((found for found in tried if found[0] < worth), None)
            if better is None:
                break
            worth, placed = better
        yield placed


def _longest_first(loads: Loads, cores: int, grain: float, memory_bits: int | None) -> Placed:
    whole: Placed = dict.fromkeys(loads.names, (0,))
    work = {name: loads.clocks(name, 1, whole) for name in loads.names}
    share = sum(work.values()) / cores
    clocks, bits = np.zeros(cores), np.zeros(cores)
    placed: dict[str, tuple[int, ...]] = {}
    for name in sorted(work, key=lambda name: -work[name]):
        parts = int(min(max(1, round(grain * work[name] / share)), cores, loads.most[name]))
        own = loads.bits(name, parts)
        full = bits + own > memory_bits if memory_bits is not None else np.zeros(cores, bool)
        chosen = np.lexsort((clocks, full))[:parts]
        clocks[chosen] += loads.clocks(name, parts, whole)
        bits[chosen] += own
        placed[name] = tuple(sorted(map(int, chosen)))
    return {name: placed[name] for name in loads.names}


def _changes(loads: Loads, placed: Placed, cores: int) -> Iterator[Placed]:
    """Placements that differ in a part of the busiest core: elsewhere, changed for another, one part more or less."""
    clocks, _ = loads.of_cores(placed, cores)
    busiest = int(clocks.argmax())
    others = [int(core) for core in np.argsort(clocks, kind="stable") if core != busiest]
    here = [name for name, there in placed.items() if busiest in there]
    for name in here:
        rest = tuple(core for core in placed[name] if core != busiest)
        free = [core for core in others if core not in rest]
        for core in free[:4]:
            yield {**placed, name: tuple(sorted((*rest, core)))}
        if free and len(placed[name]) < loads.most[name]:
            yield {**placed, name: tuple(sorted((*placed[name], free[0])))}
        if rest:
            yield {**placed, name: rest}
        for core in others[:4]:
            for other, there in placed.items():
                if core in there and busiest not in there and core not in placed[name]:
                    back = tuple(sorted((*(c for c in there if c != core), busiest)))
                    yield {**placed, name: tuple(sorted((*rest, core))), other: back}

"""Which cores serve which populations, whole or split, if only the number of cores is given."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product
from typing import TYPE_CHECKING

import numpy as np

from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping.loads import Loads, Placed, assumed_events

if TYPE_CHECKING:
    from spikeloom.hdl.mapping.work import Counts

__all__ = ["candidates", "chosen", "judged", "place"]

#: Parts of a population, as multiples of what would give every core the same work.
GRAINS = (0.5, 1.0, 2.0, 4.0)
#: Changes for the better that are taken for each of them, and that are looked at.
ROUNDS, LOOKS = 200, 4000
#: What events can be of beside the input; and bits that a part too many, or a kind too many on a core, is as bad as.
MOST_PARTS, UNFIT = 255, 1e15
#: Steps of a sample, and of short samples together, over which the token model judges a placement.
STEPS = 32
#: Beyond so many channels between parts a placement is judged by its loads alone.
MOST_CHANNELS = 1000
#: How many of the search's placements are judged, and changes of the best one: fewer if they have many synapses, or
#: many channels between parts, each of which takes as long as so many synapses.
FINALISTS, POLISH, POLISHED_SYNAPSES, CHANNEL = 3, 60, 12_000_000, 2000
#: Steps of events that may be kept, those of all populations with which a placement is looked for, and by what share of
#: the clocks more of them must pay, or fewer may cost.
SLOTS, STARTS, GAIN, LOSS = (1, 2, 3, 4), (2, 4), 0.01, 0.002


def place(
    network: Network,
    configuration: Configuration,
    *,
    events: "Counts | None" = None,
    memory_bits: int | None = None,
) -> Configuration:
    """``configuration`` with the cores, cuts and slots that take the fewest clocks per step by the token model.

    events: those of each population as :func:`~spikeloom.hdl.mapping.cost.predict` takes them; by default a tenth of
    the neurons send one in each step. memory_bits: that a core may store. The same arguments give the same placement.
    """
    cores = configuration.cores
    assert isinstance(cores, int)
    if configuration.cuts:
        raise Refusal("cuts: where parts begin can be said only if cores says for every population where its parts are")
    events, slots = _few(network, events), configuration.slots
    if isinstance(slots, int):
        return _placed(network, configuration, cores, events, memory_bits)[1]
    found = []
    for start in STARTS:
        kept = {p.name: start for p in network.populations} | (slots or {})
        started = configuration.model_copy(update={"slots": kept})
        try:
            clocks, placed, many = _placed(network, started, cores, events, memory_bits)
        except Refusal:
            if not found:
                raise
            break  # more events than there is memory for
        if many:
            return placed
        found.append(_with_slots(network, placed, slots or {}, events, clocks, memory_bits))
    return min(found, key=lambda one: one[0] * (1 + GAIN * found.index(one)))[1]


def _placed(
    network: Network, configuration: Configuration, cores: int, events: "Counts", memory_bits: int | None
) -> tuple[float, Configuration, bool]:
    """Its clocks per step, the placement that is found with the slots as they are, and whether judging one takes too
    long for all that may be tried of slots."""
    loads = Loads(network, configuration, _each(network, events))
    tried = candidates(loads, cores, memory_bits)
    # What is wrong with every placement is wrong with this one, and is said as it is.
    judged(network, chosen(configuration, loads, tried["whole"]), events)
    found: list[tuple[float, Placed]] = []
    problems: list[tuple[float, str]] = []

    def judge(placed: Placed) -> None:
        there = [core for own in placed.cores.values() for core in own]
        if loads.strangers(placed) or len(set(there)) < cores or len(there) > MOST_PARTS:
            return
        if loads.channels(placed) > MOST_CHANNELS:
            over, step, _ = _worth(loads, placed, cores, memory_bits)
            if over:
                problems.append((over, f"A core would store more than {memory_bits:,} bits"))
            else:
                found.append((step, placed))
            return
        try:
            found.append((judged(network, chosen(configuration, loads, placed), events, memory_bits), placed))
        except Refusal as refusal:
            problems.append((_worth(loads, placed, cores, memory_bits)[0], str(refusal)))

    for placed in tried.values():
        judge(placed)
    if not found:
        why = min(problems)[1] if problems else f"There is work for fewer, or for more than {MOST_PARTS} parts"
        raise Refusal(f"No placement on {cores} cores fits. {why}")
    judging = loads.synapses + CHANNEL * (loads.channels(min(found, key=lambda one: one[0])[1]) + 10 * len(loads.names))
    left = min(POLISH, POLISHED_SYNAPSES // judging)
    while left > 0:
        clocks, best = min(found, key=lambda one: one[0])
        before = len(found)
        for changed in _changes(loads, best, cores):
            judge(changed)
            left -= 1
            if left <= 0 or (len(found) > before and found[-1][0] < clocks):
                break
        else:
            break
    clocks, best = min(found, key=lambda one: one[0])
    return clocks, chosen(configuration, loads, best), judging * len(loads.sizes) > POLISHED_SYNAPSES


def candidates(loads: Loads, cores: int, memory_bits: int | None = None) -> dict[str, Placed]:
    """Placements by how they were found: whole populations in turn, all split over all cores, and by search."""
    homes = _homes(loads, cores)
    most = {name: min(len(home), loads.slices[name], MOST_PARTS // len(homes)) for name, home in homes.items()}
    there = {name: home[: most[name]] for name, home in homes.items()}
    # Part for part from core to core: all cores have work.
    turn = {name: _turn(homes, name, most) for name in loads.names}
    one = dict.fromkeys(homes, 1)
    whole = Placed(cores={name: _turn(homes, name, one) for name in loads.names}, cuts=dict.fromkeys(loads.names, ()))
    even = Placed(cores=there, cuts={name: loads.even(name, most[name]) for name in loads.names})
    fair = Placed(cores=there, cuts={name: loads.fair(name, most[name]) for name in loads.names})
    spread = Placed(cores=turn, cuts=even.cuts)
    searched = _searched(loads, cores, memory_bits)
    found = sorted(searched, key=lambda placed: _worth(loads, placed, cores, memory_bits))
    several = [placed for k, placed in enumerate(found) if placed not in found[:k]]
    named = {f"search {k + 1}": placed for k, placed in enumerate(several[:FINALISTS])}
    return {"whole": whole, "even": even, "fair": fair, "spread": spread} | named


def _homes(loads: Loads, cores: int) -> dict[str, tuple[int, ...]]:
    """The cores that may serve each population: each kind has its own, as many as its share of the work."""
    alone = Placed(cores=dict.fromkeys(loads.names, (0,)), cuts=dict.fromkeys(loads.names, ()))
    kinds = sorted(set(loads.kinds.values()))
    work, most = dict.fromkeys(kinds, 0.0), dict.fromkeys(kinds, 0)
    for name, kind in loads.kinds.items():
        work[kind] += float(loads.parts(name, alone)[:2].sum())
        most[kind] += loads.slices[name]
    if (parts := sum(most.values())) < cores:
        raise Refusal(
            f"cores: with {loads.lanes} lanes the network has at most {parts} parts, too few for {cores} cores"
        )
    if len(kinds) > cores:
        raise Refusal(
            f"cores: there are {len(kinds)} kinds of neurons that cannot share a core, so at least as many cores are "
            f"needed, not {cores}"
        )
    count = dict.fromkeys(kinds, 1)
    while sum(count.values()) < cores:
        count[max((k for k in kinds if count[k] < most[k]), key=lambda k: work[k] / count[k])] += 1
    first = {kind: sum(count[k] for k in kinds if k < kind) for kind in kinds}
    return {name: tuple(range(first[kind], first[kind] + count[kind])) for name, kind in loads.kinds.items()}


def _turn(homes: dict[str, tuple[int, ...]], name: str, most: dict[str, int]) -> tuple[int, ...]:
    """Cores of the parts of a population that begins where the one before it of its kind ended."""
    home = homes[name]
    before = [other for other in homes if homes[other] == home]
    begin = sum(most[other] for other in before[: before.index(name)])
    return tuple(home[(begin + k) % len(home)] for k in range(most[name]))


def judged(network: Network, configuration: Configuration, events: "Counts", memory_bits: int | None = None) -> float:
    """Clocks per step that the token model predicts; a refusal if a core would store too much."""
    # Mapping by a number of cores is placing.
    from spikeloom.hdl.mapping.capacity import check
    from spikeloom.hdl.mapping.cost import predict
    from spikeloom.hdl.mapping.plan import map_network

    mapping = map_network(network, configuration)
    if memory_bits is not None:
        check(mapping, memory_bits)
    return predict(mapping, events).clocks_per_step


def _few(network: Network, events: "Counts | None") -> "Counts":
    """Of some samples, or assumed ones."""
    if events is None:
        return assumed_events(network)
    samples = max(2, STEPS // next(iter(events.values())).shape[1])
    return {name: np.concatenate([given, given])[:samples, :STEPS] for name, given in events.items()}


def _each(network: Network, events: "Counts") -> dict[str, np.ndarray]:
    """Events of each neuron in a step; where it is not said which fire, all fire as often."""
    return {
        p.name: e.mean(axis=(0, 1)) if (e := events[p.name]).ndim == 3 else np.full(p.size, e.mean() / p.size)
        for p in network.populations
    }


def chosen(configuration: Configuration, loads: Loads, placed: Placed) -> Configuration:
    """A configuration with this placement; its cores are numbered without a gap, as they first occur."""
    number = {core: k for k, core in enumerate(dict.fromkeys(c for there in placed.cores.values() for c in there))}
    cores = {name: [number[core] for core in there] for name, there in placed.cores.items()}
    cuts = {
        name: [loads.slice_sizes[name] * k for k in own]
        for name, own in placed.cuts.items()
        if own != loads.even(name, len(own) + 1)
    }
    return configuration.model_copy(
        update={"cores": {name: there if len(there) > 1 else there[0] for name, there in cores.items()}, "cuts": cuts}
    )


def _with_slots(
    network: Network,
    best: Configuration,
    given: dict[str, int],
    events: "Counts",
    clocks: float,
    memory_bits: int | None,
) -> tuple[float, Configuration]:
    """More steps of events where that pays, and then as few as cost nothing; what was asked for stays."""
    names = [p.name for p in network.populations if p.name not in given]
    for (limit, more), name in product(((1 - GAIN, True), (1 + LOSS, False)), names):
        for slots in SLOTS:
            assert isinstance(best.slots, dict)
            if (slots > best.slots[name]) != more or slots == best.slots[name]:
                continue
            tried = best.model_copy(update={"slots": {**best.slots, name: slots}})
            try:
                found = judged(network, tried, events, memory_bits)
            except Refusal:  # more events than there is memory for
                break
            if found < clocks * limit:
                best, clocks = tried, min(clocks, found)
    return clocks, best


Worth = tuple[float, float, float]


def _worth(loads: Loads, placed: Placed, cores: int, memory_bits: int | None, least: Worth | None = None) -> Worth:
    """Less is better: bits too many; clocks of a step; and then traffic, with what the other cores have to do.

    What is known to be more than ``least`` is not looked at further.
    """
    clocks, both, bits = loads.of_cores(placed, cores)
    over = 0.0 if memory_bits is None else float(np.maximum(bits - memory_bits, 0).sum())
    over += UNFIT * (loads.strangers(placed) + max(0, sum(map(len, placed.cores.values())) - MOST_PARTS))
    if least and (over, clocks.max()) > least[:2]:
        return over, float(clocks.max()), np.inf
    packets = loads.packets(placed)
    return over, loads.step(placed, cores, least[1] if least else np.inf), packets + float((both**2).sum() / both.max())


def _searched(loads: Loads, cores: int, memory_bits: int | None) -> Iterator[Placed]:
    """For each grain, the longest work first to the idlest core, then whatever single change helps."""
    for grain in GRAINS:
        placed = _longest_first(loads, cores, grain, memory_bits)
        worth, looks = _worth(loads, placed, cores, memory_bits), 0
        for _ in range(ROUNDS):
            for other in islice(_changes(loads, placed, cores), LOOKS - looks):
                looks += 1
                found = _worth(loads, other, cores, memory_bits, worth)
                if found < worth:
                    worth, placed = found, other
                    break
            else:
                break
        yield placed


def _longest_first(loads: Loads, cores: int, grain: float, memory_bits: int | None) -> Placed:
    whole = Placed(cores=dict.fromkeys(loads.names, (0,)), cuts=dict.fromkeys(loads.names, ()))
    work = {name: float(loads.parts(name, whole)[:2].sum()) for name in loads.names}
    share = sum(work.values()) / cores
    clocks, bits, homes = np.zeros(cores), np.zeros(cores), _homes(loads, cores)
    placed, cuts = dict(whole.cores), dict(whole.cuts)
    for name in sorted(work, key=lambda name: -work[name]):
        home = np.array(homes[name])
        parts = int(min(max(1, round(grain * work[name] / share)), len(home), loads.slices[name]))
        own = loads.bits(name, 1 / parts)
        full = bits[home] + own > memory_bits if memory_bits is not None else np.zeros(len(home), bool)
        chosen = np.sort(home[np.lexsort((clocks[home], full))[:parts]])
        clocks[chosen] += work[name] / parts
        bits[chosen] += own
        placed[name], cuts[name] = tuple(map(int, chosen)), loads.fair(name, parts)
    return Placed(cores=placed, cuts=cuts)


def _changes(loads: Loads, placed: Placed, cores: int) -> Iterator[Placed]:
    """Placements that differ in a part of the busiest core: elsewhere, changed for another, smaller, or two parts."""
    clocks, both, _ = loads.of_cores(placed, cores)
    order = np.lexsort((both, clocks))
    busiest, idle = int(order[-1]), [int(core) for core in order[:-1][:4]]
    for name, there in placed.cores.items():
        begins = [0, *placed.cuts[name], loads.slices[name]]
        for part in (k for k, core in enumerate(there) if core == busiest):
            for core in idle:
                yield _changed(placed, name, {part: core})
            for at, by in ((part, 1), (part + 1, -1)):
                if 0 < at < len(begins) - 1 and begins[part + 1] - begins[part] > 1:
                    cuts = (*begins[1:at], begins[at] + by, *begins[at + 1 : -1])
                    yield replace(placed, cuts={**placed.cuts, name: cuts})
            if begins[part + 1] - begins[part] > 1 and idle:
                middle = (begins[part] + begins[part + 1]) // 2
                yield Placed(
                    cores={**placed.cores, name: (*there[: part + 1], idle[0], *there[part + 1 :])},
                    cuts={**placed.cuts, name: (*begins[1 : part + 1], middle, *begins[part + 1 : -1])},
                )
            for core in idle:
                for other, those in placed.cores.items():
                    for k in (k for k, one in enumerate(those) if one == core):
                        yield _changed(_changed(placed, name, {part: core}), other, {k: busiest})
        if busiest in there:
            for count in (len(there) + 1, len(there) - 1):
                own = (*there, *(c for c in idle if c not in there))[:count]
                if 1 <= count <= loads.slices[name] and len(own) == count:
                    yield Placed(cores={**placed.cores, name: own}, cuts={**placed.cuts, name: loads.fair(name, count)})


def _changed(placed: Placed, name: str, parts: dict[int, int]) -> Placed:
    there = tuple(parts.get(k, core) for k, core in enumerate(placed.cores[name]))
    return replace(placed, cores={**placed.cores, name: there})

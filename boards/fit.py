"""Whether a network's memories fit a board, and which remedies would really make them fit."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache

from spikeloom.boards import calibration, catalogue, storage
from spikeloom.boards.area import Area
from spikeloom.boards.catalogue import BOARDS, Board
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import Mapping as Mapped
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.placement import place
from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters

__all__ = [
    "LINK_BLOCKS",
    "NAMES",
    "DoesNotFit",
    "block_rams",
    "check_fit",
    "margins",
    "memory_bits",
    "predicted",
    "single_port_bits",
    "too_large",
]

NAMES = {"lut": "logic cells", "ff": "flip-flops", "block_ram": "block RAM", "dsp": "multipliers"}
MEMORY = {"memory_bits": "memory bits", "single_port_bits": "bits of single-port memory"}
MEMORIES = {*MEMORY, "block_ram"}
FEWEST_WEIGHT_BITS = 2
#: Larger boards that are named, the smallest first.
MOST_BOARDS = 3
#: Block RAMs of the host link: what came, and what goes.
LINK_BLOCKS = 2


class DoesNotFit(Refusal):
    """The network is too large for the board."""


def memory_bits(network: Network, configuration: Configuration) -> int:
    """Logical bits of all memories."""
    return sum(storage.by_kind(map_network(network, configuration).parameters).values())


def block_rams(parameters: AcceleratorParameters, board: Board, weight_bits: int | None = None) -> int:
    """Of the board's block RAMs, those that it needs at least; with ``weight_bits``, as if no row were wider."""
    cores = parameters.cores if weight_bits is None else [_narrower(core, weight_bits) for core in parameters.cores]
    link = LINK_BLOCKS if board.transport == "uart" else 0
    return link + sum(sum(storage.core_blocks(core, board.family).values()) for core in cores)


def predicted(parameters: AcceleratorParameters, board: Board, area: Area | None = None) -> dict[str, int | None]:
    """What a design will take of each resource, by the model; None is not known before synthesis.

    Block RAM and multipliers are counted; logic cells and flip-flops are estimates, which :func:`margins` judges.
    area: another model than the one that comes with Spikeloom.
    """
    unknown: dict[str, int | None] = dict.fromkeys(NAMES)
    estimated = (area or calibration.area()).predict(parameters, board) or {}
    return unknown | estimated | {"block_ram": block_rams(parameters, board)}


def margins(board: Board) -> dict[str, float]:
    """By resource that is estimated, the share by which an estimate was off at most, where the truth is known."""
    return {resource: off for (resource, family), off in calibration.worst().items() if family == board.family}


def single_port_bits(parameters: AcceleratorParameters, weight_bits: int | None = None) -> int:
    """Of the whole arrays with one port; ``weight_bits`` as of :func:`block_rams`."""
    cores = parameters.cores if weight_bits is None else [_narrower(core, weight_bits) for core in parameters.cores]
    return sum(map(_single_port_bits, cores))


def _single_port_bits(core: CoreParameters) -> int:
    return storage.single_port_bits((m.entries, m.width) for m in storage.memories(core) if m.single_port)


def _block_bits(parameters: AcceleratorParameters) -> int:
    """Logical bits of all but single-port memory."""
    return sum(bits for kind, bits in storage.by_kind(parameters).items() if kind != storage.SINGLE_PORT)


def _narrower(core: CoreParameters, weight_bits: int) -> CoreParameters:
    scatter = core.scatter
    if scatter:
        scatter = replace(scatter, weight_bits=min(scatter.weight_bits, weight_bits))
    return replace(core, weight_bits=min(core.weight_bits, weight_bits), scatter=scatter)


def check_fit(
    network: Network, configuration: Configuration, board: str | Board, mapping: Mapped | None = None
) -> None:
    """Raise :class:`Refusal` if the memories alone are too large for the board; quick, since nothing is generated."""
    board = catalogue.find(board) if isinstance(board, str) else board
    mapping = mapping or map_network(network, configuration)
    bits, blocks = _block_bits(mapping.parameters), block_rams(mapping.parameters, board)
    single_port = single_port_bits(mapping.parameters)
    if single_port > board.single_port_bits:
        raise too_large(network, configuration, board, {"single_port_bits": (single_port, board.single_port_bits)})
    if bits > board.memory_bits:
        raise too_large(network, configuration, board, {"memory_bits": (bits, board.memory_bits)})
    if blocks > board.resources.block_ram:
        raise too_large(network, configuration, board, {"block_ram": (blocks, board.resources.block_ram)})


def too_large(
    network: Network, configuration: Configuration, board: Board, over: Mapping[str, tuple[int, int]]
) -> DoesNotFit:
    """What to say; ``over``: ``memory_bits``, or a field of ``Resources`` -> (needed, available)."""
    by = ", ".join(
        f"{(NAMES | MEMORY)[name]} {used} of {had} ({used - had} too many)" for name, (used, had) in over.items()
    )
    # What memory needs can be computed; what logic will be needs synthesis.
    help_ = "What would help" if over.keys() <= MEMORIES else "What may help"
    remedies = _remedies(network, configuration, board, over) or ["a smaller network"]
    most = ""
    if over.keys() & MEMORIES:
        mapping = map_network(network, configuration)
        single_port = "single_port_bits" in over
        loaded = _loaded(mapping)
        first, *others = (part for part in storage.stored(mapping) if (part.what in loaded) == single_port)
        several = len(mapping.parameters.cores) > 1
        most = _fullest(mapping, board, single_port) if several else ""
        whose, which = "the network's" if several else "its", "single-port memory" if single_port else "memory"
        most += f"Most of {whose} {which} takes {first.about}, {first.bits} bits"
        most += f", then {others[0].about}, {others[0].bits}. " if others else ". "
        if single_port:
            entries, width = storage.SINGLE_PORT_SHAPE
            most += f"Whole arrays of {entries:,} x {width} bits are counted. "
    return DoesNotFit(f"The network does not fit {board.title}: {by}. {most}{help_}: {', or '.join(remedies)}")


def _loaded(mapping: Mapped) -> set[str]:
    """Projections whose weights are in single-port memory."""
    rows = (r for r in mapping.readers if r.projection and not r.event)
    cores = mapping.parameters.cores
    return {f"{r.source} -> {r.target}" for r in rows if cores[mapping.by_name[r.target].core].single_port}


def _fullest(mapping: Mapped, board: Board, single_port: bool) -> str:
    """The core that takes most of what is too small: single-port memory or block RAM."""
    cores = mapping.parameters.cores
    blocks = [storage.core_blocks(core, board.family) for core in cores]
    taken = [sum(own.values()) for own in blocks]
    if single_port:
        taken = [_single_port_bits(core) for core in cores]
    core = max(range(len(cores)), key=lambda k: taken[k])
    what = f"{taken[core]} bits, in whole arrays"
    if not single_port:
        largest, count = next(iter(blocks[core].items()))
        what = f"{taken[core]} block RAMs, {count} for its memory {largest!r}"
    parts = ", ".join(repr(place.name) for place in mapping.places if place.core == core)
    return f"Core {core} takes most: {what}; it serves {parts}. "


def _remedies(
    network: Network, configuration: Configuration, board: Board, over: Mapping[str, tuple[int, int]]
) -> list[str]:
    @cache
    def hardware(lanes: int, one_slot: bool, weights: str) -> AcceleratorParameters | None:
        candidate = _with_lanes(configuration.model_copy(update={"weights": weights}), lanes)
        return _hardware(network, _one_slot(candidate) if one_slot else candidate)

    here = map_network(network, configuration).parameters
    # What the tools counted beyond what is counted here, they will count again.
    beyond = max(1.0, over.get("block_ram", (0, 0))[0] / block_rams(here, board))

    def fits(candidate: Configuration, weight_bits: int | None = None) -> bool:
        return holds(hardware(candidate.lanes, candidate.slots == 1, candidate.weights), weight_bits)

    def holds(parameters: AcceleratorParameters | None, weight_bits: int | None = None, there: Board = board) -> bool:
        if parameters is None:
            return False
        width = weight_bits and max(min(j.synapses.bits, weight_bits) + j.shift for j in network.projections)
        enough = single_port_bits(parameters, width) <= there.single_port_bits
        enough = enough and (width is not None or _block_bits(parameters) <= there.memory_bits)
        return enough and block_rams(parameters, there, width) * beyond <= there.resources.block_ram

    def lighter(other: AcceleratorParameters) -> bool:
        """With as many times what is predicted as the tools counted here, it has what ran out."""
        now, then = predicted(here, board), predicted(other, board)
        counted = ((now[r], then[r], used, had) for r, (used, had) in over.items() if r in NAMES)
        return all(a and b is not None and b * used <= had * a for a, b, used, had in counted)

    def larger(candidate: Configuration) -> list[Board]:
        parameters = hardware(candidate.lanes, candidate.slots == 1, candidate.weights)
        others = (other for other in BOARDS.values() if other.device != board.device)
        found = [other for other in others if _larger(other, board, over) and holds(parameters, there=other)]
        return sorted(found, key=lambda b: (b.memory_bits, b.resources.lut))[:MOST_BOARDS]

    lanes, width = configuration.lanes, max((j.synapses.bits for j in network.projections), default=0)
    narrower = [_with_lanes(configuration, 1 << n) for n in reversed(range(lanes.bit_length() - 1))]
    fewer_bits = range(width - 1, FEWEST_WEIGHT_BITS - 1, -1)
    cores, remedies = len(here.cores), []
    one_core = _one_core(network, configuration, board) if cores > 1 else None
    usual = board.configuration
    # Where cores were chosen, it is not the configuration alone.
    other = None if usual == configuration or usual.cores != configuration.cores else _hardware(network, usual)
    if other and holds(other) and lighter(other):
        remedies.append("the board's usual configuration (leave out --config)")
    in_blocks = configuration.model_copy(update={"weights": "block"})
    if "single_port_bits" in over and fits(in_blocks):
        remedies.append("'weights: block'")
    single_port = configuration.model_copy(update={"weights": "single-port"})
    if over.keys() & {"memory_bits", "block_ram"} and configuration.weights == "block" and fits(single_port):
        remedies.append("'weights: single-port'")
    if over.keys() & MEMORIES:
        fewer_lanes = next((c.lanes for c in narrower if fits(c)), None)
        smaller = next((b for b in fewer_bits if fits(configuration, b)), None)
        slots = max(configuration.slots_of(p.name) for p in network.populations)
        fewer_slots = slots > 1 and fits(_one_slot(configuration))
        both = next(((c.lanes, b) for b in fewer_bits for c in narrower if fits(c, b)), None)
        if holds(one_core):
            remedies.append(f"fewer cores (1 instead of {cores})")
        if fewer_lanes:
            remedies.append(f"fewer lanes ({fewer_lanes} instead of {lanes})")
        if smaller:
            remedies.append(f"fewer weight bits ({smaller} instead of {width} when converting)")
        if fewer_slots:
            remedies.append(f"fewer slots (1 instead of {slots}, which is slower)")
        if both and not remedies:
            remedies.append(f"{both[0]} lanes instead of {lanes} with {both[1]} weight bits instead of {width}")
        one_slot = [_one_slot(c) for c in (configuration, *narrower)]
        all_three = next(((c.lanes, b) for b in fewer_bits for c in one_slot if fits(c, b)), None)
        if all_three and not remedies:
            remedies.append(f"1 slot, {all_three[0]} lanes and {all_three[1]} weight bits, all at once")
        alone = next((b for b in fewer_bits if holds(one_core, b)), None)
        if alone and not remedies:
            remedies.append(f"1 core instead of {cores} with {alone} weight bits instead of {width}")
    elif over.keys() & {"lut", "ff"}:
        if holds(one_core):
            remedies.append(f"fewer cores than {cores}")
        if any(map(fits, narrower)):
            remedies.append(f"fewer lanes than {lanes}")
    if "dsp" in over and configuration.neuron_units > 1:
        remedies.append(f"fewer neuron units than {configuration.neuron_units}")
    boards, how = larger(configuration), ""
    if not boards and configuration.weights == "single-port" and "'weights: block'" not in remedies:
        boards, how = larger(in_blocks), " with 'weights: block'"
    if boards:
        remedies.append(f"a larger board ({', '.join(b.name for b in boards)}){how}")
    return remedies


def _hardware(network: Network, configuration: Configuration) -> AcceleratorParameters | None:
    with suppress(Refusal):
        return map_network(network, configuration).parameters
    return None  # there is no such hardware


def _one_core(network: Network, configuration: Configuration, board: Board) -> AcceleratorParameters | None:
    """What `--cores 1` would make; placing on more takes too long for a remedy."""
    slots = configuration.slots if isinstance(configuration.slots, int) else None
    alone = configuration.model_copy(update={"cores": 1, "cuts": {}, "slots": slots})
    for bits in ((board.resources.block_ram - LINK_BLOCKS) * board.block_bits, None):
        with suppress(Refusal):  # there is no such hardware
            return map_network(network, place(network, alone, memory_bits=bits)).parameters
    return None


def _with_lanes(configuration: Configuration, lanes: int) -> Configuration:
    units = configuration.units and min(configuration.units, lanes)
    return configuration.model_copy(update={"lanes": lanes, "units": units})


def _one_slot(configuration: Configuration) -> Configuration:
    return configuration.model_copy(update={"slots": 1})


def _larger(other: Board, board: Board, over: Mapping[str, tuple[int, int]]) -> bool:
    """More memory if that ran out, enough of the logic that ran out, and no less of the rest."""
    here, there = asdict(board.resources), asdict(other.resources)
    enough = all(there[r] >= over.get(r, (here[r],))[0] for r in ("lut", "ff"))
    # Without multipliers of its own a device makes them of logic.
    enough = enough and (not there["dsp"] or there["dsp"] >= over.get("dsp", (0,))[0])
    return enough and (not over.keys() & {"memory_bits", "block_ram"} or other.memory_bits > board.memory_bits)

"""Where a network goes on several cores, what that costs, and the mapping file that says so."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from spikeloom.boards import catalogue, storage
from spikeloom.boards.fit import LINK_BLOCKS, check_fit
from spikeloom.files import new_file
from spikeloom.golden import simulate
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import Mapping, map_network
from spikeloom.hdl.mapping.capacity import by_memory, check
from spikeloom.hdl.mapping.cost import Prediction, predict
from spikeloom.hdl.mapping.loads import ASSUMED_RATE, assumed_events
from spikeloom.hdl.mapping.placement import place
from spikeloom.hdl.mapping.work import Counts

if TYPE_CHECKING:
    from spikeloom.golden.data import Data

__all__ = ["CoreUse", "MapReport", "mapped", "placed"]

#: Of the data, from which the prediction is made.
SAMPLES = 8


@dataclass(frozen=True, kw_only=True)
class CoreUse:
    """What a core serves and stores. load: its work as a share of the busiest core's; ``busy``: of all clocks.

    block_rams: of the board, by memory. full: the share that is stored of what it may store; None without a limit.
    """

    parts: tuple[str, ...]
    neurons: int
    bits: int
    memories: dict[str, int]
    block_rams: dict[str, int]
    full: float | None
    load: float
    busy: float


@dataclass(frozen=True, kw_only=True)
class MapReport:
    """A placement. rates: events of each population in a step, ``measured`` on data or assumed. links: packets per step
    over each. block_rams: of the board, those of the host link too, and how many there are."""

    network: str
    configuration: Configuration
    board: str | None
    block_rams: tuple[int, int] | None
    cores: tuple[CoreUse, ...]
    clocks_per_step: float
    links: dict[str, float]
    rates: dict[str, float]
    measured: bool
    output: Path | None = None
    page: Path | None = None

    def summary(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {
            "configuration": self.configuration.model_dump()
        }

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """A row per core under its heads, without columns in which nothing is known."""
        rows = []
        for number, core in enumerate(self.cores):
            largest = ", ".join(f"{name} {bits:,}" for name, bits in list(core.memories.items())[:2])
            blocks = f"{sum(core.block_rams.values()):,}" if self.board else ""
            full = "" if core.full is None else f"{core.full:.0%}"
            row = (str(number), ", ".join(core.parts), f"{core.neurons:,}", f"{core.bits:,}", largest, blocks, full)
            rows.append((*row, f"{core.load:.0%}", f"{core.busy:.0%}"))
        heads = ("core", "serves", "neurons", "bits", "largest memories", "block RAMs", "full", "load", "busy")
        kept = [k for k in range(len(heads)) if any(row[k] for row in rows)]
        return tuple(heads[k] for k in kept), [tuple(row[k] for k in kept) for row in rows]


def placed(
    network: Network,
    configuration: Configuration,
    *,
    events: Counts | None = None,
    memory_bits: int | None = None,
    board: str | None = None,
) -> Configuration:
    """A number of cores as a dictionary that says where every population is, placed for the fewest clocks per step."""
    cores = configuration.cores
    if not isinstance(cores, int):
        return configuration
    limit = memory_bits
    if board is not None and limit is None:
        chosen = catalogue.find(board)
        limit = (chosen.resources.block_ram - LINK_BLOCKS) // cores * chosen.block_bits
    try:
        return place(network, configuration, events=events, memory_bits=limit)
    except Refusal:
        if limit == memory_bits:
            raise
        return place(network, configuration, events=events)  # unequal cores may fit the board all the same


def mapped(
    network: Network,
    configuration: Configuration,
    data: "Data | None" = None,
    memory_bits: int | None = None,
    board: str | None = None,
) -> MapReport:
    """Place the network if the configuration leaves that open, and predict what it costs."""
    events = _events(network, data)
    configuration = placed(network, configuration, events=events, memory_bits=memory_bits, board=board)
    mapping = map_network(network, configuration)
    if memory_bits is not None:
        check(mapping, memory_bits)
    if board is not None:
        check_fit(network, configuration, board, mapping)
    predicted = predict(mapping, events)
    uses = tuple(_uses(mapping, predicted, memory_bits, board))
    blocks = LINK_BLOCKS + sum(sum(use.block_rams.values()) for use in uses)
    return MapReport(
        network=network.hash,
        configuration=configuration.model_copy(update={"cores": _placed(mapping)}),
        board=board,
        block_rams=None if board is None else (blocks, catalogue.find(board).resources.block_ram),
        cores=uses,
        clocks_per_step=round(predicted.clocks_per_step, 1),
        links={str(link): round(packets, 2) for link, packets in predicted.packets.items()},
        rates={name: round(float((e.sum(2) if e.ndim == 3 else e).mean()), 2) for name, e in events.items()},
        measured=data is not None,
    )


def _events(network: Network, data: "Data | None") -> dict[str, np.ndarray]:
    """Who fires in each step, or how many."""
    if data is None:
        return assumed_events(network)
    data.check(network.input, network[network.output])
    x = simulate.check_stimulus(network.input, data.x[:SAMPLES])
    found = {network.input.name: x, **simulate.run(network, x, record="all").events}
    return {name: (e != 0).reshape(*e.shape[:2], -1) for name, e in found.items()}


def _placed(mapping: Mapping) -> dict[str, int | list[int]]:
    lists: dict[str, list[int]] = {}
    for part in mapping.split.parts:
        if (core := mapping.by_name[part.name].core) >= 0:
            lists.setdefault(part.population, []).append(core)
    return {name: there if len(there) > 1 else there[0] for name, there in lists.items()}


def _uses(mapping: Mapping, predicted: Prediction, memory_bits: int | None, board: str | None) -> list[CoreUse]:
    cores = range(len(mapping.parameters.cores))
    work, busy = [0.0 for _ in cores], [0.0 for _ in cores]
    for name, load in predicted.engines.items():
        core = int(name.split(".")[0].removeprefix("core"))
        work[core] = max(work[core], load.busy * sum(load.clocks.values()))
        busy[core] = max(busy[core], load.busy)
    uses = []
    for core in cores:
        here = [place for place in mapping.places if place.core == core]
        memories, blocks, full = by_memory(mapping.parameters.cores[core]), {}, None
        if board is not None:
            chosen = catalogue.find(board)
            blocks = storage.core_blocks(mapping.parameters.cores[core], chosen.family)
            full = sum(blocks.values()) * len(cores) / (chosen.resources.block_ram - LINK_BLOCKS)
        if memory_bits is not None:
            full = sum(memories.values()) / memory_bits
        uses.append(
            CoreUse(
                parts=tuple(place.name for place in here),
                neurons=sum(place.size for place in here),
                bits=sum(memories.values()),
                memories=memories,
                block_rams=blocks,
                full=None if full is None else round(full, 4),
                load=round(work[core] / max(work), 4),
                busy=round(busy[core], 4),
            )
        )
    return uses


def write(report: MapReport, path: Path) -> None:
    """A configuration that says where everything is, for ``--config``."""
    document: MappingType[str, Any] = report.configuration.model_dump(exclude_defaults=True)
    assumed = "" if report.measured else f", if {100 * ASSUMED_RATE:g} % of neurons send an event in a step"
    text = f"# Predicted: {report.clocks_per_step:,} clocks per step{assumed}.\n"
    text += yaml.safe_dump({**document, "cores": report.configuration.cores}, sort_keys=False, allow_unicode=True)
    with new_file(path) as partial:
        partial.write_text(text, "utf-8")

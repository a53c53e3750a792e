"""What a point costs at the first depth: by the model, without generating or building anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spikeloom.boards import catalogue, storage
from spikeloom.boards.board import Board
from spikeloom.boards.fit import single_port_bits
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import Mapping as Mapped
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.cost import pace
from spikeloom.tuning.own_runs import Costs, shipped
from spikeloom.tuning.source import Integers, Source, integers, placed
from spikeloom.tuning.space import CLOCK, Point, hardware_of, quantisation_of

__all__ = ["Estimate", "estimate", "estimates"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """figures: by name, as in ``tuning.figures``; without those that are not known. refused: why there is no such
    hardware, else empty."""

    figures: Mapping[str, float]
    refused: str = ""


def estimates(source: Source, board: str, points: Sequence[Point], costs: Costs | None = None) -> list[Estimate]:
    """The points one by one; what a worker is asked for. costs: by default of the runs that come with Spikeloom."""
    return [estimate(source, board, point, costs) for point in points]


def estimate(source: Source, board: str, point: Point, costs: Costs | None = None) -> Estimate:
    chosen = catalogue.find(board)
    try:
        made = integers(source, quantisation_of(point))
        configuration = placed(source, made.network, hardware_of(point))
        figures = modelled(made, configuration, chosen, point.get(CLOCK), costs)
    except Refusal as refusal:
        return Estimate(figures={}, refused=str(refusal))
    return Estimate(figures=figures)


def modelled(
    made: Integers,
    configuration: Configuration,
    board: Board,
    clock_mhz: float | None = None,
    costs: Costs | None = None,
) -> dict[str, float]:
    """All figures of a design by the model."""
    mapping = map_network(made.network, configuration)
    clocks = pace(mapping, made.events, made.followed)
    return quality(made) | timed(clocks, clock_mhz or board.core_hz / 1e6) | area(mapping, board, costs or shipped())


def quality(made: Integers) -> dict[str, float]:
    accuracy = {} if made.accuracy is None else {"accuracy": made.accuracy}
    return {**accuracy, "agreement": made.agreement}


def timed(clocks: float, clock_mhz: float) -> dict[str, float]:
    latency = clocks / clock_mhz
    return {"clocks": clocks, "clock": clock_mhz, "latency": latency, "rate": 1e6 / latency}


def area(mapping: Mapped, board: Board, costs: Costs) -> dict[str, float]:
    p = mapping.parameters
    needs = costs.needs(p, board)
    found = {name: needs[resource] for name, resource in (("lut", "lut"), ("ff", "ff"), ("dsp", "dsp"))}
    found |= {"bram": needs["block_ram"], "spram": single_port_bits(p), "memory": sum(storage.by_kind(p).values())}
    found |= {"fmax": costs.fmax(p, board, needs["lut"])}
    return {name: float(value) for name, value in found.items() if value is not None}

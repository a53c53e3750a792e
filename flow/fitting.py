"""Every board of the catalogue, and with a network how much of each board it takes; by the model, without synthesis."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from spikeloom.boards.board import Board
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.fit import NAMES, margins, predicted, single_port_bits
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import Mapping as Mapped
from spikeloom.hdl.mapping import map_network

__all__ = ["Fit", "Offer", "offers"]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a network fits a board.

    fits:  None if there is no such hardware; ``about`` says why, or what is too small or nearly so.
    lanes: the board's usual ones, or the configuration's.
    needs: resource -> (needed, of how many); None is not known before synthesis. Where the board has some, also
           ``single_port_bits``, in whole arrays.
    margins: resource that is estimated -> the share by which the estimate may be off, as far as is known.
    """

    fits: bool | None
    about: str
    lanes: int
    needs: Mapping[str, tuple[int | None, int]]
    margins: Mapping[str, float] = field(default_factory=dict)

    @property
    def shares(self) -> dict[str, float | None]:
        return {
            name: None if used is None else used / of if of else float(used > 0)
            for name, (used, of) in self.needs.items()
        }


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A board. flow: the ``open`` tools make its bitstream, or the ``vendor``'s. page: about it, in the repository."""

    name: str
    title: str
    device: str
    family: str
    flow: str
    memory_bits: int
    single_port_bits: int
    core_mhz: float
    host: str
    page: str
    fit: Fit | None

    @property
    def tightest(self) -> float:
        shares = [share for share in self.fit.shares.values() if share is not None] if self.fit else []
        return max(shares, default=0.0)


def offers(network: Network | None = None, configuration: Configuration | None = None) -> tuple[Offer, ...]:
    """Every board; with a network those that it fits come first, the tightest of them before the others.

    configuration: of the network's hardware, on every board; without one each board has its usual one.
    """

    made: dict[str, Mapped] = {}

    def mapped(chosen: Configuration) -> Mapped:
        assert network is not None
        key = chosen.model_dump_json()
        if key not in made:
            made[key] = map_network(network, chosen)
        return made[key]

    def offer(board: Board) -> Offer:
        family = FAMILIES[board.family]
        return Offer(
            name=board.name,
            title=board.title,
            device=board.device,
            family=family.title,
            flow=family.flow,
            memory_bits=board.memory_bits,
            single_port_bits=board.single_port_bits,
            core_mhz=board.core_hz / 1e6,
            host=board.host,
            page=f"docs/boards/{board.name}.md",
            fit=None if network is None else _fit(board, configuration or board.configuration, mapped),
        )

    found = tuple(map(offer, BOARDS.values()))
    if network is None:
        return found
    return tuple(sorted(found, key=lambda one: (not (one.fit and one.fit.fits), -one.tightest)))


def _fit(board: Board, configuration: Configuration, mapped: Callable[[Configuration], Mapped]) -> Fit:
    available, lanes = asdict(board.resources), configuration.lanes
    try:
        parameters = mapped(configuration).parameters
    except Refusal as refusal:
        return Fit(
            fits=None, about=str(refusal), lanes=lanes, needs={name: (None, of) for name, of in available.items()}
        )
    needs = {name: (used, available[name]) for name, used in predicted(parameters, board).items()}
    off = {name: share for name, share in margins(board).items() if needs[name][0] is not None}
    over = [name for name, (used, of) in needs.items() if used is not None and used > of]
    about = [_needed(name, needs, off) for name in over]
    single_port = (single_port_bits(parameters), board.single_port_bits)
    if single_port[0] > single_port[1]:
        about.append(f"bits of single-port memory: {single_port[0]:,} of {single_port[1]:,}")
    fits = not about
    about += [
        _needed(name, needs, off)
        for name in off
        if name not in over and needs[name][0] * (1 + off[name]) > needs[name][1]
    ]
    if any(single_port):
        needs["single_port_bits"] = single_port
    return Fit(fits=fits, about="; ".join(about), lanes=lanes, needs=needs, margins=off)


def _needed(name: str, needs: Mapping[str, tuple[int | None, int]], off: Mapping[str, float]) -> str:
    used, of = needs[name]
    estimate = f", an estimate that may be {off[name]:.0%} off" if name in off else ""
    return f"{NAMES[name]}: {'~' if name in off else ''}{used:,} of {of:,}{estimate}"

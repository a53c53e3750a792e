"""A case in a process of its own, forked from one that has everything imported; the parent watches what it does.

A case may end in two ways: it is accepted, or it is refused with a :class:`Refusal`. All else is a failure: any other
exception, an end by a signal or without a word, no end, memory that the system does not give, and every write but
those in the folder that it was given. A refusal leaves that folder as it was.
"""

import contextlib
import faulthandler
import hashlib
import json
import os
import select
import signal
import stat
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from spikeloom.golden.network import Refusal
from spikeloom.trust.check import Unable
from spikeloom.trust.hostile.material import Case, write

__all__ = ["Outcome", "attempt"]

#: Of the processor, and by the clock: what no sound case comes near.
CPU_SECONDS, WALL_SECONDS = 60, 180
#: Beyond what the parent has.
MEMORY_BYTES = 2 << 30
FILE_BYTES = 1 << 27
#: Of a message. Nobody reads more.
LONGEST_MESSAGE = 20_000
#: Calls that change files, and which of their arguments are paths.
WRITES = {
    "os.mkdir": (0,),
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.utime": (0,),
}
#: Where a call says relative to which open folder its path is.
FOLDERS = {"os.mkdir": 2, "os.remove": 1, "os.rmdir": 1, "os.rename": 2, "os.chmod": 2}
FORBIDDEN = ("pickle.find_class", "os.system", "socket.connect", "os.exec", "os.posix_spawn")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """verdict: "accepted", "refused" or "failed". mb: beyond what the server has. imported: modules, meanwhile."""

    verdict: str
    message: str
    seconds: float
    mb: float
    imported: tuple[str, ...] = ()


def attempt(case: Case, road: Callable[[Path], None], root: Path) -> Outcome:
    """Let the files of a case go a road, in the empty folder ``root/case``. Everything under ``root`` is watched."""
    if not hasattr(os, "fork"):
        raise Unable("Hostile files are tried in forked processes, which this system does not have")
    folder, outside = root / "case", root / "outside"
    with contextlib.ExitStack() as stack:
        for name in ("case", "outside", "tmp", "home"):
            (root / name).mkdir(parents=True)
            stack.callback(_remove, root / name)
        (outside / "precious.txt").write_text("precious\n")
        write(case.files, folder)
        before = _snapshot(root)
        said = stack.enter_context(tempfile.TemporaryFile(dir=root.parent))
        outcome = _watched(lambda: road(folder), root, said.fileno())
        after = _snapshot(root)
        return _judged(outcome, before, after)


def _judged(outcome: Outcome, before: dict[str, str], after: dict[str, str]) -> Outcome:
    """Beside what the process says of itself, what became of the files."""
    if outcome.verdict == "failed":
        return outcome
    changed = [p for p in sorted(before.keys() | after.keys()) if before.get(p) != after.get(p)]
    outside = [p for p in changed if not p.startswith(("case/", "home/"))]
    left = [p for p in changed if p.startswith("case/")] if outcome.verdict == "refused" else []
    if not (outside or left):
        return outcome
    text = f"changed {outside[0]}" if outside else f"was refused and left {left[0]}"
    return Outcome(verdict="failed", message=f"{text} ({outcome.message})", seconds=outcome.seconds, mb=outcome.mb)


def _snapshot(root: Path) -> dict[str, str]:
    """Every path under ``root``, and what is there."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                what = f"link to {path.readlink()}"
            elif stat.S_ISREG(mode):
                what = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                what = oct(stat.S_IFMT(mode))
            found[str(path.relative_to(root))] = what
    return found


def _remove(path: Path) -> None:
    for folder, folders, files in os.walk(path, topdown=False):
        for name in files:
            Path(folder, name).unlink()
        for name in folders:
            inner = Path(folder, name)
            inner.unlink() if inner.is_symlink() else inner.rmdir()
    path.rmdir()


# The parent ----------------------------------------------------------------------------------------------------------


def _watched(work: Callable[[], None], root: Path, said: int) -> Outcome:
    reader, writer = os.pipe()
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(work, root, said, writer)
    os.close(writer)
    answer, late = b"", False
    try:
        while True:
            ready, _, _ = select.select([reader], [], [], max(0.0, start + WALL_SECONDS - time.monotonic()))
            late = not ready
            part = os.read(reader, 1 << 16) if ready else b""
            answer += part
            if not part:
                break
    finally:
        os.close(reader)
        if late:
            _kill(pid)
        _, status = os.waitpid(pid, 0)
        _kill(pid)  # whatever it started
    seconds = time.monotonic() - start
    said_nothing = f"no end within {WALL_SECONDS} s" if late else f"ended {_end(status)} and said nothing"
    document = {"verdict": "failed", "message": said_nothing, "mb": 0.0, "imported": ()}
    if not late:
        with contextlib.suppress(ValueError):
            document = json.loads(answer)
    return Outcome(**{**document, "imported": tuple(document["imported"])}, seconds=round(seconds, 3))


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _end(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return f"with {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    return f"with {signal.Signals(number).name}" if number in set(signal.Signals) else f"with signal {number}"


# The child -----------------------------------------------------------------------------------------------------------


def _child(work: Callable[[], None], root: Path, said: int, writer: int) -> NoReturn:
    """Never returns, and never unwinds what the parent has on its stack."""
    code = 1
    try:
        os.setsid()
        faulthandler.disable()
        _surroundings(root, said)
        wrong = _Watch(root)
        base, known = _peak_mb(), set(sys.modules)
        verdict, message = _result(work)
        wrong.on = False
        if wrong.seen:
            verdict, message = "failed", wrong.seen[0]
        mb, imported = round(max(0.0, _peak_mb() - base), 1), sorted(sys.modules.keys() - known)
        answer = json.dumps({"verdict": verdict, "message": message, "mb": mb, "imported": imported})
        with open(writer, "w", encoding="utf-8") as pipe:
            pipe.write(answer)
        code = 0
    finally:
        os._exit(code)


def _surroundings(root: Path, said: int) -> None:
    import resource

    os.chdir(root / "case")
    with Path(os.devnull).open("r+b") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    os.dup2(said, 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115, its descriptor
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.dont_write_bytecode = True
    for name in ("TMPDIR", "TMP", "TEMP"):
        os.environ[name] = str(root / "tmp")
    tempfile.tempdir = None
    os.environ |= {
        "HOME": str(root / "home"),
        "XDG_CACHE_HOME": str(root / "home"),
        "OPENFPGALOADER": str(root / "no-such-tool"),  # no board is ever loaded
        "COLUMNS": "200",
    }
    limits = {
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    with contextlib.suppress(OSError):  # not on every system
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits[resource.RLIMIT_AS] = pages * resource.getpagesize() + MEMORY_BYTES
    for what, most in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def _peak_mb() -> float:
    import resource

    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6


def _result(work: Callable[[], None]) -> tuple[str, str]:
    try:
        work()
        return "accepted", ""
    except Refusal as refusal:
        text = str(refusal)
        if problem := _unreadable(text):
            return "failed", f"a message {problem}: {text[:300]!a}"
        return "refused", text
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if "spikeloom" in f.filename or "hostile" not in f.filename][-1:] or frames[-1:]
        where = "".join(f" at {Path(f.filename).name}:{f.lineno}" for f in own)
        return "failed", f"{type(error).__name__}: {str(error)[:300]!a}{where}"


def _unreadable(text: str) -> str | None:
    if not text.strip():
        return "without a word"
    if len(text) > LONGEST_MESSAGE:
        return f"of {len(text)} characters"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "that cannot be printed"
    return None


class _Watch:
    """Hears of every file that Python opens or changes. What is not the case's own is remembered."""

    def __init__(self, root: Path) -> None:
        self.own = tuple(f"{os.path.realpath(root / name)}/" for name in ("case", "tmp", "home"))
        self.seen: list[str] = []
        self.on = True
        sys.addaudithook(self._heard)

    def _heard(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in FORBIDDEN:
            self.seen.append(f"{event} was called")
        elif event == "open":
            path, _, flags = given
            if isinstance(path, str | bytes) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
                self._wrote(os.path.realpath(os.fsdecode(path)))
        elif event in WRITES:
            base = ""
            if (at := FOLDERS.get(event)) is not None and len(given) > at and given[at] not in (-1, None):
                with contextlib.suppress(OSError):
                    base = os.readlink(f"/proc/self/fd/{given[at]}")  # noqa: PTH115, a link that is no path
            for number in WRITES[event]:
                if isinstance(given[number], str | bytes):
                    path = os.path.join(base, os.fsdecode(given[number]))  # noqa: PTH118, also of absolute ones
                    parent, name = os.path.split(path)
                    self._wrote(f"{os.path.realpath(parent or '.')}/{name}")

    def _wrote(self, path: str) -> None:
        if not f"{path}/".startswith(self.own) and path != os.devnull:
            self.seen.append(f"wrote outside its folder: {os.path.relpath(path, self.own[0])}")

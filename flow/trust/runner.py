"""Runs the parts of checks, each in a process of its own, and counts the figures from what they bring home."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from spikeloom.bench.cache import digest, reached, sources
from spikeloom.bench.results import versions
from spikeloom.files import new_file
from spikeloom.golden.network import Refusal
from spikeloom.trust.check import Check, Figure, Row
from spikeloom.trust.checks import check_of

__all__ = ["Outcome", "Part", "before", "outcome", "parts_of", "run", "work"]

ROOMS = ("golden", "hdl", "sim", "boards", "trust")
#: After which a part counts as hanging: quick and full.
LIMIT_SECONDS = (1500, 30_000)
#: Told (part, done, total) as parts go on.
Said = Callable[["Part", int, int], object]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a check, and what came of it: rows, or an error, or why it cannot run here."""

    check: str
    name: str
    rows: dict[str, list[Row]] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    unable: str = ""
    trace: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a check found. state: "held", "failed", "unable" to run here, or "open" where parts did not run."""

    check: Check
    parts: tuple[Part, ...]
    missing: tuple[str, ...]
    rows: dict[str, list[Row]]
    cases: int
    figures: tuple[Figure, ...]
    problems: tuple[str, ...]

    def missed(self, figure: Figure) -> bool:
        """Where parts did not run, only the faults that others found count: all other bounds are for all parts."""
        some = self.missing or any(part.unable for part in self.parts)
        return not figure.ok and (not some or figure.most == 0)

    @property
    def state(self) -> str:
        if self.problems or any(map(self.missed, self.figures)):
            return "failed"
        if any(part.unable for part in self.parts):
            return "unable"
        return "open" if self.missing else "held"

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)


@cache
def code(check: str) -> str:
    """Hash of all that a check's results rest on; what was found before it changed is not shown."""
    whole = [sources(f"spikeloom.{room}") for room in ROOMS] if check_of(check).whole else []
    return digest([whole, reached(f"spikeloom.trust.{check}"), sorted(versions().items())])


def parts_of(name: str, full: bool) -> tuple[str, ...]:
    names = tuple(check_of(name).parts(full))
    if not names or len(set(names)) < len(names):
        raise Refusal(f"The check {name} must have parts, each with a name of its own, not {names}")
    return names


def _place(folder: Path, check: str, part: str) -> Path:
    safe = "".join(c if c.isalnum() else "-" for c in part)
    return folder / "parts" / f"{check}.{safe}.{digest(part)[:6]}.json"


def known(folder: Path, check: str, part: str, stamp: str) -> Part | None:
    """The rows that the part brought home before, if the code is still the same and the file whole."""
    try:
        document = json.loads(_place(folder, check, part).read_text("utf-8"))
        found = document["part"]
        whole = document["digest"] == digest([stamp, check, part, found])
        return Part(**found) if whole and not found["error"] and not found["unable"] else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def before(folder: Path, parts: Iterable[Part]) -> list[Part]:
    """Those of the parts that are known already."""
    return [found for part in parts if (found := known(folder, part.check, part.name, code(part.check)))]


def work(part: Part, full: bool, said: Said, *, earlier: Path | None = None, limit: float | None = None) -> Part:
    """Run one part to its end, in a process of its own and a folder of its own. earlier: what it brought home last."""
    start = time.monotonic()
    limit = limit or LIMIT_SECONDS[full]
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as scratch:
        own, answer, log = Path(scratch) / "own", Path(scratch) / "answer.json", Path(scratch) / "log"
        own.mkdir()
        words = [part.check, part.name, str(own), str(answer), str(earlier or ""), *(["full"] if full else [])]
        command = [sys.executable, "-P", "-m", "spikeloom.trust.part", *words]
        with (
            log.open("w") as errors,
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True) as it,
        ):
            ended = "" if _follow(it, part, said, start + limit) else f"it did not end in {limit:.0f} s"
        try:
            document: dict[str, Any] = json.loads(answer.read_text("utf-8"))
        except (OSError, ValueError):
            lines = log.read_text("utf-8", errors="replace").strip().splitlines()
            ended = ended or f"its process ended with status {it.returncode} and no answer"
            document = {"error": f"{ended}{f' ({lines[-1].strip()})' if lines else ''}"}
    seconds = round(time.monotonic() - start, 1)
    return Part(check=part.check, name=part.name, seconds=seconds, **document)


def _follow(process: subprocess.Popen[str], part: Part, said: Said, until: float) -> bool:
    """Pass on what it says until it ends; whether it did so in time."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(max(0.0, until - time.monotonic()), stop)
    timer.start()
    try:
        assert process.stdout
        for line in process.stdout:
            match line.split():
                case [done, total] if done.isdigit() and total.isdigit():
                    said(part, int(done), int(total))
        process.wait()
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()
    return not late.is_set()


def run(wanted: Sequence[Part], folder: Path, *, full: bool, workers: int, again: bool, said: Said) -> Iterator[Part]:
    """The parts as they end, ``workers`` at a time; those that are known come first and are not run.

    again: all are, and know nothing of what they brought home before.
    """
    stamps, todo = {part.check: code(part.check) for part in wanted}, []
    for part in wanted:
        found = None if again else known(folder, part.check, part.name, stamps[part.check])
        if found is None:
            todo.append(part)
        else:
            yield found
    # Those that run tests or commands are few and long; at the end, they would keep one worker alone.
    todo.sort(key=lambda part: not check_of(part.check).whole)
    with ThreadPoolExecutor(workers) as pool:
        files = [None if again else _place(folder, part.check, part.name).absolute() for part in todo]
        futures = [pool.submit(work, part, full, said, earlier=file) for part, file in zip(todo, files, strict=True)]
        try:
            for future in as_completed(futures):
                part = future.result()
                content = vars(part)
                whole = digest([stamps[part.check], part.check, part.name, content])
                with new_file(_place(folder, part.check, part.name)) as partial:
                    partial.write_text(json.dumps({"part": content, "digest": whole}), "utf-8")
                yield part
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def outcome(check: Check, parts: Iterable[Part], names: Sequence[str], full: bool) -> Outcome:
    """Count a check's figures from the rows of the parts that ran."""
    found = {part.name: part for part in parts if part.check == check.name}
    ran = tuple(found[name] for name in names if name in found)
    rows: dict[str, list[Row]] = {}
    for part in ran:
        for title, some in part.rows.items():
            rows.setdefault(title, []).extend(some)
    problems = [f"{part.name}: {part.error}" for part in ran if part.error]
    problems += [f"{part.name}: {part.unable}" for part in ran if part.unable and os.environ.get("CI") == "true"]
    cases, figures = 0, ()
    if rows:
        try:
            cases, figures = check.cases(rows), tuple(check.figures(rows, full))
        except Exception as error:
            problems.append(f"its figures cannot be counted ({type(error).__name__}: {error})")
    missing = tuple(name for name in names if name not in found)
    whole = ran and not missing and not any(part.unable for part in ran)
    if whole and not problems and not cases:
        problems.append("no case was tried")
    if whole and (stray := sorted({figure.of for figure in figures} - rows.keys())):
        problems.append(f"there is no list {stray[0]!r} that a figure is counted from")
    return Outcome(
        check=check,
        parts=ran,
        missing=missing,
        rows=rows,
        cases=cases,
        figures=figures,
        problems=tuple(problems),
    )

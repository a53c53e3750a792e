"""Files as strangers may send them: every kind that is read, changed in many ways, each in a process of its own."""

import contextlib
import gc
import importlib
import re
from collections.abc import Sequence
from pathlib import Path

from spikeloom.trust.check import Check, Figure, Job, Row, Rows
from spikeloom.trust.hostile import material
from spikeloom.trust.hostile.kinds import KINDS, FileKind, Seeds, case
from spikeloom.trust.hostile.material import Case
from spikeloom.trust.hostile.roads import ROADS
from spikeloom.trust.hostile.server import Outcome, attempt

__all__ = ["CHECK", "KEPT", "attempt_all", "replay"]

#: Cases that failed once, as documents; tried first for ever.
KEPT = Path("tests/hostile")
VERDICTS = ("accepted", "refused", "failed")
#: So many times as many files in the full run.
FULL = 25
FILES, SOUND, FAILED, MESSAGES, AGAIN = "files", "sound files", "failures", "refusals", "files that failed once"


def run(part: str, job: Job) -> Rows:
    """One kind of files: the sound ones, those that failed once, and new ones."""
    kind = KINDS[part]
    seeds = _seeds(kind, job.folder / "seeds")
    sound = [_sound(kind, name, seeds, job.folder / "tried") for name in seeds]
    again = [
        {"file": kind.name, "case": path.stem, **_told(replay(path, job.folder / "tried"))}
        for path in sorted(KEPT.glob("*.json"))
        if material.load(path).kind == kind.name
    ]
    count = kind.files * (FULL if job.full else 1)
    gc.freeze()  # so that no child copies what it only looks at
    return {SOUND: sound, AGAIN: again, **attempt_all(kind, seeds, count, job)}


def replay(path: Path, root: Path) -> Outcome:
    """A case that was kept, tried again."""
    kept = material.load(path)
    return attempt(kept, ROADS[kept.road], root)


def _seeds(kind: FileKind, folder: Path) -> Seeds:
    folder.mkdir(parents=True)
    return kind.seeds(folder)


def _sound(kind: FileKind, name: str, seeds: Seeds, root: Path) -> Row:
    """Files without a fault go every road, and what was imported there is imported here, once for all cases."""
    outcomes = {}
    for road in dict.fromkeys((*kind.roads, *kind.others)):
        outcomes[road] = attempt(Case(kind=kind.name, road=road, files=seeds[name]), ROADS[road], root)
        for module in outcomes[road].imported:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
    wrong = {road: o.message for road, o in outcomes.items() if o.verdict != "accepted" and road not in UNSURE}
    return {"file": kind.name, "sound": name, "roads": len(outcomes), "not accepted": "; ".join(wrong.values())}


#: Roads whose end depends on what is installed.
UNSURE = ("flash", "spikeloom flash")


def attempt_all(kind: FileKind, seeds: Seeds, count: int, job: Job) -> Rows:
    """The first ``count`` cases of a kind: rows by what was changed, failures one by one, refusals by their text."""
    by_change: dict[str, list[Outcome]] = {}
    messages: dict[str, list[int]] = {}
    failed: dict[str, tuple[Case, Outcome]] = {}
    failures: list[Row] = []
    for number in range(count):
        tried = case(kind, seeds, number)
        outcome = attempt(tried, ROADS[tried.road], job.folder / "tried")
        by_change.setdefault(tried.change, []).append(outcome)
        if outcome.verdict == "refused":
            messages.setdefault(_pattern(outcome.message), []).append(number)
        if outcome.verdict == "failed":
            like = _pattern(outcome.message)
            failures.append({"file": kind.name, "number": number, "changed": tried.change, "what": outcome.message})
            if like not in failed or tried.bytes < failed[like][0].bytes:
                failed[like] = tried, outcome
        job.progress(number + 1, count)
    for tried, outcome in failed.values():
        _keep(tried, outcome, job.folder)
    return {
        FILES: [
            {
                "file": kind.name,
                "changed": change,
                "files": len(outcomes),
                **{
                    verdict: sum(o.verdict == verdict for o in outcomes)
                    for verdict in ("accepted", "refused", "failed")
                },
                "slowest_seconds": max(o.seconds for o in outcomes),
                "largest_mb": max(o.mb for o in outcomes),
            }
            for change, outcomes in by_change.items()
        ],
        FAILED: failures,
        MESSAGES: [
            {"file": kind.name, "refusal": text, "files": len(numbers), "first": numbers[0]}
            for text, numbers in sorted(messages.items())
        ],
    }


def _told(outcome: Outcome) -> Row:
    return {"verdict": outcome.verdict, "message": outcome.message}


def _keep(tried: Case, outcome: Outcome, folder: Path) -> Path:
    """Where it is replayed from for ever; without the tests at hand, in the check's own folder."""
    place = KEPT if KEPT.parent.is_dir() else folder
    words = re.sub(r"[^a-z0-9]+", "-", f"{tried.kind} {tried.change}".lower()).strip("-")
    path = place / f"{words}-{tried.number}.json"
    tried.save(path, outcome.message)
    return path


def _pattern(message: str) -> str:
    """A message without what differs from file to file."""
    text = re.sub(r"(/[\w.-]+)+/(?=[\w.-]+)", "", " ".join(message.split()))
    text = re.sub(r"""(?<!\w)(['"])(?:(?!\1).)*\1(?!\w)""", "'...'", text)
    return re.sub(r"-?\d[\d.,]*(?:e[+-]?\d+)?", "N", text)[:300]


def cases(rows: Rows) -> int:
    return sum(row["files"] for row in rows.get(FILES, ()))


def figures(rows: Rows, full: bool) -> Sequence[Figure]:
    wanted = sum(kind.files for kind in KINDS.values()) * (FULL if full else 1)
    files, failed = rows.get(FILES, ()), rows.get(FAILED, ())

    def none(what: str, listed: Sequence[Row], of: str) -> Figure:
        return Figure(what=what, value=len(listed), of=of, most=0)

    sound, again = rows.get(SOUND, ()), rows.get(AGAIN, ())
    return (
        Figure(what="hostile files tried", value=sum(row["files"] for row in files), of=FILES, least=wanted),
        none("crashes, hangs, tracebacks, writes elsewhere", failed, FAILED),
        Figure(what="refused", value=sum(row["refused"] for row in files), of=FILES, least=1),
        Figure(what="accepted, as what was changed did no harm", value=sum(row["accepted"] for row in files), of=FILES),
        none("sound files that were not accepted", [row for row in sound if row["not accepted"]], SOUND),
        none("that failed once and fail again", [row for row in again if row["verdict"] == "failed"], AGAIN),
    )


CHECK = Check(
    name="hostile",
    title="Hostile input",
    about="Sound files of every kind that is read are changed: bytes, archives, HDF5, YAML and JSON by structure, "
    "folders with links and pipes. Each goes a user's road in a forked process of its own, with limits on memory and "
    "time. It must be accepted, or refused with one message; nothing may be written outside the folder, and a refusal "
    "leaves the folder as it was.",
    parts=lambda full: tuple(KINDS),
    run=run,
    cases=cases,
    figures=figures,
    needs=lambda: None,
)

"""The same bytes, whatever surrounds the program; and nothing in the sources that a stranger's file could misuse."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikeloom.golden.network import Refusal
from spikeloom.trust.check import Check, Figure, Job, Row, Rows, Unable
from spikeloom.trust.reproducible.designs import DESIGNS

__all__ = ["CHECK", "compared", "lacking", "misused", "packages"]

ROOMS = ("flow", "golden", "hdl", "sim", "boards")
SAME, LOCK, RULES, EXCEPTIONS, CALLS = "designs made again", "locked packages", "rules", "exceptions", "calls"
Files = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """about: for people. way: of saying the same (:data:`~spikeloom.trust.reproducible.designs.WAYS`)."""

    about: str
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "made"
    umask: int = 0o022
    way: str = "as usual"


USUAL = Surroundings(about="as usual", environment={"PYTHONHASHSEED": "0"})
CROWD = {"OMP_NUM_THREADS": "1", "SOURCE_DATE_EPOCH": "1", "USER": "somebody", "COLUMNS": "40", "NO_COLOR": "1"}
PARTS: dict[str, tuple[Surroundings, ...]] = {
    "hash seeds": tuple(
        Surroundings(about=f"hash seed {seed}", environment={"PYTHONHASHSEED": seed}) for seed in ("1", "4294967295")
    ),
    "surroundings": (
        Surroundings(
            about="another folder, time zone, language, mask and environment",
            environment=CROWD | {"LC_ALL": "C", "LANG": "tr_TR", "TZ": "Pacific/Chatham", "PYTHONOPTIMIZE": "0"},
            folder="a folder/mit Leerzeichen/und ümläut",
            umask=0o077,
        ),
        Surroundings(about="the designs in the opposite order, options too", way="backwards"),
    ),
    "inputs": (
        Surroundings(about="parameters and configuration named in another order", way="reordered"),
        Surroundings(about="the network stored, read, stored and read", way="stored"),
    ),
}


def run(part: str, job: Job) -> Rows:
    if part == "sources":
        return _sources()
    base = _made(USUAL, job.folder / "usual")
    if part == "wheel":
        place = _wheel(job.folder / "wheel")
        others = {"from the wheel": _made(USUAL, job.folder / "from-wheel", place)}
    else:
        others = {}
        for number, surroundings in enumerate(PARTS[part], 1):
            others[surroundings.about] = _made(surroundings, job.folder / str(number))
            job.progress(number, len(PARTS[part]))
    return {SAME: [row for about, found in others.items() for row in compared(about, base, found)]}


# Designs -------------------------------------------------------------------------------------------------------------


def _made(surroundings: Surroundings, place: Path, package: Path | None = None) -> Files:
    """Hashes of what a process makes in these surroundings; package: where it finds spikeloom, if not here."""
    folder = place / surroundings.folder
    folder.mkdir(parents=True)
    environment = {**os.environ, **surroundings.environment}
    if package is not None:
        environment["PYTHONPATH"] = str(package)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "spikeloom.trust.reproducible.designs", folder.absolute(), surroundings.way],
        cwd=folder,
        env=environment,
        umask=surroundings.umask,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise Refusal(f"{surroundings.about}: the designs could not be made: {done.stderr.strip()[-500:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if package is not None and not Path(answer["from"]).is_relative_to(package):
        raise Refusal(f"the designs were not made by the wheel, but by {answer['from']}")
    return answer["files"]


def compared(about: str, base: Files, found: Files) -> list[Row]:
    """A row for each design that should have been made."""
    rows = []
    for name in sorted(base.keys() | found.keys()):
        one, other = base.get(name, {}), found.get(name, {})
        differ = [file for file in sorted(one.keys() | other.keys()) if one.get(file) != other.get(file)]
        rows.append(
            {
                "surroundings": about,
                "design": name,
                "files": len(one),
                "verilog_sha256": one.get("accelerator.v", "")[:12],
                "differ": ", ".join(differ),
            }
        )
    return rows


def _wheel(place: Path) -> Path:
    """The package as it is installed from a wheel; built from a copy, since building leaves files."""
    if not Path("pyproject.toml").is_file():
        raise Unable("A wheel is built from the repository; run this in it")
    source = place / "source"
    for name in (*ROOMS, "pyproject.toml", "README.md", "LICENSE"):
        ignored = shutil.ignore_patterns("__pycache__")
        if Path(name).is_dir():
            shutil.copytree(name, source / name, ignore=ignored)
        else:
            shutil.copyfile(name, source / name)
    target = place / "installed"
    command = [*(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")]
    command += ["--disable-pip-version-check", "--no-index", "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unable(f"The wheel cannot be built: {done.stderr.strip()[-500:]}")
    return target.resolve()


# Sources -------------------------------------------------------------------------------------------------------------


def _sources() -> Rows:
    if not Path("pyproject.toml").is_file():
        raise Unable("The sources are looked at in the repository; run this in it")
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
    lock = Path("requirements.lock").read_text("utf-8")
    locked = packages(lock)
    rules, exceptions = _rules(project)
    return {
        LOCK: [*locked, *lacking(project, locked)],
        RULES: rules,
        EXCEPTIONS: exceptions,
        CALLS: [
            {"file": str(path), "problems": "; ".join(misused(path.read_text("utf-8")))}
            for room in (*ROOMS, "docs")
            for path in sorted(Path(room).rglob("*.py"))
        ],
    }


def packages(lock: str) -> list[Row]:
    """Every package of a lock file, with how many files of it are known by their hashes."""
    found = []
    for entry in re.split(r"\n(?=\S)", lock.replace("\\\n", " ")):
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+)", entry):
            hashes = len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry))
            found.append({"package": match[1], "version": match[2], "hashes": hashes, "problem": ""})
        elif entry.strip() and not entry.startswith("#"):
            found.append({"package": entry.split()[0], "version": "", "hashes": 0, "problem": "is no exact version"})
    for row in found:
        if not row["hashes"]:
            row["problem"] = row["problem"] or "has no hash"
    return found


def lacking(project: Mapping[str, Any], locked: Sequence[Row]) -> list[Row]:
    """What the project asks for and the lock does not have; the environment for training is not locked."""
    from packaging.requirements import Requirement

    about = project["project"]
    extras = about["optional-dependencies"]
    asked = [*about["dependencies"], *extras["dev"], *extras["docs"]]
    versions = {_plain(row["package"]): row["version"] for row in locked}
    found = []
    for requirement in map(Requirement, asked):
        version = versions.get(_plain(requirement.name), "")
        if not version or not requirement.specifier.contains(version, prereleases=True):
            problem = f"is {version}, not {requirement.specifier}" if version else "is not in the lock"
            found.append({"package": requirement.name, "version": version, "hashes": 0, "problem": problem})
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _rules(project: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """ruff's security rules that are off for whole folders, and every line that is excepted from one."""
    lint = project["tool"]["ruff"]["lint"]
    text = Path("pyproject.toml").read_text("utf-8")
    off = {rule: "everywhere" for rule in lint["ignore"] if re.fullmatch(r"S\d*", rule)}
    off |= {
        rule: files
        for files, rules in lint["per-file-ignores"].items()
        for rule in rules
        if re.fullmatch(r"S\d*", rule)
    }
    found = _ruff()
    rules = [
        {"rule": "S", "where": "everywhere", "state": "on" if "S" in lint["select"] else "OFF", "why": "", "found": 0}
    ]
    for rule, where in off.items():
        why = re.search(rf'"{rule}",? *# *(\S.*)', text)
        count = sum(row["code"] == rule for row in found)
        state = "off" if len(rule) == 4 else "OFF"  # a whole family of rules
        rules.append({"rule": rule, "where": where, "state": state, "why": why[1] if why else "", "found": count})
    exceptions = []
    for row in found:
        if row["code"] in off:
            continue
        path, line = Path(row["filename"]), row["location"]["row"]
        lines = path.read_text("utf-8").splitlines()
        comment = next((m for k in range(line - 1, row["end_location"]["row"]) if (m := NOQA.search(lines[k]))), None)
        exceptions.append(
            {
                "place": f"{os.path.relpath(path)}:{line}",
                "rule": row["code"],
                "excepted": comment is not None and row["code"] in comment["codes"],
                "why": comment["why"].strip(" ,") if comment else "",
            }
        )
    return rules, exceptions


NOQA = re.compile(r"# noqa:(?P<codes>(?:[ ,]+[A-Z]+\d+)+)(?P<why>.*)")


def _ruff() -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "ruff", "check", "--select", "S", "--ignore-noqa", "--output-format", "json"]
    done = subprocess.run([*command, *ROOMS, "tests", "docs"], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise Unable(f"ruff does not run: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


FORBIDDEN = ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib")
CALLED = ("eval", "exec", "__import__", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load", "pickle.loads")


def misused(source: str) -> Iterator[str]:
    """Imports and calls by which data becomes code."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (f"line {node.lineno}: imports {n}" for n in names if n.split(".")[0] in FORBIDDEN)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in CALLED:
                yield f"line {node.lineno}: calls {called}"
            for word in node.keywords:
                if word.arg in ("shell", "allow_pickle") and not (
                    isinstance(word.value, ast.Constant) and word.value.value is False
                ):
                    yield f"line {node.lineno}: {called} with {word.arg}"
        if re.search(r"#\s*(ruff: *noqa|flake8: *noqa)", source):
            yield "a whole file is excepted from rules"
            return


def _justified(rule: Row) -> bool:
    return rule["state"] == "on" or (rule["state"] == "off" and bool(rule["why"]))


def cases(rows: Rows) -> int:
    return sum(len(listed) for listed in rows.values())


def figures(rows: Rows, full: bool) -> Sequence[Figure]:
    same, lock, rules = rows.get(SAME, ()), rows.get(LOCK, ()), rows.get(RULES, ())
    exceptions, calls = rows.get(EXCEPTIONS, ()), rows.get(CALLS, ())
    ways = {row["surroundings"] for row in same}

    def none(what: str, found: Sequence[Row], of: str) -> Figure:
        return Figure(what=what, value=len(found), of=of, most=0)

    return (
        Figure(what="designs", value=len({row["design"] for row in same}), of=SAME, least=len(DESIGNS)),
        Figure(what="ways in which each was made again", value=len(ways), of=SAME, least=7),
        none(
            "designs of which a file came out otherwise",
            [row for row in same if row["differ"] or not row["files"]],
            SAME,
        ),
        Figure(what="packages locked", value=len(lock), of=LOCK, least=1),
        none("packages without a hash, or not locked as asked", [row for row in lock if row["problem"]], LOCK),
        none("security rules that are off without a reason", [r for r in rules if not _justified(r)], RULES),
        none(
            "lines against a rule without a reason",
            [e for e in exceptions if not (e["excepted"] and e["why"])],
            EXCEPTIONS,
        ),
        none("files in which data may become code", [row for row in calls if row["problems"]], CALLS),
    )


CHECK = Check(
    name="reproducible",
    title="Reproducible and clean",
    about="A dozen designs are made again in other processes: with other hash seeds, folders, time zones, languages, "
    "masks and environments, with everything named in another order, from stored networks, and from the wheel. Every "
    "file must be the same. The sources are searched for what makes code of data, and ruff's security rules must be "
    "on: what is excepted from one is listed with its reason. Every locked package must have a hash.",
    parts=lambda full: (*PARTS, "wheel", "sources"),
    run=run,
    cases=cases,
    figures=figures,
    needs=lambda: None,
    whole=True,
)

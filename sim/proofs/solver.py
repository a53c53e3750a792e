"""Questions to ABC: can the output of an and-inverter graph ever be 1?"""

import re
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from spikeloom.golden.network import Refusal
from spikeloom.sim.proofs import graph

__all__ = ["Answer", "never", "sometime"]

STATUS = re.compile(r"^Status = (-?\d+) +Frames = (-?\d+)", re.MULTILINE)
AT = re.compile(r"asserted in frame (\d+)")


@dataclass(frozen=True)
class Answer:
    """happens: None where the solver gave up. method: how it knows. clock: in which it happens; trace: how."""

    happens: bool | None
    method: str
    clock: int | None = None
    trace: str = ""


def _abc(path: Path, *commands: str, timeout: float) -> str:
    spec = find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise Refusal("Yosys is missing; install it with: pip install pyosys")
    program = str(Path(spec.submodule_search_locations[0]) / "yosys-abc")
    command = [program, "-q", "; ".join([f"read_aiger {path.name}", *commands])]
    try:
        done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return ""
    except (OSError, subprocess.CalledProcessError) as error:
        raise Refusal(f"ABC does not run ({error}); reinstall pyosys") from None
    return done.stdout


def sometime(path: Path, *, clocks: int, seconds: float) -> Answer:
    """Whether it happens within so many clocks."""
    trace = path.with_suffix(".trace")
    said = _abc(path, f"bmc3 -F {clocks} -T {seconds:.0f}", "print_status", f"write_cex -n -f {trace.name}",
                timeout=2 * seconds + 10)  # fmt: skip
    method = f"{clocks} clocks"
    if found := AT.search(said):
        return Answer(True, method, int(found[1]), _readable(trace.read_text()))
    status = STATUS.search(said)
    return Answer(False if status and int(status[2]) == clocks - 1 else None, method)


def never(
    path: Path, *, bounded: bool = False, clocks: int = 0, traced: bool = True, options: str = "", seconds: float
) -> Answer:
    """Whether it happens at all, or in the first ``clocks``, if there are any.

    bounded: the graph has no loop, so that its depth in clocks shows everything. traced: it is also shown how it
    happens as early as may be. options: of ABC's ``pdr``.
    """
    if clocks:
        return replace(sometime(path, clocks=clocks, seconds=seconds), method=f"first {clocks} clocks")
    if bounded:
        depth = graph.depth(path)
        if depth is None:
            raise ValueError(f"{path.name} has a loop, so no number of clocks shows everything")
        return replace(sometime(path, clocks=depth + 1, seconds=seconds), method=f"all {depth + 1} clocks")
    reduced = path.with_suffix(".reduced.aig")
    reduced.unlink(missing_ok=True)
    _abc(path, "scorr", "dc2", "scorr -F 3", f"write_aiger {reduced.name}", timeout=seconds)
    if reduced.exists() and graph.is_zero(reduced):
        return Answer(False, "induction")
    if not reduced.exists():
        reduced = path
    said = _abc(reduced, f"pdr {options} -T {seconds:.0f}", "print_status", timeout=2 * seconds + 10)
    if found := AT.search(said):
        happens = Answer(True, "pdr", int(found[1]))
        shown = sometime(path, clocks=int(found[1]) + 1, seconds=seconds) if traced else happens
        return shown if shown.happens else happens
    status = STATUS.search(said)
    return Answer(False if status and status[1] == "1" else None, "pdr")


def _readable(trace: str) -> str:
    """ABC's values bit by bit as a line per signal and a column per clock; initial values are those of clock 0."""
    values: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for word in trace.split():
        found = re.fullmatch(r"(?!init:|!|n\d+@)(.+?)(?:\[(\d+)\])?@(\d+)=([01])", word)
        if found:
            name, bit, clock, value = found.groups()
            values[name][int(clock)] += int(value) << int(bit or 0)
    width = max(map(len, values), default=0)
    return "\n".join(
        f"{name:{width}} " + " ".join(f"{v:3x}" for _, v in sorted(c.items())) for name, c in values.items()
    )

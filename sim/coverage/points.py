"""Verilator's coverage file as points: what was looked at, of which component, and how often it was there."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["Point", "Tally", "component"]

#: What Verilator makes of a character that its own names cannot have.
ESCAPED = re.compile(r"__0([0-9A-Fa-f]{2})")
#: Yosys numbers what has the same name in a module.
NUMBER = re.compile(r"\$\d+$")
#: In every block that Yosys writes, so that simulators run it at time 0: never true.
TRIGGER = "$auto$verilog_backend"


class Point(NamedTuple):
    """kind: "line", "toggle" or "bin". what: of a line its text and what of it; of a toggle the bit and its edge."""

    kind: str
    component: str
    what: str


def component(path: str) -> str:
    """The kind of component that an instance is: "core.neuron_units.unit" for ``core0.neuron_units.unit1``."""
    return ".".join(re.sub(r"(\$\d+|\d+)*$", "", name) for name in path.split("."))


class Tally:
    """What Verilator counted in several runs of one executable."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._counts: list[int] = []

    def add(self, path: Path) -> None:
        """One more ``coverage.dat``."""
        with path.open(encoding="utf-8") as file:
            keys, counts = zip(*(line[3:].rsplit("' ", 1) for line in file if line.startswith("C '")), strict=True)
        if self._keys and list(keys) != self._keys:
            raise ValueError(f"{path}: of another executable than those before")
        self._keys = list(keys)
        self._counts = [a + int(b) for a, b in zip(self._counts or [0] * len(keys), counts, strict=True)]

    def points(self, verilog: Mapping[str, Path], top: str, design: str) -> Counter[Point]:
        """The points of the instance ``top`` and below it, and all bins; instances of one kind of component are one.

        Of signals, those count that have a name in the design, in every module that they go through, and not once more
        for each field. So do blocks of Verilog and the ways of each condition, whatever they are called: of one design
        alone, since others have other text.

        verilog: the text of what is below an instance of ``top``, "" for all the rest. design: for the names of lines.
        """
        texts = {below: file.read_text("ascii").splitlines() for below, file in verilog.items()}
        found = [dict(field.split("\2", 1) for field in key.split("\1")[1:]) for key in self._keys]
        points: Counter[Point] = Counter()
        names = _names(found)
        for fields, count in zip(found, self._counts, strict=True):
            kind, place = fields["page"].split("/")[0].removeprefix("v_"), fields["h"]
            below = place.removeprefix(top).removeprefix(".")
            of = component(below) or "(top)"
            if kind == "user":
                points[Point("bin", "", fields["o"])] += count
            elif place != top and not place.startswith(f"{top}."):
                continue
            elif kind == "toggle":
                signal = _signal(fields["o"])
                name = names.get((place, signal))
                if name and fields["o"].count("[") < 2:  # the words of a memory are no signals
                    points[Point("toggle", of, name + fields["o"][len(signal) :])] += count
            else:
                lines = texts.get(below.split(".")[0], texts.get("", []))
                text, following = (lines[k].strip() for k in (int(fields["l"]) - 1, int(fields["l"])))
                if TRIGGER not in text:
                    text = f"{text} {following}" if fields["o"] == "case" else text
                    points[Point("line", of, f"{design}, line {fields['l']}, {fields['o']}: {text}")] += count
        return points


def _signal(what: str) -> str:
    return what.split("[")[0].split(":")[0]


def _names(found: Iterable[dict[str, str]]) -> dict[tuple[str, str], str]:
    """Per instance and signal as Verilator calls it, its name in the design; those without one are left out.

    Several of one name are numbered in the order in which they came into being, whatever their numbers are. What has no
    bits is a range down to -1 in Verilog, and left out.
    """
    found = [fields for fields in found if fields["page"].startswith("v_toggle")]
    empty = {(fields["h"], _signal(fields["o"])) for fields in found if "[-1]" in fields["o"]}
    alike: dict[tuple[str, str], set[tuple[int, str]]] = defaultdict(set)
    for fields in found:
        signal = _signal(fields["o"])
        if (fields["h"], signal) not in empty:
            name = ESCAPED.sub(lambda match: chr(int(match[1], 16)), signal)
            number = NUMBER.search(name)
            plain = name[: number.start()] if number else name
            if plain and "$" not in plain and "." not in plain:
                alike[fields["h"], plain].add((int(number[0][1:]) if number else -1, signal))
    return {
        (place, signal): f"{plain}#{rank}" if rank else plain
        for (place, plain), signals in alike.items()
        for rank, (_, signal) in enumerate(sorted(signals))
    }

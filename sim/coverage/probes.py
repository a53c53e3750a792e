"""A module beside the bench that looks into the design, which stays as it was generated."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spikeloom.sim.coverage.bins import Bin

__all__ = ["Probes", "modules", "probes"]

MODULE = re.compile(r"module (?:\\(\S+) |(\w+))")
NAMED = re.compile(r"  (?:input|output|reg|wire) (?:signed )?(?:\[(\d+):0\] )?(?:\\(\S+) |(\w+))")
WIDTH = re.compile(r"\{([^{}:]+):w\}")
#: With bits of it that are meant, which Verilog does not know of a signal that is one bit.
REFERENCE = re.compile(r"\{([^{}:]+)\}(\[[^\]]*\])?")

WATCH = """
    logic [{most}:0] seen = 0;
    longint unsigned clock = 0;
    always @(posedge clk) begin
        clock <= clock + 1;
{firsts}
    end
"""

#: Signals of an instance with their widths, the oldest of a name first.
Signals = Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Probes:
    """verilog: the module ``coverage``, bound to the bench. places: of each of its labels, the bin and the instance."""

    verilog: str
    places: Mapping[str, tuple[Bin, str]]


def modules(verilog: str, top: str) -> dict[str, Signals]:
    """The instances of a generated design by path, "" for ``top``, with their signals: Yosys names a module by it."""
    found: dict[str, dict[str, int]] = {}
    for line in verilog.splitlines():
        if match := MODULE.match(line):
            path = (match[1] or match[2]).removeprefix(top).removeprefix(".")
            signals = found[path] = {}
        elif match := NAMED.match(line):
            signals[match[2] or match[3]] = int(match[1] or 0) + 1
    return found


def probes(bins: Sequence[Bin], verilog: str, *, design: str, bench: str, watched: bool = False) -> Probes:
    """design: the module at the top of ``verilog``. bench: the module that has it as ``dut``.

    watched: a simulation prints the first clock in which each label is hit.
    """
    instances = modules(verilog, design)
    places: dict[str, tuple[Bin, str]] = {}
    covers, firsts = [], []
    for bin_ in bins:
        for path in instances:
            if re.fullmatch(bin_.of, _plain(path)) and (when := _resolved(bin_.when, path, instances, f"{bench}.dut")):
                label = f"bin{len(places)}"
                covers.append(f"    {label}: cover property (@(posedge clk) {when});")
                firsts.append(f"        if (!seen[{len(places)}] && ({when})) begin")
                firsts.append(f'            $display("first {label} %0d", clock);')
                firsts.append(f"            seen[{len(places)}] <= 1;")
                firsts.append("        end")
                places[label] = bin_, _plain(path)
    text = [
        "module coverage(input logic clk);",
        '    import "DPI-C" function void write_coverage();',
        "    final write_coverage();",
        *covers,
        *(WATCH.format(most=len(places), firsts="\n".join(firsts)).splitlines() if watched else ()),
        "endmodule",
        f"bind {bench} coverage coverage_of_all (.clk(clk));",
    ]
    return Probes(verilog="\n".join(text) + "\n", places=places)


def _plain(path: str) -> str:
    """Without Yosys' numbers."""
    return re.sub(r"\$\d+", "", path)


def _resolved(when: str, path: str, design: Mapping[str, Signals], dut: str) -> str | None:
    """The expression with its references as they are from outside; None if one is not there."""
    found = {name: _signal(name, path, design) for name in re.findall(r"\{([^{}:]+)(?::w)?\}", when)}
    if None in found.values():
        return None
    widths = {name: design[place][signal] for name, (place, signal) in found.items()}

    def reference(match: re.Match[str]) -> str:
        place, signal = found[match[1]]
        names = [*(step for step in place.split(".") if step), signal]
        return ".".join([dut, *(f"\\{name} " for name in names)]) + (match[2] or "" if widths[match[1]] > 1 else "")

    return REFERENCE.sub(reference, WIDTH.sub(lambda match: str(widths[match[1]]), when))


def _signal(reference: str, path: str, design: Mapping[str, Signals]) -> tuple[str, str] | None:
    """The instance and the name of what a reference means, seen from ``path``."""
    *steps, name = reference.split("/")
    for step in steps:
        if step == "^":
            path = path.rpartition(".")[0]
            continue
        below = f"{path}.{step}" if path else step
        path = next((other for other in design if _plain(other) == below), "?")
    if path not in design:
        return None
    whole, _, field = name.partition(".")
    name, _, rank = whole.partition("#")
    numbered = re.compile(re.escape(name) + r"(?:\$(\d+))?" + re.escape(f".{field}" if field else ""))
    alike = sorted((int(m[1] or -1), signal) for signal in design[path] if (m := numbered.fullmatch(signal)))
    index = -1 if rank == "last" else int(rank or 0)
    return (path, alike[index][1]) if index < len(alike) and alike else None

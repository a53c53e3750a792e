"""Mutants of a Verilog design by Yosys' ``mutate``: all in one text, each switched on by its number."""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spikeloom.golden.network import Refusal
from spikeloom.sim.yosys import run_yosys

__all__ = ["FULL", "Mutant", "Mutants", "memories", "mutate", "plusargs"]

#: Dead logic goes first, bit by bit: what is mutated there would show nowhere.
FLAT = (
    "read_verilog right.v",
    "hierarchy -top {top}",
    "proc",
    "flatten",
    "opt -full",
    "wreduce",
    "splitcells",
    "opt -full",
    "opt_clean",
)
#: A mutant drives some bits of a signal that others drive the rest of. Where it also reads one of these, simulators see
#: a loop, and Verilator 5.048 then forgot a change of the signal; so each is split by who drives it.
WRITTEN = ("opt_clean", "splitnets -driver", "write_verilog -noattr mutants.v")
MODES = {
    "inv": "inverted",
    "const0": "always 0",
    "const1": "always 1",
    "cnot0": "inverted where bit {ctrlbit} is 0",
    "cnot1": "inverted where bit {ctrlbit} is 1",
}
#: What Yosys calls what it makes of an ``always`` block.
KINDS = {"procdff": "register", "auto": "register", "procmux": "choice", "ternary": "choice"}
#: Ports without mutants: with another clock it is another design, and ``mutate`` forgets what a register starts with
#: where it changes its output. Registers have mutants at their inputs, and where they are read.
PORTS = {"CLK", "Q"}
#: So many are drawn for each that is wanted, as most are in other places.
DRAWN = 40
CONTROL = "mutant"
#: With it the words of the counters begin with 32 bits that are 1: no simulation counts so far.
FULL = "full"
COUNTER = re.compile(
    r"^  cell \$mux (\S+)\n    .*\n.*\n    connect \\B 0\n    connect \\S \\counters.first\n", re.MULTILINE
)
CELL = re.compile(r"^  cell \S+ (\S+)\n(.*?)^  end$", re.MULTILINE | re.DOTALL)
WIRE = re.compile(r"^  wire (?:width (\d+) )?.*?([\\$]\S+)$", re.MULTILINE)
#: Of a signal: a constant, of 32 bits if it is a number, or a wire or some of its bits.
PART = re.compile(r"(?<!\S)(-?\d+)(?!\S)|(\d+)'([01xz-]+)|([\\$]\S+)(?: \[([\d:]+)\])?")
START = re.compile(r"^ *cell \$meminit\w* (\S+)$", re.MULTILINE)
IMAGE = re.compile(r'^  initial (\$readmemh\("[^"]+", (\w+)\);)\n', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A fault: ``place`` is the instance it is in, ``what`` is wrong there, ``line`` the Verilog that it is wrong in.

    command: makes it of the flat design.
    """

    number: int
    place: str
    what: str
    line: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Mutants:
    """verilog: in place of the design, with all mutants; none is on unless ``+mutant=NUMBER`` says so.

    flat: the design ``top`` that they were made of, as RTLIL, with memories that hold nothing.
    """

    top: str
    verilog: str
    flat: str
    mutants: tuple[Mutant, ...]


def plusargs(number: int) -> tuple[str, ...]:
    return (f"+{CONTROL}={number}",)


def mutate(
    verilog: str,
    top: str,
    *,
    within: Callable[[str], bool],
    count: int,
    seed: int,
    first: int = 1,
    last: int | None = None,
) -> Mutants:
    """``count`` mutants in those places, instances as "core0.scheduler" or "top"; the same for the same seed.

    first, last: the numbers of those that are made.
    """
    images = {name: statement for statement, name in IMAGE.findall(verilog)}
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        (folder / "right.v").write_text(IMAGE.sub("\n", verilog))
        run_yosys(
            folder,
            *(step.format(top=top) for step in FLAT),
            "write_rtlil right.il",
            f"mutate -list {DRAWN * count} -seed {seed} -o drawn",
        )
        text, flat = (folder / "right.v").read_text(), (folder / "right.il").read_text()
        places, lines = _places(text, top), text.splitlines()
        starts = set(START.findall(flat))
        constants = _constants(flat)
        mutants: list[Mutant] = []
        for command in (folder / "drawn").read_text().splitlines():
            mutant = _mutant(command, len(mutants) + 1, places, lines, starts)
            if mutant and not _idle(command, constants) and within(mutant.place) and len(mutants) < count:
                mutants.append(mutant)
        if len(mutants) < count:
            raise Refusal(f"Of {DRAWN * count} mutants only {len(mutants)} are in the block, {count} are wanted")
        mutants = mutants[first - 1 : last]
        control = f"mutate -ctrl {CONTROL} 32"
        commands = [m.command.replace("mutate", f"{control} {m.number}", 1) for m in mutants]
        commands += [
            f"mutate -ctrl {FULL} 1 1 -mode inv -module {top} -cell {cell} -port B -portbit {bit}"
            for cell in COUNTER.findall(flat)
            for bit in range(32)
        ]
        run_yosys(folder, "read_rtlil right.il", *commands, *WRITTEN)
        text = (folder / "mutants.v").read_text().split("*/", 1)[1].lstrip()
    return Mutants(top=top, verilog=_switched(_filled(text, images)), flat=flat, mutants=tuple(mutants))


def memories(verilog: str, top: str) -> set[str]:
    """The instances that are memories and nothing else."""
    modules = re.findall(r"^module \\?([^\s(]+)(.*?)^endmodule", verilog, re.MULTILINE | re.DOTALL)
    found = (name for name, text in modules if re.search(r"^  reg \[\d+:0\] \w+ \[\d+:0\];", text, re.MULTILINE))
    return {name.removeprefix(top).removeprefix(".") for name in found}


def _places(text: str, top: str) -> list[str]:
    """The instance whose module each line is in; there is one of each module."""
    places, now = [], ""
    for line in text.splitlines():
        if found := re.match(r"module \\?([^\s(]+)", line):
            now = found[1].removeprefix(top).removeprefix(".")
        places.append(now)
    return places


def _mutant(command: str, number: int, places: list[str], lines: list[str], starts: set[str]) -> Mutant | None:
    """None if its port has none, or it is nowhere in the text. starts: cells that say what memories start with."""
    words = command.split()
    found = {name: value for name, value in zip(words[1::2], words[2::2], strict=True) if name != "-src"}
    origins = re.findall(r"-src right\.v:(\d+)", command)
    port = found["-port"].lstrip("\\")
    always = port == "EN" and "$memrd$" in found["-cell"]  # of a port that is read at any time
    if port in PORTS or always or not origins or found["-cell"] in starts:
        return None
    line = int(origins[-1]) - 1  # the cell's; the wire's comes before
    kinds = [KINDS.get(kind, kind) for kind in re.findall(r"\$([a-z]\w*)\$", found["-cell"])]
    wrong = MODES[found["-mode"]].format(ctrlbit=found.get("-ctrlbit"))
    return Mutant(
        number=number,
        place=places[line] or "top",
        what=f"bit {found['-portbit']} of {port} of the {kinds[-1] if kinds else 'cell'} {wrong}",
        line=lines[line].strip(),
        command=command,
    )


def _constants(flat: str) -> dict[tuple[str, str], str]:
    """Of each input of each cell its bits, the first one last: 0, 1, or a dot for what is not always the same."""
    widths = {name: int(width or 1) for width, name in WIRE.findall(flat)}

    def bits(part: re.Match[str]) -> str:
        number, width, constant, name, place = part.groups()
        if number:
            return f"{int(number) % (1 << 32):032b}"
        if constant:
            return constant.rjust(int(width), "0" if constant[0] in "01" else constant[0])
        high, _, low = (place or "").partition(":")
        return "." * (int(high) - int(low or high) + 1 if place else widths[name])

    return {
        (cell, port): "".join(map(bits, PART.finditer(value)))
        for cell, text in CELL.findall(flat)
        for port, value in re.findall(r"^    connect \\(\w+) (.*)$", text, re.MULTILINE)
    }


def _idle(command: str, constants: dict[tuple[str, str], str]) -> bool:
    """It is the design itself: a bit that is always 0 is always 0, or is inverted where what never happens does."""
    found = dict(re.findall(r"-(mode|cell|port|portbit|ctrlbit) (\S+)", command))
    bits = constants[found["cell"], found["port"].lstrip("\\")][::-1]
    same = {"const0": "0", "const1": "1"}.get(found["mode"])
    never = {"cnot0": "1", "cnot1": "0"}.get(found["mode"])
    return bits[int(found["portbit"])] == same or (never is not None and bits[int(found["ctrlbit"])] == never)


def _filled(text: str, images: dict[str, str]) -> str:
    """With the memories' contents read from files again."""

    def read(match: re.Match[str]) -> str:
        path, name = match["path"] or "", match["name"]
        if name not in images:
            return match[0]
        return f"{match[0]}  initial {images.pop(name).replace(f', {name})', f', {path}{name} )')}\n"

    text = re.sub(
        r"^  reg \[\d+:0\] (?P<path>\\(?:\S+\.)?)?(?P<name>\w+) +\[\d+:0\];\n", read, text, flags=re.MULTILINE
    )
    if images:
        raise ValueError(f"There is no memory for the images of {', '.join(images)}")
    return text


def _switched(text: str) -> str:
    """What is switched on is no port, but said when a simulation starts."""
    for name, bits in ((CONTROL, "[31:0] "), (FULL, "")):
        text = re.sub(rf"^(module [^(]+\(.*), {name}(?=[,)])", r"\1", text, flags=re.MULTILINE)
        register = f'  reg {bits}{name};\n  initial if (!$value$plusargs("{name}=%d", {name})) {name} = 0;\n'
        port = rf"^  input {re.escape(bits)}{name};\n  wire {re.escape(bits)}{name};\n"
        text = re.sub(port, register, text, flags=re.MULTILINE)
    return text

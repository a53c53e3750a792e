"""Two flat designs beside each other without their memories, and without registers that are far from where they differ:
what is read there is anything, but the same for both; what is written there is an output."""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["around", "beside", "cut", "driven", "lane", "reached"]

CELL = re.compile(r"^  cell \$(memrd|memwr)(?:_v2)? (\S+)\n(.*?)^  end\n", re.MULTILINE | re.DOTALL)
SIGNAL = re.compile(r"[\\$]\S+")
PORT = re.compile(r"^  wire (?:width (\d+) )?(input|output) (\d+) \\(\S+)$", re.MULTILINE)
REGISTER = re.compile(r"^  cell \$dff \S+\n(.*?)^  end\n", re.MULTILINE | re.DOTALL)
MEMORY = re.compile(r"^(?:  attribute .*\n)*  memory .*\n", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Port:
    name: str
    width: int
    output: bool


def cut(rtlil: str, cells: Sequence[str] | None = None) -> tuple[str, list[str]]:
    """With ports in place of the memories' ports, and the cells that these were; the same cells, the same names."""
    cells = cells if cells is not None else sorted(found[2] for found in CELL.finditer(rtlil))
    numbers = {cell: number for number, cell in enumerate(cells)}
    first = 1 + max((int(found[3]) for found in PORT.finditer(rtlil)), default=0)
    ids = iter(range(first, first + 3 * len(cells)))

    def opened(found: re.Match[str]) -> str:
        kind, cell, text = found.groups()
        widths = {name: int(value) for name, value in re.findall(r"parameter \\(ABITS|WIDTH) (\d+)", text)}
        signals = dict(re.findall(r"connect \\(\w+) (.*)\n", text))
        assert kind == "memwr" or not re.search(r"parameter \\CLK_ENABLE .*1", text), "memories are read at once"
        name = f"{'read' if kind == 'memrd' else 'write'}{numbers[cell]}"
        what = {"ADDR": widths["ABITS"], "DATA": widths["WIDTH"]} | ({"EN": widths["WIDTH"]} if kind != "memrd" else {})
        lines = []
        for part, width in what.items():
            given = kind == "memrd" and part == "DATA"
            port = rf"\{name}_{part}"
            lines.append(f"  wire width {width} {'input' if given else 'output'} {next(ids)} {port}\n")
            lines.append(f"  connect {signals[part]} {port}\n" if given else f"  connect {port} {signals[part]}\n")
        return "".join(lines)

    # An attribute before a cell is then its first wire's, which does no harm.
    return MEMORY.sub("", CELL.sub(opened, rtlil)), list(cells)


def around(rtlil: str, place: str) -> str:
    """With ports in place of all registers outside an instance. rtlil: of which all registers are ``$dff``."""
    first = 1 + max((int(found[3]) for found in PORT.finditer(rtlil)), default=0)
    outside = [
        state
        for state in re.findall(r"connect \\Q (\\.*)\n", "".join(REGISTER.findall(rtlil)))
        if not state.startswith(f"\\{place}.")
    ]
    numbers = {state: number for number, state in enumerate(sorted(outside))}

    def opened(found: re.Match[str]) -> str:
        signals = dict(re.findall(r"connect \\(\w+) (.*)\n", found[1]))
        if (number := numbers.get(signals["Q"])) is None:
            return found[0]
        width = re.findall(r"parameter \\WIDTH (\d+)", found[1])[0]
        return (
            f"  wire width {width} input {first + 2 * number} \\state{number}\n"
            f"  connect {signals['Q']} \\state{number}\n"
            f"  wire width {width} output {first + 2 * number + 1} \\next{number}\n"
            f"  connect \\next{number} {signals['D']}\n"
        )

    return REGISTER.sub(opened, rtlil)


def driven(rtlil: str, cell: str) -> list[str]:
    """The signals that a cell drives, if it is no memory's port."""
    text = rtlil.split(f" {cell}\n", 1)[1].split("\n  end\n", 1)[0]
    return [signal for value in re.findall(r"connect \\[YQ] (.*)", text) for signal in SIGNAL.findall(value)]


def reached(rtlil: str, signals: Iterable[str]) -> set[str]:
    """The outputs that differences of some signals may reach. rtlil: as :func:`cut` left it."""
    follow: dict[str, set[str]] = defaultdict(set)

    def drives(drivers: str, driven: str) -> None:
        for signal in SIGNAL.findall(drivers):
            follow[signal].update(SIGNAL.findall(driven))

    for text in re.findall(r"^  cell [^\n]*\n(.*?)^  end\n", rtlil, re.MULTILINE | re.DOTALL):
        links = re.findall(r"connect \\(\w+) (.*)\n", text)
        drives(" ".join(v for port, v in links if port not in "YQ"), " ".join(v for port, v in links if port in "YQ"))
    for to, of in re.findall(r"^  connect (\{ .*? \}|\S+(?: \[[\d:]+\])?) (.*)\n", rtlil, re.MULTILINE):
        drives(of, to)
        if of.startswith(r"\state"):  # what a register holds that is not here differs if what it is to hold does
            drives(to, of.replace("state", "next"))
    for number in re.findall(r"\\read(\d+)_DATA\n", rtlil):
        drives(rf"\read{number}_ADDR", rf"\read{number}_DATA")
    seen, left = set[str](), list(signals)
    while left:
        new = follow[left.pop()] - seen
        seen |= new
        left += new
    return {port.name for found in PORT.finditer(rtlil) if (port := _port(found)).output and rf"\{port.name}" in seen}


def lane(rtlil: str, command: str) -> dict[str, int]:
    """Of a fault in a bit that a memory is to hold: this bit of all of the memory's ports."""
    fault = re.search(r"-cell (\S+) -port \\?(?:DATA|EN) -portbit (\d+)", command)
    found = {cell: (kind, re.findall(r"parameter \\MEMID (.*)", text)[0]) for kind, cell, text in CELL.findall(rtlil)}
    if not fault or found.get(fault[1], ("memrd",))[0] == "memrd":
        return {}
    return {cell: 1 << int(fault[2]) for cell, (_, name) in found.items() if name == found[fault[1]][1]}


def beside(rtlil: str, masks: Sequence[int], compared: Container[str] | None = None) -> str:
    """The Verilog module ``miter``, whose ``trigger`` says that gold and gate differ where it can be seen.

    rtlil: of either, as :func:`cut` left it. Both write the same until it says so, so that they read the same wherever
    they read at the same address. masks: of each cell that was cut, the bits of which this is not said: what is
    written there is not seen, and the two read it as they like. compared: the outputs that may differ, by default all.
    """
    ports = [_port(found) for found in PORT.finditer(rtlil)]
    return "\n".join(_lines(ports, masks, [p for p in ports if compared is None or p.name in compared]))


def _port(found: re.Match[str]) -> Port:
    return Port(name=found[4], width=int(found[1] or 1), output=found[2] == "output")


def _lines(ports: Sequence[Port], masks: Sequence[int], compared: Sequence[Port]) -> Iterator[str]:
    reads = [p for p in ports if re.fullmatch(r"read\d+_DATA", p.name)]
    free = [p for p in ports if not p.output] + [
        Port(name=f"other_{p.name}", width=p.width, output=False) for p in reads
    ]
    yield f"module miter({', '.join(['output trigger', *(f'input [{p.width - 1}:0] {p.name}' for p in free)])});"
    for p in ports:
        if p.output:
            yield f"  wire [{p.width - 1}:0] gold_{p.name}, gate_{p.name};"
    for twin in ("gold", "gate"):
        links = []
        for p in ports:
            value = f"{twin}_{p.name}" if p.output else p.name
            if p in reads and twin == "gate":
                address = p.name.replace("DATA", "ADDR")
                same = f"{{{p.width}{{gold_{address} == gate_{address}}}}} & {_others(p, masks)}"
                value = f"{p.name} & {same} | other_{p.name} & ~({same})"
            links.append(f".{p.name}({value})")
        yield f"  {twin} {twin}({', '.join(links)});"
    differ = []
    for p in compared:
        both = f"gold_{p.name} ^ gate_{p.name}"
        memory, _, part = p.name.partition("_")
        if re.fullmatch(r"write\d+", memory):
            both = (
                f"({both}) & "
                + {
                    "ADDR": f"{{{p.width}{{|gold_{memory}_EN}}}}",
                    "DATA": f"gold_{memory}_EN & {_others(p, masks)}",
                    "EN": _others(p, masks),
                }[part]
            )
        if p.output and not re.fullmatch(r"read\d+_ADDR", p.name):
            differ.append(f"|({both})")
    differ.append("1'b0")
    yield f"  wire [{len(differ) - 1}:0] differ;"  # a single expression would be too long for Yosys
    yield from (f"  assign differ[{k}] = {one};" for k, one in enumerate(differ))
    yield "  assign trigger = |differ;"
    yield "endmodule"


def _others(port: Port, masks: Sequence[int]) -> str:
    mask = masks[int(re.findall(r"\d+", port.name)[0])]
    return f"{port.width}'d{(1 << port.width) - 1 & ~mask}"

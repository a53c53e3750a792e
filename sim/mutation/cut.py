"""Two flat designs beside each other without their memories, and without registers that are far from where they differ:
what is read there is anything, but the same for both; what is written there is an output."""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "Stored",
    "around",
    "beside",
    "beside_it",
    "cut",
    "driven",
    "feeding",
    "lane",
    "memory_of",
    "reached",
    "store",
    "within",
]

CELL = re.compile(r"^  cell \$(memrd|memwr)(?:_v2)? (\S+)\n(.*?)^  end\n", re.MULTILINE | re.DOTALL)
SIGNAL = re.compile(r"[\\$]\S+")
PORT = re.compile(r"^  wire (?:width (\d+) )?(input|output) (\d+) \\(\S+)$", re.MULTILINE)
REGISTER = re.compile(r"^  cell \$dff \S+\n(.*?)^  end\n", re.MULTILINE | re.DOTALL)
#: The host's part of the port ``port``: as it was until what is asked for is done, and then nothing for a clock.
ASKED = ("port__request", "port__address", "port__write", "port__write_data")
MEMORY = re.compile(r"^(?:  attribute .*\n)*  memory .*\n", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Port:
    name: str
    width: int
    output: bool


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A memory that is not cut out: its name, the numbers of its cells, and its words; or only one bit of each,
    ``lane``, the others being cut out as those of other memories are."""

    name: str
    reads: Sequence[int]
    writes: Sequence[int]
    words: int
    lane: int | None

    def masks(self, cells: int) -> list[int]:
        """Of each cell, the bits that are kept of a memory of which the others are cut out."""
        kept = 0 if self.lane is None else 1 << self.lane
        return [kept * (number in (*self.reads, *self.writes)) for number in range(cells)]

    @property
    def read(self) -> list[str]:
        return [rf"\read{number}_DATA" for number in self.reads]

    @property
    def written(self) -> list[str]:
        return [rf"\write{number}_{part}" for number in self.writes for part in ("ADDR", "DATA", "EN")]


def store(rtlil: str, cells: Sequence[str], command: str, most: int) -> Stored | None:
    """The memory of a fault in one of its ports, or the bit of each word that the fault may change, if these are at
    most so many bits. rtlil: before its cells were cut."""
    found = memory_of(rtlil)
    fault = re.search(r"-cell (\S+) -port \\?(\w+) -portbit (\d+)", command)
    if not fault or fault[1] not in found:
        return None
    lane = int(fault[3]) if fault[2] in ("DATA", "EN") else None
    return _stored(rtlil, cells, found[fault[1]][1], lane, most)


def beside_it(rtlil: str, cells: Sequence[str], place: str, signals: Container[str], most: int) -> Iterator[Stored]:
    """The memories in an instance's own instances that are written as some signals say, if they have at most so many
    bits."""
    for name in sorted({name for _, name in memory_of(rtlil).values()}):
        stored = _stored(rtlil, cells, name, None, most)
        if stored and stored.name.startswith(f"\\{place}.") and any(one[1:] in signals for one in stored.written):
            yield stored


def memory_of(rtlil: str) -> dict[str, tuple[str, str]]:
    """Of each port of a memory, whether it is a ``memrd`` or a ``memwr``, and the memory."""
    return {cell: (kind, re.findall(r"parameter \\MEMID (\S+)", text)[0]) for kind, cell, text in CELL.findall(rtlil)}


def _stored(rtlil: str, cells: Sequence[str], named: str, lane: int | None, most: int) -> Stored | None:
    found = memory_of(rtlil)
    name = named.strip('"').replace("\\\\", "\\")
    width, words = map(int, re.findall(rf"^  memory width (\d+) size (\d+) {re.escape(name)}$", rtlil, re.MULTILINE)[0])
    ports = [(kind, cells.index(cell)) for cell, (kind, of) in found.items() if of == named]
    reads, writes = ([number for kind, number in ports if kind == one] for one in ("memrd", "memwr"))
    if words * (width if lane is None else 1) > most or len(writes) > 1:
        return None
    return Stored(name=name, reads=reads, writes=writes, words=words, lane=lane)


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


def within(rtlil: str, place: str, *, alone: bool = False) -> set[str]:
    """The registers of an instance, or without a name those of no instance. alone: without those of instances in it.
    rtlil: all registers are ``$dff``."""
    mine = re.compile(rf"\\{re.escape(place)}\.{r'[^.]*$' * alone}" if place else r"\\[^.]*$")
    return {state for state, _ in _registers(rtlil) if mine.match(state)}


def feeding(rtlil: str, kept: set[str], outputs: Iterable[str]) -> set[str]:
    """Some registers, and all that say in the same clock what these are to hold, or what outputs are."""
    back: dict[str, set[str]] = defaultdict(set)
    for drivers, driven in _links(REGISTER.sub("", rtlil)):
        for signal in driven:
            back[signal].update(drivers)
    registers = _registers(rtlil)
    seen = _closed(back, [*outputs, *(s for state, value in registers if state in kept for s in SIGNAL.findall(value))])
    return kept | {state for state, _ in registers if not seen.isdisjoint(SIGNAL.findall(state))}


def around(rtlil: str, kept: Container[str]) -> str:
    """With ports in place of all other registers."""
    first = 1 + max((int(found[3]) for found in PORT.finditer(rtlil)), default=0)
    outside = [state for state, _ in _registers(rtlil) if state.startswith("\\") and state not in kept]
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


def _registers(rtlil: str) -> list[tuple[str, str]]:
    """What each drives, and what it is to hold."""
    found = (dict(re.findall(r"connect \\(\w+) (.*)\n", text)) for text in REGISTER.findall(rtlil))
    return [(signals["Q"], signals["D"]) for signals in found]


def _links(rtlil: str) -> Iterator[tuple[list[str], list[str]]]:
    """The signals that a cell or a connection reads, and those that it drives. rtlil: as :func:`cut` left it."""
    for text in re.findall(r"^  cell [^\n]*\n(.*?)^  end\n", rtlil, re.MULTILINE | re.DOTALL):
        links = re.findall(r"connect \\(\w+) (.*)\n", text)
        drivers, driven = (" ".join(v for port, v in links if (port in "YQ") == out) for out in (False, True))
        yield SIGNAL.findall(drivers), SIGNAL.findall(driven)
    for to, of in re.findall(r"^  connect (\{ .*? \}|\S+(?: \[[\d:]+\])?) (.*)\n", rtlil, re.MULTILINE):
        yield SIGNAL.findall(of), SIGNAL.findall(to)


def _closed(follow: Mapping[str, set[str]], signals: Iterable[str]) -> set[str]:
    """With all that follow from them."""
    seen, left = set(signals), list(signals)
    while left:
        new = follow.get(left.pop(), set()) - seen
        seen |= new
        left += new
    return seen


def driven(rtlil: str, cell: str) -> list[str]:
    """The signals that a cell drives, if it is no memory's port."""
    text = rtlil.split(f" {cell}\n", 1)[1].split("\n  end\n", 1)[0]
    return [signal for value in re.findall(r"connect \\[YQ] (.*)", text) for signal in SIGNAL.findall(value)]


def reached(rtlil: str, signals: Iterable[str], stored: Iterable[Stored] = ()) -> set[str]:
    """The outputs that differences of some signals may reach. rtlil: as :func:`cut` left it."""
    follow: dict[str, set[str]] = defaultdict(set)
    for drivers, driven in _links(rtlil):
        for signal in drivers:
            follow[signal].update(driven)
            if signal.startswith(
                r"\state"
            ):  # what a register holds that is not here differs if what it is to hold does
                follow[signal.replace("state", "next")].update(driven)
    for number in re.findall(r"\\read(\d+)_DATA\n", rtlil):
        follow[rf"\read{number}_ADDR"].add(rf"\read{number}_DATA")
    for memory in stored:
        for signal in memory.written:
            follow[signal].update(memory.read)
    seen = _closed(follow, signals)
    return {port.name for found in PORT.finditer(rtlil) if (port := _port(found)).output and rf"\{port.name}" in seen}


def lane(rtlil: str, command: str) -> dict[str, int]:
    """Of a fault in a bit that a memory is to hold: this bit of all of the memory's ports."""
    fault = re.search(r"-cell (\S+) -port \\?(?:DATA|EN) -portbit (\d+)", command)
    found = memory_of(rtlil)
    if not fault or found.get(fault[1], ("memrd",))[0] == "memrd":
        return {}
    return {cell: 1 << int(fault[2]) for cell, (_, name) in found.items() if name == found[fault[1]][1]}


def beside(
    rtlil: str,
    masks: Sequence[int],
    idle: Sequence[int],
    compared: Container[str] | None = None,
    stored: Stored | None = None,
) -> str:
    """The Verilog module ``miter``, whose ``trigger`` says that gold and gate differ where it can be seen.

    rtlil: of either, as :func:`cut` left it. Both write the same until it says so, so that they read the same wherever
    they read at the same address. masks: of each cell that was cut, the bits of which this is not said: what is
    written there is not seen, and the two read it as they like. idle: the same, of bits that nothing depends on; they
    read the same. compared: the outputs that may differ, by default all. stored: a memory that each of them has, with
    the same in it at first; it is seen when it is read.
    """
    ports = [_port(found) for found in PORT.finditer(rtlil)]
    chosen = [p for p in ports if p.output and (compared is None or p.name in compared)]
    return "\n".join(_lines(ports, masks, idle, chosen, stored))


def _port(found: re.Match[str]) -> Port:
    return Port(name=found[4], width=int(found[1] or 1), output=found[2] == "output")


def _lines(
    ports: Sequence[Port], masks: Sequence[int], idle: Sequence[int], compared: Sequence[Port], stored: Stored | None
) -> Iterator[str]:
    unwritten = [mask | more for mask, more in zip(masks, idle, strict=True)]
    reads = [p for p in ports if re.fullmatch(r"read\d+_DATA", p.name)]
    own = stored.read if stored else []
    width = next((p.width for p in reads if rf"\{p.name}" in own), 0)
    lane = stored.lane if stored else None
    width = width if lane is None else 1
    starts = [Port(name=f"start{word}", width=width, output=False) for word in range(stored.words if stored else 0)]
    free = [p for p in ports if not p.output] + starts
    free += [Port(name=f"other_{p.name}", width=p.width, output=False) for p in reads]
    yield f"module miter({', '.join(['output trigger', *(f'input [{p.width - 1}:0] {p.name}' for p in free)])});"
    for p in ports:
        if p.output:
            yield f"  wire [{p.width - 1}:0] gold_{p.name}, gate_{p.name};"
    held = [p for p in free if p.name in ASKED]
    yield from _held(held)
    for twin in ("gold", "gate"):
        links = []
        for p in ports:
            value = f"{twin}_{p.name}" if p.output else f"held_{p.name}" if p in held else p.name
            address = p.name.replace("DATA", "ADDR")
            if p in reads and twin == "gate":
                same = f"{{{p.width}{{gold_{address} == gate_{address}}}}} & {_others(p, masks)}"
                value = f"{p.name} & {same} | other_{p.name} & ~({same})"
            if rf"\{p.name}" in own:
                kept = value if lane is None else f"({value}) >> {lane}"
                for start in starts:
                    word = start.name.removeprefix("start")
                    kept = f"{twin}_{address} == {word} ? {twin}_word{word} : {kept}"
                if lane is not None:
                    yield f"  wire {twin}_kept_{p.name} = {kept};"
                    kept = f"({value}) & {_others(p, masks)} | {twin}_kept_{p.name} << {lane}"
                value = kept
            links.append(f".{p.name}({value})")
        yield f"  {twin} {twin}({', '.join(links)});"
        if stored:
            yield from _words(twin, starts, stored)
    differ = []
    enables = {p.name.removesuffix("_EN"): p for p in ports if re.fullmatch(r"write\d+_EN", p.name)}
    for p in compared:
        if re.fullmatch(r"read\d+_ADDR", p.name) or (stored and lane is None and rf"\{p.name}" in stored.written):
            continue
        both = f"gold_{p.name} ^ gate_{p.name}"
        memory, _, part = p.name.partition("_")
        if re.fullmatch(r"write\d+", memory):
            both = (
                f"({both}) & "
                + {
                    "ADDR": f"{{{p.width}{{|(gold_{memory}_EN & {_others(enables[memory], unwritten)})}}}}",
                    "DATA": f"gold_{memory}_EN & {_others(p, unwritten)}",
                    "EN": _others(p, unwritten),
                }[part]
            )
        differ.append(f"|({both})")
    differ.append("1'b0")
    yield f"  wire [{len(differ) - 1}:0] differ;"  # a single expression would be too long for Yosys
    yield from (f"  assign differ[{k}] = {one};" for k, one in enumerate(differ))
    yield "  assign trigger = |differ;"
    yield "endmodule"


def _held(ports: Sequence[Port]) -> Iterator[str]:
    """What a host asks for, that keeps to what is agreed (:class:`~spikeloom.hdl.layouts.ControlPort`)."""
    if not ports:
        return
    yield "  reg asks = 0, rests = 0;"
    yield "  always @(posedge clk) asks <= held_port__request & ~gold_port__done;"
    yield "  always @(posedge clk) rests <= held_port__request & gold_port__done;"
    for p in ports:
        now = f"{p.name} & ~rests" if p.name == "port__request" else p.name
        yield f"  reg [{p.width - 1}:0] was_{p.name};"
        yield f"  wire [{p.width - 1}:0] held_{p.name} = asks ? was_{p.name} : {now};"
        yield f"  always @(posedge clk) was_{p.name} <= held_{p.name};"


def _words(twin: str, starts: Sequence[Port], stored: Stored) -> Iterator[str]:
    """A register for each word of a memory, which holds anything at first."""
    yield f"  reg {twin}_begun = 0;"
    yield f"  always @(posedge clk) {twin}_begun <= 1;"
    for start in starts:
        word = start.name.removeprefix("start")
        now, bits = f"{twin}_word{word}", f"[{start.width - 1}:0]"
        yield f"  reg {bits} {now}_held;"
        yield f"  wire {bits} {now} = {twin}_begun ? {now}_held : {start.name};"
        value = now
        part = "" if stored.lane is None else f"[{stored.lane}]"
        for number in stored.writes:
            write = f"{twin}_write{number}"
            data, enable = f"{write}_DATA{part}", f"{write}_EN{part}"
            value = f"{write}_ADDR == {word} ? {data} & {enable} | {now} & ~{enable} : {value}"
        yield f"  always @(posedge clk) {now}_held <= {value};"


def _others(port: Port, masks: Sequence[int]) -> str:
    mask = masks[int(re.findall(r"\d+", port.name)[0])]
    return f"{port.width}'d{(1 << port.width) - 1 & ~mask}"

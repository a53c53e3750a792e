"""A fault, looked at for one clock: if it changes nothing in any state that the right design reaches, it never does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spikeloom.sim.mutation.cut import CELL, PORT, REGISTER, SIGNAL

__all__ = ["Hint", "moment"]


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What a proof needs of a design: the registers of some instances, and words of a memory. All else is anything, so
    that a wrong hint proves nothing.

    places: for a proof of one clock. beside: instances of which one does not look while the other may be wrong, for a
    proof with the registers of both.
    """

    places: tuple[str, ...]
    beside: tuple[str, ...] = ()
    memory: str = ""
    words: tuple[int, ...] = ()


def moment(right: str, gold: str, gate: str, cells: Sequence[str], hint: Hint) -> tuple[str, str, str]:
    """Gold with the hint's registers, gate with none of its own, and the Verilog module ``miter``: gate is given gold's
    state and what gold reads, and ``trigger`` says that it does or would hold something else.

    right: before its cells were cut; gold, gate: as :func:`cut` left them.
    """
    states = sorted(dict(re.findall(r"connect \\(\w+) (.*)\n", text))["Q"] for text in REGISTER.findall(gold))
    numbers = {state: number for number, state in enumerate(states)}
    kept = {state for state in states if SIGNAL.findall(state)[0][1:].rpartition(".")[0] in hint.places}
    texts = [_opened(text, numbers, mine) for text, mine in ((gold, kept), (gate, set[str]()))]
    ports = [{found[4]: (int(found[1] or 1), found[2] == "output") for found in PORT.finditer(text)} for text in texts]
    inside = {cells.index(cell): kind for kind, cell, text in CELL.findall(right) if f'\\\\{hint.memory}"\n' in text}
    return (*texts, "\n".join(_lines(*ports, inside, hint.words)))


def _opened(rtlil: str, numbers: dict[str, int], kept: set[str]) -> str:
    """With ports in place of registers; of those that are kept, what they hold and will hold is an output."""
    first = 1 + max((int(found[3]) for found in PORT.finditer(rtlil)), default=0)

    def opened(found: re.Match[str]) -> str:
        signals = dict(re.findall(r"connect \\(\w+) (.*)\n", found[1]))
        state, number = signals["Q"], numbers[signals["Q"]]
        width = re.findall(r"parameter \\WIDTH (\d+)", found[1])[0]
        there = rf"\now{number}" if state in kept else rf"\state{number}"
        now = (there, state) if state in kept else (state, there)
        return (
            (found[0] if state in kept else "")
            + f"  wire width {width} {'output' if state in kept else 'input'} {first + 2 * number} {there}\n"
            f"  connect {now[0]} {now[1]}\n"
            f"  wire width {width} output {first + 2 * number + 1} \\next{number}\n"
            f"  connect \\next{number} {signals['D']}\n"
        )

    return REGISTER.sub(opened, rtlil)


def _lines(
    gold: dict[str, tuple[int, bool]], gate: dict[str, tuple[int, bool]], inside: dict[int, str], words: Sequence[int]
) -> list[str]:
    free = {name: width for name, (width, output) in gold.items() if not output}
    reads = [name for name in free if re.fullmatch(r"read\d+_DATA", name)]
    mine = {f"read{number}_DATA" for number, kind in inside.items() if kind == "memrd"}
    width = next((free[name] for name in reads if name in mine), 1)
    given = free | {f"other_{name}": free[name] for name in reads} | {f"start{word}": width for word in words}
    lines = [f"module miter({', '.join(['output trigger', *(f'input [{w - 1}:0] {n}' for n, w in given.items())])});"]
    for twin, ports in (("gold", gold), ("gate", gate)):
        lines += [f"  wire [{w - 1}:0] {twin}_{name};" for name, (w, output) in ports.items() if output]
    lines += ["  reg begun = 0;", "  always @(posedge clk) begun <= 1;"]
    for word in words:
        lines += [f"  reg [{width - 1}:0] held{word};"]
        lines += [f"  wire [{width - 1}:0] word{word} = begun ? held{word} : start{word};"]
        value = f"word{word}"
        for number in (number for number, kind in inside.items() if kind == "memwr"):
            write = f"gold_write{number}"
            value = f"{write}_ADDR == {word} ? {write}_DATA & {write}_EN | word{word} & ~{write}_EN : {value}"
        lines += [f"  always @(posedge clk) held{word} <= {value};"]
    for name in reads:
        address = name.replace("DATA", "ADDR")
        value = name
        for word in words if name in mine else ():
            value = f"gold_{address} == {word} ? word{word} : {value}"
        lines += [f"  wire [{free[name] - 1}:0] gold_{name} = {value};"]
        same = f"gold_{address} == gate_{address}"
        lines += [f"  wire [{free[name] - 1}:0] gate_{name} = {same} ? gold_{name} : other_{name};"]
    for twin, ports in (("gold", gold), ("gate", gate)):
        links = {name: f"{twin}_{name}" if output or name in reads else name for name, (_, output) in ports.items()}
        held = {name: name.replace("state", "now") for name in links if name.startswith("state")}
        links |= {name: f"gold_{now}" for name, now in held.items() if now in gold}
        lines += [f"  {twin} {twin}({', '.join(f'.{name}({value})' for name, value in links.items())});"]
    differ = ["1'b0"]
    for name, (w, output) in gate.items():
        found = re.fullmatch(r"(write\d+)_(?:ADDR|DATA)", name)
        if output and not re.fullmatch(r"read\d+_ADDR", name):
            seen = "" if not found else f" & {{{w}{{|gold_{found[1]}_EN}}}}"
            differ.append(f"|((gold_{name} ^ gate_{name}){seen})")
    lines += [f"  wire [{len(differ) - 1}:0] differ;", *(f"  assign differ[{k}] = {d};" for k, d in enumerate(differ))]
    return [*lines, "  assign trigger = |differ;", "endmodule"]

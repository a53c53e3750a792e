"""And-inverter graphs in AIGER's binary form."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["depth", "is_zero", "names", "seen"]

SYMBOL = re.compile(r"^([io])(\d+) (\S+)$", re.MULTILINE)


def depth(path: Path) -> int | None:
    """The most registers in a row, from an input; None if there is a loop.

    Without a loop, nothing is new after so many clocks: what happens depends on the inputs of the last ones alone.
    """
    inputs, following, _, gates = _read(path)
    registers, first_gate = slice(inputs + 1, inputs + 1 + len(following)), inputs + 1 + len(following)
    depths = [0] * (first_gate + len(gates))
    for _ in range(len(following) + 1):
        for gate, (a, b) in enumerate(gates, first_gate):
            depths[gate] = max(depths[a >> 1], depths[b >> 1])
        deeper = [depths[literal >> 1] + 1 for literal in following]
        if deeper == depths[registers]:
            return max(deeper, default=0)
        depths[registers] = deeper
    return None


def is_zero(path: Path) -> bool:
    """Its output is the constant 0."""
    return _read(path)[2] == [0]


def names(path: Path) -> tuple[set[str], set[str]]:
    """Of inputs and outputs, a bit of several as "name[bit]"; of a graph with symbols."""
    inputs, outputs = _symbols(path)
    return set(inputs), set(outputs)


def seen(path: Path, needed: Callable[[str], Iterable[str]]) -> set[str]:
    """Names of inputs that matter. needed: outputs that matter in any case, asked for "", or where an input does."""
    count, following, results, gates = _read(path)
    inputs, outputs = _symbols(path)
    name_of = {number + 1: name for name, number in inputs.items()}
    first_gate = count + len(following) + 1
    found, left = {0}, [results[outputs[name]] >> 1 for name in needed("")]
    while left:
        node = left.pop()
        if node in found:
            continue
        found.add(node)
        if node >= first_gate:
            left += [literal >> 1 for literal in gates[node - first_gate]]
        elif node > count:
            left.append(following[node - count - 1] >> 1)
        else:
            left += [results[outputs[name]] >> 1 for name in needed(name_of[node])]
    return {name_of[node] for node in found if 0 < node <= count}


def _symbols(path: Path) -> tuple[dict[str, int], dict[str, int]]:
    """The numbers of inputs and outputs, by name."""
    found: dict[str, dict[str, int]] = {"i": {}, "o": {}}
    for kind, number, name in SYMBOL.findall(path.read_bytes().decode("latin-1")):
        found[kind][name] = int(number)
    return found["i"], found["o"]


def _read(path: Path) -> tuple[int, list[int], list[int], list[tuple[int, int]]]:
    """How many inputs there are, what registers and outputs get, and what gates read; variable v is literal 2 * v."""
    header, _, rest = path.read_bytes().partition(b"\n")
    _, inputs, registers, outputs, gates = map(int, header.split()[1:6])
    lines = rest.split(b"\n", registers + outputs)
    literals = [int(line.split()[0]) for line in lines[:-1]]
    return inputs, literals[:registers], literals[registers:], _gates(lines[-1], inputs + registers + 1, gates)


def _gates(data: bytes, first: int, count: int) -> list[tuple[int, int]]:
    """Stored as differences, seven bits a byte."""
    found, at = [], 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    for gate in range(first, first + count):
        a = 2 * gate - number()
        found.append((a, a - number()))
    return found

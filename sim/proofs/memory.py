"""Memories give what was last written."""

from functools import partial
from typing import Any

from amaranth.hdl import Signal

from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS"]

WIDTH, DEPTH, SLICE = 4, 4, 3


def _stored(hdl: Any, s: Statement, kind: str, *, clocks: int, one_port: bool = False) -> None:
    s.m.submodules.memory = memory = getattr(hdl, kind)(name="memory", width=WIDTH, depth=DEPTH, slice_bits=SLICE)
    for port in ("read_address", "write_address", "write_data", "write"):
        s.m.d.comb += getattr(memory, port).eq(s.any(len(getattr(memory, port)), port))
    row = s.fixed(range(DEPTH), "row")  # whichever
    known, word = Signal(), Signal(WIDTH)
    written = memory.write & (memory.write_address == row)
    with s.m.If(written):
        s.m.d.sync += [known.eq(1), word.eq(memory.write_data)]
    if one_port:
        s.assume(~memory.write | (memory.write_address == memory.read_address))
    asked = known & (memory.read_address == row)
    if clocks:
        asked &= ~written
    s.claim(~s.before(asked, clocks) | (memory.read_data == s.before(word, clocks)))
    s.example(s.before(asked, clocks) & (memory.read_data == 5))


def _proof(kind: str, claim: str, bug: Bug, **options: Any) -> Any:
    size = f"{DEPTH} words of {WIDTH} bits, in slices of {SLICE}"
    return proof(f"memory.{kind}", claim, size=size, bug=bug)(partial(_stored, kind=kind, **options))


PROOFS = (
    _proof(
        "BlockMemory",
        "a word that is read is there 1 clock later as it was last written, unless it is just written",
        Bug("every slice gets the lowest bits", "self.write_data[low : low + bits]", "self.write_data[:bits]"),
        clocks=1,
    ),
    _proof(
        "SinglePortMemory",
        "the same, where who writes has the address at both ports",
        Bug("writes at an old address", "return self.read_address", "return Signal.like(self.read_address)"),
        clocks=1,
        one_port=True,
    ),
    _proof(
        "TableMemory",
        "a word that is read is as it was last written",
        Bug("slices in the wrong order", "Cat(self._array(m, *part, **attrs) for part in self.slices)",
            "Cat(self._array(m, *part, **attrs) for part in reversed(self.slices))"),
        clocks=0,
    ),
)  # fmt: skip

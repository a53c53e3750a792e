"""Counters of tokens are what was added less what was taken."""

from typing import Any

from amaranth.hdl import Signal

from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS"]

COUNT, BITS = 2, 3


@proof(
    "tokens.Tokens",
    "as long as users keep it from 0 to its limit, a count is loaded + added - taken",
    size=f"{COUNT} counters of {BITS} bits",
    bug=Bug("adds where one is also taken", "self.add[k] & ~self.take[k]", "self.add[k]"),
)
def tokens(hdl: Any, s: Statement) -> None:
    s.m.submodules.tokens = tokens = hdl.Tokens(COUNT, BITS)
    for port in ("add", "take", "load", "value"):
        s.m.d.comb += getattr(tokens, port).eq(s.any(len(getattr(tokens, port)), port))
    for k in range(COUNT):
        count, change = Signal(BITS, name=f"count{k}"), tokens.add[k].as_unsigned() - tokens.take[k]
        after = count + change
        s.assume(tokens.load[k] | (after >= 0) & (after < 1 << BITS))
        with s.m.If(tokens.load[k]):
            s.m.d.sync += count.eq(tokens.value)
        with s.m.Else():
            s.m.d.sync += count.eq(after)
        s.claim(tokens.some[k] == s.before(count != 0))
        was_full = Signal(name=f"was_full{k}")
        s.m.d.sync += was_full.eq(was_full | (count == (1 << BITS) - 1))
        s.example(was_full & (count == 0))


PROOFS = (tokens,)

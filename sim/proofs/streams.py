"""Items through streams: none is lost, doubled, altered or overtaken, and none waits for ever."""

from typing import Any

from amaranth.hdl import Array, Cat, Signal, Value

from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS", "in_order", "waits"]

BITS = 2
INPUTS = 3
OUTPUTS = 3


def in_order(
    s: Statement, taken: Value, item: Value, given: Value, result: Value, *, most: int, many: int | None = None
) -> Value:
    """Every item that is taken is given once, in order, as it was; at most ``most`` are on their way. Those that are.

    The solver chooses one item; when those before it are given, it must come. many: on their way in the example.
    """
    m = s.m
    held = Signal(range(most + 2))
    m.d.sync += held.eq(held + taken - given)
    s.claim(held <= most)
    s.claim(~given | (held != 0))

    chosen, came, chosen_item, ahead = Signal(), Signal(), Signal.like(item), Signal.like(held)
    choose = s.any(1, "choose")
    comes = given & chosen & ~came & (ahead == 0)
    with m.If(taken & choose & ~chosen):
        m.d.sync += [chosen.eq(1), chosen_item.eq(item), ahead.eq(held - given)]
    with m.Elif(given & chosen & ~came):
        m.d.sync += [came.eq(ahead == 0), ahead.eq(ahead - 1)]
    s.claim(~comes | (result == chosen_item))
    s.example(comes & (held == (most if many is None else many)))
    return held


def waits(s: Statement, waiting: Value, counted: Value, served: Value, *, most: int) -> Signal:
    """It never happens more than ``most`` times that something is ``counted`` while ``waiting`` and not ``served``."""
    times = Signal(range(most + 2))
    with s.m.If(~waiting | served):
        s.m.d.sync += times.eq(0)
    with s.m.Elif(counted):
        s.m.d.sync += times.eq(times + 1)
    s.claim(times <= most)
    return times


@proof(
    "streams.Buffer",
    "nothing lost, doubled, altered or overtaken",
    size=f"{BITS} bits",
    bug=Bug("forgets the second item when the first goes", "spare_valid | self.i.valid", "self.i.valid"),
)
def buffer_order(hdl: Any, s: Statement) -> None:
    s.m.submodules.buffer = buffer = hdl.Buffer(BITS)
    taken, given = s.offer(buffer.i, "i"), s.accept(buffer.o, "o")
    in_order(s, taken, buffer.i.payload, given, buffer.o.payload, most=2)


@proof(
    "streams.Buffer",
    "what is offered stays; an item can go 1 clock later; one more is taken 1 clock after one went",
    size=f"{BITS} bits",
    bug=Bug("overwrites what is offered", "~self.o.valid | self.o.ready", "~spare_valid | self.o.ready"),
)
def buffer_flow(hdl: Any, s: Statement) -> None:
    s.m.submodules.buffer = buffer = hdl.Buffer(BITS)
    taken, given = s.offer(buffer.i, "i"), s.accept(buffer.o, "o")
    s.claim(s.stays(buffer.o))
    s.claim(~s.before(taken) | buffer.o.valid)
    s.claim(~s.before(given) | buffer.i.ready)
    s.example(~buffer.i.ready)


def merge_of(hdl: Any, s: Statement) -> tuple[Any, Value, Value]:
    """Payloads name their input in the upper bits. The merge, inputs that are taken from, and what is given."""
    s.m.submodules.merge = merge = hdl.Merge(2 * BITS, INPUTS)
    taken = Cat(s.offer(port, f"i{k}") for k, port in enumerate(merge.i))
    for k, port in enumerate(merge.i):
        s.assume(port.payload[BITS:] == k)
    return merge, taken, s.accept(merge.o, "o")


@proof(
    "streams.Merge",
    "of each input nothing lost, doubled, altered or overtaken; one input at a time",
    size=f"{INPUTS} inputs of {BITS} bits",
    bug=Bug("takes from inputs whose turn it is not", "(turn == k) & buffer.i.ready", "buffer.i.ready"),
)
def merge_order(hdl: Any, s: Statement) -> None:
    merge, taken, given = merge_of(hdl, s)
    one = s.fixed(range(INPUTS + 1), "one")  # also one that does not exist, of which nothing may come
    item = Array(port.payload for port in merge.i)[one]
    in_order(s, (taken >> one)[0], item, given & (merge.o.payload[BITS:] == one), merge.o.payload, most=2)
    ready = Cat(port.ready for port in merge.i)
    s.claim((ready & (ready - 1)) == 0)


@proof(
    "streams.Merge",
    f"what is offered stays; at most {INPUTS - 1} items of others go before one that waits, and it waits for at most "
    f"{INPUTS} clocks in which the output may go",
    size=f"{INPUTS} inputs of {BITS} bits",
    bug=Bug("stays with an input that has more", "~buffer.i.valid | buffer.i.ready", "~buffer.i.valid"),
)
def merge_fair(hdl: Any, s: Statement) -> None:
    merge, taken, _ = merge_of(hdl, s)
    one = s.fixed(range(INPUTS), "one")
    s.assume(one < INPUTS)
    waiting = Array(port.valid for port in merge.i)[one]
    served = (taken >> one)[0]
    s.claim(s.stays(merge.o))
    others = waits(s, waiting, taken.any(), served, most=INPUTS - 1)
    waits(s, waiting, merge.o.ready, served, most=INPUTS)
    s.example((others == INPUTS - 1) & served)


@proof(
    "streams.Fork",
    "every output gets every item once, as it was, as soon as it may; the item goes with the last of them",
    size=f"{OUTPUTS} outputs of {BITS} bits",
    bug=Bug("offers again what was taken", "self.i.valid & ~taken[k]", "self.i.valid"),
)
def fork(hdl: Any, s: Statement) -> None:
    s.m.submodules.fork = fork = hdl.Fork(BITS, OUTPUTS)
    taken = s.offer(fork.i, "i")
    done = []
    for k, port in enumerate(fork.o):
        given, had = s.accept(port, f"o{k}"), Signal(name=f"had{k}")
        s.m.d.sync += had.eq((had | given) & ~taken)
        s.claim(port.valid == (fork.i.valid & ~had))
        s.claim(~port.valid | (port.payload == fork.i.payload))
        done.append(had | given)
    s.claim(taken == (fork.i.valid & Cat(done).all()))
    s.example(taken & ~fork.o[0].valid & ~fork.o[1].valid)


PROOFS = (buffer_order, buffer_flow, merge_order, merge_fair, fork)

"""What is to be proven of a component: claims about its signals, as an and-inverter graph."""

from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockDomain, Module, Shape, ShapeLike, Signal, Value
from amaranth.lib import stream

from spikeloom.sim.yosys import run_yosys

__all__ = ["Statement", "write"]

STARTED = "started"
#: Every register starts anywhere, as do all memories, so what a claim needs, the reset must do; but a register that
#: nothing ever writes keeps its initial value. A bit that is not defined is anything, in every clock anew.
PASSES = (
    "read_rtlil statement.il",
    "hierarchy -top top",
    "proc",
    "flatten",
    "delete t:$meminit*",
    "opt",
    f"setattr -unset init w:* w:{STARTED} %d",
    "memory_collect",
    "memory_map",
    "setundef -undriven -anyseq",
    "dffunmap",
    "formalff -clk2ff -ff2anyinit",
    "opt -full",
    "techmap",
    "opt",
    "dffunmap",
    "abc -g AND",
    "design -save both",
    "delete -output w:example",
    "opt_clean",
    "write_aiger -zinit -symbols broken.aig",
    "design -load both",
    "delete -output w:broken",
    "opt_clean",
    "write_aiger -zinit -symbols example.aig",
)


class Statement:
    """Claims about components that are submodules of ``m``, for all inputs. One clock of reset comes first.

    in_reset: the first clock, of which nothing is claimed.
    """

    def __init__(self) -> None:
        self.m = Module()
        self.m.domains.sync = self._domain = ClockDomain()
        started = Signal(name=STARTED, reset_less=True)
        self.in_reset = ~started
        self.m.d.comb += self._domain.rst.eq(self.in_reset)
        self.m.d.sync += started.eq(1)
        self._inputs: list[Signal] = []
        self._assumed: list[Value] = []
        self._claimed: list[Value] = []
        self._examples: list[Value] = []

    def any(self, shape: ShapeLike, name: str) -> Signal:
        """Anything, in every clock anew."""
        self._inputs.append(Signal(Shape.cast(shape), name=name))
        return self._inputs[-1]

    def fixed(self, shape: ShapeLike, name: str) -> Signal:
        """Anything, but always the same."""
        value = Signal(Shape.cast(shape), name=f"the_{name}", reset_less=True)
        with self.m.If(self.in_reset):
            self.m.d.sync += value.eq(self.any(shape, name))
        return value

    def before(self, value: Value, clocks: int = 1) -> Value:
        """What a signal was some clocks ago; 0 before the reset."""
        for _ in range(clocks):
            past = Signal(Value.cast(value).shape())
            self.m.d.sync += past.eq(value)
            value = past
        return value

    def assume(self, value: Value) -> None:
        """Claims are made as long as this was never false, up to the clock itself."""
        self._assumed.append(_bit(value))

    def claim(self, value: Value) -> None:
        self._claimed.append(_bit(value))

    def example(self, value: Value) -> None:
        """What shows, if it can happen, that claims and assumptions are not empty."""
        self._examples.append(_bit(value))

    def offer(self, port: stream.Interface, name: str) -> Value:
        """Anything into a stream at any time, and it stays until it is taken. An item is taken."""
        valid, payload = self.any(1, f"{name}_valid"), self.any(Value.cast(port.payload).shape(), f"{name}_payload")
        self.m.d.comb += [port.valid.eq(valid), Value.cast(port.payload).eq(payload)]
        self.assume(self.stays(port))
        return valid & port.ready

    def accept(self, port: stream.Interface, name: str) -> Value:
        """From a stream at any time. An item is given."""
        ready = self.any(1, f"{name}_ready")
        self.m.d.comb += port.ready.eq(ready)
        return ready & port.valid

    def stays(self, port: stream.Interface) -> Value:
        """What was offered in the last clock and not taken is offered still."""
        payload = Value.cast(port.payload)
        waited = self.before(port.valid & ~port.ready & ~self.in_reset)
        return ~waited | port.valid & (payload == self.before(payload))

    def text(self) -> str:
        """As RTLIL, with the outputs ``broken``, where a claim is, and ``example``, where all happen at once."""
        broken, example, held = Signal(name="broken"), Signal(name="example"), Signal(init=1)
        holds = Value.cast(1)
        if self._assumed:
            holds = held & Cat(self._assumed).all()
            self.m.d.sync += held.eq(holds)
        counts = holds & ~self.in_reset
        self.m.d.comb += [
            broken.eq(counts & ~Cat(self._claimed).all()),
            example.eq(counts & Cat(self._examples).all()),
        ]
        return rtlil.convert(
            self.m, name="top", ports=[self._domain.clk, *self._inputs, broken, example], emit_src=False
        )


def _bit(value: Value) -> Value:
    """Of a wider value it would not be clear when it is true."""
    assert len(Value.cast(value)) == 1, f"A statement must have one bit, not {len(Value.cast(value))}"
    return value


def write(text: str, folder: Path) -> None:
    """The graphs of a statement's two outputs: ``broken.aig``, ``example.aig``."""
    (folder / "statement.il").write_text(text)
    run_yosys(folder, *PASSES)

"""The LIF family in hardware: a pipeline that takes one neuron per clock.

The rule is the contract's (docs/contract.md, "The LIF family"); the knobs that a network does not use cost nothing.
"""

from dataclasses import dataclass, field, replace

from amaranth.hdl import Const, Elaboratable, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data

from spikeloom.golden.network import Neuron, Refusal

__all__ = ["Parameters", "Unit"]

PART = 16
SETTINGS = ("state_bits", "decay_bits", "guard", "reset", "reset_when", "spikes", "value_bits")


def neutral(state_bits: int, decay_bits: int) -> dict[str, int]:
    """The values with which a parameter changes nothing."""
    return {"keep": 1 << decay_bits, "v_reset": 0, "v_min": -(1 << state_bits - 1), "v_init": 0, "bias": 0}


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What a LIF unit is built for. ``features``: parameters that are not neutral in every neuron it serves."""

    state_bits: int
    decay_bits: int
    guard: int
    reset: str
    reset_when: str
    spikes: str
    value_bits: int
    features: frozenset[str] = field(default=frozenset())

    @classmethod
    def derive(cls, neuron: Neuron, value_bits: int) -> "Parameters":
        values = neutral(neuron.states["v"], neuron.options["decay_bits"])
        used = {name for name, value in values.items() if (neuron.parameters[name] != value).any()}
        if neuron.options["reset"] == "subtract":
            used.discard("v_reset")
        return cls(
            state_bits=neuron.states["v"],
            value_bits=value_bits,
            features=frozenset(used),
            **{name: neuron.options[name] for name in ("decay_bits", "guard", "reset", "reset_when", "spikes")},
        )

    def covering(self, other: "Parameters") -> "Parameters":
        """A unit that serves both, or :class:`Refusal` naming the setting in which they differ."""
        for name in SETTINGS:
            if getattr(self, name) != getattr(other, name):
                raise Refusal(
                    f"LIF populations that share a core must have the same {name}, not {getattr(self, name)} and "
                    f"{getattr(other, name)}; convert with one value, or use the configuration 'cores: per-population'"
                )
        return replace(self, features=self.features | other.features)

    @property
    def state_layout(self) -> data.StructLayout:
        members = {"v": signed(self.state_bits)}
        if self.reset_when == "next-step":
            members["n"] = unsigned(self.value_bits)
        return data.StructLayout(members)

    @property
    def parameter_layout(self) -> data.StructLayout:
        members: dict[str, Shape] = {"threshold": signed(self.state_bits)}
        if self.reset == "subtract":
            members["subtract"] = unsigned(self.state_bits)
        if "keep" in self.features:
            members["keep"] = unsigned(self.decay_bits + 1)
        for name in ("v_reset", "v_min", "v_init", "bias"):
            if name in self.features:
                members[name] = signed(self.state_bits)
        return data.StructLayout(members)

    def image(self, neuron: Neuron, index: int) -> dict[str, int]:
        """The parameters of one neuron, by field of the layout."""
        values = {name: int(p if p.ndim == 0 else p[index]) for name, p in neuron.parameters.items()}
        return {name: values[name] for name in self.parameter_layout.members}

    @property
    def wide(self) -> bool:
        """The state is multiplied in two parts."""
        return "keep" in self.features and self.state_bits > PART + 1

    @property
    def latency(self) -> int:
        """Clocks from a unit's inputs to its results."""
        return 8 + (0 if self.spikes == "one" else self.value_bits - 1)


class Unit(Elaboratable):
    """Throughput: one neuron per clock. Latency: ``parameters.latency`` clocks.

    sum:        the exact sum of the input port, signed.
    first:      the step is the first of a sample: the initial state replaces ``state``.
    state, parameters: the neuron's words, in the layouts above.
    o_state:    the new state.
    o_value:    the event's value, 0 where there is none.
    """

    def __init__(self, parameters: Parameters, accumulator_bits: int):
        self.parameters = parameters
        self.sum = Signal(signed(accumulator_bits))
        self.first = Signal()
        self.state = Signal(parameters.state_layout)
        self.p = Signal(parameters.parameter_layout)
        self.o_state = Signal(parameters.state_layout, reset_less=True)
        self.o_value = Signal(parameters.value_bits)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        o = self.parameters
        many, late = o.spikes == "many", o.reset_when == "next-step"
        constants = neutral(o.state_bits, o.decay_bits)
        names = list(o.parameter_layout.members)

        def stage(**values: Value) -> dict[str, Value]:
            """Registers; what follows names the values of the next clock."""
            registers = {}
            for name, value in values.items():
                registers[name] = register = Signal(Value.cast(value).shape(), name=name, reset_less=True)
                m.d.sync += register.eq(value)
            return registers

        def parameter(s: dict[str, Value], name: str) -> Value:
            return s[name] if name in names else Const(constants[name], signed(o.state_bits + 1))

        def carry(s: dict[str, Value], *wanted: str) -> dict[str, Value]:
            return {name: s[name] for name in wanted if name in s}

        after_decay = [name for name in names if name not in ("keep", "v_init", "bias")]

        # 1: the state that the step starts from
        s = {name: self.p[name] for name in names}
        s = stage(
            v=Mux(self.first, parameter(s, "v_init"), self.state.v)[: o.state_bits].as_signed(),
            given_back=Mux(self.first, 0, self.state.n) * s["subtract"] if late else Const(0),
            drive=(self.sum << o.guard) + parameter(s, "bias"),
            **carry(s, "keep", *after_decay),
        )
        # 2: the late reset leaves the drive, while the state waits beside the multiplier
        drive = s["drive"] - s["given_back"] if late else s["drive"]
        s = stage(v=s["v"], drive=drive, **carry(s, "keep", *after_decay))
        # 3: decay's product, in two parts that fit a multiplier of any family
        if "keep" in names:
            low, high = s["v"][:PART], s["v"][PART:].as_signed() if o.wide else s["v"]
            s = stage(
                low=low * s["keep"] if o.wide else Const(0, 0),
                high=high * s["keep"],
                **carry(s, "drive", *after_decay),
            )
        else:
            s = stage(high=s["v"], **carry(s, "drive", *after_decay))
        # 4: the whole product
        if o.wide:
            product, fraction = (s["high"] << PART) + s["low"], s["low"][: o.decay_bits]
        else:
            product, fraction = s["high"], s["high"][: o.decay_bits]
        s = stage(product=product, fraction=fraction.any(), **carry(s, "drive", *after_decay))
        # 5: truncate toward zero
        if "keep" in names and o.decay_bits:
            decayed = (s["product"] >> o.decay_bits) + (s["product"][-1] & s["fraction"])
        else:
            decayed = s["product"]
        s = stage(decayed=decayed[: o.state_bits].as_signed(), **carry(s, "drive", *after_decay))
        # 6: integrate
        s = stage(x=s["decayed"] + s["drive"], **carry(s, *after_decay))
        # 7: compare and reset
        x, over = s["x"], s["x"] - s["threshold"]
        fired = ~over[-1]
        if not many:
            n: Value = fired
            y = x - s["subtract"] if o.reset == "subtract" else parameter(s, "v_reset")
            s = stage(n=n, y=Const(0) if late else y, x=x, **carry(s, "v_min"))
            y = s["x"] if late else Mux(s["n"], s["y"], s["x"])
        else:
            s = stage(rest=over, y=x - s["subtract"], x=x, quotient=Const(0, 0), fired=fired, **carry(s, *after_decay))
            for bit in reversed(range(o.value_bits - 1)):
                amount = s["subtract"] << bit
                rest, y = s["rest"] - amount, s["y"] - amount
                fits = ~rest[-1]
                s = stage(
                    rest=Mux(fits, rest, s["rest"]),
                    y=Mux(fits, y, s["y"]),
                    quotient=fits if not len(s["quotient"]) else (s["quotient"] << 1) | fits,
                    **carry(s, "x", "fired", *after_decay),
                )
            # n = 1 + quotient, at most n_max: a quotient of all ones gives back the one step too many.
            full = s["quotient"].all()
            n = Mux(s["fired"], s["quotient"] + ~full, 0)
            y = Mux(Const(0) if late else s["fired"], s["y"] + Mux(full, s["subtract"], 0), s["x"])
            s = dict(s, n=n)
        # 8: saturate once, then the lower bound
        low, high = -(1 << o.state_bits - 1), (1 << o.state_bits - 1) - 1
        overflow = y[o.state_bits - 1 :]
        fits = (overflow == 0) | overflow.all()
        saturated = Signal(signed(o.state_bits))
        m.d.comb += saturated.eq(Mux(fits, y[: o.state_bits].as_signed(), Mux(y[-1], low, high)))
        if "v_min" in names:
            m.d.sync += self.o_state.v.eq(Mux(saturated < s["v_min"], s["v_min"], saturated))
        else:
            m.d.sync += self.o_state.v.eq(saturated)
        if late:
            m.d.sync += self.o_state.n.eq(s["n"])
        m.d.sync += self.o_value.eq(s["n"])
        return m

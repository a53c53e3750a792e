"""The LIF family in hardware: a pipeline that takes one neuron per clock.

The rule is the contract's (docs/contract.md, "The LIF family"); the knobs that a network does not use cost nothing.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from amaranth.hdl import Const, Elaboratable, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data

from spikeloom.golden.network import Neuron, Refusal
from spikeloom.hdl.parameters import OPTION
from spikeloom.hdl.struct import struct

__all__ = ["Parameters", "Unit"]

PART = 16
#: What populations on one unit have in common; (name, what the refusal calls it). None, 0: has no opinion.
COMMON = ("state_bits", "decay_bits", "guard")
SPIKING = ("reset", "reset_when", "spikes", "value_bits")
OWN = {"current_bits": "current bits", "potential_bits": "bits of the potential in an event"}


def neutral(state_bits: int, decay_bits: int) -> dict[str, int]:
    """The values with which a parameter changes nothing."""
    keeps = {"keep": 1 << decay_bits, "current_keep": 1 << decay_bits}
    return keeps | {"v_reset": 0, "v_min": -(1 << state_bits - 1), "v_init": 0, "bias": 0}


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What a LIF unit is built for.

    reset, reset_when, spikes, value_bits: of the neurons that spike; None where all send their potentials.
    current_bits:   of the synaptic current; 0 where no neuron has one.
    potential_bits: of an event that carries the potential, ``cut`` bits of which are left out; 0 where none does.
    features:       parameters that are not neutral in every neuron it serves; "current" where some have none.
    short:          no registers behind the first stage.
    """

    state_bits: int
    decay_bits: int
    guard: int
    reset: str | None
    reset_when: str | None
    spikes: str | None
    value_bits: int | None
    current_bits: int = 0
    potential_bits: int = 0
    cut: int = 0
    features: frozenset[str] = field(default=frozenset())
    short: bool = field(default=False, metadata=OPTION)

    @classmethod
    def derive(cls, neuron: Neuron, value_bits: int) -> "Parameters":
        state_bits, spikes = neuron.states["v"], neuron.options["spikes"] != "potential"
        values = neutral(state_bits, neuron.options["decay_bits"])
        used = {name for name in values.keys() & neuron.parameters if (neuron.parameters[name] != values[name]).any()}
        if neuron.options["reset"] == "subtract":
            used.discard("v_reset")
        return cls(
            state_bits=state_bits,
            decay_bits=neuron.options["decay_bits"],
            guard=neuron.options["guard"],
            reset=neuron.options["reset"] if spikes else None,
            reset_when=neuron.options["reset_when"] if spikes else None,
            spikes=neuron.options["spikes"] if spikes else None,
            value_bits=value_bits if spikes else None,
            current_bits=neuron.states.get("i", 0),
            potential_bits=0 if spikes else value_bits,
            cut=neuron.options.get("cut", 0),
            features=frozenset(used),
        )

    def covering(self, other: "Parameters") -> "Parameters":
        """A unit that serves both, or :class:`Refusal` naming the setting in which they differ."""
        settings = dict.fromkeys(COMMON) | (dict.fromkeys(SPIKING) if self.spikes and other.spikes else {})
        settings |= {name: words for name, words in OWN.items() if getattr(self, name) and getattr(other, name)}
        if self.potential_bits and other.potential_bits:
            settings |= {"cut": None}
        for name, words in settings.items():
            if getattr(self, name) != getattr(other, name):
                raise Refusal(
                    f"LIF populations that share a core must have the same {words or name}, not {getattr(self, name)} "
                    f"and {getattr(other, name)}; convert with one value, or use the configuration "
                    "'cores: per-population'"
                )
        features = self.features | other.features
        if bool(self.current_bits) != bool(other.current_bits):
            features |= {"current"}
        return replace(
            self if self.spikes else other,
            current_bits=max(self.current_bits, other.current_bits),
            potential_bits=max(self.potential_bits, other.potential_bits),
            cut=max(self.cut, other.cut),
            features=features,
        )

    @property
    def mixed(self) -> bool:
        """Some neurons spike, others send their potentials."""
        return bool(self.spikes and self.potential_bits)

    @property
    def state_layout(self) -> data.StructLayout:
        members = {"v": signed(self.state_bits)}
        if self.reset_when == "next-step":
            members["n"] = unsigned(self.value_bits)
        if self.current_bits:
            members["i"] = signed(self.current_bits)
        return struct(members)

    @property
    def parameter_layout(self) -> data.StructLayout:
        members: dict[str, Shape] = {}
        if self.spikes:
            members["threshold"] = signed(self.state_bits)
        if self.reset == "subtract":
            members["subtract"] = unsigned(self.state_bits)
        for name in ("keep", "current_keep"):
            if name in self.features:
                members[name] = unsigned(self.decay_bits + 1)
        for name in ("v_reset", "v_min", "v_init", "bias"):
            if name in self.features or (name == "bias" and not self.spikes):  # a memory has something in it
                members[name] = signed(self.state_bits)
        if "current" in self.features:
            members["current"] = unsigned(1)
        if self.mixed:
            members["sends_potential"] = unsigned(1)
        return struct(members)

    def image(self, neuron: Neuron, index: np.ndarray) -> dict[str, np.ndarray]:
        """The parameters of neurons, by field of the layout."""
        values = {name: p if p.ndim == 0 else p[index] for name, p in neuron.parameters.items()}
        values |= {"current": "i" in neuron.states, "sends_potential": neuron.options["spikes"] == "potential"}
        members = self.parameter_layout.members
        return {name: np.broadcast_to(values.get(name, 0), index.shape).astype(np.int64) for name in members}

    @property
    def silent(self) -> dict[str, int]:
        """Parameters, where they are not 0, of a neuron that sends nothing as long as nothing arrives."""
        return {"threshold": (1 << self.state_bits - 1) - 1}

    @property
    def decays(self) -> dict[str, tuple[str, int]]:
        """The states that decay: the parameter that keeps them, and their bits."""
        decays = {"v": ("keep", self.state_bits)}
        return decays | {"i": ("current_keep", self.current_bits)} if self.current_bits else decays

    def wide(self, state: str) -> bool:
        """The state is multiplied in two parts."""
        keep, bits = self.decays[state]
        return keep in self.features and bits > PART + 1

    @property
    def event_shape(self) -> Shape:
        """Of the values that the unit sends."""
        bits = max(self.value_bits or 0, self.potential_bits)
        return signed(bits) if self.potential_bits else unsigned(bits)

    @property
    def latency(self) -> int:
        """Clocks from a unit's inputs to its results: 2 more with a current, 1 less where no neuron spikes, 1 more
        where only some do, and 1 more per bit of a count of spikes, and for its lower bound; 1 less if short."""
        counting = self.value_bits + ("v_min" in self.features) if self.spikes == "many" else 0
        return 7 + bool(self.spikes) + self.mixed + 2 * bool(self.current_bits) + counting - self.short


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
        self.o_value = Signal(parameters.event_shape)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        o = self.parameters
        many, late, current = o.spikes == "many", o.reset_when == "next-step", bool(o.current_bits)
        constants = neutral(o.state_bits, o.decay_bits)
        names = list(o.parameter_layout.members)

        def stage(domain: str = "sync", **values: Value) -> dict[str, Value]:
            """Registers; what follows names the values of the next clock."""
            registers = {}
            for name, value in values.items():
                registers[name] = register = Signal(Value.cast(value).shape(), name=name, reset_less=True)
                m.d[domain] += register.eq(value)
            return registers

        def parameter(s: dict[str, Value], name: str) -> Value:
            return s[name] if name in names else Const(constants[name], signed(o.state_bits + 1))

        def carry(s: dict[str, Value], *wanted: str) -> dict[str, Value]:
            return {name: s[name] for name in wanted if name in s}

        def saturated(value: Value, bits: int, name: str) -> Signal:
            overflow = value[bits - 1 :]
            fits = (overflow == 0) | overflow.all()
            result = Signal(signed(bits), name=name)
            extreme = Mux(value[-1], -(1 << bits - 1), (1 << bits - 1) - 1)
            m.d.comb += result.eq(Mux(fits, value[:bits].as_signed(), extreme))
            return result

        before_drive = [name for name in names if name not in ("keep", "current_keep", "v_init", "bias")]
        after_drive = [name for name in before_drive if name != "current"]

        # 1: the states that the step starts from
        s = {name: self.p[name] for name in names}
        n_previous = Mux(self.first, 0, self.state.n) if late else Const(0)
        if current:
            more = {"i": Mux(self.first, 0, self.state.i)} | ({"n_previous": n_previous} if late else {})
        else:
            more = {"given_back": n_previous * s["subtract"] if late else Const(0)}
        s = stage(
            "comb" if o.short else "sync",
            v=Mux(self.first, parameter(s, "v_init"), self.state.v)[: o.state_bits].as_signed(),
            **more,
            drive=(self.sum << o.guard) + parameter(s, "bias"),
            **carry(s, "keep", "current_keep", *before_drive),
        )
        # 2: the late reset leaves the drive, while the states wait beside their multipliers
        drive = s["drive"] - s["given_back"] if late and not current else s["drive"]
        waiting = carry(s, "i", "n_previous", "keep", "current_keep", *before_drive)
        s = stage(v=s["v"], drive=drive, **waiting)
        # 3: decay's products, in two parts that fit a multiplier of any family
        prefix = {state: "" if state == "v" else f"{state}_" for state in o.decays}
        parts = {}
        for state, (keep, _) in o.decays.items():
            of = prefix[state]
            if keep in names:
                wide = o.wide(state)
                low, high = s[state][:PART], s[state][PART:].as_signed() if wide else s[state]
                parts |= {f"{of}low": low * s[keep] if wide else Const(0, 0), f"{of}high": high * s[keep]}
            else:
                parts[f"{of}high"] = s[state]
        s = stage(**parts, **carry(s, "drive", "n_previous", *before_drive))
        # 4: the whole products
        products = {}
        for state, of in prefix.items():
            low, high = s.get(f"{of}low"), s[f"{of}high"]
            wide = o.wide(state)
            product, fraction = ((high << PART) + low, low[:PART]) if wide else (high, high)
            products |= {f"{of}product": product, f"{of}fraction": fraction[: o.decay_bits].any()}
        s = stage(**products, **carry(s, "drive", "n_previous", *before_drive))
        # 5: truncate toward zero
        kept = {}
        for state, (keep, bits) in o.decays.items():
            decayed = s[f"{prefix[state]}product"]
            if keep in names and o.decay_bits:
                inexact = s[f"{prefix[state]}fraction"]
                if o.wide(state) and o.decay_bits > PART:
                    inexact |= decayed[PART : o.decay_bits].any()  # what both parts add to
                decayed = (decayed >> o.decay_bits) + (decayed[-1] & inexact)
            kept[f"{prefix[state]}decayed"] = decayed[:bits].as_signed()
        if late and current:
            kept["given_back"] = s["n_previous"] * s["subtract"]
        s = stage(**kept, **carry(s, "drive", *before_drive))
        if current:
            # the current; the late reset leaves the potential meanwhile
            decayed = s["decayed"] - s["given_back"] if late else s["decayed"]
            s = stage(i=s["i_decayed"] + s["drive"], decayed=decayed, **carry(s, "drive", *before_drive))
            # ... saturated; a neuron without one has its drive
            i = saturated(s["i"], o.current_bits, "i_saturated")
            some = "current" in names
            s = stage(
                i=Mux(s["current"], i, 0) if some else i,
                drive=Mux(s["current"], i, s["drive"]) if some else i,
                **carry(s, "decayed", *after_drive),
            )
        # 6: integrate
        s = stage(x=s["decayed"] + s["drive"], **carry(s, "i", *after_drive))
        # 7: compare and reset
        if o.spikes:
            x, over = s["x"], s["x"] - s["threshold"]
            fired = ~over[-1] & ~s["sends_potential"] if o.mixed else ~over[-1]
        at_end = ("i", "sends_potential", "v_min")
        if not o.spikes:
            y = s["x"]
        elif not many:
            n: Value = fired
            y = x - s["subtract"] if o.reset == "subtract" else parameter(s, "v_reset")
            s = stage(n=n, y=Const(0) if late else y, x=x, **carry(s, *at_end))
            y = s["x"] if late else Mux(s["n"], s["y"], s["x"])
        else:
            rest = carry(s, "i", *after_drive)
            s = stage(rest=over, y=x - s["subtract"], x=x, quotient=Const(0, 0), fired=fired, **rest)
            for bit in reversed(range(o.value_bits - 1)):
                amount = s["subtract"] << bit
                rest, y = s["rest"] - amount, s["y"] - amount
                fits = ~rest[-1]
                s = stage(
                    rest=Mux(fits, rest, s["rest"]),
                    y=Mux(fits, y, s["y"]),
                    quotient=fits if not len(s["quotient"]) else (s["quotient"] << 1) | fits,
                    **carry(s, "x", "fired", "i", *after_drive),
                )
            # n = 1 + quotient, at most n_max: a quotient of all ones gives back the one step too many.
            full = s["quotient"].all()
            n = Mux(s["fired"], s["quotient"] + ~full, 0)
            y = Mux(Const(0) if late else s["fired"], s["y"] + Mux(full, s["subtract"], 0), s["x"])
            s = stage(n=n, y=y, **carry(s, *at_end))
            y = s["y"]
        # 8: saturate once, then the lower bound
        v: Value = saturated(y, o.state_bits, "saturated")
        if "v_min" in names:
            if many:
                s = stage(v=v, **carry(s, "n", *at_end))
                v = s["v"]
            v = Mux(v < s["v_min"], s["v_min"], v)
        if o.mixed:
            # and another: which of them is the event
            s = stage(v=v, **carry(s, "n", "i", "sends_potential"))
            v = s["v"]
        m.d.sync += self.o_state.v.eq(v)
        if late:
            m.d.sync += self.o_state.n.eq(s["n"])
        if current:
            m.d.sync += self.o_state.i.eq(s["i"])
        value = saturated(v[o.cut :].as_signed(), o.potential_bits, "event") if o.potential_bits else s["n"]
        m.d.sync += self.o_value.eq(Mux(s["sends_potential"], value, s["n"]) if o.mixed else value)
        return m

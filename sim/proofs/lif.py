"""The LIF family at small widths against the contract's rule, for all inputs, states and parameters."""

from typing import Any

from amaranth.hdl import Mux, Value

from spikeloom.sim.proofs.proof import Bug, Proof, proof
from spikeloom.sim.proofs.statement import Statement

__all__ = ["PROOFS"]

SUM_BITS = 5
WIDTHS: dict[str, Any] = {"state_bits": 5, "decay_bits": 3, "guard": 1}
#: State bits that are multiplied at once: less than the state has, so that both parts are needed.
PART = 3


def saturated(value: Value, bits: int) -> Value:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return Mux(value > high, high, Mux(value < low, low, value))


def truncated(value: Value, bits: int) -> Value:
    """Toward zero."""
    return Mux(value < 0, -(-value >> bits), value >> bits)


def n_max(o: Any) -> int:
    return 1 if o.spikes == "one" else (1 << o.value_bits - 1) - 1


def spikes(o: Any, over: Value, subtract: Value) -> Value:
    """How many, of a potential that is ``over`` the threshold."""
    return sum(((over >= k * subtract) for k in range(n_max(o))), Value.cast(0))


def step(o: Any, unit: Any) -> dict[str, Value]:
    """docs/contract.md, "The LIF family", line by line: the new state and the event's value."""
    p = {name: unit.p[name] for name in o.parameter_layout.members}
    p = {"keep": 1 << o.decay_bits, "current_keep": 1 << o.decay_bits, "v_init": 0, "v_reset": 0, "bias": 0, **p}
    old = {
        name: Mux(unit.first, p["v_init"] if name == "v" else 0, unit.state[name]) for name in o.state_layout.members
    }

    d = unit.sum * 2**o.guard + p["bias"]
    drive, new = d, {}
    if o.current_bits:
        i = saturated(truncated(old["i"] * p["current_keep"], o.decay_bits) + d, o.current_bits)
        new["i"] = Mux(p["current"], i, 0) if "current" in p else i
        drive = Mux(p["current"], i, d) if "current" in p else i
    x = truncated(old["v"] * p["keep"], o.decay_bits) + drive
    if o.reset_when == "next-step":
        x = x - old["n"] * p["subtract"]
    n, y = Value.cast(0), x
    if o.spikes:
        n = spikes(o, x - p["threshold"], p.get("subtract", Value.cast(0)))
        if o.mixed:
            n = Mux(p["sends_potential"], 0, n)
        if o.reset_when == "next-step":
            new["n"] = n
        else:
            y = x - n * p["subtract"] if o.reset == "subtract" else Mux(n != 0, p["v_reset"], x)
    v = saturated(y, o.state_bits)
    new["v"] = Mux(v < p["v_min"], p["v_min"], v) if "v_min" in p else v
    potential = saturated(new["v"] >> o.cut, o.potential_bits) if o.potential_bits else 0
    new["value"] = Mux(p["sends_potential"], potential, n) if o.mixed else n if o.spikes else potential
    return new


def sizes(o: dict[str, Any]) -> str:
    words = [f"state {o['state_bits']} bits", f"sum {SUM_BITS}", f"decay {o['decay_bits']}"]
    words += [f"current {o['current_bits']}"] if "current_bits" in o else []
    return ", ".join(words)


def lif(claim: str, bug: Bug, *, part: int = PART, **options: Any) -> Proof:
    o = WIDTHS | {"reset": None, "reset_when": None, "spikes": None, "value_bits": None} | options

    def state(hdl: Any, s: Statement) -> None:
        hdl.PART = part
        parameters = hdl.Parameters(**o)
        s.m.submodules.unit = unit = hdl.Unit(parameters, SUM_BITS)
        for port in ("sum", "first", "state", "p"):
            given = Value.cast(getattr(unit, port))
            s.m.d.comb += given.eq(s.any(given.shape(), port))
        # What the contract allows; the fields have room for more.
        fine = Value.cast(1)
        for name in parameters.parameter_layout.members:
            if name in ("keep", "current_keep"):
                fine &= unit.p[name] <= 1 << parameters.decay_bits
            elif name == "subtract":
                fine &= (unit.p[name] < 1 << parameters.state_bits - 1) & (unit.p[name] >= (o["spikes"] == "many"))
        if o["reset_when"] == "next-step":
            fine &= unit.state.n <= n_max(parameters)
        given = {name: unit.o_state[name] for name in parameters.state_layout.members} | {"value": unit.o_value}
        meant = step(parameters, unit)
        checked = s.before(fine, parameters.latency)
        for name, value in given.items():
            s.claim(~checked | (value == s.before(meant[name], parameters.latency)))
        s.example(checked & (unit.o_value != 0))

    return proof("neurons.lif.Unit", claim, size=sizes(o), bug=bug, bounded=True)(state)


FEATURES = frozenset(("keep", "v_min", "v_init", "bias"))
PROOFS = (
    lif(
        "one spike, subtracted in the same step",
        Bug("truncates down", "(decayed[-1] & inexact)", "0"),
        reset="subtract", reset_when="same-step", spikes="one", value_bits=1, features=FEATURES,
    ),
    lif(
        "the same, with decay bits of both parts of the product",
        Bug("leaves out those of the upper part", "inexact |= decayed[PART : o.decay_bits].any()", "pass"),
        part=2, reset="subtract", reset_when="same-step", spikes="one", value_bits=1, features=FEATURES,
    ),
    lif(
        "one spike, reset to a value in the same step",
        Bug("compares with more than the threshold", "x, over = s[\"x\"], s[\"x\"] - s[\"threshold\"]",
            "x, over = s[\"x\"], s[\"x\"] - s[\"threshold\"] - 1"),
        reset="zero", reset_when="same-step", spikes="one", value_bits=1, features=FEATURES | {"v_reset"},
    ),
    lif(
        "one spike, subtracted in the next step, and a current",
        Bug("compares after saturating", "overflow = value[bits - 1 :]", "overflow = value[bits:]"),
        reset="subtract", reset_when="next-step", spikes="one", value_bits=1, current_bits=6,
        features=FEATURES | {"current_keep"},
    ),
    lif(
        "many spikes",
        Bug("subtracts one step too many at the most", "Mux(full, s[\"subtract\"], 0)", "0"),
        reset="subtract", reset_when="same-step", spikes="many", value_bits=3, features=FEATURES,
    ),
    lif(
        "many spikes, subtracted in the next step, and a current",
        Bug("one too many at the most", "s[\"quotient\"] + ~full", "s[\"quotient\"] + 1"),
        reset="subtract", reset_when="next-step", spikes="many", value_bits=3, current_bits=6,
        features=frozenset(("keep", "current_keep")),
    ),
    lif(
        "potentials",
        Bug("the lower bound is an upper one", "Mux(v < s[\"v_min\"]", "Mux(v > s[\"v_min\"]"),
        potential_bits=3, cut=1, features=FEATURES,
    ),
    lif(
        "spikes of some, potentials of others; a current of some",
        Bug("those without a current saturate their drive", "Mux(s[\"current\"], i, s[\"drive\"])", "i"),
        reset="subtract", reset_when="same-step", spikes="one", value_bits=1, current_bits=6, potential_bits=3, cut=1,
        features=FEATURES | {"current_keep", "current"},
    ),
    lif(
        "one spike, subtracted in the next step",
        Bug("gives nothing back", "s[\"drive\"] - s[\"given_back\"] if late and not current",
            "s[\"drive\"] if late and not current"),
        reset="subtract", reset_when="next-step", spikes="one", value_bits=1, features=FEATURES,
    ),
    lif(
        "many spikes, subtracted in the next step",
        Bug("gives back in a sample's first step", "Mux(self.first, 0, self.state.n)", "self.state.n"),
        reset="subtract", reset_when="next-step", spikes="many", value_bits=3, features=FEATURES,
    ),
    lif(
        "many spikes, subtracted in the same step, and a current",
        Bug("a sample begins with the old current", "Mux(self.first, 0, self.state.i)", "self.state.i"),
        reset="subtract", reset_when="same-step", spikes="many", value_bits=3, current_bits=6,
        features=frozenset(("keep", "current_keep")),
    ),
    lif(
        "one spike, reset to a value in the same step, and a current",
        Bug("saturates twice the current", "saturated(s[\"i\"], o.current_bits, ",
            "saturated(s[\"i\"] << 1, o.current_bits, "),
        reset="zero", reset_when="same-step", spikes="one", value_bits=1, current_bits=6,
        features=FEATURES | {"current_keep", "v_reset"},
    ),
    lif(
        "potentials, and a current",
        Bug("events are not saturated", "saturated(v[o.cut :].as_signed(), o.potential_bits, \"event\") if",
            "v[o.cut :][: o.potential_bits].as_signed() if"),
        potential_bits=3, cut=1, current_bits=6, features=FEATURES | {"current_keep"},
    ),
    lif(
        "many spikes of some, potentials of others",
        Bug("those that send potentials spike", "~over[-1] & ~s[\"sends_potential\"] if o.mixed",
            "~over[-1] if o.mixed"),
        reset="subtract", reset_when="same-step", spikes="many", value_bits=3, potential_bits=3, cut=1,
        features=FEATURES,
    ),
    lif(
        "one spike, subtracted in the same step, in a short pipeline",
        Bug("the bias is left out", "drive=(self.sum << o.guard) + parameter(s, \"bias\")",
            "drive=self.sum << o.guard"),
        reset="subtract", reset_when="same-step", spikes="one", value_bits=1, features=FEATURES, short=True,
    ),
    lif(
        "one spike, without decay, bounds, bias or guard bits",
        Bug("fires above the threshold alone", "x, over = s[\"x\"], s[\"x\"] - s[\"threshold\"]",
            "x, over = s[\"x\"], s[\"x\"] - s[\"threshold\"] - 1"),
        reset="subtract", reset_when="same-step", spikes="one", value_bits=1, guard=0,
    ),
)  # fmt: skip

"""What a .nir file leaves open, as knobs, and how each framework sets them.

NIR describes neurons in continuous time. A network that runs in steps needs dt, the kind and the time of the reset,
strictness, and more, none of which is in the file; nothing here is guessed. The one discrete rule whose knobs these
are is stated in :mod:`spikeloom.golden.float_model`.
"""

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from spikeloom.golden.network import Refusal

__all__ = ["CONVENTIONS", "KNOBS", "Knobs", "Question", "resolve"]

#: Each knob: what it decides, and its values.
KNOBS: dict[str, tuple[str, str | tuple[Any, ...]]] = {
    "dt": (
        "length of a step, in the unit of the file's time constants "
        "(snnTorch and SpikingJelly export 1e-4, Norse 1e-3, Sinabs and Spyx 1, Rockpool the dt of the network)",
        "NUMBER",
    ),
    "decay": ("share of the potential kept per step: 1-dt/tau or exp(-dt/tau)", ("euler", "exponential")),
    "membrane_gain": (
        "factor on a neuron's input: the equation's (r*dt/tau for euler), 1, or 1 minus the decay",
        ("ode", "unit", "one-minus-decay"),
    ),
    "synapse_gain": ("factor on the input of a synaptic current", ("ode", "unit", "decayed")),
    "compare": ("a neuron fires where its potential is > or >= its threshold", ("gt", "ge")),
    "reset": ("after a spike the potential becomes v_reset, or loses the threshold", ("zero", "subtract")),
    "reset_when": ("when the threshold is subtracted", ("same-step", "next-step")),
    "spikes": ("spikes of one neuron in one step", ("one", "many")),
    "v_min": ("lower bound of the potential (Sinabs: -1 for IAF made by from_model)", "none or NUMBER"),
    "start": ("potential at the start of a sample: 0, v_reset or v_leak", ("zero", "reset", "leak")),
    "lag": ("a spike is reported in the step after the potential crossed the threshold", (False, True)),
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """A knob that matters for this file and that nobody has set."""

    knob: str
    about: str
    choices: str

    def __str__(self) -> str:
        name = self.knob.replace("_", "-")
        option = f"--{name} {self.choices}" if self.knob != "lag" else "--lag or --no-lag"
        return f"{option}: {self.about}"


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """The answers; None is a knob that nobody has set. ``v_min`` is a number or ``"none"``; ``start`` is never open.

    A convention sets the knobs that it fixes and that are not given.
    """

    convention: str | None = None
    dt: float | None = None
    decay: str | None = None
    membrane_gain: str | None = None
    synapse_gain: str | None = None
    compare: str | None = None
    reset: str | None = None
    reset_when: str | None = None
    spikes: str | None = None
    v_min: float | str | None = None
    start: str | None = None
    lag: bool | None = None

    def __post_init__(self) -> None:
        if self.convention is not None:
            if self.convention not in CONVENTIONS:
                raise Refusal(f"there is no convention {self.convention!r}; there are {', '.join(CONVENTIONS)}")
            fixed = asdict(CONVENTIONS[self.convention])
            if self.lag:
                fixed["reset_when"] = "next-step"  # as Spyx's LIF, unless it is given
            for name, value in fixed.items():
                if getattr(self, name) is None:
                    object.__setattr__(self, name, value)
        for name, (_, choices) in KNOBS.items():
            value = getattr(self, name)
            if isinstance(choices, tuple) and value is not None and value not in choices:
                raise Refusal(f"{name} must be {' or '.join(map(str, choices))}, not {value!r}")
        if self.dt is not None and not (_number(self.dt) and self.dt > 0):
            raise Refusal(f"dt must be a positive number, not {self.dt!r}")
        for name in ("dt", "v_min"):  # numpy's numbers are not JSON's
            if isinstance(value := getattr(self, name), numbers.Real) and not isinstance(value, int):
                object.__setattr__(self, name, float(value))
        if self.v_min not in (None, "none") and not _number(self.v_min):
            raise Refusal(f"v_min must be a number or 'none', not {self.v_min!r}")
        if self.spikes == "many" and self.reset == "zero":
            raise Refusal("spikes 'many' needs reset 'subtract': a reset to one value leaves nothing to count")

    def questions(self, types: Iterable[str]) -> tuple[Question, ...]:
        """The unset knobs that can make a difference to nodes of these types."""
        types = set(types)
        spiking = types & {"IF", "LIF", "CubaLIF"}
        matter = {"compare", "reset", "spikes", "v_min", "lag"} if spiking else set()
        if "Threshold" in types:
            matter |= {"spikes", "lag"}
        if "Delay" in types:
            matter |= {"dt"}
        if types & {"LIF", "LI", "CubaLIF", "CubaLI"}:
            matter |= {"dt", "decay", "membrane_gain"}
        if types & {"IF", "I"}:
            matter |= {"membrane_gain"} | ({"dt"} if self.membrane_gain != "unit" else set())
        if types & {"CubaLIF", "CubaLI"}:
            matter |= {"synapse_gain"}
        if self.reset != "zero" and not self.lag:
            matter |= {"reset_when"} if spiking else set()
        return tuple(
            Question(knob=name, about=about, choices=_choices(choices))
            for name, (about, choices) in KNOBS.items()
            if name in matter and getattr(self, name) is None
        )

    def as_dict(self) -> dict[str, Any]:
        """The knobs as JSON can hold them."""
        return asdict(self)


def _number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def _choices(choices: str | tuple[Any, ...]) -> str:
    if isinstance(choices, str):
        return choices
    return "|".join(map(str, choices))


_ONE = {"spikes": "one", "lag": False, "v_min": "none", "start": "zero"}
_PLAIN = {"membrane_gain": "ode", "compare": "gt", "reset": "zero", "reset_when": "same-step", **_ONE}

#: The knobs that each framework fixes. What its exporter leaves to its user (most often dt) stays open.
CONVENTIONS: dict[str, Knobs] = {
    "snntorch": Knobs(
        **{**_PLAIN, "dt": 1e-4, "decay": "euler", "reset": "subtract", "reset_when": "next-step"}, synapse_gain="ode"
    ),
    "norse": Knobs(**{**_PLAIN, "start": "leak"}, decay="euler", synapse_gain="unit"),
    "sinabs": Knobs(
        dt=1.0,
        decay="exponential",
        membrane_gain="one-minus-decay",
        compare="ge",
        reset="subtract",
        reset_when="same-step",
        spikes="many",
        start="zero",
        lag=False,
    ),
    "spikingjelly": Knobs(**{**_PLAIN, "compare": "ge", "start": "reset"}, decay="euler", synapse_gain="unit"),
    "rockpool": Knobs(
        decay="exponential",
        membrane_gain="unit",
        synapse_gain="decayed",
        compare="ge",
        reset="subtract",
        reset_when="same-step",
        spikes="many",
        v_min="none",
        start="zero",
        lag=False,
    ),
    "spyx": Knobs(
        decay="euler",
        membrane_gain="unit",
        synapse_gain="unit",
        compare="gt",
        reset="subtract",
        reset_when="next-step",
        spikes="one",
        v_min="none",
        start="zero",
        lag=True,
    ),
    "euler": Knobs(**_PLAIN, decay="euler", synapse_gain="ode"),
    "exponential": Knobs(**_PLAIN, decay="exponential", synapse_gain="ode"),
}
CONVENTIONS = {name: replace(knobs, convention=name) for name, knobs in CONVENTIONS.items()}


def resolve(convention: Knobs | str | None = None, overrides: Mapping[str, Any] | None = None) -> Knobs:
    """A convention's knobs (or those given) with those in ``overrides`` set instead (None: not overridden).

    Which knobs are still open for a given file, :meth:`Knobs.questions` says.
    """
    if not isinstance(convention, Knobs | str | None):
        raise Refusal(f"knobs must be Knobs or the name of a convention ({', '.join(CONVENTIONS)}), not {convention!r}")
    base = convention if isinstance(convention, Knobs) else Knobs(convention=convention)
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    unknown = set(given) - {f.name for f in fields(Knobs)} | set(given) & {"convention"}
    if unknown:
        raise Refusal(f"there is no knob {sorted(unknown)[0]!r}; there are {', '.join(KNOBS)}")
    if given.get("lag") and "reset_when" not in given:
        given["reset_when"] = "next-step"  # as Spyx's LIF, unless it is given
    return replace(base, **given)

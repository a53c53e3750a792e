"""The LIF family: one rule with knobs. IF is ``keep == 2**decay_bits``.

Per step, for one neuron, with the exact sum ``a`` of its ``input`` port::

    d = a * 2**guard + bias
    i = saturate(trunc(i * current_keep / 2**decay_bits) + d)       with a state i: a synaptic current
    x = trunc(v * keep / 2**decay_bits) + (i, or d without it)      trunc: toward zero
    x = x - n_previous * subtract                                   reset_when "next-step"
    n = 0                                                           where x < threshold
        1                                                           spikes "one"
        min(n_max, 1 + floor((x - threshold) / subtract))           spikes "many"
    y = x - n * subtract   or   (v_reset if n else x)               reset "subtract" / "zero", reset_when "same-step"
    v = max(v_min, saturate(y))                                     saturate to the state's bits
    n = saturate(floor(v / 2**cut)), to value_bits                  spikes "potential", which never resets

and an event of value ``n`` where ``n != 0``. A sample starts with ``v_init`` in ``v``, and 0 in ``i`` and
``n_previous``.

Integers: ``keep`` and ``current_keep`` 0..2**decay_bits; ``threshold``, ``v_reset``, ``v_init``, ``v_min`` within the
state v; ``subtract`` >= 0 within it, >= 1 where many spikes are counted; ``bias`` any integer of v's bits.
``guard`` are fraction bits below the unit of the weights. ``n_max`` is the largest value of the population's events.
A late reset to zero is the same spike train as one in the same step, so it has no option of its own. Where the
potential is what is sent, ``threshold``, ``subtract`` and ``v_reset`` are 0, the reset "subtract", "same-step".
"""

import numpy as np

from spikeloom.golden.network import Neuron, Refusal

__all__ = ["Batch", "check", "initial", "step", "unit"]

OPTIONS = {
    "reset": ("zero", "subtract"),
    "reset_when": ("same-step", "next-step"),
    "spikes": ("one", "many", "potential"),
    "decay_bits": range(0, 25),
    "guard": range(0, 25),
}
PARAMETERS = ("keep", "threshold", "subtract", "v_reset", "v_min", "v_init", "bias")
CUT = "cut"  # an option more, where the potential is sent
CURRENT = "current_keep"  # a parameter more, where there is a current


def n_max(value_bits: int) -> int:
    """Most spikes one event can stand for."""
    return 1 if value_bits == 1 else (1 << value_bits - 1) - 1


def check(neuron: Neuron, value_bits: int) -> None:
    """Raise :class:`Refusal` unless every integer is one that the rule is defined for."""
    for name, allowed in OPTIONS.items():
        if neuron.options.get(name) not in allowed:
            raise Refusal(f"LIF option {name!r} must be one of {tuple(allowed)}, not {neuron.options.get(name)!r}")
    current, spikes = "i" in neuron.states, neuron.options["spikes"]
    parameters = (*PARAMETERS, CURRENT) if current else PARAMETERS
    options = (*OPTIONS, CUT) if spikes == "potential" else tuple(OPTIONS)
    if set(neuron.options) != set(options) or set(neuron.parameters) != set(parameters):
        raise Refusal(f"LIF needs exactly the options {options} and the parameters {parameters}")
    late = neuron.options["reset_when"] == "next-step"
    if late and neuron.options["reset"] == "zero":
        raise Refusal("LIF: a reset to zero in the next step is the one in the same step; use reset_when 'same-step'")
    if spikes == "many" and neuron.options["reset"] == "zero":
        raise Refusal("LIF: many spikes per step need the reset 'subtract'")
    if (spikes != "one") != (value_bits > 1):
        raise Refusal("LIF: many spikes per step and potentials need events of 2 or more value bits, one spike needs 1")
    if spikes == "potential":
        if late or neuron.options["reset"] != "subtract":
            raise Refusal("LIF: what sends its potential has the reset 'subtract' in the 'same-step'")
        if neuron.options[CUT] not in range(neuron.states.get("v", 48)):
            raise Refusal(f"LIF: cut must be in 0..{neuron.states.get('v', 48) - 1}, not {neuron.options[CUT]!r}")
        for name in ("threshold", "subtract", "v_reset"):
            if neuron.parameters[name].any():
                raise Refusal(f"LIF: what sends its potential has the {name} 0")
    states = {"v"} | ({"n"} if late else set()) | ({"i"} if current else set())
    if set(neuron.states) != states:
        raise Refusal(f"LIF with these options has the states {sorted(states)}, not {sorted(neuron.states)}")
    if late and neuron.states["n"] != value_bits:
        raise Refusal(f"LIF: state 'n' must have the events' {value_bits} bits, not {neuron.states['n']}")
    for name in sorted({"i", "v"} & states):
        if neuron.states[name] + neuron.options["decay_bits"] > 62:
            raise Refusal(
                f"LIF: state {name!r} and decay must have 62 bits or fewer together, not {neuron.states[name]} and "
                f"{neuron.options['decay_bits']}"
            )
        if neuron.states[name] < 2:
            raise Refusal(f"LIF: state {name!r} must have 2 bits or more, not 1")
    limit = 1 << neuron.states["v"] - 1
    ranges = dict.fromkeys(parameters, (-limit, limit - 1))
    ranges["keep"] = ranges[CURRENT] = (0, 1 << neuron.options["decay_bits"])
    ranges["subtract"] = (1 if spikes == "many" else 0, limit - 1)
    for name in parameters:
        value, (low, high) = neuron.parameters[name], ranges[name]
        if value.min() < low or value.max() > high:
            raise Refusal(
                f"LIF: {name} must be in {low}..{high} for a {neuron.states['v']}-bit state, "
                f"not {value.min()}..{value.max()}"
            )


def step(neuron: Neuron, value_bits: int, index: int, state: dict[str, int], a: int) -> tuple[dict[str, int], int]:
    """One step of neuron ``index``: its new state and the value of its event (0: none)."""
    p = {name: int(value if value.ndim == 0 else value[index]) for name, value in neuron.parameters.items()}
    o = neuron.options

    def kept(value: int, keep: int) -> int:
        product = value * keep
        return product >> o["decay_bits"] if product >= 0 else -(-product >> o["decay_bits"])

    def saturated(value: int, bits: int) -> int:
        return min((1 << bits - 1) - 1, max(-(1 << bits - 1), value))

    new: dict[str, int] = {}
    drive = (a << o["guard"]) + p["bias"]
    if "i" in state:
        drive = new["i"] = saturated(kept(state["i"], p[CURRENT]) + drive, neuron.states["i"])
    x = kept(state["v"], p["keep"]) + drive
    if o["reset_when"] == "next-step":
        x -= state["n"] * p["subtract"]
    if x < p["threshold"] or o["spikes"] == "potential":
        n = 0
    elif o["spikes"] == "one":
        n = 1
    else:
        n = min(n_max(value_bits), 1 + (x - p["threshold"]) // p["subtract"])
    y = x
    if o["reset_when"] == "same-step":
        if o["reset"] == "subtract":
            y = x - n * p["subtract"]
        elif n:
            y = p["v_reset"]
    new["v"] = max(p["v_min"], saturated(y, neuron.states["v"]))
    if o["reset_when"] == "next-step":
        new["n"] = n
    if o["spikes"] == "potential":
        n = saturated(new["v"] >> o[CUT], value_bits)
    return new, n


def initial(neuron: Neuron, shape: tuple[int, ...], dtype: type = np.int64) -> dict[str, np.ndarray]:
    """The state at the start of a sample, as arrays of ``shape`` (..., neurons)."""
    state = {"v": np.broadcast_to(neuron.parameters["v_init"], shape).astype(dtype)}
    for name in {"i", "n"} & set(neuron.states):
        state[name] = np.zeros(shape, dtype)
    return state


def unit(neuron: Neuron) -> int:
    """What a sum of one adds to the potential."""
    return 1 << neuron.options["guard"]


def _largest(values: np.ndarray) -> int:
    return int(np.abs(values).max())


class Batch:
    """:func:`step` for every neuron of every sample at once, in arrays (samples, neurons) that change in place.

    Floats hold integers exactly: what is added in a step is float32 while it stays below 2**24, potentials are float64
    while no intermediate reaches 2**53. Beyond, both are int64.
    """

    def __init__(self, neuron: Neuron, value_bits: int, samples: int, size: int, largest_sum: int) -> None:
        """``largest_sum``: no sum will be further from 0, in units of the potential."""
        p, self.options = neuron.parameters, neuron.options
        self.n_max, self.limit = n_max(value_bits), 1 << neuron.states["v"] - 1
        self.current_limit = 1 << neuron.states["i"] - 1 if "i" in neuron.states else 0
        self.added = largest_sum + _largest(p["bias"]) + self.n_max * _largest(p["subtract"])
        most = self.added + self.current_limit  # that a step adds to the current or to the potential
        limit = max(self.limit, self.current_limit)
        wide = max(limit << self.options["decay_bits"], 2 * limit + most) >= 1 << 53
        self.dtype = np.int64 if wide else np.float64
        self.arriving = np.empty((samples, size), np.float32 if self.added < 1 << 24 and not wide else self.dtype)
        self.spent = np.empty_like(self.arriving)
        self.fires = np.empty((samples, size), bool)
        self.state = initial(neuron, (samples, size), self.dtype)
        self.p = {name: value.astype(self.dtype)[()] for name, value in p.items()}
        self.subtract = p["subtract"].astype(self.arriving.dtype)
        # In full, if it has a value per neuron: numpy is slow with rows.
        self.bias = np.broadcast_to(p["bias"], self.fires.shape if p["bias"].ndim else ()).astype(self.arriving.dtype)
        self.keep = {
            name: p[name].astype(self.dtype)[()] * (1 if wide else 2.0 ** -self.options["decay_bits"])
            for name in ("keep", CURRENT)[: 1 + (self.current_limit > 0)]
        }
        self.cut, self.value_limit = 1 << self.options.get(CUT, 0), 1 << value_bits - 1
        self.most_kept, self.v_reset, self.reach = (_largest(p[name]) for name in ("keep", "v_reset", "v_init"))

    def advance(self, a: np.ndarray, n: np.ndarray) -> None:
        """One step with the exact sums ``a``, in units of the potential, in any type that holds them.

        Writes the values of the events (0: none) into ``n``, which it may keep as a state.
        """
        p, o, v, arriving, spent = self.p, self.options, self.state["v"], self.arriving, self.spent
        late = o["reset_when"] == "next-step"
        np.add(a, self.bias, out=arriving, dtype=arriving.dtype, casting="unsafe")
        self._decay(v, "keep")
        if self.current_limit:
            i = self.state["i"]
            self._decay(i, CURRENT)
            i += arriving
            v += np.clip(i, -self.current_limit, self.current_limit - 1, out=i)
            arriving[...] = 0
        if late:
            arriving -= np.multiply(self.state["n"], self.subtract, out=spent, dtype=spent.dtype, casting="unsafe")
        v += arriving
        if o["spikes"] != "potential":
            n[...] = np.greater_equal(v, p["threshold"], out=self.fires)
        if o["spikes"] == "many":
            count = np.minimum(self.n_max, 1 + (v - p["threshold"]) // p["subtract"])
            np.multiply(count, self.fires, out=n, casting="unsafe")
        if late:
            self.state["n"] = n
        elif o["reset"] == "zero":
            v += (p["v_reset"] - v) * self.fires
        elif o["spikes"] != "potential":
            v -= np.multiply(n, self.subtract, out=spent, dtype=spent.dtype, casting="unsafe")
        # How far from 0 any potential can be by now: mostly too little to saturate. v_min is within the state.
        added = self.added + self.current_limit
        self.reach = max(self.v_reset, (self.reach * self.most_kept >> o["decay_bits"]) + added)
        if self.reach >= min(self.limit, 1 - p["v_min"].max()):
            np.clip(v, p["v_min"], self.limit - 1, out=v)
            self.reach = self.limit
        if o["spikes"] == "potential":
            n[...] = np.clip(v // self.cut, -self.value_limit, self.value_limit - 1)

    def _decay(self, values: np.ndarray, keep: str) -> None:
        """values = trunc(values * keep / 2**decay_bits), toward zero; a float's product and quotient are exact."""
        values *= self.keep[keep]
        if self.dtype == np.float64:
            np.trunc(values, out=values)
        else:
            values += (values >> 63) & ((1 << self.options["decay_bits"]) - 1)
            values >>= self.options["decay_bits"]

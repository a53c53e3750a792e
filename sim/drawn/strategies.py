"""Random networks and stimuli.

Hypothesis draws the structure and a seed; numpy draws the numbers from the seed, so that drawing is fast and a
failing case shrinks to a small structure.
"""

import math
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from spikeloom.golden.network import Network, Neuron, Population, Projection
from spikeloom.golden.synapses import to_dense
from spikeloom.sim.drawn.synapses import synapses_of, window_of

__all__ = ["networks", "stimuli"]


@st.composite
def _neurons(
    draw: st.DrawFn,
    rng: np.random.Generator,
    size: int,
    drive: float,
    graded: bool,
    currents: bool,
    potentials: bool,
) -> tuple[Neuron, int, float]:
    """LIF neurons whose thresholds are near what a typical drive of sums reaches: some fire, some do not.

    With the bits of their events and a typical value.
    """
    kinds = ["one", "many", "potential"][: 2 + potentials] if graded else ["one"]
    spikes = draw(st.sampled_from(kinds))
    reset = "subtract" if spikes != "one" else draw(st.sampled_from(["zero", "subtract"]))
    reset_when = draw(st.sampled_from(["same-step", "next-step"]))
    if reset == "zero" or spikes == "potential":
        reset_when = "same-step"
    decay_bits, guard = draw(st.integers(0, 12)), draw(st.integers(0, 6))
    value_bits = 1 if spikes == "one" else draw(st.integers(2, 5 if spikes == "many" else 9))
    per_neuron = draw(st.sampled_from([True, False, True]))

    def numbers(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, size if per_neuron else ()).round().astype(np.int64)

    unit = max(1.0, drive * 2**guard)
    spread = rng.uniform(0.05, 2.5, size if per_neuron else ())
    threshold = np.maximum(1, spread * unit).round().astype(np.int64)
    subtract = np.maximum(1, threshold * rng.choice([0.25, 1.0, 1.0, 1.5])).round().astype(np.int64)
    # A narrow state saturates, a wide one never does.
    bits = int(max(threshold.max(), subtract.max())).bit_length() + 1 + draw(st.integers(0, 3))
    limit = 1 << bits - 1
    keep = draw(st.sampled_from(["all", "some", "none"]))
    leak = {"all": (1, 1), "some": (0.3, 1), "none": (0, 0)}[keep]
    v_min = draw(st.sampled_from(["none", "zero", "some"]))
    floor = {"none": (-limit, -limit), "zero": (0, 0), "some": (-unit, -unit / 4)}[v_min]
    parameters = {
        "keep": numbers(leak[0] * 2**decay_bits, leak[1] * 2**decay_bits),
        "threshold": threshold,
        "subtract": subtract,
        "v_min": np.maximum(numbers(*floor), -limit),
        "v_reset": np.clip(numbers(-unit / 2, unit / 4), -limit, threshold - 1),
        "v_init": np.clip(numbers(-unit, unit / 4), -limit, limit - 1) if draw(st.booleans()) else 0,
        "bias": np.clip(numbers(-unit / 4, unit / 4), -limit, limit - 1) if draw(st.booleans()) else 0,
    }
    states = {"v": bits} | ({"n": value_bits} if reset_when == "next-step" else {})
    typical = 1.0 if spikes == "one" else 2.0
    if spikes == "potential":
        parameters |= dict.fromkeys(("threshold", "subtract", "v_reset"), 0)
        cut = draw(st.integers(max(0, bits - value_bits - 2), max(0, bits - value_bits)))  # or the event saturates
        typical = max(1.0, unit / 2 ** (1 + cut))
    if currents and draw(st.booleans()):
        states["i"] = int(unit).bit_length() + 1 + draw(st.integers(0, 3))
        parameters["current_keep"] = numbers(leak[0] * 2**decay_bits / 4, leak[1] * 2**decay_bits)
    options = {
        "reset": reset,
        "reset_when": reset_when,
        "spikes": spikes,
        "decay_bits": decay_bits,
        "guard": guard,
    } | ({"cut": cut} if spikes == "potential" else {})
    return Neuron(model="lif", states=states, parameters=parameters, options=options), value_bits, typical


def _of_channels(neuron: Neuron, channels: int) -> Neuron:
    """The neuron with parameters that all places of a channel share."""

    def shared(values: np.ndarray) -> np.ndarray:
        return np.repeat(values.reshape(channels, -1)[:, 0], values.size // channels) if values.ndim else values

    return replace(neuron, parameters={name: shared(values) for name, values in neuron.parameters.items()})


@st.composite
def networks(
    draw: st.DrawFn,
    *,
    populations: tuple[int, int] = (1, 3),
    sizes: tuple[int, int] = (1, 9),
    delays: tuple[int, int] = (0, 2),
    weight_bits: tuple[int, int] = (2, 8),
    input_bits: tuple[int, int] = (1, 4),
    shifts: tuple[int, int] = (0, 2),
    graded: bool = True,
    currents: bool = True,
    potentials: bool = True,
    skips: bool = True,
    loops: bool = True,
    parallel: bool = True,
    kinds: tuple[str, ...] = ("dense",),
    synapse_delays: int = 0,
) -> Network:
    """A small network: a chain from the input, with skips, loops, parallel projections, delays, graded events, currents
    and potentials as events, as allowed.

    populations counts those with neurons; sizes is neurons per population, the input included. Ranges are inclusive.
    kinds: of synapses; a convolution decides the size of its target, whose channels may share their parameters.
    synapse_delays: the most that a synapse may have.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(*populations))
    names = [f"layer {n}" for n in range(count + 1)]
    ends = [(n, n + 1) for n in range(count)]
    if skips and count > 1:
        ends += [(0, count)] if draw(st.booleans()) else []
    if parallel and draw(st.integers(0, 3)) == 0:
        ends += [draw(st.sampled_from(ends))]
    if loops:
        back = draw(st.integers(1, count))
        ends += [(count, back)] if draw(st.booleans()) else []
    widths = [draw(st.integers(*sizes)) for _ in names]
    chosen, windows = dict.fromkeys(range(count), "dense"), {}
    if kinds != ("dense",):
        for n in range(count):
            chosen[n] = draw(st.sampled_from(kinds))
            if chosen[n] == "convolution":
                windows[n] = window_of(rng, widths[n])
                widths[n + 1] = math.prod(windows[n].target)
            elif chosen[n] == "one-to-one":
                widths[n + 1] = widths[n]
    bits = draw(st.integers(*input_bits)) if graded else 1
    made = [Population(name=names[0], shape=(widths[0],), value_bits=bits)]
    typical = [1.0 if bits == 1 else 2.0 ** (bits - 2)]
    projections, seen = [], set()
    for target in range(1, count + 1):
        drive = 0.0
        for source in (s for s, t in ends if t == target):
            width, shift = draw(st.integers(*weight_bits)), draw(st.integers(*shifts))
            limit = 1 << width - 1
            loop = source >= target

            def weights(shape: tuple[int, ...], limit: int = limit, loop: bool = loop) -> np.ndarray:
                found = rng.integers(-limit, limit, shape)
                # More excitation than inhibition, so that activity reaches the last population.
                return found if loop else np.maximum(found, rng.integers(-limit, limit, shape))

            kind = chosen.get(source) if target == source + 1 else "dense" if kinds == ("dense",) else None
            if kinds != ("dense",) and (source, target) in seen and draw(st.booleans()):
                kind = None
            if kind is None:
                never = {"convolution"} | ({"one-to-one"} if widths[source] != widths[target] else set())
                kind = draw(st.sampled_from([k for k in kinds if k not in never] or ["dense"]))
            seen.add((source, target))
            synapses = synapses_of(
                kind,
                rng,
                weights,
                width,
                (widths[source], widths[target]),
                windows.get(source),
                max(0, draw(st.integers(-(synapse_delays // 2), synapse_delays))) if synapse_delays else 0,
            )
            delay = draw(st.integers(max(delays[0], 1 if loop else 0), max(delays[1], 1 if loop else 0)))
            projections.append(
                Projection(
                    source=names[source],
                    target=names[target],
                    synapses=synapses,
                    delay=delay,
                    shift=shift,
                )
            )
            if not loop:
                active = rng.random((16, widths[source])) < 0.4
                drive += typical[source] * 2**shift * np.quantile(active @ to_dense(synapses)[0], 0.7)
        neuron, value_bits, value = draw(_neurons(rng, widths[target], drive, graded, currents, potentials))
        if target - 1 in windows and draw(st.booleans()):
            neuron = _of_channels(neuron, windows[target - 1].target[0])
        made.append(Population(name=names[target], shape=(widths[target],), neuron=neuron, value_bits=value_bits))
        typical.append(value)
    return Network(
        populations=tuple(made),
        projections=tuple(projections),
        output=names[-1],
        output_delay=draw(st.integers(0, 1)),
    )


@st.composite
def stimuli(
    draw: st.DrawFn, network: Network, *, samples: tuple[int, int] = (1, 3), steps: tuple[int, int] = (4, 20)
) -> np.ndarray:
    """Input for the network, int64 (samples, steps, *input shape), between silent and full."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(*samples)), draw(st.integers(*steps)), *network.input.shape)
    low, high = (0, 1) if network.input.value_bits == 1 else network.input.value_range
    values = rng.integers(low, high, shape, endpoint=True)
    return values * (rng.random(shape) < draw(st.sampled_from([0.5, 0.2, 0.8, 0.5, 1.0, 0.0])))

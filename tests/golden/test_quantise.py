"""Conversion: exact where integers can be, close where not, refused where it would have to guess."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nir_files
from spikeloom.golden import data as files
from spikeloom.golden import float_model, simulate
from spikeloom.golden.conventions import KNOBS, Knobs, resolve
from spikeloom.golden.data import Data
from spikeloom.golden.network import Network, Refusal
from spikeloom.golden.nir_model import Layer, Model
from spikeloom.golden.quantise import convert

PACKAGED = Path(simulate.__file__).parents[1] / "data"
SNNTORCH = resolve("snntorch")
seen: Counter = Counter()


def spikes(*shape: int, seed: int = 0, share: float = 0.4) -> np.ndarray:
    return (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)


@st.composite
def exact_cases(draw: st.DrawFn) -> tuple[Model, Knobs, np.ndarray]:
    """Models whose every number is a multiple of a power of two that the integers' unit divides."""
    reset = draw(st.sampled_from(["zero", "subtract"]))
    lag = draw(st.booleans())
    knobs = Knobs(
        dt=1.0,
        decay="euler",
        membrane_gain=draw(st.sampled_from(["ode", "unit"])),
        compare=draw(st.sampled_from(["gt", "ge"])),
        reset=reset,
        reset_when="next-step" if lag else draw(st.sampled_from(["same-step", "next-step"])),
        spikes=draw(st.sampled_from(["one", "many"])) if reset == "subtract" else "one",
        v_min=draw(st.sampled_from(["none", -1.0])),
        lag=lag,
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = [draw(st.integers(1, 6)) for _ in range(draw(st.integers(2, 3)))]
    skip = len(sizes) == 3 and draw(st.booleans())
    layers = []
    for index, (before, size) in enumerate(zip(sizes, sizes[1:], strict=False), 1):
        kind = draw(st.sampled_from(["IF", "LIF"]))
        tau = rng.choice([1.0, 2.0], size)
        gain = rng.choice([-2.0, -1.0, 0.5, 1.0, 2.0], size)
        threshold = rng.integers(16, 200, size) / 64
        leak = rng.integers(-8, 9, size) / 64 if draw(st.booleans()) else np.zeros(size)
        parameters = {"v_threshold": threshold, "v_reset": rng.integers(-40, 16, size) / 64}
        parameters |= {"tau": tau, "r": gain * tau, "v_leak": leak} if kind == "LIF" else {"r": gain}
        sources = {f"{index - 1}": before} | ({"0": sizes[0]} if skip and index == 2 else {})
        weights = {name: rng.integers(-100, 128, (n, size)) / 128 for name, n in sources.items()}
        next(iter(weights.values()))[0, 0] = 127 / 128  # so that the unit is 1/128
        bias = rng.integers(-20, 60, size) / 128 if draw(st.booleans()) else np.zeros(size)
        layers.append(
            Layer(name=f"{index}", type=kind, shape=(size,), parameters=parameters, weights=weights, bias=bias)
        )
    model = Model(input="0", input_shape=(sizes[0],), layers=tuple(layers), output=layers[-1].name)
    high = draw(st.sampled_from([1, 1, 3]))
    x = rng.integers(0 if high == 1 else -high, high, (3, draw(st.integers(1, 12)), sizes[0]), endpoint=True)
    return model, knobs, x


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(case=exact_cases())
def check_exact(case: tuple[Model, Knobs, np.ndarray]) -> None:
    model, knobs, x = case
    reference = float_model.run(model, x, knobs, np.float64)
    network, report = convert(model, Data(x=x), knobs, guard_bits=16)
    result = simulate.run(network, x)
    assert np.array_equal(result.spikes, reference.events[model.output])
    assert np.array_equal(result.counts, reference.counts)
    assert [layer.agreement for layer in report.layers] == [1.0] * len(model.layers)
    assert [layer.saturations for layer in report.layers] == [0] * len(model.layers)
    fired = bool(reference.counts.any())
    seen.update(f"{name} {getattr(knobs, name)}" for name in KNOBS if fired)
    seen.update(layer.type for layer in model.layers if fired)
    seen["several"] += bool((reference.counts > x.shape[1]).any())


def test_equals_the_float_rule_where_integers_are_exact() -> None:
    seen.clear()
    check_exact()
    wanted = ["membrane_gain ode", "membrane_gain unit", "compare gt", "compare ge", "reset zero", "reset subtract"]
    wanted += ["reset_when same-step", "reset_when next-step", "spikes one", "spikes many", "v_min none", "v_min -1.0"]
    wanted += ["lag True", "lag False", "IF", "LIF", "several"]
    assert all(seen[branch] >= 5 for branch in wanted), seen


if __name__ == "__main__":
    test_equals_the_float_rule_where_integers_are_exact()
    print(seen)

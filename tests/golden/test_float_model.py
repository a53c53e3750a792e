"""The rule in float against the spikes that snnTorch recorded: not one differs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikeloom.golden import data as files
from spikeloom.golden import float_model, nir_graph
from spikeloom.golden.conventions import Knobs, resolve
from spikeloom.golden.nir_model import Input, Layer, Model

ROOT = Path(__file__).parents[2]
PLAIN = Knobs(
    dt=1.0,
    decay="euler",
    membrane_gain="unit",
    compare="gt",
    reset="zero",
    reset_when="same-step",
    spikes="one",
    v_min="none",
    lag=False,
)


def differences(name: str, knobs: Knobs) -> dict[str, int]:
    model = nir_graph.load(ROOT / "flow" / "data" / f"{name}.nir", knobs).model
    x = files.load(ROOT / "flow" / "data" / f"{name}.npz").x
    with np.load(ROOT / "tests" / "data" / f"{name}-snntorch.npz", allow_pickle=False) as recorded:
        samples = int(recorded["samples"])
        run = float_model.run(model, x[:samples], knobs)
        found = {}
        for key, layer in zip(("hidden", "output"), model.layers, strict=True):
            spikes = np.unpackbits(recorded[key], axis=-1, count=layer.bias.size)
            assert spikes.shape == run.events[layer.name].shape
            assert spikes.any((0, 1)).sum() > 5
            found[key] = int((spikes != run.events[layer.name]).sum())
    return found


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_reproduces_snntorch(name: str) -> None:
    assert differences(name, resolve("snntorch")) == {"hidden": 0, "output": 0}


FAULTS = [{"reset_when": "same-step"}, {"reset": "zero"}, {"dt": 1.01e-4}, {"decay": "exponential"}, {"lag": True}]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_every_wrong_knob_shows(fault: dict[str, str | float]) -> None:
    found = differences("digits", resolve("snntorch", fault))
    assert min(found.values()) > 100


def one(drive: list[float], knobs: Knobs, **parameters: float) -> list[int]:
    """The events of one neuron: threshold 1, half of its potential kept in each step."""
    values = {"tau": 2.0, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, **parameters}
    layer = Layer(
        name="n",
        type="LIF",
        shape=(1,),
        parameters={name: np.array([value]) for name, value in values.items()},
        inputs=(Input(source="x", weights=np.ones((1, 1))),),
        bias=np.zeros(1),
    )
    model = Model(input="x", input_shape=(1,), layers=(layer,), output="n")
    return float_model.run(model, np.array(drive)[None, :, None], knobs, np.float64).events["n"][0, :, 0].tolist()


SUBTRACT = {"reset": "subtract"}
LATE = {"reset": "subtract", "reset_when": "next-step"}
BY_HAND = [
    # v: 1 is not > 1; 1.5 fires and is 0; 1 is not
    ([1.0, 1.0, 1.0], {}, {}, [0, 1, 0]),
    ([1.0, 1.0, 1.0], {"compare": "ge"}, {}, [1, 1, 1]),
    # v: 3 fires, 2 is left; 1 is not > 1
    ([3.0, 0.0, 0.0], SUBTRACT, {}, [1, 0, 0]),
    ([3.0, 0.1, 0.0], SUBTRACT, {}, [1, 1, 0]),
    # v: 3 fires; 1.5 - 1 is not > 1
    ([3.0, 0.1, 0.0], LATE, {}, [1, 0, 0]),
    ([3.5, 0.0, 0.0], SUBTRACT | {"spikes": "many"}, {}, [3, 0, 0]),
    ([3.0, 0.0, 0.0], SUBTRACT | {"spikes": "many"}, {}, [2, 0, 0]),
    ([3.0, 0.0, 0.0], SUBTRACT | {"spikes": "many", "compare": "ge"}, {}, [3, 0, 0]),
    ([3.0, 0.1, 0.0], LATE | {"lag": True}, {}, [0, 1, 0]),
    ([-9.0, 1.5, 1.5], {}, {}, [0, 0, 0]),
    ([-9.0, 1.5, 1.5], {"v_min": -0.5}, {}, [0, 1, 1]),
    ([3.0, 1.5, 1.5], {}, {"v_reset": -2.0}, [1, 0, 1]),
    ([0.6, 0.6, 0.6], {}, {"v_leak": 0.5}, [0, 1, 0]),
    ([3.0, 3.0, 3.0], {"membrane_gain": "ode"}, {}, [1, 1, 1]),
    ([3.0, 3.0, 3.0], {"membrane_gain": "ode"}, {"r": 0.5}, [0, 1, 0]),
    ([3.0, 3.0, 3.0], {"membrane_gain": "one-minus-decay"}, {"r": 0.5}, [1, 1, 1]),
    # exp(-1/2) = 0.607 of 1 is kept
    ([1.0, 0.4, 0.0], {"decay": "exponential"}, {}, [0, 1, 0]),
    ([1.0, 0.39, 0.0], {"decay": "exponential"}, {}, [0, 0, 0]),
]


@pytest.mark.parametrize(("drive", "knobs", "parameters", "expected"), BY_HAND)
def test_by_hand(drive: list[float], knobs: dict, parameters: dict[str, float], expected: list[int]) -> None:
    assert one(drive, replace(PLAIN, **knobs), **parameters) == expected


def test_a_late_reset_to_zero_is_the_same_spike_train() -> None:
    drive = np.random.default_rng(0).normal(0.6, 1, 50).tolist()
    late = one(drive, replace(PLAIN, reset_when="next-step"))
    assert late == one(drive, PLAIN)
    assert 5 < sum(late) < 45
    lagged = one([*drive, 0.0], replace(PLAIN, reset_when="next-step", lag=True))
    assert lagged[1:] == late

"""The LIF rule by hand, and every parameter it refuses."""

import numpy as np
import pytest

from spikeloom.golden.network import Neuron, Refusal
from spikeloom.golden.neurons import lif

OPTIONS = {"reset": "subtract", "reset_when": "same-step", "spikes": "one", "decay_bits": 4, "guard": 0}
PARAMETERS = {"keep": 8, "threshold": 10, "subtract": 10, "v_reset": 0, "v_min": -64, "v_init": 0, "bias": 0}


def neuron(**changes) -> Neuron:
    options, parameters, states = dict(OPTIONS), dict(PARAMETERS), {"v": 7}
    for name, value in changes.items():
        if name in ("current_keep", "cut"):
            (options if name == "cut" else parameters)[name] = value
            continue
        {**dict.fromkeys(options, options), **dict.fromkeys(parameters, parameters)}.get(name, states)[name] = value
    return Neuron(model="lif", states=states, parameters=parameters, options=options)


def train(sums: list[int], value_bits: int = 1, **changes) -> tuple[list[int], list[int]]:
    """Potentials and events of one neuron, which ``step`` and ``Batch`` in floats and in integers must agree on."""
    n = neuron(**changes)
    lif.check(n, value_bits)
    largest = [max(map(abs, sums)) * lif.unit(n), 1 << 25, 1 << 54]
    batches = [lif.Batch(n, value_bits, 1, 1, bound) for bound in largest]
    types = [(batch.arriving.dtype, batch.dtype) for batch in batches]
    assert types == [(np.float32, np.float64), (np.float64, np.float64), (np.int64, np.int64)]
    state = {name: int(value[0]) for name, value in lif.initial(n, (1,)).items()}
    potentials, events = [], []
    for a in sums:
        state, event = lif.step(n, value_bits, 0, state, a)
        for batch in batches:
            values = np.zeros((1, 1), np.int8)
            batch.advance(np.array([[a * lif.unit(n)]], np.float32), values)
            assert {name: int(value[0, 0]) for name, value in batch.state.items()} == state
            assert values[0, 0] == event
        potentials.append(state["v"])
        events.append(event)
    return potentials, events


LATE = {"reset_when": "next-step", "n": 1}
BY_HAND = [
    ([7, 0, 0, 0], {}, [7, 3, 1, 0], [0, 0, 0, 0]),
    ([-7, 0, 0, 0], {}, [-7, -3, -1, 0], [0, 0, 0, 0]),
    ([9, 6, 0], {}, [9, 0, 0], [0, 1, 0]),
    ([9, 5, 0], {}, [9, 9, 4], [0, 0, 0]),
    ([25, 0, 0], {}, [15, 7, 3], [1, 0, 0]),
    ([25, 0, 0], LATE, [25, 2, 1], [1, 0, 0]),
    ([25, 30, 0], LATE, [25, 32, 6], [1, 1, 0]),
    ([25, 0], {"reset": "zero", "v_reset": -4}, [-4, -2], [1, 0]),
    ([25, 0], {"subtract": 3}, [22, 8], [1, 1]),
    ([25, 0], {"bias": 2}, [17, 0], [1, 1]),
    ([1, 0], {"guard": 3}, [8, 4], [0, 0]),
    ([9, 9], {"keep": 16}, [9, 8], [0, 1]),
    ([9, 9], {"keep": 0}, [9, 9], [0, 0]),
    ([0, 0], {"v_init": -20}, [-10, -5], [0, 0]),
    ([-30, 0], {"v_min": -5}, [-5, -2], [0, 0]),
    ([-200, 0], {}, [-64, -32], [0, 0]),
    ([200, 0], {"subtract": 0}, [63, 31], [1, 1]),
    ([100], {"threshold": 63, "subtract": 50}, [50], [1]),
    ([1, 0], LATE | {"threshold": 1, "subtract": 60, "v_min": -5}, [1, -5], [1, 0]),
    ([1, 0], {"threshold": 1, "subtract": 60, "v_min": -5}, [-5, -2], [1, 0]),
    ([0, 0], {"bias": -40, "v_min": -5}, [-5, -5], [0, 0]),
    ([1, 1], {"v_init": -50, "keep": 16, "v_min": -30}, [-30, -29], [0, 0]),
    ([1, 0], {"threshold": 1, "reset": "zero", "v_reset": -30, "v_min": -20}, [-20, -10], [1, 0]),
    ([9, 9, 9, 9, 9, 9, 9, 9], {"keep": 16, "threshold": 63}, [9, 18, 27, 36, 45, 54, 53, 62], [0] * 6 + [1, 0]),
    ([-9] * 9, {"keep": 16}, [-9, -18, -27, -36, -45, -54, -63, -64, -64], [0] * 9),
]


@pytest.mark.parametrize(("sums", "changes", "potentials", "events"), BY_HAND)
def test_by_hand(sums: list[int], changes: dict, potentials: list[int], events: list[int]) -> None:
    assert train(sums, **changes) == (potentials, events)


@pytest.mark.parametrize(
    ("sums", "changes", "potentials", "events"),
    [
        ([9, 29, 0], {}, [9, 3, 1], [0, 3, 0]),
        ([60, 0], {}, [30, 5], [3, 1]),
        ([40, 0], {"threshold": 11, "subtract": 4}, [28, 10], [3, 1]),
        ([24, 20], {"reset_when": "next-step", "n": 3}, [24, 12], [2, 1]),
    ],
)
def test_many_by_hand(sums: list[int], changes: dict, potentials: list[int], events: list[int]) -> None:
    assert train(sums, value_bits=3, spikes="many", **changes) == (potentials, events)


CURRENT = {"i": 7, "current_keep": 4}


@pytest.mark.parametrize(
    ("sums", "changes", "potentials", "events"),
    [
        ([8, 0, 0, 0], CURRENT, [8, 6, 3, 1], [0, 0, 0, 0]),
        ([-8, 0, 0, 0], CURRENT, [-8, -6, -3, -1], [0, 0, 0, 0]),
        ([8, 8, 0], CURRENT, [8, 4, 4], [0, 1, 0]),
        ([200, 0], CURRENT | {"threshold": 63, "subtract": 50}, [13, 21], [1, 0]),
        ([200, 0], CURRENT | {"i": 9, "v": 9}, [190, 135], [1, 1]),
        ([8, 0], CURRENT | LATE | {"bias": 2}, [10, -1], [1, 0]),
        ([0, 0], CURRENT | {"reset": "zero", "v_init": -20, "bias": 20}, [0, 0], [1, 1]),
    ],
)
def test_current_by_hand(sums: list[int], changes: dict, potentials: list[int], events: list[int]) -> None:
    assert train(sums, **changes) == (potentials, events)


POTENTIAL = {"spikes": "potential", "threshold": 0, "subtract": 0, "cut": 0}


@pytest.mark.parametrize(
    ("sums", "bits", "changes", "potentials", "events"),
    [
        ([21, 0, 0], 8, {}, [21, 10, 5], [21, 10, 5]),
        ([21, 0, -30], 4, {"cut": 3}, [21, 10, -25], [2, 1, -4]),
        ([21, 0, -30], 4, {"cut": 1}, [21, 10, -25], [7, 5, -8]),
        ([200, -400], 4, {"cut": 3}, [63, -64], [7, -8]),
        ([21, 0], 5, CURRENT | {"cut": 2}, [21, 15], [5, 3]),
    ],
)
def test_potential_by_hand(sums: list[int], bits: int, changes: dict, potentials: list[int], events: list[int]) -> None:
    assert train(sums, value_bits=bits, **POTENTIAL | changes) == (potentials, events)


@pytest.mark.parametrize(("a", "v", "v_reset"), [((1 << 53) + 2, 0, 1), ((1 << 53) - 65, 63, -63)])
def test_sums_beyond_float64_by_hand(a: int, v: int, v_reset: int) -> None:
    """What is left is v_reset, to the last bit, however far the potential was from it."""
    n, values = neuron(reset="zero", subtract=0, keep=16, v_init=v, v_reset=v_reset), np.zeros((1, 1), np.int8)
    batch = lif.Batch(n, 1, 1, 1, a)
    batch.advance(np.array([[a]]), values)
    assert (batch.state["v"].item(), values.item()) == (v_reset, 1)


def test_each_neuron_has_its_own_bounds() -> None:
    """None near the width of the state, one near the bound of one neuron."""
    n = neuron(v_min=np.array([-40, -5]), keep=np.array([16, 16]), threshold=np.array([10, 7]))
    batch, values = lif.Batch(n, 1, 1, 2, 8), np.zeros((1, 2), np.int8)
    for a, v, event in (([-8, -8], [-8, -5], [0, 0]), ([8, 8], [0, 3], [0, 0]), ([8, 8], [8, 1], [0, 1])):
        batch.advance(np.array([a], np.float32), values)
        assert batch.state["v"].tolist() == [v] and values.tolist() == [event]


@pytest.mark.parametrize("v", [63, -64, 1, -1])
@pytest.mark.parametrize("keep", [15, 8, 1])
def test_every_state_decays_to_rest(v: int, keep: int) -> None:
    potentials, _ = train([0] * 60, v_init=v, keep=keep, threshold=63)
    assert potentials[-1] == 0


REFUSED = [
    ({"reset": "half"}, 1, "LIF option 'reset' must be one of ('zero', 'subtract'), not 'half'"),
    ({"reset": "zero", "reset_when": "next-step", "n": 1}, 1, "LIF: a reset to zero in the next step is the one in "
     "the same step; use reset_when 'same-step'"),
    ({"reset": "zero", "spikes": "many"}, 3, "LIF: many spikes per step need the reset 'subtract'"),
    ({"spikes": "many"}, 1, "LIF: many spikes per step and potentials need events of 2 or more value bits, "
     "one spike needs 1"),
    ({}, 3, "LIF: many spikes per step and potentials need events of 2 or more value bits, "
     "one spike needs 1"),
    ({"reset_when": "next-step"}, 1, "LIF with these options has the states ['n', 'v'], not ['v']"),
    ({"reset_when": "next-step", "n": 2}, 1, "LIF: state 'n' must have the events' 1 bits, not 2"),
    ({"threshold": 64}, 1, "LIF: threshold must be in -64..63 for a 7-bit state, not 64..64"),
    ({"keep": 17}, 1, "LIF: keep must be in 0..16 for a 7-bit state, not 17..17"),
    ({"keep": -1}, 1, "LIF: keep must be in 0..16 for a 7-bit state, not -1..-1"),
    ({"subtract": -1}, 1, "LIF: subtract must be in 0..63 for a 7-bit state, not -1..-1"),
    ({"subtract": 0, "spikes": "many"}, 2, "LIF: subtract must be in 1..63 for a 7-bit state, not 0..0"),
    (POTENTIAL | {"threshold": 3}, 4, "LIF: what sends its potential has the threshold 0"),
    (POTENTIAL | {"reset": "zero"}, 4, "LIF: what sends its potential has the reset 'subtract' in the 'same-step'"),
    (POTENTIAL | {"cut": 7}, 4, "LIF: cut must be in 0..6, not 7"),
    ({"i": 7}, 1, "LIF needs exactly the options ('reset', 'reset_when', 'spikes', 'decay_bits', 'guard') and the "
     "parameters ('keep', 'threshold', 'subtract', 'v_reset', 'v_min', 'v_init', 'bias', 'current_keep')"),
    (CURRENT | {"i": 1}, 1, "LIF: state 'i' must have 2 bits or more, not 1"),
    (CURRENT | {"i": 47, "decay_bits": 16}, 1, "LIF: state 'i' and decay must have 62 bits or fewer together, "
     "not 47 and 16"),
    (CURRENT | {"current_keep": 17}, 1, "LIF: current_keep must be in 0..16 for a 7-bit state, not 17..17"),
    ({"v": 47, "decay_bits": 16}, 1, "LIF: state 'v' and decay must have 62 bits or fewer together, not 47 and 16"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "value_bits", "message"), REFUSED)
def test_refused(changes: dict, value_bits: int, message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        lif.check(neuron(**changes), value_bits)
    assert str(refusal.value) == message


def test_refused_names() -> None:
    n = neuron()
    extra = Neuron(model="lif", states=n.states, parameters={**n.parameters, "extra": 1}, options=n.options)
    with pytest.raises(Refusal, match="^LIF needs exactly the options"):
        lif.check(extra, 1)

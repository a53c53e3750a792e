"""The LIF pipeline is golden's rule, for every state and sum at small widths."""

import itertools
from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.golden.network import Neuron, Refusal
from spikeloom.golden.neurons import lif as golden
from spikeloom.hdl.neurons.lif import Parameters, Unit

STATE_BITS, SUM_BITS, DECAY_BITS, GUARD = 5, 4, 3, 1
LOW, HIGH = -(1 << STATE_BITS - 1), (1 << STATE_BITS - 1) - 1


def neuron(
    reset="subtract",
    reset_when="same-step",
    spikes="one",
    value_bits=1,
    bits=STATE_BITS,
    decay_bits=DECAY_BITS,
    i=0,
    cut=None,
    **parameters,
):
    """A neuron, checked by golden; with ``i`` bits of a current."""
    low = -(1 << bits - 1)
    values = {"keep": 7, "threshold": 6, "subtract": 5, "v_reset": 0, "v_min": low, "v_init": 0, "bias": 0}
    values |= {"threshold": 0, "subtract": 0} if spikes == "potential" else {}
    states = {"v": bits} | ({"n": value_bits} if reset_when == "next-step" else {}) | ({"i": i} if i else {})
    made = Neuron(
        model="lif",
        states=states,
        parameters=values | ({"current_keep": 5} if i else {}) | parameters,
        options={
            "reset": reset,
            "reset_when": reset_when,
            "spikes": spikes,
            "decay_bits": decay_bits,
            "guard": GUARD,
        }
        | ({"cut": max(0, bits - value_bits) if cut is None else cut} if spikes == "potential" else {}),
    )
    golden.check(made, value_bits)
    return made


CASES = {
    "plain": {},
    "zero": {"reset": "zero", "v_reset": -3},
    "late": {"reset_when": "next-step"},
    "many": {"spikes": "many", "value_bits": 3, "subtract": 3},
    "late and many": {"spikes": "many", "value_bits": 3, "subtract": 2, "reset_when": "next-step"},
    "no decay": {"keep": 8},
    "forgets at once": {"keep": 0},
    "clipped": {"v_min": -4},
    "biased": {"bias": -3},
    "negative threshold": {"threshold": -5},
    "everything": {"v_min": -9, "bias": 2, "v_init": 3, "threshold": 9, "subtract": 12},
}


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_unit_equals_golden_for_every_state_and_sum(case, short):
    options = dict(CASES[case])
    value_bits = options.get("value_bits", 1)
    model = neuron(**options)
    dut = Unit(replace(Parameters.derive(model, value_bits), short=short), SUM_BITS)
    previous = range(golden.n_max(value_bits) + 1) if "n" in model.states else [0]
    sums = range(-(1 << SUM_BITS - 1), 1 << SUM_BITS - 1)
    every = itertools.product([False, True], range(LOW, HIGH + 1), previous, sums)
    expected = compare(dut, [(model, value_bits, first, {"v": v, "n": n}, a) for first, v, n, a in every])
    assert {value for _, value in expected} >= {0, 1}, "some fire, some do not"
    reached = {state["v"] for state, _ in expected}
    assert case in ("clipped", "everything", "forgets at once") or {LOW, HIGH} & reached, "saturation was reached"


@pytest.mark.parametrize("bits, decay_bits", [(17, 3), (18, 3), (24, 3), (30, 3), (24, 17), (30, 20)])
def test_wide_states_are_multiplied_in_parts(bits, decay_bits):
    rng = np.random.default_rng(bits)
    high = 1 << bits - 1
    options = {"bits": bits, "decay_bits": decay_bits, "keep": (1 << decay_bits) - 1, "reset_when": "next-step"}
    model = neuron(threshold=high // 3, subtract=high // 4, bias=-5, **options)
    dut = Unit(Parameters.derive(model, 1), bits)
    edges = [-high, 1 - high, -(1 << 16), -1, 0, 1, (1 << 16) - 1, high - 1]
    states = [max(-high, min(high - 1, v)) for v in edges] * 8 + rng.integers(-high, high, 400).tolist()
    sums = (rng.integers(-high, high, len(states)) >> rng.integers(0, bits, len(states))).tolist()
    states = [{"v": v, "n": n % 2} for n, v in enumerate(states)]
    expected = compare(dut, [(model, 1, False, state, a) for state, a in zip(states, sums, strict=True)])
    assert {value for _, value in expected} == {0, 1}, "some fire, some do not"


CURRENT = {"i": 4}
#: name -> the kinds of neurons on one unit; what is not given is as in ``neuron``.
SHARED = {
    "current": [CURRENT],
    "current of more bits than the potential": [{"i": 7, "keep": 8}],
    "current that is kept": [{"i": 4, "current_keep": 8}],
    "current that is forgotten": [{"i": 4, "current_keep": 0, "v_min": -5}],
    "current and late": [CURRENT | {"reset_when": "next-step"}],
    "current and zero": [CURRENT | {"reset": "zero", "v_reset": -3, "bias": 1, "v_init": -4}],
    "current, late and many": [CURRENT | {"spikes": "many", "value_bits": 3, "subtract": 2, "reset_when": "next-step"}],
    "potential": [{"spikes": "potential", "value_bits": 3}],
    "potential that an event does not hold": [{"spikes": "potential", "value_bits": 3, "cut": 1}],
    "potential in full": [{"spikes": "potential", "value_bits": 8, "bias": -1, "v_min": -9}],
    "potential, and nothing to set": [{"spikes": "potential", "value_bits": 4, "keep": 8}],
    "potential and current": [CURRENT | {"spikes": "potential", "value_bits": 3}],
    "some have a current": [CURRENT, {}, {"threshold": 3, "v_min": -4}],
    "some have a current, late": [CURRENT | {"reset_when": "next-step"}, {"reset_when": "next-step", "keep": 4}],
    "some send the potential": [{"reset_when": "next-step"}, {"spikes": "potential", "value_bits": 4}],
    "some of many send the potential": [
        {"spikes": "many", "value_bits": 3, "subtract": 3},
        {"spikes": "potential", "value_bits": 2, "v_min": -9},
    ],
    "some send the potential, some have a current": [
        CURRENT | {"reset": "zero", "v_reset": -3},
        {"spikes": "potential", "value_bits": 16, "keep": 6},
        CURRENT | {"spikes": "potential", "value_bits": 16, "current_keep": 3},
        {"reset": "zero"},
    ],
    "wide": [
        {"i": 21, "bits": 24, "threshold": 1 << 21, "subtract": 1 << 22, "reset_when": "next-step"},
        {"i": 21, "bits": 24, "spikes": "potential", "value_bits": 16},
        {"bits": 24, "threshold": 1 << 20, "subtract": 1 << 20, "reset_when": "next-step"},
    ],
}


@pytest.mark.parametrize("case", SHARED)
def test_currents_and_potentials_equal_golden(case):
    rng = np.random.default_rng(len(case))
    kinds = [(neuron(**kind), kind.get("value_bits", 1)) for kind in SHARED[case]]
    parameters = reduce(Parameters.covering, (Parameters.derive(*kind) for kind in kinds))
    sum_bits = max(max(model.states["v"], model.states.get("i", 0)) for model, _ in kinds)
    dut = Unit(parameters, sum_bits)
    stimulus = []
    for model, value_bits in kinds:
        ranges = [range(-(1 << b - 1), 1 << b - 1) for b in (model.states["v"], model.states.get("i", 2), sum_bits)]
        corners = itertools.product(
            *[{v for v in (r[0], r[0] + 1, -1, 0, 1, 5, r[-1] - 1, r[-1]) if v in r} for r in ranges]
        )
        drawn = [
            [int(rng.integers(r[0], r[-1], endpoint=True)) >> int(rng.integers(4)) for r in ranges] for _ in range(150)
        ]
        for v, i, a in [*rng.permutation(list(corners))[:250].tolist(), *drawn]:
            state = {"v": v, "i": i, "n": int(rng.integers(golden.n_max(value_bits), endpoint=True))}
            stimulus.append((model, value_bits, bool(rng.random() < 0.1), state, a))
    rng.shuffle(stimulus)
    expected = compare(dut, stimulus)
    for model, value_bits in kinds:
        results = [result for result, vector in zip(expected, stimulus, strict=True) if vector[0] is model]
        for name in {"v", "i"} & set(model.states):
            high = 1 << model.states[name] - 1
            reached = {state[name] for state, _ in results}
            low = int(model.parameters["v_min"]) if name == "v" else -high
            assert {low, high - 1} & reached and {0, -1, 1} & reached, f"{name} saturates, and does not"
        values = {value for _, value in results}
        if model.options["spikes"] == "potential":
            assert 0 in values and min(values) < 0 < max(values)
        else:
            assert {0, golden.n_max(value_bits)} <= values


def compare(dut, stimulus):
    """Drive one (neuron, value bits, first, state, sum) per clock; golden's results, which the unit's equal.

    The unit's states that a neuron does not have are 0 before the step, and after it.
    """
    parameters, states = dut.parameters, list(dut.parameters.state_layout.members)
    images = {id(model): parameters.image(model, np.zeros(1, int)) for model, *_ in stimulus}
    results = []
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def bench(ctx):
        for clock in range(len(stimulus) + parameters.latency):
            model, _, first, state, total = stimulus[min(clock, len(stimulus) - 1)]
            for name, value in images[id(model)].items():
                ctx.set(dut.p[name], int(value[0]))
            for name in states:
                ctx.set(dut.state[name], state[name] if name in model.states else 0)
            ctx.set(dut.first, first)
            ctx.set(dut.sum, total)
            if clock >= parameters.latency:
                results.append(({name: ctx.get(dut.o_state[name]) for name in states}, ctx.get(dut.o_value)))
            await ctx.tick()

    simulator.add_testbench(bench)
    simulator.run()
    expected = []
    for model, value_bits, first, state, total in stimulus:
        start = {name: int(value[0]) for name, value in golden.initial(model, (1,)).items()}
        state = start if first else {name: state[name] for name in model.states}
        expected.append(golden.step(model, value_bits, 0, state, total))
    assert results == [({name: state.get(name, 0) for name in states}, value) for state, value in expected]
    return expected


PLAIN, READ_OUT = {}, {"spikes": "potential", "value_bits": 16}
MANY = {"spikes": "many", "value_bits": 3}


@pytest.mark.parametrize(
    ("a", "b", "setting"),
    [
        (PLAIN, {"reset": "zero"}, "reset, not subtract and zero"),
        (PLAIN, {"reset_when": "next-step"}, "reset_when, not same-step and next-step"),
        (PLAIN, MANY, "spikes, not one and many"),
        (MANY, MANY | {"value_bits": 4}, "value_bits, not 3 and 4"),
        (READ_OUT, {"bits": 6}, "state_bits, not 5 and 6"),
        ({"i": 4}, {"i": 6}, "current bits, not 4 and 6"),
        (READ_OUT, {"spikes": "potential", "value_bits": 3}, "bits of the potential in an event, not 16 and 3"),
        (READ_OUT, READ_OUT | {"cut": 1}, "cut, not 0 and 1"),
    ],
)
def test_units_that_cannot_be_shared_are_refused(a, b, setting):
    one, other = (Parameters.derive(neuron(**kind), kind.get("value_bits", 1)) for kind in (a, b))
    with pytest.raises(Refusal) as refusal:
        one.covering(other)
    assert str(refusal.value) == (
        f"LIF populations that share a core must have the same {setting}; "
        "convert with one value, or use the configuration 'cores: per-population'"
    )


def test_what_a_population_lacks_it_has_no_opinion_on():
    late = Parameters.derive(neuron(reset_when="next-step", i=6), 1)
    read_out = Parameters.derive(neuron(**READ_OUT), 16)
    plain = Parameters.derive(neuron(reset_when="next-step"), 1)
    units = {reduce(Parameters.covering, order) for order in itertools.permutations([late, read_out, plain])}
    (unit,) = units
    assert {unit.covering(one) for one in (late, read_out, plain)} == units
    assert (unit.current_bits, unit.potential_bits, unit.reset_when, unit.mixed) == (6, 16, "next-step", True)
    assert unit.state_layout.members.keys() == {"v", "n", "i"}
    selectors = {"current", "sends_potential"}
    assert unit.parameter_layout.members.keys() == {"threshold", "subtract", "keep", "current_keep"} | selectors
    assert not selectors & late.parameter_layout.members.keys()
    assert late.covering(read_out).covering(late).features == {"keep", "current_keep", "current"}
    # A unit whose neurons all have a current, or none spikes, needs no bit that says so.
    currents = late.covering(Parameters.derive(neuron(spikes="potential", value_bits=4, i=6), 4))
    assert selectors & currents.parameter_layout.members.keys() == {"sends_potential"}
    assert set(read_out.parameter_layout.members) == {"keep", "bias"}


def test_latency():
    """Those of the tests above, as a table."""
    kinds = [PLAIN, CURRENT, READ_OUT, READ_OUT | CURRENT, MANY | CURRENT]
    assert [Parameters.derive(neuron(**k), k.get("value_bits", 1)).latency for k in kinds] == [8, 10, 7, 9, 13]
    read_out, plain, current = (Parameters.derive(neuron(**k), k.get("value_bits", 1)) for k in (READ_OUT, {}, CURRENT))
    assert plain.covering(read_out).latency == 9 and plain.covering(read_out).covering(current).latency == 11


def test_knobs_that_are_not_used_cost_nothing():
    plain = Parameters.derive(neuron(keep=8), 1)
    assert set(plain.parameter_layout.members) == {"threshold", "subtract"}
    assert set(plain.state_layout.members) == {"v"}
    both = plain.covering(Parameters.derive(neuron(bias=1, keep=np.array([8, 7])), 1))
    assert set(both.parameter_layout.members) == {"threshold", "subtract", "keep", "bias"}

"""The LIF pipeline is golden's rule, for every state and sum at small widths."""

import itertools

import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.golden.network import Neuron, Refusal
from spikeloom.golden.neurons import lif as golden
from spikeloom.hdl.neurons.lif import Parameters, Unit

STATE_BITS, SUM_BITS, DECAY_BITS, GUARD = 5, 4, 3, 1
LOW, HIGH = -(1 << STATE_BITS - 1), (1 << STATE_BITS - 1) - 1


def neuron(reset="subtract", reset_when="same-step", spikes="one", value_bits=1, bits=STATE_BITS, **parameters):
    low = -(1 << bits - 1)
    values = {"keep": 7, "threshold": 6, "subtract": 5, "v_reset": 0, "v_min": low, "v_init": 0, "bias": 0}
    made = Neuron(
        model="lif",
        states={"v": bits, "n": value_bits} if reset_when == "next-step" else {"v": bits},
        parameters=values | parameters,
        options={
            "reset": reset,
            "reset_when": reset_when,
            "spikes": spikes,
            "decay_bits": DECAY_BITS,
            "guard": GUARD,
        },
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


@pytest.mark.parametrize("case", CASES)
def test_unit_equals_golden_for_every_state_and_sum(case):
    options = dict(CASES[case])
    value_bits = options.get("value_bits", 1)
    model = neuron(**options)
    dut = Unit(Parameters.derive(model, value_bits), SUM_BITS)
    late = "n" in model.states
    previous = range(golden.n_max(value_bits) + 1) if late else [0]
    sums = range(-(1 << SUM_BITS - 1), 1 << SUM_BITS - 1)
    stimulus = list(itertools.product([False, True], range(LOW, HIGH + 1), previous, sums))
    expected = compare(dut, model, value_bits, stimulus)
    reached = {state["v"] for state, _ in expected}
    assert case in ("clipped", "everything", "forgets at once") or {LOW, HIGH} & reached, "saturation was reached"


@pytest.mark.parametrize("bits", [17, 18, 24, 30])
def test_wide_states_are_multiplied_in_parts(bits):
    rng = np.random.default_rng(bits)
    high = 1 << bits - 1
    model = neuron(bits=bits, threshold=high // 3, subtract=high // 4, bias=-5, reset_when="next-step")
    dut = Unit(Parameters.derive(model, 1), bits)
    edges = [-high, 1 - high, -(1 << 16), -1, 0, 1, (1 << 16) - 1, high - 1]
    states = [max(-high, min(high - 1, v)) for v in edges] * 8 + rng.integers(-high, high, 400).tolist()
    sums = (rng.integers(-high, high, len(states)) >> rng.integers(0, bits, len(states))).tolist()
    compare(dut, model, 1, [(False, v, n % 2, a) for n, (v, a) in enumerate(zip(states, sums, strict=True))])


def compare(dut, model, value_bits, stimulus):
    """Drive one (first, v, n, sum) per clock; golden's results, which the unit's equal."""
    parameters, late = dut.parameters, "n" in model.states
    results = []
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def bench(ctx):
        for name, value in parameters.image(model, 0).items():
            ctx.set(dut.p[name], value)
        for clock in range(len(stimulus) + parameters.latency):
            first, v, n, total = stimulus[min(clock, len(stimulus) - 1)]
            ctx.set(dut.first, first)
            ctx.set(dut.state.v, v)
            if late:
                ctx.set(dut.state.n, n)
            ctx.set(dut.sum, total)
            if clock >= parameters.latency:
                state = {"v": ctx.get(dut.o_state.v)} | ({"n": ctx.get(dut.o_state.n)} if late else {})
                results.append((state, ctx.get(dut.o_value)))
            await ctx.tick()

    simulator.add_testbench(bench)
    simulator.run()
    expected = []
    for first, v, n, total in stimulus:
        start = int(model.parameters["v_init"])
        state = {"v": start if first else v} | ({"n": 0 if first else n} if late else {})
        expected.append(golden.step(model, value_bits, 0, state, total))
    assert results == expected
    assert {value for _, value in expected} >= {0, 1}, "some fire, some do not"
    return expected


def test_units_that_cannot_be_shared_are_refused():
    one = Parameters.derive(neuron(), 1)
    other = Parameters.derive(neuron(reset="zero"), 1)
    with pytest.raises(Refusal) as refusal:
        one.covering(other)
    assert str(refusal.value) == (
        "LIF populations that share a core must have the same reset, not subtract and zero; "
        "convert with one value, or use the configuration 'cores: per-population'"
    )


def test_knobs_that_are_not_used_cost_nothing():
    plain = Parameters.derive(neuron(keep=8), 1)
    assert set(plain.parameter_layout.members) == {"threshold", "subtract"}
    assert set(plain.state_layout.members) == {"v"}
    both = plain.covering(Parameters.derive(neuron(bias=1, keep=np.array([8, 7])), 1))
    assert set(both.parameter_layout.members) == {"threshold", "subtract", "keep", "bias"}

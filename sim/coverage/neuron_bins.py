"""Bins of a core's neuron units, as they are built there."""

from spikeloom.hdl.neurons.lif import Parameters
from spikeloom.hdl.parameters import CoreParameters
from spikeloom.sim.coverage.bins import Bin

__all__ = ["neuron_bins"]


def neuron_bins(p: CoreParameters, core: str) -> list[Bin]:
    """Of neurons that are stepped, not of what lies in the pipelines between them. core: its name in the design."""
    o, known = p.neuron, p.unit_latency - p.neuron.latency
    assert isinstance(o, Parameters)
    integrated = known + 6 + 2 * bool(o.current_bits) - o.short  # clocks until x is there
    last = p.unit_latency
    bins: list[tuple[str, str, str, int]] = []  # name, about, when, clocks until then
    v = 1 << o.state_bits - 1

    def add(name: str, about: str, when: str, clocks: int) -> None:
        bins.append((name, about, when, clocks))

    for title, test in (("negative", "< 0"), ("zero", "== 0"), ("positive", "> 0")):
        add(f"state before the step: {title}", "what decay begins with", f"$signed({{v}}) {test}", known + 1 - o.short)
    if "keep" in o.features and o.decay_bits:
        for title, sign in (("negative", ""), ("positive", "!")):
            add(
                f"decay of a {title} state is inexact",
                "it is cut off toward zero",
                f"{{fraction}} && {sign}{{product}}[{{product:w}}-1]",
                known + 4 - o.short,
            )
    if o.spikes:
        rank = 5 + 2 * bool(o.current_bits) if o.spikes == "many" else "last"
        for title, distance in (("just below", -1), ("at", 0), ("just above", 1)):
            add(
                f"{title} the threshold",
                f"the potential is the threshold{distance:+d}" if distance else "the potential is the threshold",
                f"$signed({{x}}) - $signed({{threshold#{rank}}}) == {distance}",
                integrated,
            )
    if o.spikes == "many":
        assert o.value_bits is not None
        most = (1 << o.value_bits - 1) - 1
        for title, test in (
            ("none", "== 0"),
            ("one", "== 1"),
            ("some", f"inside {{[2:{most - 1}]}}"),
            ("most", f"== {most}"),
        ):
            add(
                f"many spikes: {title}",
                "of a neuron in a step",
                f"{{n}} {test}",
                last - 1 - bool("v_min" in o.features),
            )
        before, clocks = "$signed({y#last})", last - 1 - bool("v_min" in o.features)
    elif o.spikes:
        reset = f"{'subtract' if o.reset == 'subtract' else 'to a value'}, {o.reset_when}"
        at = last - 1 - o.mixed
        add(f"reset: {reset}", "a neuron fires", "{n}", at)
        before, clocks = (
            ("$signed({x#1})" if o.reset_when == "next-step" else "$signed({n} ? $signed({y}) : $signed({x#1}))"),
            at,
        )
    else:
        before, clocks = "$signed({x})", integrated
    if o.spikes == "many":
        add(f"reset: many times subtract, {o.reset_when}", "a neuron fires", "{n} != 0", clocks)
    if o.reset_when == "next-step":
        add(
            "late reset",
            "the step before fired, and this one gives back",
            "{given_back} != 0",
            known + (1 if not o.current_bits else 5) - o.short,
        )
    if o.reset != "zero":  # what is reset to a value was at the threshold or above it, and that the state can hold
        add("saturates above", "the state cannot hold what was found", f"{before} > {v - 1}", clocks)
    add("saturates below", "the state cannot hold what was found", f"{before} < -{v}", clocks)
    if o.current_bits:
        i = 1 << o.current_bits - 1
        at = known + 6 - o.short
        add(
            "current saturates above",
            "it cannot hold what was found",
            f"$signed({{i#2}}) > {i - 1}",
            at,
        )
        add("current saturates below", "it cannot hold what was found", f"$signed({{i#2}}) < -{i}", at)
    if "v_min" in o.features:
        value = "{v#last}" if o.spikes == "many" else "{saturated}"
        add(
            "lower bound holds",
            "the state is clipped at it",
            f"$signed({value}) < $signed({{v_min#last}})",
            last - 1 - o.mixed if o.spikes else integrated,
        )
        add(
            "at the lower bound",
            "the state is the bound without its help",
            f"$signed({value}) == $signed({{v_min#last}})",
            last - 1 - o.mixed if o.spikes else integrated,
        )
    if o.potential_bits:
        e = 1 << o.potential_bits - 1
        for title, value in (("most", e - 1), ("least", -e), ("none", 0)):
            add(f"potential as an event: {title}", "its value", f"$signed({{event}}) == {value}", last - 1)
    add("first step of a sample", "the initial state replaces the one before", "{first}", known)
    bins_ = []
    for name, about, when, clocks_ in bins:
        for u in range(p.units):
            exists = f"{{^/travel{clocks_}.exists}}" + (f"[{u}]" if p.units > 1 else "")
            bins_.append(
                Bin(
                    of=rf"{core}\.neuron_units\.unit{u}",
                    name=f"neuron: {name}",
                    about=about,
                    when=f"{exists} && {when}",
                )
            )
    return bins_

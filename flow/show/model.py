"""How results about models and networks look."""

from typing import Any

from spikeloom.show.console import BAD, GOOD, OPEN, percent, say, table

__all__ = ["check", "convert", "run"]


def check(inspection: Any) -> None:
    table("node", "type", "", "", rows=[(v.name, v.type, v.verdict, v.about) for v in inspection.nodes])
    for problem in inspection.problems:
        say(f"problem: {problem}", BAD)
    for note in (*inspection.notes, *inspection.storage):
        say(f"note: {note}", OPEN)
    for question in inspection.questions:
        say(f"open: {question}", OPEN)
    if not inspection.buildable:
        say(f"{inspection.path} cannot be built.", BAD)
    elif inspection.questions:
        hint = f", likely --convention {inspection.suggestion}" if inspection.suggestion else ""
        say(f"{inspection.path} can be built, once what is open is given{hint}.", OPEN)
    else:
        say(f"{inspection.path} can be built.", GOOD)


def convert(conversion: Any) -> None:
    report = conversion.report
    table(
        "layer",
        "weights",
        "scale",
        "clipped",
        "potential",
        "reaches",
        "saturated",
        "rate float/int",
        "same spikes",
        "accuracy alone" if report.accuracy_float is not None else "same class alone",
        rows=[
            (
                layer.name,
                f"{layer.weight_bits} bit" + (" per neuron" if layer.per_channel else ""),
                f"{layer.scale:.4g}",
                f"{percent(layer.clipped)} ({layer.method})",
                f"{layer.state_bits} bit, {layer.guard_bits} guard"
                + (f", current {layer.current_bits}" if layer.current_bits else ""),
                "{}..{}".format(*layer.potential),
                layer.saturations,
                "potentials"
                if layer.potential_error is not None
                else f"{100 * layer.rate_float:.2f}/{100 * layer.rate_integer:.2f} %"
                if layer.value_bits == 1
                else f"{layer.rate_float:.3f}/{layer.rate_integer:.3f}",
                f"{percent(layer.potential_error)} off"
                if layer.potential_error is not None
                else percent(layer.spike_agreement),
                percent(layer.alone),
            )
            for layer in report.layers
        ],
    )
    for note in report.notes:
        say(f"note: {note}", OPEN)
    knobs = {name: value for name, value in report.knobs.items() if value is not None}
    say(f"Knobs: {', '.join(f'{name} {_plain(value)}' for name, value in knobs.items())}.")
    if report.input_scale != 1:
        say(f"Analogue input: one step of its {report.input_value_bits} bits is {report.input_scale:.4g}.")
    say(
        f"On {report.samples} calibration samples of {report.steps} steps: "
        f"accuracy {percent(report.accuracy_float)} float, {percent(report.accuracy_integer)} integer; "
        f"{percent(report.prediction_agreement)} of predictions agree."
    )
    if conversion.output:
        say(f"Wrote {conversion.output}")


def _plain(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def run(report: Any) -> None:
    summary = report.summary()
    right = "" if report.accuracy is None else f", accuracy {percent(report.accuracy)}"
    found = "potentials" if summary["spikes"] is None else f"{summary['spikes']:,} spikes"
    say(f"{summary['samples']} samples of {summary['steps']} steps on {report.on}: {found}{right}")
    if report.clipped:
        say(f"{percent(report.clipped)} of the samples' numbers are beyond the input's range, and were cut off.", OPEN)
    if report.output:
        say(f"Wrote {report.output}")
    if report.events and not report.potentials:
        say("Without potentials: hardware shows none while it runs; --on golden records them.", OPEN)

"""What becomes of a .nir file, before anything is built: each node, every problem, every open question."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikeloom.golden import nir_file, nir_model, storage
from spikeloom.golden.conventions import CONVENTIONS, Knobs, Question, resolve
from spikeloom.golden.dynamics import Stepped, discretise, dynamics
from spikeloom.golden.network import Population, Refusal
from spikeloom.golden.nir_file import Node
from spikeloom.golden.nir_model import Layer, Model
from spikeloom.golden.nir_nodes import PORT, SPIKING, SUPPORTED

#: Seconds; its exporter knows no other.
SNNTORCH_DT = 1e-4
#: That are told at once.
MOST_LINES = 30
#: Of a weight, where what stores them is told before they are converted.
CHECKED_BITS = 8

__all__ = ["Inspection", "Verdict", "inspect", "load"]

#: What becomes of each type; nothing where they are built exactly.
ABOUT = {
    "Affine": "weights are rounded to their bits, the bias to the guard bits",
    "Linear": "weights are rounded to their bits",
    "Scale": "folded into the next weights, which are rounded",
    "Conv1d": "weights are rounded to their bits, the bias to the guard bits",
    "Conv2d": "weights are rounded to their bits, the bias to the guard bits",
    "IF": "threshold and reset are rounded to the guard bits",
    "LIF": "the decay is rounded, the potential to the guard bits in each step",
    "CubaLIF": "both decays are rounded, current and potential to the guard bits in each step",
    "I": "the potential is sent as an event of 16 bits in each step",
    "LI": "the decay is rounded, the potential is sent as an event of 16 bits in each step",
    "CubaLI": "both decays are rounded, the potential is sent as an event of 16 bits in each step",
    "Threshold": "the threshold is rounded to the guard bits",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of one node: ``exact``, ``approximate`` or ``unsupported``, and a sentence."""

    name: str
    type: str
    verdict: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Everything there is to say about a file before it is converted.

    storage: where there is a choice between a matrix and a list, what each takes with 8 bits a weight.
    """

    path: str
    version: str
    nodes: tuple[Verdict, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    storage: tuple[str, ...]
    questions: tuple[Question, ...]
    convention: str | None
    suggestion: str | None
    model: Model | None

    @property
    def buildable(self) -> bool:
        return self.model is not None and not self.problems

    def refusal(self) -> str | None:
        """Why this cannot be converted, in one message; None if it can."""
        lines = [f"{v.name!r} ({v.type}): {v.about}" for v in self.nodes if v.verdict == "unsupported"]
        if lines:
            lines.append(f"supported are the types {', '.join(SUPPORTED)}")
        lines += self.problems
        if len(lines) > MOST_LINES:
            lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} problems more"]
        if lines:
            return f"{self.path} cannot be built:" + "".join(f"\n  {line}" for line in lines)
        if self.questions:
            listed = "".join(f"\n  {question}" for question in self.questions)
            if self.convention:
                return f"{self.path}: convention {self.convention!r} leaves open, and nothing is guessed:{listed}"
            hint = f" (the file looks like one of {self.suggestion})" if self.suggestion else ""
            return (
                f"{self.path} does not say how it runs in steps, and nothing is guessed. Name the framework that it "
                f"was trained in, or a plain rule: --convention {'|'.join(CONVENTIONS)}{hint}. "
                f"Or set what is open:{listed}"
            )
        return None


def _verdict(node: Node, knobs: Knobs) -> Verdict:
    if node.type not in SUPPORTED:
        about = "no node of nir 1.0.8 has this type"
        return Verdict(name=node.name, type=node.type, verdict="unsupported", about=about)
    about = ABOUT.get(node.type)
    rule = (knobs.convention, knobs.reset, knobs.reset_when)
    if node.type in SPIKING and rule == ("snntorch", "subtract", "same-step"):
        about += "; snnTorch (reset_delay=False) fires otherwise where the reset leaves more than a threshold"
    return Verdict(name=node.name, type=node.type, verdict="approximate" if about else "exact", about=about or "")


def _suggestion(model: Model | None) -> str | None:
    """The convention whose exporter leaves these traces."""
    layers = model.layers if model else ()

    def all_have(kind: str, holds: Callable[[Mapping[str, np.ndarray]], np.ndarray]) -> bool:
        found = [layer.parameters for layer in layers if layer.type == kind]
        return bool(found) and all(holds(p).all() for p in found)

    def near(a: np.ndarray, b: np.ndarray | float) -> np.ndarray:
        return np.isclose(a, b, rtol=1e-4)

    if any(re.fullmatch(r"\d+_(LIF|Linear|ExpSyn|LIFNeuron)Torch", layer.name) for layer in layers):
        return "rockpool"
    if all_have("LIF", lambda p: near(p["r"], 1 - 1 / p["tau"]) & (p["tau"] > 1)):
        return "spyx"
    if all_have("CubaLIF", lambda p: near(p["w_in"], 1.0)) and all_have("CubaLIF", lambda p: near(p["r"], 1.0)):
        return "norse"
    if all_have("LIF", lambda p: near(p["r"] * SNNTORCH_DT / p["tau"], 1.0)):
        return "snntorch"
    if all_have("CubaLIF", lambda p: near(p["w_in"] * SNNTORCH_DT / p["tau_syn"], 1.0)):
        return "snntorch"
    if all_have("IF", lambda p: near(p["r"], 1 / SNNTORCH_DT)):
        return "spikingjelly"
    if all_have("IF", lambda p: near(p["r"], 1.0)) or all_have("LIF", lambda p: near(p["r"], 1.0) & (p["tau"] > 1)):
        return "sinabs"
    return "norse" if all_have("LIF", lambda p: near(p["r"], 1.0)) else None


def _gains(model: Model, knobs: Knobs) -> Iterator[str]:
    """Where an exporter has lost the gain of the input, and the knobs take the file at its word."""
    for layer in model.layers:
        p, about = layer.parameters, f"{layer.name!r} ({layer.type})"
        if "w_in" in p and knobs.synapse_gain == "ode" and np.allclose(p["w_in"], 1):
            yield (
                f"{about}: w_in is 1, by which the equation adds only dt/tau_syn of each spike to the current; nir "
                "before 1.0 and the exporters of Norse, Rockpool and Spyx lose the gain here: --synapse-gain unit "
                "(Rockpool: decayed)"
            )
        if layer.type == "CubaLIF" and (knobs.convention, knobs.reset_when) == ("spyx", "next-step"):
            yield f"{about}: Spyx's current-based neurons lose the threshold before they decay: --reset-when same-step"
        if layer.type in ("IF", "I") and knobs.membrane_gain == "ode" and np.allclose(p["r"], 1) and knobs.dt <= 0.1:
            yield (
                f"{about}: r is 1, by which the equation adds only dt of each spike; Norse's exporter writes 1 for a "
                "gain of 1: --membrane-gain unit"
            )
        if layer.type == "LIF" and knobs.membrane_gain == "ode" and np.allclose(p["r"], 1 - knobs.dt / p["tau"]):
            yield f"{about}: r is 1 - dt/tau, which Spyx's exporter writes for a gain of 1: --membrane-gain unit"


def _unlike(model: Model, knobs: Knobs) -> Iterator[str]:
    """Where no knob makes the rule the framework's."""
    if (knobs.convention, knobs.reset, knobs.reset_when) != ("snntorch", "zero", "next-step"):
        return
    for layer in model.layers:
        if layer.type == "CubaLIF" or any(i.source == layer.name for i in layer.inputs):
            yield (
                f"{layer.name!r} ({layer.type}): snnTorch's Synaptic, RLeaky and RSynaptic with a late reset to zero "
                "drop what arrives in the step after a spike, which is not built; train with reset_delay=False "
                "(--reset-when same-step), or with the reset 'subtract'"
            )


def _names(model: Model) -> Iterator[str]:
    for name in (model.input, *(layer.name for layer in model.layers)):
        try:
            Population(name=name, shape=(1,))
        except Refusal as refusal:
            yield str(refusal)


def _storage(layers: Sequence[Layer | Stepped]) -> Iterator[str]:
    for layer in layers:
        for group in storage.merged(layer.inputs):
            found = [layer.inputs[k] for k in group]
            about = f"{found[0].source!r} to {layer.name!r}"
            if said := storage.told(about, [i.weights for i in found], [i.delay for i in found], CHECKED_BITS):
                yield said


def inspect(path: str | Path, knobs: Knobs | str | None = None) -> Inspection:
    """Everything about a file at once: nodes, problems, open questions. Only an unreadable file is refused.

    knobs: or the name of a convention.
    """
    graph = nir_file.read(path)
    read = nir_model.interpret(graph)
    model, problems, notes = read.model, list(read.problems), list(read.notes)
    knobs = resolve(knobs)
    types = model.types if model else {node.type for node in read.nodes.values()}
    questions = knobs.questions(types)
    layers: Sequence[Layer | Stepped] = model.layers if model else ()
    if model and not questions:
        for layer in model.layers:
            try:
                dynamics(layer, knobs)
            except Refusal as refusal:
                problems.append(str(refusal))
        if not problems:
            try:
                stepped, _, said = discretise(model, knobs)
                notes += said
                layers = stepped
            except Refusal as refusal:
                problems.append(str(refusal))
            notes += _gains(model, knobs)
            problems += _unlike(model, knobs)
    if model:
        problems += _names(model)
    return Inspection(
        path=str(path),
        version=graph.version,
        nodes=tuple(_verdict(node, knobs) for node in read.nodes.values() if node.type != PORT),
        problems=tuple(problems),
        notes=tuple(notes),
        storage=tuple(_storage(layers)),
        questions=questions,
        convention=knobs.convention,
        suggestion=_suggestion(model),
        model=model,
    )


def load(path: str | Path, knobs: Knobs | str) -> Inspection:
    """The inspection of a file whose model can be built, or one :class:`Refusal` with everything in its way."""
    inspection = inspect(path, knobs)
    if refusal := inspection.refusal():
        raise Refusal(refusal)
    return inspection

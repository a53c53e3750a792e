"""What becomes of a .nir file, before anything is built: each node, every problem, every open question."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikeloom.golden import nir_file, nir_model
from spikeloom.golden.conventions import CONVENTIONS, Knobs, Question, resolve
from spikeloom.golden.dynamics import dynamics
from spikeloom.golden.network import Refusal
from spikeloom.golden.nir_file import Node
from spikeloom.golden.nir_model import NEURONS, SUPPORTED, Model

__all__ = ["Inspection", "Verdict", "inspect", "load"]

#: Types of nir 1.0.8 that are not built yet, and why.
UNSUPPORTED = {
    "Conv1d": "one-dimensional convolution is not supported yet",
    "Conv2d": "two-dimensional convolution is not supported yet",
    "SumPool2d": "pooling is not supported yet",
    "AvgPool2d": "pooling is not supported yet",
    "Delay": "delays are not supported yet",
    "Threshold": "a threshold without a neuron is not supported yet",
    "I": "a non-spiking integrator is not supported yet",
    "LI": "a non-spiking leaky integrator is not supported yet",
    "CubaLI": "a non-spiking current-based neuron is not supported yet",
    "CubaLIF": "current-based neurons are not supported yet",
    "NIRGraph": "a graph inside the graph is not supported yet",
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
    """Everything there is to say about a file before it is converted."""

    path: str
    version: str
    nodes: tuple[Verdict, ...]
    problems: tuple[str, ...]
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
        about = UNSUPPORTED.get(node.type, "no node of nir 1.0.8 has this type")
        return Verdict(name=node.name, type=node.type, verdict="unsupported", about=about)
    about = {
        "Affine": "weights are rounded to their bits, the bias to the guard bits",
        "Linear": "weights are rounded to their bits",
        "Scale": "folded into the next weights, which are rounded",
        "IF": "threshold and reset are rounded to the guard bits",
        "LIF": "the decay is rounded, the potential to the guard bits in each step",
    }.get(node.type)
    rule = (knobs.convention, knobs.reset, knobs.reset_when)
    if node.type in NEURONS and rule == ("snntorch", "subtract", "same-step"):
        about += "; snnTorch (reset_delay=False) fires otherwise where the reset leaves more than a threshold"
    return Verdict(name=node.name, type=node.type, verdict="approximate" if about else "exact", about=about or "")


def _suggestion(model: Model | None) -> str | None:
    """The convention whose exporter leaves this trace."""
    lif = [layer for layer in model.layers if layer.type == "LIF"] if model else []
    if lif and all(np.allclose(n.parameters["r"] * 1e-4 / n.parameters["tau"], 1, rtol=1e-5) for n in lif):
        return "snntorch"
    return None


def inspect(path: str | Path, knobs: Knobs | str | None = None) -> Inspection:
    """Everything about a file at once: nodes, problems, open questions. Only an unreadable file is refused.

    knobs: or the name of a convention.
    """
    graph = nir_file.read(path)
    model, problems = nir_model.interpret(graph)
    knobs = resolve(knobs)
    questions = knobs.questions(node.type for node in graph.nodes.values())
    for layer in model.layers if model and not questions else ():
        try:
            dynamics(layer, knobs)
        except Refusal as refusal:
            problems.append(str(refusal))
    return Inspection(
        path=str(path),
        version=graph.version,
        nodes=tuple(_verdict(node, knobs) for node in graph.nodes.values()),
        problems=tuple(problems),
        questions=questions,
        convention=knobs.convention,
        suggestion=_suggestion(model),
        model=model,
    )


def load(path: str | Path, knobs: Knobs | str) -> Model:
    """The model in a file, or one :class:`Refusal` with everything that stands in its way."""
    inspection = inspect(path, knobs)
    if refusal := inspection.refusal():
        raise Refusal(refusal)
    return inspection.model

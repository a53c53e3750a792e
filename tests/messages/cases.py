"""What is wrong, how it is made and what is said: the means to list it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nir_files import chain, complete, minimal, reading
from spikeloom.golden import nir_graph
from spikeloom.golden.conventions import Knobs, resolve
from spikeloom.golden.data import Data
from spikeloom.golden.network import Refusal
from spikeloom.golden.quantise import convert

Nodes = Mapping[str, Mapping[str, Any]]
EDGES = [("input", "fc1"), ("fc1", "lif1"), ("lif1", "fc2"), ("fc2", "lif2"), ("lif2", "output")]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that is wrong, in the words of its user; how to make it; and what is said.

    group: the table that it is in. remedy: where the message itself does not end with one.
    """

    group: str
    cause: str
    make: Callable[[Path], str | None]
    message: str
    remedy: str = ""

    @property
    def shown(self) -> tuple[str, str]:
        """What the page says: the message without the name of its file, and what to do."""
        text = self.message.removeprefix("model.nir: ").removeprefix("model.nir ")
        if text.startswith("cannot be built:"):
            text = text.splitlines()[1].strip()
        if self.remedy:
            return text, self.remedy
        said, _, remedy = text.rpartition("; ")
        return said, remedy[:1].upper() + remedy[1:]


CASES: list[Case] = []


def network(cause: str, message: str, nodes: Nodes, edges: Any = None, remedy: str = "", **knobs: Any) -> None:
    """A file with one problem, which comes first of what ``check`` says of it and ``convert`` refuses it for."""

    def make(folder: Path) -> str | None:
        with reading(nodes, edges) as path:
            inspection = nir_graph.inspect(path, resolve("snntorch", knobs))
            refusal = inspection.refusal() or ""
        assert len(inspection.problems) == 1 or nodes.keys() & {"n"}, inspection.problems
        listed = "".join(f"\n  {problem}" for problem in inspection.problems)
        assert refusal == f"model.nir cannot be built:{listed}"
        return inspection.problems[0]

    CASES.append(Case(group="network", cause=cause, make=make, message=message, remedy=remedy))


def refused(group: str, cause: str, message: str, call: Callable[[], object], remedy: str = "") -> None:
    """A call that is refused."""

    def make(folder: Path) -> str | None:
        with pytest.raises(Refusal) as refusal:
            call()
        return str(refusal.value)

    CASES.append(Case(group=group, cause=cause, make=make, message=message, remedy=remedy))


def changed(name: str, **fields: Any) -> Nodes:
    """The plain chain with one node's fields changed; None leaves one out."""
    nodes = chain()
    return nodes | {name: nodes[name] | fields}


def with_(**nodes: Mapping[str, Any]) -> Nodes:
    """The plain chain with nodes replaced or added."""
    return chain() | nodes


def converted(nodes: Nodes, knobs: Knobs | str = "snntorch", x: Any = None, edges: Any = None, **options: Any) -> None:
    shape = nodes["input"]["shape"]
    if x is None:
        x = (np.random.default_rng(0).random((4, 20, *shape)) < 0.4).astype(np.uint8)
    with reading(nodes, edges) as path:
        model = nir_graph.load(path, knobs).model
    convert(model, x if isinstance(x, Data) else Data(x=x), knobs, **options)


def gain(kind: str, **fields: float) -> Nodes:
    nodes = minimal(kind, complete("euler"))
    return nodes | {"n": nodes["n"] | {name: np.full(4, value) for name, value in fields.items()}}

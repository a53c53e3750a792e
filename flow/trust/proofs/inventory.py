"""What there is to prove: the components of the hardware, and what of them counts, queues, chooses or saturates."""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Component", "components"]

#: Packages whose modules are hardware, all or in part.
ROOMS = ("spikeloom.hdl", "spikeloom.hdl.neurons", "spikeloom.hdl.routers", "spikeloom.boards", "spikeloom.boards.link",
         "spikeloom.boards.soc")  # fmt: skip
#: What a component is made of that is more than wires: called, it makes one.
MADE = {
    "SyncFIFO": "queue",
    "Queue": "queue",
    "Inbox": "queue",
    "Buffer": "queue",
    "Arbiter": "arbiter",
    "Merge": "arbiter",
    "saturated": "saturation",
}


@dataclass(frozen=True)
class Component:
    """part: as proofs name it. things: what of it has to be right, by kind."""

    part: str
    things: tuple[tuple[str, str], ...]


def components() -> Iterator[Component]:
    """All that has an ``elaborate``, as the sources say."""
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        assert spec and spec.origin
        for path in sorted(Path(spec.origin).parent.glob("*.py")):
            module = f"{room}.{path.stem}".removeprefix("spikeloom.").partition(".")[2]
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and _elaborates(node):
                    yield Component(f"{module}.{node.name}", tuple(sorted(set(_things(node)))))


def _elaborates(node: ast.ClassDef) -> bool:
    return any(isinstance(item, ast.FunctionDef) and item.name == "elaborate" for item in node.body)


def _things(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for call in ast.walk(node):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in MADE:
            yield MADE[name], name
        elif name == "eq" and isinstance(call.func, ast.Attribute) and len(call.args) == 1:
            target = ast.unparse(call.func.value)
            if any(_adds(part, target) for part in ast.walk(call.args[0])):
                yield "counter or address", target.removeprefix("self.")


def _adds(node: ast.AST, target: str) -> bool:
    """Something is added to the target, or subtracted from it."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add | ast.Sub)
        and any(ast.unparse(part) == target for part in ast.walk(node) if isinstance(part, ast.expr))
    )

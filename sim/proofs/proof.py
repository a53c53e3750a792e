"""A proof: what is claimed of a part, and a fault in the part that breaks the claim."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.abc import InspectLoader
from importlib.util import find_spec, module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any
from unittest.mock import patch

from spikeloom.sim.proofs.statement import Statement

__all__ = ["Bug", "Proof", "proof"]


@dataclass(frozen=True)
class Bug:
    """A fault to be found: in the source of the part's module, the one ``right`` becomes ``wrong``."""

    about: str
    right: str
    wrong: str


def own(module: str, bug: Bug | None = None) -> Any:
    """A copy of a module that nobody else has, so that its constants may be changed; with the bug, if there is one."""
    spec = find_spec(module)
    assert spec and spec.origin
    text = Path(spec.origin).read_text("utf-8")
    if bug:
        found = text.count(bug.right)
        assert found == 1, f"The bug does not fit: {module} has {bug.right!r} {found} times, not once"
        text = text.replace(bug.right, bug.wrong)
    copied = spec_from_loader(module, _Text(text), origin=spec.origin)
    assert copied and copied.loader
    made = module_from_spec(copied)
    with patch.dict(sys.modules, {module: made}):  # where dataclasses look for their module
        copied.loader.exec_module(made)
    return made


class _Text(InspectLoader):
    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, fullname: str) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True)
class Proof:
    """``module``.``part`` does what ``claim`` says, in this size.

    state: makes the statement, with the part from a module that is ``module`` or has the bug.
    bounded: without feedback, so that some clocks show all that it can do.
    clocks:  proven for so many after the reset, where proving it for ever takes too long; 0: for ever.
    """

    part: str
    claim: str
    size: str
    module: str
    bug: Bug
    state: Callable[[Any, Statement], None]
    bounded: bool = False
    clocks: int = 0

    def statement(self, *, faulty: bool = False) -> Statement:
        statement = Statement()
        self.state(own(self.module, self.bug if faulty else None), statement)
        return statement


def proof(
    part: str, claim: str, *, size: str, bug: Bug, bounded: bool = False, clocks: int = 0, room: str = "hdl"
) -> Callable[[Callable[[Any, Statement], None]], Proof]:
    """Make a proof of ``state``; ``part`` is a component's name in ``spikeloom.hdl``, or in another room."""
    module = f"spikeloom.{room}.{part.rpartition('.')[0]}"

    def decorate(state: Callable[[Any, Statement], None]) -> Proof:
        return Proof(
            part=part, claim=claim, size=size, module=module, bug=bug, state=state, bounded=bounded, clocks=clocks
        )

    return decorate

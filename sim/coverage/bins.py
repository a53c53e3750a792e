"""Functional bins: what must happen somewhere in a covered run, as an expression over a component's signals."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Bin", "machine"]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """It is hit in each clock in which the expression ``when`` holds in a component that it is of.

    of:    the path of such components, as a regular expression: ``core0.scheduler`` and those of other cores.
    about: what happens, in plain words.
    when:  SystemVerilog over the component's signals, each in braces as its path from there, with slashes. ``{x:w}``
           is how wide it is, ``{x#1}`` the second of its name in the module, ``{x#last}`` the last, ``{^/x}`` one of
           the component around it. A component that lacks one of them does not have the bin.
    """

    of: str
    name: str
    about: str
    when: str


def machine(of: str, what: str, state: str, states: Sequence[str], reset: str) -> list[Bin]:
    """Each state of a machine, and a reset in it. states: in the order in which their component names them first."""
    return [
        bin_
        for number, title in enumerate(states)
        for bin_ in (
            Bin(of=of, name=f"{what}: {title}", about="the machine is in this state", when=f"{{{state}}} == {number}"),
            Bin(
                of=of,
                name=f"{what}: reset in {title}",
                about="everything is reset in this state; the next run is right",
                when=f"{{{reset}}} && {{{state}}} == {number}",
            ),
        )
    ]

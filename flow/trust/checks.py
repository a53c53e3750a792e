"""All checks there are, by name; each is the ``CHECK`` of a module of this package."""

from importlib import import_module

from spikeloom.trust.check import Check

__all__ = ["NAMES", "check_of"]

#: In the page's order.
NAMES = (
    "designs",
    "networks",
    "mutants",
    "specification",
    "coverage",
    "proofs",
    "soak",
    "hostile",
    "reproducible",
    "planted",
)


def check_of(name: str) -> Check:
    check: Check = import_module(f"spikeloom.trust.{name}").CHECK
    return check

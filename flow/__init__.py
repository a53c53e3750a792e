"""Spikeloom: from a trained spiking network to bit-exact integers, verified Verilog and a bitstream."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikeloom.api import build as build
    from spikeloom.api import check as check
    from spikeloom.api import convert as convert
    from spikeloom.api import demo as demo
    from spikeloom.api import doctor as doctor
    from spikeloom.api import flash as flash
    from spikeloom.api import generate as generate
    from spikeloom.api import map as map  # noqa: A004
    from spikeloom.api import offers as offers
    from spikeloom.api import report as report
    from spikeloom.api import run as run
    from spikeloom.api import tune as tune
    from spikeloom.api import verify as verify
    from spikeloom.device import Device as Device
    from spikeloom.golden.conventions import Knobs as Knobs
    from spikeloom.golden.conventions import resolve as resolve
    from spikeloom.golden.data import Data as Data
    from spikeloom.golden.network import Network as Network
    from spikeloom.golden.network import Refusal as Refusal
    from spikeloom.hdl.configuration import Configuration as Configuration

__version__ = "0.1.0"

# Where each public name lives. Nothing is imported before it is asked for: `import spikeloom` costs nothing.
_HOMES = {
    "Configuration": "spikeloom.hdl.configuration",
    "Data": "spikeloom.golden.data",
    "Device": "spikeloom.device",
    "Knobs": "spikeloom.golden.conventions",
    "Network": "spikeloom.golden.network",
    "Refusal": "spikeloom.golden.network",
    "build": "spikeloom.api",
    "check": "spikeloom.api",
    "convert": "spikeloom.api",
    "demo": "spikeloom.api",
    "doctor": "spikeloom.api",
    "flash": "spikeloom.api",
    "generate": "spikeloom.api",
    "map": "spikeloom.api",
    "offers": "spikeloom.api",
    "report": "spikeloom.api",
    "resolve": "spikeloom.golden.conventions",
    "run": "spikeloom.api",
    "tune": "spikeloom.api",
    "verify": "spikeloom.api",
}

# Not `map`: a star import would hide the built-in function.
__all__ = ["__version__", *(name for name in _HOMES if name != "map")]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOMES})

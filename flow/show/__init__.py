"""How results look, a function per command: tables and sentences for people, one JSON document for machines."""

from spikeloom.show.board import boards, build, doctor, everywhere, flash
from spikeloom.show.console import error, jsonable, print_json, progress, say
from spikeloom.show.design import generate, mapping, verify
from spikeloom.show.model import check, convert, run
from spikeloom.show.page import Stages, demo, packaged, report
from spikeloom.show.tune import tune

__all__ = [
    "Stages",
    "boards",
    "build",
    "check",
    "convert",
    "demo",
    "doctor",
    "error",
    "everywhere",
    "flash",
    "generate",
    "jsonable",
    "mapping",
    "packaged",
    "print_json",
    "progress",
    "report",
    "run",
    "say",
    "tune",
    "verify",
]

"""One public function per command. Each takes paths or objects, returns plain results, and raises ``Refusal``.

The command line only adds words: a test compares each command's options with the parameters here. Imports are inside
the functions, so that each needs its own rooms alone. ``progress`` may be any function; it is called with a stage
(str), with counts (done, total), or with both.
"""

from spikeloom.api.board import build, flash, offers, timed
from spikeloom.api.design import generate, map, report, verify  # noqa: A004
from spikeloom.api.given import Progress
from spikeloom.api.model import Conversion, RunReport, accuracy, check, convert, run
from spikeloom.api.tune import tune
from spikeloom.health import doctor
from spikeloom.road import demo

__all__ = [
    "Conversion",
    "Progress",
    "RunReport",
    "accuracy",
    "build",
    "check",
    "convert",
    "demo",
    "doctor",
    "flash",
    "generate",
    "map",
    "offers",
    "report",
    "run",
    "timed",
    "tune",
    "verify",
]

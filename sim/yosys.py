"""Yosys, as the package pyosys brings it."""

import subprocess
import sys
from pathlib import Path

from spikeloom.golden.network import Refusal

__all__ = ["run_yosys"]

RUN = "import sys; from pyosys import libyosys as ys; ys.run_pass('script ' + sys.argv[1], ys.Design())"


def run_yosys(folder: Path, *passes: str) -> None:
    (folder / "passes.ys").write_text("\n".join(passes) + "\n")
    try:
        command = [sys.executable, "-P", "-c", RUN, "passes.ys"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        *_, last = (error.stdout + error.stderr).strip().splitlines() or ["no message"]
        raise Refusal(f"Yosys failed ({last.strip()})") from None

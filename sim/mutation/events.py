"""Killers of a whole design: its events and states, compared with golden."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spikeloom.hdl.design import Design, load_manifest, sha256
from spikeloom.sim.equivalence import compare
from spikeloom.sim.job import Stalls, stimulus
from spikeloom.sim.mutation.trial import Killer, Seen
from spikeloom.sim.session import Session

__all__ = ["events", "put"]


def put(verilog: str, directory: Path) -> None:
    """In the place of a generated folder's."""
    manifest = load_manifest(directory)
    file = directory / manifest["verilog"]["file"]
    file.write_text(verilog)
    manifest["verilog"]["sha256"] = sha256(file)
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")


def events(name: str, directory: Path, x: np.ndarray, *, stalls: bool | Stalls, seed: int) -> Killer:
    """Every event and final state of a run on ``x``."""
    design = Design(directory)
    x = stimulus(design, x)
    names = [p.name for p in design.network.neurons]

    def look(plusargs: Sequence[str], folder: Path) -> Seen:
        session = Session(
            design=design, simulator="verilator", bulk=True, stalls=stalls, seed=seed, plusargs=tuple(plusargs)
        )
        try:
            block = session.block(x, 0, len(x), compare=True)
        except RuntimeError as error:
            return Seen(fault=str(error).splitlines()[0])
        *_, first = compare(block, names, x.shape[1])
        return Seen(fault=first.text if first else None, clocks=(block.answer.runs, block.answer.clocks.tolist()))

    return Killer(name=name, look=look)

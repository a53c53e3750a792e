"""The figure of the model of area: its runs are made again, and each is predicted from others."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from spikeloom.bench import hardware
from spikeloom.bench.figure import Bench, figure
from spikeloom.boards import calibration, catalogue, tools
from spikeloom.boards.area import FITTED
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.fit import predicted
from spikeloom.boards.stages import KEPT
from spikeloom.hdl.configuration import Configuration

__all__ = ["area"]


@figure(*({"family": name} for name, family in FAMILIES.items() if family.flow == "open"))
def area(bench: Bench, family: str) -> Iterator[dict[str, Any]]:
    """What the model of area predicts, against synthesis and packing of the designs in boards/area.json, which are made
    again and written there: shares by which it is off. Each was predicted by a model fitted to two thirds of the
    designs, to which it does not belong."""
    runs = list(calibration.load())
    mine = [k for k, run in enumerate(runs) if catalogue.find(run.board).family == family]
    versions = {name: tools.version(name) for name in FAMILIES[family].tools[:2]}
    for k in mine:
        run, board = runs[k], catalogue.find(runs[k].board)
        bench.progress(f"{run.board}, {run.network}, {dict(run.configuration)}")
        network = hardware.network(run.network, run.weight_bits)
        configuration = Configuration.create(**run.configuration)
        manifest, used = calibration.measure(network, configuration, board, kept=KEPT, again=bench.cache.again)
        runs[k] = replace(run, parameters=manifest["parameters"], used=used, tools=versions)
    calibration.save(runs)
    found: dict[str, Any] = {"runs": len(mine), "networks": len({runs[k].network for k in mine})}
    errors = calibration.off([run for run in runs if run.used])
    for resource in FITTED:
        off = np.abs(errors[resource, family])
        found |= {f"{resource}_median": float(np.median(off)), f"{resource}_worst": float(off.max())}
    known = calibration.measured([runs[k] for k in mine])
    counted = [(run.used, predicted(run.parameters, run.board)) for run in known]
    for resource in ("dsp", "block_ram"):
        found[f"{resource}_wrong"] = sum(used[resource] != model[resource] for used, model in counted)
    yield {**found, "tools": versions}

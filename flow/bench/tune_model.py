"""What the search's model says of designs that it was not fitted to, against the tools and the simulation of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikeloom.bench import hardware
from spikeloom.bench.cache import sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.bench.tune import source_of
from spikeloom.boards import calibration, catalogue, fmax
from spikeloom.boards.board import Board
from spikeloom.boards.build import build
from spikeloom.boards.build_report import BuildReport
from spikeloom.boards.stages import KEPT
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network
from spikeloom.tuning import space as spaces
from spikeloom.tuning.cost import modelled
from spikeloom.tuning.goals import goals
from spikeloom.tuning.source import integers
from spikeloom.tuning.space import Point, Space, hardware_of, quantisation_of

__all__ = ["design_of", "drawn", "errors", "fitted", "rank_correlation", "tune_model"]

DESIGNS, SAMPLES, SEED = 20, 40, 1
#: Of a board's logic cells; fuller ones take the placer hours.
FULL = 0.9
#: Of the default space, what the tools place in a minute or two.
SMALL = {"lanes": (1, 2, 4, 8, 16), "units": (1, 2, 4), "cores": ("shared",)}


def drawn(space: Space, seed: int) -> Iterator[Point]:
    """Points at random, all different."""
    rng, seen = np.random.default_rng(seed), set[str]()
    while True:
        point = space.point(space.drawn(rng))
        if (key := spaces.key_of(point)) not in seen:
            seen.add(key)
            yield point


def fitted(board: str, network: str) -> set[tuple[str, str]]:
    """Designs of a network on a board that the models of area and clock were fitted to, as :func:`design_of` has
    them."""
    runs = [run for run in (*calibration.load(), *fmax.load()) if (run.board, run.network) == (board, network)]
    return {design_of(network, [run.weight_bits], Configuration.create(**run.configuration)) for run in runs}


def design_of(network: str, weight_bits: Sequence[int], configuration: Configuration) -> tuple[str, str]:
    """Its widths of weights and its parameters, which are the same however a configuration says them."""
    parameters = map_network(hardware.network(network, max(weight_bits)), configuration).parameters
    return ",".join(map(str, sorted(set(weight_bits)))), repr(parameters)


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's: of ranks, where equals share theirs."""
    ranks = [np.searchsorted(np.sort(x), x, "left") + np.searchsorted(np.sort(x), x, "right") for x in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def errors(designs: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    """Shares by which the model is off."""
    pairs = np.array([(one["modelled"][name], one["measured"][name]) for one in designs])
    return pairs[:, 0] / pairs[:, 1] - 1


def _built(bench: Bench, made: hardware.Hardware, board: Board) -> dict[str, Any]:
    """What one build of a design takes, and its fastest clock."""

    def one_build() -> dict[str, Any]:
        _, packed = calibration.measure(made.network, made.configuration, board, kept=KEPT)
        if packed["lut"] > FULL * board.resources.lut:
            return {"fits": False, "used": packed}
        with TemporaryDirectory(prefix="spikeloom-") as folder:
            report = build(made.directory, None, board, Path(folder) / "build", kept=KEPT, progress=bench.progress)
        assert isinstance(report, BuildReport)
        return {"fits": True, "used": asdict(report.used), "fmax": report.fmax_mhz, "path": report.critical_path}

    return bench.cache.remember(
        one_build,
        verilog=made.verilog_sha256,
        images=made.manifest["images"],
        board=repr(board),
        code=[*(sources(f"spikeloom.boards.{name}") for name in hardware.tools_of(board)), hardware.around()],
    )


@figure(
    {"network": "digits", "board": "ice40-hx8k"},
    {"network": "hardreset", "board": "ice40-hx8k"},
    {"network": "vowels", "board": "ecpix5-45f"},
)
def tune_model(bench: Bench, network: str, board: str) -> Iterator[dict[str, Any]]:
    """Random designs of one core that the model was not fitted to, each built with one seed and simulated: by which
    share the model of the search is off. Of the default space those with at most 16 lanes and 4 neuron units, which the
    tools place in minutes; what the board does not hold, or only with over 90 % of its logic cells, is left out."""
    source = source_of(network, test=True)
    source = replace(source, data=replace(source.data, x=source.data.x[:SAMPLES], y=source.data.y[:SAMPLES]))
    chosen = catalogue.find(board)
    aims = goals(["accuracy"], ["latency"], [], chosen)
    space = Space({**spaces.default(hardware.network(network, 8), chosen).axes, **SMALL})
    known, designs, too_large = fitted(board, network), list[dict[str, Any]](), 0
    for point in drawn(space, SEED):
        made, configuration = integers(source, quantisation_of(point)), hardware_of(point)
        widths = [bits for name, bits in point.items() if name.startswith("weight_bits")]
        model = modelled(made, configuration, chosen)
        if design_of(network, widths, configuration) in known:
            continue
        beyond = aims.excesses(model)
        if any(beyond.get(f"{name}<=100%") for name in ("bram", "dsp")) or model["lut"] > FULL * chosen.resources.lut:
            too_large += 1
            continue
        bench.progress("build designs", len(designs), DESIGNS)
        with hardware.written(made.network, configuration) as verilog:
            built = _built(bench, verilog, chosen)
            if not built["fits"]:
                too_large += 1
                continue
            simulated = hardware.simulated(bench.cache, verilog, source.data.x, progress=bench.progress)
        used = built["used"]
        measured = {"clocks": simulated["clocks_per_inference"], "fmax": built["fmax"], "path": built["path"]}
        measured |= {"lut": used["lut"], "ff": used["ff"], "bram": used["block_ram"], "dsp": used["dsp"]}
        designs.append({"point": point, "modelled": {name: model[name] for name in measured.keys() & model.keys()}})
        designs[-1]["measured"] = measured
        if len(designs) == DESIGNS:
            break
    off = {name: np.abs(errors(designs, name)) for name in ("clocks", "lut", "ff", "fmax")}
    yield {
        "designs": designs,
        "too_large": too_large,
        "samples": SAMPLES,
        "around": hardware.around(),
        **{f"{name}_median": round(float(np.median(found)), 4) for name, found in off.items()},
        **{f"{name}_worst": round(float(found.max()), 4) for name, found in off.items()},
        **{f"{name}_wrong": int(np.count_nonzero(errors(designs, name))) for name in ("bram",)},
        **{
            f"{name}_rank": round(
                rank_correlation(*([one[by][name] for one in designs] for by in ("modelled", "measured"))), 4
            )
            for name in ("clocks", "lut")
        },
    }

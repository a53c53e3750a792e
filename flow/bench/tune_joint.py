"""Network and hardware searched together, against the network first and then its hardware."""

import base64
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import spikeloom
from spikeloom import packaged
from spikeloom.bench.cache import digest
from spikeloom.bench.figure import Bench, figure
from spikeloom.bench.speed import ONE_THREAD, PYTHON, installed
from spikeloom.golden.network import Refusal
from spikeloom.tuning.result import variant
from spikeloom.tuning.settle import Design

__all__ = ["train", "tune_joint"]

EXAMPLES = Path("docs/examples")
PARTS = ("tune_digits.py", "train_digits.py", "snntorch_training.py")
SEED, TIMEOUT = 1, 1200
TRAIN = {"hidden": [16, 32, 64, 128], "prune": [0, 0.5]}
WIDTHS = {"weight_bits": {"lif1": [8, 6, 4, 3], "lif2": [8, 4]}}
HARDWARE = {"lanes": [1, 2, 4, 8], "units": [1, 2], "slots": [1, 2], "pipeline": ["long", "short"]}
#: Points of accuracy that a smaller network may cost.
LESS = 0.005


def train(hidden: int, prune: float) -> Path:
    """The example's network, trained by the Python that has snnTorch."""
    python = Path.cwd() / os.environ.get("SNNTORCH_PYTHON", PYTHON)  # it runs in the folder of the examples
    command = [str(python), "-c", f"import tune_digits; print(tune_digits.train({hidden!r}, {prune!r}))"]
    try:
        done = subprocess.run(
            command,
            cwd=EXAMPLES,
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        *_, last = error.stderr.strip().splitlines() or ["it said nothing"]
        raise Refusal(f"tune_digits.py failed: {last}; `make bench-snntorch` installs what it needs") from None
    return Path(done.stdout.splitlines()[-1])


def _models(bench: Bench) -> dict[str, bytes]:
    """Every network of the space, by the name that a search keeps it under."""
    code = [digest((EXAMPLES / name).read_text("utf-8")) for name in PARTS]
    python = os.environ.get("SNNTORCH_PYTHON", PYTHON)
    found = {}
    for hidden in TRAIN["hidden"]:
        for prune in TRAIN["prune"]:
            choices = {"hidden": hidden, "prune": prune}

            def trained(hidden: Any = hidden, prune: Any = prune) -> str:
                bench.progress(f"train hidden {hidden}, prune {prune}")
                return base64.b64encode(train(hidden, prune).read_bytes()).decode()

            text = bench.cache.remember(trained, choices=choices, code=code, installed=installed(python))
            found[variant({f"train.{name}": value for name, value in choices.items()})] = base64.b64decode(text)
    return found


def _product(figures: Mapping[str, float]) -> float:
    return figures["latency"] * figures["lut"]


@figure({"network": "digits", "board": "ice40-hx8k", "evaluations": 240})
def tune_joint(bench: Bench, network: str, board: str, evaluations: int) -> Iterator[dict[str, Any]]:
    """One search of the digits' network (hidden neurons, pruning, widths of weights) and hardware together, against
    half as many evaluations for the most accurate network and the other half for its hardware: accuracy on the test
    images, and the least latency times logic cells. Of the joint search the least within 0.5 points of that accuracy.
    Networks are trained by docs/examples/tune_digits.py; all else is by the model."""
    source, models = packaged.find(network), _models(bench)

    def search(folder: Path, trials: int, space: Mapping[str, Any], **options: Any) -> tuple[Design, ...]:
        for name, content in models.items():
            (folder / "models").mkdir(parents=True, exist_ok=True)
            (folder / "models" / f"{name}.nir").write_bytes(content)
        report = spikeloom.tune(
            **{"model": source.model, "data": source.test, "knobs": source.resolved, **options},
            board=board,
            space=space,
            trials=trials,
            settle=0,
            seed=SEED,
            workers=1,
            output=folder,
            progress=bench.progress,
        )
        return report.front

    with TemporaryDirectory(prefix="spikeloom-") as temporary:
        folder = Path(temporary)
        by, half = "spikeloom.bench.tune_joint:train", evaluations // 2
        networks = search(
            folder / "network",
            half,
            {"train": TRAIN, **WIDTHS, "lanes": [4]},
            maximise="accuracy",
            minimise="",
            train=by,
        )
        best = min(networks, key=lambda one: _product(one.figures))
        model = folder / "network" / "models" / f"{variant(best.point)}.nir"
        fixed = {name: value for name, value in best.point.items() if name.startswith("weight_bits.")}
        space = {**HARDWARE, "weight_bits": {name.split(".", 1)[1]: [bits] for name, bits in fixed.items()}}
        then = search(folder / "then", evaluations - half, space, model=model, maximise="")
        then_best = min(then, key=lambda one: _product(one.figures))
        joint = search(folder / "joint", evaluations, {"train": TRAIN, **WIDTHS, **HARDWARE}, train=by)
    accuracy = best.figures["accuracy"]
    near = [one for one in joint if one.figures["accuracy"] >= accuracy - LESS]
    if not near:
        raise Refusal("The joint search found no network that is nearly as accurate; give it more evaluations")
    joint_best = min(near, key=lambda one: _product(one.figures))
    for name, design in (("only", best), ("then", then_best), ("joint", joint_best)):
        figures = {key: design.figures[key] for key in ("accuracy", "latency", "lut")}
        yield {name: {**figures, "point": dict(design.point)}}
    yield {
        "networks": len(models),
        "points_less": round(100 * (accuracy - joint_best.figures["accuracy"]), 3),
        "ratio": round(_product(joint_best.figures) / _product(then_best.figures), 4),
        "ratio_only": round(_product(joint_best.figures) / _product(best.figures), 4),
    }

"""The integer model against snnTorch, both on one thread, each in a process of its own."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikeloom import packaged
from spikeloom.bench import hardware
from spikeloom.bench.cache import digest, sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.bench.results import machine
from spikeloom.golden.network import Refusal

__all__ = ["ONE_THREAD", "PYTHON", "golden_speed", "installed"]

BATCH, REPETITIONS, TIMEOUT = 256, 5, 600
GOLDEN, SNNTORCH = (Path(__file__).with_name(f"{name}_forward.py") for name in ("golden", "snntorch"))
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
#: Where ``make bench-snntorch`` installs it.
PYTHON = ".venv-train/bin/python"


@figure(*({"network": "mnist", "weight_bits": 8, "snntorch_input": kind} for kind in ("uint8", "float")))
def golden_speed(bench: Bench, network: str, weight_bits: int, snntorch_input: str) -> Iterator[dict[str, Any]]:
    """Samples per second of the integer model and of snnTorch's forward pass of the network it came from: all test
    images, 25 steps, batches of 256, one thread, the median of 5 runs. snnTorch makes floats of the spikes (uint8) in
    its forward pass, as the integer model does, or is given floats made before."""
    source, data = packaged.find(network), hardware.samples(network)
    loom = hardware.network(network, weight_bits)
    python = os.environ.get("SNNTORCH_PYTHON", PYTHON)

    x = digest(data.x)

    def golden() -> dict[str, Any]:
        bench.progress("golden")
        with TemporaryDirectory(prefix="spikeloom-") as folder:
            path = Path(folder) / "network.loom"
            loom.save(path)
            return _run(sys.executable, GOLDEN, path, source.test)

    def snntorch() -> dict[str, Any]:
        bench.progress("snnTorch")
        return _run(python, SNNTORCH, source.model, source.test, snntorch_input)

    code = [sources("spikeloom.golden"), digest(GOLDEN.read_text("utf-8"))]
    ours = bench.cache.remember(golden, network=loom.hash, x=x, machine=machine(), code=code)
    speed = len(data.x) / statistics.median(ours["seconds"])
    yield {
        "samples": len(data.x),
        "steps": data.x.shape[1],
        "batch": BATCH,
        "golden_samples_per_second": round(speed),
        "golden_seconds": ours["seconds"],
    }
    theirs = bench.cache.remember(
        snntorch,
        model=digest(source.model.read_bytes().hex()),
        x=x,
        input=snntorch_input,
        machine=machine(),
        installed=installed(python),
        code=digest(SNNTORCH.read_text("utf-8")),
    )
    other = len(data.x) / statistics.median(theirs["seconds"])
    counts, counts_float = (np.array(found["counts"]) for found in (ours, theirs))
    yield {
        "snntorch_samples_per_second": round(other),
        "snntorch_seconds": theirs["seconds"],
        "snntorch_versions": theirs["versions"],
        "ratio": round(speed / other, 3),
        "same_predictions": float((counts.argmax(1) == counts_float.argmax(1)).mean()),
        "same_counts": float((counts == counts_float).mean()),
        "same_samples": float((counts == counts_float).all(1).mean()),
    }


def installed(python: str) -> str:
    """Versions of what snnTorch computes with; :class:`Refusal` with the remedy where it is missing."""
    code = "from importlib.metadata import version; print(*map(version, ('torch', 'snntorch', 'nir', 'numpy')))"
    try:
        done = subprocess.run(
            [python, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        raise Refusal(
            f"There is no Python with snnTorch at {python!r}; make it with `make bench-snntorch`, or name one in the "
            "environment variable SNNTORCH_PYTHON"
        ) from None


def _run(python: str, script: Path, *words: object) -> dict[str, Any]:
    """What a script prints, run with one thread."""
    network, data, *more = map(str, words)
    command = [python, str(script), network, data, str(BATCH), str(REPETITIONS), *more]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.CalledProcessError as error:
        *_, last = error.stderr.strip().splitlines() or ["it said nothing"]
        raise Refusal(f"{script.name} failed: {last}; `make bench-snntorch` installs what it needs") from None
    except subprocess.TimeoutExpired:
        raise Refusal(
            f"{script.name} was stopped after {TIMEOUT} s; run it again on a machine with less load"
        ) from None
    except (OSError, ValueError, IndexError) as error:
        raise Refusal(f"{script.name} did not run ({error}); `make bench-snntorch` installs what it needs") from None

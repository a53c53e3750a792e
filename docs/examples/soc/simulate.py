"""A system on chip with an accelerator, simulated: ``python docs/examples/soc/simulate.py [--samples N]``.

The digits network becomes hardware with AXI ports (``accelerator_axi``), whose memories are empty. Verilator makes it
a C++ class; ``soc.cpp`` is a bus master on its AXI4-Lite port and takes the place of a CPU that runs ``driver.c``. The
driver loads the network and runs the first test digits through registers alone, and what it counts is compared with the
integer model. In a real system only ``read32`` and ``write32`` are others; ``litex_core.py`` is the way into LiteX.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from spikeloom import api, packaged
from spikeloom.boards.soc.handover import image, write_handover
from spikeloom.golden import simulate as golden
from spikeloom.golden.data import load
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.sim import verilator

HERE = Path(__file__).parent
C_FLAGS = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
FLAGS = ["-O3", "--x-assign", "unique", "--x-initial", "unique", "--no-timing", "-Wno-fatal"]


def build(design: Path) -> Path:
    """The simulated system, kept beside the other simulators."""
    found = verilator.tools()
    files = (design / "files.f").read_text().split()
    parts = [*(design / name for name in [*files, "spikeloom.h"]), *(HERE / name for name in ("driver.c", "driver.h"))]
    text = "\n".join([repr((found, FLAGS, C_FLAGS)), *(p.read_text() for p in [*parts, HERE / "soc.cpp"])])
    kept = verilator.cache_folder() / f"soc-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    if kept.exists():
        return kept
    environment = {
        **os.environ,
        "PATH": f"{found['root']}/bin{os.pathsep}{os.environ['PATH']}",
        "VERILATOR_ROOT": found["root"],
        "MAKEFLAGS": verilator.MAKEFLAGS,
    }
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        work = Path(folder)
        include = [f"-I{design}", f"-I{HERE}"]
        compiler = os.environ.get("CC", "gcc")
        subprocess.run([compiler, *C_FLAGS, *include, "-c", HERE / "driver.c", "-o", work / "driver.o"], check=True)
        command = ["verilator", "--cc", "--exe", "--build", "--top-module", "accelerator_axi", *FLAGS]
        command += ["--Mdir", work / "build", "-o", "soc", "-CFLAGS", " ".join(include)]
        command += [*(design / name for name in files), HERE / "soc.cpp", work / "driver.o"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"Verilator failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        (work / "build" / "soc").replace(kept)
    return kept


def main() -> None:
    arguments = argparse.ArgumentParser(description="Run the first test digits on a simulated system on chip.")
    arguments.add_argument("--samples", type=int, default=10)
    samples = arguments.parse_args().samples
    if samples < 1:
        arguments.error(f"--samples must be at least 1, not {samples}")

    chosen = packaged.find("digits")
    network = api.convert(chosen.model, data=chosen.calibration, knobs=chosen.resolved).network
    x = load(chosen.test).x[:samples]
    expected = golden.run(network, x)

    with tempfile.TemporaryDirectory() as folder:
        rtl, run = Path(folder) / "rtl", Path(folder) / "run"
        write_handover(rtl, generate(network, Configuration(lanes=16), rtl), "axi")
        soc = build(rtl)
        run.mkdir()
        for path in rtl.glob("*.mem"):  # the driver has to load them
            (run / path.name).write_text("0\n" * len(path.read_text().split()))
        (run / "network.bin").write_bytes(image(Design(rtl)))
        x.astype(np.int8).tofile(run / "samples.bin")
        command = [soc, "network.bin", "samples.bin", str(x.shape[1])]
        done = subprocess.run(command, cwd=run, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"The simulated system failed: {done.stderr}")
    first, *lines = done.stdout.splitlines()
    print(f"network loaded in {first.split()[1]} clocks")
    wrong = 0
    for k, line in enumerate(lines):
        prediction, clocks, *counts = map(int, line.split()[1:])
        same = prediction == expected.prediction[k] and counts == expected.counts[k].ravel().tolist()
        wrong += not same
        print(f"sample {k}: {prediction}, {clocks} clocks, {'as' if same else 'NOT as'} the integer model")
    if wrong or len(lines) != samples:
        sys.exit(f"{wrong} of {len(lines)} samples differ from the integer model, {samples} were to run")
    print(f"{samples} samples, 0 differences")


if __name__ == "__main__":
    main()

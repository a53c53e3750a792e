"""What users do with a file, in the folder where it lies: by the Python functions and by the command line."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any
from unittest import mock

import numpy as np

from spikeloom import api
from spikeloom.bench import results
from spikeloom.boards.driver import frames
from spikeloom.boards.driver.link import Link
from spikeloom.boards.link.protocol import REGISTERS, Kind
from spikeloom.cli import main
from spikeloom.cli.program import REPORT_BUG
from spikeloom.golden import nir_child, nir_file
from spikeloom.golden.conventions import resolve
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.folder import new_folder
from spikeloom.hdl.generate import manifest
from spikeloom.hdl.mapping import map_network

__all__ = ["ROADS"]

Road = Callable[[Path], None]


class Wrong(Exception):
    """The program ended in a way that no document tells of."""


def command(*words: str) -> Road:
    """A call of the program in this process. What it refuses is the one message that it printed."""

    def road(folder: Path) -> None:
        with mock.patch.object(sys, "argv", ["spikeloom", *words]):
            code: Any = 0
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        said = os.pread(2, 1 << 20, 0).decode("utf-8")
        if REPORT_BUG in said or "Traceback" in said:
            raise Wrong(said[-300:])
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", said):
            raise Wrong(f"it prints control characters: {said[:200]!a}")
        if code == 1:
            raise Refusal(said.partition("error: ")[2].strip() or "what it printed names what is wrong")
        if code:
            raise Wrong(f"it ended with {code}: {said[-300:]}")

    return road


class _Forked:
    """The process that opens a .nir file, forked and not started anew, which takes a tenth of the time."""

    def __init__(self, command: Any, *, stdout: IO[bytes], stderr: IO[bytes], **rest: object) -> None:
        limits, path = nir_file.Limits(**json.loads(command[-2])), str(command[-1])
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid:
            return
        code = 1
        try:
            os.dup2(stdout.fileno(), 1)
            os.dup2(stderr.fileno(), 2)
            sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115, its descriptor
            with mock.patch.object(sys, "argv", ["nir_child", json.dumps(limits.__dict__), path]):
                nir_child.main()
            code = 0
        finally:
            os._exit(code)

    def wait(self, seconds: float | None = None) -> int:
        end = None if seconds is None else time.monotonic() + seconds
        while self.code is None:
            pid, status = os.waitpid(self.pid, 0 if end is None else os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            elif end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("nir_child", seconds or 0.0)
            else:
                time.sleep(0.001)
        return self.code

    def kill(self) -> None:
        if self.code is None:
            os.kill(self.pid, 9)


def _convert(folder: Path) -> None:
    """A model is looked at and converted; what comes of it is stored, read, placed and run."""
    with mock.patch.object(nir_file.subprocess, "Popen", _Forked):
        knobs = resolve("norse", {"dt": 1.0})
        api.check("model.nir", knobs=knobs)
        made = api.convert("model.nir", data="x.npz", knobs=knobs)
    _network_of(made.network)


def _network(folder: Path) -> None:
    _network_of(Network.load("network.loom"))


def _network_of(network: Network) -> None:
    api.map(network, output="placed.yaml", page="cores.html")
    _done("placed.yaml", "cores.html")
    network.save("again.loom")
    if Network.load("again.loom").hash != network.hash:
        raise Wrong("the network that was written is not the one that was read")
    _done("again.loom")
    _placed(network, Configuration())
    api.run(network, data="x.npz", output="y.npz", record="all")


def _done(*made: str) -> None:
    """A step has ended well, so what it wrote is no remainder of a refusal that comes later."""
    for name in made:
        Path(name).unlink()


def _placed(network: Network, configuration: Configuration) -> None:
    """All that is generated but for the Verilog itself, which needs no more of a file than its parameters."""
    mapping = map_network(network, configuration)
    mapping.images(mapping.parameters)
    manifest(mapping, mapping.parameters, configuration)


def _data(folder: Path) -> None:
    api.map("network.loom", data="x.npz")
    api.run("network.loom", data="x.npz", output="y.npz", record="all")


def _configuration(folder: Path) -> None:
    api.map("network.loom", config="c.yaml", output="placed.yaml", page="cores.html")
    _placed(Network.load("network.loom"), Configuration.read("placed.yaml"))
    _done("placed.yaml", "cores.html")


def _written_over(folder: Path) -> None:
    """A result is written where another one lies."""
    with new_folder(folder / "rtl") as partial:
        (partial / "new").write_text("new\n")


def _folder(folder: Path) -> None:
    """A folder is read for simulation, for a chip and for the page, which is written into it."""
    design = Design("rtl")
    for name in design.memories:
        design.contents(name)
    design.states(np.zeros(len(design.state_addresses()), np.uint32))
    asked = (design.observed, design.hardware_id, design.network_id, design.engines, design.links, design.most_steps)
    assert len(asked) == 6
    api.report("rtl")
    api.report("rtl")  # once more, over the first


def _flash(folder: Path) -> None:
    api.flash("built", board=None)


def _built(folder: Path) -> None:
    api.report("built")


def _results(folder: Path) -> None:
    before = results.load("figure", Path())
    if before is not None:
        rows = results.merged([{"network": "digits"}], [], before)
        results.save("figure", before["about"], rows, Path())


class _Played:
    """A pipe with a chip behind it that answers every request in turn, with what a file says it said."""

    name = "the pipe"

    def __init__(self, answers: bytes) -> None:
        self.waiting = [part + b"\0" for part in answers.split(b"\0")]
        self.ready: list[bytes] = []

    def write(self, data: bytes) -> None:
        for frame in filter(None, data.split(b"\0")):
            body = frames.decode(frame)
            if body is None:
                raise Wrong("the driver sent a frame that is damaged")
            if not self.waiting:
                continue
            answer = self.waiting.pop(0)
            # A recorded answer carries the number of its request, which nobody knew when it was recorded.
            whole = frames.decode(answer[:-1])
            if whole and whole[0] >> 4 in (Kind.VALUES, Kind.DONE):
                answer = frames.encode(bytes((whole[0] & 0xF0 | body[0] & 0x0F,)) + whole[1:])
            self.ready.append(answer)

    def read(self) -> bytes:
        if self.ready:
            return self.ready.pop(0)
        time.sleep(0.0005)
        return b""

    def close(self) -> None:
        return


def _frames(folder: Path) -> None:
    """A chip is opened by the driver, asked what it is, and given data."""
    data = Path("answers.bin").read_bytes()
    for frame in data.split(b"\0"):
        body = frames.decode(frame)
        answer = body and frames.parse(body)
        if answer:
            frames.words(answer.rest), frames.flits(answer.rest, 3)
    link = Link(_Played(data), wait=0.02, patience=0.1)
    try:
        for name in REGISTERS:
            link.register(name)
        link.read(0, 7)
        link.write(5, 1, 2, 3)
        link.load(0, np.arange(100))
        link.flush()
        link.receive()
    finally:
        link.close()


ROADS: Mapping[str, Road] = {
    "functions": _convert,
    "network": _network,
    "data": _data,
    "configuration": _configuration,
    "folder": _folder,
    "written over": _written_over,
    "built": _built,
    "flash": _flash,
    "results": _results,
    "link": _frames,
    "spikeloom check": command("check", "model.nir", "--convention", "norse", "--dt", "1"),
    "spikeloom convert": command(
        *("convert", "model.nir", "--data", "x.npz", "-o", "made.loom", "--convention", "norse", "--dt", "1")
    ),
    "spikeloom run": command("run", "network.loom", "--data", "x.npz", "-o", "y.npz"),
    "spikeloom map": command("map", "network.loom", "--config", "c.yaml", "-o", "placed.yaml"),
    "spikeloom map of a network": command("map", "network.loom", "-o", "placed.yaml", "--page", "cores.html"),
    "spikeloom boards": command("boards", "network.loom"),
    "spikeloom report": command("report", "rtl"),
    "spikeloom flash": command("flash", "built"),
}

"""A network running somewhere: on a board, in the simulated chip or in the integer model, behind one interface.

What a board needs of this module is numpy, pyserial and cobs alone; the rest is imported where it is used.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.boards.driver.chip import Chip, Identity
from spikeloom.boards.driver.link import Link
from spikeloom.boards.driver.pipe import BAUD, Pipe, SerialPort
from spikeloom.golden import simulate
from spikeloom.golden.data import Data
from spikeloom.golden.network import Network, Refusal
from spikeloom.hdl.design import Design, built_id, network_id

__all__ = ["Device", "DeviceRun"]

Progress = Callable[[int, int], None]
#: A simulated chip has no clock in hertz; this one is as good as any.
SIMULATED_HZ = 25_000_000
#: Clocks per bit of the simulated chip's line; its seconds are long, so what is waited for in them is, too.
SIMULATED_DIVIDER, SIMULATED_WAIT, SIMULATED_PATIENCE = 8, 1.0, 120.0


@dataclass(frozen=True, kw_only=True)
class DeviceRun:
    """What a network answered; the names are those of :class:`spikeloom.golden.simulate.Result`.

    spikes, counts, prediction: the answer, read as the network says. accuracy: None without labels. clocks: of the
    chip's accelerator, waits for the line included; None where there is no clock. events: of what was recorded.
    """

    spikes: np.ndarray
    counts: np.ndarray
    prediction: np.ndarray
    accuracy: float | None
    clocks: int | None
    events: Mapping[str, np.ndarray]


class Device:
    """A network's hardware, or what stands for it; made by :meth:`open`, and closed by a ``with`` block or ``close``.

    >>> with spikeloom.Device.open("golden:model.loom") as device:
    ...     print(device.run(x, y).accuracy)
    """

    def __init__(self, backend: "Chip | _Golden", resources: ExitStack) -> None:
        self._backend, self._resources = backend, resources

    @classmethod
    def open(
        cls, where: str | Path | Pipe, *, design: str | Path | Design | None = None, baud: int | None = None
    ) -> "Device":
        """Connect to ``where``, or a :class:`Refusal` that says what is wrong with it.

        where:  "golden:NET.loom", the integer model; "sim:NET.loom" or "sim:DIR", the simulated chip; a serial port;
                or any object that reads, writes and closes as :class:`spikeloom.boards.driver.pipe.Pipe` says.
        design: the folder that the board was built from, of `spikeloom build` or `spikeloom generate`.
        baud:   of a serial port; by default as the folder of `spikeloom build` says.
        """
        kind, _, rest = where.partition(":") if isinstance(where, str) else ("", "", "")
        with ExitStack() as stack:
            if kind == "golden":
                return cls(_Golden(_network(rest)), stack.pop_all())
            wait: dict[str, float] = {}
            if kind == "sim":
                where, design = _simulated(rest, stack)
                baud, wait = BAUD, {"wait": SIMULATED_WAIT, "patience": SIMULATED_PATIENCE}
            folder, built_baud = _built(design)
            pipe = SerialPort(str(where), baud or built_baud) if isinstance(where, str | Path) else where
            link = Link(pipe, **wait)
            stack.callback(link.close)
            chip = Chip(link, folder)
            if folder and chip.empty:
                chip.load(folder)
            return cls(chip, stack.pop_all())

    def close(self) -> None:
        self._resources.close()

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def network(self) -> Network:
        """The network that is meant to be there."""
        return self._backend.network if isinstance(self._backend, _Golden) else self._chip.design.network

    @property
    def identity(self) -> Identity:
        """What says it is there."""
        return self._backend.identity

    def load(self, net: str | Path | Network) -> None:
        """Load another network: a folder of `spikeloom generate`, or a network, which is mapped onto the chip."""
        if isinstance(self._backend, _Golden):
            self._backend.network = _network(net)
        elif isinstance(net, str | Path) and Path(net).is_dir():
            self._chip.load(net)
        else:
            _load(self._chip, _network(net))

    def hold(self, net: str | Path | Network) -> None:
        """Load a network unless it is there already."""
        network = _network(net)
        if self.network.hash != network.hash or self.identity.network != network_id({"network": network.hash}):
            self.load(network)

    def run(
        self,
        x: np.ndarray,
        y: np.ndarray | None = None,
        *,
        record: str | tuple[str, ...] = "output",
        force: bool = False,
        progress: Progress | None = None,
    ) -> DeviceRun:
        """Answer every sample of ``x`` (samples, steps, *input shape), with labels ``y`` also how well.

        record: populations whose events are kept: "output", "all", or names. force: also if the chip says that it
        holds another network.
        """
        network, names = self.network, self._names(record)
        Data(x=np.asarray(x), y=None if y is None else np.asarray(y)).check(network.input, network[network.output])
        events, clocks = self._backend.run(
            simulate.check_stimulus(network.input, x).astype(np.int16, copy=False),
            record=tuple(dict.fromkeys([*names, network.output])),
            force=force,
            progress=progress,
        )
        spikes, counts, prediction = simulate.answer(network, events[network.output])
        return DeviceRun(
            spikes=spikes,
            counts=counts,
            prediction=prediction,
            accuracy=None if y is None else float((prediction == np.asarray(y)).mean()),
            clocks=clocks,
            events={name: events[name] for name in names},
        )

    def live(
        self, steps: Iterable[np.ndarray], *, record: str | tuple[str, ...] = "output", force: bool = False
    ) -> Iterator[dict[str, np.ndarray]]:
        """One sample without an end: each step's input (*input shape) is sent, and its events (by population) are there
        before the next step is asked for, which may depend on them. The answer's delay is not taken off.
        """
        source = self.network.input
        checked = (simulate.check_stimulus(source, np.asarray(values)[None, None])[0, 0] for values in steps)
        return self._backend.live(checked, record=self._names(record), force=force)

    def counters(self) -> dict[str, int]:
        """Frames that were dropped on the way, at both ends; and how often data was sent again."""
        return self._backend.counters()

    def activity(self) -> dict[str, int]:
        """What every engine did, in clocks, and what every link carried, since the last run began.

        The hardware needs ``counters: true`` in its configuration.
        """
        return self._backend.activity()

    def memory(self, name: str) -> dict[str, np.ndarray]:
        """A memory's fields, one unsigned number per entry; names are those of the manifest's map."""
        return self._backend.memory(name)

    def states(self) -> dict[str, dict[str, np.ndarray]]:
        """Every neuron's states after the last step of the last sample."""
        return self._backend.states()

    def _names(self, record: str | tuple[str, ...]) -> tuple[str, ...]:
        there = tuple(p.name for p in self.network.neurons)
        several = {"all": there, "output": (self.network.output,)}
        names = several.get(record, (record,)) if isinstance(record, str) else tuple(record or ())
        if unknown := [name for name in names if name not in there]:
            raise Refusal(f"There is no population {unknown[0]!r} to record; there are {', '.join(there)}")
        return names

    @property
    def _chip(self) -> Chip:
        assert isinstance(self._backend, Chip)
        return self._backend


class _Golden:
    """The integer model behind the interface of a chip."""

    name = "golden"

    def __init__(self, network: Network) -> None:
        self.network = network
        self.final: Mapping[str, Mapping[str, np.ndarray]] = {}

    @property
    def identity(self) -> Identity:
        return Identity(
            name=self.name, hardware=None, network=network_id({"network": self.network.hash}), clock_hz=None
        )

    def run(
        self, x: np.ndarray, *, record: tuple[str, ...], force: bool, progress: Progress | None
    ) -> tuple[dict[str, np.ndarray], None]:
        only_output = record == (self.network.output,)
        result = simulate.run(self.network, x, record="output" if only_output else "all", progress=progress)
        self.final = result.final
        return {name: result.events[name] for name in record}, None

    def live(
        self, steps: Iterable[np.ndarray], *, record: tuple[str, ...], force: bool
    ) -> Iterator[dict[str, np.ndarray]]:
        """Runs from the first step again in each: simple, and as right as the model."""
        rows: list[np.ndarray] = []
        for values in steps:
            rows.append(values)
            result = simulate.run(self.network, np.array(rows)[None], record="all")
            self.final = result.final
            yield {name: result.events[name][0, -1] for name in record}

    def counters(self) -> dict[str, int]:
        return {}

    def activity(self) -> dict[str, int]:
        raise Refusal("The integer model has no engines; open a chip")

    def memory(self, name: str) -> dict[str, np.ndarray]:
        raise Refusal("The integer model has no memories; open a chip")

    def states(self) -> dict[str, dict[str, np.ndarray]]:
        return {name: {state: values[-1] for state, values in states.items()} for name, states in self.final.items()}


def _network(net: str | Path | Network) -> Network:
    return net if isinstance(net, Network) else Network.load(net)


def _built(design: str | Path | Design | None) -> tuple[Design | None, int]:
    """The design of a folder of ``generate`` or ``build``, and the baud rate of its link."""
    if design is None or isinstance(design, Design):
        return design, BAUD
    folder, report = Path(design), Path(design) / "build.json"
    try:
        if not report.is_file():
            return Design(folder), BAUD
        return Design(folder / "rtl"), int(json.loads(report.read_text("utf-8"))["baud"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal(
            f"{report}: damaged; build again, or give the folder {folder / 'rtl'} and the baud rate"
        ) from None


def _simulated(source: str, stack: ExitStack) -> tuple[str, Design]:
    """The port of the simulated chip of a generated folder, or of one that is generated for a network."""
    from spikeloom.boards.chip import chip_verilog
    from spikeloom.sim.chip import SimulatedChip

    place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spikeloom-")))
    folder = Path(source)
    if not folder.is_dir():
        from spikeloom.hdl.configuration import Configuration
        from spikeloom.hdl.generate import generate

        folder = place / "rtl"
        generate(Network.load(source), Configuration(), folder)
    design, top = _built(folder)[0], place / "chip.v"
    assert design is not None
    top.write_text(chip_verilog(design.manifest, clock_hz=SIMULATED_HZ, divider=SIMULATED_DIVIDER), "ascii")
    chip = SimulatedChip(
        [design.verilog, top],
        images=design.directory.absolute(),
        divider=SIMULATED_DIVIDER,
        network=built_id(design.manifest),
    )
    return stack.enter_context(chip).port, design


def _load(chip: Chip, network: Network) -> None:
    """Map a network onto the chip's hardware, and load it."""
    if network.hash == chip.design.network.hash and chip.design.directory.is_dir():
        chip.load(chip.design)
        return
    try:
        from spikeloom.hdl.configuration import Configuration
        from spikeloom.hdl.generate import generate
        from spikeloom.hdl.mapping import map_network
        from spikeloom.hdl.parameters import covering
    except ModuleNotFoundError as error:
        raise Refusal(
            f"Mapping a network onto the chip needs {error.name}, which is not installed here; run `spikeloom "
            "generate` elsewhere and load its folder"
        ) from None
    configuration = Configuration.create(**chip.design.manifest["configuration"])
    parameters = _restored(chip.design.manifest["parameters"])
    try:
        needed = covering(parameters, map_network(network, configuration).parameters)
    except ValueError as error:
        raise Refusal(f"The network does not fit the chip on {chip.name}: {error}") from None
    if needed != parameters:
        lacks = ", ".join(dict.fromkeys(_differences(parameters, needed)))
        raise Refusal(f"The network does not fit the chip on {chip.name}: it needs {lacks}; build a chip for it")
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as folder:
        generate(network, configuration, Path(folder) / "rtl", parameters=parameters)
        chip.load(Path(folder) / "rtl")


def _restored(document: Mapping[str, Any]) -> Any:
    """Parameters from a manifest."""
    from spikeloom.hdl.neurons import MODELS
    from spikeloom.hdl.parameters import AcceleratorParameters, CoreParameters, FlitParameters, ScatterParameters

    cores = []
    for core in document["cores"]:
        # What JSON has as a list is a set there.
        neuron = {
            name: frozenset(value) if isinstance(value, list) else value for name, value in core["neuron"].items()
        }
        model = MODELS[core["model"]].Parameters(**neuron)
        scatter = core["scatter"] and ScatterParameters(**core["scatter"])
        flit = FlitParameters(**core["flit"])
        cores.append(CoreParameters(**{**core, "neuron": model, "flit": flit, "scatter": scatter}))
    return AcceleratorParameters(
        cores=tuple(cores),
        flit=FlitParameters(**document["flit"]),
        **{name: document[name] for name in ("host_channels", "observed", "topology", "counts")},
    )


def _differences(has: Any, needs: Any) -> Iterator[str]:
    """Every parameter that is too small, in words."""
    for field in fields(has):
        one, other = getattr(has, field.name), getattr(needs, field.name)
        pairs = zip(one, other, strict=True) if field.name == "cores" else [(one, other)]
        for a, b in pairs:
            if is_dataclass(a):
                yield from _differences(a, b)
            elif a != b:
                yield f"{field.name} {b} (the chip has {a})"

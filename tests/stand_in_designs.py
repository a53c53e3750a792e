"""Generated folders for the chip's stand-in, made once: both rooms that talk to it import these fixtures."""

from pathlib import Path

import numpy as np
import pytest

import small
from spikeloom.golden import simulate
from spikeloom.golden.network import Network
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate

__all__ = ["design", "folders", "golden", "lively", "two", "x"]


def lively(threshold: int = 20, sizes: tuple[int, ...] = (5, 7, 3)) -> Network:
    """The small network, with a threshold that makes all of its layers fire."""
    neuron = small.neuron(threshold=threshold, subtract=threshold)
    return small.network(sizes=sizes, neurons=[neuron] * (len(sizes) - 1))


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> dict[str, Path]:
    """One hardware with two networks, and another hardware."""
    place = tmp_path_factory.mktemp("driver")
    networks = {"one": lively(), "two": lively(25), "larger": lively(sizes=(5, 40, 3))}
    for name, network in networks.items():
        generate(network, Configuration(lanes=4), place / name)
        network.save(place / f"{name}.loom")
    return {name: place / name for name in networks}


@pytest.fixture(scope="session")
def design(folders) -> Design:
    return Design(folders["one"])


@pytest.fixture(scope="session")
def two(folders) -> Design:
    return Design(folders["two"])


@pytest.fixture(scope="session")
def x() -> np.ndarray:
    return (np.random.default_rng(3).random((12, 6, 5)) < 0.5).astype(np.int64)


@pytest.fixture(scope="session")
def golden(design, x) -> simulate.Result:
    result = simulate.run(design.network, x, record="all")
    for events in result.events.values():
        assert 0 < events.mean() < 1, "some fire, and not all"
    return result

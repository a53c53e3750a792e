"""Train a 16-40-5 spiking network whose first layer has delays to tell the intervals between two clicks apart.

Run from the root of the repository (about two minutes):

    pip install .[train]
    python docs/examples/train_delays.py

Two groups of eight input lines each click together, twice in 40 steps, with a fixed interval between the groups: 0, 3
or 7 steps, either group first. Clicks lose spikes, jitter and are buried in noise. The neurons forget within a few
steps (beta 0.5), so that only delays bring two clicks together: three parallel branches of the first layer see the
inputs 0, 3 and 7 steps late.

No framework exports delays, so the delays are computed here and the file is written with the `nir` package, the
neurons as snnTorch's exporter writes them.
"""

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import nir
import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from snntorch import surrogate
from snntorch_recurrent import Recipe, Samples, accuracy, main, train
from snntorch_training import EXPORTER_DT
from torch import nn

RECIPE = Recipe(name="delays", epochs=40, batch=64, learning_rate=5e-3)

STEPS = 40
LINES = 8  # in each of the two groups
HIDDEN = 40
INTERVALS = (0, 3, 7, -3, -7)  # steps from the first group's click to the second's, by class
DELAYS = (0, 3, 7)  # steps


class DelayedLinear(nn.Module):
    """The sum of one weighted layer for each delay. Only the one without a delay has a bias."""

    def __init__(self, inputs: int, outputs: int, delays: tuple[int, ...]) -> None:
        super().__init__()
        self.delays = delays
        self.branches = nn.ModuleList(nn.Linear(inputs, outputs, bias=index == 0) for index in range(len(delays)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return currents for spikes, both of shape (samples, steps, neurons)."""
        steps = x.shape[1]
        return sum(
            branch(nn.functional.pad(x, (0, 0, delay, 0))[:, :steps])
            for delay, branch in zip(self.delays, self.branches, strict=True)
        )


def clicks(size: int, seed: int) -> Samples:
    """Return `size` random samples, their classes in turn."""
    random = np.random.default_rng(seed)
    y = np.arange(size, dtype=np.int64) % len(INTERVALS)
    x = random.random((size, STEPS, 2 * LINES)) < 0.06
    for sample, label in zip(x, y, strict=True):
        interval = INTERVALS[label]
        for earliest in (1, 21):
            first = earliest + max(0, -interval) + random.integers(0, 10)
            for line in range(2 * LINES):
                time = first + interval * (line // LINES) + random.choice((-1, 0, 1), p=(0.15, 0.7, 0.15))
                if random.random() < 0.75:
                    sample[time, line] = True
    return Samples(x=x.astype(np.uint8), y=y)


def samples() -> tuple[Samples, Samples]:
    """Return the (training set, test set)."""
    return clicks(3000, seed=1), clicks(300, seed=2)


def neurons(size: int, beta: float) -> snn.Leaky:
    """Return a layer of neurons."""
    return snn.Leaky(
        beta=torch.full((size,), beta),
        threshold=torch.full((size,), 1.0),
        spike_grad=surrogate.fast_sigmoid(slope=10),
        init_hidden=True,
    )


def build(delays: tuple[int, ...] = DELAYS) -> nn.Sequential:
    """Return an untrained network."""
    return nn.Sequential(
        OrderedDict(
            fc1=DelayedLinear(2 * LINES, HIDDEN, delays),
            lif1=neurons(HIDDEN, beta=0.5),
            fc2=nn.Linear(HIDDEN, len(INTERVALS)),
            lif2=neurons(len(INTERVALS), beta=0.9375),
        )
    )


def write(network: nn.Sequential, path: Path) -> None:
    """Write the network with the `nir` package."""

    def values(parameter: torch.Tensor) -> NDArray[np.float32]:
        return parameter.detach().numpy()

    def lif(layer: snn.Leaky) -> nir.LIF:  # as snnTorch's exporter does it
        beta, threshold = values(layer.beta), values(layer.threshold)
        tau, zeros = EXPORTER_DT / (1 - beta), np.zeros_like(beta)
        return nir.LIF(tau=tau, r=tau / EXPORTER_DT, v_leak=zeros, v_threshold=threshold, v_reset=zeros)

    inputs = 2 * LINES
    nodes: dict[str, nir.NIRNode] = {
        "input": nir.Input(np.array([inputs])),
        "lif1": lif(network.lif1),
        "fc2": nir.Affine(weight=values(network.fc2.weight), bias=values(network.fc2.bias)),
        "lif2": lif(network.lif2),
        "output": nir.Output(np.array([len(INTERVALS)])),
    }
    edges = [("lif1", "fc2"), ("fc2", "lif2"), ("lif2", "output")]
    for delay, branch in zip(network.fc1.delays, network.fc1.branches, strict=True):
        weighted, source = f"fc1_{delay}", "input"
        if branch.bias is None:
            nodes[weighted] = nir.Linear(weight=values(branch.weight))
        else:
            nodes[weighted] = nir.Affine(weight=values(branch.weight), bias=values(branch.bias))
        if delay:
            source = f"delay_{delay}"
            nodes[source] = nir.Delay(delay=np.full(inputs, delay * EXPORTER_DT))
            edges.append(("input", source))
        edges += [(source, weighted), (weighted, "lif1")]  # several edges into a node mean their sum
    nir.write(path, nir.NIRGraph(nodes=nodes, edges=edges))


def main_with_controls() -> None:
    """Make the network, then show what it is without its delays."""
    network = main(RECIPE, samples, build, __doc__, write)
    training, test = samples()
    for text, delays in (("zeroed", (0, 0, 0)), ("shuffled", (3, 7, 0)), ("reversed", (7, 3, 0))):
        network.fc1.delays = delays
        print(f"accuracy: {100 * accuracy(network, test):.2f} % with delays {text}: {delays}")
    network = build(delays=(0, 0, 0))
    train(network, training, replace(RECIPE, name="control"))
    print(f"accuracy: {100 * accuracy(network, test):.2f} % for a network trained without delays")


if __name__ == "__main__":
    main_with_controls()

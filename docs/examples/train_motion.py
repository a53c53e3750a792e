"""Train a 24-48-6 spiking network that learns a delay for each synapse to see which way a spot moves, and how fast.

Run from the root of the repository (about ten minutes):

    pip install .[train]
    python docs/examples/train_motion.py

A spot runs around a ring of 24 pixels, to the left or to the right, and enters a pixel every 1, 2 or 3 steps. Each
entry is one spike; a tenth of them are lost, and each pixel has one more in a hundred steps. A hidden neuron sees eight
neighbouring pixels and forgets within a few steps (beta 0.25), so that it can tell a direction only if what came first
is held up the longest.

The delays are learned with the weights, as in DCLS (I. Hammouamri, I. Khalfaoui-Hassani and T. Masquelier, "Learning
Delays in Spiking Neural Networks using Dilated Convolutions with Learnable Spacings", ICLR 2024), written anew: each
synapse is a bump in time whose centre is a parameter. The bumps become narrower, then the centres whole steps, and the
weights are trained once more. No framework exports delays, so the file is written with the `nir` package: a branch for
each delay.
"""

import io
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import h5py
import nir
import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from snntorch_recurrent import Recipe, Samples, accuracy, main, train
from snntorch_training import EXPORTER_DT
from torch import nn
from train_delays import neurons

RECIPE = Recipe(name="motion", epochs=30, batch=64, learning_rate=5e-3)

STEPS = 40
PIXELS = 24
HIDDEN = 48
SEEN = 8  # neighbouring pixels, by a hidden neuron
PACES = (1, 2, 3, -1, -2, -3)  # steps from pixel to pixel by class, negative to the left
LOST, NOISE = 0.1, 0.01
DELAYS = 16  # steps: 0 to 15
WIDTHS = (4.0, 2.0, 1.0, 0.5)  # steps, of the bumps, each for EPOCHS
EPOCHS = 10


class DelayedSynapses(nn.Module):
    """A weight and a delay for each synapse. `places` are delays in units of all `DELAYS`."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter((2 * torch.rand(HIDDEN, SEEN) - 1) * SEEN**-0.5)
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.places = nn.Parameter(torch.rand(HIDDEN * SEEN))
        self.register_buffer("pixel", (torch.arange(HIDDEN)[:, None] // 2 + torch.arange(SEEN)) % PIXELS)
        self.width = WIDTHS[0]

    @property
    def delays(self) -> torch.Tensor:
        """Steps of each synapse."""
        return (DELAYS * self.places).clamp(0, DELAYS - 1).view(HIDDEN, SEEN)

    def whole(self) -> None:
        """Take the nearest whole steps from now on."""
        with torch.no_grad():
            self.places.copy_(self.delays.round().flatten() / DELAYS)
        self.places.requires_grad_(False)
        self.width = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return currents for spikes, both of shape (samples, steps, neurons)."""
        distance = torch.arange(DELAYS) - self.delays[..., None]
        bump = torch.exp(-((distance / self.width) ** 2) / 2) if self.width else (distance == 0).float()
        bump = self.weight[..., None] * bump / bump.sum(-1, keepdim=True)
        kernel = torch.zeros(HIDDEN, PIXELS, DELAYS).scatter_add(1, self.pixel[..., None].expand_as(bump), bump)
        early = nn.functional.pad(x.mT, (DELAYS - 1, 0))
        return nn.functional.conv1d(early, kernel.flip(-1), self.bias).mT


def spots(size: int, seed: int) -> Samples:
    """Return `size` random samples, their classes in turn."""
    random = np.random.default_rng(seed)
    y = np.arange(size, dtype=np.int64) % len(PACES)
    x = random.random((size, STEPS, PIXELS)) < NOISE
    for sample, label in zip(x, y, strict=True):
        pace = abs(PACES[label])
        times = np.arange(random.integers(pace), STEPS, pace)
        pixels = random.integers(PIXELS) + np.sign(PACES[label]) * np.arange(len(times))
        seen = random.random(len(times)) >= LOST
        sample[times[seen], pixels[seen] % PIXELS] = True
    return Samples(x=x.astype(np.uint8), y=y)


def samples() -> tuple[Samples, Samples]:
    """Return the (training set, test set)."""
    return spots(3000, seed=1), spots(300, seed=2)


def untrained() -> nn.Sequential:
    """Return a network with random delays."""
    return nn.Sequential(
        OrderedDict(
            fc1=DelayedSynapses(),
            lif1=neurons(HIDDEN, beta=0.25),
            fc2=nn.Linear(HIDDEN, len(PACES)),
            lif2=neurons(len(PACES), beta=0.9375),
        )
    )


def build() -> nn.Sequential:
    """Return a network that has learned its delays, which stay as they are from now on."""
    network = untrained()
    training, test = samples()
    for width in WIDTHS:
        network.fc1.width = width
        train(network, training, replace(RECIPE, epochs=EPOCHS))
        print(f"accuracy: {100 * accuracy(network, test):.2f} % with delays {width} steps wide")
    network.fc1.whole()
    return network


def write(network: nn.Sequential, path: Path) -> None:
    """Write the network with the `nir` package, its delays as a branch each."""

    def values(parameter: torch.Tensor) -> NDArray[np.float32]:
        return parameter.detach().numpy()

    def lif(layer: snn.Leaky) -> nir.LIF:  # as snnTorch's exporter does it
        beta, threshold = values(layer.beta), values(layer.threshold)
        tau, zeros = EXPORTER_DT / (1 - beta), np.zeros_like(beta)
        return nir.LIF(tau=tau, r=tau / EXPORTER_DT, v_leak=zeros, v_threshold=threshold, v_reset=zeros)

    nodes: dict[str, nir.NIRNode] = {
        "input": nir.Input(np.array([PIXELS])),
        "lif1": lif(network.lif1),
        "fc2": nir.Affine(weight=values(network.fc2.weight), bias=values(network.fc2.bias)),
        "lif2": lif(network.lif2),
        "output": nir.Output(np.array([len(PACES)])),
    }
    edges = [("lif1", "fc2"), ("fc2", "lif2"), ("lif2", "output")]
    layer = network.fc1
    of = values(layer.delays).astype(int)
    for index, delay in enumerate(np.unique(of)):
        weight = np.zeros((HIDDEN, PIXELS), np.float32)
        np.put_along_axis(weight, values(layer.pixel), np.where(of == delay, values(layer.weight), 0), axis=1)
        weighted, source = f"fc1_{delay}", "input"
        nodes[weighted] = nir.Linear(weight=weight) if index else nir.Affine(weight=weight, bias=values(layer.bias))
        if delay:
            source = f"delay_{delay}"
            nodes[source] = nir.Delay(delay=np.full(PIXELS, delay * EXPORTER_DT))
            edges.append(("input", source))
        edges += [(source, weighted), (weighted, "lif1")]  # several edges into a node mean their sum
    nir.write(path, nir.NIRGraph(nodes=nodes, edges=edges))
    repack(path)


def repack(path: Path) -> None:
    """Write a file again in HDF5 1.10's layout, which takes a quarter of the space."""

    def copy(source: h5py.Group, target: h5py.Group) -> None:
        for name, item in source.items():
            if isinstance(item, h5py.Group):
                copy(item, target.create_group(name))
            else:
                packed = "gzip" if item.shape else None
                target.create_dataset(name, data=item[()], dtype=item.dtype, compression=packed)

    content = io.BytesIO(path.read_bytes())
    with h5py.File(content) as source, h5py.File(path, "w", libver="v110") as target:
        copy(source, target)


def main_with_controls() -> None:
    """Make the network, then show what it is without its delays."""
    network = main(RECIPE, samples, build, __doc__, write)
    training, test = samples()
    print("synapses by delay:", np.bincount(network.fc1.delays.detach().int().flatten(), minlength=DELAYS))
    learned = network.fc1.places.clone()
    for text, places in (("zeroed", 0 * learned), ("shuffled", learned[torch.randperm(len(learned))])):
        network.fc1.places.copy_(places)
        print(f"accuracy: {100 * accuracy(network, test):.2f} % with delays {text}")
    for text, scale in (("random delays that stay", 1), ("no delays", 0)):
        network = untrained()
        with torch.no_grad():
            network.fc1.places *= scale
        network.fc1.whole()
        train(network, training, replace(RECIPE, epochs=len(WIDTHS) * EPOCHS + RECIPE.epochs))
        print(f"accuracy: {100 * accuracy(network, test):.2f} % for a network trained with {text}")


if __name__ == "__main__":
    main_with_controls()

"""Train a 64-64-10 network with hard resets on scikit-learn's digits and export it with SpikingJelly.

Run from the root of the repository (about a minute), with `pip install spikingjelly==2.0.0 nir nirtorch scikit-learn`:

    python docs/examples/train_spikingjelly.py

The hidden neurons leak (`LIFNode`), the output neurons do not (`IFNode`); after a spike the potential is 0 in both.
The class is the output with the most spikes. The spikes of the images and the rounding of the weights are as in
`snntorch_training.py`. Of the 1,797 images every fifth one is for testing.
"""

import argparse
import copy
from pathlib import Path

import nir
import numpy as np
import torch
from digit_spikes import load
from numpy.typing import NDArray
from spikingjelly.activation_based import functional, neuron, surrogate
from spikingjelly.activation_based.nir_exchange import export_to_nir
from torch import nn

STEPS, HIDDEN, CLASSES = 25, 64, 10
TAU = 4.0  # steps; 1/tau is exact in binary
WEIGHT_LSB = 2.0**-10
EPOCHS, BATCH = 40, 64


def build_network() -> nn.Sequential:
    """Return an untrained network, one call of which is one time step."""
    network = nn.Sequential(
        nn.Linear(64, HIDDEN),
        neuron.LIFNode(tau=TAU, v_threshold=1.0, v_reset=0.0, surrogate_function=surrogate.ATan()),
        nn.Linear(HIDDEN, CLASSES),
        neuron.IFNode(v_threshold=1.0, v_reset=0.0, surrogate_function=surrogate.ATan()),
    )
    with torch.no_grad():
        network[0].weight *= 2 * TAU  # what a LIFNode receives is divided by tau
    return network


def linear_layers(network: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in network if isinstance(layer, nn.Linear)]


def run(network: nn.Sequential, spikes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the hidden and the output spikes, both of shape (samples, steps, neurons)."""
    functional.reset_net(network)
    hidden, output = [], []
    for x in spikes.float().unbind(1):
        hidden.append(network[1](network[0](x)))
        output.append(network[3](network[2](hidden[-1])))
    return torch.stack(hidden, 1), torch.stack(output, 1)


def record(network: nn.Sequential, spikes: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    with torch.no_grad():
        hidden, output = run(network, torch.from_numpy(spikes))
    return hidden.byte().numpy(), output.byte().numpy()


def accuracy(output: NDArray[np.uint8], y: NDArray[np.int64]) -> float:
    """Return the share of samples whose class has the most spikes; ties go to the lowest class."""
    return float(np.mean(output.sum(1).argmax(1) == y))


def train(network: nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> None:
    """Train on the spike counts, with noise as large as rounding to 4 bits on the weights."""
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * -(-len(y) // BATCH))
    for epoch in range(EPOCHS):
        for chosen in torch.randperm(len(y)).split(BATCH):
            exact = [layer.weight.detach().clone() for layer in linear_layers(network)]
            with torch.no_grad():
                for layer in linear_layers(network):
                    layer.weight += (torch.rand_like(layer.weight) - 0.5) * layer.weight.abs().max() / 7
            loss = nn.functional.cross_entropy(run(network, x[chosen])[1].sum(1), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            with torch.no_grad():
                for layer, weight in zip(linear_layers(network), exact, strict=True):
                    layer.weight.copy_(weight)
            optimiser.step()
            schedule.step()
            with torch.no_grad():  # the largest weight sets the scale of the rounding
                for layer in linear_layers(network):
                    limit = 3 * layer.weight.square().mean().sqrt()
                    layer.weight.clamp_(-limit, limit)
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {loss.item():.3f}")


def quantised(network: nn.Sequential, bits: int) -> nn.Sequential:
    """Return a copy whose weights are rounded to `bits` bits with one symmetric scale per layer."""
    functional.reset_net(network)
    result = copy.deepcopy(network)
    for layer in linear_layers(result):
        scale = layer.weight.detach().abs().max() / (2 ** (bits - 1) - 1)
        layer.weight.data = (layer.weight.data / scale).round() * scale
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("flow/data"), help="for the network and its samples")
    parser.add_argument("--recordings", type=Path, default=Path("tests/data"), help="for SpikingJelly's spikes")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)  # sums in parallel may round differently from run to run

    x_training, y_training, x, y = load(STEPS)
    network = build_network()
    train(network, torch.from_numpy(x_training), torch.from_numpy(y_training))
    for layer in linear_layers(network):
        for parameter in layer.parameters():
            parameter.data = (parameter.data / WEIGHT_LSB).round() * WEIGHT_LSB
    hidden, output = record(network, x)
    print(f"accuracy: {100 * accuracy(output, y):.2f} % in float")
    for bits in (8, 4):
        print(f"accuracy: {100 * accuracy(record(quantised(network, bits), x)[1], y):.2f} % with {bits}-bit weights")
    print(f"spikes per step: inputs {100 * x.mean():.1f} %, hidden {100 * hidden.mean():.1f} %, ", end="")
    print(f"outputs {100 * output.mean():.1f} %")

    functional.reset_net(network)
    nir.write(arguments.output / "hardreset.nir", export_to_nir(network, torch.zeros(1, 64), dt=1e-4))
    np.savez_compressed(arguments.output / "hardreset.npz", x=x, y=y)
    np.savez_compressed(arguments.output / "hardreset-calibration.npz", x=x_training[:128], y=y_training[:128])
    np.savez_compressed(
        arguments.recordings / "hardreset-spikingjelly.npz",
        _1=hidden,  # SpikingJelly's exporter puts an underscore before the names of a Sequential
        _3=output,
        prediction=output.sum(1).argmax(1),
        accuracy=accuracy(output, y),
    )


if __name__ == "__main__":
    main()

"""Train a convolutional spiking network on 5,000 images of MNIST and export it with snnTorch.

Run from the root of the repository (about five minutes):

    pip install .[train]
    python docs/examples/train_cnn.py

16 channels of 28 x 28, means of 2 x 2, 32 channels of 14 x 14, means of 2 x 2, 10 outputs, in four steps: a pixel
spikes in a step where its intensity reaches that step's level. The images are those of `train_mnist.py`; for training
they are turned, sheared, scaled and moved a little, at random.
"""

import argparse
from collections import OrderedDict
from pathlib import Path

import nir
import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from snntorch import surrogate
from snntorch.export_nir import export_to_nir
from snntorch_training import accuracy, quantised, round_parameters, weighted_layers
from torch import nn
from train_mnist import load

LEVELS = (1, 5, 3, 7)  # of intensities in 0..7, one per step
BETA = 0.75  # 1 - 2**-2: exact in binary
THRESHOLD = 1.0
EPOCHS, BATCH, LEARNING_RATE = 28, 32, 4e-3
RATE_PENALTY = 0.1
CALIBRATION_SAMPLES, RECORDED_SAMPLES = 128, 10


def in_steps(pixels: torch.Tensor) -> torch.Tensor:
    """Return the spikes (samples, steps, 1, 28, 28) of intensities (samples, 28, 28)."""
    return torch.stack([pixels >= level for level in LEVELS], dim=1).unsqueeze(2)


def build_network() -> nn.Sequential:
    """Return an untrained network, one call of which is one time step."""

    def neurons(*shape: int) -> snn.Leaky:
        # The exporter needs one value per neuron.
        return snn.Leaky(
            beta=torch.full(shape, BETA),
            threshold=torch.full(shape, THRESHOLD),
            spike_grad=surrogate.fast_sigmoid(slope=5),
            init_hidden=True,
        )

    network = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 16, 3, padding=1),
            lif1=neurons(16, 28, 28),
            pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(16, 32, 3, padding=1),
            lif2=neurons(32, 14, 14),
            pool2=nn.AvgPool2d(2),
            flat=nn.Flatten(),
            fc=nn.Linear(1568, 10),
            lif3=neurons(10),
        )
    )
    with torch.no_grad():  # so that all layers spike from the start
        for layer, factor in zip(weighted_layers(network), (3, 6, 5), strict=True):
            layer.weight *= factor
    return network


def run(network: nn.Sequential, spikes: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the spikes of each layer of neurons, of shape (samples, steps, *its shape)."""
    sent, x = {}, spikes
    for name, layer in network.named_children():
        if isinstance(layer, snn.Leaky):
            layer.reset_mem()
            x = sent[name] = torch.stack([layer(currents) for currents in x.unbind(1)], dim=1)
        else:  # has no state, hence all steps at once
            x = layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    return sent


def record(network: nn.Sequential, spikes: torch.Tensor) -> dict[str, NDArray[np.uint8]]:
    """Do what `run` does without gradients, and return (samples, steps, neurons)."""
    with torch.no_grad():
        parts = [run(network, part.float()) for part in spikes.split(100)]
    return {name: torch.cat([part[name] for part in parts]).flatten(2).byte().numpy() for name in parts[0]}


def vary(pixels: torch.Tensor) -> torch.Tensor:
    """Turn, shear, scale and move images (samples, 28, 28)."""

    def uniform(limit: float) -> torch.Tensor:
        return (2 * torch.rand(len(pixels)) - 1) * limit

    angle, scale = uniform(0.2), 1 + uniform(0.15)
    sine, cosine = scale * angle.sin(), scale * angle.cos()
    rows = [torch.stack([cosine, uniform(0.2) - sine, uniform(0.12)], 1), torch.stack([sine, cosine, uniform(0.12)], 1)]
    grid = nn.functional.affine_grid(torch.stack(rows, 1), (len(pixels), 1, 28, 28), align_corners=False)
    return nn.functional.grid_sample(pixels.unsqueeze(1), grid, align_corners=False).squeeze(1).round()


def train(network: nn.Sequential, pixels: torch.Tensor, labels: torch.Tensor) -> None:
    """Train on the spike counts, for few spikes and, as `snntorch_training.train`, for weights of few bits."""
    layers = weighted_layers(network)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    batches = -(-len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=EPOCHS * batches)
    for epoch in range(EPOCHS):
        total_loss = 0.0
        for chosen in torch.randperm(len(labels)).split(BATCH):
            exact = [layer.weight.detach().clone() for layer in layers]
            with torch.no_grad():
                for layer in layers:
                    layer.weight += (torch.rand_like(layer.weight) - 0.5) * layer.weight.abs().max() / 7
            *hidden, output = run(network, in_steps(vary(pixels[chosen])).float()).values()
            loss = nn.functional.cross_entropy(2 * output.sum(1), labels[chosen])
            total_loss += loss.item()
            loss = loss + RATE_PENALTY * sum(part.mean() for part in hidden)
            optimiser.zero_grad()
            loss.backward()
            with torch.no_grad():
                for layer, weight in zip(layers, exact, strict=True):
                    layer.weight.copy_(weight)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                for layer in layers:
                    limit = 3 * layer.weight.square().mean().sqrt()
                    layer.weight.clamp_(-limit, limit)
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {total_loss / batches:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("flow/data"), help="for the network and its samples")
    parser.add_argument("--recordings", type=Path, default=Path("tests/data"), help="for snnTorch's spikes")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)  # sums in parallel may round differently from run to run

    training, test = load().every_fifth()
    pixels_training, pixels = (torch.from_numpy(p.pixels).float().unflatten(1, (28, 28)) for p in (training, test))
    network = build_network()
    train(network, pixels_training, torch.from_numpy(training.labels))
    round_parameters(network)

    x = in_steps(pixels)
    sent = record(network, x)
    output = sent["lif3"]
    print(f"accuracy: {100 * accuracy(output, test.labels):.2f} % in float")
    for bits in (8, 4):
        rounded = accuracy(record(quantised(network, bits), x)["lif3"], test.labels)
        print(f"accuracy: {100 * rounded:.2f} % with {bits}-bit weights")
    for name, part in {"inputs": x.numpy(), **sent}.items():
        print(f"{name}: {100 * part.mean():.1f} % spikes per step")

    for neurons in (network.lif1, network.lif2, network.lif3):
        neurons.reset_mem()
    # ignore_dims: the batch axis is no part of the network.
    graph = export_to_nir(network, torch.zeros(1, 1, 28, 28), ignore_dims=[0])
    nir.write(arguments.output / "cnn.nir", graph)
    np.savez_compressed(arguments.output / "cnn.npz", x=x.byte().numpy(), y=test.labels)
    np.savez_compressed(
        arguments.output / "cnn-calibration.npz",
        x=in_steps(pixels_training[:CALIBRATION_SAMPLES]).byte().numpy(),
        y=training.labels[:CALIBRATION_SAMPLES],
    )
    np.savez_compressed(
        arguments.recordings / "cnn-snntorch.npz",
        **{name: part[:RECORDED_SAMPLES] for name, part in sent.items()},
        prediction=output.sum(1).argmax(1),
        accuracy=accuracy(output, test.labels),
    )


if __name__ == "__main__":
    main()

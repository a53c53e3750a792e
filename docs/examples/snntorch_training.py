"""Train a two-layer spiking classifier in snnTorch and write everything Spikeloom needs to build and test it.

Shared by ``train_digits.py`` and ``train_mnist.py``: each brings its images and a `Recipe`, and calls `main`.
``train_cnn.py`` takes parts of it.
The files are described in ``flow/data/README.md``.

Nothing but the training itself uses random numbers: the split and the rate code are pure functions of the images,
so the spike trains can be made again anywhere. Trained weights do depend on the versions of torch and its BLAS.
"""

import argparse
import copy
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import nir
import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from snntorch import surrogate
from snntorch.export_nir import export_to_nir
from torch import nn

__all__ = ["Images", "Recipe", "accuracy", "main", "quantised", "rate_code", "round_parameters", "weighted_layers"]

STEPS = 25
CLASSES = 10
BETA = 0.9375  # 1 - 2**-4: exact in binary
THRESHOLD = 1.0
EXPORTER_DT = 1e-4  # seconds; snnTorch's exporter knows no other time step

# Weights and biases are rounded to multiples of this before anything is measured, recorded or exported. Sums of such
# weights are exact in float32 in any order, so the recorded spikes do not depend on the BLAS that added them up.
WEIGHT_LSB = 2.0**-10


@dataclass(frozen=True, kw_only=True)
class Images:
    """Images as integer intensities, one row of pixels each, with their classes."""

    pixels: NDArray[np.int64]
    labels: NDArray[np.int64]

    def every_fifth(self) -> tuple["Images", "Images"]:
        """Split into (training set, test set); the test set is every fifth image, starting with the first."""
        is_test = np.arange(len(self.labels)) % 5 == 0
        return (
            Images(pixels=self.pixels[~is_test], labels=self.labels[~is_test]),
            Images(pixels=self.pixels[is_test], labels=self.labels[is_test]),
        )


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What differs between the examples.

    An intensity of `full_scale` makes a spike in every step. `recorded_samples` test samples are recorded for tests,
    `calibration_samples` training samples are written for choosing scales and widths.
    """

    name: str
    full_scale: int
    hidden: int
    epochs: int
    recorded_samples: int
    calibration_samples: int = 128
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    clip_rms: float = 3.0
    seed: int = 1


def rate_code(pixels: NDArray[np.int64], full_scale: int, steps: int = STEPS) -> NDArray[np.uint8]:
    """Turn intensities of shape (samples, pixels) into 0/1 spikes of shape (samples, steps, pixels).

    Each pixel adds its intensity to an accumulator in every step and spikes when that passes a multiple of
    `full_scale`. The accumulators start at a hash of the pixel's position, so that pixels of one intensity do not
    all spike in the same steps.
    """
    # Knuth's multiplicative hash, "The Art of Computer Programming" volume 3, 6.4
    phase = (np.arange(pixels.shape[1], dtype=np.int64) * 2654435761 % 2**32) * full_scale // 2**32
    step = np.arange(steps + 1, dtype=np.int64)[:, np.newaxis]
    wraps = (pixels.astype(np.int64)[:, np.newaxis, :] * step + phase) // full_scale
    return np.diff(wraps, axis=1).astype(np.uint8)


def build_network(inputs: int, hidden: int) -> nn.Sequential:
    """Return an untrained network, one call of which is one time step."""

    def neurons(size: int) -> snn.Leaky:
        # The exporter needs one value per neuron.
        return snn.Leaky(
            beta=torch.full((size,), BETA),
            threshold=torch.full((size,), THRESHOLD),
            spike_grad=surrogate.fast_sigmoid(slope=10),
            init_hidden=True,
        )

    return nn.Sequential(
        OrderedDict(
            fc1=nn.Linear(inputs, hidden),
            lif1=neurons(hidden),
            fc2=nn.Linear(hidden, CLASSES),
            lif2=neurons(CLASSES),
        )
    )


def weighted_layers(network: nn.Sequential) -> list[nn.Linear | nn.Conv2d]:
    return [layer for layer in network if isinstance(layer, nn.Linear | nn.Conv2d)]


def run(network: nn.Sequential, spikes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the hidden and the output spikes for input spikes, all of shape (samples, steps, neurons)."""
    network.lif1.reset_mem()
    network.lif2.reset_mem()
    currents = network.fc1(spikes)  # has no state, hence all steps at once
    hidden = torch.stack([network.lif1(current) for current in currents.unbind(1)], dim=1)
    currents = network.fc2(hidden)
    output = torch.stack([network.lif2(current) for current in currents.unbind(1)], dim=1)
    return hidden, output


def record(network: nn.Sequential, spikes: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the hidden and the output spikes as booleans, without gradients."""
    with torch.no_grad():
        hidden, output = run(network, torch.from_numpy(spikes).float())
    return hidden.bool().numpy(), output.bool().numpy()


def accuracy(output: NDArray[np.bool_], labels: NDArray[np.int64]) -> float:
    """Return the share of samples whose class has the most spikes; ties go to the lowest class."""
    return float(np.mean(output.sum(axis=1).argmax(axis=1) == labels))


def train(network: nn.Sequential, spikes: NDArray[np.uint8], labels: NDArray[np.int64], recipe: Recipe) -> None:
    """Train on the spike counts so that the weights will bear rounding to a few bits.

    Two measures make them bear it: each gradient is taken with noise as large as rounding to 4 bits on the
    weights, and weights are clipped at `clip_rms` times their layer's RMS, because the largest one sets the scale.
    """
    x = torch.from_numpy(spikes)
    y = torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = -(-len(y) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs * batches)
    for epoch in range(recipe.epochs):
        total_loss = 0.0
        for chosen in torch.randperm(len(y)).split(recipe.batch):
            exact = [layer.weight.detach().clone() for layer in weighted_layers(network)]
            with torch.no_grad():
                for layer in weighted_layers(network):
                    step = layer.weight.abs().max() / 7
                    layer.weight += (torch.rand_like(layer.weight) - 0.5) * step
            _, output = run(network, x[chosen].float())
            loss = nn.functional.cross_entropy(output.sum(dim=1), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            with torch.no_grad():
                for layer, weight in zip(weighted_layers(network), exact, strict=True):
                    layer.weight.copy_(weight)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                for layer in weighted_layers(network):
                    limit = recipe.clip_rms * layer.weight.square().mean().sqrt()
                    layer.weight.clamp_(-limit, limit)
            total_loss += loss.item()
        print(f"epoch {epoch + 1}/{recipe.epochs}: loss {total_loss / batches:.3f}")


def round_parameters(network: nn.Sequential) -> None:
    """Round all weights and biases to multiples of `WEIGHT_LSB`."""
    with torch.no_grad():
        for layer in weighted_layers(network):
            for parameter in layer.parameters():
                parameter.copy_((parameter / WEIGHT_LSB).round() * WEIGHT_LSB)


def quantised(network: nn.Sequential, bits: int) -> nn.Sequential:
    """Return a copy whose weights are rounded to `bits` bits with one symmetric scale per layer."""
    result = copy.deepcopy(network)
    largest = 2 ** (bits - 1) - 1
    with torch.no_grad():
        for layer in weighted_layers(result):
            scale = layer.weight.abs().max() / largest
            layer.weight.copy_((layer.weight / scale).round() * scale)
    return result


def numpy_spikes(network: nn.Sequential, spikes: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Do what `record` does, with snnTorch's equations written out in numpy."""

    def layer(linear: nn.Linear, spikes: NDArray[np.float32]) -> NDArray[np.float32]:
        weight, bias = linear.weight.detach().numpy(), linear.bias.detach().numpy()
        beta, threshold = np.float32(BETA), np.float32(THRESHOLD)
        mem = np.zeros((len(spikes), len(bias)), dtype=np.float32)
        spiked = np.zeros_like(mem)
        steps = []
        for step in range(spikes.shape[1]):
            # snnTorch subtracts the threshold one step after the spike.
            mem = beta * mem + (spikes[:, step] @ weight.T + bias) - spiked * threshold
            spiked = (mem - threshold > 0).astype(np.float32)
            steps.append(spiked)
        return np.stack(steps, axis=1)

    hidden = layer(network.fc1, spikes.astype(np.float32))
    output = layer(network.fc2, hidden)
    return hidden.astype(bool), output.astype(bool)


def export(network: nn.Sequential, path: Path) -> None:
    """Write the network with snnTorch's exporter, then check that the file says what the network does."""
    for neurons in (network.lif1, network.lif2):
        neurons.reset_mem()
    sample = torch.zeros(1, network.fc1.in_features)
    # ignore_dims: the batch axis is no part of the network. The exporter refuses the file without it.
    nir.write(path, export_to_nir(network, sample, ignore_dims=[0]))
    graph = nir.read(path)
    for name, node in graph.nodes.items():
        if isinstance(node, nir.LIF):
            beta, gain = 1 - EXPORTER_DT / node.tau, node.r * EXPORTER_DT / node.tau
            print(f"{path.name}: {name}: beta {np.unique(beta)}, gain {np.unique(gain)}")
            if not (np.allclose(beta, BETA, atol=1e-6) and np.allclose(gain, 1, atol=1e-6)):
                raise RuntimeError(f"snnTorch's exporter wrote a beta or a gain for {name} that the network lacks")
        for parameter in ("weight", "bias", "tau", "r", "v_leak", "v_threshold", "v_reset"):
            if hasattr(node, parameter):
                value = getattr(node, parameter)
                print(f"{path.name}: {name}.{parameter}: {value.dtype} {value.shape}")
    print(f"{path.name}: edges {graph.edges}")


def main(recipe: Recipe, images: Images, description: str | None) -> None:
    """Train, measure, export and record one network; read the folders from the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--output", type=Path, default=Path("flow/data"), metavar="DIR", help="for the network and its samples"
    )
    parser.add_argument(
        "--recordings", type=Path, default=Path("tests/data"), metavar="DIR", help="for snnTorch's spikes"
    )
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    arguments.recordings.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)  # sums in parallel may round differently from run to run

    training, test = images.every_fifth()
    x_training, x = (rate_code(part.pixels, recipe.full_scale) for part in (training, test))
    network = build_network(images.pixels.shape[1], recipe.hidden)
    train(network, x_training, training.labels, recipe)
    round_parameters(network)

    hidden, output = record(network, x)
    for ours, snntorchs in zip(numpy_spikes(network, x), (hidden, output), strict=True):
        if not np.array_equal(ours, snntorchs):
            raise RuntimeError(f"{np.sum(ours != snntorchs)} spikes depend on the order of summation")
    print(f"accuracy: {100 * accuracy(output, test.labels):.2f} % in float")
    for bits in (8, 4):
        _, rounded_output = record(quantised(network, bits), x)
        print(f"accuracy: {100 * accuracy(rounded_output, test.labels):.2f} % with {bits}-bit weights")
    print(f"spikes per step: inputs {100 * x.mean():.1f} %, hidden {100 * hidden.mean():.1f} %, ", end="")
    print(f"outputs {100 * output.mean():.1f} %; hidden neurons that never spike: {np.sum(~hidden.any(axis=(0, 1)))}")

    export(network, arguments.output / f"{recipe.name}.nir")
    np.savez_compressed(arguments.output / f"{recipe.name}.npz", x=x, y=test.labels)
    np.savez_compressed(
        arguments.output / f"{recipe.name}-calibration.npz",
        x=x_training[: recipe.calibration_samples],
        y=training.labels[: recipe.calibration_samples],
    )
    np.savez_compressed(
        arguments.recordings / f"{recipe.name}-snntorch.npz",
        hidden=np.packbits(hidden[: recipe.recorded_samples], axis=-1),
        output=np.packbits(output[: recipe.recorded_samples], axis=-1),
        accuracy=accuracy(output, test.labels),
        samples=recipe.recorded_samples,
    )

"""Train small spiking networks on sequences in snnTorch and write everything Spikeloom needs to build and test them.

Shared by ``train_vowels.py``, ``train_movements.py``, ``train_delays.py``, ``train_motion.py`` and
``train_connectome.py``: each brings its samples, a network and a `Recipe`, and calls `main`. The files are described in
``flow/data/README.md``.
"""

import argparse
import copy
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nir
import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from snntorch.export_nir import export_to_nir
from snntorch_training import EXPORTER_DT, WEIGHT_LSB
from torch import nn

__all__ = ["Recipe", "Samples", "accuracy", "export", "main", "read_series", "run", "standardised", "train"]

# Inputs are multiples of this and fit 8 bits with their sign. Together with weights rounded to WEIGHT_LSB their sums
# are exact in float32, in any order.
INPUT_LSB = 2.0**-6
INPUT_LIMIT = 127


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Sequences of shape (samples, steps, channels) with their classes."""

    x: NDArray[np.float32] | NDArray[np.uint8]
    y: NDArray[np.int64]

    def balanced(self, size: int) -> "Samples":
        """Return `size` samples (or all, if there are fewer), taken from the classes in turn."""
        rank = np.empty_like(self.y)  # how many samples of its class come before each sample
        for label in np.unique(self.y):
            rank[self.y == label] = np.arange(np.sum(self.y == label))
        chosen = np.lexsort((self.y, rank))[:size]
        return Samples(x=self.x[chosen], y=self.y[chosen])


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What differs between the examples.

    `input_noise` is the standard deviation of the noise on the inputs during training.
    """

    name: str
    epochs: int
    batch: int
    input_noise: float = 0.0
    recorded_samples: int = 400
    calibration_samples: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    clip_rms: float = 3.0
    seed: int = 1


def read_series(name: str, split: str) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Return the series, each of shape (steps, channels), and classes of a data set inside aeon's wheel.

    This reads aeon's file without importing aeon, which would need numba.
    """
    package = importlib.util.find_spec("aeon")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("The data set is part of aeon: pip install aeon --no-deps")
    text = (Path(package.origin).parent / "datasets" / "data" / name / f"{name}_{split}.ts").read_text()
    header, body = text.split("@data", 1)
    classes = next(line for line in header.splitlines() if line.startswith("@classLabel")).split()[2:]
    series, labels = [], []
    for line in body.split():
        *channels, label = line.split(":")
        series.append(np.array([channel.split(",") for channel in channels], dtype=np.float64).T)
        labels.append(classes.index(label))
    return series, np.array(labels, dtype=np.int64)


def standardised(name: str, steps: int) -> tuple[Samples, Samples]:
    """Return the (training set, test set) of a data set inside aeon's wheel, as multiples of `INPUT_LSB`.

    Each channel has mean 0 and standard deviation 1/2 over the training set, and zeros after a series' end.
    """
    training, _ = read_series(name, "TRAIN")
    frames = np.concatenate(training)
    mean, scale = frames.mean(axis=0), 2 * frames.std(axis=0)
    parts = []
    for split in ("TRAIN", "TEST"):
        series, y = read_series(name, split)
        x = np.zeros((len(series), steps, frames.shape[1]), dtype=np.float32)
        for row, values in zip(x, series, strict=True):
            levels = np.rint((values - mean) / scale / INPUT_LSB).clip(-INPUT_LIMIT, INPUT_LIMIT)
            row[: len(values)] = levels * INPUT_LSB
        parts.append(Samples(x=x, y=y))
    return parts[0], parts[1]


def weights(network: nn.Module) -> list[nn.Parameter]:
    """Return all weight matrices, recurrent ones too: the parameters with more than one axis."""
    return [parameter for parameter in network.parameters() if parameter.dim() > 1]


def run(network: nn.Sequential, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the spikes of each layer of neurons by its name, of shape (samples, steps, neurons)."""
    spikes = {}
    for name, layer in network.named_children():
        if isinstance(layer, snn.SpikingNeuron):
            layer.reset_mem()
            x = spikes[name] = torch.stack([layer(current) for current in x.unbind(1)], dim=1)
        else:
            x = layer(x)  # has no state, hence all steps at once
    return spikes


def record(network: nn.Sequential, x: NDArray[np.float32] | NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Do what `run` does without gradients, and check that no weighted sum depends on the order of summation."""

    def check(layer: nn.Linear, arguments: tuple[torch.Tensor], result: torch.Tensor) -> None:
        bias = None if layer.bias is None else layer.bias.double()
        if not torch.equal(nn.functional.linear(arguments[0].double(), layer.weight.double(), bias), result.double()):
            raise RuntimeError("A weighted sum is not exact in float32")

    exact = all(not torch.any(weight % WEIGHT_LSB) for weight in weights(network))  # unlike those of `quantised`
    linear_layers = [layer for layer in network.modules() if exact and isinstance(layer, nn.Linear)]
    hooks = [layer.register_forward_hook(check) for layer in linear_layers]
    with torch.no_grad():
        spikes = run(network, torch.from_numpy(x).float())
    for hook in hooks:
        hook.remove()
    return {name: layer.byte().numpy() for name, layer in spikes.items()}


def predictions(spikes: dict[str, NDArray[np.uint8]]) -> NDArray[np.int64]:
    """Return the output neuron with the most spikes for each sample; ties go to the lowest."""
    return list(spikes.values())[-1].sum(axis=1, dtype=np.int64).argmax(axis=1)


def accuracy(network: nn.Sequential, samples: Samples) -> float:
    """Return the share of samples that the network puts into their class."""
    return float(np.mean(predictions(record(network, samples.x)) == samples.y))


def train(network: nn.Sequential, samples: Samples, recipe: Recipe) -> None:
    """Train on the spike counts so that the weights will bear rounding to a few bits.

    As in ``snntorch_training.py``: each gradient is taken with noise as large as rounding to 4 bits on the weights,
    and weights are clipped at `clip_rms` times their layer's RMS.
    """
    x, y = torch.from_numpy(samples.x), torch.from_numpy(samples.y)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = -(-len(y) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs * batches)
    for epoch in range(recipe.epochs):
        total_loss = 0.0
        for chosen in torch.randperm(len(y)).split(recipe.batch):
            exact = [weight.detach().clone() for weight in weights(network)]
            with torch.no_grad():
                for weight in weights(network):
                    weight += (torch.rand_like(weight) - 0.5) * weight.abs().max() / 7
            inputs = x[chosen].float()
            *_, output = run(network, inputs + recipe.input_noise * torch.randn_like(inputs)).values()
            loss = nn.functional.cross_entropy(output.sum(dim=1), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            with torch.no_grad():
                for weight, value in zip(weights(network), exact, strict=True):
                    weight.copy_(value)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                for weight in weights(network):
                    limit = recipe.clip_rms * weight.square().mean().sqrt()
                    weight.clamp_(-limit, limit)
            total_loss += loss.item()
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1}/{recipe.epochs}: loss {total_loss / batches:.3f}")


def quantised(network: nn.Sequential, bits: int) -> nn.Sequential:
    """Return a copy whose weights are rounded to `bits` bits with one symmetric scale per matrix."""
    result = copy.deepcopy(network)
    with torch.no_grad():
        for weight in weights(result):
            scale = weight.abs().max() / (2 ** (bits - 1) - 1)
            weight.copy_((weight / scale).round() * scale)
    return result


def export(network: nn.Sequential, path: Path) -> None:
    """Write the network with snnTorch's own exporter."""
    for layer in network:
        if isinstance(layer, snn.SpikingNeuron):
            layer.reset_mem()
    sample = torch.zeros(1, network[0].in_features)
    # ignore_dims: the batch axis is no part of the network. The exporter refuses the file without it.
    nir.write(path, export_to_nir(network, sample, ignore_dims=[0]))


def check_file(network: nn.Sequential, path: Path) -> dict[str, str]:
    """Check that the file says what the network does; return the layer of each spiking node."""
    layers = {}
    graph = nir.read(path)
    for name, node in graph.nodes.items():
        if isinstance(node, nir.LIF | nir.CubaLIF):
            layers[name] = name.split(".")[0]  # a recurrent layer's node is called "layer.lif"
            layer = network.get_submodule(layers[name])
            cuba = isinstance(node, nir.CubaLIF)
            tau = node.tau_mem if cuba else node.tau
            facts = [(1 - EXPORTER_DT / tau, layer.beta), (node.r * EXPORTER_DT / tau, 1)]
            if cuba:
                facts.append((1 - EXPORTER_DT / node.tau_syn, layer.alpha))
                facts.append((node.w_in * EXPORTER_DT / node.tau_syn, 1))
            if not all(np.allclose(ours, theirs, atol=1e-6) for ours, theirs in facts):
                raise RuntimeError(f"The file has a decay or a gain for {name} that the network lacks")
        print(f"{path.name}: {name}: {type(node).__name__}")
    print(f"{path.name}: edges {graph.edges}")
    return layers


def folders(description: str | None) -> argparse.Namespace:
    """Read the folders from the command line and make them."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--output", type=Path, default=Path("flow/data"), metavar="DIR", help="for the network and its samples"
    )
    parser.add_argument(
        "--recordings", type=Path, default=Path("tests/data"), metavar="DIR", help="for the neurons' spikes"
    )
    arguments = parser.parse_args()
    for folder in (arguments.output, arguments.recordings):
        folder.mkdir(parents=True, exist_ok=True)
    return arguments


def main(
    recipe: Recipe,
    samples: Callable[[], tuple[Samples, Samples]],
    build: Callable[[], nn.Sequential],
    description: str | None,
    write: Callable[[nn.Sequential, Path], None] = export,
) -> nn.Sequential:
    """Train, measure, write and record one network, and return it; read the folders from the command line."""
    arguments = folders(description)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)  # sums in parallel may round differently from run to run

    training, test = samples()
    network = build()
    train(network, training, recipe)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_((parameter / WEIGHT_LSB).round() * WEIGHT_LSB)

    spikes = record(network, test.x)
    print(f"accuracy: {100 * accuracy(network, training):.2f} % on the training set")
    print(f"accuracy: {100 * accuracy(network, test):.2f} % in float")
    for bits in (8, 4):
        print(f"accuracy: {100 * accuracy(quantised(network, bits), test):.2f} % with {bits}-bit weights")
    for name, layer in spikes.items():
        silent = np.sum(~layer.any(axis=(0, 1)))
        print(f"spikes per step: {name} {100 * layer.mean():.1f} %; {silent} neurons never spike")

    path = arguments.output / f"{recipe.name}.nir"
    write(network, path)
    nodes = {node: spikes[layer][: recipe.recorded_samples] for node, layer in check_file(network, path).items()}
    calibration = training.balanced(recipe.calibration_samples)
    np.savez_compressed(path.with_suffix(".npz"), x=test.x, y=test.y)
    np.savez_compressed(arguments.output / f"{recipe.name}-calibration.npz", x=calibration.x, y=calibration.y)
    np.savez_compressed(
        arguments.recordings / f"{recipe.name}-snntorch.npz",
        **nodes,
        accuracy=accuracy(network, test),
        prediction=predictions(spikes),
    )
    return network

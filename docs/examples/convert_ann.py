"""Train a 64-64-10 ReLU network on scikit-learn's digits, convert it with Sinabs and export it.

Run from the root of the repository (less than a minute):

    pip install --no-deps sinabs==3.1.3
    pip install torch nir nirtorch scikit-learn matplotlib pbr
    python docs/examples/convert_ann.py

(`--no-deps`, since Sinabs also asks for samna, a driver for chips, whose import runs an installer; and for nir 1.0.4.)

Sinabs puts an integrate-and-fire neuron (IAF) in the place of each ReLU: threshold 1, as many spikes per step as
thresholds fit into the potential, each of which subtracts one, potential never below -1. The class is the output
with the most spikes. Of the 1,797 images every fifth one is for testing.
"""

import argparse
from pathlib import Path

import nir
import numpy as np
import torch
from digit_spikes import load
from numpy.typing import NDArray
from sinabs.from_torch import from_model
from sinabs.nir import to_nir
from torch import nn

STEPS, HIDDEN, CLASSES = 16, 64, 10
# What the ReLUs answer at most, in spikes per step: 99 % of the hidden ones, and the highest output of half the images
HIDDEN_SPIKES, OUTPUT_SPIKES = 2.5, 1.0
WEIGHT_LSB = 2.0**-10
EPOCHS, BATCH = 60, 64


def train_ann(x: torch.Tensor, y: torch.Tensor) -> nn.Sequential:
    """Return a network of ReLUs for the share of steps in which each pixel spikes."""
    ann = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES), nn.ReLU())
    optimiser = torch.optim.Adam(ann.parameters(), lr=3e-3, weight_decay=1e-4)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(y)).split(BATCH):
            # The last ReLU would stop the gradient of silent outputs.
            loss = nn.functional.cross_entropy(ann[:3](x[chosen]), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return ann


def scale_activations(ann: nn.Sequential, x: torch.Tensor) -> None:
    """Scale what the ReLUs answer, and round all weights and biases to multiples of `WEIGHT_LSB`."""
    with torch.no_grad():
        hidden = HIDDEN_SPIKES / ann[:2](x).quantile(0.99)
        output = OUTPUT_SPIKES / ann(x).max(1).values.quantile(0.5)
        ann[0].weight *= hidden
        ann[0].bias *= hidden
        ann[2].weight *= output / hidden
        ann[2].bias *= output
        for parameter in ann.parameters():
            parameter.copy_((parameter / WEIGHT_LSB).round() * WEIGHT_LSB)


def convert(ann: nn.Sequential) -> nn.Sequential:
    """Return Sinabs' network, which takes (samples * steps, neurons)."""
    return from_model(ann, num_timesteps=STEPS).spiking_model


def run(network: nn.Sequential, spikes: torch.Tensor) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Return hidden and output spikes per step, both of shape (samples, steps, neurons)."""
    for layer in (network[1], network[3]):
        layer.reset_states()
    with torch.no_grad():
        hidden = network[:2](spikes.float().flatten(0, 1))
        output = network[2:](hidden)
    return tuple(part.unflatten(0, (-1, STEPS)).short().numpy() for part in (hidden, output))


def accuracy(output: NDArray[np.int16], y: NDArray[np.int64]) -> float:
    """Return the share of samples whose class has the most spikes; ties go to the lowest class."""
    return float(np.mean(output.sum(1).argmax(1) == y))


def quantised(network: nn.Sequential, bits: int) -> nn.Sequential:
    """Return a copy whose weights are rounded to `bits` bits with one symmetric scale per layer."""
    ann = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES), nn.ReLU())
    ann.load_state_dict({k: v for k, v in network.state_dict().items() if k[2:] in ("weight", "bias")})
    for layer in (ann[0], ann[2]):
        scale = layer.weight.detach().abs().max() / (2 ** (bits - 1) - 1)
        layer.weight.data = (layer.weight.data / scale).round() * scale
    return convert(ann)


def export(network: nn.Sequential, path: Path) -> None:
    """Write the network with Sinabs' exporter."""
    graph = to_nir(network, torch.zeros(STEPS, 64))  # one sample; the exporter drops the first axis
    graph.infer_types()
    nir.write(path, graph)
    for name, node in nir.read(path).nodes.items():
        print(f"{path.name}: {name}: {type(node).__name__}", {k: v.tolist() for k, v in node.output_type.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("flow/data"), help="for the network and its samples")
    parser.add_argument("--recordings", type=Path, default=Path("tests/data"), help="for Sinabs' spikes")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)  # sums in parallel may round differently from run to run

    x_training, y_training, x, y = load(STEPS)
    rates_training, rates = (torch.from_numpy(part.mean(1, dtype=np.float32)) for part in (x_training, x))
    ann = train_ann(rates_training, torch.from_numpy(y_training))
    scale_activations(ann, rates_training)
    print(f"accuracy: {100 * np.mean(ann(rates).argmax(1).numpy() == y):.2f} % of the ANN")
    network = convert(ann)
    hidden, output = run(network, torch.from_numpy(x))
    print(f"accuracy: {100 * accuracy(output, y):.2f} % in float")
    for bits in (8, 4):
        rounded = accuracy(run(quantised(network, bits), torch.from_numpy(x))[1], y)
        print(f"accuracy: {100 * rounded:.2f} % with {bits}-bit weights")
    for name, part in (("inputs", x), ("hidden", hidden), ("outputs", output)):
        several = 100 * np.mean(part > 1)
        print(f"{name}: {part.mean():.3f} spikes per step, more than one in {several:.1f} %, at most {part.max()}")

    export(network, arguments.output / "converted.nir")
    np.savez_compressed(arguments.output / "converted.npz", x=x, y=y)
    np.savez_compressed(arguments.output / "converted-calibration.npz", x=x_training[:128], y=y_training[:128])
    np.savez_compressed(
        arguments.recordings / "converted-sinabs.npz",
        **{"1": hidden, "3": output},
        prediction=output.sum(1).argmax(1),
        accuracy=accuracy(output, y),
    )


if __name__ == "__main__":
    main()

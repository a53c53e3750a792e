"""Train a convolutional network of ReLUs on scikit-learn's digits, convert it with Sinabs and export it.

Run from the root of the repository (about a minute), with what `convert_ann.py` needs:

    python docs/examples/convert_cnn.py

16 channels of 8 x 8, sums of 2 x 2, 32 channels of 4 x 4, sums of 2 x 2, 10 outputs. The samples are those of
`convert_ann.py`, which also says what becomes of a ReLU.
"""

import argparse
from pathlib import Path

import nir
import numpy as np
import torch
from convert_ann import BATCH, STEPS, WEIGHT_LSB, accuracy, convert
from digit_spikes import load
from numpy.typing import NDArray
from sinabs.layers import SumPool2d
from sinabs.nir import to_nir
from torch import nn

# What 99 % of a layer's ReLUs answer at most, in spikes per step, and the highest output of half the images
HIDDEN_SPIKES, OUTPUT_SPIKES = 2.0, 1.0
EPOCHS = 30
RECORDED_SAMPLES = 6


def build_network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        SumPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        SumPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
        nn.ReLU(),
    )


def weighted(network: nn.Sequential) -> list[int]:
    """Return which layers have weights; a ReLU or an IAF follows each."""
    return [k for k, layer in enumerate(network) if isinstance(layer, nn.Conv2d | nn.Linear)]


def train(ann: nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> None:
    """Train on the share of steps in which each pixel spikes, with noise as large as rounding to 4 bits on weights."""
    layers = [ann[k] for k in weighted(ann)]
    optimiser = torch.optim.Adam(ann.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * -(-len(y) // BATCH))
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(y)).split(BATCH):
            exact = [layer.weight.detach().clone() for layer in layers]
            with torch.no_grad():
                for layer in layers:
                    layer.weight += (torch.rand_like(layer.weight) - 0.5) * layer.weight.abs().max() / 7
            # The last ReLU would stop the gradient of silent outputs.
            loss = nn.functional.cross_entropy(ann[:-1](x[chosen]), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            with torch.no_grad():
                for layer, weight in zip(layers, exact, strict=True):
                    layer.weight.copy_(weight)
            optimiser.step()
            schedule.step()
            with torch.no_grad():  # the largest weight sets the scale of the rounding
                for layer in layers:
                    limit = 3 * layer.weight.square().mean().sqrt()
                    layer.weight.clamp_(-limit, limit)


def scale_activations(ann: nn.Sequential, x: torch.Tensor) -> None:
    """Scale what the ReLUs answer, and round all weights and biases to multiples of `WEIGHT_LSB`."""
    with torch.no_grad():
        layers = weighted(ann)
        largest = [ann[: k + 2](x).flatten().quantile(0.99) for k in layers[:-1]]
        factors = [HIDDEN_SPIKES / value for value in largest]
        factors.append(OUTPUT_SPIKES / ann(x).max(1).values.quantile(0.5))
        for k, before, factor in zip(layers, [1.0, *factors], factors, strict=False):
            ann[k].weight *= factor / before
            ann[k].bias *= factor
        for parameter in ann.parameters():
            parameter.copy_((parameter / WEIGHT_LSB).round() * WEIGHT_LSB)


def run(network: nn.Sequential, spikes: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Return the spikes per step of each layer of neurons, of shape (samples, steps, neurons)."""
    sent, x = {}, torch.from_numpy(spikes).float().flatten(0, 1)
    with torch.no_grad():
        for k, layer in enumerate(network):
            if k - 1 in weighted(network):
                layer.reset_states()
            x = layer(x)
            if k - 1 in weighted(network):
                sent[str(k)] = x.flatten(1).unflatten(0, (-1, STEPS)).byte().numpy()
    return sent


def quantised(network: nn.Sequential, bits: int) -> nn.Sequential:
    """Return a copy whose weights are rounded to `bits` bits with one symmetric scale per layer."""
    ann = build_network()
    ann.load_state_dict({k: v for k, v in network.state_dict().items() if k[2:] in ("weight", "bias")})
    for layer in (ann[k] for k in weighted(ann)):
        scale = layer.weight.detach().abs().max() / (2 ** (bits - 1) - 1)
        layer.weight.data = (layer.weight.data / scale).round() * scale
    return convert(ann)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("flow/data"), help="for the network")
    parser.add_argument("--recordings", type=Path, default=Path("tests/data"), help="for Sinabs' spikes")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)  # sums in parallel may round differently from run to run

    x_training, y_training, x, y = load(STEPS)
    x_training, x = (part.reshape(*part.shape[:2], 1, 8, 8) for part in (x_training, x))
    rates_training, rates = (torch.from_numpy(part.mean(1, dtype=np.float32)) for part in (x_training, x))
    ann = build_network()
    train(ann, rates_training, torch.from_numpy(y_training))
    scale_activations(ann, rates_training)
    print(f"accuracy: {100 * np.mean(ann(rates).argmax(1).numpy() == y):.2f} % of the ANN")
    network = convert(ann)
    sent = run(network, x)
    output = list(sent.values())[-1]
    print(f"accuracy: {100 * accuracy(output, y):.2f} % in float")
    for bits in (8, 4):
        rounded = accuracy(list(run(quantised(network, bits), x).values())[-1], y)
        print(f"accuracy: {100 * rounded:.2f} % with {bits}-bit weights")
    for name, part in {"inputs": x, **sent}.items():
        several = 100 * np.mean(part > 1)
        print(f"{name}: {part.mean():.3f} spikes per step, more than one in {several:.1f} %, at most {part.max()}")

    graph = to_nir(network, torch.zeros(STEPS, 1, 8, 8))  # one sample; the exporter drops the first axis
    graph.infer_types()  # the exporter leaves the shapes open
    nir.write(arguments.output / "converted-cnn.nir", graph)
    np.savez_compressed(
        arguments.recordings / "converted-cnn-sinabs.npz",
        **{name: part[:RECORDED_SAMPLES] for name, part in sent.items()},
        prediction=output.sum(1).argmax(1),
        accuracy=accuracy(output, y),
    )


if __name__ == "__main__":
    main()

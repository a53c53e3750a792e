"""Train a 64-64-10 network with a potential read-out on scikit-learn's digits and export it with Norse.

Run from the root of the repository (about a minute), with `pip install norse==1.1.0 nir scikit-learn`:

    python docs/examples/train_readout.py

The hidden layer spikes (`LIFBoxCell`, hard reset). The output layer is a leaky integrator that never does
(`LIBoxCell`): the class is the output with the highest potential after the last step. The spikes of the images and
the rounding of the weights are as in `snntorch_training.py`. Of the 1,797 images every fifth one is for testing.
"""

import argparse
import copy
from pathlib import Path

import nir
import norse.torch as norse
import numpy as np
import torch
from digit_spikes import load
from norse.torch.functional.leaky_integrator_box import LIBoxParameters
from norse.torch.functional.lif_box import LIFBoxParameters
from norse.torch.module.leaky_integrator_box import LIBoxCell
from norse.torch.utils.export_nir import to_nir
from torch import nn

STEPS, HIDDEN, CLASSES = 25, 64, 10
DT = 0.001  # seconds: the default of Norse's cells
HIDDEN_TAU, OUTPUT_TAU = 0.008, 0.032  # seconds; dt/tau is 2**-3 and 2**-5, exact in binary
WEIGHT_LSB = 2.0**-10
EPOCHS, BATCH = 40, 64


def build_network() -> norse.SequentialState:
    """Return an untrained network, one call of which is one time step."""
    # The exporter needs one value per neuron.
    hidden = LIFBoxParameters(
        tau_mem_inv=torch.full((HIDDEN,), 1 / HIDDEN_TAU),
        v_leak=torch.zeros(HIDDEN),
        v_th=torch.ones(HIDDEN),
        v_reset=torch.zeros(HIDDEN),
        alpha=torch.tensor(2.0),
    )
    output = LIBoxParameters(tau_mem_inv=torch.full((CLASSES,), 1 / OUTPUT_TAU), v_leak=torch.zeros(CLASSES))
    network = norse.SequentialState(
        nn.Linear(64, HIDDEN), norse.LIFBoxCell(hidden, dt=DT), nn.Linear(HIDDEN, CLASSES), LIBoxCell(output, dt=DT)
    )
    with torch.no_grad():  # Norse multiplies what a neuron receives by dt/tau
        network[0].weight *= 32
        network[0].bias += 1
        network[2].weight *= 8
    return network


def linear_layers(network: norse.SequentialState) -> list[nn.Linear]:
    return [layer for layer in network if isinstance(layer, nn.Linear)]


def run(network: norse.SequentialState, spikes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the hidden spikes and the output potentials, both of shape (samples, steps, neurons)."""
    hidden, potentials, hidden_state, output_state = [], [], None, None
    for x in spikes.float().unbind(1):
        z, hidden_state = network[1](network[0](x), hidden_state)
        v, output_state = network[3](network[2](z), output_state)
        hidden.append(z)
        potentials.append(v)
    return torch.stack(hidden, 1), torch.stack(potentials, 1)


def train(network: norse.SequentialState, x: torch.Tensor, y: torch.Tensor) -> None:
    """Train on the last potentials, with noise as large as rounding to 4 bits on the weights."""
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * -(-len(y) // BATCH))
    for epoch in range(EPOCHS):
        for chosen in torch.randperm(len(y)).split(BATCH):
            exact = [layer.weight.detach().clone() for layer in linear_layers(network)]
            with torch.no_grad():
                for layer in linear_layers(network):
                    layer.weight += (torch.rand_like(layer.weight) - 0.5) * layer.weight.abs().max() / 7
            loss = nn.functional.cross_entropy(run(network, x[chosen])[1][:, -1], y[chosen])
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


def quantised(network: norse.SequentialState, bits: int) -> norse.SequentialState:
    """Return a copy whose weights are rounded to `bits` bits with one symmetric scale per layer."""
    result = copy.deepcopy(network)
    for layer in linear_layers(result):
        scale = layer.weight.detach().abs().max() / (2 ** (bits - 1) - 1)
        layer.weight.data = (layer.weight.data / scale).round() * scale
    return result


def export(network: norse.SequentialState, path: Path) -> None:
    """Write the network with Norse's exporter, then check its time constants."""
    # The exporter writes dt * tau. A batch axis in the sample would become one of the network.
    nir.write(path, to_nir(network, torch.zeros(64), dt=1.0))
    for node in nir.read(path).nodes.values():
        if isinstance(node, nir.LIF | nir.LI):
            tau = HIDDEN_TAU if isinstance(node, nir.LIF) else OUTPUT_TAU
            if not np.allclose(node.tau, tau):
                raise RuntimeError(f"Norse's exporter wrote the time constant {np.unique(node.tau)}, not {tau}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("flow/data"), help="for the network and its samples")
    parser.add_argument("--recordings", type=Path, default=Path("tests/data"), help="for Norse's spikes")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)  # sums in parallel may round differently from run to run

    x_training, y_training, x, y = load(STEPS)
    network = build_network()
    train(network, torch.from_numpy(x_training), torch.from_numpy(y_training))
    for layer in linear_layers(network):
        for parameter in layer.parameters():
            parameter.data = (parameter.data / WEIGHT_LSB).round() * WEIGHT_LSB

    with torch.no_grad():
        hidden, potentials = (part.numpy() for part in run(network, torch.from_numpy(x)))
        for bits in (8, 4):
            prediction = run(quantised(network, bits), torch.from_numpy(x))[1][:, -1].argmax(1).numpy()
            print(f"accuracy: {100 * np.mean(prediction == y):.2f} % with {bits}-bit weights")
    prediction, prediction_sum = potentials[:, -1].argmax(1), potentials.sum(1).argmax(1)
    print(f"accuracy: {100 * np.mean(prediction == y):.2f} % in float, ", end="")
    print(f"{100 * np.mean(prediction_sum == y):.2f} % by the sum of the potentials")
    print(f"spikes per step: inputs {100 * x.mean():.1f} %, hidden {100 * hidden.mean():.1f} %; ", end="")
    print(f"potentials {potentials.min():.2f} to {potentials.max():.2f}")

    export(network, arguments.output / "readout.nir")
    np.savez_compressed(arguments.output / "readout.npz", x=x, y=y)
    np.savez_compressed(arguments.output / "readout-calibration.npz", x=x_training[:128], y=y_training[:128])
    np.savez_compressed(
        arguments.recordings / "readout-norse.npz",
        **{"1": hidden.astype(np.uint8), "3": potentials[:80]},
        prediction=prediction,
        prediction_sum=prediction_sum,
        accuracy=np.mean(prediction == y),
    )


if __name__ == "__main__":
    main()

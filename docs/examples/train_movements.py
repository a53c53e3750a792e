"""Train a 6-48-4 spiking network to tell four movements of a wrist apart and export it with snnTorch.

Run from the root of the repository (about a minute):

    pip install .[train]
    pip install aeon --no-deps
    python docs/examples/train_movements.py

The data set is BasicMotions: four people stand, walk, run and play badminton with a smart watch, 40 times for
training and 40 times for testing. A sample is 100 steps, a tenth of a second each, of six real numbers: acceleration
and rotation in three axes.
"""

from collections import OrderedDict

import snntorch as snn
import torch
from snntorch import surrogate
from snntorch_recurrent import Recipe, Samples, main, standardised
from torch import nn

RECIPE = Recipe(name="movements", epochs=100, batch=20, input_noise=0.1)

STEPS = 100
CHANNELS = 6
HIDDEN = 48
CLASSES = 4


def samples() -> tuple[Samples, Samples]:
    """Return the (training set, test set)."""
    return standardised("BasicMotions", STEPS)


def neurons(size: int, alpha: float, beta: float, threshold: float) -> snn.Synaptic:
    """Return a layer of neurons; the exporter needs one value per neuron. Use decays that are exact in binary."""
    return snn.Synaptic(
        alpha=torch.full((size,), alpha),
        beta=torch.full((size,), beta),
        threshold=torch.full((size,), threshold),
        spike_grad=surrogate.fast_sigmoid(slope=10 / threshold),
        init_hidden=True,
    )


def build() -> nn.Sequential:
    """Return an untrained network, one call of which is one time step."""
    network = nn.Sequential(
        OrderedDict(
            fc1=nn.Linear(CHANNELS, HIDDEN),
            lif1=neurons(HIDDEN, alpha=0.5, beta=0.875, threshold=1.0),
            fc2=nn.Linear(HIDDEN, CLASSES),
            lif2=neurons(CLASSES, alpha=0.75, beta=0.9375, threshold=4.0),
        )
    )
    with torch.no_grad():  # every output spikes at first: a silent one would not learn
        network.fc2.weight *= 0.25
        network.fc2.bias.fill_(0.1)
    return network


if __name__ == "__main__":
    main(RECIPE, samples, build, __doc__)

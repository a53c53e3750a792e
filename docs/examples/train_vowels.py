"""Train a recurrent 12-64-9 spiking network to tell nine speakers apart and export it with snnTorch.

Run from the root of the repository (about a minute):

    pip install .[train]
    pip install aeon --no-deps
    python docs/examples/train_vowels.py

The data set is JapaneseVowels: nine men say "ae", 270 times for training and 370 times for testing. A sample is 7 to
29 steps of 12 real numbers, the cepstra of frames of sound 6.4 ms apart, followed by zeros.
"""

from collections import OrderedDict

import snntorch as snn
import torch
from snntorch import surrogate
from snntorch_recurrent import Recipe, Samples, main, standardised
from torch import nn

RECIPE = Recipe(name="vowels", epochs=150, batch=54, input_noise=0.1)

STEPS = 29
CHANNELS = 12
HIDDEN = 64
CLASSES = 9


def samples() -> tuple[Samples, Samples]:
    """Return the (training set, test set)."""
    return standardised("JapaneseVowels", STEPS)


def build() -> nn.Sequential:
    """Return an untrained network, one call of which is one time step."""
    return nn.Sequential(
        OrderedDict(
            fc1=nn.Linear(CHANNELS, HIDDEN),
            # The exporter needs one value per neuron; these decays are exact in binary.
            lif1=snn.RSynaptic(
                alpha=torch.full((HIDDEN,), 0.75),
                beta=torch.full((HIDDEN,), 0.875),
                threshold=torch.full((HIDDEN,), 4.0),
                linear_features=HIDDEN,
                spike_grad=surrogate.fast_sigmoid(slope=2.5),
                init_hidden=True,
            ),
            fc2=nn.Linear(HIDDEN, CLASSES),
            lif2=snn.Leaky(
                beta=torch.full((CLASSES,), 0.9375),
                threshold=torch.full((CLASSES,), 1.0),
                spike_grad=surrogate.fast_sigmoid(slope=10),
                init_hidden=True,
            ),
        )
    )


if __name__ == "__main__":
    main(RECIPE, samples, build, __doc__)

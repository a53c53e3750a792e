"""Make the nervous system of the worm C. elegans a 22-302-6 spiking network, and train a read-out of what it senses.

Run from the root of the repository (about two minutes):

    pip install .[train] pandas
    pip install cect --no-deps
    python docs/examples/train_connectome.py

Who connects to whom is measured: every chemical synapse and gap junction between the hermaphrodite's 302 neurons, with
its number of contacts in electron micrographs (S. J. Cook et al., "Whole-animal connectomes of both Caenorhabditis
elegans sexes", Nature 571, 2019, corrected in July 2020). How strong a contact is, nobody has measured. The rules here:

- A synapse's weight is its number of contacts. Those of the 26 neurons with the transmitter GABA inhibit (S. L.
  McIntire et al., Nature 364, 1993), all others excite. A gap junction excites both ways; four of the neuron ALA have
  more than 127 contacts, and count as 127. A spike arrives one step later. Synapses of a neuron onto itself are left
  out.
- A neuron's threshold is the sum of all contacts onto it. That is what its spike costs it (the reset subtracts it), so
  a network whose neurons all fire once gives nobody more than it took, and does not saturate.
- A constant current holds each neuron at 11/16 of its threshold, so that 5/16 of its inputs are enough to make it fire,
  and activity does not die out on the way.

All numbers but the read-out's are integers or binary fractions, so that 8 bits hold them exactly.

Six groups of sensory neurons are driven one to one, and each sample stimulates one of them. Only the last layer is
trained: it sees the spikes of the 123 motor neurons and names the group.
"""

import importlib.util
import json
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import snntorch as snn
import torch
from cect.Cells import MOTORNEURONS_COOK, PREFERRED_HERM_NEURON_NAMES_COOK
from numpy.typing import NDArray
from snntorch_recurrent import Recipe, Samples, main, record, train
from torch import nn
from train_delays import neurons

RECIPE = Recipe(name="connectome", epochs=0, batch=64, recorded_samples=40)  # `build` trains what is trained
READ_OUT = replace(RECIPE, epochs=40, learning_rate=1e-2)

NEURONS = list(PREFERRED_HERM_NEURON_NAMES_COOK)
GABA = [f"DD{n}" for n in range(1, 7)] + [f"VD{n}" for n in range(1, 14)]
GABA += ["RMEL", "RMER", "RMED", "RMEV", "AVL", "DVB", "RIS"]
SENSES = {
    "touch in front": ("ALML", "ALMR", "AVM"),
    "touch behind": ("PLML", "PLMR", "PVM"),
    "touch at the nose": ("ASHL", "ASHR", "FLPL", "FLPR", "OLQDL", "OLQDR", "OLQVL", "OLQVR"),
    "salt": ("ASEL", "ASER"),
    "smell": ("AWAL", "AWAR", "AWCL", "AWCR"),
    "heat": ("AFDL", "AFDR"),
}
LINES = [neuron for group in SENSES.values() for neuron in group]
BETA = 0.75
REST = 11 / 16  # of the threshold
MOST = 127  # contacts
DRIVE = 127.0  # contacts, by an input spike; more than any threshold of those neurons

STEPS = 48
STIMULUS = slice(10, 40)  # steps; the potentials come to rest before it
STIMULATED, RESTING = 0.5, 0.01  # spikes per step of an input


def contacts() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the contacts of (chemical synapses, gap junctions) as matrices (source, target)."""
    package = importlib.util.find_spec("cect")
    data = json.loads((Path(package.origin).parent / "cache" / "Cook2019HermReader.json").read_text())
    places = [data["nodes"].index(neuron) for neuron in NEURONS]  # among muscles and other cells
    chemical, electrical = (
        np.array(data["connections"][kind])[np.ix_(places, places)] * (1 - np.eye(len(NEURONS)))
        for kind in ("Generic_CS", "Generic_GJ")
    )
    return chemical, electrical


def recurrence() -> torch.Tensor:
    """Return the weights (target, source) by the rules above."""
    chemical, electrical = contacts()
    signs = np.where(np.isin(NEURONS, GABA), -1, 1)
    weights = np.minimum(signs[:, np.newaxis] * chemical + electrical, MOST)
    return torch.from_numpy(weights.T.astype(np.float32))


def stimuli(size: int, seed: int) -> Samples:
    """Return `size` random samples, their classes in turn."""
    random = np.random.default_rng(seed)
    y = np.arange(size, dtype=np.int64) % len(SENSES)
    rate = np.full((size, STEPS, len(LINES)), RESTING)
    for sample, label in zip(rate, y, strict=True):
        sample[STIMULUS, np.isin(LINES, list(SENSES.values())[label])] = STIMULATED
    return Samples(x=(random.random(rate.shape) < rate).astype(np.uint8), y=y)


def samples() -> tuple[Samples, Samples]:
    """Return the (training set, test set)."""
    return stimuli(1200, seed=1), stimuli(240, seed=2)


def worm() -> nn.Sequential:
    """Return the sensory lines and the neurons, of which nothing is trained."""
    weights = recurrence()
    threshold = weights.abs().sum(1)
    network = nn.Sequential(
        OrderedDict(
            fc1=nn.Linear(len(LINES), len(NEURONS)),
            lif1=snn.RLeaky(
                beta=torch.full((len(NEURONS),), BETA),
                threshold=threshold,
                linear_features=len(NEURONS),
                init_hidden=True,
            ),
        )
    ).requires_grad_(False)
    network.lif1.recurrent = nn.Linear(len(NEURONS), len(NEURONS), bias=False).requires_grad_(False)
    driven = np.array(NEURONS)[:, np.newaxis] == np.array(LINES)
    network.fc1.weight.copy_(DRIVE * torch.from_numpy(driven))
    network.fc1.bias.copy_((1 - BETA) * REST * threshold)
    network.lif1.recurrent.weight.copy_(weights)
    return network


def build() -> nn.Sequential:
    """Return the network with its trained read-out."""
    network = worm()
    chemical, electrical = contacts()
    weights = network.lif1.recurrent.weight
    print(f"{np.sum(chemical > 0)} chemical synapses of {chemical.sum():.0f} contacts")
    print(f"{np.sum(electrical > 0) // 2} gap junctions of {electrical.sum() / 2:.0f} contacts")
    print(f"{torch.count_nonzero(weights)} of {weights.numel()} weights, {weights.min():.0f} to {weights.max():.0f}")
    training, _ = samples()
    spikes = record(network, training.x)["lif1"]
    for label, sense in enumerate(SENSES):
        of = spikes[training.y == label]
        print(f"{sense}: {100 * of[:, STIMULUS].mean():.1f} % of the neurons fire in a step,", end=" ")
        print(f"{100 * of[:, STIMULUS.stop + 5 :].mean():.1f} % afterwards; {of.any(axis=(0, 1)).sum()} ever do")
    motor = np.isin(NEURONS, MOTORNEURONS_COOK)
    answer = neurons(len(SENSES), beta=0.9375)
    read_out = nn.Sequential(OrderedDict(fc2=nn.Linear(motor.sum(), len(SENSES)), lif2=answer))
    train(read_out, Samples(x=spikes[..., motor], y=training.y), READ_OUT)
    network.fc2 = nn.Linear(len(NEURONS), len(SENSES))
    with torch.no_grad():
        network.fc2.weight.zero_()
        network.fc2.weight[:, torch.from_numpy(motor)] = read_out.fc2.weight
        network.fc2.bias.copy_(read_out.fc2.bias)
    network.lif2 = answer
    return network


if __name__ == "__main__":
    main(RECIPE, samples, build, __doc__)

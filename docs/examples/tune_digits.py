"""Train digits networks of other sizes while the hardware is searched: network and accelerator together.

Run in this folder, in an environment with `pip install .[train]`, with the test images that come with Spikeloom:

    spikeloom tune ../../flow/data/digits.nir --data ../../flow/data/digits.npz --convention snntorch \
      --board ice40-hx8k --train tune_digits:train --space tune_digits.yaml --require "accuracy>=0.95" -o found
"""

from pathlib import Path
from tempfile import mkdtemp

import snntorch_training
import torch
from snntorch_training import build_network, export, rate_code, round_parameters
from train_digits import RECIPE, load

EPOCHS = 30


def train(hidden: int, prune: float) -> Path:
    """A network with so many hidden neurons, of whose weights the smallest share ``prune`` is left out."""
    torch.manual_seed(RECIPE.seed)
    torch.set_num_threads(1)
    images, _ = load().every_fifth()
    network = build_network(images.pixels.shape[1], hidden)
    recipe = type(RECIPE)(name="digits", full_scale=RECIPE.full_scale, hidden=hidden, epochs=EPOCHS, recorded_samples=0)
    snntorch_training.train(network, rate_code(images.pixels, RECIPE.full_scale), images.labels, recipe)
    with torch.no_grad():
        least = network.fc1.weight.abs().flatten().quantile(prune)
        network.fc1.weight *= network.fc1.weight.abs() >= least
    round_parameters(network)
    path = Path(mkdtemp(prefix="digits-")) / "digits.nir"
    export(network, path)
    return path

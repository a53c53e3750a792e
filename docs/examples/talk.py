"""Runs test samples on a chip: how many it answers right, and the first answer's spikes.

python docs/examples/talk.py PORT DESIGN DATA.npz, or with sim:DESIGN in the place of the port.
"""

import sys

import numpy as np

import spikeloom

port, design, data = sys.argv[1:]
test = np.load(data)
with spikeloom.Device.open(port, design=design) as device:
    answer = device.run(test["x"], test["y"])
print(f"the first is a {answer.prediction[0]}; right are {answer.accuracy:.2%} of {len(test['y'])}")
for neuron in answer.spikes[0].T:  # a line per neuron, a column per step
    print("".join(np.where(neuron, "|", ".")))

"""Neuron models by name: what each population computes in a step."""

from types import ModuleType

from spikeloom.golden.neurons import lif

__all__ = ["MODELS"]

#: Each model's module has ``check(neuron, value_bits)``, ``initial(neuron, shape)``, ``step`` (one neuron, plain
#: integers) and ``advance`` (many neurons, arrays), and says the same thing in all of them.
MODELS: dict[str, ModuleType] = {"lif": lif}

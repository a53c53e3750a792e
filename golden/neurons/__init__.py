"""Neuron models by name: what each population computes in a step."""

from types import ModuleType

from spikeloom.golden.neurons import lif

__all__ = ["MODELS"]

#: Each model's module has ``check(neuron, value_bits)``, ``initial(neuron, shape)``, ``unit(neuron)``, ``step`` (one
#: neuron, plain integers) and ``Batch`` (many neurons, arrays), and says the same thing in all of them.
MODELS: dict[str, ModuleType] = {"lif": lif}

"""Neuron pipelines by model name."""

from spikeloom.hdl.neurons import lif

__all__ = ["MODELS"]

#: Each model's module has ``Parameters`` (``derive`` from a neuron, ``covering``, layouts, ``image``) and ``Unit``.
MODELS = {"lif": lif}

"""Designs for the chip's stand-in, which tests/flow uses too."""

from stand_in_designs import design, folders, golden, two, x

__all__ = ["design", "folders", "golden", "two", "x"]

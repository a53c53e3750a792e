"""Every message about a network, its knobs or its data: a module for each subject, in the order of the page."""

import importlib

from messages.cases import CASES, Case

__all__ = ["CASES", "Case"]

for subject in ("graph", "shapes", "convolutions", "values", "knobs", "notes", "widths", "data"):
    importlib.import_module(f"messages.{subject}")

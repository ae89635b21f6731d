"""Selection of clean samples in stages, and reweighting by gradients."""

from hmw_core.catalogue import Recipe

ROWS: dict[str, Recipe] = {}

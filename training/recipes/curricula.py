"""Curricula and the small-loss family."""

from hmw_core.catalogue import Recipe

ROWS: dict[str, Recipe] = {}

"""Corrections of the loss: by a transition matrix, by truncation, by an adaptation layer."""

from hmw_core.catalogue import Recipe

ROWS: dict[str, Recipe] = {}

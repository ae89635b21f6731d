"""Targets of the method's own: label tables, memories, relabelling, refurbishing."""

from hmw_core.catalogue import Recipe

ROWS: dict[str, Recipe] = {}

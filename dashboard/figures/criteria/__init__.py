"""Figures of criteria against each other."""

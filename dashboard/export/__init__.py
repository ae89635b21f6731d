"""Figures, labels and reports as files."""

"""Comparisons of criteria: which one finds the wrong labels, with intervals."""

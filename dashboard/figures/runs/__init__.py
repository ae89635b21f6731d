"""Figures of noise and of several runs."""

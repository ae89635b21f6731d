"""Losses and weights of a training step (torch)."""

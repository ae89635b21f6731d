"""Figures of learning order, replayed weights and the timeline."""

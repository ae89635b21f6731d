"""Brightness, contrast and duplicates of pictures."""

"""The run folder: its files and columns, how they are written whole, and how they are read."""

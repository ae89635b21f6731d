"""The run folder: its files and columns, writing a file whole, reading a run."""

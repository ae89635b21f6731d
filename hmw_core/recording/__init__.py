"""The logger: from the batches of an epoch to its files."""

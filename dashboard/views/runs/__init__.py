"""Pages that list, train and compare runs."""

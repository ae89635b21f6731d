"""What pages read of runs, kept until its files change; the same object for all: read only."""

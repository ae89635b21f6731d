"""Tables of one row a sample, and selections of samples compared."""

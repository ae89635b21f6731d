"""Several runs together: sweeps, proofs, seeds, and the numbers of the paper."""

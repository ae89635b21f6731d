"""Review by people: queue, estimate of remaining label errors, corrected labels."""

"""Review by people: the queue, the label errors left, corrected labels."""

"""The paper's figures and those of one run's training."""

"""Train a network on noisy labels and log every sample of every epoch."""

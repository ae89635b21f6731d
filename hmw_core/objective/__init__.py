"""The torch half: what a step sees, its losses and its weights."""

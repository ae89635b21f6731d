"""The learning rate by epoch."""

import math

STEPS = (0.5, 0.8)
"""Shares of the training after which `step` divides by ten: 125 and 200 of 250 epochs."""


def learning_rate(schedule: str, start: float, epoch: int, n_epochs: int) -> float:
    """Return the learning rate of an epoch, constant within it.

    Parameters
    ----------
    schedule : {"step", "cosine", "constant"}
    start : float
        Of the first epoch.
    epoch : int
        1-based.
    n_epochs : int

    Notes
    -----
    Source: README of HMW's released code for `step`; `cosine` falls to 0 after the last epoch.

    Examples
    --------
    >>> [round(learning_rate("step", 0.02, epoch, 250), 6) for epoch in (125, 126, 201)]
    [0.02, 0.002, 0.0002]
    """
    done = (epoch - 1) / n_epochs
    if schedule == "step":
        return start * 0.1 ** sum(done >= step for step in STEPS)
    if schedule == "cosine":
        return start * (1 + math.cos(math.pi * done)) / 2
    return start

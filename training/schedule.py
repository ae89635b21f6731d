"""The learning rate by epoch."""

import math
from collections.abc import Sequence

STEPS = (0.5, 0.8)
"""Where `step` falls by default: after 125 and 200 of 250 epochs."""
PERIOD = 1 / 15
"""Of `restarts` by default: 10 of 150 epochs."""
LINEAR_FROM = 0.4
"""Where `linear` begins to fall by default: after 80 of 200 epochs."""


def learning_rate(
    schedule: str,
    start: float,
    epoch: int,
    n_epochs: int,
    at: Sequence[float] = (),
    factor: float = 0.1,
) -> float:
    """Return the learning rate of an epoch, constant within it.

    Parameters
    ----------
    schedule : {"step", "cosine", "restarts", "linear", "exponential", "constant"}
    start : float
        Of the first epoch.
    epoch : int
        1-based.
    n_epochs : int
    at : sequence of float
        Shares of the training after which `step` falls, or after the first of which `linear`
        begins to fall or `restarts` begins anew. Default: `STEPS`, `LINEAR_FROM` or `PERIOD`.
    factor : float
        What `step` multiplies by; the share of `start` that `restarts` and `exponential` fall to.

    Notes
    -----
    Source: README of HMW's released code for `step`; Han et al. (NeurIPS 2018), Co-teaching, for
    `linear`; Loshchilov and Hutter (ICLR 2017) for `restarts`. `cosine` and `linear` would reach
    0 one epoch after the last, `exponential` and `restarts` their floor.

    Examples
    --------
    >>> [round(learning_rate("step", 0.02, epoch, 250), 6) for epoch in (125, 126, 201)]
    [0.02, 0.002, 0.0002]
    >>> {learning_rate("restarts", 0.02, epoch, 150) > 0.0199 for epoch in range(1, 150, 10)}
    {True}
    >>> [round(learning_rate("linear", 0.001, epoch, 200), 9) for epoch in (81, 141, 200)]
    [0.001, 0.0005, 8.333e-06]
    """
    done = (epoch - 1) / n_epochs
    if schedule == "step":
        return start * factor ** sum(done >= step for step in at or STEPS)
    if schedule == "cosine":
        return start * (1 + math.cos(math.pi * done)) / 2
    if schedule == "restarts":
        period = at[0] if at else PERIOD
        of_period = (done / period + 1e-9) % 1  # 50 / 150 is a little less than 5 x (1 / 15)
        return start * (factor + (1 - factor) * (1 + math.cos(math.pi * of_period)) / 2)
    if schedule == "exponential":
        return start * factor**done
    if schedule == "linear":
        begins = at[0] if at else LINEAR_FROM
        return start * min(1.0, (1 - done) / (1 - begins))
    return start

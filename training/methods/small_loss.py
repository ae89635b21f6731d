"""The small-loss trick: how many samples of a batch are kept in an epoch, and which.

Shared by Co-teaching and its relatives.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.errors import UsageError
from hmw_core.log.schema import MethodColumn
from training.config import RunConfig
from training.methods.arguments import NOISE_RATE

SMALL_LOSS = (
    NOISE_RATE,
    Argument(
        "gradual_epochs",
        10,
        2,
        1e6,
        "epochs",
        "until the dropped share of a batch has risen to the noise rate",
        whole=True,
        of_epochs=200,
    ),
    Argument("exponent", 1.0, 0.01, 10.0, "", "the share is noise_rate to this power"),
)
"""The arguments of a method that drops samples of large loss."""
KEPT = MethodColumn(
    "kept",
    unit="",
    range="true or false",
    meaning="whether the sample was picked, so that the network trained on it",
    dtype="bool",
    higher_means="clean",
    over="mean",
)
"""Of such a method, its column."""


def drop_rate(epoch: int, noise_rate: float, n_gradual: int, exponent: float = 1.0) -> float:
    """Return the share of a batch that is dropped in an epoch, 0 to `noise_rate` ** `exponent`.

    It rises in equal steps over `n_gradual` epochs. The released code counts them from 0 and
    trains from 1 on, so epoch 1 drops a ninth of the final rate where ten epochs are gradual.

    Notes
    -----
    Source: Han et al. (NeurIPS 2018), Algorithm 1, R(T); the steps as in the released code.

    Examples
    --------
    >>> [round(drop_rate(epoch, 0.5, 10), 4) for epoch in (0, 1, 2, 9, 10, 100)]
    [0.0, 0.0556, 0.1111, 0.5, 0.5, 0.5]
    """
    final = noise_rate**exponent
    return final if epoch >= n_gradual - 1 else final * epoch / (n_gradual - 1)


class SmallLossRate:
    """The drop rate of a run by epoch, from the method's arguments.

    Parameters
    ----------
    config : RunConfig
    args : mapping
        Values of `SMALL_LOSS`.
    noise_rate : float, optional
        In place of the one of `args`.

    Raises
    ------
    UsageError
        As `assumed_noise_rate`.
    """

    def __init__(
        self, config: RunConfig, args: Mapping[str, Any], noise_rate: float | None = None
    ) -> None:
        if noise_rate is None:
            noise_rate = assumed_noise_rate(config, args["noise_rate"])
        self.noise_rate = noise_rate
        self._gradual, self._exponent = args["gradual_epochs"], args["exponent"]

    def __call__(self, epoch: int) -> float:
        """Return `drop_rate` of an epoch."""
        return drop_rate(epoch, self.noise_rate, self._gradual, self._exponent)


def n_kept(n_samples: int, dropped: float) -> int:
    """Return how many samples of a batch are kept, at least one.

    Examples
    --------
    >>> [n_kept(10, dropped) for dropped in (0.0, 0.2, 0.25, 0.5, 0.9, 1.0)]
    [10, 8, 7, 5, 1, 1]
    """
    # The small number: (1 - 0.9) x 10 is 0.9999999999999998.
    return max(1, math.floor((1 - dropped) * n_samples + 1e-9))


def smallest(losses: Tensor, n: int) -> Tensor:
    """Return which samples have the `n` smallest losses, (B,) bool; of equal ones, the first."""
    kept = torch.zeros(len(losses), dtype=torch.bool, device=losses.device)
    kept[losses.argsort(stable=True)[:n]] = True
    return kept


def smallest_among(losses: Tensor, among: Tensor, dropped: float) -> tuple[Tensor, Tensor]:
    """Return which of some samples have the smallest losses, (B,) bool, and how many these are.

    Parameters
    ----------
    losses : Tensor of shape (B,)
    among : Tensor of shape (B,), bool
        The samples to choose from.
    dropped : float
        Share of them that is left out; one at least is kept, where there is one.

    Examples
    --------
    >>> among = torch.tensor([True, False, True, True])
    >>> smallest_among(torch.tensor([3.0, 0.0, 1.0, 2.0]), among, 0.5)
    (tensor([False, False,  True, False]), tensor(1))
    """
    n_among = among.sum()
    n = ((1 - dropped) * n_among + 1e-9).floor().long().clamp(min=1).minimum(n_among)
    order = losses.masked_fill(~among, torch.inf).argsort(stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    return among & (rank < n), n


def assumed_noise_rate(config: RunConfig, given: float | None) -> float:
    """Return the noise rate that a method is told: the one given, else the synthetic noise's.

    Raises
    ------
    UsageError
        If none is given and the labels are not made noisy by a rate.
    """
    if given is not None:
        return given
    if config.noise_rate == 0 or config.labels is not None:
        raise UsageError(
            f"method {config.method!r} drops as many samples as labels are wrong, and this data "
            "has no --noise-rate: say what you expect with --method-args noise_rate 0.2"
        )
    return config.noise_rate

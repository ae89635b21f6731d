"""D2L: when the features begin to fill more dimensions, the given labels are trusted less."""

import math

import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods import parts
from training.methods.base import Record, Sizes
from training.methods.best_so_far import evaluated
from training.methods.label_tables import METHOD_LABEL
from training.methods.one_network import OneNetwork, Step

N_BATCHES, MEASURED_BATCH = 10, 128  # the pictures that the network is measured on
N_NEIGHBOURS = 20
DEVIATIONS = 2.0  # above the mean of the window


class D2L(OneNetwork):
    """Dimensionality-driven learning: labels are trusted less once the dimension of features rises.

    A network that learns what pictures have in common presses them into few dimensions; learning
    wrong labels by heart needs more again. At the start of each epoch the mean local intrinsic
    dimensionality (LID) is measured on 1,280 plain pictures, in random batches of 128. Where it is
    more than two standard deviations above the mean of the last `window` epochs, the turn has
    come: the network is put back by an epoch, and from then on it trains on alpha x the given
    label + (1 - alpha) x its own prediction, with alpha = exp(-(epoch / epochs) x LID / smallest
    LID so far), anew each epoch. A run that is shorter than `initial_epochs` and `window` has no
    turn, and is plain cross entropy.

    What ours decides: the measurement at the start of an epoch already sees what the epoch before
    has done, so the network that is put back is the one measured before it; the optimizer keeps
    its momentum. Fewer than 1,280 samples are measured in as many whole batches as there are, and
    fewer than 128 in one. Neighbours without any distance, such as a picture's copies, do not
    count. The LID of each sample costs no pass of its own: it comes from its batch of the training
    pass, so small batches make it coarse. The source's code has since 2019 used symmetric cross
    entropy before the turn; the paper, and this, use cross entropy throughout.

    Source: Ma et al. (ICML 2018), Eqs. 4 and 8, Algorithm 1, and the released code.
    """

    arguments = (
        Argument(
            "initial_epochs",
            40,
            1,
            1e6,
            "epochs",
            "before the window; the turn comes after both",
            whole=True,
            of_epochs=120,
        ),
        Argument(
            "window",
            5,
            2,
            1000,
            "epochs",
            "whose mean and standard deviation the dimension must leave",
            whole=True,
        ),
    )
    changes_labels = True
    state = (
        MethodColumn(
            "lid",
            unit="dimensions",
            range=">= 0",
            meaning="local intrinsic dimensionality of the sample's features among its nearest 20 "
            "in its training batch; null where there are fewer than two",
            higher_means="mislabeled",
            over="mean",
        ),
        METHOD_LABEL,
    )
    metrics = (
        MethodMetric(
            "mean_lid",
            "dimensions",
            "mean local intrinsic dimensionality at the start of the epoch, plain pictures",
        ),
        MethodMetric("alpha", "", "share of the given label in what is trained on; 1 at first"),
    )
    lids: Tensor
    alpha: Tensor
    turning_epoch: Tensor
    mean_lid: float
    """Of the epoch that runs, measured anew in each."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.before = parts.new_network(config, sizes).requires_grad_(False)
        # On the CPU, where they are read; 0 where an epoch is still to come, or its LID is unknown.
        self.register_buffer("lids", torch.zeros(config.epochs, dtype=torch.float64))
        self.register_buffer("alpha", torch.ones((), dtype=torch.float64))
        self.register_buffer("turning_epoch", torch.zeros((), dtype=torch.int64))

    def n_passes(self, epoch: int) -> float:
        return 1.0 + n_measured(self.sizes.n_samples) / self.sizes.n_samples

    def stage(self, epoch: int) -> str:
        return "after the turn" if 0 < int(self.turning_epoch) <= epoch else "before the turn"

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.mean_lid = self._measured(data)
        self._look_for_the_turn(epoch)
        self.training_pass(data, record, self._step)

    def epoch_metrics(self) -> dict[str, float]:
        lid = self.mean_lid
        return {**({} if math.isnan(lid) else {"mean_lid": lid}), "alpha": float(self.alpha)}

    def facts(self) -> dict[str, int]:
        turn = int(self.turning_epoch)
        return {"turning_epoch": turn} if turn else {}

    def _look_for_the_turn(self, epoch: int) -> None:
        self.lids[epoch - 1] = 0.0 if math.isnan(self.mean_lid) else self.mean_lid
        past = [lid or math.nan for lid in self.lids[:epoch].tolist()]
        if not self.turning_epoch:
            if is_turn(past, self.args["initial_epochs"], self.args["window"]):
                self.turning_epoch.fill_(epoch)
                self.network.load_state_dict(self.before.state_dict())
            else:
                self.before.load_state_dict(self.network.state_dict())
        if self.turning_epoch and not math.isnan(past[-1]):
            self.alpha.fill_(share_of_given(past, self.config.epochs))

    @torch.no_grad()
    def _measured(self, data: EpochData) -> float:
        """Return the mean LID of random plain pictures; NaN where it is unknown."""
        places = torch.randperm(len(data.training_id), generator=data.generator)
        places = places[: n_measured(len(places))]
        rows = data.training_id[places]
        features = [out.features for out, _ in evaluated(self.network, data, rows)]
        batches = torch.cat(features).split(MEASURED_BATCH)
        found = torch.cat([local_dimensionality(batch) for batch in batches])
        return float(found.nanmean())

    def _step(self, out: Forward, batch: Batch) -> Step:
        log_probs = out.loss_logits(self.config.normalize_logits).log_softmax(dim=1)
        predicted = log_probs.argmax(dim=1)
        alpha = float(self.alpha)
        losses = mixed_loss(log_probs, batch.given_label, predicted, alpha)
        state = {
            "lid": local_dimensionality(out.features.detach().float()),
            "method_label": batch.given_label if alpha >= 0.5 else predicted,
        }
        return Step(losses, state=state)


def n_measured(n_samples: int) -> int:
    """Return how many of so many samples are measured: whole batches, at most ten.

    Examples
    --------
    >>> [n_measured(n) for n in (1, 100, 200, 1300, 50_000)]
    [1, 100, 128, 1280, 1280]
    """
    if n_samples < MEASURED_BATCH:
        return n_samples
    return MEASURED_BATCH * min(N_BATCHES, n_samples // MEASURED_BATCH)


def local_dimensionality(features: Tensor, n_neighbours: int = N_NEIGHBOURS) -> Tensor:
    """Return the local intrinsic dimensionality of samples among each other.

    Parameters
    ----------
    features : Tensor of shape (B, D)
    n_neighbours : int
        k, at most B - 1.

    Returns
    -------
    Tensor of shape (B,), float32
        ``-1 / mean_j log(r_j / r_k)`` over the distances r_1 <= .. <= r_k of the nearest, >= 0.
        Neighbours at no distance are left out of the mean. NaN where fewer than two neighbours
        have a distance, or all have the same: the dimension would be infinite.

    Notes
    -----
    Source: Ma et al. (ICML 2018), Eq. 4, the estimator of Amsaleg et al. (KDD 2015).

    Examples
    --------
    >>> local_dimensionality(torch.tensor([[0.0], [1.0], [3.0]]))
    tensor([1.8205, 2.8854, 4.9326])
    """
    n = min(n_neighbours, len(features) - 1)
    if n < 2:
        return torch.full((len(features),), torch.nan, device=features.device)
    # Not by matrix products, which give copies of a picture a small distance.
    distances = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    distances.fill_diagonal_(-1.0)  # so that a sample, not its copy, is its own first neighbour
    nearest = distances.topk(n + 1, largest=False, sorted=True).values[:, 1:]  # (B, k)
    apart = nearest > 0
    logs = (nearest / nearest[:, -1:]).log().where(apart, 0.0)
    mean = logs.sum(dim=1) / apart.sum(dim=1)
    return torch.where(mean < 0, -1 / mean, torch.nan)


def is_turn(lids: list[float], n_initial: int, window: int) -> bool:
    """Return whether the last of the mean LIDs so far leaves the window before it.

    Examples
    --------
    >>> [is_turn([9, 8, 8, 8.2, 7.8, last], 2, 3) for last in (8.3, 8.4)]
    [False, True]
    """
    if len(lids) <= n_initial + window:
        return False
    before = torch.tensor(lids[-window - 1 : -1], dtype=torch.float64)
    return bool(lids[-1] - before.mean() > DEVIATIONS * before.std(correction=0))


def share_of_given(lids: list[float], n_epochs: int) -> float:
    """Return alpha, the share of the given label, in (0, 1]; the last LID so far is known.

    Notes
    -----
    Source: Ma et al. (ICML 2018), Eq. 8; epochs count from 0, as in the released code.
    """
    smallest = min(lid for lid in lids if not math.isnan(lid))
    return math.exp(-(len(lids) - 1) / n_epochs * lids[-1] / smallest)


def mixed_loss(log_probs: Tensor, given_label: Tensor, predicted: Tensor, alpha: float) -> Tensor:
    """Return cross entropy (B,) with alpha x the given label + (1 - alpha) x the predicted one."""
    given = log_probs.gather(1, given_label[:, None])[:, 0]
    own = log_probs.gather(1, predicted[:, None])[:, 0]
    return -(alpha * given + (1 - alpha) * own)

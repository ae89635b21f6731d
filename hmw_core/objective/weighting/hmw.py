"""Hyperspherical Margin Weighting: the paper's weight, and the variants its text leaves open.

Shape letters: B samples of a batch, C classes, D features, N samples of the training set.
`hmw_core.margins` holds the same slices in numpy, one table at a time; a parity test ties the two.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hmw_core.catalogue import Choice
from hmw_core.errors import UsageError
from hmw_core.margins import SMALLEST_LENGTH, HMSettings, annealing_coefficient, check_k


def cosine_to_classes(features: Tensor, class_vectors: Tensor) -> Tensor:
    """Return the cosine between each sample's features and each class vector, (B, C), in [-1, 1].

    Computed in float32 even under autocast, because the slice multiplies differences of cosines
    by 50 or more; for the same reason leave TF32 off. A zero vector has cosine 0 to everything.
    Gradients flow: call it under ``torch.no_grad()`` when it only feeds a weight or the log.

    Notes
    -----
    Source: HMW (AAAI-24), Eq. 10.
    """
    with torch.autocast(features.device.type, enabled=False):
        features, class_vectors = features.float(), class_vectors.float()
        lengths = torch.linalg.vector_norm(features, dim=1, keepdim=True)  # (B, 1)
        class_lengths = torch.linalg.vector_norm(class_vectors, dim=1)  # (C,)
        product = features @ class_vectors.T / lengths.clamp(min=SMALLEST_LENGTH)
        return product / class_lengths.clamp(min=SMALLEST_LENGTH)


class TopValues(NamedTuple):
    """As `margins.TopValues`, in torch; each field has shape (B,)."""

    given: Tensor
    other: Tensor
    topk: Tensor
    other_label: Tensor


def top_values(values: Tensor, given_label: Tensor, k: int = 1) -> TopValues:
    """Return the given, the largest other and the mean of the next `k` values of each row.

    Parameters
    ----------
    values : Tensor of shape (B, C)
        Logits or cosines: whatever is larger for a likelier class.
    given_label : Tensor of shape (B,), int64
    k : int
        As `margins.top_values`', and so is what becomes of values that are not finite.
    """
    label = given_label[:, None]
    given = values.gather(1, label)[:, 0]
    n_nearest = min(k + 1, values.shape[1] - 1)
    nearest, classes = values.scatter(1, label, -torch.inf).topk(n_nearest)
    # A row whose other classes are all -inf (masked classes) must still not name the given one.
    first = classes[:, 0]
    other_label = torch.where(first == given_label, (given_label == 0).long(), first)
    if n_nearest == 1:
        return TopValues(given, nearest[:, 0], torch.full_like(given, torch.nan), other_label)
    other, topk = nearest[:, 0], nearest[:, 1]
    if k > 1:  # the mean of those that are not ruled out
        is_allowed = ~nearest[:, 1:].isinf()
        topk = torch.where(is_allowed, nearest[:, 1:], 0.0).sum(dim=1) / is_allowed.sum(dim=1)
    topk = topk + 0 * (given + other + topk)  # NaN where one of them is not finite
    return TopValues(given, other, topk, other_label)


class HMWeighting(nn.Module):
    """HMW: the annealed running mean of hyperspherical margin slices; in (0, 1], high for clean.

    The softmax over epochs of Eq. 8 cancels against a running sum, so each sample needs two
    numbers (N floats twice) instead of a table of all epochs. Both sums are kept per sample: one
    that is missed in an epoch (drop-last, a sampler) simply has no slice for it, and one drawn
    twice has two. With every sample once an epoch this is the paper's table exactly. A slice that
    is not finite (an overflowed cosine) is none: the sums stay as they are, and a sample without
    any so far weighs 1.

    Parameters
    ----------
    n_samples : int
        Size N of the training set.
    n_epochs : int
        Horizon T of the annealing: the planned length of the training.
    alpha, beta, k, annealing_start
        See `margins.HMSettings`.
    warmup_epochs : int
        Epochs whose weight is 1 while slices are already recorded (paper 0; code 10, and 30 on
        CIFAR-100). The warm-up slices carry the largest annealing coefficients.
    history : {"ca", "uniform_mean", "current"}
        Cosine annealing over the epochs, their plain mean, or this epoch's slice alone (what the
        code does with annealing off).
    terms : {"both", "aum", "tkum"}
        Which terms of Eq. 12 enter. The factor 1/2 of Eq. 12 counts with both only, as in the
        code.
    mixed : {"gated", "ungated", "history"}
        How a method that mixes pictures weighs them. The first two are `mixed.both_label_weight`;
        the released code has the first one. The third has the history over epochs that the
        paper's text describes.

    Raises
    ------
    UsageError
        If a parameter is out of range; at the first call also if `k` is too large for the number
        of classes, or TKUM is asked for with two (choose ``terms="aum"`` there).

    Source: HMW (AAAI-24), Eqs. 7-9, 11-13; the variants follow the released code.
    """

    arguments = (
        Choice(
            "history",
            "ca",
            ("ca", "uniform_mean", "current"),
            "cosine annealing over the epochs (Eq. 9), their plain mean, or this epoch alone",
        ),
        Choice("terms", "both", ("both", "aum", "tkum"), "which terms of Eq. 12 enter"),
        Choice(
            "mixed",
            "gated",
            ("gated", "ungated", "history"),
            "of a picture mixed of two: its own weight against both labels, with the gate of the "
            "authors' code or without, or both samples' weights from earlier epochs, by share",
        ),
    )
    slice_sum: Tensor
    coefficient_sum: Tensor

    def __init__(
        self,
        n_samples: int,
        n_epochs: int,
        alpha: float = 100.0,
        beta: float = 100.0,
        k: int = 1,
        annealing_start: int = 1,
        warmup_epochs: int = 0,
        *,
        history: str = "ca",
        terms: str = "both",
        mixed: str = "gated",
    ) -> None:
        super().__init__()
        self.settings = HMSettings(alpha, beta, k, annealing_start)
        annealing_coefficient(1, n_epochs, annealing_start)  # refuses a bad horizon
        if not warmup_epochs >= 0:
            raise UsageError(f"hmw needs warmup_epochs >= 0, got {warmup_epochs}")
        for choice, given in zip(self.arguments, (history, terms, mixed), strict=True):
            _accept(choice.name, given, choice.accepted)
        self.n_epochs = n_epochs
        self.warmup_epochs = warmup_epochs
        self.history = history
        self.terms = terms
        self.mixed = mixed
        self.register_buffer("slice_sum", torch.zeros(n_samples))
        self.register_buffer("coefficient_sum", torch.zeros(n_samples))

    def check_classes(self, n_classes: int) -> None:
        """Refuse a number of classes that the terms and `k` cannot be computed with.

        Raises
        ------
        UsageError
            See the class.
        """
        if self.terms == "aum":
            check_k(1, n_classes)
        elif n_classes == 2:
            raise UsageError(
                f"hmw with terms={self.terms!r} needs at least 3 classes, because TKUM compares "
                'two classes beside the given one; with 2 use terms="aum"'
            )
        else:
            self.settings.check(n_classes)

    @torch.no_grad()
    def forward(self, cosine: Tensor, given_label: Tensor, sample_id: Tensor, epoch: int) -> Tensor:
        slices = self.slices(cosine, given_label)
        if self.history == "current":
            weight = slices
        else:
            weight = self._running_mean(slices, sample_id, epoch)
        if epoch <= self.warmup_epochs:
            return torch.ones_like(weight)
        return torch.where(weight.isnan(), 1.0, weight)

    def slices(self, cosine: Tensor, given_label: Tensor) -> Tensor:
        """Return this forward pass's slice S_h of Eq. 12, (B,), without recording it."""
        self.check_classes(cosine.shape[1])
        near = top_values(cosine.float(), given_label, self.settings.k)
        return hm_slice(near, self.settings, self.terms)

    def coefficient(self, epoch: int) -> float:
        """Return what a slice of this epoch counts for in the running sums, > 0."""
        if self.history != "ca":
            return 1.0
        return _coefficient(epoch, self.n_epochs, self.settings.annealing_start)

    def _running_mean(self, slices: Tensor, sample_id: Tensor, epoch: int) -> Tensor:
        coefficient = self.coefficient(epoch)
        # index_add_ keeps both visits of a sample that a batch holds twice; += would lose one.
        is_known = slices.isfinite()
        known = torch.where(is_known, slices, 0.0)
        self.slice_sum.index_add_(0, sample_id, known, alpha=coefficient)
        self.coefficient_sum.index_add_(0, sample_id, is_known.to(known.dtype), alpha=coefficient)
        return self.slice_sum[sample_id] / self.coefficient_sum[sample_id]


def hm_slice(cosine: TopValues, settings: HMSettings, terms: str = "both") -> Tensor:
    """Return Eq. 12's slice, (B,), in (0, 1], from the cosines that it needs.

    A difference of distances is half the difference of the cosines, with the other sign (Eq. 11).
    Without a next class (see `top_values`) the AUM term stands alone; where the margin is not
    finite the slice is NaN.
    """
    margin = cosine.given - cosine.other
    aum_term = torch.sigmoid(margin * (settings.alpha / 2))
    if terms == "aum":
        total = aum_term
    else:
        tkum_term = torch.exp((cosine.topk - cosine.other) * (settings.beta / 2))
        both = (aum_term + tkum_term) * 0.5
        total = tkum_term if terms == "tkum" else torch.where(tkum_term.isnan(), aum_term, both)
    total = torch.where(margin.isfinite(), total, torch.nan)
    return total.clamp(min=torch.finfo(total.dtype).tiny)  # no underflow to 0


@lru_cache  # the same for every step of an epoch
def _coefficient(epoch: int, n_epochs: int, start: int) -> float:
    return float(annealing_coefficient(epoch, n_epochs, start))


def _accept(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise UsageError(f"hmw does not know {name}={value!r}; accepted: {', '.join(accepted)}")

"""Hyperspherical Margin Weighting: the paper's weight, and the variants its text leaves open.

Shape letters: B samples of a batch, C classes, D features, N samples of the training set.
`hmw_core.margins` holds the same slices in numpy, one table at a time; a parity test ties the two.
"""

from functools import lru_cache

import torch
from torch import Tensor, nn

from hmw_core.errors import UsageError
from hmw_core.margins import SMALLEST_LENGTH, annealing_coefficient, check_k


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


class HMWeighting(nn.Module):
    """HMW: the annealed running mean of hyperspherical margin slices; in (0, 1], high for clean.

    The softmax over epochs of Eq. 8 cancels against a running sum, so each sample needs two
    numbers (N floats twice) instead of a table of all epochs. Both sums are kept per sample: one
    that is missed in an epoch (drop-last, a sampler) simply has no slice for it, and one drawn
    twice has two. With every sample once an epoch this is the paper's table exactly.

    Parameters
    ----------
    n_samples : int
        Size N of the training set.
    n_epochs : int
        Horizon T of the annealing: the planned length of the training.
    alpha, beta : float
        Steepness of the AUM term ``sigmoid(-alpha M)`` and of the TKUM term ``exp(beta U)``, >= 0.
    k : int
        How many classes after the nearest other one TKUM averages, ``1..C-2``.
    annealing_start : {1, 0}
        Index of the first epoch in Eq. 9: 1 in the paper, 0 in the authors' code.
    warmup_epochs : int
        Epochs whose weight is 1 while slices are already recorded (paper 0; code 10, and 30 on
        CIFAR-100). The warm-up slices carry the largest annealing coefficients.
    history : {"ca", "uniform_mean", "current"}
        Cosine annealing over the epochs, their plain mean, or this epoch's slice alone (what the
        code does with annealing off).
    space : {"cosine", "softmax", "logits"}
        What is measured between sample and class. Cosine: ``(1 - cos) / 2`` (Eq. 11). Softmax:
        minus the probability (the code's ``if_spherical = 0``). Logits: minus the logit, squashed
        like the others, because Eq. 4's linear slice can be negative and so is no weight.
    terms : {"both", "aum", "tkum"}
        Which terms of Eq. 12 enter.
    halve : bool or None
        Whether the factor 1/2 of Eq. 12 stands. None: with both terms yes, with one no (as the
        code). False with both terms makes the range (0, 2].
    weight_norm : {"none", "mean1_batch"}
        "mean1_batch" divides by the batch mean, so that the effective step size is kept.

    Raises
    ------
    UsageError
        If a parameter is out of range; at the first call also if `k` is too large for the number
        of classes, or TKUM is asked for with two (choose ``terms="aum"`` there).

    Source: HMW (AAAI-24), Eqs. 7-9, 11-13; the variants follow the released code or name it.
    """

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
        space: str = "cosine",
        terms: str = "both",
        halve: bool | None = None,
        weight_norm: str = "none",
    ) -> None:
        super().__init__()
        annealing_coefficient(1, n_epochs, annealing_start)  # refuses a bad horizon or start
        for name, value in {"alpha": alpha, "beta": beta, "warmup_epochs": warmup_epochs}.items():
            if not value >= 0:
                raise UsageError(f"hmw needs {name} >= 0, got {value}")
        if k < 1:
            raise UsageError(f"hmw needs k >= 1, got {k}")
        _accept("history", history, ("ca", "uniform_mean", "current"))
        _accept("space", space, ("cosine", "softmax", "logits"))
        _accept("terms", terms, ("both", "aum", "tkum"))
        _accept("weight_norm", weight_norm, ("none", "mean1_batch"))
        self.n_epochs = n_epochs
        self.alpha = alpha
        self.beta = beta
        self.k = k
        self.annealing_start = annealing_start
        self.warmup_epochs = warmup_epochs
        self.history = history
        self.space = space
        self.terms = terms
        self.factor = 0.5 if (terms == "both" if halve is None else halve) else 1.0
        self.weight_norm = weight_norm
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
            check_k(self.k, n_classes)

    @torch.no_grad()
    def forward(
        self, similarity: Tensor, given_label: Tensor, sample_id: Tensor, epoch: int
    ) -> Tensor:
        slices = self.slices(similarity, given_label)
        if self.history == "current":
            weight = slices
        else:
            weight = self._running_mean(slices, sample_id, epoch)
        if epoch <= self.warmup_epochs:
            return torch.ones_like(weight)
        if self.weight_norm == "mean1_batch":
            weight = weight / weight.mean()
        return weight

    def slices(self, similarity: Tensor, given_label: Tensor) -> Tensor:
        """Return this forward pass's slice S_h of Eq. 12, (B,), without recording it."""
        self.check_classes(similarity.shape[1])
        nearness, unit = self._nearness(similarity.float())  # (B, C)
        label = given_label[:, None]
        n_nearest = 1 if self.terms == "aum" else self.k + 1
        given = nearness.gather(1, label)[:, 0]
        nearest = nearness.scatter(1, label, -torch.inf).topk(n_nearest).values
        other = nearest[:, 0]
        terms = []
        if self.terms != "tkum":
            terms.append(torch.sigmoid((given - other).mul_(self.alpha * unit)))
        if self.terms != "aum":
            topk = nearest[:, 1] if self.k == 1 else nearest[:, 1:].mean(dim=1)
            terms.append(torch.exp((topk - other).mul_(self.beta * unit)))
        total = terms[0] if len(terms) == 1 else terms[0] + terms[1]
        return (self.factor * total).clamp(min=torch.finfo(total.dtype).tiny)  # no underflow to 0

    def coefficient(self, epoch: int) -> float:
        """Return what a slice of this epoch counts for in the running sums, > 0."""
        if self.history != "ca":
            return 1.0
        return _coefficient(epoch, self.n_epochs, self.annealing_start)

    def _nearness(self, similarity: Tensor) -> tuple[Tensor, float]:
        """Return minus the distance up to a constant, and how much distance one of it is."""
        if self.space == "cosine":
            return similarity, 0.5  # the distance is (1 - similarity) / 2
        return (similarity.softmax(dim=1) if self.space == "softmax" else similarity), 1.0

    def _running_mean(self, slices: Tensor, sample_id: Tensor, epoch: int) -> Tensor:
        coefficient = self.coefficient(epoch)
        # index_add_ keeps both visits of a sample that a batch holds twice; += would lose one.
        self.slice_sum.index_add_(0, sample_id, slices, alpha=coefficient)
        self.coefficient_sum.index_add_(0, sample_id, torch.ones_like(slices), alpha=coefficient)
        return self.slice_sum[sample_id] / self.coefficient_sum[sample_id]


@lru_cache  # the same for every step of an epoch
def _coefficient(epoch: int, n_epochs: int, start: int) -> float:
    return float(annealing_coefficient(epoch, n_epochs, start))


def _accept(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise UsageError(f"hmw does not know {name}={value!r}; accepted: {', '.join(accepted)}")

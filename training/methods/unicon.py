"""UNICON: uniform selection of clean samples, MixMatch, and contrast of the others."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hmw_core.catalogue import Argument, Choice
from hmw_core.log.schema import MethodColumn
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Record, Sizes
from training.methods.class_ranks import rank_in_class
from training.methods.contrast import Projection, nt_xent
from training.methods.semi_supervised import SemiSupervised

N_PROJECTED = 128
NATS_OF_A_BIT = math.log(2)
SURE = 0.5  # divergence below which a given label is believed altogether
VIEWS = ("weak", "weak", "strong", "strong")
GROUPS = ("labelled", "unlabelled")


class Selection(NamedTuple):
    """Which samples are labelled, and how far their labels are believed; (N,) each."""

    divergence: Tensor
    rank: Tensor
    """Place among the samples of the same given label by divergence, from 0."""
    is_labelled: Tensor
    trust: Tensor
    share: float
    """Of all samples, the part whose divergence lies below the threshold."""


class UNICON(SemiSupervised):
    """UNICON: of every class, as many samples of small divergence are labelled, the rest is not.

    After a warm-up with cross entropy, the Jensen-Shannon divergence of both networks' mean
    prediction from the given label decides, anew before each network's pass. Labelled samples are
    refined, the others guessed from weak views; both are mixed in strong views, and the unlabelled
    ones are also contrasted: their two strong views are to be alike in a projection.

    The divergence is taken in evaluation mode, of all samples; the released code leaves batch norm
    in training mode there and never visits the last ones. Its selection has exactly as many samples
    of a class as there are, without repetitions. The pass that ends an epoch is logged. It selects
    for the first network's next pass; once that network has trained, it is evaluated again, and
    the second network has a selection of its own. A class without enough samples is labelled
    whole. Without a labelled sample an epoch is one of cross entropy; without an unlabelled one
    nothing is contrasted.

    In nats the divergence is at most 0.69, so that `max_threshold` at its default of 0.7 changes
    nothing, as in the released code; in bits it does. Both numbers, and the 0.5 below which a label
    is believed altogether, are in the unit chosen.

    With `--normalize-logits` logits are normalised in the warm-up only, as HMW's released code does
    with UNICON. A weighting multiplies the loss of labelled and of guessed mixed pictures.

    Source: Karim et al. (CVPR 2022), and the released code; with weights HMW's at 9e4f5ed.
    """

    arguments = (
        Argument("warmup_epochs", 10, 1, 1e6, "epochs", "of cross entropy", whole=True),
        Argument("lambda_u", 30.0, 0.0, 1e4, "", "weight of the unlabelled loss"),
        Argument("ramp_epochs", 16, 1, 1e6, "epochs", "until lambda_u is reached", whole=True),
        Argument("lambda_c", 0.025, 0.0, 1e4, "", "weight of the contrastive loss"),
        Argument("contrast_temperature", 0.05, 0.001, 10.0, "", "of the contrastive loss"),
        Argument("temperature", 0.5, 0.01, 10.0, "", "of the sharpened labels"),
        Argument("mixup_alpha", 4.0, 0.01, 100.0, "", "of the beta distribution of mixtures"),
        Choice("jsd_unit", "nat", ("nat", "bit"), "of the divergence and of both numbers below"),
        Argument(
            "max_threshold", 0.7, 0.0, 1.0, "", "mean divergence above which it is brought down"
        ),
        Argument(
            "tau", 5.0, 1.0, 1e4, "", "how little: by 1 / tau of its distance to the smallest"
        ),
    )
    state = (
        MethodColumn(
            "jsd",
            unit="nat or bit",
            range="[0, 1]",
            meaning="divergence of both networks' mean prediction from the given label",
            higher_means="mislabeled",
        ),
        MethodColumn(
            "jsd_rank",
            unit="share",
            range="[0, 1)",
            meaning="place of the divergence among the samples of the same given label",
            higher_means="mislabeled",
        ),
        MethodColumn(
            "group",
            unit="category",
            range="labelled, unlabelled",
            meaning="whether the next epoch uses the given label",
            dtype="int32",
            categories=GROUPS,
        ),
        MethodColumn(
            "label_trust",
            unit="share",
            range="[0, 1]",
            meaning="how far the given label would be believed if it is used",
        ),
    )
    weighs_guesses = True
    probs: Tensor
    """(2, N, C), of both networks as evaluated last."""
    n_labelled: Tensor

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)

        def projection() -> nn.Module:
            n_features = self.network(0).backbone.n_features
            return Projection(n_features, N_PROJECTED, with_norm=True).to(sizes.device)

        self.projections = parts.module_list(projection, 2)
        for optimizer, head in zip(self.optimizers, self.projections, strict=True):
            optimizer.add_param_group({"params": head.parameters()})
        nothing = torch.full((2, sizes.n_samples, sizes.n_classes), 1 / sizes.n_classes)
        self.register_buffer("probs", nothing.to(sizes.device))
        self.register_buffer("n_labelled", torch.zeros((), dtype=torch.int64))

    def n_passes(self, epoch: int) -> float:
        n = self.sizes.n_samples
        if epoch <= self.args["warmup_epochs"]:
            return 4.0  # both networks train, and both are evaluated
        size, n_labelled = max(1, self.config.batch_size // 2), int(self.n_labelled)
        if n_labelled == 0:
            return 5.0
        n_steps = max(1, n_labelled // size)
        n_guessed = min(size * n / (2 * n_labelled), n - n_labelled) * n_steps
        return 3.0 + 2 * len(VIEWS) * (n_steps * min(size, n_labelled) + n_guessed) / n

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        for place in (0, 1):
            if epoch <= self.args["warmup_epochs"]:
                self.warm_up(place, data)
                continue
            if place == 1:  # of the second network the last epoch's pass still holds
                self._predict_all(0, data, None)
            chosen = self._select(data.given_label)
            size = int(max(1, data.batch_size // 2) / (2 * max(chosen.share, 1e-9)))
            self.train_split(
                place, data, chosen.is_labelled, chosen.trust, VIEWS, max(1, size), whole=True
            )
        for place in (0, 1):
            self._predict_all(place, data, record)
        chosen = self._select(data.given_label)
        self.n_labelled.fill_(chosen.is_labelled.sum())
        sizes = torch.bincount(data.given_label, minlength=self.sizes.n_classes)
        state = {
            "jsd": chosen.divergence,
            "jsd_rank": chosen.rank / sizes[data.given_label],
            "group": (~chosen.is_labelled).int(),
            "label_trust": chosen.trust,
        }
        everyone = torch.arange(data.n_samples, device=chosen.rank.device)
        for network in (1, 2):
            record(everyone, None, network=network, state=state)

    def _predict_all(self, place: int, data: EpochData, record: Record | None) -> None:
        """Keep what a network says of all samples, and log it where there is a record."""
        for batch, out, _ in self.evaluate(place, data, record):
            self.probs[place, batch.sample_id] = out.logits.softmax(dim=1)

    def _select(self, given_label: Tensor) -> Selection:
        found = divergence(self.probs.mean(dim=0), given_label, self.args["jsd_unit"])
        limits = self.args["max_threshold"], self.args["tau"]
        return selection(found, given_label, self.sizes.n_classes, *limits)

    def added_objective(self, place: int, views: Sequence[Tensor]) -> Tensor:
        with autocast(self.sizes.device):
            features = self.network(place)(torch.cat([*views])).features
        first, second = self.projections[place].train()(features).chunk(2)
        contrast = nt_xent(first, second, self.args["contrast_temperature"])
        return self.args["lambda_c"] * contrast


def divergence(probs: Tensor, given_label: Tensor, unit: str = "nat") -> Tensor:
    """Return the Jensen-Shannon divergence of probabilities (B, C) from given labels, (B,).

    Of a label it depends on the label's own probability alone: 0 at 1, and at 0 the largest, ln 2
    nats or 1 bit.

    Examples
    --------
    >>> divergence(torch.tensor([[0.5, 0.3, 0.2]]), torch.tensor([0]), "bit")
    tensor([0.3113])
    """
    p = probs.gather(1, given_label[:, None])[:, 0]
    mean = (1 + p) / 2
    found = ((1 - p) * NATS_OF_A_BIT + torch.xlogy(p, p / mean) - mean.log()) / 2
    return (found / NATS_OF_A_BIT if unit == "bit" else found).clamp(min=0)


def selection(
    divergence: Tensor,
    given_label: Tensor,
    n_classes: int,
    max_threshold: float = 0.7,
    tau: float = 5.0,
) -> Selection:
    """Return which samples are labelled: of each given class, as many of smallest divergence.

    As many as lie below the mean divergence, divided by the number of classes. A mean above
    `max_threshold` is first brought down by 1 / tau of its distance to the smallest.

    Parameters
    ----------
    divergence : Tensor of shape (N,)
        In the unit of `max_threshold`.
    given_label : Tensor of shape (N,), int64
    n_classes : int
    max_threshold, tau : float

    Notes
    -----
    Source: Karim et al. (CVPR 2022), UNICON, Eqs. 4 and 5 and Algorithm 1. Of divergences that are
    the same, the smaller row comes first.
    """
    threshold = divergence.mean()
    lowered = threshold - (threshold - divergence.min()) / tau
    threshold = torch.where(threshold > max_threshold, lowered, threshold)
    n_below = int((divergence < threshold).sum())
    rank = rank_in_class(divergence, given_label, n_classes)
    trust = torch.where(divergence >= SURE, 1 - divergence, 1.0)
    share = n_below / len(divergence)
    return Selection(divergence, rank, rank < n_below // n_classes, trust, share)

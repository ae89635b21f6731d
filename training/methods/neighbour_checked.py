"""What MOIT and Sel-CL share: an embedding whose neighbours check the given labels.

Shape letters: B samples of a batch, C classes, N samples of the training set, P of the embedding,
A anchors, K keys.
"""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.augment import Policy
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import mixmatch, parts
from training.methods.base import Method, Record, Sizes
from training.methods.best_so_far import evaluated
from training.methods.contrast import Projection, contrastive_loss
from training.methods.mixed_weight import MixedWeighting
from training.methods.neighbour_votes import agreeing, balanced_clean_set, nearest, two_pass_votes

CONTRAST: Policy = ("weak", "resized_crop", "colour_jitter", "greyscale")
"""The views of both methods. Theirs flip every picture and do not shift it before the crop; `weak`
does what the data set allows, so that digits are not mirrored."""
N_EMBEDDED = 128  # P
N_NEIGHBOURS = 250

NEIGHBOURS = Argument(
    "neighbours",
    None,
    1,
    1e6,
    "samples",
    f"that vote on a label; by default {N_NEIGHBOURS}, or half the mean size of a class where "
    "that is fewer",
    whole=True,
)
"""On CIFAR-100 the 250 of the source are half a class, the most that it tried."""
TEMPERATURE = Argument("temperature", 0.1, 0.001, 100.0, "", "of the contrastive loss")
MIXUP_ALPHA = Argument("mixup_alpha", 1.0, 0.01, 100.0, "", "of the beta distribution of mixtures")


def memory_arguments(per_class: int, published: int) -> tuple[Argument, Argument]:
    """Return how past embeddings are kept, scaled from a training of so many epochs."""
    return (
        Argument(
            "memory_epoch",
            4,
            1,
            1e6,
            "epochs",
            "from which on past embeddings are contrasted with, too",
            whole=True,
            of_epochs=published,
        ),
        Argument(
            "memory_per_class",
            per_class,
            1,
            1e5,
            "samples",
            "mean number whose two views are remembered",
            whole=True,
        ),
    )


KNN_AGREEMENT = MethodColumn(
    "knn_agreement",
    unit="",
    range="[0, 1]",
    meaning="share of the sample's nearest neighbours whose label, corrected by their own "
    "neighbours, is its given one",
    higher_means="clean",
)


class NeighbourChecked(Method):
    """One network with an embedding beside its classifier; neighbours in it check the labels."""

    has_own_loss = True
    pass_name = "evaluation"
    agreement: Tensor
    """(N,), see `KNN_AGREEMENT`; of the last check, as are the next three."""
    agrees: Tensor
    """(N,), bool: no other label has more votes than the given one."""
    better_label: Tensor
    """(N,), int64: the given one of those that agree or are in the clean set, else that of most
    votes."""
    is_clean: Tensor
    """(N,), bool: in the balanced clean set; all are before the first check."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.weighting = MixedWeighting(config, sizes)
        self.network = parts.new_network(config, sizes)
        self.projection = Projection(self.network.backbone.n_features, N_EMBEDDED)
        self.projection.to(sizes.device)
        self.optimizers = [
            parts.new_optimizer(config, [*self.network.parameters(), *self.projection.parameters()])
        ]
        if self.args["neighbours"] is None:
            half = sizes.n_samples // (2 * sizes.n_classes)
            self.args["neighbours"] = min(N_NEIGHBOURS, max(half, 1))
        nobody = torch.zeros(sizes.n_samples, device=sizes.device)
        self.register_buffer("agreement", nobody)
        self.register_buffer("better_label", nobody.long())
        for name in ("agrees", "is_clean"):
            self.register_buffer(name, nobody == 0)

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction([self.network], images)

    def embed(self, images: Tensor) -> tuple[Forward, Tensor]:
        """Return the pass of pictures, and their embeddings (B, P) of length 1."""
        with autocast(self.sizes.device):
            out = self.network(images)
        return out, self.projection(out.features)

    def one_hot(self, label: Tensor) -> Tensor:
        """Return labels (B,) as targets (B, C)."""
        return F.one_hot(label, self.sizes.n_classes).float()

    def soft_losses(self, out: Forward, targets: Tensor) -> Tensor:
        """Return the cross entropy (B,) with targets (B, C), nat, with gradient."""
        return mixmatch.soft_cross_entropy(out.loss_logits(self.config.normalize_logits), targets)

    def mixtures(
        self, views: Sequence[Tensor], targets: Tensor, data: EpochData
    ) -> list[mixmatch.Mixture]:
        """Return views of the same pictures with targets (B, X), each mixed with its own others."""
        return [mixmatch.mixed(v, targets, self.args["mixup_alpha"], data.rng) for v in views]

    def factor(
        self,
        out: Forward,
        batch: Batch,
        mixtures: Sequence[mixmatch.Mixture],
        is_labelled: Tensor | None = None,
    ) -> Tensor:
        """Return the weighting's factor on the labelled part of mixed views, (V B,).

        `out` is the pass of all views below one another; `is_labelled` (B,) as of `of_mixed`.
        """
        target, size = self.one_hot(batch.given_label), len(batch.sample_id)
        factors = []
        for logits, features, m in zip(
            out.logits.split(size), out.features.split(size), mixtures, strict=True
        ):
            of_view = Forward(logits, features, out.class_vectors)
            told = m.share, m.other, batch.sample_id, batch.epoch, is_labelled
            factors.append(self.weighting.of_mixed(of_view, target, *told))
        return torch.cat(factors)

    @abstractmethod
    def train_epoch(self, data: EpochData) -> None:
        """Train for one epoch."""

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.train()
        self.train_epoch(data)
        embedding = self.evaluate(data, record)
        if self.checks(epoch):
            self.check(embedding, data)
            self.record_state(record)

    def checks(self, epoch: int) -> bool:
        """Return whether the labels are checked at the end of an epoch."""
        return True

    @abstractmethod
    def sample_state(self) -> dict[str, Tensor]:
        """Return the columns (N,) of `state`, as of the last check."""

    def record_state(self, record: Record) -> None:
        """Log what is known of every sample."""
        everyone = torch.arange(self.sizes.n_samples, device=self.sizes.device)
        record(everyone, None, state=self.sample_state())

    @torch.no_grad()
    def evaluate(self, data: EpochData, record: Record) -> Tensor:
        """Log the evaluation pass of all samples, and return their embeddings (N, P)."""
        self.projection.eval()
        embedding = torch.zeros(self.sizes.n_samples, N_EMBEDDED, device=self.sizes.device)
        for out, batch in evaluated(self.network, data):
            embedding[batch.sample_id] = self.projection(out.features)
            log = parts.evaluation_log(out, batch)
            record(batch.sample_id, self.weighting.weighed(log, batch))
        return embedding

    def check(self, embedding: Tensor, data: EpochData, quantile: float = 0.5) -> None:
        """Let the nearest neighbours in (N, P) vote on the given labels, and keep what they say."""
        given_label, n_classes = data.given_label, self.sizes.n_classes
        _, index = nearest(embedding, self.args["neighbours"])
        shares = two_pass_votes(given_label, index, n_classes)
        share, agrees = agreeing(shares, given_label)
        is_clean = balanced_clean_set(shares, given_label, n_classes, quantile)
        self.agreement.copy_(share)
        self.agrees.copy_(agrees)
        self.is_clean.copy_(is_clean)
        better = torch.where(agrees | is_clean, given_label, shares.argmax(dim=1))
        self.better_label.copy_(better)


def same_label(label: Tensor, key_label: Tensor) -> Tensor:
    """Return which keys (K,) have an anchor's label (A,), (A, K) bool."""
    return label[:, None] == key_label


def interpolated_loss(
    anchors: Tensor,
    keys: Tensor,
    dominant: Tensor,
    minor: Tensor,
    share: Tensor,
    temperature: float,
    left_out: Tensor | None = None,
) -> Tensor:
    """Return the contrastive loss of mixed pictures, (A,), nat: both parts by their shares.

    Parameters
    ----------
    anchors, keys : Tensors of shape (A, P) and (K, P)
    dominant, minor : Tensors of shape (A, K), bool
        The positive keys of an anchor's own part, and of the picture mixed in. A part without
        any adds nothing.
    share : Tensor of shape (A,)
        Of an anchor's own part, in [0, 1].
    temperature : float
    left_out : Tensor of shape (A, K), bool, optional
        As `contrastive_loss`.

    Notes
    -----
    Source: Ortego et al. (CVPR 2021), MOIT, Eqs. 3-5: share x L(dominant) + (1 - share) x L(minor),
    each a supervised contrastive loss. One softmax serves both.
    """

    def part(positive: Tensor, of: Tensor) -> Tensor:
        if left_out is not None:
            positive = positive & ~left_out
        return of[:, None] * positive / positive.sum(dim=1, keepdim=True).clamp(min=1)

    weight = part(dominant, share) + part(minor, 1 - share)  # (A, K)
    mean = contrastive_loss(anchors, keys, weight, temperature, left_out)
    return weight.sum(dim=1) * mean


def stacked(mixtures: Sequence[mixmatch.Mixture], label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return of mixed views below one another: own label, label mixed in, own share, (V B,) each.

    `label` (B,) may be anything that a sample has, such as its place in the batch.
    """
    share = torch.tensor([m.share for m in mixtures], device=label.device)
    return (
        label.repeat(len(mixtures)),
        torch.cat([label[m.other] for m in mixtures]),
        share.repeat_interleave(len(label)),
    )

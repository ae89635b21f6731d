"""ProtoMix (RRL): embeddings drawn to class prototypes, and labels that neighbours correct.

Shape letters: B samples of a batch, N of the training set, C classes, D features, P = 50 numbers
of an embedding, k neighbours.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import mixmatch, parts
from training.methods.base import Record, Sizes
from training.methods.best_so_far import evaluated
from training.methods.contrast import Projection, contrastive_loss
from training.methods.label_tables import METHOD_LABEL
from training.methods.neighbour_votes import Neighbours, nearest
from training.methods.one_network import OneNetwork

KEPT, RELABELLED, UNSURE = range(3)
N_EMBEDDING = 50
TEMPERATURE = 0.3  # of all contrasts and of the neighbours' weights
VIEWS = ("weak", ("weak", "augmix"))
CHUNK = 1024  # rows whose neighbours' labels are held at once


class ProtoMix(OneNetwork):
    """ProtoMix, or RRL: robust embeddings, and soft labels from the neighbours in them.

    Each picture has a weak and an AugMix view. A projection brings the features to 50 numbers of
    length 1, the embedding, from which a linear decoder makes the features again. Four terms are
    added: cross entropy of the weak view; the squared error of the decoder; a contrast of each
    weak view with its own AugMix view among all views of the batch; and a contrast of mixed
    pictures with the class prototypes, `prototype_weight` times. A prototype is the direction of
    the mean embedding of a class, computed anew before each epoch from the plain pictures.

    For `given_epochs` epochs the labels are the given ones. Then each sample has a soft label, the
    mean of what the network says and of the neighbours' soft labels; the first ones are what the
    network says. Where it gives the given label more than `low_threshold`, it is set to the given
    label. Cross entropy, mixed pictures and prototypes use only samples whose soft label is above
    `high_threshold` for a class, with that class as their label; the other two terms use all.

    Left open by the text, and decided so: the decoder reads the embedding, and its error goes to
    the features, too; pictures are mixed with one share a batch; the soft labels begin in the same
    epoch in which the neighbours first correct them. A class without a sample keeps its prototype,
    or has none yet and cosine 0 to all; in the released code it becomes NaN. A weighting
    multiplies the cross entropy; it goes by the given label, as everywhere.

    Source: Li et al. (ICCV 2021), RRL, Sections 3.1 and 3.2, and the released code at cf9c35a.
    """

    arguments = (
        Argument(
            "given_epochs",
            5,
            1,
            1e6,
            "epochs",
            "on the given labels, before there are soft ones",
            whole=True,
            of_epochs=200,
        ),
        Argument(
            "low_threshold",
            0.1,
            0.0,
            1.0,
            "",
            "probability above which a soft label becomes the given label",
        ),
        Argument("high_threshold", 0.9, 0.0, 1.0, "", "probability above which a label is used"),
        Argument("neighbours", 200, 1, 10_000, "", "that correct a label", whole=True),
        Argument("mixup_alpha", 8.0, 0.01, 100.0, "", "of the beta distribution of mixtures"),
        Argument("mixed_views", 2, 1, 2, "", "of each picture that are mixed", whole=True),
        Argument("prototype_weight", 5.0, 1.0, 1e4, "", "weight of the contrast with prototypes"),
        Argument(
            "ramp_epochs",
            0,
            0,
            1e6,
            "epochs",
            "in which that weight rises from 1; 0 has it from the start",
            whole=True,
            of_epochs=200,
        ),
    )
    changes_labels = True
    state = (
        MethodColumn(
            "rrl_soft_given",
            unit="probability",
            range="[0, 1]",
            meaning="soft label's share of the given label in this epoch, before a high one is set "
            "to 1; null before there are soft labels",
            higher_means="clean",
        ),
        MethodColumn(
            "group",
            unit="",
            range="kept, relabelled or unsure",
            meaning="what became of the sample's label in this epoch; null before there are soft "
            "labels",
            dtype="int32",
            categories=("kept", "relabelled", "unsure"),
        ),
        METHOD_LABEL,
    )
    metrics = (MethodMetric("used", "fraction", "samples whose label is trained on in this epoch"),)
    soft_label: Tensor
    """(N, C), rows sum to 1; 0 before there are any."""
    label: Tensor
    """(N,), int64: trained on in the last epoch; -1 for none."""
    prototype: Tensor
    """(C, P), of length 1, or 0 for a class never seen."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        n_features = self.network.backbone.n_features
        self.projection = Projection(n_features, N_EMBEDDING).to(sizes.device)
        self.decoder = torch.nn.Linear(N_EMBEDDING, n_features, device=sizes.device)
        self.optimizers = [parts.new_optimizer(config, self.parameters())]
        n, n_classes, device = sizes.n_samples, sizes.n_classes, sizes.device
        self.register_buffer("soft_label", torch.zeros(n, n_classes, device=device))
        self.register_buffer("label", torch.full((n,), -1, device=device))
        self.register_buffer("prototype", torch.zeros(n_classes, N_EMBEDDING, device=device))

    def stage(self, epoch: int) -> str:
        return "given labels" if epoch <= self.args["given_epochs"] else "soft labels"

    def n_passes(self, epoch: int) -> float:
        return 3.0  # all plain pictures, and two views

    def epoch_metrics(self) -> dict[str, float]:
        return {"used": float((self.label >= 0).double().mean())}

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        embedding, probs = self._look(data)
        if epoch <= self.args["given_epochs"]:
            self.label.copy_(data.given_label)
        else:
            self._correct(epoch, embedding, probs, data.given_label, record)
        self.prototype.copy_(prototypes(embedding, self.label, self.prototype))
        weight = prototype_weight(
            epoch - 1, self.args["prototype_weight"], self.args["ramp_epochs"]
        )
        self.train()
        for batch in data.batches(views=2, augment=VIEWS):
            self._step(batch, weight, data, record)

    @torch.no_grad()
    def _look(self, data: EpochData) -> tuple[Tensor, Tensor]:
        """Return embeddings (N, P) and probabilities (N, C) of the plain pictures."""
        embedding = torch.zeros(data.n_samples, N_EMBEDDING, device=self.sizes.device)
        probs = torch.zeros_like(self.soft_label)
        for out, batch in evaluated(self.network, data):
            embedding[batch.sample_id] = self.projection(out.features)
            probs[batch.sample_id] = out.logits.softmax(dim=1)
        return embedding, probs

    def _correct(
        self, epoch: int, embedding: Tensor, probs: Tensor, given_label: Tensor, record: Record
    ) -> None:
        """Bring the soft labels up to date, decide by them who is trained on, and record it."""
        low = self.args["low_threshold"]
        if epoch == self.args["given_epochs"] + 1:
            self.soft_label.copy_(reset_to_given(probs, given_label, low))
        near = nearest(embedding, self.args["neighbours"])
        soft = (probs + neighbours_say(near, self.soft_label)) / 2
        given = soft.gather(1, given_label[:, None])[:, 0]
        self.soft_label.copy_(reset_to_given(soft, given_label, low))
        confidence, label = self.soft_label.max(dim=1)
        is_used = confidence > self.args["high_threshold"]
        self.label.copy_(torch.where(is_used, label, -1))
        group = torch.where(label == given_label, KEPT, RELABELLED).where(is_used, UNSURE)
        everyone = torch.arange(len(given), device=given.device)
        record(everyone, None, state={"rrl_soft_given": given, "group": group})
        used = is_used.nonzero()[:, 0]
        if len(used):
            record(used, None, state={"method_label": label[used]})

    def _step(self, batch: Batch, weight: float, data: EpochData, record: Record) -> None:
        """Train on both views of a batch and on mixtures of its labelled part."""
        with autocast(self.sizes.device):
            weak, strong = (self.network(view) for view in batch.views)
        embeddings = [self.projection(out.features) for out in (weak, strong)]
        label = self.label[batch.sample_id]
        is_used = label >= 0
        n_used = is_used.sum()
        factor, log = parts.given_label_log(
            weak, batch, self.weighting, self.config.normalize_logits, is_used.float()
        )
        losses = self.cross_entropy(weak, label.clamp(min=0))
        objective = (factor * losses).sum() / n_used.clamp(min=1)
        for out, embedding in zip((weak, strong), embeddings, strict=True):
            objective = objective + self._decoding_error(out, embedding)
        objective = objective + instance_contrast(*embeddings).mean()
        if n_used > 0:
            objective = objective + weight * self._mixed_contrast(batch, label, data)
        parts.descend(self.optimizers[0], parts.penalised(objective, weak, self.config))
        record(batch.sample_id, log)

    def _decoding_error(self, out: Forward, embedding: Tensor) -> Tensor:
        """Return the mean squared error of the features made again from their embedding."""
        with torch.autocast(self.sizes.device.type, enabled=False):
            return F.mse_loss(self.decoder(embedding), out.features.float())

    def _mixed_contrast(self, batch: Batch, label: Tensor, data: EpochData) -> Tensor:
        """Return the loss of mixed pictures against the prototypes, mean, nat."""
        used = (label >= 0).nonzero()[:, 0]
        views = batch.views[: self.args["mixed_views"]]
        targets = F.one_hot(label[used], self.sizes.n_classes).float().repeat(len(views), 1)
        images = torch.cat([view[used] for view in views])
        mixture = mixmatch.mixed(images, targets, self.args["mixup_alpha"], data.rng, nearer=False)
        with autocast(self.sizes.device):
            features = self.network(mixture.images).features
        similarity = self.projection(features) @ self.prototype.T / TEMPERATURE
        return mixmatch.soft_cross_entropy(similarity, mixture.targets).mean()


def reset_to_given(soft: Tensor, given_label: Tensor, low_threshold: float) -> Tensor:
    """Return soft labels (B, C), wholly the given one where its share is above the threshold.

    Examples
    --------
    >>> reset_to_given(torch.tensor([[0.5, 0.5], [0.9, 0.1]]), torch.tensor([1, 1]), 0.2)
    tensor([[0.0000, 1.0000],
            [0.9000, 0.1000]])
    """
    is_believed = soft.gather(1, given_label[:, None]) > low_threshold
    return torch.where(is_believed, F.one_hot(given_label, soft.shape[1]).to(soft.dtype), soft)


def neighbours_say(near: Neighbours, soft_label: Tensor) -> Tensor:
    """Return the mean of the neighbours' soft labels, (N, C), by exp(cosine / 0.3).

    0 where there is no neighbour.
    """
    share = (near.cosine / TEMPERATURE).softmax(dim=1)
    chunks = zip(share.split(CHUNK), near.neighbour.split(CHUNK), strict=True)
    return torch.cat([(part[:, None] @ soft_label[rows])[:, 0] for part, rows in chunks])


def prototypes(embedding: Tensor, label: Tensor, previous: Tensor) -> Tensor:
    """Return the direction of each class's mean embedding, (C, P), of length 1.

    Parameters
    ----------
    embedding : Tensor of shape (N, P)
    label : Tensor of shape (N,), int64
        -1 for a sample that is left out.
    previous : Tensor of shape (C, P)
        What a class without a sample keeps.
    """
    n_classes = len(previous)
    used = label >= 0
    total = torch.zeros_like(previous).index_add_(0, label[used], embedding[used])
    n = torch.bincount(label[used], minlength=n_classes)
    return torch.where(n[:, None] > 0, F.normalize(total, dim=1), previous)


def prototype_weight(epoch: int, highest: float, ramp_epochs: int) -> float:
    """Return the weight of the contrast with prototypes in an epoch, counted from 0.

    Examples
    --------
    >>> [prototype_weight(epoch, 5.0, 40) for epoch in (0, 10, 20, 40, 60)]
    [1.0, 2.0, 3.0, 5.0, 5.0]
    """
    if ramp_epochs == 0:
        return highest
    return min(1 + epoch * (highest - 1) / ramp_epochs, highest)


def instance_contrast(weak: Tensor, strong: Tensor) -> Tensor:
    """Return how far each weak view is from its own strong one among all others, (B,), nat.

    Of two views (B, P) each; a weak view is compared with all views of the batch but itself.
    """
    itself = torch.eye(len(weak), 2 * len(weak), dtype=torch.bool, device=weak.device)
    keys = torch.cat([weak, strong])
    return contrastive_loss(
        weak, keys, itself.roll(len(weak), dims=1), TEMPERATURE, left_out=itself
    )

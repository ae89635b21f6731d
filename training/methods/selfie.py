"""SELFIE: samples on whose label the network does not change its mind are refurbished."""

import math

import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.arguments import NOISE_RATE
from training.methods.base import Record, Sizes
from training.methods.label_tables import METHOD_LABEL, RollingPast, WorkingLabels
from training.methods.one_network import OneNetwork, Step
from training.methods.small_loss import assumed_noise_rate, smallest
from training.methods.stages import Stages

KEPT, REFURBISHED, DROPPED = range(3)
RESTARTS, WARMUP, HISTORY = 2, 25, 15  # as published, for trainings of 100 epochs each
PUBLISHED = (RESTARTS + 1) * 100


class SELFIE(OneNetwork):
    """SELFIE: trains on small losses as given, on steady predictions in place of their labels.

    A run is several trainings, each with a network drawn anew and its own warm-up. After the
    warm-up each batch is parted in three. A sample whose last predictions are as good as
    all of one class (`history` of them, entropy at most `epsilon`) is refurbished: that class is
    its label from now on, in later trainings, too, whatever the network says then. Of
    the batch, the share (1 - noise rate) of smallest losses against the given labels is kept with
    the given labels. All others are dropped. The loss is the mean over the samples not dropped.
    The next training begins without histories, uses the refurbished labels also in its warm-up,
    and assumes the smaller of its noise rate and the share of samples not refurbished.

    Published: 3 trainings of 100 epochs, each with 25 of warm-up, and 15 predictions of history;
    they are scaled to the epochs of a training of this run, the history to 2 at least. A history
    that is not full yet refurbishes nothing. Entropies are steps, not a scale: with 15 predictions
    and up to 100 classes one that differs already exceeds 0.05, so the rule is "all the same".

    The released code takes a pass without gradient to rank a batch, and one more over what it
    trains on. Here one forward pass does both: its prediction joins the history, its loss ranks.
    So the batch statistics of the network also see the samples that are dropped.

    The entropy says how steady a prediction is, not whether it is the given label: a sample that
    was learned as given and one that was refurbished to another class both have 0. So it is no
    criterion of wrong labels, in neither direction: on the digits with half the labels redrawn its
    AUROC is 0.50 from the tenth epoch to the last (100 epochs, seed 0). `method_label` is what
    tells them.

    Source: Song et al. (ICML 2019), Algorithm 1, and the released code at b99f8cf.
    """

    arguments = (
        NOISE_RATE,
        Argument("restarts", RESTARTS, 0, 100, "", "trainings after the first one", whole=True),
        Argument(
            "warmup_epochs",
            WARMUP,
            1,
            1e6,
            "epochs",
            "at the start of each training, on all samples; by default a quarter of it",
            whole=True,
            of_epochs=PUBLISHED,
        ),
        Argument(
            "history",
            HISTORY,
            2,
            1000,
            "epochs",
            "whose predictions are kept; by default 15 % of those of a training",
            whole=True,
            of_epochs=PUBLISHED,
        ),
        Argument("epsilon", 0.05, 0.0, 1.0, "", "entropy up to which a sample is refurbished"),
    )
    changes_labels = True
    state = (
        MethodColumn(
            "selfie_uncertainty",
            unit="",
            range="[0, 1]",
            meaning="entropy of the sample's last predictions, 1 where all classes are as frequent;"
            " null while its history is not full",
        ),
        MethodColumn(
            "group",
            unit="",
            range="kept, refurbished or dropped",
            meaning="what became of the sample in this epoch; null in a warm-up",
            dtype="int32",
            categories=("kept", "refurbished", "dropped"),
        ),
        METHOD_LABEL,
    )
    metrics = (
        MethodMetric("refurbished", "fraction", "samples that have a refurbished label"),
        MethodMetric("noise_rate", "fraction", "of a batch that is not kept as given"),
    )
    stages: Stages
    noise_rate: Tensor

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        args, n_trainings = self.args, self.args["restarts"] + 1
        length = max(config.epochs // n_trainings, 1)
        for name, published in (("warmup_epochs", WARMUP), ("history", HISTORY)):
            if name not in config.method_args:  # of however many trainings there are
                scaled = round(published * config.epochs / (100 * n_trainings))
                args[name] = max(scaled, 1 if name == "warmup_epochs" else 2)
        firsts = [(f"training {number}", length) for number in range(1, n_trainings)]
        last = (f"training {n_trainings}", None)
        self.stages = Stages(config.method, config.epochs, *firsts, last)
        self.labels = WorkingLabels(sizes.n_samples, sizes.device)
        self.past = RollingPast(
            args["history"], (sizes.n_samples,), sizes.device, dtype=torch.int64
        )
        rate = assumed_noise_rate(config, args["noise_rate"])
        number = torch.tensor(rate, dtype=torch.float64)  # on the CPU, where it is read
        self.register_buffer("noise_rate", number)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        training = self.stages.of(epoch)
        if epoch == training.first > 1:
            self.restart()
            self.past.clear()
            self.noise_rate.clamp_(max=1 - self._share_refurbished())
        if training.position(epoch) <= self.args["warmup_epochs"]:
            self.training_pass(data, record, self._warmup_step)
            chosen = self.labels.changed >= 0
        else:
            group = torch.full_like(self.labels.changed, DROPPED)
            self.training_pass(data, record, lambda out, batch: self._step(out, batch, group))
            record(data.training_id, None, state={"group": group[data.training_id]})
            chosen = group != DROPPED
        self._record_opinions(data, record, chosen)

    def epoch_metrics(self) -> dict[str, float]:
        return {"refurbished": self._share_refurbished(), "noise_rate": float(self.noise_rate)}

    def _share_refurbished(self) -> float:
        return float((self.labels.changed >= 0).double().mean())

    def _record_opinions(self, data: EpochData, record: Record, chosen: Tensor) -> None:
        """Record the entropies known, and the labels of the samples trusted, (N,) bool."""
        known = self.past.is_full().nonzero()[:, 0]
        if len(known):
            entropy, _ = steadiness(self.past.entries[:, known], self.sizes.n_classes)
            record(known, None, state={"selfie_uncertainty": entropy})
        trusted = chosen.nonzero()[:, 0]
        if len(trusted):
            label = self.labels.of(trusted, data.given_label[trusted])
            record(trusted, None, state={"method_label": label})

    def _warmup_step(self, out: Forward, batch: Batch) -> Step:
        self.past.put(batch.sample_id, out.logits.detach().argmax(dim=1))
        return Step(self.cross_entropy(out, self.labels.of(batch.sample_id, batch.given_label)))

    def _step(self, out: Forward, batch: Batch, group: Tensor) -> Step:
        """Return the step on a batch, and put its samples' groups into `group` (N,)."""
        sample_id = batch.sample_id
        self.past.put(sample_id, out.logits.detach().argmax(dim=1))
        entropy, predicted = steadiness(self.past.entries[:, sample_id], self.sizes.n_classes)
        is_steady = self.past.is_full()[sample_id] & (entropy <= self.args["epsilon"])
        stored = self.labels.changed[sample_id]
        stored = torch.where(is_steady & (stored < 0), predicted, stored)  # the first one stays
        self.labels.put(sample_id, stored)
        given_losses = self.cross_entropy(out, batch.given_label).detach()
        n = n_kept(len(sample_id), float(self.noise_rate))
        groups = parted(given_losses, stored >= 0, n)
        group[sample_id] = groups
        used = groups != DROPPED
        losses = self.cross_entropy(out, self.labels.of(sample_id, batch.given_label))
        of_batch = len(sample_id) / used.sum().clamp(min=1)  # the mean is over those used
        return Step(losses * of_batch, factor=used.float())


def steadiness(predicted: Tensor, n_classes: int) -> tuple[Tensor, Tensor]:
    """Return the entropy of predicted classes, 0 to 1, and the most frequent class, (B,) each.

    Parameters
    ----------
    predicted : Tensor of shape (q, B), int64
        Classes in the order of the epochs.
    n_classes : int
    """
    counts = torch.zeros(predicted.shape[1], n_classes, device=predicted.device)  # (B, C)
    counts.scatter_add_(1, predicted.T, torch.ones_like(predicted.T, dtype=counts.dtype))
    entropy = torch.special.entr(counts / len(predicted)).sum(dim=1) / math.log(n_classes)
    return entropy, counts.argmax(dim=1)


def n_kept(n_samples: int, noise_rate: float) -> int:
    """Return how many samples of a batch are kept as given: (1 - noise rate) of it, rounded up.

    Examples
    --------
    >>> [n_kept(8, 0.4), n_kept(10, 0.7), n_kept(10, 0.0), n_kept(10, 1.0)]
    [5, 3, 10, 0]
    """
    # The small number: (1 - 0.7) x 10 is 3.0000000000000004.
    return math.ceil((1 - noise_rate) * n_samples - 1e-9)


def parted(losses: Tensor, is_refurbished: Tensor, n: int) -> Tensor:
    """Return the groups of a batch, (B,) int64: refurbished, of small loss, or neither.

    Parameters
    ----------
    losses : Tensor of shape (B,)
        Against the given labels.
    is_refurbished : Tensor of shape (B,), bool
        It takes precedence, and also takes up places among the smallest losses.
    n : int
        How many of the smallest losses of the batch count.
    """
    kept = torch.where(smallest(losses, n), KEPT, DROPPED)
    return torch.where(is_refurbished, REFURBISHED, kept)

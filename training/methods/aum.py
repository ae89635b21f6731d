"""AUM: two trainings that identify mislabeled samples, and a third without them."""

import dataclasses

import numpy as np
import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Forward
from hmw_core.objective.losses.stable import cross_entropy
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.data.prepare import THRESHOLD_STREAM
from training.devices import autocast
from training.methods import parts
from training.methods.base import Method, Record, Sizes
from training.methods.stages import Stages

IDENTIFY = ("identify", "identify again")


class AUM(Method):
    """AUM as published: identify twice with threshold samples, drop what is flagged, train anew.

    Of N samples of C classes, N / (C + 1) are given an extra class that no picture belongs to.
    A sample's AUM is the mean over epochs of the given label's logit less the largest other one,
    in the training pass at a constant learning rate. A sample is flagged if its AUM is below the
    99th percentile of the threshold samples'. The second training has other threshold samples, so
    that each sample is judged once or twice. Samples that were flagged whenever they were judged
    are dropped, and the network is drawn anew and trained on the rest with the run's schedule.

    Each training that identifies leaves its first epoch out of the mean, as the source's scripts
    do, unless it has no other. A class that would lose all its samples keeps them, flagged as they
    are; so where everything is flagged, nothing is dropped. The last training has no extra class:
    that output is left out of its loss. The log is of the C real classes, and loss is what was
    trained with, over C + 1 while identifying. Threshold samples have no row in their training,
    dropped ones none in the last. The source holds out samples to watch by; here none are.

    Source: Pleiss et al. (NeurIPS 2020), Sections 3.2 and 3.3; a threshold set of N / (C + 1) as
    in the paper; the released scripts (at 892e76e) take N / C.
    """

    arguments = (
        Argument(
            "identify_epochs",
            150,
            1,
            1e6,
            "epochs",
            "of each of the two trainings that identify",
            whole=True,
            of_epochs=600,
        ),
        Argument(
            "identify_batch",
            None,
            1,
            1e6,
            "samples",
            "in a batch of these trainings; by default as in the last one",
            whole=True,
        ),
        Argument(
            "skipped_epochs",
            1,
            0,
            1e6,
            "epochs",
            "at the start of each of the two that do not count in the mean",
            whole=True,
        ),
        Argument(
            "percentile",
            99.0,
            0.0,
            100.0,
            "%",
            "of the threshold samples' AUM, below which a sample is flagged",
        ),
    )
    has_own_loss = True
    skips_samples = True
    state = (
        MethodColumn(
            "aum_flag",
            unit="",
            range="true or false",
            meaning="whether each training that judged the sample flagged it; null before",
            dtype="bool",
            higher_means="mislabeled",
        ),
    )
    metrics = (
        MethodMetric("n_flagged", "samples", "flagged by every training so far that judged them"),
        MethodMetric("n_dropped", "samples", "left out of the last training"),
    )
    stages: Stages
    is_threshold: Tensor
    margin_sum: Tensor
    n_counted: Tensor
    is_flagged: Tensor
    n_judged: Tensor
    is_dropped: Tensor

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        n = self.args["identify_epochs"]
        self.stages = Stages(
            config.method, config.epochs, *((name, n) for name in IDENTIFY), ("train", None)
        )
        self.network = parts.new_network(config, self._extended(sizes))
        self.optimizers = [parts.new_optimizer(config, self.network.parameters())]
        self.weighting = parts.new_weighting(config, sizes)
        n_samples, device = sizes.n_samples, sizes.device
        threshold = threshold_sets(n_samples, sizes.n_classes, config.seed).to(device)
        nobody = torch.zeros(2, n_samples, dtype=torch.bool, device=device)
        self.register_buffer("is_threshold", threshold)  # (2, N), of each training
        self.register_buffer("margin_sum", torch.zeros(2, n_samples, device=device))
        self.register_buffer("n_counted", torch.zeros(2, device=device))  # epochs
        self.register_buffer("is_flagged", nobody)  # (2, N)
        self.register_buffer("n_judged", torch.zeros((), dtype=torch.int64, device=device))
        self.register_buffer("is_dropped", nobody[0].clone())  # (N,)

    def set_epoch(self, epoch: int) -> float:
        rate = super().set_epoch(epoch)
        if self._place(epoch) is None:
            return rate
        self.set_rate(self.config.learning_rate)  # a margin that still moves tells more
        return self.config.learning_rate

    def n_passes(self, epoch: int) -> float:
        return 1.0 - float(self.is_dropped.float().mean())

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        stage, place = self.stages.of(epoch), self._place(epoch)
        if stage.first == epoch > 1:
            sizes = self._extended(self.sizes)
            parts.reset(self.network, self.optimizers[0], self.config, sizes)
        if place is None:
            self._train(data, record)
        else:
            self._identify(place, data, record)
            position = stage.position(epoch)
            if position > self.args["skipped_epochs"] or epoch == stage.last:
                self.n_counted[place] += 1
            else:
                self.margin_sum[place].zero_()
            if epoch == stage.last:
                self._judge(place, data.given_label)
        self._tell(record)

    def epoch_metrics(self) -> dict[str, float]:
        n_flagged = int(self._flags()[0].sum())
        return {"n_flagged": n_flagged, "n_dropped": int(self.is_dropped.sum())}

    def predict(self, images: Tensor) -> Forward:
        return self._real(parts.mean_prediction([self.network], images))

    def _place(self, epoch: int) -> int | None:
        """Return which of the two trainings that identify an epoch is of; None in the last."""
        name = self.stages.of(epoch).name
        return IDENTIFY.index(name) if name in IDENTIFY else None

    def _identify(self, place: int, data: EpochData, record: Record) -> None:
        """Train for an epoch with threshold samples, and add up the margins."""
        n_classes, normalize = self.sizes.n_classes, self.config.normalize_logits
        self.train()
        for batch in data.batches(batch_size=self.args["identify_batch"]):
            is_threshold = self.is_threshold[place, batch.sample_id]
            label = torch.where(is_threshold, n_classes, batch.given_label)
            with autocast(self.sizes.device):
                out = self.network(batch.images)
            losses = cross_entropy(out.loss_logits(normalize), label)
            parts.descend(self.optimizers[0], parts.penalised(losses.mean(), out, self.config))
            self.margin_sum[place, batch.sample_id] += margins(out.logits.detach(), label)
            real = ~is_threshold
            out = self._real(out)
            kept = Forward(out.logits[real], out.features[real], out.class_vectors)
            log = parts.unweighted_log(kept, losses[real])
            if len(log.loss):
                record(batch.sample_id[real], log)

    def _train(self, data: EpochData, record: Record) -> None:
        """Train for an epoch without the dropped samples."""
        rows = data.training_id[~self.is_dropped.cpu()[data.training_id]]
        order = rows[torch.randperm(len(rows), generator=data.generator)]
        self.train()
        for batch in data.batches(order):
            with autocast(self.sizes.device):
                out = self._real(self.network(batch.images))
            logits = out.loss_logits(self.config.normalize_logits)
            losses = cross_entropy(logits, batch.given_label)
            weight, log = parts.given_label_log(
                out, batch, self.weighting, self.config.normalize_logits
            )
            objective = (weight * losses).mean()
            parts.descend(self.optimizers[0], parts.penalised(objective, out, self.config))
            record(batch.sample_id, log)

    def _judge(self, place: int, given_label: Tensor) -> None:
        """Flag at the end of a training; after the second one say what is dropped."""
        is_threshold = self.is_threshold[place]
        aum = self.margin_sum[place] / self.n_counted[place]
        self.is_flagged[place] = flagged(aum, is_threshold, self.args["percentile"])
        self.n_judged.fill_(place + 1)
        if place == 1:
            flags, _ = self._flags()
            self.is_dropped.copy_(dropped(flags, given_label, self.sizes.n_classes))

    def _flags(self) -> tuple[Tensor, Tensor]:
        """Return which samples every training so far flagged, and which were judged, (N,)."""
        n = int(self.n_judged)
        return flagged_by_all(self.is_flagged[:n], self.is_threshold[:n])

    def _tell(self, record: Record) -> None:
        flags, is_judged = self._flags()
        sample_id = is_judged.nonzero()[:, 0]
        if len(sample_id):
            record(sample_id, None, state={"aum_flag": flags[sample_id]})

    def _real(self, out: Forward) -> Forward:
        """Return what a pass says of the real classes."""
        n = self.sizes.n_classes
        return Forward(out.logits[:, :n], out.features, out.class_vectors[:n])

    @staticmethod
    def _extended(sizes: Sizes) -> Sizes:
        """Return the sizes with the extra class."""
        return dataclasses.replace(sizes, n_classes=sizes.n_classes + 1)


def threshold_sets(n_samples: int, n_classes: int, seed: int) -> Tensor:
    """Return which samples are the threshold samples of two trainings, (2, N) bool, on the CPU.

    N / (C + 1) each, at least one, and none in both.
    """
    n = max(1, n_samples // (n_classes + 1))
    order = np.random.default_rng([seed, THRESHOLD_STREAM]).permutation(n_samples)
    chosen = torch.zeros(2, n_samples, dtype=torch.bool)
    for place in (0, 1):
        chosen[place, torch.from_numpy(order[place * n : (place + 1) * n])] = True
    return chosen


def margins(logits: Tensor, label: Tensor) -> Tensor:
    """Return the label's logit less the largest other one, (B,), float32."""
    given = logits.gather(1, label[:, None])[:, 0]
    others = logits.scatter(1, label[:, None], -torch.inf)
    return (given - others.amax(dim=1)).float()


def flagged(aum: Tensor, is_threshold: Tensor, percentile: float) -> Tensor:
    """Return which samples have an AUM below a percentile of the threshold samples', (N,) bool.

    Between two of these the percentile is interpolated linearly. No threshold sample is flagged.
    """
    known = aum[is_threshold].cpu().numpy()  # torch's quantile refuses more than 16 million
    limit = float(np.percentile(known, percentile)) if len(known) else -np.inf
    return (aum < limit) & ~is_threshold


def flagged_by_all(is_flagged: Tensor, is_threshold: Tensor) -> tuple[Tensor, Tensor]:
    """Return which samples all trainings flagged that judged them, and which were judged.

    Parameters
    ----------
    is_flagged, is_threshold : Tensor of shape (R, N), bool
        By training; a training judges all but its threshold samples.
    """
    is_judged = (~is_threshold).any(dim=0)
    return (is_flagged | is_threshold).all(dim=0) & is_judged, is_judged


def dropped(is_flagged: Tensor, given_label: Tensor, n_classes: int) -> Tensor:
    """Return which samples are left out, (N,) bool: those flagged, but never a whole class."""
    left = torch.bincount(given_label[~is_flagged], minlength=n_classes)
    return is_flagged & (left > 0)[given_label]

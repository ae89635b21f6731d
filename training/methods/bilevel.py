"""Bilevel learning: small splits of a batch count as far as their gradients agree with one's."""

import numpy as np
import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses.stable import cross_entropy
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Method, Record, Sizes, StepLog


class Bilevel(Method):
    """Bilevel learning: the first split of a batch validates, the others are weighted by it.

    A batch is drawn as splits of equally many samples, all with the same labels: some samples are
    drawn for their given labels, and every split gets a sample of each. The gradient of each
    split's mean loss is set against that of the first one: w_i = <g_v, g_i> / (|g_i|^2 + mu),
    which may be negative. The step goes along the sum of w_i / sum |w_j| x g_i. The validation
    split changes with each batch and is as noisy as the rest, so a weight says little of a sample.

    An epoch draws about as many pictures as there are, walking through those of a class before one
    comes again; so they come unevenly. A sample's last visit in an epoch is what is logged; one not
    drawn has no row. `bilevel_weight` is the mean over the splits that a sample was in, null where
    it only validated. The log has no weight, because no loss has a factor. Batch norm sees one
    split at a time. Run's batches smaller than the number of splits give splits of one.

    Source: Jenni and Favaro (ECCV 2018), Deep Bilevel Learning, and the released code at 661f7bf.
    """

    arguments = (
        Argument("n_splits", 8, 2, 1e4, "", "of a batch, the validating one included", whole=True),
        Argument("mu", 0.01, 1e-8, 1e6, "", "added to a split's squared gradient"),
    )
    has_own_loss = True
    weighs_samples = False
    skips_samples = True
    state = (
        MethodColumn(
            "bilevel_weight",
            unit="",
            range="any number",
            meaning="mean weight of the splits that the sample was in: agreement of gradients",
            higher_means="clean",
            over="mean",
        ),
    )

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.network = parts.new_network(config, sizes)
        self.optimizers = [parts.new_optimizer(config, self.network.parameters())]

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        n_splits, device = self.args["n_splits"], self.sizes.device
        size = max(1, data.batch_size // n_splits)
        order = class_order(
            data.given_label[data.training_id.to(device)].cpu().numpy(), n_splits, size, data.rng
        )
        order = data.training_id.numpy()[order]
        is_last = torch.from_numpy(last_visits(order)).split(n_splits * size)
        total = torch.zeros(2, data.n_samples, device=device)  # of weights, and how many
        batches = data.batches(torch.from_numpy(order), batch_size=n_splits * size)
        self.train()
        for batch, wanted in zip(batches, is_last, strict=True):
            log, weight = self._step(batch, n_splits)
            rows = wanted.nonzero()[:, 0].to(device)
            if len(rows):
                record(batch.sample_id[rows], log_of(log, rows))
            ids, each = batch.sample_id[size:], weight.repeat_interleave(size)
            total.index_add_(1, ids, torch.stack([each, torch.ones_like(each)]))
        known = total[1].nonzero()[:, 0]
        record(known, None, state={"bilevel_weight": (total[0] / total[1])[known]})

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction([self.network], images)

    def _step(self, batch: Batch, n_splits: int) -> tuple[StepLog, Tensor]:
        """Take a step on a batch; return what the log keeps, and the training splits' weights."""
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        gradients, logs = [], []
        images, labels = batch.images.chunk(n_splits), batch.given_label.chunk(n_splits)
        for some, label in zip(images, labels, strict=True):
            with autocast(self.sizes.device):
                out = self.network(some)
            losses = cross_entropy(out.loss_logits(self.config.normalize_logits), label)
            objective = parts.penalised(losses.mean(), out, self.config)
            found = torch.autograd.grad(objective, parameters)
            gradients.append(torch.cat([g.flatten().float() for g in found]))
            logs.append(parts.unweighted_log(out, losses))
        weight = split_weights(gradients[0], torch.stack(gradients[1:]), self.args["mu"])
        step = step_direction(weight, torch.stack(gradients[1:]))
        sizes = [p.numel() for p in parameters]
        for parameter, gradient in zip(parameters, step.split(sizes), strict=True):
            parameter.grad = gradient.view_as(parameter)
        self.optimizers[0].step()
        logits, cosine, loss = (
            torch.cat([getattr(log, name) for log in logs]) for name in ("logits", "cosine", "loss")
        )
        return StepLog(logits, cosine, loss, None), weight


def log_of(log: StepLog, rows: Tensor) -> StepLog:
    """Return some rows of what the log keeps."""
    return StepLog(log.logits[rows], log.cosine[rows], log.loss[rows], None)


def split_weights(validation: Tensor, gradients: Tensor, mu: float) -> Tensor:
    """Return <g_v, g_i> / (|g_i|^2 + mu) of each split, (S,), any sign.

    Parameters
    ----------
    validation : Tensor of shape (P,)
    gradients : Tensor of shape (S, P)
    mu : float
        > 0, so that a split without a gradient weighs 0.
    """
    return gradients @ validation / ((gradients * gradients).sum(dim=1) + mu)


def step_direction(weight: Tensor, gradients: Tensor) -> Tensor:
    """Return the sum of w_i / sum |w_j| x g_i, (P,); 0 where all weights are."""
    share = weight / weight.abs().sum().clamp(min=torch.finfo(weight.dtype).tiny)
    return share @ gradients


def class_order(
    label: np.ndarray, n_splits: int, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the samples of an epoch in the order of their batches, (M,) int64.

    Batches of `n_splits` splits of `size` samples, of which the j-th have the same label in all
    splits; labels are drawn as often as they are given. A class is walked through in an order
    drawn now, and anew from its start where more of it is asked for. M is about N.
    """
    n_batches = max(1, round(len(label) / (n_splits * size)))
    drawn = label[rng.integers(len(label), size=(n_batches, 1, size))]
    wanted = np.broadcast_to(drawn, (n_batches, n_splits, size)).reshape(-1)
    order = np.empty(len(wanted), dtype=np.int64)
    for class_label in np.unique(wanted):
        members = rng.permutation(np.flatnonzero(label == class_label))
        places = np.flatnonzero(wanted == class_label)
        order[places] = members[np.arange(len(places)) % len(members)]
    return order


def last_visits(order: np.ndarray) -> np.ndarray:
    """Return which places of an order are the last ones of their sample, (M,) bool."""
    is_last = np.zeros(len(order), dtype=bool)
    _, from_the_end = np.unique(order[::-1], return_index=True)
    is_last[len(order) - 1 - from_the_end] = True
    return is_last

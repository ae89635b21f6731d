"""Truncated generalized cross entropy: labels that the best model does not believe are left out."""

import math

import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.errors import UsageError
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses.generalized_cross_entropy import GeneralizedCrossEntropy
from hmw_core.objective.losses.stable import cross_entropy
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.arguments import VALIDATION_SHARE
from training.methods.base import Record, Sizes
from training.methods.best_so_far import BestSoFar, evaluated
from training.methods.one_network import OneNetwork, Step


def kept_samples(loss: Tensor, k: float) -> Tensor:
    """Return which samples are trained on, (N,) bool: p > `k`, from the cross entropy (N,), nat.

    Where that is none, all are: nothing would move the network again.
    """
    kept = loss < -math.log(k)
    return kept | ~kept.any()


class TruncatedGCE(OneNetwork):
    """Generalized cross entropy, from some epoch on without the samples of small probability.

    The truncated loss is the constant L_q(k) where p_t <= k, so those samples have no gradient.
    As published the two are taken in turn: which samples are kept (p_t > k) is decided by the best
    model so far, on plain pictures, and refreshed every few epochs; in between the kept ones are
    trained on L_q. The best model is that of the smallest loss on the validation samples; without
    any, the current one. Where it believes no label at all, ours leaves out none.

    Source: Zhang and Sabuncu (NeurIPS 2018), Eq. 9 and Algorithm 1; epochs of a port of it, which
    chooses the best model by the test split.
    """

    arguments = (
        Argument("q", 0.7, 0.001, 1.0, "", "near 0 it is cross entropy, at 1 half the L1 error"),
        Argument("k", 0.5, 0.001, 0.999, "", "a sample is kept whose given label is more probable"),
        Argument(
            "warmup_epochs",
            40,
            1,
            1e6,
            "epochs",
            "on all samples, before any is left out",
            whole=True,
            of_epochs=120,
        ),
        Argument(
            "refresh_epochs",
            10,
            1,
            1e6,
            "epochs",
            "until it is decided anew which samples are kept",
            whole=True,
            of_epochs=120,
        ),
        VALIDATION_SHARE,
    )
    state = (
        MethodColumn(
            "gce_kept",
            unit="",
            range="true or false",
            meaning="whether the best model so far believed the given label more than k, so that "
            "the sample was trained on; known once samples are left out",
            dtype="bool",
            higher_means="clean",
            over="mean",
        ),
    )
    kept: Tensor
    """(N,), bool: the samples trained on."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        n_warmup = self.args["warmup_epochs"]
        if n_warmup >= config.epochs:
            raise UsageError(
                f"method {config.method!r} leaves out samples after {n_warmup} epochs, and the run "
                f"has {config.epochs} in all: give more --epochs, or a smaller --method-args "
                "warmup_epochs"
            )
        self.loss = GeneralizedCrossEntropy(
            sizes.n_samples,
            sizes.n_classes,
            q=self.args["q"],
            normalize_logits=config.normalize_logits,
        )
        self.best = BestSoFar(config, sizes)
        everyone = torch.ones(sizes.n_samples, dtype=torch.bool, device=sizes.device)
        self.register_buffer("kept", everyone)

    def stage(self, epoch: int) -> str:
        return "all samples" if epoch <= self.args["warmup_epochs"] else "kept samples"

    def n_passes(self, epoch: int) -> float:
        return 1.0 + (1.0 - self.validation_share) * self._is_refreshed(epoch)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        if self._is_refreshed(epoch):
            self._refresh(data)
        is_pruned = epoch > self.args["warmup_epochs"]

        def step(out: Forward, batch: Batch) -> Step:
            losses = self.loss(out, batch)
            if not is_pruned:
                return Step(losses)
            kept = self.kept[batch.sample_id]
            return Step(losses, factor=kept, state={"gce_kept": kept})

        self.training_pass(data, record, step)
        self.best.offer(self.network, data)

    def _is_refreshed(self, epoch: int) -> bool:
        """Tell whether it is decided before an epoch which samples are kept."""
        since = epoch - 1 - self.args["warmup_epochs"]
        return since >= 0 and since % self.args["refresh_epochs"] == 0

    def _refresh(self, data: EpochData) -> None:
        """Keep the samples whose given label the best model so far believes."""
        normalize = self.config.normalize_logits
        losses = [
            cross_entropy(out.loss_logits(normalize), batch.given_label)
            for out, batch in evaluated(self.best.network, data, data.training_id)
        ]
        rows = data.training_id.to(self.kept.device)
        self.kept[rows] = kept_samples(torch.cat(losses), self.args["k"])

"""The run's weighting for a method that trains on pictures mixed of two."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.weighting.hmw import HMWeighting, cosine_to_classes
from hmw_core.objective.weighting.mixed import FEWEST_CLASSES, both_label_weight
from hmw_core.objective.weighting.uniform import UniformWeighting
from training.config import RunConfig
from training.methods import parts
from training.methods.base import Sizes, StepLog


class MixedWeighting(nn.Module):
    """A factor on the loss of each mixed picture; 1 without `--weighting`.

    The weighting itself sees the unmixed pictures, with their given labels: `observe`. What a
    mixed picture weighs, HMW's argument `mixed` says: by its own forward pass, or by what both of
    its samples weighed when they were observed last.

    Raises
    ------
    UsageError
        If the weights of mixed pictures need more classes than there are.
    """

    weight: Tensor
    """(N,), as last observed; 1 before."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__()
        # The warm-up is kept here, so that a history is known on its first epoch after.
        self.warmup_epochs = config.warmup_epochs
        self.weighting = parts.new_weighting(replace(config, warmup_epochs=0), sizes)
        uses_pass = isinstance(self.weighting, HMWeighting) and self.weighting.mixed != "history"
        if uses_pass and sizes.n_classes < FEWEST_CLASSES:
            raise UsageError(
                f"HMW weighs a mixed picture against two classes beside its two labels, so it "
                f"needs {FEWEST_CLASSES} classes, and the data has {sizes.n_classes}; "
                "--weighting-args mixed history needs no more than unmixed pictures do"
            )
        self.register_buffer("weight", torch.ones(sizes.n_samples, device=sizes.device))

    @torch.no_grad()
    def observe(self, cosine: Tensor, batch: Batch) -> Tensor:
        """Return the weights (B,) of unmixed pictures whose cosines are (B, C)."""
        weight = self.weighting(cosine, batch.given_label, batch.sample_id, batch.epoch)
        self.weight[batch.sample_id] = weight
        return weight if batch.epoch > self.warmup_epochs else torch.ones_like(weight)

    def weighed(self, log: StepLog, batch: Batch) -> StepLog:
        """Return the log of a pass over unmixed pictures, observed, with its weights if any."""
        if isinstance(self.weighting, UniformWeighting):
            return log
        return replace(log, weight=self.observe(log.cosine, batch))

    @torch.no_grad()
    def of_mixed(
        self,
        out: Forward,
        targets: Tensor,
        share: float,
        other: Tensor,
        sample_id: Tensor,
        epoch: int,
        is_labelled: Tensor | None = None,
    ) -> Tensor:
        """Return the factor of each mixed picture, (B,), in (0, 1], no gradient.

        Parameters
        ----------
        out : Forward
            Of the mixed pictures.
        targets : Tensor of shape (B, C)
            Before they were mixed; their largest classes are the two labels.
        share : float
            Of a sample itself, in [0, 1].
        other : Tensor of shape (B,), int64
            The place in the batch of what each is mixed with.
        sample_id : Tensor of shape (B,), int64
        epoch : int
            From 1.
        is_labelled : Tensor of shape (B,), bool, optional
            Which samples train on a given label; of the others a history says nothing, they weigh
            1. Default: all.
        """
        hmw = self.weighting
        if not isinstance(hmw, HMWeighting) or epoch <= self.warmup_epochs:
            return torch.ones(len(other), device=other.device)
        if hmw.mixed == "history":
            own = self.weight[sample_id]
            if is_labelled is not None:
                own = torch.where(is_labelled, own, 1.0)
            return share * own + (1 - share) * own[other]
        label = targets.argmax(dim=1)
        cosine = cosine_to_classes(out.features, out.class_vectors)
        gated = hmw.mixed == "gated"
        return both_label_weight(cosine, label, label[other], hmw.settings, hmw.terms, gated)

"""JoCoR: two networks that are drawn together, and trained on what both find easy."""

import dataclasses

import torch
from torch import Tensor
from torch.nn import functional as F

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.base import Record, Sizes
from training.methods.small_loss import (
    KEPT,
    SMALL_LOSS,
    SmallLossRate,
    assumed_noise_rate,
    n_kept,
    smallest,
)
from training.methods.two_networks import TwoNetworks

HALVED = ("asymmetric", "superclass_shift", "block_shift")
"""Noises of whose rate the released code drops half."""


class JoCoR(TwoNetworks):
    """JoCoR: one loss of both networks, which is small where they agree with label and each other.

    The samples of small joint loss are kept, the same for both networks. The joint loss is
    (1 - agreement) x the sum of both cross entropies + agreement x the symmetric KL divergence of
    their predictions. With a weighting it weighs each network's own loss, and not the divergence.

    Source: Wei et al. (CVPR 2020), Eqs. 3 to 5, and the released code at 86db359.
    """

    arguments = (
        *SMALL_LOSS,
        Argument("agreement", 0.9, 0.0, 1.0, "", "weight of the two predictions' divergence"),
    )
    state = (
        KEPT,
        MethodColumn(
            "joint_loss",
            unit="nat",
            range="0 or more",
            meaning="loss of both networks with the given label and with each other",
            higher_means="mislabeled",
        ),
        MethodColumn(
            "disagreement",
            unit="nat",
            range="0 or more",
            meaning="symmetric KL divergence of the two networks' predictions",
        ),
    )

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        rate = assumed_noise_rate(config, self.args["noise_rate"])
        if self.args["noise_rate"] is None and config.noise in HALVED:
            rate /= 2
        self.drop_rate = SmallLossRate(config, self.args, rate)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.train()
        agreement = self.args["agreement"]
        for batch in data.batches():
            first, second = self.both(batch)
            own = first.weight * first.losses + second.weight * second.losses
            differ = symmetric_divergence(first.out.logits, second.out.logits)
            joint = (1 - agreement) * own + agreement * differ
            n = n_kept(len(joint), self.drop_rate(epoch))
            kept = smallest(joint.detach(), n)
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            ((joint * kept).sum() / n).backward()
            for optimizer in self.optimizers:
                optimizer.step()
            state = {"kept": kept, "joint_loss": joint.detach(), "disagreement": differ.detach()}
            for number, one in enumerate((first, second), start=1):
                log = dataclasses.replace(one.log, weight=one.weight * kept)
                record(batch.sample_id, log, network=number, state=state)


def symmetric_divergence(first: Tensor, second: Tensor) -> Tensor:
    """Return KL(p||q) + KL(q||p) of two networks' logits (B, C), (B,), nat, with gradient."""
    p, q = (F.log_softmax(logits.float(), dim=1) for logits in (first, second))
    return torch.sum((p.exp() - q.exp()) * (p - q), dim=1)

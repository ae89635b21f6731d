"""CutMix: one network trained on pictures into each of which a box of another is pasted."""

import dataclasses

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hmw_core.catalogue import Argument
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Method, Record, Sizes
from training.methods.best_so_far import evaluated
from training.methods.mixed_weight import MixedWeighting
from training.methods.pasted_boxes import drawn_box, pasted


class CutMix(Method):
    """CutMix: a box of each picture is pasted over from another, and both labels are learned.

    The box has the picture's proportions, one size and place for the batch. The loss is that of
    each picture's own given label and that of the other's, each by the share of the pixels that
    shows it. Any loss will do: it is called once for each label.

    A weighting multiplies this sum; what HMW gives a mixed picture, its argument `mixed` says. A
    pass over the whole, plain pictures ends each epoch. It is the one that is logged, and there
    the weighting sees each sample with its given label alone, so an epoch costs a third more.

    Source: Yun et al. (ICCV 2019), Section 3 and Algorithm 1; HMW (AAAI-24) trains its real data
    sets so, and says neither how often pictures are cut nor what a mixed one weighs.
    """

    arguments = (
        Argument("alpha", 1.0, 0.01, 100.0, "", "of the beta distribution of the share that stays"),
        Argument("probability", 1.0, 0.0, 1.0, "", "that a batch is cut"),
    )
    pass_name = "evaluation"

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.loss = parts.new_loss(config, sizes)
        self.weighting = MixedWeighting(config, sizes)
        self.network = parts.new_network(config, sizes)
        self.optimizers = [parts.new_optimizer(config, self.network.parameters())]

    def n_passes(self, epoch: int) -> float:
        return 2.0

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.train()
        for batch in data.batches():
            self._step(batch, data.rng)
        for out, batch in evaluated(self.network, data):
            log = parts.evaluation_log(out, batch)
            record(batch.sample_id, self.weighting.weighed(log, batch))

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction([self.network], images)

    def _step(self, batch: Batch, rng: np.random.Generator) -> None:
        """Train on a batch whose pictures are cut from two."""
        height, width = batch.images.shape[2:]
        box = (slice(0, 0), slice(0, 0))
        if rng.random() < self.args["probability"]:
            share = float(rng.beta(self.args["alpha"], self.args["alpha"]))
            box = drawn_box(height, width, share, rng)
        other = torch.from_numpy(rng.permutation(len(batch.images))).to(batch.images.device)
        images, share = pasted(batch.images, other, box)
        # A loss that keeps something of each sample keeps it of the one whose label it is.
        pasted_in = dataclasses.replace(
            batch, given_label=batch.given_label[other], sample_id=batch.sample_id[other]
        )
        with autocast(self.sizes.device):
            out = self.network(images)
        losses = share * self.loss(out, batch) + (1 - share) * self.loss(out, pasted_in)
        targets = F.one_hot(batch.given_label, self.sizes.n_classes)
        factor = self.weighting.of_mixed(out, targets, share, other, batch.sample_id, batch.epoch)
        objective = parts.penalised((factor * losses).mean(), out, self.config)
        parts.descend(self.optimizers[0], objective)

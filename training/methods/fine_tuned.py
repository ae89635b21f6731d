"""The second stage of MOIT+ and Sel-CL+: a new classifier, fine-tuned on the clean set."""

import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Record, Sizes
from training.methods.neighbour_checked import NeighbourChecked
from training.methods.stages import Stages

TRAIN, TUNE = "train", "fine-tune"
TUNED_BY = 0.01 * 70 * 50_000  # share of the learning rate x pictures, in both sources


def fine_tuning(trained: int, tuned: int, bootstrap_after: int) -> tuple[Argument, ...]:
    """Return the arguments of the second stage, with the epochs of a source's two stages."""
    total = trained + tuned
    return (
        Argument(
            "train_epochs",
            trained,
            1,
            1e6,
            "epochs",
            "before the fine-tuning, which has the rest",
            whole=True,
            of_epochs=total,
        ),
        Argument(
            "tune_rate",
            None,
            0.0,
            100.0,
            "",
            "learning rate of the fine-tuning, as a share of the run's; by default the source's "
            "0.01 times its 70 epochs of 50,000 pictures, over those of the run; 1 at most",
        ),
        Argument(
            "bootstrap_epoch",
            bootstrap_after,
            0,
            1e6,
            "epochs",
            "of the fine-tuning after which it also trains on the classes that it predicts",
            whole=True,
            of_epochs=total,
        ),
        Argument("bootstrap", 0.2, 0.0, 1.0, "", "weight of the predicted class then"),
    )


class FineTuned(NeighbourChecked):
    """Two stages: the method itself, then cross entropy of mixed pictures of its last clean set.

    The second stage begins with a new classifier on the network so far and an optimizer without
    a past. Its learning rate is constant: published a hundredth of the run's, larger where there
    are fewer steps to learn a classifier in. On the digits a hundredth left it at chance after 9
    epochs, the run's own rate brought it to 97 % (40 epochs, half of the labels redrawn, seed 0).
    Late in it the target is partly the class that the network predicts of the mixed picture (hard
    bootstrapping). To be put before the method.
    """

    stages: Stages

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        n_epochs = self.args["train_epochs"]
        if "train_epochs" not in config.method_args:  # one is left in a run of two
            n_epochs = self.args["train_epochs"] = max(min(n_epochs, config.epochs - 1), 1)
        self.stages = Stages(config.method, config.epochs, (TRAIN, n_epochs), (TUNE, None))
        if self.args["tune_rate"] is None:
            n_pictures = (config.epochs - n_epochs) * sizes.n_samples
            self.args["tune_rate"] = min(TUNED_BY / n_pictures, 1.0)

    def set_epoch(self, epoch: int) -> float:
        rate = super().set_epoch(epoch)
        if self.stages.of(epoch).name == TUNE:
            rate = self.args["tune_rate"] * self.config.learning_rate
            self.set_rate(rate)
        return rate

    def n_passes(self, epoch: int) -> float:
        if self.stages.of(epoch).name == TRAIN:
            return super().n_passes(epoch)
        return 1.0 + float(self.is_clean.float().mean())

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        stage = self.stages.of(epoch)
        if stage.name == TRAIN:
            super().run_epoch(epoch, data, record)
            return
        if epoch == stage.first:
            self.network.last_layer.reset_parameters()
            self.optimizers[0].state.clear()
        share = (
            self.args["bootstrap"] if stage.position(epoch) > self.args["bootstrap_epoch"] else 0
        )
        self._tune(data, share)
        self.evaluate(data, record)
        self.record_state(record)

    def _tune(self, data: EpochData, bootstrap: float) -> None:
        """Train the network for an epoch on the clean set."""
        rows = self.is_clean.nonzero()[:, 0].cpu()
        order = rows[torch.randperm(len(rows), generator=data.generator)]
        self.train()
        for batch in data.batches(order):
            mixtures = self.mixtures(batch.views, self.one_hot(batch.given_label), data)
            with autocast(self.sizes.device):
                out = self.network(mixtures[0].images)
            labelled = self.factor(out, batch, mixtures)[:, None] * mixtures[0].targets
            target = bootstrapped(labelled, out.logits.detach(), bootstrap)
            objective = self.soft_losses(out, target).mean()
            parts.descend(self.optimizers[0], parts.penalised(objective, out, self.config))


def bootstrapped(targets: Tensor, logits: Tensor, weight: float) -> Tensor:
    """Return targets (B, C) of which a share `weight` is the class predicted by logits (B, C).

    Notes
    -----
    Source: Reed et al. (ICLR 2015), hard bootstrapping.
    """
    predicted = torch.nn.functional.one_hot(logits.argmax(dim=1), logits.shape[1])
    return (1 - weight) * targets + weight * predicted

"""PENCIL (P-correction): every sample's label is a distribution that is learned, too."""

import torch
from torch import Tensor
from torch.nn import functional as F

from hmw_core.catalogue import Argument, Choice
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.base import Record, Sizes
from training.methods.label_tables import METHOD_LABEL
from training.methods.one_network import OneNetwork, Step
from training.methods.stages import Stages
from training.schedule import learning_rate

START = 10.0  # logit of the given label at first, all others 0
THIRDS = (1 / 3, 2 / 3)
TWICE, ONCE = "softmax_twice", "softmax_once"


class PENCIL(OneNetwork):
    """P-correction (PENCIL): the labels are logits a sample, which are trained beside the network.

    Three stages of one network. First cross entropy with the given labels. Then the loss is
    KL(p || y) / C + alpha x compatibility + beta x entropy(p) / C, where y is the softmax of a
    sample's label logits; compatibility is the cross entropy of y with the given label, and holds
    y near it. After each step the label logits go down their own gradient, times lambda; as the
    loss is a mean over the batch, this gradient is smaller in a larger batch, and lambda is meant
    for 128. Last, the labels stay, and the loss is KL(p || y) / C.

    The learning rate is constant in the first two stages. The last begins at `last_rate` times
    it, and follows the run's schedule within that stage: a step to a tenth after each third
    unless --schedule-at says otherwise. The released code means the same, but divides in whole
    numbers, so its last two thirds train at a rate of 0. It also takes the softmax of y once
    more in the compatibility (`softmax_twice`), which weakens its pull; the text does not
    (`softmax_once`). The source holds out a tenth of the training set to pick the best epoch;
    here all samples are trained on.

    Source: Yi and Wu (CVPR 2019), Eqs. 3 to 10, and the released code at 8a89ed5.
    """

    arguments = (
        Argument(
            "plain_epochs",
            70,
            1,
            1e6,
            "epochs",
            "of the first stage: cross entropy",
            whole=True,
            of_epochs=320,
        ),
        Argument(
            "label_epochs",
            130,
            1,
            1e6,
            "epochs",
            "of the second stage: labels are learned",
            whole=True,
            of_epochs=320,
        ),
        Argument("alpha", 0.4, 0.0, 1e4, "", "weight of the compatibility with the given label"),
        Argument("beta", 0.1, 0.0, 1e4, "", "weight of the entropy of the predictions"),
        Argument("lambda", 600.0, 0.0, 1e6, "", "step size of the label logits"),
        Argument(
            "last_rate",
            0.2 / 0.06,
            1e-4,
            1e4,
            "",
            "learning rate at the start of the last stage, as a multiple of the first",
        ),
        Choice(
            "compatibility",
            TWICE,
            (TWICE, ONCE),
            "whether the compatibility takes the softmax of y again, as the released code, or not",
        ),
    )
    changes_labels = True
    state = (
        MethodColumn(
            "pencil_label",
            unit="probability",
            range="[0, 1]",
            meaning="what the learned label leaves to the given label after this epoch; null in "
            "the first stage",
            higher_means="clean",
        ),
        METHOD_LABEL,
    )
    label_logits: Tensor
    stages: Stages

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.stages = Stages(
            config.method,
            config.epochs,
            ("cross entropy", self.args["plain_epochs"]),
            ("labels", self.args["label_epochs"]),
            ("network", None),
        )
        nothing = torch.zeros(sizes.n_samples, sizes.n_classes, device=sizes.device)
        self.register_buffer("label_logits", nothing)

    def set_epoch(self, epoch: int) -> float:
        config, stage = self.config, self.stages.of(epoch)
        rate = config.learning_rate
        if stage.name == "network":
            at = config.schedule_at or (THIRDS if config.schedule == "step" else ())
            start = rate * self.args["last_rate"]
            place = (stage.position(epoch), stage.n_epochs)
            rate = learning_rate(config.schedule, start, *place, at, config.schedule_factor)
        self.set_rate(rate)
        return rate

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        stage = self.stages.of(epoch).name
        if stage == "cross entropy":
            given = F.one_hot(data.given_label, self.sizes.n_classes)
            self.label_logits.copy_(START * given)
            self.training_pass(data, record, self.plain_step)
            return
        step_of = self._label_step if stage == "labels" else self._network_step
        self.training_pass(data, record, step_of)
        label = self.label_logits[data.training_id].softmax(dim=1)
        given = data.given_label[data.training_id]
        state = {
            "pencil_label": label.gather(1, given[:, None])[:, 0],
            "method_label": label.argmax(dim=1),
        }
        record(data.training_id, None, state=state)

    def _label_step(self, out: Forward, batch: Batch) -> Step:
        """Return the second stage's step; the label logits take theirs with the backward pass."""
        label_logits = self.label_logits[batch.sample_id].requires_grad_()

        def descend(gradient: Tensor) -> None:  # of the mean over the batch, weights included
            self.label_logits[batch.sample_id] -= self.args["lambda"] * gradient

        label_logits.register_hook(descend)
        logits = out.loss_logits(self.config.normalize_logits)
        losses = (
            divergence(logits, label_logits)
            + self.args["alpha"]
            * compatibility(label_logits, batch.given_label, self.args["compatibility"] == TWICE)
            + self.args["beta"] * entropy(logits)
        )
        return Step(losses)

    def _network_step(self, out: Forward, batch: Batch) -> Step:
        logits = out.loss_logits(self.config.normalize_logits)
        return Step(divergence(logits, self.label_logits[batch.sample_id]))


def divergence(logits: Tensor, label_logits: Tensor) -> Tensor:
    """Return KL(p || y) / C of both softmaxes, (B,), nat, from logits (B, C) each."""
    log_probs = logits.log_softmax(dim=1)
    return (log_probs.exp() * (log_probs - label_logits.log_softmax(dim=1))).mean(dim=1)


def compatibility(label_logits: Tensor, given_label: Tensor, twice: bool) -> Tensor:
    """Return the cross entropy of labels y, from logits (B, C), with given ones (B,): (B,), nat.

    With `twice` y is itself taken for logits, as in the released code.
    """
    return F.cross_entropy(
        label_logits.softmax(dim=1) if twice else label_logits, given_label, reduction="none"
    )


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy of the softmax over C, (B,), nat, from logits (B, C)."""
    log_probs = logits.log_softmax(dim=1)
    return -(log_probs.exp() * log_probs).mean(dim=1)

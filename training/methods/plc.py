"""PLC: labels that the network has doubted for several epochs are corrected, the surest first."""

import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.base import Record, Sizes
from training.methods.label_tables import METHOD_LABEL, RollingPast, WorkingLabels
from training.methods.one_network import OneNetwork, Step

FEW = 0.001  # share of labels; if fewer change in an epoch, theta rises
RISE = 0.1
HIGHEST = 0.9  # of the theta that rises by itself


class PLC(OneNetwork):
    """Progressive label correction: cross entropy on labels that are corrected after each epoch.

    Of each sample the probabilities of the last `window` training passes are averaged. After the
    warm-up, at the end of each epoch, a label whose mean is less than theta times the largest
    mean is replaced by the class of the largest, for good: the next epochs train on it, and only
    it can be replaced again. Where fewer than 0.1 % of the labels changed, theta rises by 0.1,
    up to 0.9. A sample whose window is not full yet keeps its label, and theta waits for the
    first full one. A warm-up has three epochs or more: before, a small network has learned nothing
    that could correct a label.

    The text compares the difference of the two means with a threshold, the released code their
    ratio, and so does this. The source holds out a tenth of CIFAR's training set and keeps the
    best network by it; here all samples are trained on, and the last network is the result.

    Source: Zhang et al. (ICLR 2021), Algorithm 1, and the released code at 8c2bcfd.
    """

    arguments = (
        Argument(
            "warmup_epochs",
            8,
            3,
            1e6,
            "epochs",
            "before the first correction",
            whole=True,
            of_epochs=180,
        ),
        Argument(
            "window",
            5,
            1,
            1000,
            "epochs",
            "whose probabilities are averaged",
            whole=True,
            of_epochs=180,
        ),
        Argument("theta", 0.3, 0.0, 1.0, "", "share of the largest mean that keeps a label, first"),
    )
    changes_labels = True
    state = (
        MethodColumn(
            "plc_ratio",
            unit="",
            range="[0, 1]",
            meaning="mean probability of the given label over the window, as a share of the "
            "largest; null while the window is not full",
            higher_means="clean",
        ),
        METHOD_LABEL,
    )
    metrics = (
        MethodMetric("theta", "", "share of the largest mean below which a label is replaced next"),
        MethodMetric("relabelled", "fraction", "samples whose label is not the given one"),
    )
    theta: Tensor
    relabelled: Tensor

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.labels = WorkingLabels(sizes.n_samples, sizes.device)
        shape = (sizes.n_samples, sizes.n_classes)
        self.past = RollingPast(self.args["window"], shape, sizes.device)
        number = torch.zeros((), dtype=torch.float64)  # on the CPU, where it is read
        self.register_buffer("theta", number + self.args["theta"])
        self.register_buffer("relabelled", number.clone())

    def stage(self, epoch: int) -> str:
        return "warm-up" if epoch <= self.args["warmup_epochs"] else "correction"

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.training_pass(data, record, self._step)
        known = self.past.is_full().nonzero()[:, 0]
        if len(known) == 0:
            return
        given = data.given_label[known]
        mean = self.past.entries[:, known].mean(dim=0)  # (M, C)
        record(known, None, state={"plc_ratio": ratio(mean, given)})
        if epoch <= self.args["warmup_epochs"]:
            return
        label = self.labels.of(known, given)
        doubted = ratio(mean, label) < self.theta
        label = torch.where(doubted, mean.argmax(dim=1), label)
        self.labels.put(known, label)
        changed = float(doubted.float().mean())
        self.theta.fill_(next_theta(float(self.theta), changed))
        self.relabelled.fill_(self.labels.share_changed(data.given_label))
        record(known, None, state={"method_label": label})

    def epoch_metrics(self) -> dict[str, float]:
        return {"theta": float(self.theta), "relabelled": float(self.relabelled)}

    def _step(self, out: Forward, batch: Batch) -> Step:
        probs = out.loss_logits(self.config.normalize_logits).detach().softmax(dim=1)
        self.past.put(batch.sample_id, probs)
        label = self.labels.of(batch.sample_id, batch.given_label)
        return Step(self.cross_entropy(out, label))


def ratio(mean: Tensor, label: Tensor) -> Tensor:
    """Return the mean probability (B, C) of a label (B,) as a share of the largest, (B,), 0 to 1.

    Examples
    --------
    >>> ratio(torch.tensor([[0.125, 0.5, 0.375]]).repeat(3, 1), torch.tensor([0, 1, 2]))
    tensor([0.2500, 1.0000, 0.7500])
    """
    return mean.gather(1, label[:, None])[:, 0] / mean.amax(dim=1)


def next_theta(theta: float, changed: float) -> float:
    """Return theta after an epoch that changed a share of the labels.

    A theta told to be above 0.9 stays.

    Examples
    --------
    >>> [round(next_theta(0.3, changed), 4) for changed in (0.0005, 0.001, 0.5)]
    [0.4, 0.3, 0.3]
    """
    return max(theta, min(theta + RISE, HIGHEST)) if changed < FEW else theta

"""MentorNet: a curriculum, in closed form or learned, weighs the samples of its student."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmw_core.catalogue import Argument, Choice
from hmw_core.errors import UsageError
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.base import Record, Sizes
from training.methods.one_network import OneNetwork, Step
from training.methods.small_loss import n_kept
from training.methods.trusted import read_trusted

PREDEFINED, DATA_DRIVEN, NOBODY = "predefined", "data_driven", "none"
BURN_IN, SELF_PACED = 18, 89  # last percents of the training with weights 1, and of 0 or 1
DECAY = 0.5  # of the running reference
DROPOUT = {  # of samples: up to which percent of the training which share is left out
    PREDEFINED: ((17, 0.5), (100, 0.05)),
    DATA_DRIVEN: ((17, 0.5), (95, 0.05), (100, 0.9)),
}
BATCH, RATE, RATE_DECAY, DECAY_STEPS, LARGEST_NORM = 32, 0.1, 0.9, 1000, 5.0  # of the mentor


class MentorNet(OneNetwork):
    """MentorNet: weights from a curriculum that knows loss, epoch and, if learned, label.

    The loss of a sample is compared with a running reference: a percentile of the batch's losses,
    averaged over the batches. The predefined curriculum gives every sample a weight of 1 for the
    first 18 % of the training, then 1 or 0 by whether its loss is below the reference, and in the
    last tenth a weight that falls with what it is above. The data-driven one is a small network,
    trained at the end of the first 18 % to tell wrong labels from right ones on a trusted subset
    (`trusted`, a CSV of sample_id and verified label): from loss, difference to the reference,
    given label and percent of the training, which stays at 18 from then on. Either way a random
    part of each batch is left out, and weight decay is scaled by the batch's mean weight.

    The trusted samples' verified labels reach the mentor only: their given ones are trained on.
    The source trains the mentor for 30,000 steps; ours for `mentor_steps`.

    Source: Jiang et al. (ICML 2018), Sections 3 and 4, and the released code at 76d6be2.
    """

    arguments = (
        Choice(
            "curriculum",
            PREDEFINED,
            (PREDEFINED, DATA_DRIVEN),
            "where the weights come from: a formula, or a network trained on the trusted subset",
        ),
        Choice(
            "trusted",
            NOBODY,
            (NOBODY,),
            "the trusted subset of the data-driven curriculum: a CSV of sample_id and label",
            or_file=True,
        ),
        Argument("percentile", 75.0, 0.0, 100.0, "%", "of a batch's losses that is the reference"),
        Argument("gamma", 1.0, 1e-3, 1e3, "nat", "above the reference where a late weight is 0"),
        Argument("mentor_steps", 3000, 1, 1e6, "", "of the data-driven mentor", whole=True),
    )
    state = (
        MethodColumn(
            "mentor_weight",
            unit="",
            range="[0, 1]",
            meaning="the curriculum's weight, before a part of the batch is left out at random",
            higher_means="clean",
            over="mean",
        ),
        MethodColumn(
            "mentor_delta",
            unit="nat",
            range="any",
            meaning="loss with the given label less the running reference",
            higher_means="mislabeled",
        ),
    )
    metrics = (MethodMetric("reference", "nat", "loss that samples are compared with, at the end"),)
    reference: Tensor
    trusted_id: Tensor
    trusted_label: Tensor
    seen: Tensor
    """(epochs of burn-in, 2, M): loss and difference of the trusted samples."""
    mentor: "Mentor"

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        for optimizer in self.optimizers:  # the step adds it, scaled by the mean weight
            for group in optimizer.param_groups:
                group["weight_decay"] = 0.0
        self.register_buffer("reference", torch.zeros((), device=sizes.device))
        self.is_driven = self.args["curriculum"] == DATA_DRIVEN
        trusted = self.args["trusted"]
        if self.is_driven == (trusted == NOBODY):
            raise UsageError(
                "the data-driven curriculum of MentorNet learns from samples whose labels somebody "
                "has verified: name them with --method-args curriculum data_driven trusted FILE"
            )
        if self.is_driven:
            ids, label = read_trusted(trusted, sizes.n_samples, sizes.n_classes, sizes.class_names)
            n_epochs = sum(self._percent(epoch) <= BURN_IN for epoch in range(1, config.epochs + 1))
            seen = torch.full((n_epochs, 2, len(ids)), torch.nan)  # loss and delta
            self.register_buffer("trusted_id", ids.to(sizes.device))
            self.register_buffer("trusted_label", label.to(sizes.device))
            self.register_buffer("seen", seen.to(sizes.device))
            self.mentor = Mentor(sizes.n_classes).to(sizes.device).requires_grad_(False)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        percent = self._percent(epoch)
        if self.is_driven and epoch == 1:
            self._check(data)
        if self.is_driven and epoch == len(self.seen) + 1:
            self._teach(data)
        dropped = next(share for last, share in DROPOUT[self.args["curriculum"]] if percent < last)
        delta_of = torch.full((data.n_samples,), torch.nan, device=self.sizes.device)
        loss_of = delta_of.clone()

        def step(out: Forward, batch: Batch) -> Step:
            losses = self.cross_entropy(out, batch.given_label)
            known = losses.detach()
            quantile = known.quantile(self.args["percentile"] / 100)
            self.reference.mul_(DECAY).add_((1 - DECAY) * quantile)
            delta = known - self.reference
            weight = self._weights(known, delta, batch.given_label, percent)
            if self.is_driven:
                loss_of[batch.sample_id], delta_of[batch.sample_id] = known, delta
            used = weight * left_in(len(known), dropped, known.device)
            state = {"mentor_weight": weight, "mentor_delta": delta}
            return Step(losses, factor=used, state=state, penalty=self._decay() * weight.mean())

        self.training_pass(data, record, step)
        if self.is_driven and epoch <= len(self.seen):
            self.seen[epoch - 1] = torch.stack([loss_of, delta_of])[:, self.trusted_id]

    def epoch_metrics(self) -> dict[str, float]:
        return {"reference": self.reference.item()}

    def stage(self, epoch: int) -> str:
        return "burn-in" if self._percent(epoch) <= BURN_IN else "curriculum"

    def _percent(self, epoch: int) -> int:
        """Return how much of the training lies before an epoch, 0 to 99 %."""
        return 100 * (epoch - 1) // self.config.epochs

    def _decay(self) -> Tensor:
        """Return what weight decay adds to the objective; its gradient is decay x parameter."""
        squares = torch.stack([p.square().sum() for p in self.network.parameters()])
        return self.config.weight_decay / 2 * squares.sum()

    def _weights(self, loss: Tensor, delta: Tensor, label: Tensor, percent: int) -> Tensor:
        if not self.is_driven or percent <= BURN_IN:
            return predefined_weights(delta, percent, self.args["gamma"])
        ages = torch.full_like(label, BURN_IN)
        with torch.no_grad():
            return self.mentor(loss, delta, label, ages).sigmoid()

    def _check(self, data: EpochData) -> None:
        """Refuse a subset that shows the mentor one kind of label only."""
        is_right = self._is_right(data)
        if is_right.all() or not is_right.any():
            which = "right" if is_right.all() else "wrong"
            raise UsageError(
                f"--method-args trusted {self.args['trusted']}: all of its {len(is_right):,} given "
                f"labels are {which}, so there is nothing that a mentor could learn to tell apart"
            )

    def _is_right(self, data: EpochData) -> Tensor:
        return data.given_label[self.trusted_id] == self.trusted_label

    def _teach(self, data: EpochData) -> None:
        """Train the mentor on what the trusted samples did while all weights were 1."""
        n_epochs = len(self.seen)
        ages = torch.tensor([self._percent(e) for e in range(1, n_epochs + 1)])
        rows = self.seen.permute(0, 2, 1).reshape(-1, 2)  # epoch by epoch
        label = data.given_label[self.trusted_id].repeat(n_epochs)
        age = ages.to(label.device).repeat_interleave(len(self.trusted_id))
        target = self._is_right(data).float().repeat(n_epochs)
        known = rows.isfinite().all(dim=1)
        teach(
            self.mentor,
            (rows[known, 0], rows[known, 1], label[known], age[known]),
            target[known],
            self.args["mentor_steps"],
        )


class Mentor(nn.Module):
    """From losses and labels to the logit of a right label; torch's generator draws its weights.

    Loss and difference pass a bidirectional LSTM of one unit; label (2 numbers) and percent of the
    training (5 fixed ones) are embedded; a layer of 20 tanh units and a last one follow.
    """

    age: Tensor

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 1, bidirectional=True, batch_first=True)
        self.label = nn.Embedding(n_classes, 2)
        self.register_buffer("age", torch.randn(100, 5))
        self.layers = nn.Sequential(nn.Linear(9, 20), nn.Tanh(), nn.Linear(20, 1))

    def forward(self, loss: Tensor, delta: Tensor, label: Tensor, age: Tensor) -> Tensor:
        """Return logits (B,) from losses, differences, given labels and percents, (B,) each."""
        told, _ = self.lstm(torch.stack([loss, delta], dim=1)[:, None])
        inputs = [told[:, 0], self.label(label), self.age[age]]
        return self.layers(torch.cat(inputs, dim=1))[:, 0]


def predefined_weights(delta: Tensor, percent: int, gamma: float = 1.0) -> Tensor:
    """Return the weights (B,) of the predefined curriculum, in [0, 1].

    Parameters
    ----------
    delta : Tensor of shape (B,)
        Loss less the reference, nat.
    percent : int
        Of the training that is over, 0 to 99.
    gamma : float
        In nat, > 0.

    Examples
    --------
    >>> [round(predefined_weights(torch.tensor([0.3]), at).item(), 6) for at in (18, 19, 89, 90)]
    [1.0, 0.0, 0.0, 0.7]
    """
    if percent <= BURN_IN:
        return torch.ones_like(delta)
    if percent <= SELF_PACED:
        return (delta <= 0).to(delta.dtype)
    return (1 - delta / gamma).clamp(0, 1)


def left_in(n: int, dropped: float, device: torch.device) -> Tensor:
    """Return which of `n` samples are not left out at random, (n,) bool; at least one."""
    chosen = torch.zeros(n, dtype=torch.bool, device=device)
    chosen[torch.randperm(n, device=device)[: n_kept(n, dropped)]] = True
    return chosen


def teach(
    mentor: Mentor, inputs: tuple[Tensor, Tensor, Tensor, Tensor], target: Tensor, n_steps: int
) -> None:
    """Train a mentor to tell right labels (target 1) from wrong ones (0), (M,) each."""
    mentor.requires_grad_(True)
    optimizer = torch.optim.Adam(mentor.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, DECAY_STEPS, RATE_DECAY)
    for _ in range(n_steps):
        rows = torch.randint(len(target), (BATCH,), device=target.device)
        logits = mentor(*(part[rows] for part in inputs))
        loss = F.binary_cross_entropy_with_logits(logits, target[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(mentor.parameters(), LARGEST_NORM)
        optimizer.step()
        schedule.step()
    mentor.requires_grad_(False)

"""What the forward and the backward correction share: a matrix, given or estimated by a stage."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.arguments import VALIDATION_SHARE
from training.methods.base import Record, Sizes
from training.methods.best_so_far import BestSoFar
from training.methods.one_network import OneNetwork, Step
from training.methods.stages import Stages
from training.methods.transition import (
    ESTIMATE_EPOCHS,
    ESTIMATED,
    PERCENTILE,
    TRANSITION,
    TRUE,
    check_condition,
    condition_number,
    estimated_transition,
    given_transition,
    predicted_probs,
)

Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From log probabilities (B, C) and given labels (B,) to their loss and posterior, (B,) each."""
ESTIMATE, TRAIN = "estimate", "train"


class Corrected(OneNetwork):
    """A loss corrected by a transition matrix T, in one stage, or in two where T is estimated.

    The first stage is plain training; its network of the smallest loss on the validation samples
    predicts all training pictures, without augmentation, and T is read off those predictions. Then
    a network drawn anew is trained with the corrected loss. Given, T needs neither the first stage
    nor validation samples.
    """

    arguments = (TRANSITION, ESTIMATE_EPOCHS, PERCENTILE, VALIDATION_SHARE)
    state = (
        MethodColumn(
            "forward_posterior",
            unit="",
            range="[0, 1]",
            meaning="probability that the given label is the true one, by the prediction and the "
            "transition matrix; known from the stage `train` on",
            higher_means="clean",
        ),
    )
    stages: Stages
    transition: Tensor
    """(C, C), float64 and on the CPU: the log shows its digits, and not every device has doubles.
    The identity until it is known."""
    is_known: Tensor
    """(), bool, on the CPU."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        given = given_transition(self.args["transition"], sizes)
        estimate: list[tuple[str, int | None]] = []
        if given is None:
            estimate.append((ESTIMATE, self.args["estimate_epochs"]))
            self.best = BestSoFar(config, sizes)
        else:
            self.args |= {"estimate_epochs": 0, "validation_share": 0.0}
        self.stages = Stages(config.method, config.epochs, *estimate, (TRAIN, None))
        matrix = np.eye(sizes.n_classes) if given is None else given
        self.register_buffer("transition", torch.from_numpy(matrix))
        self.register_buffer("is_known", torch.tensor(given is not None))

    def n_passes(self, epoch: int) -> float:
        stage = self.stages.of(epoch)
        if stage.name == ESTIMATE:
            return 1.0  # the training and the validation samples
        estimates = self.args["transition"] == ESTIMATED and epoch == stage.first
        return 1.0 - self.validation_share + estimates

    def facts(self) -> dict[str, Any]:
        if not self.is_known:
            return {}
        word = self.args["transition"]
        sources = {ESTIMATED: "estimated by a first training", TRUE: "measured on the true labels"}
        return {
            "transition_matrix": self.transition.tolist(),
            "transition_from": sources.get(word, f"file {word}"),
            "condition_number": condition_number(self.transition.numpy()),
        }

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        if self.stages.of(epoch).name == ESTIMATE:
            self.training_pass(data, record, self.plain_step)
            self.best.offer(self.network, data)
            return
        if not self.is_known:
            self._estimate(data)
            self.restart()
        loss = self.corrected_loss(self.transition)

        def step(out: Forward, batch: Batch) -> Step:
            log_probs = out.loss_logits(self.config.normalize_logits).log_softmax(dim=1)
            losses, posterior = loss(log_probs, batch.given_label)
            return Step(losses, state={"forward_posterior": posterior.detach()})

        self.training_pass(data, record, step)

    @abstractmethod
    def corrected_loss(self, transition: Tensor) -> Loss:
        """Return the loss under a transition matrix (C, C), float64 on the CPU."""

    def _estimate(self, data: EpochData) -> None:
        """Read the matrix off what the best network so far predicts of all training pictures.

        Raises
        ------
        UsageError
            If it cannot be undone.
        """
        probs = predicted_probs(self.best.network, data, self.config.normalize_logits)
        counts = data.given_label.bincount(minlength=self.sizes.n_classes)
        matrix = estimated_transition(
            probs.cpu().numpy(), (counts > 0).cpu().numpy(), self.args["percentile"]
        )
        n_epochs = self.args["estimate_epochs"]
        check_condition(matrix, f"the loss cannot be corrected: after {n_epochs} epochs")
        self.transition.copy_(torch.from_numpy(matrix))
        self.is_known.fill_(True)

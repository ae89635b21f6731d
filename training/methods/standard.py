"""One network, any loss, any weighting: plain training, and the paper's HMW."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hmw_core.errors import UsageError, pick
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses import LOSSES
from hmw_core.objective.weighting import WEIGHTINGS
from hmw_core.objective.weighting.hmw import cosine_to_classes
from training.config import RunConfig
from training.devices import autocast, memory_format
from training.methods.base import Method, Problem, StepLog
from training.networks import build_network


class Standard(Method):
    """One network trained on weight x loss: any loss and any weighting of the registries.

    Source: HMW (AAAI-24), Eq. 13; the confidence penalty as in its released code.
    """

    def __init__(self, config: RunConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.device = problem.device
        self.confidence_penalty = config.confidence_penalty
        self.normalize_logits = config.normalize_logits
        sizes = {"n_samples": problem.n_samples, "n_classes": problem.n_classes}
        sizes["normalize_logits"] = config.normalize_logits
        self.loss = _build(LOSSES, config.loss, "loss", sizes, config.loss_args)
        sizes = {"n_samples": problem.n_samples, "n_epochs": config.epochs}
        own = _weighting_args(config)
        self.weighting = _build(WEIGHTINGS, config.weighting, "weighting", sizes, own)
        self.weighting.check_classes(problem.n_classes)
        network = build_network(
            config.network,
            problem.n_channels,
            problem.image_size,
            problem.n_classes,
            config.class_bias,
        )
        self.host_step = None
        if self.device.type == "cpu" and not config.confidence_penalty:
            from training.host_step import HostStep  # loads numba, of no use on a device

            self.host_step = HostStep.of(self.loss, self.weighting)
        self.network = network.to(memory_format=memory_format(self.device))
        self.to(self.device)
        if config.compile:
            self.network.backbone.compile()
        self.optimizers = [
            torch.optim.SGD(
                self.network.parameters(),
                lr=config.learning_rate,
                momentum=config.momentum,
                weight_decay=config.weight_decay,
            )
        ]

    def step(self, batch: Batch) -> StepLog:
        with autocast(self.device):
            out = self.network(batch.images)
        gradient: Tensor | None = None  # of a number
        if self.host_step is None:
            log, objective = self._objective(out, batch)
        else:
            log, gradient = self.host_step(out, batch)
            objective = out.logits
        (optimizer,) = self.optimizers
        optimizer.zero_grad(set_to_none=True)
        objective.backward(gradient)
        optimizer.step()
        return log

    def _objective(self, out: Forward, batch: Batch) -> tuple[StepLog, Tensor]:
        """Return what the step logs, and the number that it makes smaller."""
        loss = self.loss(out, batch)  # (B,)
        with torch.no_grad():
            cosine = cosine_to_classes(out.features, out.class_vectors)  # (B, C)
            similarity = cosine if self.weighting.space == "cosine" else out.logits
            weight = self.weighting(
                similarity, batch.given_label, batch.sample_id, batch.epoch
            )  # (B,)
        objective = (weight * loss).mean()
        if self.confidence_penalty:
            objective = objective + self.confidence_penalty * self._mean_negative_entropy(out)
        return StepLog(out.logits.detach(), cosine, loss.detach(), weight), objective

    @torch.no_grad()
    def predict(self, images: Tensor) -> Forward:
        self.eval()
        with autocast(self.device):
            out = self.network(images)
        return Forward(out.logits.float(), out.features.float(), out.class_vectors)

    def _mean_negative_entropy(self, out: Forward) -> Tensor:
        """Return the mean over samples of sum p log p, in nat: highest where the net is sure."""
        log_probs = out.loss_logits(self.normalize_logits).log_softmax(dim=1)
        return (log_probs.exp() * log_probs).sum(dim=1).mean()


def _weighting_args(config: RunConfig) -> dict[str, Any]:
    """Return the arguments of the weighting; those of the HM weight are fields of the config."""
    if config.weighting != "hmw":
        return dict(config.weighting_args)
    named = ("alpha", "beta", "k", "annealing_start", "warmup_epochs")
    switches = {"true": True, "false": False}
    words = {name: switches.get(word, word) for name, word in config.weighting_args.items()}
    return {name: getattr(config, name) for name in named} | words


def _build(
    registry: Mapping[str, type[nn.Module]],
    name: str,
    what: str,
    ours: Mapping[str, Any],
    users: Mapping[str, Any],
) -> Any:
    """Build a registry's member; a parameter of the user's that it lacks is a UsageError."""
    member = pick(registry, name, what)
    free = [p for p in inspect.signature(member).parameters if p not in ours]
    unknown = [p for p in users if p not in free]
    if unknown:
        raise UsageError(
            f"{what} {name!r} has no parameter {unknown[0]!r}; it has {', '.join(free) or 'none'}"
        )
    return member(**ours, **users)

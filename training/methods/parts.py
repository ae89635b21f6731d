"""Networks, losses, weightings and optimizers as the config asks for them, for every method."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hmw_core.errors import UsageError, pick
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses import LOSSES
from hmw_core.objective.losses.stable import cross_entropy
from hmw_core.objective.weighting import WEIGHTINGS
from hmw_core.objective.weighting.hmw import cosine_to_classes
from training.config import RunConfig
from training.devices import autocast, memory_format
from training.methods.base import Sizes, StepLog
from training.networks import build_network
from training.networks.base import Classifier


def new_network(config: RunConfig, sizes: Sizes) -> Classifier:
    """Return a network with weights drawn anew, on the device."""
    network = build_network(
        config.network,
        sizes.n_channels,
        sizes.image_size,
        sizes.n_classes,
        config.class_bias,
    )
    network = network.to(sizes.device).to(memory_format=memory_format(sizes.device))
    if config.compile:
        network.backbone.compile()
    return network


def new_optimizer(config: RunConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return the optimizer of some parameters."""
    if config.optimizer == "adam":
        return torch.optim.Adam(
            parameters,
            lr=config.learning_rate,
            betas=(config.momentum, 0.999),
            weight_decay=config.weight_decay,
        )
    return torch.optim.SGD(
        parameters,
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.nesterov,
    )


def new_loss(config: RunConfig, sizes: Sizes) -> nn.Module:
    """Return the per-sample loss.

    Raises
    ------
    UsageError
        If it or one of its arguments is unknown or out of range.
    """
    ours = {"n_samples": sizes.n_samples, "n_classes": sizes.n_classes}
    ours["normalize_logits"] = config.normalize_logits
    return _build(LOSSES, config.loss, "loss", ours, config.loss_args).to(sizes.device)


def new_weighting(config: RunConfig, sizes: Sizes) -> nn.Module:
    """Return the per-sample weighting, checked against the number of classes.

    Raises
    ------
    UsageError
        As `new_loss`.
    """
    own: dict[str, Any] = dict(config.weighting_args)
    if config.weighting == "hmw":  # whose numbers are fields of the config
        names = ("alpha", "beta", "k", "annealing_start", "warmup_epochs")
        own = {name: getattr(config, name) for name in names} | own
    ours = {"n_samples": sizes.n_samples, "n_epochs": config.epochs}
    weighting = _build(WEIGHTINGS, config.weighting, "weighting", ours, own)
    weighting.check_classes(sizes.n_classes)
    return weighting.to(sizes.device)


def reset(
    network: Classifier, optimizer: torch.optim.Optimizer, config: RunConfig, sizes: Sizes
) -> None:
    """Draw the network's weights anew, and let the optimizer forget its past."""
    network.load_state_dict(new_network(config, sizes).state_dict())
    optimizer.state.clear()


def module_list(make: Callable[[], nn.Module], n: int) -> nn.ModuleList:
    """Return `n` modules, each made anew."""
    return nn.ModuleList(make() for _ in range(n))


def weighted_step(
    out: Forward, batch: Batch, loss: nn.Module, weighting: nn.Module
) -> tuple[Tensor, Tensor, StepLog]:
    """Return loss (B,) with gradient, weight (B,), and what the log keeps of the batch's pass."""
    losses = loss(out, batch)
    with torch.no_grad():
        cosine = cosine_to_classes(out.features, out.class_vectors)  # (B, C)
        weight = weighting(cosine, batch.given_label, batch.sample_id, batch.epoch)
    return losses, weight, StepLog(out.logits.detach(), cosine, losses.detach(), weight)


@torch.no_grad()
def given_label_log(
    out: Forward, batch: Batch, weighting: nn.Module, normalize: bool, factor: Tensor | None = None
) -> tuple[Tensor, StepLog]:
    """Return the weight (B,), and what the log keeps of a training pass of a method's own loss.

    The loss logged is cross entropy with the given label, whatever the method trains on; the
    weight is the weighting's times the method's own `factor` (B,).
    """
    cosine = cosine_to_classes(out.features, out.class_vectors)
    weight = weighting(cosine, batch.given_label, batch.sample_id, batch.epoch)
    if factor is not None:
        weight = weight * factor
    loss = cross_entropy(out.loss_logits(normalize), batch.given_label)
    return weight, StepLog(out.logits.detach(), cosine, loss, weight)


@torch.no_grad()
def unweighted_log(out: Forward, loss: Tensor) -> StepLog:
    """Return what the log keeps of a pass whose loss (B,) has no factor a sample."""
    cosine = cosine_to_classes(out.features, out.class_vectors)
    return StepLog(out.logits.detach(), cosine, loss.detach(), None)


def evaluation_log(out: Forward, batch: Batch) -> StepLog:
    """Return what the log keeps of a batch's evaluation pass: its loss is cross entropy."""
    out = Forward(out.logits.float(), out.features, out.class_vectors)
    return unweighted_log(out, cross_entropy(out.logits, batch.given_label))


def penalised(objective: Tensor, out: Forward, config: RunConfig) -> Tensor:
    """Return the objective with the config's confidence penalty, where it has one."""
    if not config.confidence_penalty:
        return objective
    entropy = mean_negative_entropy(out, config.normalize_logits)
    return objective + config.confidence_penalty * entropy


def mean_negative_entropy(out: Forward, normalize_logits: bool) -> Tensor:
    """Return the mean over samples of sum p log p, in nat: highest where the network is sure."""
    log_probs = out.loss_logits(normalize_logits).log_softmax(dim=1)
    return (log_probs.exp() * log_probs).sum(dim=1).mean()


def descend(optimizer: torch.optim.Optimizer, objective: Tensor) -> None:
    """Take one step towards a smaller objective."""
    optimizer.zero_grad(set_to_none=True)
    objective.backward()
    optimizer.step()


@torch.no_grad()
def mean_prediction(networks: Iterable[nn.Module], images: Tensor) -> Forward:
    """Return the evaluation pass: the mean of all logits, and the features of the first network."""
    outs = []
    for network in networks:
        network.eval()
        with autocast(images.device):
            outs.append(network(images))
    logits = torch.stack([out.logits.float() for out in outs]).mean(dim=0)
    return Forward(logits, outs[0].features.float(), outs[0].class_vectors)


def _build(
    registry: Mapping[str, type[nn.Module]],
    name: str,
    what: str,
    ours: Mapping[str, Any],
    users: Mapping[str, Any],
) -> Any:
    """Build a registry's member; a parameter of the user's that it does not have is refused."""
    member = pick(registry, name, what)
    free = [p for p in inspect.signature(member).parameters if p not in ours]
    unknown = [p for p in users if p not in free]
    if unknown:
        raise UsageError(
            f"{what} {name!r} has no parameter {unknown[0]!r}; it has {', '.join(free) or 'none'}"
        )
    return member(**ours, **users)

"""What every method is, and what it tells the run log."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from hmw_core.catalogue import Argument, Choice, argument_values
from hmw_core.errors import UsageError
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.stages import Stages
from training.schedule import learning_rate


@dataclass(frozen=True)
class Sizes:
    """The sizes a method is built for, and where it computes."""

    n_samples: int
    n_classes: int
    n_channels: int
    image_size: tuple[int, int]
    """(height, width) in pixels."""
    device: torch.device
    class_names: tuple[str, ...] = ()
    measured_transition: tuple[tuple[float, ...], ...] | None = None
    """(C, C), P(given | true) as counted where true labels are known, for a method that is told
    to use it; no method sees a true label."""


@dataclass(frozen=True, slots=True)
class StepLog:
    """What the log keeps of a batch, all detached, on the device, from the run's pass."""

    logits: Tensor
    """(B, C), raw."""
    cosine: Tensor
    """(B, C), Eq. 10."""
    loss: Tensor
    """(B,), unweighted, against the given label, nat."""
    weight: Tensor | None
    """(B,), factor used on the loss; None where a method's loss has no factor a sample."""


class Record(Protocol):
    """Keeps what a method tells of some samples until the epoch ends; the last word counts."""

    def __call__(
        self,
        sample_id: Tensor,
        log: StepLog | None,
        *,
        network: int = 1,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Record samples (B,) of a network, from 1; `state` has columns (B,) of `Method.state`."""


class Method(nn.Module, ABC):
    """A method's networks, losses, weightings and tables are its submodules and buffers.

    So one `state_dict` holds them, and a resumed run equals an unbroken one. Randomness comes
    from `EpochData`'s generators or from torch's, which the loop seeds for each epoch.
    """

    arguments: ClassVar[tuple[Argument | Choice, ...]] = ()
    """What `--method-args` may set."""
    min_classes: ClassVar[int] = 2
    """Classes that it needs."""
    n_networks: ClassVar[int] = 1
    """Networks that are logged."""
    weighs_samples: ClassVar[bool] = True
    """Whether its loss has a term a sample that a weighting can multiply."""
    has_own_loss: ClassVar[bool] = False
    """Whether it says itself what is made smaller, so that no `--loss` can."""
    takes_threshold_samples: ClassVar[bool] = False
    """Whether it can train on an extra class that no picture belongs to."""
    changes_labels: ClassVar[bool] = False
    """Whether it comes to train on labels of its own in place of the given ones."""
    pass_name: ClassVar[str] = "training"
    """Which pass is recorded, in every epoch: `training` or `evaluation`."""
    skips_samples: ClassVar[bool] = False
    """Whether some epochs leave samples out, of which the log then has no row."""
    state: ClassVar[tuple[MethodColumn, ...]] = ()
    """What the method knows of each sample, for the log."""
    metrics: ClassVar[tuple[MethodMetric, ...]] = ()
    """What it knows of each epoch, for the log: see `epoch_metrics`."""
    stages: Stages | None = None
    """Trainings one after another in the run's epochs; each has a learning rate of its own."""
    optimizers: list[torch.optim.Optimizer]

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.sizes = sizes
        self.args = argument_values(
            f"method {config.method!r}",
            "--method-args",
            self.arguments,
            config.method_args,
            config.epochs,
        )
        if sizes.n_classes < self.min_classes:
            raise UsageError(
                f"method {config.method!r} needs {self.min_classes} classes or more, and the data "
                f"has {sizes.n_classes}"
            )
        if config.loss != "ce" and self.has_own_loss:
            raise UsageError(
                f"method {config.method!r} has a loss of its own, so --loss {config.loss} would "
                "do nothing: leave the loss out"
            )
        if config.weighting != "uniform" and not self.weighs_samples:
            raise UsageError(
                f"--weighting {config.weighting} multiplies the loss of each sample, and method "
                f"{config.method!r} has no such term: leave the weighting out"
            )

    def set_epoch(self, epoch: int) -> float:
        """Set the learning rate of an epoch, and return it; it starts anew in each stage."""
        config, n_epochs = self.config, self.config.epochs
        if self.stages is not None:
            stage = self.stages.of(epoch)
            epoch, n_epochs = stage.position(epoch), stage.n_epochs
        rate = learning_rate(
            config.schedule,
            config.learning_rate,
            epoch,
            n_epochs,
            config.schedule_at,
            config.schedule_factor,
        )
        self.set_rate(rate)
        return rate

    def set_rate(self, rate: float) -> None:
        """Let every optimizer take its steps at this learning rate."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def stage(self, epoch: int) -> str | None:
        """Return the stage that a trained epoch belonged to, None for a method without stages."""
        return None if self.stages is None else self.stages.of(epoch).name

    @property
    def validation_share(self) -> float:
        """Share of the training samples that is held out, in [0, 1); 0 for most methods."""
        return self.args.get("validation_share", 0.0)

    def epoch_metrics(self) -> dict[str, float]:
        """Return `metrics` of the epoch just trained; a name left out is unknown."""
        return {}

    def facts(self) -> dict[str, Any]:
        """Return what the method has found out so far, as `method_facts` of `run.json`."""
        return {}

    def n_passes(self, epoch: int) -> float:
        """Return how many pictures an epoch takes, as a multiple of the training set's size."""
        return 1.0

    @abstractmethod
    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        """Train for one epoch, and record every sample and network in the method's pass."""

    @abstractmethod
    def predict(self, images: Tensor) -> Forward:
        """Return the evaluation pass of images (B, channels, height, width); no gradient.

        Of two networks, the mean of their logits, and the features of the first.
        """

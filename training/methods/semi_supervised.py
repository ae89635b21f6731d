"""What methods of two networks share that label a part of the data and guess the rest."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor

from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import mixmatch, parts
from training.methods.base import Method, Record, Sizes
from training.methods.best_so_far import evaluated
from training.methods.mixed_weight import MixedWeighting
from training.networks.base import Classifier


class SemiSupervised(Method):
    """Two networks: warm-up with cross entropy, then each learns from labelled and guessed labels.

    The pass that ends an epoch is logged. A weighting multiplies the loss of the mixed pictures
    after the warm-up, see `MixedWeighting`.
    """

    n_networks = 2
    pass_name = "evaluation"
    weighs_guesses: ClassVar[bool] = False
    """Whether a weighting multiplies the squared error of guessed pictures, too."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.loss = parts.new_loss(config, sizes)
        self.networks = parts.module_list(lambda: parts.new_network(config, sizes), 2)
        self.weightings = parts.module_list(lambda: MixedWeighting(config, sizes), 2)
        self.optimizers = [parts.new_optimizer(config, n.parameters()) for n in self.networks]

    def network(self, place: int) -> Classifier:
        """Return the first network (0) or the second (1)."""
        return cast(Classifier, self.networks[place])

    def weighting(self, place: int) -> MixedWeighting:
        """Return the weighting of the first network (0) or of the second (1)."""
        return cast(MixedWeighting, self.weightings[place])

    def stage(self, epoch: int) -> str:
        return "warm-up" if epoch <= self.args["warmup_epochs"] else "semi-supervised"

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction(self.networks, images)

    def warm_up(self, place: int, data: EpochData) -> None:
        """Train one network for an epoch on the given labels."""
        network = self.network(place).train()
        for batch in data.batches():
            with autocast(self.sizes.device):
                out = network(batch.images)
            objective = parts.penalised(self.loss(out, batch).mean(), out, self.config)
            self.descend(place, data, objective)

    def descend(self, place: int, data: EpochData, objective: Tensor) -> None:
        """Let a network take a step; a method that trains more beside it adds that here."""
        parts.descend(self.optimizers[place], objective)

    def train_split(
        self,
        place: int,
        data: EpochData,
        is_labelled: Tensor,
        trust: Tensor,
        views: Sequence[str],
        n_guessed: int | None = None,
        whole: bool = False,
    ) -> None:
        """Train one network for an epoch over the labelled samples, each batch with a guessed one.

        Without a labelled sample it is an epoch of warm-up.

        Parameters
        ----------
        place : int
        data : EpochData
        is_labelled, trust : Tensor of shape (N,)
            Which samples are, and how far their given labels are believed, in [0, 1].
        views : sequence of str
            Policies of `EpochData.batches`, of labelled and of unlabelled pictures.
        n_guessed : int, optional
            Unlabelled samples of a step. Default: as many as labelled ones, half of a batch.
        whole : bool
            Whether the last batch of a pass is left out if it is a smaller one.
        """
        labelled, unlabelled = (mask.nonzero()[:, 0].cpu() for mask in (is_labelled, ~is_labelled))
        if len(labelled) == 0:
            self.warm_up(place, data)
            return
        size = max(1, data.batch_size // 2)

        def batches(rows: Tensor, batch_size: int) -> Iterator[Batch]:
            order = rows[torch.randperm(len(rows), generator=data.generator)]
            if whole and len(order) > batch_size:
                order = order[: len(order) - len(order) % batch_size]
            return data.batches(order, len(views), views, batch_size)

        n_steps = max(1, len(labelled) // size) if whole else -(-len(labelled) // size)
        others = endless(lambda: batches(unlabelled, n_guessed or size))
        for number, batch in enumerate(batches(labelled, size)):
            other = next(others) if len(unlabelled) else None
            progress = data.epoch - 1 + number / n_steps
            ramp = mixmatch.ramp(progress, self.args["warmup_epochs"], self.args["ramp_epochs"])
            weight = self.args["lambda_u"] * ramp
            objective = self.split_objective(place, data, batch, other, trust, weight)
            self.descend(place, data, objective)

    def split_objective(
        self,
        place: int,
        data: EpochData,
        labelled: Batch,
        unlabelled: Batch | None,
        trust: Tensor,
        guessed_weight: float,
    ) -> Tensor:
        """Return the number that a step makes smaller: MixMatch's, and `added_objective`.

        The first two views are guessed from, the last two are mixed and trained on. `trust` (N,)
        as of `train_split`; `guessed_weight` is lambda_u as far as it has risen.
        """
        network, peer = self.network(place).train(), self.network(1 - place).eval()
        temperature = self.args["temperature"]
        guess, believed = self.guess([network], labelled.views[:2]), trust[labelled.sample_id]
        target = mixmatch.refined_labels(labelled.given_label, believed, guess, temperature)
        views, targets, rows = [*labelled.views[-2:]], [target] * 2, [labelled.sample_id] * 2
        added: Tensor | float = 0.0
        if unlabelled is not None:
            guess = self.guess([network, peer], unlabelled.views[:2])
            views += unlabelled.views[-2:]
            targets += [mixmatch.sharpen(guess, temperature)] * 2
            rows += [unlabelled.sample_id] * 2
            added = self.added_objective(place, unlabelled.views[-2:])
        target, sample_id = torch.cat(targets), torch.cat(rows)
        mixture = mixmatch.mixed(torch.cat(views), target, self.args["mixup_alpha"], data.rng)
        with autocast(self.sizes.device):
            out = network(mixture.images)
        n = 2 * len(labelled.sample_id)
        is_labelled = torch.arange(len(sample_id), device=sample_id.device) < n
        factor = self.weighting(place).of_mixed(
            out, target, mixture.share, mixture.other, sample_id, data.epoch, is_labelled
        )
        losses = mixmatch.soft_cross_entropy(out.logits[:n], mixture.targets[:n])
        objective = (factor[:n] * losses).mean() + mixmatch.prior_penalty(out.logits)
        if unlabelled is not None:
            errors = mixmatch.squared_error(out.logits[n:], mixture.targets[n:])
            errors = factor[n:] * errors if self.weighs_guesses else errors
            objective = objective + guessed_weight * errors.mean()
        return added + objective

    def added_objective(self, place: int, views: Sequence[Tensor]) -> Tensor | float:
        """Return what two views of unlabelled pictures add to a step; 0 for most methods."""
        return 0.0

    @torch.no_grad()
    def guess(self, networks: Iterable[torch.nn.Module], views: Sequence[Tensor]) -> Tensor:
        """Return the mean probabilities (B, C) over networks and views, in the networks' modes."""
        probs = []
        for network in networks:
            for view in views:
                with autocast(self.sizes.device):
                    logits = network(view).logits
                probs.append(logits.float().softmax(dim=1))
        return torch.stack(probs).mean(dim=0)

    @torch.no_grad()
    def evaluate(
        self, place: int, data: EpochData, record: Record | None
    ) -> Iterator[tuple[Batch, Forward, Tensor]]:
        """Yield each batch of a network's evaluation pass, its output and its loss (B,), nat.

        It is logged where there is a `record`.
        """
        for out, batch in evaluated(self.network(place), data):
            log = parts.evaluation_log(out, batch)
            if record is not None:
                log = self.weighting(place).weighed(log, batch)
                record(batch.sample_id, log, network=place + 1)
            yield batch, out, log.loss


def endless(make: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
    """Yield the batches of passes made one after another."""
    while True:
        yield from make()

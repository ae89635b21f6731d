"""What DivideMix and its relatives share: the peer's losses part the data, and MixMatch."""

from typing import ClassVar

import torch
from torch import Tensor

from hmw_core.catalogue import Argument, Choice
from hmw_core.log.schema import MethodColumn
from hmw_core.statistics.mixtures import divide_mix_posterior
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.base import Record, Sizes
from training.methods.semi_supervised import SemiSupervised

N_HISTORY = 5  # epochs whose losses are kept for the mean that the mixture may be fitted to


class SplitByLoss(SemiSupervised):
    """Two networks that split the samples by loss for each other; DivideMix as it is published."""

    arguments: ClassVar[tuple[Argument | Choice, ...]] = (
        Argument("warmup_epochs", 10, 1, 1e6, "epochs", "of cross entropy", whole=True),
        Argument("lambda_u", 25.0, 0.0, 1e4, "", "weight of the unlabelled loss"),
        Argument("ramp_epochs", 16, 1, 1e6, "epochs", "until lambda_u is reached", whole=True),
        Argument("p_threshold", 0.5, 0.0, 1.0, "", "posterior above which a sample is labelled"),
        Argument("temperature", 0.5, 0.01, 10.0, "", "of the sharpened labels"),
        Argument("mixup_alpha", 4.0, 0.01, 100.0, "", "of the beta distribution of mixtures"),
        Argument(
            "loss_history", 1, 1, N_HISTORY, "epochs", "whose losses are averaged", whole=True
        ),
    )
    state: ClassVar[tuple[MethodColumn, ...]] = (
        MethodColumn(
            "gmm_posterior",
            unit="probability",
            range="[0, 1]",
            meaning="posterior of the Gaussian of small losses: belief in the given label",
            higher_means="clean",
        ),
    )
    posterior: Tensor
    loss_history: Tensor

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        nobody = torch.zeros(2, sizes.n_samples, device=sizes.device)
        self.register_buffer("posterior", nobody + 0.5)
        self.register_buffer("loss_history", nobody.repeat(N_HISTORY, 1, 1))

    def n_passes(self, epoch: int) -> float:
        if epoch <= self.args["warmup_epochs"]:
            return 4.0  # both networks train, and both are evaluated
        labelled = self._is_labelled().float().mean(dim=1)  # (2,)
        # Two views of each labelled picture and as many of unlabelled ones.
        taken = torch.where(labelled == 0, 1.0, torch.where(labelled == 1, 2.0, 4 * labelled))
        return 2.0 + float(taken.sum())

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        is_labelled = self._is_labelled()  # by both, before either is trained
        for place in (0, 1):
            if epoch <= self.args["warmup_epochs"]:
                self.warm_up(place, data)
            else:
                peer = 1 - place
                split = is_labelled[peer], self.posterior[peer]
                self.train_split(place, data, *split, ("weak", "weak"))
        self._fit_mixtures(data, record)

    def _is_labelled(self) -> Tensor:
        """Return which samples each network takes for clean, (2, N)."""
        return self.posterior > self.args["p_threshold"]

    @torch.no_grad()
    def _fit_mixtures(self, data: EpochData, record: Record) -> None:
        """Log both networks' evaluation pass, and fit the mixtures that part the next epoch."""
        losses = torch.zeros_like(self.posterior)
        for place in (0, 1):
            for batch, _, loss in self.evaluate(place, data, record):
                losses[place, batch.sample_id] = loss
        low, high = losses.amin(dim=1, keepdim=True), losses.amax(dim=1, keepdim=True)
        scaled = (losses - low) / (high - low).clamp(min=1e-12)
        self.loss_history.copy_(torch.cat([self.loss_history[1:], scaled[None]]))
        n_averaged = min(self.args["loss_history"], data.epoch)  # there are no earlier ones
        means = self.loss_history[-n_averaged:].mean(dim=0)
        everyone = torch.arange(data.n_samples, device=losses.device)
        for place in (0, 1):
            posterior = divide_mix_posterior(means[place].cpu().numpy())
            self.posterior[place] = torch.from_numpy(posterior).to(losses)
            state = {"gmm_posterior": self.posterior[place]}
            record(everyone, None, network=place + 1, state=state)

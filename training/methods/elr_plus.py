"""ELR+: early-learning regularization of two networks on mixed pictures, each other's memory."""

import math
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from hmw_core.catalogue import Argument, Choice
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import mixmatch, parts
from training.methods.base import Record, Sizes
from training.methods.best_so_far import evaluated
from training.methods.early_learning import clamped, regularizer, updated
from training.methods.label_tables import METHOD_LABEL
from training.methods.mixed_weight import MixedWeighting
from training.methods.moving_average import MovingAverage
from training.methods.two_networks import TwoNetworks

STEEPNESS = 5.0  # of every ramp, as in the released code
RAMP = 102.3  # epochs: the 40000 steps of the released code, of 128 of 50000 pictures
PUBLISHED = 200  # epochs


class ELRPlus(TwoNetworks):
    """ELR+: two networks, of which each is held to what the other's slow copy says.

    Each network has a copy whose parameters are a running mean of its own. In a step a network
    takes mixed pictures, and the peer's copy the same pictures unmixed, with batch statistics; the
    network's memory of the samples is updated by what the copy says. The loss is cross entropy
    with the mixed labels plus lambda x log(1 - <m, p>), where m is the memory mixed as the pictures
    are. With `targets` = `remembered` the mixed label is multiplied by m and normalised first, as
    published for 100 classes. The prediction is the mean of both networks' logits; the copies do
    not take part.

    As published the ramps count steps of the source's training. Here they count epochs, scaled to
    the run's. The networks are trained one after the other in an epoch. The memory is updated by
    probabilities as they are, ELR's by clamped ones. The source holds out a tenth of the training
    set to pick the best epoch; here all samples are trained on, and the last epoch is the result.
    As training passes are mixed, an evaluation pass at the end of each epoch is logged. A
    weighting multiplies the cross entropy of the mixed pictures.

    Source: Liu et al. (NeurIPS 2020), Section 4.3, and the released code at 934af53.
    """

    arguments = (
        Argument("beta", 0.7, 0.0, 0.9999, "", "share of the memory that an update keeps"),
        Argument("lambda", 3.0, 0.0, 1e4, "", "weight of the pull towards the memory"),
        Argument(
            "ramp_epochs", 0.0, 0.0, 1e6, "epochs", "until lambda is reached", of_epochs=PUBLISHED
        ),
        Argument("mixup_alpha", 1.0, 0.01, 100.0, "", "of the beta distribution of mixtures"),
        Argument("ema_decay", 0.997, 0.0, 0.99999, "", "share that the slow copy keeps in a step"),
        Argument(
            "ema_ramp_epochs",
            RAMP,
            0.0,
            1e6,
            "epochs",
            "until ema_decay is reached; 0 makes the copy the plain mean of all steps before",
            of_epochs=PUBLISHED,
        ),
        Choice(
            "targets",
            "given",
            ("given", "remembered"),
            "whether the mixed labels are taken as they are, or times the mixed memory",
        ),
    )
    has_own_loss = True
    has_late_momentum = False
    pass_name = "evaluation"
    state = (
        MethodColumn(
            "elr_target",
            unit="probability",
            range="[0, 1)",
            meaning="the network's memory of the given label after this epoch: the mean "
            "probability so far by the other network's slow copy",
            higher_means="clean",
        ),
        METHOD_LABEL,
    )
    memory: Tensor
    """(2, N, C)."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.weightings = parts.module_list(lambda: MixedWeighting(config, sizes), 2)
        places = iter((0, 1))
        self.copies = parts.module_list(
            lambda: MovingAverage(config, sizes, self.network(next(places))), 2
        )
        nothing = torch.zeros(2, sizes.n_samples, sizes.n_classes, device=sizes.device)
        self.register_buffer("memory", nothing)

    def n_passes(self, epoch: int) -> float:
        return 4.0  # each network is trained, then evaluated

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        for place in (0, 1):
            self._train(place, data)
        for place in (0, 1):
            self._evaluate(place, data, record)

    def _train(self, place: int, data: EpochData) -> None:
        """Train one network for an epoch, with the memory that its peer's copy writes."""
        network, own, peer = self.network(place), self._copy(place), self._copy(1 - place)
        self.train()
        n_steps = -(-len(data.training_id) // data.batch_size)
        for number, batch in enumerate(data.batches()):
            with torch.no_grad(), autocast(self.sizes.device):
                said = peer.network(batch.images).logits.float().softmax(dim=1)
            rows = batch.sample_id
            memory = updated(self.memory[place, rows], said, self.args["beta"])
            self.memory[place, rows] = memory
            step = (data.epoch - 1) * n_steps + number
            weight = self.args["lambda"] * ramp(step, self.args["ramp_epochs"] * n_steps)
            objective = self._objective(place, batch, memory, weight, data)
            parts.descend(self.optimizers[place], objective)
            decay, n_ramp = self.args["ema_decay"], self.args["ema_ramp_epochs"] * n_steps
            own.follow(network, ramped_decay(step, n_ramp, decay))

    def _objective(
        self, place: int, batch: Batch, memory: Tensor, weight: float, data: EpochData
    ) -> Tensor:
        """Return the number that a step makes smaller; `memory` (B, C) is the batch's."""
        given = F.one_hot(batch.given_label, self.sizes.n_classes).float()
        mixture = mixmatch.mixed(batch.images, given, self.args["mixup_alpha"], data.rng)
        share, other = mixture.share, mixture.other
        memory = share * memory + (1 - share) * memory[other]
        targets = mixture.targets
        if self.args["targets"] == "remembered":
            targets = remembered(targets, memory)
        with autocast(self.sizes.device):
            out = self.network(place)(mixture.images)
        logits = out.loss_logits(self.config.normalize_logits)
        factor = self._weighting(place).of_mixed(
            out, given, share, other, batch.sample_id, batch.epoch
        )
        losses = factor * mixmatch.soft_cross_entropy(logits, targets)
        losses = losses + weight * regularizer(memory, clamped(logits.softmax(dim=1)))
        return parts.penalised(losses.mean(), out, self.config)

    def _evaluate(self, place: int, data: EpochData, record: Record) -> None:
        """Log a network's evaluation pass, and its memory."""
        for out, batch in evaluated(self.network(place), data):
            log = self._weighting(place).weighed(parts.evaluation_log(out, batch), batch)
            memory = self.memory[place, batch.sample_id]
            state = {
                "elr_target": memory.gather(1, batch.given_label[:, None])[:, 0],
                "method_label": memory.argmax(dim=1),
            }
            record(batch.sample_id, log, network=place + 1, state=state)

    def _copy(self, place: int) -> MovingAverage:
        return cast(MovingAverage, self.copies[place])

    def _weighting(self, place: int) -> MixedWeighting:
        return cast(MixedWeighting, self.weightings[place])


def ramp(step: float, n_steps: float) -> float:
    """Return how far something has risen, exp(-5) at step 0 to 1 at `n_steps`; 1 if that is 0.

    Examples
    --------
    >>> round(ramp(20000, 40000), 4)
    0.2865
    """
    if n_steps == 0:
        return 1.0
    return math.exp(-STEEPNESS * (1 - min(step / n_steps, 1.0)) ** 2)


def ramped_decay(step: int, n_steps: float, decay: float) -> float:
    """Return the share that a running mean keeps in a step (from 0), at most `decay`.

    Where there is no ramp it is the share that makes a plain mean of all steps.

    Examples
    --------
    >>> [ramped_decay(step, 0, 0.997) for step in (0, 1, 3, 999)]
    [0.0, 0.5, 0.75, 0.997]
    """
    if n_steps == 0:
        return min(1 - 1 / (step + 1), decay)
    return decay * ramp(step, n_steps)


def remembered(targets: Tensor, memory: Tensor) -> Tensor:
    """Return targets (B, C) times the memory (B, C), made to sum to 1.

    A target of whose classes nothing is remembered stays.

    Examples
    --------
    >>> remembered(torch.tensor([[0.6, 0.4, 0.0]]), torch.tensor([[0.2, 0.1, 0.5]]))
    tensor([[0.7500, 0.2500, 0.0000]])
    """
    product = targets * memory
    total = product.sum(dim=1, keepdim=True)
    is_known = total > torch.finfo(total.dtype).tiny
    return torch.where(is_known, product / torch.where(is_known, total, 1.0), targets)

"""Iterative-CV (INCV): trainings on halves select what they predict, then Co-teaching on that."""

import torch
from torch import Tensor

from hmw_core.catalogue import Argument, Choice
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.losses.stable import cross_entropy
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods import parts
from training.methods.base import Record, Sizes
from training.methods.best_so_far import evaluated
from training.methods.small_loss import smallest
from training.methods.stages import Stages
from training.methods.two_networks import TwoNetworks

N_ROUNDS = 4
NEVER = N_ROUNDS + 1
ROUNDS = tuple(f"selection {number}" for number in range(1, N_ROUNDS + 1))
SELECTION_STEPS = ((0.4, 0.5), (0.6, 0.25), (0.8, 0.1))
"""Of a selection: share of its epochs, and the factor on the learning rate from there on."""
HARD_RATE = 0.6  # a noise rate above which the main training waits longer
ONE_WRONG_CLASS = ("asymmetric", "superclass_shift", "block_shift", "pair_flip")
FORMS = ("auto", "symmetric", "asymmetric")


class IterativeCV(TwoNetworks):
    """Iterative-CV (INCV): select samples by cross-validation four times, then train on them.

    Selection: all samples that are not selected yet are cut into halves A and B. From the same
    initial weights, the first network is trained on the selected ones and A, the second, in the
    same epochs, on the selected ones and B. Each then predicts the half that it has not seen, and
    where the prediction is the given label, the sample is selected. The first half that is
    predicted also tells the noise rate. Under symmetric noise each half gives up samples of the
    largest loss for good; one of these that is selected stays so.

    Main training: two networks drawn anew pick small losses of the selected for each other, nearly
    all of them, since few selected labels are wrong. After a warm-up each batch is joined by some
    of the samples never selected, while the number that is picked stays the same.

    The last epoch of a selection predicts; the source takes the best epoch on clean validation
    samples in some rounds. Weights begin anew in each selection, the optimizers go on, as in the
    source. A selection's learning rate falls as in the source unless the schedule is constant.
    Where nothing is selected, all that is left is taken as selected. Of the networks' log, a sample
    has a row where that network was trained on it.

    Source: Chen et al. (ICML 2019), Algorithms 1 to 3, and the released code at a6c8e0d.
    """

    arguments = (
        Argument(
            "selection_epochs",
            50,
            1,
            1e6,
            "epochs",
            "of each of the four selections",
            whole=True,
            of_epochs=400,
        ),
        Argument(
            "warmup_epochs",
            40,
            1,
            1e6,
            "epochs",
            "of the main training without the samples never selected; twice as many under "
            "asymmetric noise, or above a noise rate of 0.6",
            whole=True,
            of_epochs=400,
        ),
        Argument(
            "gradual_epochs",
            10,
            1,
            1e6,
            "epochs",
            "of the main training until as many are dropped as are thought wrong",
            whole=True,
            of_epochs=400,
        ),
        Choice(
            "noise_form",
            "auto",
            FORMS,
            "whether wrong labels fall on all classes alike or on one; auto: as the noise of the "
            "run, symmetric where that is not known",
        ),
        Choice(
            "removal",
            "auto",
            ("auto", "yes", "no"),
            "whether each half gives up samples of large loss; auto: under symmetric noise",
        ),
    )
    skips_samples = True
    has_late_momentum = False
    state = (
        MethodColumn(
            "incv_round",
            unit="",
            range=f"1 to {NEVER}",
            meaning=f"selection in which the sample was selected; {NEVER}: removed or never, null: "
            "not yet",
            dtype="int32",
            higher_means="mislabeled",
        ),
        MethodColumn(
            "held_out_loss",
            unit="nat",
            range=">= 0",
            meaning="cross entropy by the network that had not seen the sample, as last predicted",
            higher_means="mislabeled",
        ),
    )
    metrics = (
        MethodMetric("n_selected", "samples", "selected so far"),
        MethodMetric("n_removed", "samples", "removed so far and not selected"),
    )
    stages: Stages
    entered: Tensor
    is_removed: Tensor
    half_of: Tensor
    held_out_loss: Tensor
    noise_rate: Tensor

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        n = self.args["selection_epochs"]
        lengths = ((name, n) for name in ROUNDS)
        self.stages = Stages(config.method, config.epochs, *lengths, ("train", None))
        self.initial = parts.new_network(config, sizes).requires_grad_(False)
        n_samples, device = sizes.n_samples, sizes.device
        zeros = torch.zeros(n_samples, dtype=torch.int64, device=device)
        self.register_buffer("entered", zeros)  # (N,), the selection, 0 for none
        self.register_buffer("is_removed", zeros.bool())
        self.register_buffer("half_of", zeros - 1)  # 0 for A, 1 for B, -1 for neither
        loss = torch.full((n_samples,), torch.nan, device=device)
        self.register_buffer("held_out_loss", loss)
        self.register_buffer("noise_rate", torch.full((), torch.nan, device=device))
        form = self.args["noise_form"]
        if form == "auto":
            form = "asymmetric" if config.noise in ONE_WRONG_CLASS else "symmetric"
        self.is_symmetric = form == "symmetric"
        removal = self.args["removal"]
        self.removes = self.is_symmetric if removal == "auto" else removal == "yes"

    def set_epoch(self, epoch: int) -> float:
        rate = super().set_epoch(epoch)
        stage, config = self.stages.of(epoch), self.config
        if stage.name in ROUNDS and config.schedule != "constant":
            done = (stage.position(epoch) - 1) / stage.n_epochs
            factor = [1.0, *(factor for at, factor in SELECTION_STEPS if done >= at)][-1]
            rate = config.learning_rate * factor
            self.set_rate(rate)
        return rate

    def facts(self) -> dict[str, float]:
        rate = float(self.noise_rate)
        return {} if rate != rate else {"noise_rate": rate}

    def epoch_metrics(self) -> dict[str, float]:
        is_selected = self.entered > 0
        n_removed = int((self.is_removed & ~is_selected).sum())
        return {"n_selected": int(is_selected.sum()), "n_removed": n_removed}

    def n_passes(self, epoch: int) -> float:
        stage = self.stages.of(epoch)
        is_selected = self.entered > 0
        selected = float(is_selected.float().mean())
        left = float((~is_selected & ~self.is_removed).float().mean())
        if stage.name in ROUNDS:
            return 2 * selected + left * (1 + (epoch == stage.last))
        if selected == 0:
            return left
        joins = stage.position(epoch) > self._n_warmup()
        return selected + joins * min(left, selected / 2)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        stage = self.stages.of(epoch)
        if stage.name not in ROUNDS:
            if epoch == stage.first:
                for place, optimizer in enumerate(self.optimizers):
                    parts.reset(self.network(place), optimizer, self.config, self.sizes)
            self._train(stage.position(epoch), data, record)
            self._tell(record, is_over=True)
            return
        if epoch == stage.first:
            for network in self.networks:
                network.load_state_dict(self.initial.state_dict())
            self.half_of.copy_(halves(self._left(data), data.generator))
        for place in (0, 1):
            self._fit(place, data, record)
        if epoch == stage.last:
            number = ROUNDS.index(stage.name) + 1
            self._select(number, data)
            self._tell(record, is_over=number == N_ROUNDS)
        else:
            self._tell(record, is_over=False)

    def _left(self, data: EpochData) -> Tensor:
        """Return which samples are neither selected nor removed, (N,) bool, on the CPU."""
        is_trained = torch.zeros(data.n_samples, dtype=torch.bool)
        is_trained[data.training_id] = True
        return is_trained & ~(self.is_removed | (self.entered > 0)).cpu()

    def _fit(self, place: int, data: EpochData, record: Record) -> None:
        """Train one network for an epoch on the selected samples and its half."""
        wanted = ((self.entered > 0) | (self.half_of == place)).cpu()
        rows = data.training_id[wanted[data.training_id]]
        if len(rows) == 0:  # the smaller half of a single sample
            rows = data.training_id
        order = rows[torch.randperm(len(rows), generator=data.generator)]
        self.networks[place].train()
        for batch in data.batches(order):
            own = self.own_pass(place, batch)
            parts.descend(self.optimizers[place], (own.weight * own.losses).mean())
            record(batch.sample_id, own.log, network=place + 1)

    def _select(self, number: int, data: EpochData) -> None:
        """Let each network predict the other's half; select, estimate the rate, and remove."""
        agrees = torch.zeros_like(self.is_removed)
        for place in (0, 1):
            unseen = (self.half_of == 1 - place).cpu().nonzero()[:, 0]
            for out, batch in evaluated(self.network(place), data, unseen):
                loss = cross_entropy(out.logits, batch.given_label)
                self.held_out_loss[batch.sample_id] = loss
                agrees[batch.sample_id] = out.logits.argmax(dim=1) == batch.given_label
        first = self.half_of == 1  # what the first network has not seen
        if bool(self.noise_rate.isnan()) and bool(first.any()):
            agreement = float(agrees[first].float().mean())
            self.noise_rate.fill_(estimated_rate(agreement, self.sizes.n_classes))
        if self.removes:
            share = removal_share(float(self.noise_rate))
            for part in (0, 1):
                members = (self.half_of == part).nonzero()[:, 0]
                n = min(int(share * float(agrees[members].sum()) + 1e-9), len(members))
                largest = self.held_out_loss[members].argsort(descending=True, stable=True)[:n]
                self.is_removed[members[largest]] = True
        self.entered[agrees] = number

    def _n_warmup(self) -> int:
        """Return the epochs of the main training without the samples never selected."""
        is_hard = not self.is_symmetric or float(self.noise_rate) > HARD_RATE
        return self.args["warmup_epochs"] * (1 + is_hard)

    def _train(self, position: int, data: EpochData, record: Record) -> None:
        """Train both networks for an epoch of the main training; `position` counts from 1."""
        left = self._left(data)
        selected = data.training_id[(self.entered > 0).cpu()[data.training_id]]
        others = left.nonzero()[:, 0]
        if len(selected) == 0:
            selected, others = others, others[:0]
        if position <= self._n_warmup():
            others = others[:0]
        selected = selected[torch.randperm(len(selected), generator=data.generator)]
        others = others[torch.randperm(len(others), generator=data.generator)]
        order, sizes, n_selected = joined(selected, others, data.batch_size)
        rate = float(self.noise_rate)
        wrong = wrong_share(0.0 if rate != rate else rate, self._n_wrong_classes())
        self.train()
        for batch, n in zip(data.batches(order, batch_size=sizes), n_selected, strict=True):
            passes = self.both(batch)
            n_picked = n_kept(n, wrong, position - 1, self.args["gradual_epochs"])
            first, second = (smallest(own.log.loss, n_picked) for own in passes)
            for place, picked in ((0, second), (1, first)):  # each on its peer's choice
                log = self.step(place, passes[place], picked, n_picked)
                record(batch.sample_id, log, network=place + 1)

    def _n_wrong_classes(self) -> int:
        return self.sizes.n_classes - 1 if self.is_symmetric else 1

    def _tell(self, record: Record, is_over: bool) -> None:
        """Record the state: of the last selection on, what was not selected never is."""
        never = self.is_removed | (self.half_of >= 0) if is_over else self.is_removed
        number = torch.where(self.entered > 0, self.entered, NEVER * never).to(torch.int32)
        known = (number > 0).nonzero()[:, 0]
        held_out = (~self.held_out_loss.isnan()).nonzero()[:, 0]
        for network in (1, 2):
            if len(known):
                record(known, None, network=network, state={"incv_round": number[known]})
            if len(held_out):
                state = {"held_out_loss": self.held_out_loss[held_out]}
                record(held_out, None, network=network, state=state)


def halves(left: Tensor, generator: torch.Generator) -> Tensor:
    """Return 0 or 1 for two random halves of some samples (N,) bool, -1 for all others, (N,)."""
    rows = left.nonzero()[:, 0]
    rows = rows[torch.randperm(len(rows), generator=generator)]
    half = torch.full(left.shape, -1)
    half[rows[: (len(rows) + 1) // 2]] = 0
    half[rows[(len(rows) + 1) // 2 :]] = 1
    return half


def estimated_rate(agreement: float, n_classes: int) -> float:
    """Return the noise rate e at which (1 - e)^2 + e^2 / (C - 1) is the agreement, on a grid.

    The grid has steps of 0.001, from 0 to (C - 1) / C, where labels say nothing; the first value
    counts that comes down to the agreement, and for an agreement below chance this end.

    Examples
    --------
    >>> [estimated_rate(agreement, 10) for agreement in (1.0, 0.9, 0.7, 0.5, 0.3, 0.0)]
    [0.0, 0.052, 0.166, 0.3, 0.476, 0.9]
    """
    n = int(1000 * (n_classes - 1) / n_classes + 1e-9)
    grid = torch.arange(n + 1, dtype=torch.float64) / 1000
    found = (1 - grid) ** 2 + grid**2 / (n_classes - 1)
    reached = found <= agreement + 1e-9
    reached[-1] = True
    return float(grid[reached.to(torch.uint8).argmax()])


def removal_share(noise_rate: float) -> float:
    """Return how many samples a half gives up for each that is selected, 0 to 2."""
    return 2.0 if noise_rate >= 2 / 3 else noise_rate / (1 - noise_rate)


def wrong_share(noise_rate: float, n_wrong_classes: int) -> float:
    """Return the share of the selected labels that is wrong, [0, 1], where nets agree by chance."""
    wrong, right = noise_rate**2, n_wrong_classes * (1 - noise_rate) ** 2
    return wrong / (wrong + right)


def n_kept(n_selected: int, wrong: float, index: int, n_gradual: int) -> int:
    """Return how many of a batch's samples are picked, at least one.

    Parameters
    ----------
    n_selected : int
        Selected samples in the batch.
    wrong : float
        Of `wrong_share`.
    index : int
        Of the epoch, 0-based.
    n_gradual : int
        Epochs until as many are dropped as are wrong.
    """
    return max(1, round(n_selected * (1 - wrong * min(1.0, index / n_gradual))))


def joined(selected: Tensor, others: Tensor, batch_size: int) -> tuple[Tensor, int, list[int]]:
    """Return an order of batches of selected samples, each joined by some of the others.

    Each batch of B selected ones gets min(n_others x B / n_selected, B / 2) others, none twice.

    Returns
    -------
    order : Tensor of shape (M,)
    batch_size : int
        That it is cut by.
    n_selected : list of int
        Selected samples in each batch.
    """
    n_joining = 0
    if len(selected):
        batch = min(batch_size, len(selected))
        n_joining = min(len(others) * batch // len(selected), batch // 2)
    parts_of_order, n_selected = [], []
    for number, rows in enumerate(selected.split(batch_size)):
        n = min(n_joining, n_joining * len(rows) // min(batch_size, len(selected)))
        start = number * n_joining
        parts_of_order += [rows, others[start : start + n]]
        n_selected.append(len(rows))
    return torch.cat(parts_of_order), batch_size + n_joining, n_selected

"""CED (Nested + Co-teaching): features in the order of their use, then two networks that select."""

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.arguments import VALIDATION_SHARE
from training.methods.base import Record, Sizes
from training.methods.small_loss import KEPT, n_kept
from training.methods.stages import Stages
from training.methods.two_networks import TwoNetworks

TIE_BREAK = 1e-5  # what one more feature must add to the accuracy, as in the released code
MOST_LOGITS = 1 << 24  # of all cuts of some samples, held at once


class CED(TwoNetworks):
    """CED: two networks learn with nested dropout, then pick small-loss samples for each other.

    Nested: in each step only the first k features count, where small k are drawn far more often,
    so the first features carry what most labels agree on. The last layer has no bias. After each
    epoch every k is tried on the validation samples, and each network keeps its best. Co-teaching:
    each batch is cut in halves; a network picks the small-loss part of a half, in the evaluation
    pass at its best k, and its peer is trained on that, at drawn k, with batch norm frozen. The
    prediction is the mean of both networks' logits, each at its best k; features are masked alike.

    The last epoch of a stage is the result, where the source picks one by the test set. With no
    validation samples the best k is all features. In the second stage the learning rate starts
    lower and falls once, whatever the run's schedule; the optimizers begin anew. `nested_k` comes
    from the training pass while nested, later from the pass that picks, which each network makes of
    half of the samples; each network is trained on, and has log rows of, the other half's picked
    ones. Of a batch of one sample the halves are in turn empty. The source's VGG with two nested
    layers has one here: the last.

    Source: Chen et al. (CVPRW 2021), Boosting Co-teaching with Compression Regularization, and the
    released code at 9a2fc40.
    """

    arguments = (
        Argument(
            "nested_epochs",
            350,
            1,
            1e6,
            "epochs",
            "of training with nested dropout",
            whole=True,
            of_epochs=450,
        ),
        Argument(
            "warmup_epochs",
            38.0,
            0.0,
            1e6,
            "epochs",
            "in which the learning rate rises from 0, batch by batch",
            of_epochs=450,
        ),
        Argument(
            "cut_scale",
            None,
            0.1,
            1e5,
            "features",
            "a cut k is drawn by exp(-(k / cut_scale)^2); by default the number of classes",
        ),
        Argument("forget_rate", 0.2, 0.0, 1.0, "", "share of large losses that a half loses"),
        Argument("second_rate", 0.01, 0.0, 1.0, "", "learning rate of stage 2, of that of stage 1"),
        Argument("second_drop_at", 0.5, 0.0, 1.0, "", "share of stage 2 after which it falls"),
        VALIDATION_SHARE,
    )
    skips_samples = True
    has_late_momentum = False
    state = (
        dataclasses.replace(
            KEPT, meaning="whether the peer picked the sample for the network; true while nested"
        ),
        MethodColumn(
            "nested_k",
            unit="features",
            range="1 to D + 1",
            meaning="fewest features that predict the given label; one more than all if none do",
            dtype="int32",
            higher_means="mislabeled",
            over="mean",
        ),
    )
    metrics = (
        MethodMetric("best_k", "features", "with which the first network predicts"),
        MethodMetric("best_k_2", "features", "with which the second network predicts"),
    )
    stages: Stages
    best_k: Tensor
    cut_probs: Tensor

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(dataclasses.replace(config, class_bias=False), sizes)
        n = self.args["nested_epochs"]
        self.stages = Stages(config.method, config.epochs, ("nested", n), ("co-teaching", None))
        self.n_features = self.network(0).last_layer.in_features
        scale = self.args["cut_scale"] or float(sizes.n_classes)
        self.cut_probs = cut_probabilities(self.n_features, scale)  # (D,), on the CPU
        best = torch.full((2,), self.n_features, device=sizes.device)
        self.register_buffer("best_k", best)  # of each network

    def set_epoch(self, epoch: int) -> float:
        rate = super().set_epoch(epoch)
        stage, config = self.stages.of(epoch), self.config
        position = stage.position(epoch)
        if stage.name == "nested":
            return rate * min(1.0, position / max(self.args["warmup_epochs"], 1e-9))
        rate = config.learning_rate * self.args["second_rate"]
        if (position - 1) / stage.n_epochs >= self.args["second_drop_at"]:
            rate *= config.schedule_factor
        self.set_rate(rate)
        return rate

    def n_passes(self, epoch: int) -> float:
        # Both networks take all pictures, or one forward pass each as a pair; and the validation.
        return 2.0 if self.stages.of(epoch).name == "nested" else 1.0

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        stage = self.stages.of(epoch)
        if stage.name == "nested":
            for place in (0, 1):
                self._nested(place, stage.position(epoch), data, record)
        else:
            if epoch == stage.first:
                for optimizer in self.optimizers:
                    optimizer.state.clear()
            self._exchange(data, record)
        self._choose_cuts(data)

    def epoch_metrics(self) -> dict[str, float]:
        first, second = self.best_k.tolist()
        return {"best_k": first, "best_k_2": second}

    @torch.no_grad()
    def predict(self, images: Tensor) -> Forward:
        outs = []
        for network, k in zip(self.networks, self.best_k, strict=True):
            network.eval()
            with autocast(images.device):
                out = network(images)
            outs.append(masked(out, k))
        logits = torch.stack([out.logits for out in outs]).mean(dim=0)
        return Forward(logits, outs[0].features, outs[0].class_vectors)

    def _nested(self, place: int, position: int, data: EpochData, record: Record) -> None:
        """Train one network for an epoch with nested dropout."""
        optimizer = self.optimizers[place]
        rate = optimizer.param_groups[0]["lr"]
        n_warm = self.args["warmup_epochs"] * n_batches(len(data.training_id), data.batch_size)
        done = (position - 1) * n_batches(len(data.training_id), data.batch_size)
        self.networks[place].train()
        for number, (batch, cut) in enumerate(self._with_cuts(data), start=1):
            optimizer.param_groups[0]["lr"] = rate * min(1.0, (done + number) / max(n_warm, 1e-9))
            with autocast(self.sizes.device):
                out = self.networks[place](batch.images)
            first = smallest_cut(out, batch.given_label)
            used = torch.ones_like(batch.given_label, dtype=torch.bool)
            state = {"kept": used, "nested_k": first}
            self._step(place, masked(out, cut), batch, record, state)
        optimizer.param_groups[0]["lr"] = rate

    def _exchange(self, data: EpochData, record: Record) -> None:
        """Train both networks for an epoch, each on what its peer picks of half a batch."""
        for number, (batch, cut) in enumerate(self._with_cuts(data)):
            n = len(batch.sample_id)
            middle = (n + (number % 2 == 0)) // 2  # an odd sample goes to either half in turn
            everyone = torch.arange(n, device=batch.sample_id.device)
            halves = [part_of(batch, rows) for rows in (everyone[:middle], everyone[middle:])]
            # Both pick before either is trained.
            picked = [self._pick(place, half, record) for place, half in enumerate(halves)]
            for place, (half, rows) in enumerate(zip(halves, picked, strict=True)):
                peer = 1 - place
                if len(rows) == 0:
                    continue
                kept = part_of(half, rows)
                freeze_norms(self.networks[peer].train())
                with autocast(self.sizes.device):
                    out = self.networks[peer](kept.images)
                self._step(peer, masked(out, cut), kept, record, {})
                is_kept = torch.zeros_like(half.given_label, dtype=torch.bool)
                is_kept[rows] = True
                record(half.sample_id, None, network=peer + 1, state={"kept": is_kept})

    @torch.no_grad()
    def _pick(self, place: int, half: Batch, record: Record) -> Tensor:
        """Return the positions of a network's small losses in half a batch, (n,)."""
        if len(half.sample_id) == 0:
            return half.sample_id
        network = self.networks[place].eval()
        with autocast(self.sizes.device):
            out = network(half.images)
        state = {"nested_k": smallest_cut(out, half.given_label)}
        record(half.sample_id, None, network=place + 1, state=state)
        losses = self.losses[place](masked(out, self.best_k[place]), half)
        n = n_kept(len(losses), self.args["forget_rate"])
        return losses.argsort(stable=True)[:n]

    def _step(
        self, place: int, out: Forward, batch: Batch, record: Record, state: dict[str, Tensor]
    ) -> None:
        """Let one network take a step on a batch, and record it."""
        losses, weight, log = parts.weighted_step(
            out, batch, self.losses[place], self.weightings[place]
        )
        objective = parts.penalised((weight * losses).mean(), out, self.config)
        parts.descend(self.optimizers[place], objective)
        record(batch.sample_id, log, network=place + 1, state=state)

    def _with_cuts(self, data: EpochData) -> Iterator[tuple[Batch, int]]:
        """Yield the batches of a pass, each with a cut drawn for it."""
        n = n_batches(len(data.training_id), data.batch_size)
        draws = torch.multinomial(self.cut_probs, n, replacement=True, generator=data.generator)
        yield from zip(data.batches(), (draws + 1).tolist(), strict=True)

    @torch.no_grad()
    def _choose_cuts(self, data: EpochData) -> None:
        """Keep each network's best cut on the validation samples; without any, all features."""
        if len(data.validation_id) == 0:
            return
        n_right = torch.zeros(2, self.n_features, device=self.sizes.device)
        for network in self.networks:
            network.eval()
        for batch in data.plain(data.validation_id):
            for place, network in enumerate(self.networks):
                with autocast(self.sizes.device):
                    out = network(batch.images)
                right = right_by_cut(out.features, out.class_vectors, batch.given_label)
                n_right[place] += right.sum(dim=0)
        for place in (0, 1):
            self.best_k[place] = best_cut(n_right[place] / len(data.validation_id))


def cut_probabilities(n_features: int, scale: float) -> Tensor:
    """Return the probability of each cut k = 1 .. D, (D,), proportional to exp(-(k / scale)^2).

    Examples
    --------
    >>> [round(p, 6) for p in cut_probabilities(512, 10.0)[:3].tolist()]
    [0.118395, 0.114896, 0.109292]
    """
    k = torch.arange(1, n_features + 1, dtype=torch.float64)
    weights = ((1 - k**2) / scale**2).exp()  # of k = 1 it is 1, however small the scale
    return weights / weights.sum()


def masked(out: Forward, k: int | Tensor) -> Forward:
    """Return a pass in which only the first k features count; the class vectors stay."""
    features = out.features.float()
    features = features * (torch.arange(features.shape[1], device=features.device) < k)
    with torch.autocast(features.device.type, enabled=False):
        return Forward(features @ out.class_vectors.float().T, features, out.class_vectors)


def right_by_cut(features: Tensor, class_vectors: Tensor, label: Tensor) -> Tensor:
    """Return whether the first k features predict the label, (B, D) bool, for k = 1 .. D.

    Features that are all zero, or else leave two classes level, predict neither.
    """
    features, class_vectors = features.detach().float(), class_vectors.detach().float()
    n_at_once = max(1, MOST_LOGITS // class_vectors.numel())
    found = []
    with torch.autocast(features.device.type, enabled=False):
        for rows, own in zip(features.split(n_at_once), label.split(n_at_once), strict=True):
            logits = (rows[:, None, :] * class_vectors).cumsum(dim=2)  # (B, C, D)
            place = own[:, None, None].expand(-1, 1, logits.shape[2])
            given = logits.gather(1, place)[:, 0]
            others = logits.scatter_(1, place, -torch.inf).amax(dim=1)  # argmax takes ten times it
            found.append(given > others)
    return torch.cat(found)


def smallest_cut(out: Forward, label: Tensor) -> Tensor:
    """Return the fewest features that predict the label, (B,) int32; D + 1 where none do."""
    right = right_by_cut(out.features, out.class_vectors, label)
    first = right.to(torch.uint8).argmax(dim=1) + 1
    return torch.where(right.any(dim=1), first, right.shape[1] + 1).to(torch.int32)


def best_cut(accuracy: Tensor) -> Tensor:
    """Return the k of the best accuracy (D,), in which a feature more costs 1e-5."""
    k = torch.arange(1, len(accuracy) + 1, device=accuracy.device)
    return (accuracy - TIE_BREAK * k).argmax() + 1


def n_batches(n_samples: int, batch_size: int) -> int:
    """Return how many batches a pass has."""
    return -(-n_samples // batch_size)


def part_of(batch: Batch, rows: Tensor) -> Batch:
    """Return some samples of a batch, by position (n,)."""
    views = tuple(view[rows] for view in batch.views)
    return Batch(views, batch.given_label[rows], batch.sample_id[rows], batch.epoch)


def freeze_norms(network: nn.Module) -> None:
    """Let the batch norms of a network use what they have learned, and learn no more of it."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()

"""PuriDivER, offline: samples are correct, relabelled or unlabelled, and each part has a loss."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses.stable import cross_entropy
from hmw_core.statistics.mixtures import divide_mix_posterior
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import mixmatch, parts
from training.methods.base import Method, Record, Sizes
from training.methods.best_so_far import evaluated
from training.methods.label_tables import METHOD_LABEL
from training.methods.mixed_weight import MixedWeighting
from training.methods.pasted_boxes import drawn_box, pasted

CORRECT, RELABEL, UNLABELLED = range(3)
FEWEST = 3  # samples of each part, below which an epoch is plain
MOST = 8  # batches that a step takes of one part


class PuriDivER(Method):
    """PuriDivER, its training without its stream: three parts of the data, each with a loss.

    After the warm-up two Gaussians are fitted to the losses of the evaluation pass. What belongs to
    the lower one is correct. Of the others, two Gaussians of the uncertainty 1 - max p part those
    to relabel, of which the network is sure, from those to take as unlabelled. A step has a strong
    view of correct samples, in half of the steps with a box pasted over from one another (CutMix),
    and a weak and a strong view of the others, in proportion to the parts. The loss is cross
    entropy with the given labels; cross entropy of the strong view with g x given label +
    (1 - g) x p of the weak view, where g is the posterior of the lower Gaussian; and the mean
    squared difference of the logits of both views. It is the mean over the samples of a step.

    The paper learns from a stream: a memory of few samples is chosen anew with each batch, and the
    training above is that of the memory. Here the memory is the whole training set and nothing is
    chosen, so only the score is left of the sampler: (1 - a) x the loss + a x the mean cosine to
    the samples of the same given label, both standardised in the class, where the highest would be
    dropped; the cosine is over those features that count more for the class than for the mean
    class. Its a falls where the mean loss is above 1, which here is the evaluation pass's.

    What ours decides: the pass that ends an epoch is logged and parts the samples of the next one.
    The warm-up is ten epochs also of a short run: of a network that knows too little the surest
    samples are not the right ones, and the training falls back (on 800 digits with true labels to a
    test accuracy of 0.60 with one epoch of warm-up, 0.90 with six; 24 epochs, seed 0).
    An epoch of which a part has fewer than three samples is cross entropy on all. A step takes at
    most eight batches of a part. The components of the mixture are put in order, where the released
    code takes g of either one. A weighting multiplies the cross entropy with the given labels.

    Source: Bang et al. (CVPR 2022), Online Continual Learning on a Contaminated Data Stream, and
    the released code.
    """

    arguments = (
        Argument(
            "warmup_epochs",
            10,
            1,
            1e6,
            "epochs",
            "of cross entropy on all samples",
            whole=True,
        ),
        Argument("cutmix", 0.5, 0.0, 1.0, "", "share of the steps with pasted boxes"),
        Argument("cutmix_alpha", 1.0, 0.01, 100.0, "", "of the beta distribution of what stays"),
        Argument("diversity", 0.5, 0.0, 1.0, "", "most that the cosine counts in the score"),
    )
    has_own_loss = True
    changes_labels = True
    pass_name = "evaluation"
    state = (
        MethodColumn(
            "puri_state",
            unit="",
            range="correct, relabel or unlabelled",
            meaning="what the sample is taken for in the next epoch, if that is past the warm-up",
            dtype="int32",
            categories=("correct", "relabel", "unlabelled"),
        ),
        MethodColumn(
            "puri_score",
            unit="standard deviations",
            range="(-inf, inf)",
            meaning="loss, and likeness to the samples of the same given label, against the "
            "class's mean; the paper's memory would drop the highest",
            higher_means="mislabeled",
        ),
        METHOD_LABEL,
    )
    metrics = (
        MethodMetric("correct", "fraction", "samples taken for correct after this epoch"),
        MethodMetric("relabel", "fraction", "samples to relabel after this epoch"),
    )
    group: Tensor
    """(N,), int64: CORRECT, RELABEL or UNLABELLED."""
    trust: Tensor
    """(N,), in [0, 1]: posterior of the Gaussian of small losses."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.weighting = MixedWeighting(config, sizes)
        self.network = parts.new_network(config, sizes)
        self.optimizers = [parts.new_optimizer(config, self.network.parameters())]
        self.register_buffer("group", torch.zeros(sizes.n_samples, dtype=torch.int64))
        self.register_buffer("trust", torch.ones(sizes.n_samples))
        self.to(sizes.device)

    def stage(self, epoch: int) -> str:
        return "warm-up" if epoch <= self.args["warmup_epochs"] else "three parts"

    def n_passes(self, epoch: int) -> float:
        n_parts = self.group.bincount(minlength=3).tolist()
        if not self._is_parted(epoch, n_parts):
            return 2.0  # a training and an evaluation pass
        n_steps, sizes = batch_sizes(n_parts, self.config.batch_size)
        return 1.0 + (n_parts[CORRECT] + 2 * n_steps * sum(sizes)) / len(self.group)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        rows = [(self.group == part).nonzero()[:, 0].cpu() for part in range(3)]
        self.train()
        if self._is_parted(epoch, [len(part) for part in rows]):
            self._train_on_parts(rows, data)
        else:
            for batch in data.batches(augment="strong"):
                with autocast(self.sizes.device):
                    out = self.network(batch.images)
                logits = out.loss_logits(self.config.normalize_logits)
                losses = cross_entropy(logits, batch.given_label)
                objective = (self.weighting.weight[batch.sample_id] * losses).mean()
                parts.descend(self.optimizers[0], parts.penalised(objective, out, self.config))
        self._evaluate(data, record)

    def epoch_metrics(self) -> dict[str, float]:
        correct, relabel, _ = (self.group.bincount(minlength=3) / len(self.group)).tolist()
        return {"correct": correct, "relabel": relabel}

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction([self.network], images)

    def _is_parted(self, epoch: int, n_parts: list[int]) -> bool:
        return epoch > self.args["warmup_epochs"] and min(n_parts) >= FEWEST

    def _train_on_parts(self, rows: list[Tensor], data: EpochData) -> None:
        """Train for an epoch over the correct samples; `rows` are the samples of each part, CPU."""
        n_steps, sizes = batch_sizes([len(part) for part in rows], data.batch_size)
        orders = [
            shuffled(part, n_steps * size, data.generator)
            for part, size in zip(rows[RELABEL:], sizes, strict=True)
        ]
        relabel, unlabelled = (
            data.batches(order, views=2, augment=("weak", "strong"), batch_size=size)
            for order, size in zip(orders, sizes, strict=True)
        )
        order = shuffled(rows[CORRECT], len(rows[CORRECT]), data.generator)
        correct = data.batches(order, augment="strong")
        for batches in zip(correct, relabel, unlabelled, strict=True):
            parts.descend(self.optimizers[0], self._objective(*batches, data.rng))

    def _objective(
        self, correct: Batch, relabel: Batch, unlabelled: Batch, rng: np.random.Generator
    ) -> Tensor:
        """Return the number that a step makes smaller."""
        images, n, pasting = correct.images, len(correct.sample_id), None
        if rng.random() < self.args["cutmix"]:
            height, width = images.shape[2:]
            alpha = self.args["cutmix_alpha"]
            box = drawn_box(height, width, float(rng.beta(alpha, alpha)), rng)
            other = torch.from_numpy(rng.permutation(n)).to(images.device)
            images, share = pasted(images, other, box)
            pasting = other, share
        with autocast(self.sizes.device):
            out = self.network(torch.cat([images, *relabel.views, *unlabelled.views]))
        logits = out.loss_logits(self.config.normalize_logits)
        counts = [n, *[len(relabel.sample_id)] * 2, *[len(unlabelled.sample_id)] * 2]
        own, weak, strong, weak_unlabelled, strong_unlabelled = logits.split(counts)
        given = F.one_hot(correct.given_label, self.sizes.n_classes).float()
        if pasting is None:
            factor, target = self.weighting.weight[correct.sample_id], given
        else:
            other, share = pasting
            mine = Forward(out.logits[:n], out.features[:n], out.class_vectors)
            factor = self.weighting.of_mixed(
                mine, given, share, other, correct.sample_id, correct.epoch
            )
            target = share * given + (1 - share) * given[other]
        losses = factor * mixmatch.soft_cross_entropy(own, target)
        trust = self.trust[relabel.sample_id]
        relabelled = mixmatch.half_given(relabel.given_label, weak.detach().softmax(dim=1), trust)
        relabel_losses = mixmatch.soft_cross_entropy(strong, relabelled)
        differences = ((weak_unlabelled - strong_unlabelled) ** 2).mean(dim=1)
        objective = torch.cat([losses, relabel_losses, differences]).mean()
        return parts.penalised(objective, out, self.config)

    @torch.no_grad()
    def _evaluate(self, data: EpochData, record: Record) -> None:
        """Log the evaluation pass, part the samples of the next epoch, and score them."""
        probs, features, losses = [], [], []
        for out, batch in evaluated(self.network, data):
            log = parts.evaluation_log(out, batch)
            record(batch.sample_id, self.weighting.weighed(log, batch))
            probs.append(out.logits.softmax(dim=1))
            features.append(out.features)
            losses.append(log.loss)
        prob, loss, given_label = torch.cat(probs), torch.cat(losses), data.given_label
        group, trust = parted(loss.cpu().numpy(), (1 - prob.amax(dim=1)).cpu().numpy())
        self.group.copy_(torch.from_numpy(group))
        self.trust.copy_(torch.from_numpy(trust))
        likeness = likeness_to_class(torch.cat(features), out.class_vectors, given_label)
        share = diversity_share(self.args["diversity"], float(loss.mean()))
        score = (1 - share) * standardised(loss, given_label)
        score = score + share * standardised(likeness, given_label)
        everyone = torch.arange(data.n_samples, device=loss.device)
        record(everyone, None, state={"puri_state": self.group, "puri_score": score})
        known = (self.group != UNLABELLED).nonzero()[:, 0]
        label = mixmatch.half_given(given_label, prob, self.trust).argmax(dim=1)
        label = torch.where(self.group == CORRECT, given_label, label)
        record(known, None, state={"method_label": label[known]})


def parted(loss: np.ndarray, uncertainty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of each sample, (N,) int64, and how far its given label is believed.

    Parameters
    ----------
    loss, uncertainty : ndarray of shape (N,)
        Of the given label, and of the prediction.

    Returns
    -------
    part : ndarray of shape (N,)
        CORRECT, RELABEL or UNLABELLED. All CORRECT where all losses are the same.
    trust : ndarray of shape (N,)
        Posterior of the Gaussian of small losses, in [0, 1].
    """
    trust = divide_mix_posterior(loss)
    doubted = trust < 0.5
    part = np.where(doubted, UNLABELLED, CORRECT)
    sure = divide_mix_posterior(uncertainty[doubted]) >= 0.5
    part[doubted] = np.where(sure, RELABEL, UNLABELLED)
    return part, trust


def batch_sizes(n_parts: list[int], batch_size: int) -> tuple[int, list[int]]:
    """Return how many steps an epoch over the correct samples has, and the others' batch sizes.

    Examples
    --------
    >>> batch_sizes([100, 50, 3], 16)
    (7, [8, 2])
    >>> batch_sizes([3, 5000, 3000], 16)
    (1, [128, 128])
    """
    correct, *others = n_parts
    sizes = [min(max(batch_size * n // correct, 2), MOST * batch_size) for n in others]
    return -(-correct // batch_size), sizes


def shuffled(rows: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Return `n` of the rows (M,) in a random order, which begins anew once all have come."""
    rounds = range(-(-n // len(rows)))
    orders = [rows[torch.randperm(len(rows), generator=generator)] for _ in rounds]
    return torch.cat(orders)[:n]


def diversity_share(highest: float, loss: float) -> float:
    """Return how far the cosine counts in the score: less where the mean loss is above 1 nat.

    Examples
    --------
    >>> [diversity_share(0.5, loss) for loss in (0.4, 1.0, 2.5)]
    [0.5, 0.5, 0.2]
    """
    return highest / max(loss, 1.0)


def likeness_to_class(features: Tensor, class_vectors: Tensor, given_label: Tensor) -> Tensor:
    """Return each sample's mean cosine to all samples of its given class, itself too, (N,).

    Parameters
    ----------
    features : Tensor of shape (N, D)
        Of which those count whose weight for the class is above its mean over the classes.
    class_vectors : Tensor of shape (C, D)
    given_label : Tensor of shape (N,), int64
    """
    counts = (class_vectors > class_vectors.mean(dim=0)).to(features.dtype)  # (C, D)
    directions = F.normalize(features * counts[given_label], dim=1)
    return (directions * class_means(directions, given_label)).sum(dim=1)


def standardised(values: Tensor, given_label: Tensor) -> Tensor:
    """Return values (N,) less their class's mean, in its standard deviations; 0 where all equal."""
    away = values - class_means(values[:, None], given_label)[:, 0]
    spread = class_means(away[:, None] ** 2, given_label)[:, 0].sqrt()
    return torch.where(spread > 0, away / spread, 0.0)


def class_means(values: Tensor, given_label: Tensor) -> Tensor:
    """Return for each sample the mean of the values (N, D) of its given class, (N, D)."""
    n = int(given_label.max()) + 1
    sums = values.new_zeros(n, values.shape[1]).index_add_(0, given_label, values)
    return (sums / given_label.bincount(minlength=n).clamp(min=1)[:, None])[given_label]

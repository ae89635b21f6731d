"""Sel-CL: contrast by pairs of samples whose common label can be believed."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import get_ema_multi_avg_fn

from hmw_core.catalogue import Argument, Choice
from hmw_core.errors import UsageError
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.objective.batch import Batch
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Sizes
from training.methods.contrast import Projection, contrastive_loss
from training.methods.embedding_queue import EmbeddingQueue, Past
from training.methods.fine_tuned import FineTuned, fine_tuning
from training.methods.moving_average import MovingAverage
from training.methods.neighbour_checked import (
    CONTRAST,
    KNN_AGREEMENT,
    MIXUP_ALPHA,
    N_EMBEDDED,
    NEIGHBOURS,
    TEMPERATURE,
    NeighbourChecked,
    interpolated_loss,
    memory_arguments,
    stacked,
)
from training.methods.neighbour_votes import CHUNK

PUBLISHED, TUNED = 250, 70  # epochs of the source's training, and of its fine-tuning
N_INSTANCES = 10_000  # past embeddings of unmixed views that are kept
LARGEST_GRADIENT = 0.25  # norm of the gradient of the pairs' similarity
BINS = 2**20  # of a cosine, so that a quantile of very many is exact to 2e-6


def _arguments(published: int) -> tuple[Argument | Choice, ...]:
    """Return Sel-CL's arguments, scaled from a training of so many epochs."""
    return (
        Argument(
            "warmup_epochs",
            1,
            1,
            1e6,
            "epochs",
            "of contrast without any label",
            whole=True,
            of_epochs=published,
        ),
        Argument(
            "alpha",
            0.5,
            0.0,
            1.0,
            "",
            "quantile over the classes of the number that agree: so many of each are confident",
        ),
        Argument(
            "beta",
            0.25,
            0.0,
            1.0,
            "",
            "quantile of the cosines of confident samples' pairs that any other pair must reach",
        ),
        *memory_arguments(1000, published),
        Argument("lambda_c", 1.0, 0.0, 1e4, "", "weight of the classification"),
        Argument("lambda_s", 0.01, 0.0, 1e4, "", "weight of the pairs' similarity"),
        Argument("ema_decay", 0.999, 0.0, 0.99999, "", "share that the slow copy keeps in a step"),
        NEIGHBOURS,
        TEMPERATURE,
        MIXUP_ALPHA,
    )


class SelCL(NeighbourChecked):
    """Sel-CL: mixed pictures are contrasted by pairs of samples that are confident of their label.

    A warm-up contrasts each picture's two views with past ones, without labels; the keys are
    embeddings of a slow copy of the network. From its last epoch on the neighbours check the
    labels, as in MOIT, and leave as many confident samples of each class as the alpha-quantile over
    the classes of those that agree. Confident pairs have the same given label: any two confident
    samples, and others whose embeddings are at least as near as the beta-quantile of those pairs.

    Then each step mixes two strong views of a batch. A view's positives are the confident partners
    of its own sample, and of the one mixed in, by their shares, in the batch and among past
    embeddings of the slow copy. A sample without a partner has the loss of the warm-up instead.
    Mixtures of confident samples alone, drawn with replacement, are classified: a weighting
    multiplies their losses. And the predictions of a confident pair are pulled together, all others
    apart, by a small term whose gradient is clipped.

    The slow copy starts as the network and comes to keep `ema_decay` in a step as the mean over
    all steps does, (1 + step) / (10 + step): 0.999 from the first step on would leave a run of a
    few hundred steps with an untrained copy. An own past view is no negative of a picture.

    Source: Li et al. (CVPR 2022), Algorithm 1, and what is known of the released code.
    """

    arguments = _arguments(PUBLISHED)
    state = (
        KNN_AGREEMENT,
        MethodColumn(
            "selcl_member",
            unit="",
            range="true or false",
            meaning="whether the sample is one of the confident of its class",
            dtype="bool",
            higher_means="clean",
            over="mean",
        ),
        MethodColumn(
            "selcl_degree",
            unit="samples",
            range="0 or more",
            meaning="with how many samples it is a confident pair",
            dtype="int32",
            higher_means="clean",
        ),
    )
    metrics = (
        MethodMetric("pair_threshold", "cosine", "that a pair not of confident samples must reach"),
    )
    embedding: Tensor
    """(N, P), of the last check, as are the next two."""
    threshold: Tensor
    """(), a cosine; inf where confident samples make no pair."""
    degree: Tensor
    """(N,), int64."""
    step: Tensor
    """(), int64, on the CPU: steps taken."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.refuse_long_warmup(config.epochs - 1)
        self.slow = MovingAverage(config, sizes, self.network)
        self.slow_projection = Projection(self.network.backbone.n_features, N_EMBEDDED)
        self.slow_projection.to(sizes.device).requires_grad_(False)
        self.slow_projection.load_state_dict(self.projection.state_dict())
        length = min(self.args["memory_per_class"] * sizes.n_classes, sizes.n_samples)
        self.queue = EmbeddingQueue(2 * length, N_EMBEDDED, sizes.device)
        length = min(N_INSTANCES, sizes.n_samples)
        self.instances = EmbeddingQueue(length, N_EMBEDDED, sizes.device)
        empty = torch.zeros(sizes.n_samples, N_EMBEDDED, device=sizes.device)
        self.register_buffer("embedding", empty)
        self.register_buffer("threshold", torch.full((), torch.inf, device=sizes.device))
        self.register_buffer("degree", torch.zeros_like(self.better_label))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def refuse_long_warmup(self, longest: int) -> None:
        """Raise UsageError if the warm-up has more epochs than this."""
        n = self.args["warmup_epochs"]
        if n > longest:
            raise UsageError(
                f"method {self.config.method!r} learns no label in its warm-up of {n} epochs, and "
                f"here it may have {longest}: give more --epochs, or a smaller warmup_epochs by "
                "--method-args"
            )

    def stage(self, epoch: int) -> str | None:
        return "warm-up" if epoch <= self.args["warmup_epochs"] else "train"

    def n_passes(self, epoch: int) -> float:
        return 3.0 if epoch <= self.args["warmup_epochs"] else 5.0

    def epoch_metrics(self) -> dict[str, float]:
        threshold = float(self.threshold)
        return {"pair_threshold": threshold} if threshold <= 1 else {}

    def checks(self, epoch: int) -> bool:
        return epoch >= self.args["warmup_epochs"]

    def check(self, embedding: Tensor, data: EpochData, quantile: float = 0.5) -> None:
        super().check(embedding, data, self.args["alpha"])
        self.embedding.copy_(embedding)
        told = self.embedding, data.given_label, self.is_clean
        self.threshold.copy_(pair_threshold(*told, self.args["beta"]))
        self.degree.copy_(degrees(*told, self.threshold))

    def sample_state(self) -> dict[str, Tensor]:
        return {
            "knn_agreement": self.agreement,
            "selcl_member": self.is_clean,
            "selcl_degree": self.degree,
        }

    def train_epoch(self, data: EpochData) -> None:
        batches = data.batches(augment=(CONTRAST, CONTRAST))
        if data.epoch <= self.args["warmup_epochs"]:
            for batch in batches:
                self._warm_up(batch)
            return
        rows = self.is_clean.nonzero()[:, 0].cpu()
        drawn = torch.randint(len(rows), (len(data.training_id),), generator=data.generator)
        confident = data.batches(rows[drawn], augment=(CONTRAST, CONTRAST))
        for batch, other in zip(batches, confident, strict=True):
            self._step(batch, other, data)

    def _warm_up(self, batch: Batch) -> None:
        """Take one step on two views, without labels."""
        first, second = batch.views
        _, embedding = self.embed(first)
        keys = self._slow_embedding(second)
        losses = self._instance_losses(embedding, keys, batch.sample_id, self.instances.past())
        parts.descend(self.optimizers[0], losses.mean())
        self.instances.put(keys, batch.given_label, batch.sample_id)
        self._follow()

    def _step(self, batch: Batch, confident: Batch, data: EpochData) -> None:
        """Take one step on two views of any samples, and on two of confident ones."""
        first, second = batch.views
        sample_id, n = batch.sample_id, len(batch.sample_id)
        past, uses_queue = self.queue.past(), batch.epoch >= self.args["memory_epoch"]
        if not uses_queue:
            past = Past(*(part[:0] for part in past))
        in_batch = self._pairs(batch, sample_id, batch.given_label)  # (B, B)
        in_queue = self._pairs(batch, past.sample_id, past.label)  # (B, K)
        n_partners = partners(in_batch, sample_id, sample_id)
        n_partners = n_partners + partners(in_queue, sample_id, past.sample_id)
        is_lonely = n_partners < (2 if uses_queue else 1)
        lonely = is_lonely.nonzero()[:, 0]

        mixtures = self.mixtures([first, second], self.one_hot(batch.given_label), data)
        own, partner, share = stacked(mixtures, torch.arange(n, device=sample_id.device))
        mixed = [m.images for m in mixtures]
        out, embedding = self.embed(torch.cat([*mixed, first[lonely]]))
        slow = self._slow_embedding(torch.cat([*mixed, second]))
        anchors, keys = embedding[: 2 * n], slow[2 * n :]

        itself = torch.eye(2 * n, dtype=torch.bool, device=own.device)
        temperature = self.args["temperature"]
        dominant, minor = in_batch[own][:, own], in_batch[partner][:, own]
        losses = interpolated_loss(anchors, anchors, dominant, minor, share, temperature, itself)
        if len(past.label):
            losses = losses + interpolated_loss(
                anchors, past.embedding, in_queue[own], in_queue[partner], share, temperature
            )
        # A sample's own two keys: first those that are lonely, so that each finds its own.
        order = torch.cat([lonely, (~is_lonely).nonzero()[:, 0]])
        instance_losses = self._instance_losses(
            embedding[2 * n :], keys[order], sample_id[order], self.instances.past()
        )
        contrast = (losses.reshape(2, n).mean(dim=0) * ~is_lonely).sum() + instance_losses.sum()
        objective = contrast / n + self.args["lambda_c"] * self._classified(confident, data)

        target = share[:, None] * dominant + (1 - share[:, None]) * minor
        similarity = similarity_loss(out.logits[: 2 * n], target)
        self._descend(objective, self.args["lambda_s"] * similarity)
        self.queue.put(slow[: 2 * n], batch.given_label[own], sample_id[own])
        self.instances.put(keys, batch.given_label, sample_id)
        self._follow()

    def _descend(self, objective: Tensor, clipped: Tensor) -> None:
        """Take one step towards a smaller sum, of which one part's gradient is clipped."""
        optimizer = self.optimizers[0]
        optimizer.zero_grad(set_to_none=True)
        clipped.backward(retain_graph=True)
        clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        objective.backward()
        optimizer.step()

    def _classified(self, batch: Batch, data: EpochData) -> Tensor:
        """Return the mean cross entropy of mixtures of two views of confident samples."""
        mixtures = self.mixtures(batch.views, self.one_hot(batch.given_label), data)
        with autocast(self.sizes.device):
            out = self.network(torch.cat([m.images for m in mixtures]))
        losses = self.soft_losses(out, torch.cat([m.targets for m in mixtures]))
        objective = (self.factor(out, batch, mixtures) * losses).mean()
        return parts.penalised(objective, out, self.config)

    def _pairs(self, batch: Batch, sample_id: Tensor, label: Tensor) -> Tensor:
        """Return which samples (K,) of a label (K,) are positives of the batch's, (B, K) bool."""
        pairs = confident_pairs(
            self.embedding[batch.sample_id] @ self.embedding[sample_id].T,
            batch.given_label[:, None] == label,
            self.is_clean[batch.sample_id][:, None] & self.is_clean[sample_id],
            self.threshold,
        )
        return pairs | (batch.sample_id[:, None] == sample_id)

    def _instance_losses(
        self, embedding: Tensor, keys: Tensor, sample_id: Tensor, past: Past
    ) -> Tensor:
        """Return the contrast (A,) of views with the slow embedding of the same pictures' others.

        Of `keys` (B, P) and their samples (B,) the first A are those of `embedding` (A, P).
        """
        all_keys, owner = torch.cat([keys, past.embedding]), torch.cat([sample_id, past.sample_id])
        positive = torch.eye(
            len(embedding), len(all_keys), dtype=torch.bool, device=embedding.device
        )
        is_own = sample_id[: len(embedding), None] == owner
        return contrastive_loss(
            embedding, all_keys, positive, self.args["temperature"], is_own & ~positive
        )

    @torch.no_grad()
    def _slow_embedding(self, images: Tensor) -> Tensor:
        """Return the slow copy's embeddings (B, P), in training mode as the source's is."""
        with autocast(self.sizes.device):
            out = self.slow.network(images)
        return self.slow_projection(out.features)

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the slow copy follow by a step."""
        step = int(self.step)
        decay = min(self.args["ema_decay"], (1 + step) / (10 + step))
        self.slow.follow(self.network, decay)
        mine, theirs = ([*p.parameters()] for p in (self.slow_projection, self.projection))
        get_ema_multi_avg_fn(decay)(mine, theirs, None)
        self.step += 1


class SelCLPlus(FineTuned, SelCL):
    """Sel-CL+: Sel-CL, then a new classifier and the network are fine-tuned on the confident.

    They are the last ones of Sel-CL and stay; what the log says of the neighbours does, too. The
    source goes on from the last network that it saved, which it does every ten epochs.

    Source: Li et al. (CVPR 2022), and what is known of the released code.
    """

    arguments = _arguments(PUBLISHED + TUNED) + fine_tuning(PUBLISHED, TUNED, bootstrap_after=30)

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.refuse_long_warmup(self.args["train_epochs"])

    def stage(self, epoch: int) -> str | None:
        name = self.stages.of(epoch).name
        return super(FineTuned, self).stage(epoch) if name == "train" else name


def confident_pairs(
    cosine: Tensor, is_same_label: Tensor, are_confident: Tensor, threshold: Tensor
) -> Tensor:
    """Return which pairs are confident, bool.

    Parameters
    ----------
    cosine, is_same_label, are_confident : Tensors of one shape
        Of each pair: the cosine of the embeddings, whether the given labels are the same, and
        whether both samples are confident.
    threshold : Tensor of shape ()
        Cosine that other pairs of the same label must reach.

    Notes
    -----
    Source: Li et al. (CVPR 2022), Sel-CL, Eqs. 5-7.
    """
    return is_same_label & (are_confident | (cosine >= threshold))


def classes(
    embedding: Tensor, label: Tensor, among: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield samples (R,), all of their label (M,), and the cosines of both, (R, M), in chunks.

    Parameters
    ----------
    embedding : Tensor of shape (N, P)
        Of length 1.
    label : Tensor of shape (N,), int64
    among : Tensor of shape (N,), bool, optional
        The samples that count. Default: all.
    """
    rows = torch.arange(len(label), device=label.device) if among is None else among.nonzero()[:, 0]
    rows = rows[label[rows].argsort(stable=True)]
    for members in rows.split(label[rows].unique_consecutive(return_counts=True)[1].tolist()):
        for chunk in members.split(CHUNK):
            yield chunk, members, embedding[chunk] @ embedding[members].T


def pair_threshold(
    embedding: Tensor, label: Tensor, is_confident: Tensor, quantile: float
) -> Tensor:
    """Return the quantile of the cosines of all pairs of confident samples of a label, ().

    The cosine of that rank, rounded down by at most 2e-6; inf where there is no pair. Arguments as
    of `classes`; `quantile` in [0, 1].
    """
    counts = torch.zeros(BINS, dtype=torch.int64, device=label.device)
    for rows, members, cosine in classes(embedding, label, is_confident):
        others = cosine[rows[:, None] != members].double()  # which hold all edges of bins exactly
        place = ((others + 1) * (BINS / 2)).long().clamp(0, BINS - 1)
        counts += place.bincount(minlength=BINS)
    n_up_to = counts.cumsum(0)
    n_pairs = int(n_up_to[-1])
    if n_pairs == 0:
        return torch.full((), torch.inf, device=label.device)
    rank = int(quantile * (n_pairs - 1))
    return ((n_up_to > rank).int().argmax() * (2 / BINS) - 1).float()


def degrees(embedding: Tensor, label: Tensor, is_confident: Tensor, threshold: Tensor) -> Tensor:
    """Return with how many others each sample is a confident pair, (N,) int64.

    Arguments as of `pair_threshold` and `confident_pairs`.
    """
    degree = torch.zeros_like(label)
    for rows, members, cosine in classes(embedding, label):
        both = is_confident[rows][:, None] & is_confident[members]
        pairs = confident_pairs(cosine, torch.ones_like(both), both, threshold)
        degree[rows] = partners(pairs, rows, members)
    return degree


def partners(pairs: Tensor, sample_id: Tensor, key_id: Tensor) -> Tensor:
    """Return how many keys (K,) a sample (B,) has as pairs (B, K) beside itself, (B,) int64."""
    return (pairs & (sample_id[:, None] != key_id)).sum(dim=1)


def similarity_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return how far the products of predictions are from saying which rows are pairs, (), nat.

    The mean binary cross entropy of <p_i, p_j>, over all rows i and all other rows j.

    Parameters
    ----------
    logits : Tensor of shape (B, C)
    target : Tensor of shape (B, B)
        In [0, 1]: how far a row is a pair with each other one; the diagonal does not count.

    Notes
    -----
    Source: Li et al. (CVPR 2022), Sel-CL, the similarity loss.
    """
    probs = logits.float().softmax(dim=1)
    same = (probs @ probs.T).clamp(0, 1)
    others = 1 - torch.eye(len(probs), device=probs.device)
    return F.binary_cross_entropy(same, target, weight=others, reduction="sum") / others.sum()

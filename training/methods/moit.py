"""MOIT: contrast and classification of mixed pictures; neighbours tell which labels are wrong."""

import torch
from torch import Tensor

from hmw_core.catalogue import Argument, Choice
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods import parts
from training.methods.base import Sizes
from training.methods.embedding_queue import EmbeddingQueue
from training.methods.fine_tuned import FineTuned, fine_tuning
from training.methods.label_tables import METHOD_LABEL
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
    same_label,
    stacked,
)

CLEAN, AGREES, DISAGREES = range(3)
OWN, DOMINANT = "own", "dominant"
PUBLISHED, TUNED = 250, 70  # epochs of the source's training, and of its fine-tuning


def _arguments(published: int) -> tuple[Argument | Choice, ...]:
    """Return MOIT's arguments, scaled from a training of so many epochs."""
    return (
        Argument(
            "given_epochs",
            130,
            0,
            1e6,
            "epochs",
            "that classify all samples by their given labels; then those that neighbours doubt "
            "train on the network's own predictions",
            whole=True,
            of_epochs=published,
        ),
        *memory_arguments(100, published),
        NEIGHBOURS,
        TEMPERATURE,
        MIXUP_ALPHA,
        Choice(
            "flagged_by",
            OWN,
            (OWN, DOMINANT),
            "of a mixed picture each label is dropped if its own sample is doubted, or both if "
            "the one of the larger share is, as in the released code",
        ),
    )


class MOIT(NeighbourChecked):
    """MOIT: mixed pictures are contrasted and classified, and neighbours check the labels.

    Each step mixes two strong views of a batch, each with partners of its own. The embeddings of
    the mixed views are contrasted: positives of a mixture are the views whose own label is that of
    its larger part, and those whose own label is that of its smaller part, by their shares. The
    same once more against the embeddings of past batches, which the batch then joins; they are
    never of more than an epoch. Beside that the mixtures are classified.

    At the end of each epoch the nearest neighbours of every sample, by the embedding of its plain
    picture, vote on its label, twice: the second time with the labels that the first one corrected.
    The samples that agree best, as many of each class, are the clean set. After `given_epochs` all
    others are classified by what the network says of their plain picture, in training mode, as
    that is the pass beside it. A weighting multiplies the part of the loss that has given labels.

    Source: Ortego et al. (CVPR 2021), and what is known of the released code at f36c3e7.
    """

    arguments = _arguments(PUBLISHED)
    changes_labels = True
    state = (
        KNN_AGREEMENT,
        MethodColumn(
            "group",
            unit="",
            range="clean set, agrees or disagrees",
            meaning="in the balanced clean set; else whether the neighbours agree with the given "
            "label",
            dtype="int32",
            categories=("clean set", "agrees", "disagrees"),
        ),
        METHOD_LABEL,
    )

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        length = min(self.args["memory_per_class"] * sizes.n_classes, sizes.n_samples)
        self.queue = EmbeddingQueue(2 * length, N_EMBEDDED, sizes.device)

    def n_passes(self, epoch: int) -> float:
        return 3.0 + (epoch > self.args["given_epochs"])

    def train_epoch(self, data: EpochData) -> None:
        plain = ["none"] if data.epoch > self.args["given_epochs"] else []
        for batch in data.batches(augment=(CONTRAST, CONTRAST, *plain)):
            self._step(batch, data)

    def sample_state(self) -> dict[str, Tensor]:
        group = torch.where(self.agrees, AGREES, DISAGREES)
        return {
            "knn_agreement": self.agreement,
            "group": torch.where(self.is_clean, CLEAN, group),
            "method_label": self.better_label,
        }

    def _step(self, batch: Batch, data: EpochData) -> None:
        """Take one step on a batch of two views, or of three, of which the last one is plain."""
        first, second, *plain = batch.views
        given = self.one_hot(batch.given_label)
        believed = torch.ones_like(batch.given_label, dtype=torch.bool)
        guess = torch.zeros_like(given)
        if plain:
            believed = self.is_clean[batch.sample_id]
            with torch.no_grad():
                guess = self.embed(plain[0])[0].logits.float().softmax(dim=1)
        trust = believed[:, None].float()
        # The parts of the target are kept apart: only the given labels have a weight.
        by_dominant = self.args["flagged_by"] == DOMINANT
        labelled = given if by_dominant else trust * given
        targets = torch.cat([labelled, (1 - trust) * guess], dim=1)
        mixtures = self.mixtures([first, second], targets, data)
        out, embedding = self.embed(torch.cat([m.images for m in mixtures]))
        labelled, guessed = torch.cat([m.targets for m in mixtures]).chunk(2, dim=1)
        if by_dominant:
            labelled = trust.repeat(2, 1) * labelled
        factor = self.factor(out, batch, mixtures, believed)
        losses = self.soft_losses(out, factor[:, None] * labelled + guessed)

        own, partner, share = stacked(mixtures, batch.given_label)
        itself = torch.eye(len(own), dtype=torch.bool, device=own.device)
        temperature, past = self.args["temperature"], self.queue.past()
        losses = losses + interpolated_loss(
            embedding,
            embedding,
            same_label(own, own),
            same_label(partner, own),
            share,
            temperature,
            itself,
        )
        if batch.epoch >= self.args["memory_epoch"] and len(past.label):
            keys = same_label(own, past.label), same_label(partner, past.label)
            losses = losses + interpolated_loss(
                embedding, past.embedding, *keys, share, temperature
            )
        parts.descend(self.optimizers[0], parts.penalised(losses.mean(), out, self.config))
        self.queue.put(embedding.detach(), own, batch.sample_id.repeat(2))


class MOITPlus(FineTuned, MOIT):
    """MOIT+: MOIT, then a new classifier and the network are fine-tuned on the clean set.

    The clean set is MOIT's last one and stays; what the log says of the neighbours does, too.

    Source: Ortego et al. (CVPR 2021), Section 3.4, and what is known of the released code at
    f36c3e7.
    """

    arguments = _arguments(PUBLISHED + TUNED) + fine_tuning(PUBLISHED, TUNED, bootstrap_after=30)

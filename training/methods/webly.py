"""Webly supervised learning: a noise layer from the relationship graph of the classes."""

from typing import Any

import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.class_limit import check_classes
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.base import Record, Sizes
from training.methods.one_network import OneNetwork, Step
from training.methods.stages import Stages
from training.methods.transition import predicted_probs, through

N_RELATED = 5  # classes that the graph keeps of each
FINE_TUNING = 0.1  # of the learning rate
EASY, ADAPT = "easy", "adapt"


def relationship_graph(probs: Tensor, given_label: Tensor, n_related: int = N_RELATED) -> Tensor:
    """Return which classes the samples of a given label are taken for, (C, C), rows sum to 1.

    Parameters
    ----------
    probs : Tensor of shape (N, C)
        What a network predicts.
    given_label : Tensor of shape (N,), int64
    n_related : int
        Largest entries of a row that are kept; C or fewer classes are all kept.

    Returns
    -------
    Tensor of shape (C, C)
        R[i, j], the mean probability of class j over the samples of given label i. The row of a
        label that no sample has is the identity's.

    Notes
    -----
    Source: Chen and Gupta (ICCV 2015), Webly Supervised Learning, the relationship graph.
    """
    n_classes = probs.shape[1]
    counts = given_label.bincount(minlength=n_classes)[:, None]
    sums = probs.new_zeros(n_classes, n_classes).index_add_(0, given_label, probs)
    means = torch.where(counts > 0, sums / counts.clamp_min(1), torch.eye(n_classes).to(probs))
    largest = means.topk(min(n_related, n_classes), dim=1)
    graph = torch.zeros_like(means).scatter_(1, largest.indices, largest.values)
    return graph / graph.sum(dim=1, keepdim=True)


def adaptation_layer(graph: Tensor) -> Tensor:
    """Return P(given | class), (C, C), rows sum to 1, of a graph R[given, class].

    Every given label counts alike, however many samples have it. A class that the samples of no
    label are taken for keeps its own: its row is the identity's.
    """
    columns = graph.T
    total = columns.sum(dim=1, keepdim=True)
    return torch.where(total > 0, columns / total, torch.eye(len(graph)).to(graph))


class Webly(OneNetwork):
    """Webly supervised learning: a fixed noise layer behind the softmax, made from confusions.

    First comes plain training, on all samples (the source's easy pictures are those of a search
    engine, which other data do not have). Its predictions say which classes the samples of each
    given label are taken for; the five largest entries a label, turned into P(given | class), are
    a layer that is not trained, and the network is fine-tuned through it at a tenth of the
    learning rate. It predicts without the layer. The source states 10 epochs or more of the first
    stage and no total: ours gives each stage half of the run.

    Source: Chen and Gupta (ICCV 2015), Webly Supervised Learning of Convolutional Networks, from
    memory of the paper.
    """

    arguments = (
        Argument(
            "easy_epochs",
            10,
            1,
            1e6,
            "epochs",
            "of plain training, from which the relationship graph is made",
            whole=True,
            of_epochs=20,
        ),
    )
    state = (
        MethodColumn(
            "adaptation_posterior",
            unit="",
            range="[0, 1]",
            meaning="probability that the given label is the class itself, by the prediction and "
            "the noise layer; known from the stage `adapt` on",
            higher_means="clean",
        ),
    )
    stages: Stages
    layer: Tensor
    """(C, C), P(given | class); the identity until it is known."""
    is_known: Tensor
    """(), bool, on the CPU."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        check_classes(sizes.n_classes, "a relationship graph")
        n_easy = self.args["easy_epochs"]
        self.stages = Stages(config.method, config.epochs, (EASY, n_easy), (ADAPT, None))
        self.register_buffer("layer", torch.eye(sizes.n_classes, device=sizes.device))
        self.register_buffer("is_known", torch.tensor(False))

    def set_epoch(self, epoch: int) -> float:
        rate = super().set_epoch(epoch)
        if self.stages.of(epoch).name == ADAPT:
            rate *= FINE_TUNING
            self.set_rate(rate)
        return rate

    def n_passes(self, epoch: int) -> float:
        stage = self.stages.of(epoch)
        return 1.0 + (stage.name == ADAPT and epoch == stage.first)

    def facts(self) -> dict[str, Any]:
        if not self.is_known:
            return {}
        return {
            "transition_matrix": self.layer.tolist(),
            "transition_from": "relationship graph",
        }

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        if self.stages.of(epoch).name == EASY:
            self.training_pass(data, record, self.plain_step)
            return
        if not self.is_known:
            probs = predicted_probs(self.network, data, self.config.normalize_logits)
            self.layer.copy_(adaptation_layer(relationship_graph(probs, data.given_label)))
            self.is_known.fill_(True)
            self.optimizers[0].state.clear()  # fine-tuning begins at rest
        self.training_pass(data, record, self.adapted_step)

    def adapted_step(self, out: Forward, batch: Batch) -> Step:
        """Return the step of cross entropy behind the noise layer."""
        log_probs = out.loss_logits(self.config.normalize_logits).log_softmax(dim=1)
        losses, posterior = through(log_probs, self.layer, batch.given_label)
        return Step(losses, state={"adaptation_posterior": posterior.detach()})
